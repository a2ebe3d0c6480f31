// SPDX-License-Identifier: BSD-3-Clause
// Whether this thread is one that a store has started and joins when it goes: its client's
// reactor, its scheduler's, its messages'. What waits for such a thread must not be done on one:
// not on that of another store either, for the two could wait for each other.
#ifndef CAIRN_CLIENT_OWN_THREAD_H_
#define CAIRN_CLIENT_OWN_THREAD_H_

#include <memory>

#include "cairn/executor.h"

namespace cairn::client {

inline thread_local bool is_own_thread = false;

inline std::unique_ptr<cache::Scheduler> MakeOwnScheduler() {
  auto scheduler = cache::MakeThreadScheduler();
  scheduler->Post([] { is_own_thread = true; });
  return scheduler;
}

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_OWN_THREAD_H_
