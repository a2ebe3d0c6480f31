// SPDX-License-Identifier: BSD-3-Clause
// The kernel's clocks (through the vDSO, so without a system call), and the rate of the processor's
// counter against them.
#include "base/clock.h"

#include <time.h>

#include "base/check.h"

namespace cairn {
namespace {

constexpr std::int64_t kCalibrationNs = 2'000'000;

std::int64_t ReadNs(clockid_t id) {
  timespec now;
  const int failed = ::clock_gettime(id, &now);
  CHECK(failed == 0);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::int64_t SystemClock::NowUnixUs() const { return ReadNs(CLOCK_REALTIME) / 1000; }

MonotonicUs SystemClock::NowMonotonicUs() const { return ReadNs(CLOCK_MONOTONIC) / 1000; }

double MeasureCyclesPerUs() {
  const std::int64_t start_ns = ReadNs(CLOCK_MONOTONIC);
  const std::uint64_t start_cycles = CycleNow();
  std::int64_t now_ns = start_ns;
  // Spinning rather than sleeping: the measure is over early even on a loaded machine, and being
  // descheduled does no harm, since both clocks go on.
  while (now_ns - start_ns < kCalibrationNs) now_ns = ReadNs(CLOCK_MONOTONIC);
  const std::uint64_t cycles = CycleNow() - start_cycles;
  return static_cast<double>(cycles) * 1000.0 / static_cast<double>(now_ns - start_ns);
}

}  // namespace cairn
