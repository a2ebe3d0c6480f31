// SPDX-License-Identifier: BSD-3-Clause
// KeyLocks: the stripes one call needs, locked together.
//
// A command's keys are known before it runs (its Spec says where they stand), so it takes every
// lock at once and keeps them until its effect is in the log: conservative two-phase locking,
// strictly serializable, with no deadlock detection.
//
//     keys --crc16--> slots --mod--> stripes --sort, dedup--> lock up ...run, log... unlock
//
// Invariants
//   (1) Stripes are locked ascending, only here; no call adds a stripe later.
//   (2) A log position is taken while they are held, so log order agrees with lock order.
//   (3) Under a stripe nothing waits: no I/O, no mutex but the log's and the arenas', both leaves.
//
// One KeyLocks belongs to one call on one thread. It is the capability that clang's thread-safety
// analysis tracks: a Txn cannot be made without one that is held. Cost: one lock for one key; for
// more, a bit set of the stripes that is walked upwards, so sorting and removing doubles come free
// and nothing is allocated.
#ifndef CAIRN_KEYSPACE_KEY_LOCKS_H_
#define CAIRN_KEYSPACE_KEY_LOCKS_H_

#include <bitset>
#include <cstdint>
#include <span>

#include "base/thread_annotations.h"
#include "keyspace/stripe.h"

namespace cairn::keyspace {

class Keyspace;

class CAPABILITY("stripes") KeyLocks {
 public:
  explicit KeyLocks(Keyspace& keyspace) : keyspace_(keyspace) {}
  ~KeyLocks();  // CHECKs that nothing is held
  KeyLocks(const KeyLocks&) = delete;
  KeyLocks& operator=(const KeyLocks&) = delete;

  // Locks the stripes of these keys; none at all for no keys.
  void Acquire(std::span<const KeyRef> keys) ACQUIRE();
  void AcquireAll() ACQUIRE();
  void AcquireStripe(StripeId stripe) ACQUIRE();
  // Does not wait. For hints (prefetching) only.
  bool TryAcquireStripe(StripeId stripe) TRY_ACQUIRE(true);
  void Release() RELEASE();

  bool Holds(StripeId stripe) const;

 private:
  void LockSet();

  Keyspace& keyspace_;
  enum class Held : std::uint8_t { kNothing, kOne, kSet } held_ = Held::kNothing;
  StripeId one_;
  std::bitset<kStripeCountMax>
      set_;  // when kSet; walking it visits stripes in ascending order, which sorts for free
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_KEY_LOCKS_H_
