// SPDX-License-Identifier: BSD-3-Clause
// Buckets and bounds are each other's inverse; counts add up; error codes are bounded.
#include "command/stats.h"

#include <gtest/gtest.h>

#include <string>

namespace cairn::command {
namespace {

TEST(LatencyHistogram, EveryBucketEndsAtItsUpperBound) {
  constexpr int kFirstFull = 3 << LatencyHistogram::kSubBits;  // from 8 ns on none is empty
  for (int bucket = 0; bucket + 1 < LatencyHistogram::kBuckets; ++bucket) {
    const std::uint64_t bound = LatencyHistogram::UpperBoundNs(bucket);
    ASSERT_LE(LatencyHistogram::Bucket(bound), static_cast<std::size_t>(bucket)) << bound;
    ASSERT_GT(LatencyHistogram::Bucket(bound + 1), static_cast<std::size_t>(bucket)) << bound;
    if (bucket < kFirstFull) continue;
    ASSERT_EQ(LatencyHistogram::Bucket(bound), static_cast<std::size_t>(bucket)) << bound;
    ASSERT_EQ(LatencyHistogram::Bucket(bound + 1), static_cast<std::size_t>(bucket) + 1) << bound;
  }
}

TEST(LatencyHistogram, IsAtMostAnEighthOff) {
  for (std::uint64_t ns = 1; ns < std::uint64_t{1} << 39; ns += ns / 5 + 1) {
    const auto bucket = static_cast<int>(LatencyHistogram::Bucket(ns));
    const std::uint64_t bound = LatencyHistogram::UpperBoundNs(bucket);
    ASSERT_GE(bound, ns);
    ASSERT_LE(bound - ns, ns / 8);
  }
}

TEST(LatencyHistogram, LongerThanAllCountsAsTheLongest) {
  for (const std::uint64_t ns : {std::uint64_t{1} << 41, std::uint64_t{1} << 62, UINT64_MAX >> 1}) {
    EXPECT_EQ(LatencyHistogram::Bucket(ns),
              static_cast<std::size_t>(LatencyHistogram::kBuckets) - 1);
  }
}

TEST(LatencyHistogram, RecordsAndResets) {
  LatencyHistogram histogram;
  histogram.Record(0);
  histogram.Record(1000);
  histogram.Record(1000);
  EXPECT_EQ(histogram.count(0), 1);
  EXPECT_EQ(histogram.count(static_cast<int>(LatencyHistogram::Bucket(1000))), 2);
  histogram.Reset();
  EXPECT_EQ(histogram.count(0), 0);
}

TEST(CommandStats, CountsCallsAndMakesHistogramsOnUse) {
  CommandStats stats(3);
  stats.Record(1, 500, false);
  EXPECT_EQ(stats.at(1).histogram.load(), nullptr);
  stats.Record(1, 700, true);
  EXPECT_EQ(stats.at(1).calls.value(), 2);
  EXPECT_EQ(stats.at(1).ns.value(), 1200);
  ASSERT_NE(stats.at(1).histogram.load(), nullptr);
  EXPECT_EQ(stats.at(1).histogram.load()->count(static_cast<int>(LatencyHistogram::Bucket(700))),
            1);
  EXPECT_EQ(stats.at(0).calls.value(), 0);
}

TEST(ErrorStats, CodesAreCountedAndBounded) {
  ErrorStats stats;
  stats.Count("ERR");
  stats.Count("ERR");
  stats.Count("WRONGTYPE");
  EXPECT_EQ(stats.Snapshot(),
            (std::vector<std::pair<std::string, std::int64_t>>{{"ERR", 2}, {"WRONGTYPE", 1}}));
  for (int i = 0; i < 1000; ++i) stats.Count("CODE" + std::to_string(i));
  EXPECT_EQ(stats.Snapshot().size(), ErrorStats::kCodesMax);
  std::int64_t sum = 0;
  for (const auto& [code, count] : stats.Snapshot()) sum += count;
  EXPECT_EQ(sum, 1003);
  stats.Reset();
  EXPECT_TRUE(stats.Snapshot().empty());
}

}  // namespace
}  // namespace cairn::command
