// SPDX-License-Identifier: BSD-3-Clause
// Clock: time comes through this door only, so that tests and the simulator own it.
//
// Wall time decides expiry; monotonic time measures durations. SystemClock reads the kernel (vDSO,
// about 20 ns); callers on the hot path read it once per batch and pass the number on. CycleNow is
// the processor's counter for timing single commands (about 7 ns).
#ifndef CAIRN_BASE_CLOCK_H_
#define CAIRN_BASE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "base/ids.h"

namespace cairn {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t NowUnixUs() const = 0;      // microseconds since the Unix epoch
  virtual MonotonicUs NowMonotonicUs() const = 0;  // microseconds since some fixed moment
  UnixMs NowUnixMs() const { return NowUnixUs() / 1000; }
};

class SystemClock final : public Clock {
 public:
  std::int64_t NowUnixUs() const override;
  MonotonicUs NowMonotonicUs() const override;
};

// A clock that stands still until told. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t unix_us) : now_us_(unix_us) {}
  std::int64_t NowUnixUs() const override { return now_us_.load(std::memory_order_relaxed); }
  MonotonicUs NowMonotonicUs() const override { return now_us_.load(std::memory_order_relaxed); }
  void AdvanceMs(std::int64_t ms) { now_us_.fetch_add(ms * 1000, std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> now_us_;
};

// Processor cycles, and how many of them make a microsecond (measured once, takes about 2 ms).
inline std::uint64_t CycleNow() { return __builtin_ia32_rdtsc(); }
double MeasureCyclesPerUs();

}  // namespace cairn

#endif  // CAIRN_BASE_CLOCK_H_
