// SPDX-License-Identifier: BSD-3-Clause
// RateLimit: a limiter (cairn/limiter.h) as HTTP has it: 429, Retry-After, RateLimit headers.
//
//   const TrustedProxies proxies = TrustedProxies::Of({"10.0.0.0/8"}).value();
//   const Limiter limiter(store, "api", {.count = 100, .period = 60s}, LimitWhenDown::kAllow);
//   const RateLimit limit(limiter, {.proxies = proxies});
//   Result<LimitDecision> decision = limit.Check(request);
//   if (decision && decision->refusal) return *decision->refusal;
//   ... the answer, with decision->headers beside its own
//
// Retry-After (RFC 9110, 10.2.3) is when the limiter would let this request through, in seconds,
// rounded up. RateLimit and RateLimit-Policy are those of draft-ietf-httpapi-ratelimit-headers,
// revision 10: `RateLimit: "default";r=99;t=1` and `RateLimit-Policy: "default";q=100;w=60`; a
// window that is not of whole seconds is left out.
//
// Who counts is by default the client's address as cairn/http/client_address.h finds it, so no
// header that a client writes gets him another one.
//
// When the store is down the limiter's LimitWhenDown decides: kAllow lets through, without headers;
// kRefuse answers 503, since it is not the client who did too much; kFail is an error here.
//
// Errors: the limiter's; kInvalid for a cost below 1. Thread safety: any thread; so are `who` and
// `cost` called. Lifetimes: a RateLimit holds its limiter, which holds the store. Cost: one
// command.
#ifndef CAIRN_HTTP_RATE_LIMIT_H_
#define CAIRN_HTTP_RATE_LIMIT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cairn/http/client_address.h"
#include "cairn/http/message.h"
#include "cairn/limiter.h"

namespace cairn::cache::http {

struct RateLimitOptions {
  // What clients are told that the limit is called.
  std::string name = "default";
  TrustedProxies proxies = {};
  // Whom a request counts for: a user, a key of an API. Unset: the client's address.
  std::function<std::string(const Request&)> who = {};
  // As how many. Unset: one.
  std::function<std::int64_t(const Request&)> cost = {};
};

struct LimitDecision {
  std::optional<Response> refusal = {};  // set: this is the answer
  Headers headers = {};                  // for the answer that is given otherwise
  Verdict verdict = {};
};

class RateLimit {
 public:
  explicit RateLimit(Limiter limiter, RateLimitOptions options = {});

  // Charges the request, if it may go through.
  Result<LimitDecision> Check(const Request& request) const;
  Task<Result<LimitDecision>> CoCheck(Request request) const;
  // Whom this request counts for.
  std::string WhoOf(const Request& request) const;

 private:
  std::int64_t CostOf(const Request& request) const;
  Result<LimitDecision> Decide(Result<Verdict> verdict) const;

  Limiter limiter_;
  RateLimitOptions options_;
};

}  // namespace cairn::cache::http

#endif  // CAIRN_HTTP_RATE_LIMIT_H_
