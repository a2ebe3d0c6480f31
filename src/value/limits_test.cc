// SPDX-License-Identifier: BSD-3-Clause
// Each law against a model that is plain to see: a bucket that is filled as time goes on, and lists
// of every request that was let through, at random times, costs, rules and jumps of the clock. What
// must hold: never more than the law in any stretch of time, a refusal changes nothing, and whoever
// waits as long as he was told, and no less, is let through.
#include "value/limits.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"

namespace cairn::value {
namespace {

__extension__ using Wide = __int128;

constexpr std::int64_t kStartUs = 1'700'000'000'000'000;

std::string TextOf(const LimitState& state) {
  char text[kLimitTextMax];
  return {text, FormatLimitState(text, state)};
}

std::int64_t Between(Random& random, std::int64_t least, std::int64_t most) {
  return least +
         static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(most - least + 1)));
}

LimitRule AnyRule(Law law, Random& random) {
  LimitRule rule = {
      .law = law,
      .limit = Between(random, 1, 20),
      .period_us = random.Below(2) == 0 ? Between(random, 1, 40) : Between(random, 1000, 3'000'000),
      .burst = Between(random, 1, 20)};
  if (law != Law::kGcra) rule.burst = rule.limit;
  return rule;
}

struct Passed {
  std::int64_t at_us;
  std::int64_t cost;
};

// Tokens in units of 1/period: a bucket as one would build it.
class Bucket {
 public:
  explicit Bucket(const LimitRule& rule) : rule_(rule), level_(Full()) {}
  bool Take(std::int64_t now_us, std::int64_t cost) {
    level_ += Wide{now_us - at_us_} * rule_.limit;
    if (level_ > Full()) level_ = Full();
    at_us_ = now_us;
    if (level_ < Wide{cost} * rule_.period_us) return false;
    level_ -= Wide{cost} * rule_.period_us;
    return true;
  }
  std::int64_t tokens() const { return static_cast<std::int64_t>(level_ / rule_.period_us); }

 private:
  Wide Full() const { return Wide{rule_.burst} * rule_.period_us; }
  const LimitRule rule_;
  Wide level_;
  std::int64_t at_us_ = kStartUs;
};

// The most that any stretch of time may let through, for a list of all that was.
void ExpectLaw(const LimitRule& rule, const std::vector<Passed>& passed) {
  for (std::size_t i = 0; i < passed.size(); ++i) {
    std::int64_t sum = 0;
    for (std::size_t j = i; j < passed.size(); ++j) {
      const std::int64_t span_us = passed[j].at_us - passed[i].at_us;
      sum += passed[j].cost;
      if (rule.law == Law::kGcra) {
        ASSERT_LE(Wide{sum} * rule.period_us,
                  Wide{rule.burst} * rule.period_us + Wide{span_us} * rule.limit);
      } else if (rule.law == Law::kSliding) {
        if (span_us >= rule.period_us) break;
        ASSERT_LE(sum, rule.limit);
      } else {
        // A stretch of a period meets two windows at most.
        if (span_us >= rule.period_us) break;
        ASSERT_LE(sum, 2 * rule.limit);
      }
    }
  }
}

// A caller that comes again `early` microseconds before its time is refused, and at it, let
// through.
void ExpectRetryIsExact(const LimitRule& rule, std::int64_t now_us, std::int64_t cost,
                        const LimitState& state) {
  LimitState copy = state;
  const LimitAnswer refused = Ask(rule, now_us, cost, Charge::kTake, copy);
  ASSERT_FALSE(refused.allowed);
  ASSERT_GT(refused.retry_after_us, 0);
  const std::int64_t at_us = now_us + refused.retry_after_us;
  ASSERT_FALSE(Ask(rule, at_us - 1, cost, Charge::kTake, copy).allowed);
  ASSERT_EQ(TextOf(copy), TextOf(state));
  ASSERT_TRUE(Ask(rule, at_us, cost, Charge::kTake, copy).allowed);
}

void TryRandomly(Law law, std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const LimitRule rule = AnyRule(law, random);
  ASSERT_TRUE(IsSound(rule));
  LimitState state = FreshState(law);
  Bucket bucket(rule);
  std::vector<Passed> passed;
  std::int64_t now_us = kStartUs;
  for (int step = 0; step < 300; ++step) {
    if (random.Below(3) != 0) now_us += Between(random, 0, rule.period_us / 3 + 1);
    if (random.Below(40) == 0) now_us += 2 * rule.period_us + 1;
    const std::int64_t cost = Between(random, 1, random.Below(4) == 0 ? rule.burst : 1);
    const std::string before = TextOf(state);
    const LimitAnswer peeked = Ask(rule, now_us, cost, Charge::kPeek, state);
    ASSERT_EQ(TextOf(state), before);
    const LimitAnswer answer = Ask(rule, now_us, cost, Charge::kTake, state);
    ASSERT_EQ(peeked.allowed, answer.allowed);
    ASSERT_EQ(peeked.retry_after_us, answer.retry_after_us);
    if (law == Law::kGcra) {
      ASSERT_EQ(answer.allowed, bucket.Take(now_us, cost)) << TextOf(state);
      ASSERT_EQ(answer.remaining, bucket.tokens());
    }
    if (!answer.allowed) {
      ASSERT_EQ(TextOf(state), before);
      ExpectRetryIsExact(rule, now_us, cost, state);
      continue;
    }
    ASSERT_EQ(answer.retry_after_us, 0);
    ASSERT_EQ(answer.remaining + cost, peeked.remaining);
    ASSERT_GT(answer.reset_after_us, 0);
    passed.push_back({now_us, cost});
    // What is kept of it is the same, and when it may go, it is as good as nothing.
    const std::optional<LimitState> read = ParseLimitState(law, TextOf(state));
    ASSERT_TRUE(read) << TextOf(state);
    ASSERT_EQ(TextOf(*read), TextOf(state));
    LimitState kept = state;
    const std::int64_t end_us = ForgottenAtMs(state) * 1000;
    ASSERT_GE(end_us, now_us + answer.reset_after_us);
    ASSERT_EQ(Ask(rule, end_us, 1, Charge::kPeek, kept).remaining, rule.burst);
  }
  ExpectLaw(rule, passed);
}

TEST(Limits, NeverMoreThanTheLaw) {
  for (const Law law : {Law::kGcra, Law::kFixed, Law::kSliding}) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
      TryRandomly(law, seed);
      ASSERT_FALSE(HasFatalFailure()) << "law " << static_cast<int>(law) << " seed " << seed;
    }
  }
}

// What a sliding window lets through late is a sixteenth of a period at most.
TEST(Limits, SlidingForgetsWithinASixteenth) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    LimitRule rule = AnyRule(Law::kSliding, random);
    rule.limit = rule.burst = 1;
    const std::int64_t step_us = (rule.period_us + 15) / 16;
    SlidingState state;
    const std::int64_t now_us = kStartUs + Between(random, 0, rule.period_us);
    ASSERT_TRUE(AskSliding(rule, now_us, 1, Charge::kTake, state).allowed);
    const LimitAnswer refused = AskSliding(rule, now_us, 1, Charge::kTake, state);
    ASSERT_GT(refused.retry_after_us, rule.period_us);
    ASSERT_LE(refused.retry_after_us, 17 * step_us);
  }
}

TEST(Limits, FixedWindowsDoNotSlide) {
  const LimitRule rule = {.law = Law::kFixed, .limit = 3, .period_us = 1000, .burst = 3};
  FixedState state;
  for (const std::int64_t at : {0, 400, 900}) {
    EXPECT_TRUE(AskFixed(rule, kStartUs + at, 1, Charge::kTake, state).allowed);
    EXPECT_EQ(state.end_us, kStartUs + 1000);
  }
  EXPECT_FALSE(AskFixed(rule, kStartUs + 999, 1, Charge::kTake, state).allowed);
  EXPECT_TRUE(AskFixed(rule, kStartUs + 1000, 1, Charge::kTake, state).allowed);
}

// A clock that goes back, by any way, and comes on again: counted in real time, which goes on by a
// microsecond at least for each microsecond of the clock's.
TEST(Limits, AClockThatGoesBackGivesNothingAway) {
  for (const Law law : {Law::kGcra, Law::kFixed, Law::kSliding}) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      Random random(seed);
      const LimitRule rule = AnyRule(law, random);
      LimitState state = FreshState(law);
      std::vector<Passed> passed;
      std::int64_t real_us = kStartUs;
      std::int64_t behind_us = 0;
      for (int step = 0; step < 200; ++step) {
        real_us += Between(random, 0, rule.period_us / 3 + 1);
        if (random.Below(20) == 0) behind_us += Between(random, 0, 3 * rule.period_us);
        const LimitAnswer answer = Ask(rule, real_us - behind_us, 1, Charge::kTake, state);
        if (answer.allowed) passed.push_back({real_us, 1});
        if (!answer.allowed) ASSERT_GT(answer.retry_after_us, 0);
      }
      ExpectLaw(rule, passed);
      ASSERT_FALSE(HasFatalFailure()) << "law " << static_cast<int>(law) << " seed " << seed;
    }
  }
}

// Another rule on the same state: what was let through before counts on, and the new rule holds.
TEST(Limits, AChangedRuleForgetsNothing) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    LimitRule rule = AnyRule(Law::kSliding, random);
    rule.limit = rule.burst = Between(random, 5, 20);
    SlidingState state;
    std::vector<Passed> passed;
    std::int64_t now_us = kStartUs;
    for (int step = 0; step < 200; ++step) {
      now_us += Between(random, 0, rule.period_us / 8 + 1);
      if (random.Below(30) == 0) {
        rule.period_us = Between(random, 1, rule.period_us);
        rule.limit = rule.burst = Between(random, 1, rule.limit);
        while (!passed.empty() && passed[0].at_us + rule.period_us <= now_us)
          passed.erase(passed.begin());
        std::int64_t sum = 0;
        for (const Passed& one : passed) sum += one.cost;
        ASSERT_LE(AskSliding(rule, now_us, 1, Charge::kPeek, state).remaining,
                  std::max<std::int64_t>(0, rule.limit - sum));
        passed.clear();
      }
      if (AskSliding(rule, now_us, 1, Charge::kTake, state).allowed) passed.push_back({now_us, 1});
    }
  }
  const LimitRule third = {.law = Law::kGcra, .limit = 3, .period_us = 1, .burst = 5};
  const LimitRule seventh = {.law = Law::kGcra, .limit = 7, .period_us = 1, .burst = 5};
  GcraState state;
  ASSERT_TRUE(AskGcra(third, kStartUs, 1, Charge::kTake, state).allowed);
  // A third of a microsecond is a whole one to another rule.
  EXPECT_EQ(AskGcra(seventh, kStartUs, 1, Charge::kPeek, state).reset_after_us, 1);
  EXPECT_EQ(AskGcra(seventh, kStartUs, 1, Charge::kPeek, state).remaining, 0);
}

TEST(Limits, SevenASecondAreSevenASecond) {
  const LimitRule rule = {.law = Law::kGcra, .limit = 7, .period_us = 1'000'000, .burst = 7};
  GcraState state;
  std::int64_t passed = 0;
  for (std::int64_t ms = 0; ms < 100'000; ++ms) {
    while (AskGcra(rule, kStartUs + ms * 1000, 1, Charge::kTake, state).allowed) ++passed;
  }
  EXPECT_EQ(passed, 7 * 100 + 6);  // the seventh of the last second comes with its end
}

TEST(Limits, TheGreatestRulesDoNotOverflow) {
  const std::int64_t most = kLimitCountMax;
  const std::int64_t longest_us = kLimitPeriodMsMax * 1000;
  const std::vector<LimitRule> rules = {
      {.law = Law::kGcra, .limit = most, .period_us = longest_us, .burst = most},
      {.law = Law::kGcra, .limit = most, .period_us = 1, .burst = most},
      {.law = Law::kGcra, .limit = 1, .period_us = longest_us, .burst = 10},
      {.law = Law::kGcra, .limit = 1, .period_us = 10'000, .burst = most},
      {.law = Law::kFixed, .limit = most, .period_us = longest_us, .burst = most},
      {.law = Law::kSliding, .limit = most, .period_us = longest_us, .burst = most},
      {.law = Law::kSliding, .limit = most, .period_us = 1, .burst = most},
  };
  for (const LimitRule& rule : rules) {
    ASSERT_TRUE(IsSound(rule));
    LimitState state = FreshState(rule.law);
    EXPECT_TRUE(Ask(rule, kStartUs, rule.burst, Charge::kTake, state).allowed);
    const LimitAnswer refused = Ask(rule, kStartUs, rule.burst, Charge::kTake, state);
    EXPECT_FALSE(refused.allowed);
    EXPECT_EQ(refused.remaining, 0);
    ExpectRetryIsExact(rule, kStartUs, rule.burst, state);
    EXPECT_TRUE(ParseLimitState(rule.law, TextOf(state))) << TextOf(state);
  }
  for (const LimitRule& rule : std::vector<LimitRule>{
           {.law = Law::kGcra, .limit = 1, .period_us = longest_us, .burst = 11},
           {.law = Law::kGcra, .limit = 0},
           {.law = Law::kGcra, .limit = -1},
           {.law = Law::kGcra, .limit = INT64_MAX},
           {.law = Law::kGcra, .limit = INT64_MIN},
           {.law = Law::kFixed, .period_us = 0},
           {.law = Law::kFixed, .period_us = INT64_MAX},
           {.law = Law::kSliding, .burst = 0},
           {.law = Law::kSliding, .burst = most + 1},
       }) {
    EXPECT_FALSE(IsSound(rule));
  }
}

TEST(Limits, TextsThatAreNoState) {
  const std::string much = std::to_string(std::int64_t{1} << 62);
  for (const std::string& text :
       std::vector<std::string>{"",
                                "G1:",
                                "G1:1",
                                "G1:1:0",
                                "G1:1:0/",
                                "G1:1:0/0",
                                "G1:1:1/1",
                                "G1:-1:0/1",
                                "G1:01:0/1",
                                "G1:1:0/1 ",
                                "G1:" + much + ":0/1",
                                "G1:1:0/" + much,
                                "G2:1:0/1",
                                "F1:",
                                "F1:1",
                                "F1:1:",
                                "F1:1:x",
                                "F1:1:-2",
                                "F1:1:2:3",
                                "F1:" + much + ":1",
                                "S1:1:1",
                                "S1:1:1:",
                                "S1:0:1:1",
                                "S1:1:1:1,",
                                "S1:1:1:,1",
                                "S1:" + much + ":1:1",
                                "S1:1:" + much + ":1",
                                "S1:1:1:" + much,
                                "S1:1000000:1000000000000000:1",
                                "S1:1:1:0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0",
                                "S1:1:1:1000000000000,1",
                                "plain"}) {
    for (const Law law : {Law::kGcra, Law::kFixed, Law::kSliding})
      EXPECT_FALSE(ParseLimitState(law, text)) << text;
  }
  EXPECT_FALSE(ParseLimitState(Law::kFixed, "G1:1:0/1"));
  EXPECT_TRUE(ParseLimitState(Law::kGcra, "G1:1:0/1"));
  EXPECT_TRUE(ParseLimitState(Law::kSliding, "S1:1:1:0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,3"));
}

// Whatever a text holds that is a state, asking ends well.
TEST(Limits, AnyStateCanBeAsked) {
  const std::string most = std::to_string(std::int64_t{1} << 61);
  for (const std::string& text : std::vector<std::string>{
           "G1:" + most + ":999999999999/1000000000000", "G1:0:0/1", "F1:" + most + ":" + most,
           "F1:0:" + most, "S1:1:2305843009213693930:1000000000000", "S1:1:0:5,5,5",
           "S1:100000000000000:20:1,2,3,4"}) {
    for (const Law law : {Law::kGcra, Law::kFixed, Law::kSliding}) {
      const std::optional<LimitState> state = ParseLimitState(law, text);
      if (!state) continue;
      for (const std::int64_t limit : {std::int64_t{1}, std::int64_t{7}, kLimitCountMax}) {
        const LimitRule rule = {.law = law, .limit = limit, .period_us = 1'000'000, .burst = limit};
        LimitState copy = *state;
        const LimitAnswer answer = Ask(rule, kStartUs, limit, Charge::kTake, copy);
        EXPECT_GE(answer.remaining, 0) << text;
        EXPECT_EQ(answer.allowed, answer.retry_after_us == 0) << text;
        EXPECT_GE(answer.reset_after_us, 0) << text;
        EXPECT_GT(ForgottenAtMs(copy), -1) << text;
      }
    }
  }
}

}  // namespace
}  // namespace cairn::value
