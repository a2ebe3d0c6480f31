// SPDX-License-Identifier: BSD-3-Clause
// When growth asks for a rewrite, and how failures put the next one off.
#include "persist/aof_rewrites.h"

#include <gtest/gtest.h>

namespace cairn::persist {
namespace {

constexpr MonotonicUs kSecond = 1'000'000;

TEST(AofRewrites, AreDueWhenTheFilesHaveGrown) {
  struct Row {
    std::uint64_t bytes;
    std::uint64_t base;
    AofGrowth growth;
    bool is_due;
  };
  for (const Row& row :
       {Row{200, 100, {.percent = 100, .bytes_min = 0}, true},
        Row{199, 100, {.percent = 100, .bytes_min = 0}, false},
        Row{1000, 100, {.percent = 0, .bytes_min = 0}, false},
        Row{1000, 100, {.percent = 100, .bytes_min = 1000}, false},
        Row{1001, 100, {.percent = 100, .bytes_min = 1000}, true},
        Row{1001, 0, {.percent = 100, .bytes_min = 1000}, true},
        Row{150, 100, {.percent = 50, .bytes_min = 0}, true},
        Row{UINT64_MAX, UINT64_MAX, {.percent = INT32_MAX, .bytes_min = 0}, false}})
    EXPECT_EQ(AofRewrites::HasGrown(row.bytes, row.base, row.growth), row.is_due) << row.bytes;
}

TEST(AofRewrites, TellHowLongTheyTook) {
  AofRewrites rewrites;
  EXPECT_EQ(rewrites.FiguresAt(0).last_s, -1);
  rewrites.Begin(10 * kSecond);
  EXPECT_EQ(rewrites.FiguresAt(13 * kSecond).current_s, 3);
  rewrites.End(15 * kSecond, true);
  EXPECT_EQ(rewrites.FiguresAt(99 * kSecond).current_s, -1);
  EXPECT_EQ(rewrites.FiguresAt(99 * kSecond).last_s, 5);
  EXPECT_EQ(rewrites.FiguresAt(99 * kSecond).begun, 1);
}

TEST(AofRewrites, FailuresPutTheNextOffAndTheLongerTheMore) {
  AofRewrites rewrites;
  MonotonicUs now_us = 0;
  const auto fail = [&] {
    rewrites.Begin(now_us);
    rewrites.End(now_us, false);
  };
  for (int i = 1; i < AofRewrites::kFailuresFree; ++i) {
    fail();
    EXPECT_TRUE(rewrites.MayTry(now_us));
  }
  for (const std::int64_t minutes : {1, 2, 4, 8, 16, 32, 60, 60}) {
    fail();
    EXPECT_FALSE(rewrites.MayTry(now_us + minutes * 60 * kSecond - 1));
    now_us += minutes * 60 * kSecond;
    EXPECT_TRUE(rewrites.MayTry(now_us));
  }
  fail();
  rewrites.Forgive();
  EXPECT_TRUE(rewrites.MayTry(now_us));
  EXPECT_FALSE(rewrites.FiguresAt(now_us).last_ok);
}

TEST(AofRewrites, OneThatIsGivenUpSaysNothing) {
  AofRewrites rewrites;
  for (const bool ok : {true, false}) {
    rewrites.Begin(0);
    rewrites.End(kSecond, ok);
    const auto before = rewrites.FiguresAt(kSecond);
    rewrites.Begin(10 * kSecond);
    rewrites.GiveUp(13 * kSecond);
    const auto after = rewrites.FiguresAt(20 * kSecond);
    EXPECT_EQ(after.last_ok, ok);
    EXPECT_EQ(after.failures_in_a_row, before.failures_in_a_row);
    EXPECT_EQ(after.last_s, 3);
    EXPECT_EQ(after.current_s, -1);
  }
}

}  // namespace
}  // namespace cairn::persist
