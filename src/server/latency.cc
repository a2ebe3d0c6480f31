// SPDX-License-Identifier: BSD-3-Clause
// The samples of each event in a queue whose oldest are dropped. Two spikes in one second are one
// sample with the longer duration, as Redis keeps them.
#include "server/latency.h"

#include <algorithm>

namespace cairn::server {

void LatencyMonitor::Record(std::string_view event, std::int64_t duration_ms,
                            std::int64_t unix_seconds) {
  const std::int64_t threshold = threshold_ms();
  if (threshold <= 0 || duration_ms < threshold) return;
  MutexLock hold(mu_);
  auto found = series_.find(event);
  if (found == series_.end()) {
    if (series_.size() == kEventsMax) return;
    found = series_.emplace(std::string(event), Series{}).first;
  }
  Series& series = found->second;
  series.max_ms = std::max(series.max_ms, duration_ms);
  if (!series.samples.empty() && series.samples.back().unix_seconds == unix_seconds) {
    series.samples.back().duration_ms = std::max(series.samples.back().duration_ms, duration_ms);
    return;
  }
  series.samples.push_back({unix_seconds, duration_ms});
  if (series.samples.size() > kSamplesMax) series.samples.pop_front();
}

std::vector<LatencyEvent> LatencyMonitor::Events() const {
  MutexLock hold(mu_);
  std::vector<LatencyEvent> events;
  events.reserve(series_.size());
  for (const auto& [name, series] : series_) {
    events.push_back({name, {series.samples.begin(), series.samples.end()}, series.max_ms});
  }
  return events;
}

bool LatencyMonitor::Reset(std::string_view event) {
  MutexLock hold(mu_);
  const auto found = series_.find(event);
  if (found == series_.end()) return false;
  series_.erase(found);
  return true;
}

std::size_t LatencyMonitor::ResetAll() {
  MutexLock hold(mu_);
  const std::size_t count = series_.size();
  series_.clear();
  return count;
}

}  // namespace cairn::server
