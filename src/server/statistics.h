// SPDX-License-Identifier: BSD-3-Clause
// Figures that are sums over workers, for INFO, LATENCY, MEMORY and CONFIG RESETSTAT.
//
// Each worker counts for itself; these functions add up. Any thread; the result is a moment's
// picture.
#ifndef CAIRN_SERVER_STATISTICS_H_
#define CAIRN_SERVER_STATISTICS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "command/stats.h"

namespace cairn::server {

class Server;

struct CommandTotals {
  std::string full_name;
  std::int64_t calls = 0;
  std::int64_t ns = 0;
  std::int64_t rejected = 0;
  std::int64_t failed = 0;
  // Calls per bucket of command::LatencyHistogram; empty if none was tracked.
  std::vector<std::int64_t> histogram;
};

// Of every command that was called, rejected or failed since the last reset, in the table's order.
std::vector<CommandTotals> TotalsByCommand(Server& server);

// The duration below which `percent` of the calls stayed, in microseconds. REQUIRES: a histogram
// with calls.
double PercentileUs(const CommandTotals& totals, double percent);

struct TrafficTotals {
  std::int64_t commands = 0;
  std::int64_t errors = 0;
  std::int64_t changes = 0;
  std::int64_t input_bytes = 0;
  std::int64_t output_bytes = 0;
  std::int64_t passes = 0;
};
TrafficTotals Traffic(Server& server);
// Of the data set, since the server began.
std::int64_t Changes(Server& server);

// CONFIG RESETSTAT.
void ResetStatistics(Server& server);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_STATISTICS_H_
