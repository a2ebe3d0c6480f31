// SPDX-License-Identifier: BSD-3-Clause
// Limits as HTTP has them, and the mistakes of guides' middlewares.
#include "cairn/http/rate_limit.h"

#include <gtest/gtest.h>

#include "cairn/testkit/network.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::cache::http {
namespace {

using namespace std::chrono_literals;

class HttpLimits : public testing::Test {
 protected:
  RateLimit Make(Limit limit, RateLimitOptions options = {},
                 LimitWhenDown when_down = LimitWhenDown::kAllow) {
    return RateLimit(Limiter(store_, "limit", limit, when_down), std::move(options));
  }
  static Request From(std::string peer, Headers headers = {}) {
    Request request;
    request.peer = std::move(peer);
    request.headers = std::move(headers);
    return request;
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
  const Limit kTwo = {.law = LimitLaw::kFixed, .count = 2, .period = 60s};
};

TEST_F(HttpLimits, HeadersAndRefusal) {
  const RateLimit limit = Make(kTwo, {.name = "per \"minute\""});
  const LimitDecision first = limit.Check(From("192.0.2.1")).value();
  EXPECT_FALSE(first.refusal.has_value());
  EXPECT_EQ(first.headers, (Headers{{"RateLimit-Policy", "\"per \\\"minute\\\"\";q=2;w=60"},
                                    {"RateLimit", "\"per \\\"minute\\\"\";r=1;t=60"}}));
  time_.Advance(500ms);
  EXPECT_FALSE(SyncWait(limit.CoCheck(From("192.0.2.1")))->refusal.has_value());
  const LimitDecision refused = limit.Check(From("192.0.2.1")).value();
  ASSERT_TRUE(refused.refusal.has_value());
  EXPECT_EQ(refused.refusal->status, 429);
  EXPECT_EQ(refused.refusal->headers.Find("Retry-After"), "60");
  EXPECT_EQ(refused.refusal->headers.Find("RateLimit"), "\"per \\\"minute\\\"\";r=0;t=60");
  EXPECT_EQ(refused.refusal->headers.Find("Cache-Control"), "no-store");
  EXPECT_FALSE(limit.Check(From("192.0.2.2"))->refusal.has_value());
  // Who comes again when he was told to is let through.
  time_.Advance(60s);
  EXPECT_FALSE(limit.Check(From("192.0.2.1"))->refusal.has_value());
}

TEST_F(HttpLimits, WindowsThatAreNoSecondsAreNotTold) {
  const RateLimit limit = Make({.count = 5, .period = 1500ms});
  EXPECT_EQ(limit.Check(From("192.0.2.1"))->headers.Find("RateLimit-Policy"), "\"default\";q=5");
}

TEST_F(HttpLimits, WhoAndCostAreTheUsers) {
  const RateLimit limit = Make(kTwo, {.who =
                                          [](const Request& request) {
                                            return std::string(*request.headers.Find("X-Api-Key"));
                                          },
                                      .cost = [](const Request&) { return 2; }});
  EXPECT_FALSE(limit.Check(From("192.0.2.1", {{"X-Api-Key", "a"}}))->refusal.has_value());
  EXPECT_TRUE(limit.Check(From("192.0.2.2", {{"X-Api-Key", "a"}}))->refusal.has_value());
  EXPECT_FALSE(limit.Check(From("192.0.2.2", {{"X-Api-Key", "b"}}))->refusal.has_value());
}

// 003: "the proxy's address as client": behind a proxy all clients share one limit. And its
// remedy, the header's first entry, is whatever the client writes.
TEST_F(HttpLimits, Guide003TheProxysAddressAsClient) {
  const auto guide_peer = [](const Request& request) { return request.peer; };
  const auto guide_header = [](const Request& request) {
    const std::string_view list = *request.headers.Find("X-Forwarded-For");
    return std::string(list.substr(0, list.find(',')));
  };
  const auto proxies = TrustedProxies::Of({"10.0.0.0/8"}).value();
  // How many of six requests pass a limit of two: of three clients, and of one that pretends.
  const auto passed = [&](const char* name, RateLimitOptions options, bool is_one) {
    const RateLimit limit(Limiter(store_, name, kTwo, LimitWhenDown::kAllow), std::move(options));
    int count = 0;
    for (int i = 0; i < 6; ++i) {
      const std::string client = is_one ? "203.0.113.5" : "203.0.113." + std::to_string(i % 3);
      const std::string list = "198.51.100." + std::to_string(i) + ", " + client;
      if (!limit.Check(From("10.0.0.1", {{"X-Forwarded-For", list}}))->refusal) ++count;
    }
    return count;
  };
  EXPECT_EQ(passed("a", {.who = guide_peer}, false), 2);   // wrong: they have two each
  EXPECT_EQ(passed("b", {.who = guide_header}, true), 6);  // wrong: the limit is two
  EXPECT_EQ(passed("c", {.proxies = proxies}, false), 6);
  EXPECT_EQ(passed("d", {.proxies = proxies}, true), 2);
}

// 003: "no Retry-After". With it a client loses nothing by waiting, and it is never 0.
TEST_F(HttpLimits, Guide003NoRetryAfter) {
  const RateLimit limit = Make({.count = 10, .period = 1s, .burst = 1});
  EXPECT_FALSE(limit.Check(From("192.0.2.1"))->refusal.has_value());
  const Response guide{.status = 429, .headers = {}, .body = {}};
  EXPECT_FALSE(guide.headers.Has("Retry-After"));
  const LimitDecision refused = limit.Check(From("192.0.2.1")).value();
  EXPECT_EQ(refused.verdict.retry_after, 100ms);
  EXPECT_EQ(refused.refusal->headers.Find("Retry-After"), "1");
}

// 003: a synchronous client in a server's event loop: while one request's limit is asked for, no
// other is served. By the coroutines they wait together.
TEST_F(HttpLimits, Guide003SynchronousClientBlocksTheLoop) {
  const LinkOptions link{.delay_min = 10ms, .delay_max = 10ms};
  const auto network = Network::Open(time_, {.link = link}).value();
  const Limiter limiter(network->Join("a"), "limit", kTwo, LimitWhenDown::kFail);
  const RateLimit limit(limiter);
  const TimePoint began = time_.Now();
  // The guide's.
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(limit.Check(From("192.0.2." + std::to_string(i))).has_value());
  EXPECT_GE(time_.Now() - began, 100ms);  // wrong: each waits for all before it
  int done = 0;
  const auto ask = [&](std::string peer) -> Task<void> {
    const Result<LimitDecision> decision = co_await limit.CoCheck(From(peer));
    if (decision) ++done;
  };
  for (int i = 0; i < 5; ++i) Detach(ask("192.0.2." + std::to_string(i)));
  time_.Advance(21ms);
  EXPECT_EQ(done, 5);
}

TEST_F(HttpLimits, WhenTheStoreIsDown) {
  const auto check = [&](LimitWhenDown when_down) {
    const Limiter limiter(store_, "limit", kTwo, when_down, {.timeout = 0ms});
    return RateLimit(limiter).Check(From("192.0.2.1"));
  };
  EXPECT_FALSE(check(LimitWhenDown::kAllow)->refusal.has_value());
  EXPECT_TRUE(check(LimitWhenDown::kAllow)->headers.empty());
  EXPECT_EQ(check(LimitWhenDown::kRefuse)->refusal->status, 503);
  EXPECT_TRUE(check(LimitWhenDown::kRefuse)->refusal->headers.Has("Retry-After"));
  EXPECT_FALSE(check(LimitWhenDown::kFail).has_value());
}

TEST_F(HttpLimits, OneIpv6ClientIsOne) {
  const RateLimit limit = Make(kTwo);
  int passed = 0;
  for (int i = 0; i < 6; ++i) {
    if (!limit.Check(From("2001:db8:1:2::" + std::to_string(i)))->refusal) ++passed;
  }
  EXPECT_EQ(passed, 2);
}

}  // namespace
}  // namespace cairn::cache::http
