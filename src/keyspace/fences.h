// SPDX-License-Identifier: BSD-3-Clause
// Fences: numbers that only grow, for the grants of locks (commands/lock.cc). Whoever guards
// something by a lock hands its number along, and what has seen a greater one refuses it.
//
// One sequence serves all keys, so a key's fences grow whatever happens to the key: expiry, DEL,
// FLUSHALL. It follows the clock, in microseconds, and never falls behind what was drawn:
//
//     next = max(last + 1, now)
//
// After a restart it goes on above whatever the files name, which is every fence whose grant is in
// the log, and the last one, which an RDB file has beside the keys. What a crash cut off the end of
// the log is not named: the clock has gone on since, which is more than those were. If it has not,
// since it was set back to before what the files name, the sequence goes on an hour above that.
//
// Not always so far above: the fences of a short life between two crashes, whose log is lost, too,
// would come again in the next one. The clock tells lives apart.
//
// Thread safety: any thread, no lock.
#ifndef CAIRN_KEYSPACE_FENCES_H_
#define CAIRN_KEYSPACE_FENCES_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/ids.h"

namespace cairn::keyspace {

class Fences {
 public:
  static constexpr std::int64_t kLostUsMax = 3'600'000'000;

  // A greater one than any before.
  std::int64_t Draw(UnixMs now_ms) {
    std::int64_t last = last_.load(std::memory_order_relaxed);
    std::int64_t next = 0;
    do {
      next = std::max(last + 1, now_ms * 1000);
    } while (!last_.compare_exchange_weak(last, next, std::memory_order_relaxed));
    return next;
  }
  // One that was drawn elsewhere: later ones are to be greater.
  void Exceed(std::int64_t fence) {
    std::int64_t last = last_.load(std::memory_order_relaxed);
    while (last < fence && !last_.compare_exchange_weak(last, fence, std::memory_order_relaxed)) {
    }
  }
  // One that a file names, behind which others may be lost.
  void ExceedLoaded(std::int64_t fence, UnixMs now_ms) {
    Exceed(fence < now_ms * 1000 ? fence : fence + kLostUsMax);
  }
  // 0 if there was none.
  std::int64_t last() const { return last_.load(std::memory_order_relaxed); }

 private:
  // relaxed: of two grants for a key, the key's stripe has already put one first.
  std::atomic<std::int64_t> last_{0};
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_FENCES_H_
