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
//   (1) Stripes are locked ascending, only here; no call but a script's adds a stripe later.
//   (1a) Nobody who holds a stripe waits for one that is held for long (command/lane.h, a script
//   that extends its hold): he gives back what he has. A worker does not wait for such a stripe at
//   all: Try... says no. Others wait for that one alone, and begin anew.
//   (1b) Extend adds stripes to those that a script holds, in any order. Who extends has marked
//   what he holds as held for long, so whoever waits for it holds nothing (1a); and only one at a
//   time waits in Extend. The one cycle that is left, another who extends and holds what this one
//   wants, is seen by that other, and he gives up.
//   Who expects to extend takes the turn first (TakeTurn), before any stripe: those who have it
//   are one at a time, so among them there is no cycle.
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

// Who waits in KeyLocks::Extend.
struct Extending {
  Mutex turn;  // before all stripes
  static constexpr std::int32_t kNobody = -1;
  static constexpr std::int32_t kSomebody = -2;  // who has not said yet what he waits for
  // The stripe that is waited for. relaxed: the stripe's own lock orders the rest.
  std::atomic<std::int32_t> wanted{kNobody};
  // How many holds of scripts are marked as long. relaxed: who asks looks again soon.
  std::atomic<std::int32_t> marked_holds{0};
};

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
  // Of those who are going to Extend, one at a time. False, and not taken, if another has it for
  // long. REQUIRES: nothing held; LeaveTurn once that is so again.
  [[nodiscard]] bool TryTakeTurn();
  void TakeTurn();
  void LeaveTurn();
  // Adds stripes to those that are held. False if that would wait for a holder who waits for us in
  // Extend: then what was held is held on. REQUIRES: held, not nested.
  [[nodiscard]] bool Extend(const StripeSet& more);
  bool ExtendToAll();
  // What is held may be held for long from now on: workers go by, and who slept for it looks again.
  void MarkLong();
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
  StripeSet held() const;

 private:
  void AcquireSet(std::span<const KeyRef> keys) ACQUIRE();
  bool TryAcquireSet(std::span<const KeyRef> keys) TRY_ACQUIRE(true);
  void ReleaseSet() RELEASE();
  void LockSet();
  bool TryLockSet();
  // The first of the set that is held for long; then none is locked. The set's size: none is.
  std::size_t LockUnlessLong();
  bool TryAdd(StripeSet& more);
  void WaitAndAdd(const StripeSet& more);
  void MarkStripes();
  // True if this thread holds them all already.
  bool BeginAll();

  std::size_t IndexOf(const Stripe& stripe) const {
    return static_cast<std::size_t>(&stripe - stripes_.data());
  }
  bool holds_any() const { return one_ != nullptr || set_.has_value(); }

  std::vector<Stripe>& stripes_;
  std::atomic<std::uintptr_t>& all_holder_;  // the keyspace's
  Extending& extending_;                     // the keyspace's
  enum class Hold : std::uint8_t { kSome, kAll, kNested };
  Hold hold_ = Hold::kSome;
  bool is_marked_ = false;  // by MarkLong
  bool has_turn_ = false;
  Stripe* one_ = nullptr;  // the one that is held, unless a set is
  std::optional<StripeSet> set_;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_KEY_LOCKS_H_
