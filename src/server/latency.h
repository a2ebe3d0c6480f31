// SPDX-License-Identifier: BSD-3-Clause
// LatencyMonitor: events that took longer than latency-monitor-threshold milliseconds, by name, the
// last 160 samples of each.
//
// What LATENCY HISTORY, LATEST, RESET and GRAPH show. Off (threshold 0) it costs one relaxed load
// where an event is measured. Thread-safe.
#ifndef CAIRN_SERVER_LATENCY_H_
#define CAIRN_SERVER_LATENCY_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace cairn::server {

struct LatencySample {
  std::int64_t unix_seconds = 0;
  std::int64_t duration_ms = 0;
};

struct LatencyEvent {
  std::string name;
  std::vector<LatencySample> samples;  // oldest first
  std::int64_t max_ms = 0;             // since the last reset
};

class LatencyMonitor {
 public:
  static constexpr std::size_t kSamplesMax = 160;
  static constexpr std::size_t kEventsMax = 64;  // names are ours, so this is never reached

  // 0 turns the monitor off.
  void SetThresholdMs(std::int64_t ms) { threshold_ms_.store(ms, std::memory_order_relaxed); }
  std::int64_t threshold_ms() const { return threshold_ms_.load(std::memory_order_relaxed); }
  // Adds a sample if it passes the threshold. A second with several keeps the longest.
  void Record(std::string_view event, std::int64_t duration_ms, std::int64_t unix_seconds);
  std::vector<LatencyEvent> Events() const;
  // Forgets one event; returns whether there was one.
  bool Reset(std::string_view event);
  std::size_t ResetAll();

 private:
  struct Series {
    std::deque<LatencySample> samples;
    std::int64_t max_ms = 0;
  };

  std::atomic<std::int64_t> threshold_ms_{0};
  mutable Mutex mu_;
  std::map<std::string, Series, std::less<>> series_ GUARDED_BY(mu_);
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_LATENCY_H_
