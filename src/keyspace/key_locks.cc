// SPDX-License-Identifier: BSD-3-Clause
// Locking upwards, unlocking in any order. clang cannot follow locks that are chosen at run time,
// hence the exemptions: the annotations on the declarations are the contract, and Holds() is
// CHECKed in debug builds by Txn.
#include "keyspace/key_locks.h"

#include "keyspace/keyspace.h"

namespace cairn::keyspace {

void KeyLocks::AcquireSet(std::span<const KeyRef> keys) NO_THREAD_SAFETY_ANALYSIS {
  DCHECK(!holds_any());
  set_ = SetOf(keys);
  LockSet();
}

StripeSet KeyLocks::SetOf(std::span<const KeyRef> keys) {
  StripeSet set;
  for (const KeyRef& key : keys) set.set(key.stripe.value);
  return set;
}

bool KeyLocks::TryAcquireSet(std::span<const KeyRef> keys) NO_THREAD_SAFETY_ANALYSIS {
  DCHECK(!holds_any());
  set_ = SetOf(keys);
  return TryLockSet();
}

void KeyLocks::AcquireForLong(const StripeSet& stripes) NO_THREAD_SAFETY_ANALYSIS {
  DCHECK(!holds_any());
  set_ = stripes;
  LockSet();
  MarkStripes();
  if (stripes.count() < stripes_.size()) return;
  hold_ = Hold::kAll;
  all_holder_.store(Thread::CurrentId(), std::memory_order_relaxed);
}

void KeyLocks::MarkLong() NO_THREAD_SAFETY_ANALYSIS {
  if (!std::exchange(is_marked_, true))
    extending_.marked_holds.fetch_add(1, std::memory_order_relaxed);
  if (has_turn_) extending_.turn.MarkLong();
  MarkStripes();
}

void KeyLocks::MarkStripes() NO_THREAD_SAFETY_ANALYSIS {
  if (one_ != nullptr) set_.emplace().set(IndexOf(*std::exchange(one_, nullptr)));
  if (!set_) return;
  for (std::size_t i = set_->_Find_first(); i < set_->size(); i = set_->_Find_next(i))
    stripes_[i].mu.MarkLong();
}

bool KeyLocks::BeginAll() {
  DCHECK(!holds_any());
  set_.emplace();
  for (std::size_t i = 0; i < stripes_.size(); ++i) set_->set(i);
  const bool nested = all_holder_.load(std::memory_order_relaxed) == Thread::CurrentId();
  hold_ = nested ? Hold::kNested : Hold::kAll;
  return nested;
}

void KeyLocks::AcquireAll() NO_THREAD_SAFETY_ANALYSIS {
  if (BeginAll()) return;
  LockSet();
  all_holder_.store(Thread::CurrentId(), std::memory_order_relaxed);
}

bool KeyLocks::TryAcquireAll() NO_THREAD_SAFETY_ANALYSIS {
  if (BeginAll()) return true;
  if (!TryLockSet()) return false;
  all_holder_.store(Thread::CurrentId(), std::memory_order_relaxed);
  return true;
}

std::size_t KeyLocks::LockUnlessLong() NO_THREAD_SAFETY_ANALYSIS {
  for (std::size_t i = set_->_Find_first(); i < set_->size(); i = set_->_Find_next(i)) {
    if (stripes_[i].mu.LockUnlessLong()) continue;
    for (std::size_t taken = set_->_Find_first(); taken < i; taken = set_->_Find_next(taken))
      stripes_[taken].mu.Unlock();
    return i;
  }
  return set_->size();
}

bool KeyLocks::TryLockSet() {
  if (LockUnlessLong() == set_->size()) return true;
  set_.reset();
  hold_ = Hold::kSome;
  return false;
}

// Waits for what is held for long with nothing in hand (1a).
void KeyLocks::LockSet() NO_THREAD_SAFETY_ANALYSIS {
  while (true) {
    const std::size_t held_for_long = LockUnlessLong();
    if (held_for_long == set_->size()) return;
    stripes_[held_for_long].mu.Lock();
    stripes_[held_for_long].mu.Unlock();
  }
}

// ---- Extending ---------------------------------------------------------------------------------

bool KeyLocks::TryTakeTurn() NO_THREAD_SAFETY_ANALYSIS {
  DCHECK(!holds_any());
  has_turn_ = extending_.turn.LockUnlessLong();
  return has_turn_;
}

void KeyLocks::TakeTurn() NO_THREAD_SAFETY_ANALYSIS {
  DCHECK(!holds_any());
  extending_.turn.Lock();
  has_turn_ = true;
}

void KeyLocks::LeaveTurn() NO_THREAD_SAFETY_ANALYSIS {
  if (std::exchange(has_turn_, false)) extending_.turn.Unlock();
}

bool KeyLocks::ExtendToAll() {
  StripeSet all;
  for (std::size_t i = 0; i < stripes_.size(); ++i) all.set(i);
  return Extend(all);
}

bool KeyLocks::Extend(const StripeSet& more) NO_THREAD_SAFETY_ANALYSIS {
  DCHECK(hold_ != Hold::kNested);
  if (!set_) set_.emplace();
  if (one_ != nullptr) set_->set(IndexOf(*std::exchange(one_, nullptr)));
  StripeSet missing = more & ~*set_;
  if (!TryAdd(missing)) {
    MarkLong();
    std::int32_t nobody = Extending::kNobody;
    while (!extending_.wanted.compare_exchange_weak(nobody, Extending::kSomebody)) {
      // He waits for one of ours, and we would wait for him.
      if (nobody >= 0 && set_->test(static_cast<std::size_t>(nobody))) return false;
      const std::size_t count = missing.count();
      if (TryAdd(missing)) break;
      if (missing.count() < count) MarkStripes();
      nobody = Extending::kNobody;
      Thread::Yield();
    }
    if (missing.any()) WaitAndAdd(missing);
  }
  if (set_->count() == stripes_.size() && hold_ == Hold::kSome) {
    hold_ = Hold::kAll;
    all_holder_.store(Thread::CurrentId(), std::memory_order_relaxed);
  }
  return true;
}

// Takes what is free of `more` out of it, and adds it. True if that is all.
bool KeyLocks::TryAdd(StripeSet& more) NO_THREAD_SAFETY_ANALYSIS {
  for (std::size_t i = more._Find_first(); i < more.size(); i = more._Find_next(i)) {
    if (!stripes_[i].mu.TryLock()) continue;
    set_->set(i);
    more.reset(i);
  }
  return more.none();
}

// What was added since is held while this waits, so it is marked like the rest.
void KeyLocks::WaitAndAdd(const StripeSet& more) NO_THREAD_SAFETY_ANALYSIS {
  MarkStripes();
  for (std::size_t i = more._Find_first(); i < more.size(); i = more._Find_next(i)) {
    extending_.wanted.store(static_cast<std::int32_t>(i));
    stripes_[i].mu.LockForLong();
    set_->set(i);
  }
  extending_.wanted.store(Extending::kNobody);
}

void KeyLocks::ReleaseSet() NO_THREAD_SAFETY_ANALYSIS {
  if (!set_.has_value()) return;
  const StripeSet held = *set_;
  set_.reset();
  const Hold hold = std::exchange(hold_, Hold::kSome);
  if (std::exchange(is_marked_, false))
    extending_.marked_holds.fetch_sub(1, std::memory_order_relaxed);
  if (hold == Hold::kNested) return;
  if (hold == Hold::kAll) all_holder_.store(0, std::memory_order_relaxed);
  for (std::size_t i = held._Find_first(); i < held.size(); i = held._Find_next(i)) {
    stripes_[i].mu.Unlock();
  }
}

StripeSet KeyLocks::held() const {
  if (one_ == nullptr) return set_.value_or(StripeSet());
  StripeSet set;
  set.set(IndexOf(*one_));
  return set;
}

bool KeyLocks::Holds(StripeId stripe) const {
  if (one_ != nullptr) return one_ == &stripes_[stripe.value];
  return set_.has_value() && set_->test(stripe.value);
}

}  // namespace cairn::keyspace
