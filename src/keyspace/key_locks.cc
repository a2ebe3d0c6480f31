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
  for (std::size_t i = set_->_Find_first(); i < set_->size(); i = set_->_Find_next(i))
    stripes_[i].mu.LockForLong();
  if (stripes.count() < stripes_.size()) return;
  hold_ = Hold::kAll;
  all_holder_.store(Thread::CurrentId(), std::memory_order_relaxed);
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

bool KeyLocks::TryLockSet() NO_THREAD_SAFETY_ANALYSIS {
  for (std::size_t i = set_->_Find_first(); i < set_->size(); i = set_->_Find_next(i)) {
    if (stripes_[i].mu.LockUnlessLong()) continue;
    for (std::size_t taken = set_->_Find_first(); taken < i; taken = set_->_Find_next(taken))
      stripes_[taken].mu.Unlock();
    set_.reset();
    hold_ = Hold::kSome;
    return false;
  }
  return true;
}

void KeyLocks::LockSet() NO_THREAD_SAFETY_ANALYSIS {
  for (std::size_t i = set_->_Find_first(); i < set_->size(); i = set_->_Find_next(i)) {
    stripes_[i].mu.Lock();
  }
}

void KeyLocks::ReleaseSet() NO_THREAD_SAFETY_ANALYSIS {
  if (!set_.has_value()) return;
  const StripeSet held = *set_;
  set_.reset();
  const Hold hold = std::exchange(hold_, Hold::kSome);
  if (hold == Hold::kNested) return;
  if (hold == Hold::kAll) all_holder_.store(0, std::memory_order_relaxed);
  for (std::size_t i = held._Find_first(); i < held.size(); i = held._Find_next(i)) {
    stripes_[i].mu.Unlock();
  }
}

bool KeyLocks::Holds(StripeId stripe) const {
  if (one_ != nullptr) return one_ == &stripes_[stripe.value];
  return set_.has_value() && set_->test(stripe.value);
}

}  // namespace cairn::keyspace
