// SPDX-License-Identifier: BSD-3-Clause
// RateMeter: INFO's instantaneous figures, averaged over the last 16 samples of 100 ms. One thread
// samples, any thread asks.
#ifndef CAIRN_SERVER_RATES_H_
#define CAIRN_SERVER_RATES_H_

#include <array>
#include <cstdint>

#include "base/ids.h"
#include "base/mutex.h"
#include "server/statistics.h"

namespace cairn::server {

struct Rates {
  std::int64_t commands_per_second = 0;
  double input_kib_per_second = 0;
  double output_kib_per_second = 0;
};

class RateMeter {
 public:
  void Sample(const TrafficTotals& totals, MonotonicUs now_us) {
    MutexLock hold(mu_);
    samples_[next_++ % kSamples] = {totals, now_us};
  }

  Rates Now() const {
    MutexLock hold(mu_);
    if (next_ < 2) return {};
    const Point& newest = samples_[(next_ - 1) % kSamples];
    const Point& oldest = samples_[next_ < kSamples ? 0 : next_ % kSamples];
    const double seconds = static_cast<double>(newest.at_us - oldest.at_us) / 1e6;
    if (seconds <= 0) return {};
    // A reset of the statistics in between makes differences negative: then there is no rate to
    // tell.
    const auto per_second = [&](std::int64_t from, std::int64_t to) {
      return to > from ? static_cast<double>(to - from) / seconds : 0.0;
    };
    return {static_cast<std::int64_t>(per_second(oldest.totals.commands, newest.totals.commands)),
            per_second(oldest.totals.input_bytes, newest.totals.input_bytes) / 1024,
            per_second(oldest.totals.output_bytes, newest.totals.output_bytes) / 1024};
  }

 private:
  static constexpr std::size_t kSamples = 16;
  struct Point {
    TrafficTotals totals;
    MonotonicUs at_us = 0;
  };

  mutable Mutex mu_;
  std::array<Point, kSamples> samples_ GUARDED_BY(mu_);
  std::size_t next_ GUARDED_BY(mu_) = 0;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_RATES_H_
