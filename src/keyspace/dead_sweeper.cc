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
  const bool held = locks.TryAcquireStripe(walk_.stripe());
  if (held) {
    is_walking_ = !walk_.Advance(Bury(locks));
    locks.Release();
  }
  if (credit > 0) log.ReturnCredit(credit);
  return held;
}

std::uint64_t DeadSweeper::Bury(const KeyLocks& held) {
  const Stripe& stripe = keyspace_.stripe(walk_.stripe());
  const Shard* shard = stripe.shard(walk_.db());
  if (shard == nullptr || shard->table.size() == 0) return 0;
  std::vector<std::string> dead;
  const std::uint64_t next =
      shard->table.ScanNodes(walk_.cursor(), kHomes, [&](const Entry* entry) {
        if (internal::IsDead(*entry)) dead.emplace_back(entry->key());
      });
  const Viewer viewer(walk_.db(), keyspace_.clock().NowUnixMs(), random_);
  Txn txn(keyspace_, held, viewer);
  for (const std::string& key : dead) txn.Find(keyspace_.Ref(key), Access::kPeek);
  return next;
}

}  // namespace cairn::keyspace
