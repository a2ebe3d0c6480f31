// SPDX-License-Identifier: BSD-3-Clause
// SavePace: when a save rests, so that those who serve have the cores.
//
// A thread that never sleeps keeps its core until the kernel's next tick (4 ms at 250 a second),
// and a worker that wakes there waits as long: on two cores, saving tripled the p99.9 of others. So
// after kRunUs of work in which somebody was served the save sleeps for kRestUs. Where nobody is
// served it never does, nor while the cut's backlog is full: then writers wait for the save.
//
// Belongs to the saving thread.
#ifndef CAIRN_PERSIST_SAVE_PACE_H_
#define CAIRN_PERSIST_SAVE_PACE_H_

#include <cstdint>
#include <functional>
#include <utility>

#include "base/clock.h"
#include "keyspace/cut_backlog.h"

namespace cairn::persist {

class SavePace {
 public:
  static constexpr MonotonicUs kRunUs = 100;
  static constexpr MonotonicUs kRestUs = 100;
  // Of small keys, 16 take some 6 us to write; a look at the clock takes 0.03.
  static constexpr unsigned kStepsPerLook = 16;

  // Grows whenever somebody is served, in any unit. Null: nobody is, or with cores of their own.
  using Served = std::function<std::uint64_t()>;

  SavePace(const Clock& clock, const Served& served, const keyspace::CutBacklog& backlog)
      : clock_(clock), served_(served), backlog_(backlog), rested_us_(clock.NowMonotonicUs()) {}

  // After each key, and each part of a large value. True: a rest is due.
  bool Step() {
    if (served_ == nullptr || ++steps_ % kStepsPerLook != 0) return false;
    return clock_.NowMonotonicUs() - rested_us_ >= kRunUs && IsWanted();
  }
  // The rest, if there was one, is over.
  void Rested() { rested_us_ = clock_.NowMonotonicUs(); }

 private:
  bool IsWanted() {
    Rested();
    const std::uint64_t served = served_();
    return std::exchange(seen_, served) != served && !backlog_.is_full();
  }

  const Clock& clock_;
  const Served& served_;
  const keyspace::CutBacklog& backlog_;
  MonotonicUs rested_us_;
  std::uint64_t seen_ = 0;
  unsigned steps_ = 0;
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_SAVE_PACE_H_
