// SPDX-License-Identifier: BSD-3-Clause
// Limiters over an embedded store, by virtual time. Where a guide's limiter breaks, its algorithm
// stands first.
#include "cairn/limiter.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <type_traits>
#include <vector>

#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

constexpr Limit kFiveASecond{.law = LimitLaw::kSliding, .count = 5, .period = 1000ms};

class Limits : public testing::Test {
 protected:
  Limiter Make(Limit limit) { return Limiter(store_, "limit", limit, LimitWhenDown::kFail); }
  Reply Call(const Command& command) { return store_.client().Call(command).value(); }
  std::int64_t Number(const Command& command) { return Call(command).AsInteger().value(); }
  // How many of the attempts, one every 10 ms for `span`, are let through.
  int Passed(Duration span, const std::function<bool()>& attempt) {
    int passed = 0;
    for (Duration at{0}; at < span; at += 10ms) {
      passed += attempt() ? 1 : 0;
      time_.Advance(10ms);
    }
    return passed;
  }
  // Seconds, with fractions: what a guide's client clock says.
  double Clock() { return static_cast<double>(time_.UnixNow().time_since_epoch().count()) / 1000; }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
};

TEST_F(Limits, EachLawSaysWhenToComeAgain) {
  for (const LimitLaw law : {LimitLaw::kGcra, LimitLaw::kFixed, LimitLaw::kSliding}) {
    const Limiter limiter = Make({.law = law, .count = 3, .period = 900ms});
    const std::string who = std::to_string(static_cast<int>(law));
    for (int left = 2; left >= 0; --left) {
      const Verdict verdict = limiter.Take(who).value();
      EXPECT_TRUE(verdict.allowed);
      EXPECT_EQ(verdict.limit, 3);
      EXPECT_EQ(verdict.remaining, left);
      EXPECT_EQ(verdict.retry_after, 0ms);
      EXPECT_GT(verdict.reset_after, 0ms);
    }
    const Verdict refused = limiter.Take(who).value();
    EXPECT_FALSE(refused.allowed);
    EXPECT_GE(refused.retry_after, 1ms);
    time_.Advance(refused.retry_after - 1ms);
    EXPECT_FALSE(limiter.Take(who)->allowed);
    time_.Advance(1ms);
    EXPECT_TRUE(limiter.Take(who)->allowed);
    EXPECT_TRUE(limiter.Take("another")->allowed);
    EXPECT_TRUE(limiter.Reset("another").has_value());
  }
}

TEST_F(Limits, PeekChargesNothingAndResetForgets) {
  const Limiter limiter = Make(kFiveASecond);
  EXPECT_TRUE(limiter.Take("u", 4)->allowed);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(limiter.Peek("u")->remaining, 1);
  EXPECT_FALSE(limiter.Peek("u", 2)->allowed);
  EXPECT_TRUE(SyncWait(limiter.CoPeek("u", 1))->allowed);
  EXPECT_TRUE(SyncWait(limiter.CoTake("u", 1))->allowed);
  EXPECT_FALSE(SyncWait(limiter.CoTake("u", 1))->allowed);
  EXPECT_TRUE(SyncWait(limiter.CoReset("u")).has_value());
  EXPECT_TRUE(limiter.Take("u", 5)->allowed);
}

TEST_F(Limits, NamesFromOutsideForgeNoKey) {
  const Limiter limiter = Make(kFiveASecond);
  EXPECT_EQ(limiter.KeyOf("1.2.3.4"), "limit:1.2.3.4");
  EXPECT_EQ(limiter.KeyOf("a:{b}*"), "limit:a%3a%7bb%7d%2a");
  EXPECT_LT(limiter.KeyOf(std::string(100'000, 'x')).size(), 100u);
}

TEST_F(Limits, BurstIsTheBucketsCapacity) {
  const Limiter limiter = Make({.count = 10, .period = 1000ms, .burst = 3});
  EXPECT_EQ(Passed(30ms, [&] { return limiter.Take("u")->allowed; }), 3);
  time_.Advance(1s);
  EXPECT_EQ(limiter.Take("u", 4).error().code, Errc::kServer);  // never at once
}

TEST_F(Limits, WhenTheStoreIsDown) {
  const auto down = [&](LimitWhenDown when) {
    return Limiter(store_, "limit", kFiveASecond, when, {.timeout = 0ms}).Take("u");
  };
  EXPECT_TRUE(down(LimitWhenDown::kAllow)->allowed);
  EXPECT_FALSE(down(LimitWhenDown::kAllow)->is_counted);
  const Verdict refused = down(LimitWhenDown::kRefuse).value();
  EXPECT_FALSE(refused.allowed);
  EXPECT_FALSE(refused.is_counted);
  EXPECT_GE(refused.retry_after, 1ms);
  EXPECT_EQ(down(LimitWhenDown::kFail).error().code, Errc::kTimeout);
  // What is wrong with the limit itself is no matter of being down.
  Call(Command("LPUSH", "limit:list", "x"));
  const Limiter open(store_, "limit", kFiveASecond, LimitWhenDown::kAllow);
  EXPECT_EQ(open.Take("list").error().server_code(), "WRONGTYPE");
  const CompositeLimiter both(store_, {{"a", kFiveASecond}, {"b", kFiveASecond}},
                              LimitWhenDown::kAllow, {.timeout = 0ms});
  const CompositeVerdict verdict = both.Take("t", {{.who = "1"}, {.who = "2"}}).value();
  EXPECT_TRUE(verdict.whole.allowed);
  EXPECT_FALSE(verdict.whole.is_counted);
  EXPECT_TRUE(verdict.parts.empty());
}

TEST_F(Limits, CompositeChargesAllOrNone) {
  const CompositeLimiter limiter(
      store_,
      {{"user", {.law = LimitLaw::kSliding, .count = 2, .period = 1s}},
       {"tenant", {.law = LimitLaw::kFixed, .count = 100, .period = 60s}},
       {"bytes", {.law = LimitLaw::kGcra, .count = 5000, .period = 1s}}},
      LimitWhenDown::kFail);
  const auto take = [&](const std::string& user) {
    return limiter.Take("acme", {{user}, {"acme"}, {"10.0.0.1", 100}}).value();
  };
  EXPECT_TRUE(take("7").whole.allowed);
  EXPECT_TRUE(take("7").whole.allowed);
  const CompositeVerdict refused = take("7");
  EXPECT_FALSE(refused.whole.allowed);
  EXPECT_EQ(refused.whole.limit, 2);  // the user's decides
  ASSERT_EQ(refused.parts.size(), 3u);
  EXPECT_EQ(refused.parts[1].remaining, 98);  // the tenant was not charged for it
  const CompositeVerdict other =
      SyncWait(limiter.CoTake("acme", {{"8"}, {"acme"}, {"10.0.0.1", 100}})).value();
  EXPECT_TRUE(other.whole.allowed);
  EXPECT_EQ(other.parts[1].remaining, 97);
  EXPECT_EQ(limiter.Take("acme", {{"7"}}).error().code, Errc::kInvalid);
}

// ---- Batches -----------------------------------------------------------------------------------

TEST_F(Limits, BatchesAnswerHere) {
  const Limiter plain = Make({.count = 100, .period = 1000ms});
  BatchedLimiter batched(plain, {.batch = 10, .hold = 100ms});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(batched.Take("u")->allowed);
  EXPECT_EQ(plain.Peek("u")->remaining, 90);
  EXPECT_TRUE(batched.Take("u")->allowed);
  EXPECT_EQ(plain.Peek("u")->remaining, 80);
  // Permits that were not used in time are lost, not hoarded.
  time_.Advance(100ms);
  EXPECT_TRUE(batched.Take("u")->allowed);
  EXPECT_EQ(plain.Peek("u")->remaining, 80);  // 10 came back, 10 were taken
}

TEST_F(Limits, BatchesSpendTheLastPermitsAndRememberRefusals) {
  const Limiter plain = Make({.law = LimitLaw::kFixed, .count = 13, .period = 1000ms});
  BatchedLimiter batched(plain, {.batch = 10, .hold = 100ms});
  EXPECT_EQ(Passed(500ms, [&] { return batched.Take("u")->allowed; }), 13);
  // Refused here, until the window's end and no longer; the time that is told is right.
  Call(Command("DEL", plain.KeyOf("u")));
  const Verdict refused = batched.Take("u").value();
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, 500ms);
  time_.Advance(500ms);
  EXPECT_TRUE(batched.Take("u")->allowed);
}

// In any stretch t no more than the law lets through in t + hold, for several processes together.
TEST_F(Limits, BatchesErrByTheTimeThatTheyAreHeld) {
  const Limit limit{.law = LimitLaw::kGcra, .count = 100, .period = 1000ms, .burst = 20};
  const Limiter plain = Make(limit);
  BatchedLimiter first(plain, {.batch = 8, .hold = 100ms});
  BatchedLimiter second(plain, {.batch = 8, .hold = 100ms});
  std::vector<TimePoint> passed;
  for (int i = 0; i < 3000; ++i) {
    if ((i % 7 < 3 ? first : second).Take("u")->allowed) passed.push_back(time_.Now());
    time_.Advance(i % 300 < 60 ? 0ms : 1ms);
  }
  ASSERT_GT(passed.size(), 200u);
  for (std::size_t i = 0; i < passed.size(); ++i) {
    for (std::size_t j = i; j < passed.size(); ++j) {
      const double stretch = std::chrono::duration<double>(passed[j] - passed[i] + 100ms).count();
      ASSERT_LE(static_cast<double>(j - i + 1), 20 + stretch * 100 + 1e-6);
    }
  }
}

TEST_F(Limits, BatchesForSoManyCallersOnly) {
  const Limiter plain = Make({.count = 10, .period = 1s});
  BatchedLimiter batched(plain, {.batch = 4, .hold = 1s});
  for (std::size_t i = 0; i < BatchedLimiter::kCallersMax; ++i)
    ASSERT_TRUE(batched.Take(std::to_string(i))->allowed);
  EXPECT_TRUE(batched.Take("one more")->allowed);
  EXPECT_EQ(plain.Peek("one more")->remaining, 6);
  EXPECT_TRUE(batched.Take("one more")->allowed);
  EXPECT_EQ(plain.Peek("one more")->remaining, 2);  // asked again: there is no room for it
  time_.Advance(1s);
  EXPECT_TRUE(batched.Take("one more")->allowed);
  EXPECT_TRUE(batched.Take("one more")->allowed);
  EXPECT_EQ(plain.Peek("one more")->remaining, 6);
}

// A negative count would give permits, to the stock here or to the bucket there.
TEST_F(Limits, CountsOfLessThanOneAreRefused) {
  const Limiter plain = Make({.law = LimitLaw::kFixed, .count = 10, .period = 1000ms});
  BatchedLimiter batched(plain, {.batch = 5, .hold = 1000ms});
  for (const std::int64_t count : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{-1000},
                                   std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_EQ(batched.Take("u", count).error().code, Errc::kInvalid) << count;
    EXPECT_TRUE(batched.Take("u")->allowed);  // now there is a stock
    EXPECT_EQ(batched.Take("u", count).error().code, Errc::kInvalid) << count;
    EXPECT_EQ(SyncWait(batched.CoTake("u", count)).error().code, Errc::kInvalid) << count;
    EXPECT_EQ(plain.Take("u", count).error().code, Errc::kInvalid) << count;
    EXPECT_EQ(SyncWait(plain.CoTake("u", count)).error().code, Errc::kInvalid) << count;
    EXPECT_EQ(plain.Peek("u", count).error().code, Errc::kInvalid) << count;
    EXPECT_EQ(SyncWait(plain.CoPeek("u", count)).error().code, Errc::kInvalid) << count;
  }
  int passed = 4;
  for (int i = 0; i < 50; ++i) passed += batched.Take("u")->allowed ? 1 : 0;
  EXPECT_EQ(passed, 10);
  const CompositeLimiter both(store_, {{"a", plain.limit()}, {"b", plain.limit()}},
                              LimitWhenDown::kFail);
  EXPECT_EQ(both.Take("t", {{"u", 1}, {"u", -1}}).error().code, Errc::kInvalid);
  EXPECT_EQ(both.Take("t", {{"u", 0}, {"u", 1}}).error().code, Errc::kInvalid);
}

// ---- The mistakes of guides --------------------------------------------------------------------

// 000, 8.3: EXPIRE at each INCRBY: a busy counter never resets.
TEST_F(Limits, ExpireSlidesTheWindow) {
  const auto guide = [&] {
    const std::int64_t count = Number(Command("INCRBY", "guide", 1));
    Call(Command("PEXPIRE", "guide", 1000));
    return count <= 5;
  };
  EXPECT_EQ(Passed(10s, guide), 5);
  const Limiter limiter = Make({.law = LimitLaw::kFixed, .count = 5, .period = 1000ms});
  EXPECT_GE(Passed(10s, [&] { return limiter.Take("u")->allowed; }), 45);
}

// 000, 12.3: a counter for each window lets twice the limit through across the edge of two.
TEST_F(Limits, TwiceTheLimitAcrossAWindowsEdge) {
  const auto guide = [&] {
    const std::string key = "guide:" + std::to_string(static_cast<std::int64_t>(Clock()));
    return Number(Command("INCR", key)) <= 5;
  };
  // Half a period, from a quarter of one before the edge.
  time_.Advance(750ms - (time_.UnixNow().time_since_epoch() % 1000ms));
  EXPECT_EQ(Passed(500ms, guide), 10);
  const Limiter limiter = Make(kFiveASecond);
  time_.Advance(500ms);
  EXPECT_EQ(Passed(500ms, [&] { return limiter.Take("u")->allowed; }), 5);
}

// 002, 003: a sorted set as a log; what is denied is in it all the same.
TEST_F(Limits, DenialsAreCounted) {
  int number = 0;
  const auto guide = [&] {
    Call(Command("ZREMRANGEBYSCORE", "guide", 0, Clock() - 1));
    Call(Command("ZADD", "guide", Clock(), ++number));
    return Number(Command("ZCARD", "guide")) <= 5;
  };
  EXPECT_EQ(Passed(6500ms, guide), 5);
  const Limiter sliding = Make(kFiveASecond);
  EXPECT_GE(Passed(6500ms, [&] { return sliding.Take("u")->allowed; }), 28);
}

// 002: retry_after by a clock in whole seconds: "now", on a denial.
TEST_F(Limits, RetryAfterIsNotPositive) {
  const auto whole = [](double seconds) { return static_cast<std::int64_t>(seconds); };
  time_.Advance(1200ms - (time_.UnixNow().time_since_epoch() % 1000ms));
  const double oldest = Clock();
  for (int i = 0; i < 5; ++i) Call(Command("ZADD", "guide", oldest, i));
  time_.Advance(900ms);
  Call(Command("ZREMRANGEBYSCORE", "guide", 0, Clock() - 1));
  EXPECT_EQ(Number(Command("ZCARD", "guide")), 5);  // denied
  EXPECT_LE(whole(oldest + 1) - whole(Clock()), 0);
  const Limiter limiter = Make(kFiveASecond);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(limiter.Take("u")->allowed);
  for (;;) {
    const Verdict verdict = limiter.Take("u").value();
    if (verdict.allowed) break;
    ASSERT_GE(verdict.retry_after, 1ms);
    time_.Advance(1ms);
  }
}

// 003: the member is the clock's reading, so all requests of one reading are one.
TEST_F(Limits, SlidingLogMembersCollide) {
  const auto guide = [&] {
    Call(Command("ZADD", "guide", Clock(), Clock()));
    return Number(Command("ZCARD", "guide")) <= 5;
  };
  const Limiter limiter = Make(kFiveASecond);
  int guides = 0;
  int ours = 0;
  for (int i = 0; i < 50; ++i) {  // at one moment
    guides += guide() ? 1 : 0;
    ours += limiter.Take("u")->allowed ? 1 : 0;
  }
  EXPECT_EQ(guides, 50);
  EXPECT_EQ(ours, 5);
}

// 003: a crash between INCR and EXPIRE blocks the caller for ever.
TEST_F(Limits, FixedWindowCrashesBetweenIncrAndExpire) {
  for (int i = 0; i < 6; ++i) Number(Command("INCR", "guide"));  // and the first one crashed
  EXPECT_EQ(Number(Command("PTTL", "guide")), -1);
  time_.Advance(24h * 365);
  EXPECT_GT(Number(Command("INCR", "guide")), 5);
  const Limiter limiter = Make({.law = LimitLaw::kFixed, .count = 5, .period = 1000ms});
  EXPECT_TRUE(limiter.Take("u", 5)->allowed);
  EXPECT_GT(Number(Command("PTTL", limiter.KeyOf("u"))), 0);
  time_.Advance(1s);
  EXPECT_TRUE(limiter.Take("u")->allowed);
}

// 003: a "token bucket" that is a sliding log: behind a burst nothing passes until the burst itself
// is a period old. A bucket is refilled all the time.
TEST_F(Limits, TokenBucketIsASlidingLog) {
  int number = 0;
  const auto guide = [&] {
    Call(Command("ZREMRANGEBYSCORE", "guide", 0, Clock() - 1));
    if (Number(Command("ZCARD", "guide")) >= 5) return false;
    Call(Command("ZADD", "guide", Clock(), ++number));
    return true;
  };
  const Limiter bucket = Make({.law = LimitLaw::kGcra, .count = 5, .period = 1000ms});
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(guide());
    EXPECT_TRUE(bucket.Take("u")->allowed);
  }
  time_.Advance(200ms);
  EXPECT_FALSE(guide());
  EXPECT_TRUE(bucket.Take("u")->allowed);
  EXPECT_FALSE(bucket.Take("u")->allowed);
}

// 003: a "sliding window" that is a fixed one, begun by the first request: a client that comes late
// in it has twice the limit at once.
TEST_F(Limits, SlidingWindowIsAFixedWindow) {
  const auto guide = [&] {
    const std::int64_t count = Number(Command("INCR", "guide"));
    if (count == 1) Call(Command("PEXPIRE", "guide", 1000));
    return count <= 5;
  };
  const Limiter limiter = Make(kFiveASecond);
  const auto passed = [&](const std::function<bool()>& attempt) {
    EXPECT_TRUE(attempt());
    time_.Advance(900ms);
    return Passed(200ms, attempt);
  };
  EXPECT_EQ(passed(guide), 4 + 5);
  EXPECT_LE(passed([&] { return limiter.Take("u")->allowed; }), 5);
}

// 002: is_rate_limited() returns whether the request is *allowed*. Ours is no truth value at all:
// who asks has to say which of its fields he means.
TEST_F(Limits, IsRateLimitedReturnsAllowed) {
  const auto is_rate_limited = [&] { return Number(Command("INCR", "guide")) <= 1; };
  EXPECT_TRUE(is_rate_limited());  // the first is not limited
  static_assert(!std::is_convertible_v<Verdict, bool> && !std::is_constructible_v<bool, Verdict>);
  EXPECT_TRUE(Make(kFiveASecond).Take("u")->allowed);
}

// ---- The rules of section 3 --------------------------------------------------------------------

TEST_F(Limits, RuleCountersWithoutATtlHeal) {
  for (const LimitLaw law : {LimitLaw::kGcra, LimitLaw::kFixed, LimitLaw::kSliding}) {
    const Limiter limiter(store_, "heals" + std::to_string(static_cast<int>(law)),
                          {.law = law, .count = 1, .period = 1s}, LimitWhenDown::kFail);
    EXPECT_TRUE(limiter.Take("u")->allowed);
    EXPECT_EQ(Number(Command("PERSIST", limiter.KeyOf("u"))), 1);
    EXPECT_FALSE(limiter.Take("u")->allowed);
    time_.Advance(1100ms);
    EXPECT_TRUE(limiter.Take("u")->allowed);
    EXPECT_GT(Number(Command("PTTL", limiter.KeyOf("u"))), 0);
  }
}

// A state is O(1), whatever the traffic.
TEST_F(Limits, RuleConstantMemory) {
  const Limiter limiter = Make({.law = LimitLaw::kSliding, .count = 100'000, .period = 1000ms});
  std::int64_t most = 0;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(limiter.Take("u")->allowed);
    most = std::max(most, Number(Command("STRLEN", limiter.KeyOf("u"))));
    time_.Advance(1ms);
  }
  EXPECT_LT(most, 300);
}

}  // namespace
}  // namespace cairn::cache
