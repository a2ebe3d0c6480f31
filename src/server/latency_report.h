// SPDX-License-Identifier: BSD-3-Clause
// Latency figures as people and clients read them: LATENCY GRAPH, DOCTOR and HISTOGRAM.
//
// Pure functions over what latency.h and statistics.h have collected.
#ifndef CAIRN_SERVER_LATENCY_REPORT_H_
#define CAIRN_SERVER_LATENCY_REPORT_H_

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/latency.h"
#include "server/statistics.h"

namespace cairn::server {

// The samples as columns of signs, high ones high, each with its age written downwards below it.
// REQUIRES: at least one sample.
std::string LatencyGraph(const LatencyEvent& event, std::int64_t now_seconds);

struct LatencySummary {
  std::int64_t average_ms = 0;
  std::int64_t mean_deviation_ms = 0;  // from the average
  double period_s = 0;                 // between one sample and the next
};
// REQUIRES: at least one sample.
LatencySummary Summarize(const LatencyEvent& event, std::int64_t now_seconds);

// What the events mean and what to do about them. `slowlog_slower_than_us` as configured, -1: off.
std::string LatencyDoctor(std::span<const LatencyEvent> events, std::int64_t threshold_ms,
                          std::int64_t slowlog_slower_than_us, std::int64_t now_seconds);

// Microseconds and how many calls took no longer, for each power of two that some calls needed;
// the microseconds are those that Redis names its buckets by (1 2 4 8 16 33 66 132 ...).
std::vector<std::pair<std::int64_t, std::int64_t>> CumulativeHistogram(const CommandTotals& totals);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_LATENCY_REPORT_H_
