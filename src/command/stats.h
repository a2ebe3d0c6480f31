// SPDX-License-Identifier: BSD-3-Clause
// CommandStats: how often each command ran, for how long, and how often it failed, on one thread.
//
// Each Runner counts for itself without locked instructions; INFO commandstats, LATENCY HISTOGRAM
// and the like add the threads up. Resetting from another thread may lose a count that happens at
// the same moment, which statistics can bear.
#ifndef CAIRN_COMMAND_STATS_H_
#define CAIRN_COMMAND_STATS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counter.h"
#include "base/latency_histogram.h"
#include "base/mutex.h"

namespace cairn::command {

using cairn::LatencyHistogram;

class CommandStats {
 public:
  struct PerCommand {
    Counter calls;
    Counter ns;
    Counter rejected;
    Counter failed;
    // release/acquire: made by the owning thread on first use, read by any.
    std::atomic<LatencyHistogram*> histogram{nullptr};
  };

  explicit CommandStats(std::size_t command_count) : commands_(command_count) {}

  void Record(std::uint32_t command, std::uint64_t ns, bool with_histogram) {
    PerCommand& stats = commands_[command];
    stats.calls.Add(1);
    stats.ns.Add(static_cast<std::int64_t>(ns));
    if (!with_histogram) return;
    LatencyHistogram* histogram = stats.histogram.load(std::memory_order_relaxed);
    if (histogram == nullptr) [[unlikely]]
      histogram = MakeHistogram(stats);
    histogram->Record(ns);
  }
  // `count` calls that took `ns` together.
  void RecordRun(std::uint32_t command, std::size_t count, std::uint64_t ns, bool with_histogram);
  PerCommand& at(std::uint32_t command) { return commands_[command]; }
  std::size_t size() const { return commands_.size(); }
  // Of all commands; linear in their number.
  std::int64_t total_calls() const;

  Counter total_errors;
  Counter changes;  // writes that took effect

 private:
  LatencyHistogram* MakeHistogram(PerCommand& stats);

  std::vector<PerCommand> commands_;
  // owning thread only: readers go through PerCommand. Apart from it, so that it stays small.
  std::vector<std::unique_ptr<LatencyHistogram>> histograms_;
};

// ErrorStats: how often each error code was replied. Errors are rare, so one lock serves all
// threads.
class ErrorStats {
 public:
  // Codes beyond this many are counted together as kOther: a client's text must not make names
  // without end.
  static constexpr std::size_t kCodesMax = 128;
  static constexpr std::string_view kOther = "OTHER";

  void Count(std::string_view code);
  std::vector<std::pair<std::string, std::int64_t>> Snapshot() const;
  void Reset();

 private:
  mutable Mutex mu_;
  std::map<std::string, std::int64_t, std::less<>> counts_ GUARDED_BY(mu_);
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_STATS_H_
