// SPDX-License-Identifier: BSD-3-Clause
// Locking upwards, unlocking in any order. clang cannot follow locks that are chosen at run time,
// hence the exemptions: the annotations on the declarations are the contract, and Holds() is
// CHECKed in debug builds by Txn.
#include "keyspace/key_locks.h"

#include "base/check.h"
#include "keyspace/keyspace.h"

namespace cairn::keyspace {

KeyLocks::~KeyLocks() { CHECK(held_ == Held::kNothing); }

void KeyLocks::Acquire(std::span<const KeyRef> keys) NO_THREAD_SAFETY_ANALYSIS {
  DCHECK(held_ == Held::kNothing);
  if (keys.size() == 1) {
    AcquireStripe(keys[0].stripe);
    return;
  }
  set_.reset();
  for (const KeyRef& key : keys) set_.set(key.stripe.value);
  LockSet();
}

void KeyLocks::AcquireAll() NO_THREAD_SAFETY_ANALYSIS {
  DCHECK(held_ == Held::kNothing);
  set_.reset();
  for (std::size_t i = 0; i < keyspace_.stripe_count(); ++i) set_.set(i);
  LockSet();
}

void KeyLocks::LockSet() NO_THREAD_SAFETY_ANALYSIS {
  for (std::size_t i = set_._Find_first(); i < set_.size(); i = set_._Find_next(i)) {
    keyspace_.stripe(StripeId(static_cast<std::uint16_t>(i))).mu.Lock();
  }
  held_ = Held::kSet;
}

void KeyLocks::AcquireStripe(StripeId stripe) NO_THREAD_SAFETY_ANALYSIS {
  DCHECK(held_ == Held::kNothing);
  keyspace_.stripe(stripe).mu.Lock();
  one_ = stripe;
  held_ = Held::kOne;
}

bool KeyLocks::TryAcquireStripe(StripeId stripe) NO_THREAD_SAFETY_ANALYSIS {
  DCHECK(held_ == Held::kNothing);
  if (!keyspace_.stripe(stripe).mu.TryLock()) return false;
  one_ = stripe;
  held_ = Held::kOne;
  return true;
}

void KeyLocks::Release() NO_THREAD_SAFETY_ANALYSIS {
  const Held held = held_;
  held_ = Held::kNothing;
  if (held == Held::kOne) [[likely]] {
    keyspace_.stripe(one_).mu.Unlock();
    return;
  }
  if (held == Held::kNothing) return;
  for (std::size_t i = set_._Find_first(); i < set_.size(); i = set_._Find_next(i)) {
    keyspace_.stripe(StripeId(static_cast<std::uint16_t>(i))).mu.Unlock();
  }
}

bool KeyLocks::Holds(StripeId stripe) const {
  if (held_ == Held::kOne) return one_ == stripe;
  return held_ == Held::kSet && set_.test(stripe.value);
}

}  // namespace cairn::keyspace
