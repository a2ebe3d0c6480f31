// SPDX-License-Identifier: BSD-3-Clause
// The rare parts of the statistics: a command's first use with a histogram, and errors. They are
// out of line so that Record stays a few instructions in the runner.
#include "command/stats.h"

namespace cairn::command {

LatencyHistogram* CommandStats::MakeHistogram(PerCommand& stats) {
  LatencyHistogram* histogram =
      histograms_.emplace_back(std::make_unique<LatencyHistogram>()).get();
  stats.histogram.store(histogram, std::memory_order_release);
  return histogram;
}

void CommandStats::RecordRun(std::uint32_t command, std::size_t count, std::uint64_t ns,
                             bool with_histogram) {
  PerCommand& stats = commands_[command];
  const auto times = static_cast<std::int64_t>(count);
  stats.calls.Add(times);
  stats.ns.Add(static_cast<std::int64_t>(ns));
  if (!with_histogram || count == 0) return;
  LatencyHistogram* histogram = stats.histogram.load(std::memory_order_relaxed);
  if (histogram == nullptr) histogram = MakeHistogram(stats);
  histogram->Record(ns / count, times);
}

std::int64_t CommandStats::total_calls() const {
  std::int64_t total = 0;
  for (const PerCommand& command : commands_) total += command.calls.value();
  return total;
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
