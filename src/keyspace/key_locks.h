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
//   (0) Whoever locks also releases: nothing is held at the end of a KeyLocks (DCHECKed).
//   (1) Stripes are locked ascending, only here; no call adds a stripe later.
//   (1a) A worker never waits for a stripe that is held for long (command/lane.h): Try... gives
//   back what it has and says no. Nobody who holds one for long waits for a worker that waits.
//   (2) A log position is taken while they are held, so log order agrees with lock order.
//   (3) Under a stripe nothing waits: no I/O, no mutex but the log's and the arenas', both leaves.
//
// One KeyLocks belongs to one call on one thread. It is the capability that clang's thread-safety
// analysis tracks: a Txn cannot be made without one that is held. Cost: one lock for one key; for
// more, a bit set of the stripes that is walked upwards, so sorting and removing doubles come free
// and nothing is allocated.
#ifndef CAIRN_KEYSPACE_KEY_LOCKS_H_
#define CAIRN_KEYSPACE_KEY_LOCKS_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/thread_annotations.h"
#include "keyspace/stripe.h"

namespace cairn::keyspace {

class Keyspace;

class CAPABILITY("stripes") KeyLocks {
 public:
  explicit KeyLocks(Keyspace& keyspace);  // inline in keyspace.h
  ~KeyLocks() { DCHECK(!holds_any()); }
  KeyLocks(const KeyLocks&) = delete;
  KeyLocks& operator=(const KeyLocks&) = delete;

  // Locks the stripes of these keys; none at all for no keys.
  void Acquire(std::span<const KeyRef> keys) ACQUIRE() NO_THREAD_SAFETY_ANALYSIS {
    if (keys.size() == 1) [[likely]]
      return AcquireStripe(keys[0].stripe);
    AcquireSet(keys);
  }
  // The same, unless somebody holds one of them for long: then false, and none is locked.
  [[nodiscard]] bool TryAcquire(std::span<const KeyRef> keys)
      TRY_ACQUIRE(true) NO_THREAD_SAFETY_ANALYSIS {
    if (keys.size() == 1) [[likely]]
      return TryAcquireStripe(keys[0].stripe);
    return TryAcquireSet(keys);
  }
  [[nodiscard]] bool TryAcquireStripe(StripeId stripe) TRY_ACQUIRE(true) NO_THREAD_SAFETY_ANALYSIS {
    DCHECK(!holds_any());
    Stripe& wanted = stripes_[stripe.value];
    if (!wanted.mu.LockUnlessLong()) [[unlikely]]
      return false;
    one_ = &wanted;
    return true;
  }
  [[nodiscard]] bool TryAcquireAll() TRY_ACQUIRE(true);
  // For a hold that may last: workers go by meanwhile.
  void AcquireForLong(const StripeSet& stripes) ACQUIRE();
  static StripeSet SetOf(std::span<const KeyRef> keys);
  // Within a thread's hold of all stripes, a further one is free.
  void AcquireAll() ACQUIRE();
  void AcquireStripe(StripeId stripe) ACQUIRE() NO_THREAD_SAFETY_ANALYSIS {
    DCHECK(!holds_any());
    one_ = &stripes_[stripe.value];
    one_->mu.Lock();
  }
  void Release() RELEASE() NO_THREAD_SAFETY_ANALYSIS {
    if (one_ == nullptr) [[unlikely]]
      return ReleaseSet();
    std::exchange(one_, nullptr)->mu.Unlock();
  }

  bool Holds(StripeId stripe) const;

 private:
  void AcquireSet(std::span<const KeyRef> keys) ACQUIRE();
  bool TryAcquireSet(std::span<const KeyRef> keys) TRY_ACQUIRE(true);
  void ReleaseSet() RELEASE();
  void LockSet();
  bool TryLockSet();
  // True if this thread holds them all already.
  bool BeginAll();

  bool holds_any() const { return one_ != nullptr || set_.has_value(); }

  std::vector<Stripe>& stripes_;
  std::atomic<std::uintptr_t>& all_holder_;  // the keyspace's
  enum class Hold : std::uint8_t { kSome, kAll, kNested };
  Hold hold_ = Hold::kSome;
  Stripe* one_ = nullptr;  // the one that is held, unless a set is
  std::optional<StripeSet> set_;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_KEY_LOCKS_H_
