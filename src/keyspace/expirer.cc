// SPDX-License-Identifier: BSD-3-Clause
// The sweep. The road not taken: sampling, as Redis does; it leaves expired keys for minutes when
// few among many volatile ones are due (a median of 19 s, measured on Redis 7.0).
#include "keyspace/expirer.h"

#include <algorithm>

#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

// Room in the log for the DELs of one batch. Keys may be longer than this allows for; the part of
// the ring that is never promised takes that up.
constexpr std::size_t kSweepCreditBytes = 256 * Expirer::kBatch;

}  // namespace

UnixMs Expirer::NextDue() const {
  UnixMs due = kNever;
  for (std::size_t i = 0; i < keyspace_.stripe_count(); ++i) {
    const Stripe& stripe = keyspace_.stripe(StripeId(static_cast<std::uint16_t>(i)));
    due = std::min(due, stripe.next_expiry_ms.load(std::memory_order_relaxed));
  }
  return due;
}

bool Expirer::Tick(std::size_t budget) {
  const UnixMs now_ms = keyspace_.clock().NowUnixMs();
  bool done = true;
  for (std::size_t i = 0; i < keyspace_.stripe_count(); ++i) {
    Stripe& stripe = keyspace_.stripe(StripeId(static_cast<std::uint16_t>(i)));
    while (stripe.next_expiry_ms.load(std::memory_order_relaxed) <= now_ms) {
      if (budget == 0) return false;
      budget -= std::min(budget, kBatch);
      if (SweepStripe(stripe, now_ms)) break;
      done = false;
    }
  }
  return done || NextDue() > now_ms;
}

// One lock hold. True if nothing that is due is left in the stripe.
bool Expirer::SweepStripe(Stripe& stripe, UnixMs now_ms) {
  log::CommandLog& log = keyspace_.log();
  // What is due stays hidden, and goes at a later tick, where a cut's user or the log's is behind.
  if (keyspace_.cut_backlog().is_full()) return true;
  const std::size_t credit = log.active() ? kSweepCreditBytes : 0;
  if (credit > 0 && !log.TakeCredit(credit)) return true;
  bool done = true;
  UnixMs next = kNever;
  {
    KeyLocks locks(keyspace_);
    if (!locks.TryAcquireStripe(StripeId(stripe.id))) {
      // Held for long: the other stripes do not wait for it.
      if (credit > 0) log.ReturnCredit(credit);
      return true;
    }
    for (std::uint32_t db = 0; db < keyspace_.table_count(); ++db) {
      const Shard* shard = stripe.shard(DbId(db));
      if (shard == nullptr) continue;
      done &= SweepShard(locks, stripe, DbId(db), now_ms);
      next = std::min(next, shard->table.min_expiry());
    }
    stripe.next_expiry_ms.store(next, std::memory_order_relaxed);
    locks.Release();
  }
  if (credit > 0) log.ReturnCredit(credit);
  return done;
}

// Finding the key again through the Txn, rather than removing it by position, keeps one place where
// expiry happens and is logged.
bool Expirer::SweepShard(const KeyLocks& held, Stripe& stripe, DbId db, UnixMs now_ms) {
  const Viewer viewer(db, now_ms, random_);
  Txn txn(keyspace_, held, viewer);
  Shard& shard = *stripe.shard(db);
  const auto table_bytes = [&] { return static_cast<std::int64_t>(shard.table.memory_bytes()); };
  // The Txn books what each removal gives back; what the walk itself gives back is booked here.
  std::int64_t unbooked = -table_bytes();
  const bool done = shard.table.ForEachExpired(now_ms, kBatch, [&](Position position) {
    unbooked += table_bytes();
    txn.Find(keyspace_.Ref(shard.table.At(position)->key()), Access::kPeek);
    unbooked -= table_bytes();
  });
  keyspace_.Charge(stripe, shard, unbooked + table_bytes());
  return done;
}

}  // namespace cairn::keyspace
