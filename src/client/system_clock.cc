// SPDX-License-Identifier: BSD-3-Clause
// The public clock over the house's own.
#include "base/clock.h"
#include "cairn/clock.h"

namespace cairn::cache {
namespace {

class TheSystemClock final : public Clock {
 public:
  TimePoint Now() const override {
    return TimePoint(std::chrono::microseconds(clock_.NowMonotonicUs()));
  }
  UnixTime UnixNow() const override {
    return UnixTime(std::chrono::milliseconds(clock_.NowUnixMs()));
  }

 private:
  cairn::SystemClock clock_;
};

}  // namespace

const Clock& SystemClock() {
  static const TheSystemClock clock;
  return clock;
}

}  // namespace cairn::cache
