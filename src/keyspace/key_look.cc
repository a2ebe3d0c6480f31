// SPDX-License-Identifier: BSD-3-Clause
// Two ways to the lock, one look.
#include "keyspace/key_look.h"

#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

// REQUIRES: the stripe is locked.
KeyLook LookIn(const Stripe& stripe, DbId db, const KeyRef& key, UnixMs now_ms) {
  const Found found = internal::Lookup(stripe, db, key);
  if (!found || internal::ExpiryOf(found) <= now_ms) return {.state = KeyLook::State::kAbsent};
  return {.state = KeyLook::State::kPresent,
          .type = found.entry->type(),
          .expiry = internal::ExpiryOf(found),
          .bytes = found.entry->charged_bytes(),
          .elements = found.entry->element_count()};
}

}  // namespace

KeyLook TryLookAt(Keyspace& keyspace, DbId db, const KeyRef& key, UnixMs now_ms) {
  Stripe& stripe = keyspace.stripe(key.stripe);
  if (!stripe.mu.TryLock()) return {};
  const KeyLook look = LookIn(stripe, db, key, now_ms);
  stripe.mu.Unlock();
  return look;
}

KeyLook LookAt(Keyspace& keyspace, DbId db, const KeyRef& key, UnixMs now_ms) {
  Stripe& stripe = keyspace.stripe(key.stripe);
  const TryWalkLock hold(keyspace, stripe);
  return hold.held() ? LookIn(stripe, db, key, now_ms) : KeyLook();
}

}  // namespace cairn::keyspace
