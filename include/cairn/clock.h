// SPDX-License-Identifier: BSD-3-Clause
// Clock: the door through which time comes into the toolkit, so that a test can stand in it.
//
// Monotonic time measures (deadlines, ages, leases); Unix time is shown and stored. Nothing in the
// toolkit asks the system's clocks but SystemClock(). VirtualTime (cairn/testkit/virtual_time.h) is
// a clock that a test moves.
//
//   StoreOptions options{.clock = &time};
//
// Errors: none. Thread safety: any thread. Lifetimes: a clock outlives the stores that were given
// it. Cost: SystemClock some 20 ns a call.
#ifndef CAIRN_CLOCK_H_
#define CAIRN_CLOCK_H_

#include <chrono>
#include <cstdint>

namespace cairn::cache {

using Duration = std::chrono::nanoseconds;
using Millis = std::chrono::milliseconds;
// Who waits for something (a lock, a permit, a job) waits so long at most, whatever he asks for:
// Duration::max() is as good as for ever. A client knows of a command that waits longer no end, and
// servers end at 31 years (LOCK.ACQUIRE: 10^12 ms).
inline constexpr Millis kWaitMax = std::chrono::hours(24 * 365);
// Milliseconds since the Unix epoch.
using UnixTime = std::chrono::sys_time<std::chrono::milliseconds>;

class Clock {
 public:
  // What std::chrono wants of a clock: a TimePoint belongs to one Clock object at a time.
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Clock, Duration>;
  static constexpr bool is_steady = true;

  virtual ~Clock() = default;
  // Never goes back; begins anywhere. Nanoseconds.
  virtual time_point Now() const = 0;
  // May go back, when the machine's clock is set.
  virtual UnixTime UnixNow() const = 0;
};

using TimePoint = Clock::time_point;

// The machine's; lives for ever.
const Clock& SystemClock();

}  // namespace cairn::cache

#endif  // CAIRN_CLOCK_H_
