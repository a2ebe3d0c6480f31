// SPDX-License-Identifier: BSD-3-Clause
// CutTurn: whose turn it is to have a cut, since a keyspace has one at a time.
//
// Who wants one tries to take the turn; who does not get it says so to its client, or comes by
// again. Any thread.
#ifndef CAIRN_PERSIST_CUT_TURN_H_
#define CAIRN_PERSIST_CUT_TURN_H_

#include <atomic>
#include <cstdint>

#include "persist/save_steps.h"

namespace cairn::persist {

class CutTurn {
 public:
  enum class Holder : std::uint8_t { kNobody, kRdb, kAofRewrite, kReload };

  // acquire, and release in Give: what the one before has done with its cut is over.
  bool TryTake(Holder holder) {
    Holder nobody = Holder::kNobody;
    return holder_.compare_exchange_strong(nobody, holder, std::memory_order_acq_rel);
  }
  void Give() { holder_.store(Holder::kNobody, std::memory_order_release); }
  // Of the save that the holder makes of its cut.
  SaveSteps& steps() { return steps_; }
  Holder holder() const { return holder_.load(std::memory_order_acquire); }

 private:
  SaveSteps steps_;
  std::atomic<Holder> holder_{Holder::kNobody};
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_CUT_TURN_H_
