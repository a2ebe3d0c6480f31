// SPDX-License-Identifier: BSD-3-Clause
// Ending: one thread waits until another says that something is over.
#ifndef CAIRN_PERSIST_ENDING_H_
#define CAIRN_PERSIST_ENDING_H_

#include <cstdint>

#include "base/mutex.h"

namespace cairn::persist {

class Ending {
 public:
  // Touches nothing of this once Wait may return, so it may live on the waiter's stack.
  void Say() { event_.Notify(); }
  void Wait() {
    while (!event_.WaitFor(kPatienceUs)) continue;
  }
  // The same, but no longer than so: whether it is over. At most one such call says yes.
  bool WaitFor(std::int64_t us) { return event_.WaitFor(us); }

 private:
  static constexpr std::int64_t kPatienceUs = 1'000'000;

  Event event_;
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_ENDING_H_
