// SPDX-License-Identifier: BSD-3-Clause
// A verdict as headers.
#include "cairn/http/rate_limit.h"

#include <utility>

namespace cairn::cache::http {
namespace {

// Rounded up: who comes again then is let through.
std::string SecondsOf(Millis time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count());
}

// A string of structured fields (RFC 9651), which has printable ASCII only.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char byte : text) {
    if (byte < 0x20 || byte > 0x7E) continue;
    if (byte == '"' || byte == '\\') quoted += '\\';
    quoted += byte;
  }
  return quoted + '"';
}

Response RefusalOf(const Verdict& verdict) {
  Response refusal{.status = verdict.is_counted ? 429 : 503, .headers = {}, .body = {}};
  refusal.headers.Add("Retry-After", SecondsOf(std::max(verdict.retry_after, Millis(1))));
  refusal.headers.Add("Cache-Control", "no-store");
  refusal.headers.Add("Content-Type", "application/problem+json");
  refusal.body = verdict.is_counted ? R"({"title":"Too Many Requests","status":429})"
                                    : R"({"title":"Service Unavailable","status":503})";
  return refusal;
}

}  // namespace

RateLimit::RateLimit(Limiter limiter, RateLimitOptions options)
    : limiter_(std::move(limiter)), options_(std::move(options)) {}

std::string RateLimit::WhoOf(const Request& request) const {
  if (options_.who) return options_.who(request);
  return ClientAddress(request, options_.proxies).LimitKey();
}

std::int64_t RateLimit::CostOf(const Request& request) const {
  return options_.cost ? options_.cost(request) : 1;
}

Result<LimitDecision> RateLimit::Decide(Result<Verdict> verdict) const {
  if (!verdict) return Pass(std::move(verdict));
  LimitDecision decision{.verdict = *verdict};
  if (verdict->is_counted) {
    const std::string name = Quoted(options_.name);
    std::string policy = name + ";q=" + std::to_string(limiter_.limit().count);
    const auto window = std::chrono::floor<std::chrono::seconds>(limiter_.limit().period);
    if (window == limiter_.limit().period) policy += ";w=" + std::to_string(window.count());
    decision.headers.Add("RateLimit-Policy", policy);
    decision.headers.Add("RateLimit", name + ";r=" + std::to_string(verdict->remaining) +
                                          ";t=" + SecondsOf(verdict->reset_after));
  }
  if (verdict->allowed) return decision;
  decision.refusal = RefusalOf(*verdict);
  for (const Header& header : decision.headers)
    decision.refusal->headers.Add(header.name, header.value);
  return decision;
}

Result<LimitDecision> RateLimit::Check(const Request& request) const {
  return Decide(limiter_.Take(WhoOf(request), CostOf(request)));
}

Task<Result<LimitDecision>> RateLimit::CoCheck(Request request) const {
  co_return Decide(co_await limiter_.CoTake(WhoOf(request), CostOf(request)));
}

}  // namespace cairn::cache::http
