// SPDX-License-Identifier: BSD-3-Clause
// LatencyMonitor, and what LATENCY makes of its samples.
#include "server/latency_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace cairn::server {
namespace {

LatencyEvent Event(std::initializer_list<LatencySample> samples) {
  LatencyEvent event{"command", samples, 0};
  for (const LatencySample& sample : samples)
    event.max_ms = std::max(event.max_ms, sample.duration_ms);
  return event;
}

TEST(LatencyGraph, OneSampleStandsOnTheGround) {
  EXPECT_EQ(LatencyGraph(Event({{1000, 20}}), 1001),
            "command - high 20 ms, low 20 ms (all time high 20 ms)\n" + std::string(80, '-') +
                "\n \n \n \n_\n \n1\ns\n");
}

TEST(LatencyGraph, TheLowestIsAtTheBottomAndTheHighestAtTheTop) {
  EXPECT_EQ(LatencyGraph(Event({{0, 0}, {3600, 110}, {7140, 50}}), 7200),
            "command - high 110 ms, low 0 ms (all time high 110 ms)\n" + std::string(80, '-') +
                "\n ` \n   \n  `\n_  \n   \n211\nhhm\n");
}

TEST(LatencyGraph, MoreSamplesThanColumnsGoOnBelow) {
  LatencyEvent event{"command", {}, 5};
  for (std::int64_t i = 0; i < 81; ++i) event.samples.push_back({i, 5});
  const std::string graph = LatencyGraph(event, 80);
  EXPECT_NE(graph.find("\n\n \n \n \n_\n \n0\ns\n"), std::string::npos) << graph;
}

TEST(LatencySummary, AveragesDeviationAndPeriod) {
  const LatencySummary summary = Summarize(Event({{100, 10}, {104, 30}}), 108);
  EXPECT_EQ(summary.average_ms, 20);
  EXPECT_EQ(summary.mean_deviation_ms, 10);
  EXPECT_EQ(summary.period_s, 4.0);
}

TEST(LatencyDoctor, SaysSomethingElseForEachState) {
  const LatencyEvent events[] = {Event({{100, 10}})};
  EXPECT_NE(LatencyDoctor({}, 0, 10000, 200).find("latency-monitor-threshold"), std::string::npos);
  EXPECT_NE(LatencyDoctor({}, 7, 10000, 200).find("7 ms"), std::string::npos);
  EXPECT_NE(LatencyDoctor(events, 1, 10000, 200).find("1. command: 1 latency spikes"),
            std::string::npos);
  EXPECT_NE(LatencyDoctor(events, 1, -1, 200).find("slow log is off"), std::string::npos);
}

TEST(CumulativeHistogram, CountsUpToEachPowerOfTwoThatWasNeeded) {
  CommandTotals totals;
  totals.histogram.resize(command::LatencyHistogram::kBuckets);
  for (const std::uint64_t ns : {0, 1023, 1024, 2047, 20'000, 20'000, 130'000})
    ++totals.histogram[command::LatencyHistogram::Bucket(ns)];
  const std::vector<std::pair<std::int64_t, std::int64_t>> wanted = {
      {1, 2}, {2, 4}, {33, 6}, {132, 7}};
  EXPECT_EQ(CumulativeHistogram(totals), wanted);
}

TEST(CumulativeHistogram, IsEmptyWithoutCalls) {
  EXPECT_TRUE(CumulativeHistogram(CommandTotals()).empty());
}

TEST(CumulativeHistogram, TheLastBucketIsCountedToo) {
  CommandTotals totals;
  totals.histogram.resize(command::LatencyHistogram::kBuckets);
  totals.histogram.back() = 3;
  ASSERT_EQ(CumulativeHistogram(totals).size(), 1u);
  EXPECT_EQ(CumulativeHistogram(totals)[0].second, 3);
}

TEST(LatencyMonitor, OffRecordsNothing) {
  LatencyMonitor monitor;
  monitor.Record("command", 1000, 1);
  EXPECT_TRUE(monitor.Events().empty());
}

TEST(LatencyMonitor, KeepsTheLongestOfASecondAndTheLast160Samples) {
  LatencyMonitor monitor;
  monitor.SetThresholdMs(5);
  monitor.Record("command", 4, 1);
  EXPECT_TRUE(monitor.Events().empty());
  monitor.Record("command", 900, 1);
  monitor.Record("command", 5, 2);
  monitor.Record("command", 7, 2);
  monitor.Record("command", 6, 2);
  ASSERT_EQ(monitor.Events().size(), 1u);
  EXPECT_EQ(monitor.Events()[0].samples.back().duration_ms, 7);
  for (std::int64_t second = 3; second < 300; ++second) monitor.Record("command", 5, second);
  EXPECT_EQ(monitor.Events()[0].samples.size(), LatencyMonitor::kSamplesMax);
  EXPECT_EQ(monitor.Events()[0].max_ms, 900);
  EXPECT_TRUE(monitor.Reset("command"));
  EXPECT_FALSE(monitor.Reset("command"));
}

TEST(LatencyMonitor, ResetAllCountsTheEvents) {
  LatencyMonitor monitor;
  monitor.SetThresholdMs(1);
  monitor.Record("command", 5, 1);
  monitor.Record("fast-command", 5, 1);
  EXPECT_EQ(monitor.ResetAll(), 2u);
  EXPECT_TRUE(monitor.Events().empty());
}

}  // namespace
}  // namespace cairn::server
