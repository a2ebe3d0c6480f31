// SPDX-License-Identifier: BSD-3-Clause
// What a change means to those who wait for the key or watch it, and what flushing and swapping
// whole databases means to them.
//
// Watching needs no memory of whether a key had expired when it was watched, as Redis has: WATCH
// and EXEC look at their keys through a Txn, which removes what is due. So one that had expired is
// absent from the start, and one that expires later is a change like any other.
#include <utility>

#include "base/check.h"
#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

// The number that the share has now: it may have been swapped.
DbId NumberOf(const Stripe& stripe, const Shard& shard, DbId guess, std::uint32_t database_count) {
  if (stripe.shard(guess) == &shard) return guess;
  for (std::uint32_t db = 0; db < database_count; ++db) {
    if (stripe.shard(DbId(db)) == &shard) return DbId(db);
  }
  CHECK(false);
  return guess;
}

}  // namespace

void Txn::TellInterested(Stripe& stripe, const Shard& shard, const KeyRef& key) {
  if (!Tells()) return;
  const DbId db = NumberOf(stripe, shard, viewer_.db, keyspace_.database_count());
  if (KeyInterest* at = stripe.interest->Find(db, key.name); at != nullptr) MarkChanged(*at);
}

void Txn::RememberEdit(Stripe& stripe, const Shard& shard, const KeyRef& key) {
  if (!Tells()) return;
  const DbId db = NumberOf(stripe, shard, viewer_.db, keyspace_.database_count());
  if (stripe.interest->Find(db, key.name) == nullptr) return;
  if (noted_ == nullptr) noted_ = std::make_unique<Noted>();
  noted_->edited.push_back({.db = db, .name = std::string(key.name)});
}

void Txn::MarkChanged(KeyInterest& at) {
  if (at.lease.is_held()) keyspace_.leases().Void(at.lease, keyspace_.Ref(at.name).stripe.value);
  for (const std::shared_ptr<WatchMark>& mark : at.marks)
    mark->dirty.store(true, std::memory_order_relaxed);
  MarkReady(at);
}

void Txn::MarkReady(KeyInterest& at) {
  if (at.waiters.empty() || std::exchange(at.ready, true)) return;
  if (noted_ == nullptr) noted_ = std::make_unique<Noted>();
  noted_->ready.push_back({.db = at.db, .name = std::string(at.name)});
}

void Txn::WakeWaiters(const KeyRef& key) {
  const Stripe& stripe = StripeOf(key);
  if (stripe.interest == nullptr) return;
  if (KeyInterest* at = stripe.interest->Find(viewer_.db, key.name); at != nullptr) MarkReady(*at);
}

// An edit that came to nothing (LREM of what is not there) names no effect and changes no key.
// Who is served next may store anew what has expired here (a lock): its DEL comes before that.
std::vector<ReadyKey> Txn::TakeReady() {
  if (expired_ != nullptr) LogExpired();
  if (!noted_->stored.empty()) SettleStored();
  const std::vector<ReadyKey> edited = std::move(noted_->edited);
  for (const ReadyKey& key : edited) {
    const Stripe& stripe = keyspace_.stripe(keyspace_.Ref(key.name).stripe);
    if (!logged_ || stripe.interest == nullptr) continue;
    if (KeyInterest* at = stripe.interest->Find(key.db, key.name); at != nullptr) MarkChanged(*at);
  }
  std::vector<ReadyKey> ready = std::move(noted_->ready);
  noted_ = nullptr;
  return ready;
}

void Txn::LeaveReady() {
  std::vector<ReadyKey> ready = TakeReady();
  if (!ready.empty()) keyspace_.LeaveReady(std::move(ready));
}

// A command often changes its key twice in a row (SET with a time).
void Txn::NoteTracked(const KeyRef& key, bool if_logged) {
  if (!Tells() || !keyspace_.tracking().Cares(key.stripe, key.name)) return;
  if (told_later_ == nullptr) {
    told_later_ = std::make_unique<std::vector<Tracked>>();
  } else {
    Tracked& last = told_later_->back();
    if (last.change.key == key.name && last.change.by_client != expiring_) {
      last.if_logged &= if_logged;
      return;
    }
  }
  told_later_->push_back(
      {.change = {.stripe = key.stripe, .key = std::string(key.name), .by_client = !expiring_},
       .if_logged = if_logged});
}

void Txn::TellTracked() {
  if (told_later_ == nullptr) return;
  std::vector<Tracking::Change> changes;
  const std::unique_ptr<std::vector<Tracked>> noted = std::exchange(told_later_, nullptr);
  for (Tracked& tracked : *noted) {
    if (logged_ || !tracked.if_logged) changes.push_back(std::move(tracked.change));
  }
  keyspace_.tracking().Tell(changes, viewer_.client);
}

// Only keys that are there change.
std::size_t Txn::FlushDatabase(DbId db) {
  for (std::size_t i = 0; i < keyspace_.stripe_count(); ++i) {
    Stripe& stripe = keyspace_.stripe(StripeId(static_cast<std::uint16_t>(i)));
    const Shard* shard = stripe.shard(db);
    if (stripe.interest == nullptr) continue;
    stripe.interest->ForEach([&](KeyInterest& at) {
      if (at.db != db) return;
      const KeyRef key = keyspace_.Ref(at.name);
      const bool is_there = shard != nullptr && shard->table.Find(key.hash, key.name).found();
      if (is_there || at.lease.is_held()) MarkChanged(at);
    });
  }
  return keyspace_.FlushDatabase(held_, db);
}

// A key changes for who cares about it in one database if either database has it. What is due goes
// first, so that it counts as expired where it was, and as absent where it would come to be.
void Txn::SwapDatabases(DbId a, DbId b) {
  for (std::size_t i = 0; a != b && i < keyspace_.stripe_count(); ++i) {
    Stripe& stripe = keyspace_.stripe(StripeId(static_cast<std::uint16_t>(i)));
    if (stripe.interest == nullptr) continue;
    stripe.interest->ForEach([&](KeyInterest& at) {
      if (at.db != a && at.db != b) return;
      const KeyRef key = keyspace_.Ref(at.name);
      const bool in_a{FindIn(a, key, Access::kPeek)};
      const bool in_b{FindIn(b, key, Access::kPeek)};
      if (in_a || in_b || at.lease.is_held()) MarkChanged(at);
    });
  }
  keyspace_.SwapDatabases(held_, a, b);
}

}  // namespace cairn::keyspace
