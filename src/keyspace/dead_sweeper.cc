// SPDX-License-Identifier: BSD-3-Clause
// The walk. Removing goes through Txn::Find, so that there is one place where a dead value goes and
// is logged.
#include "keyspace/dead_sweeper.h"

#include <string>
#include <vector>

#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

// A segment's share of home buckets holds some hundred entries at most.
constexpr std::size_t kCreditBytes = 64UL * 1024;

}  // namespace

void DeadSweeper::Tick() {
  if (!is_walking_) {
    const std::uint64_t bumps = keyspace_.tags().hard_bumps();
    if (bumps == seen_bumps_) return;
    seen_bumps_ = bumps;
    is_walking_ = true;
  }
  for (std::size_t i = 0; i < kStepsATick && is_walking_; ++i) {
    if (!Step()) return;
  }
}

bool DeadSweeper::Step() {
  log::CommandLog& log = keyspace_.log();
  if (keyspace_.cut_backlog().is_full()) return false;
  const std::size_t credit = log.active() ? kCreditBytes : 0;
  if (credit > 0 && !log.TakeCredit(credit)) return false;
  KeyLocks locks(keyspace_);
  const bool held = locks.TryAcquireStripe(StripeId(static_cast<std::uint16_t>(stripe_)));
  if (held) {
    Bury(locks, DbId(db_));
    locks.Release();
  }
  if (credit > 0) log.ReturnCredit(credit);
  return held;
}

void DeadSweeper::Bury(const KeyLocks& held, DbId db) {
  const Stripe& stripe = keyspace_.stripe(StripeId(static_cast<std::uint16_t>(stripe_)));
  const Shard* shard = stripe.shard(db);
  if (shard == nullptr || shard->table.size() == 0) return Advance(0);
  std::vector<std::string> dead;
  const std::uint64_t next = shard->table.ScanNodes(cursor_, kHomes, [&](const Entry* entry) {
    if (internal::IsDead(*entry)) dead.emplace_back(entry->key());
  });
  const Viewer viewer(db, keyspace_.clock().NowUnixMs(), random_);
  Txn txn(keyspace_, held, viewer);
  for (const std::string& key : dead) txn.Find(keyspace_.Ref(key), Access::kPeek);
  Advance(next);
}

void DeadSweeper::Advance(std::uint64_t cursor) {
  cursor_ = cursor;
  if (cursor_ != 0) return;
  if (++db_ < keyspace_.table_count()) return;
  db_ = 0;
  if (++stripe_ < keyspace_.stripe_count()) return;
  stripe_ = 0;
  is_walking_ = false;
}

}  // namespace cairn::keyspace
