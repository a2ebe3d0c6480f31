// SPDX-License-Identifier: BSD-3-Clause
// CutBacklog: how much a cut has handed out that its user has not taken yet.
//
// Part of the keyspace, so that writers may ask without knowing whether there is a cut.
// Thread safety: any thread; nobody waits with a stripe locked.
#ifndef CAIRN_KEYSPACE_CUT_BACKLOG_H_
#define CAIRN_KEYSPACE_CUT_BACKLOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/mutex.h"

namespace cairn::keyspace {

class CutBacklog {
 public:
  static constexpr std::size_t kBytesMax = 16 * 1024 * 1024;

  // Writers are to wait. relaxed: a bound and no more.
  bool is_full() const { return bytes_.load(std::memory_order_relaxed) > kBytesMax; }
  // Sleeps until it is not full any more. REQUIRES: no stripe locked by this thread.
  void WaitForRoom() {
    while (is_full()) room_.WaitFor(kLookAgainUs);
  }

  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  void Add(std::size_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void Remove(std::size_t bytes) {
    if (bytes_.fetch_sub(bytes, std::memory_order_relaxed) > kBytesMax) room_.Notify();
  }

 private:
  static constexpr std::int64_t kLookAgainUs = 10'000;  // one is told, others may wait, too

  std::atomic<std::size_t> bytes_{0};
  Event room_;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_CUT_BACKLOG_H_
