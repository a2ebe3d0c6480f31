// SPDX-License-Identifier: BSD-3-Clause
// The rare part of CommandStats.
#include "command/stats.h"

namespace cairn::command {

LatencyHistogram* CommandStats::MakeHistogram(PerCommand& stats) {
  auto histogram = std::make_unique<LatencyHistogram>();
  LatencyHistogram* raw = histogram.release();
  stats.histogram.store(raw, std::memory_order_release);
  return raw;
}

}  // namespace cairn::command
