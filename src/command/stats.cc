// SPDX-License-Identifier: BSD-3-Clause
// The rare parts of the statistics.
#include "command/stats.h"

namespace cairn::command {

LatencyHistogram* CommandStats::MakeHistogram(PerCommand& stats) {
  auto histogram = std::make_unique<LatencyHistogram>();
  LatencyHistogram* raw = histogram.release();
  stats.histogram.store(raw, std::memory_order_release);
  return raw;
}

void ErrorStats::Count(std::string_view code) {
  MutexLock hold(mu_);
  auto found = counts_.find(code);
  if (found == counts_.end()) {
    const std::string_view name = counts_.size() < kCodesMax - 1 ? code : kOther;
    found = counts_.try_emplace(std::string(name), 0).first;
  }
  ++found->second;
}

std::vector<std::pair<std::string, std::int64_t>> ErrorStats::Snapshot() const {
  MutexLock hold(mu_);
  return {counts_.begin(), counts_.end()};
}

void ErrorStats::Reset() {
  MutexLock hold(mu_);
  counts_.clear();
}

}  // namespace cairn::command
