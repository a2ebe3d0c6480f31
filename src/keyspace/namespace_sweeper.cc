// SPDX-License-Identifier: BSD-3-Clause
// The walk, and the eviction of what is over a budget. Both take room in the log first, and leave a
// stripe that is held for long to a later tick.
#include "keyspace/namespace_sweeper.h"

#include <algorithm>
#include <string>

#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

// For the DELs of a step; keys may be longer than this allows for, see Expirer.
constexpr std::size_t kCreditBytes = 64UL * 1024;

enum class Dead : bool { kBury, kLeave };

bool WantsTending(const Keyspace& keyspace, const Entry& entry, bool is_shadow, Dead dead) {
  const CacheNotes* notes = entry.notes();
  if (notes != nullptr && notes->IsDead()) return dead == Dead::kBury;
  if (is_shadow && !notes->is_negative) return false;
  const Namespace* space = keyspace.namespaces().Of(entry.key());
  return (notes == nullptr ? nullptr : notes->space()) != space;
}

// Looks at some home buckets of a table. Returns the cursor of the next.
std::uint64_t TendSome(Keyspace& keyspace, const KeyLocks& held, StripeId id, const Viewer& viewer,
                       std::uint64_t cursor, Dead dead) NO_THREAD_SAFETY_ANALYSIS {
  const Shard* shard = keyspace.stripe(id).shard(viewer.db);
  if (shard == nullptr || shard->table.size() == 0) return 0;
  std::vector<std::string> wanted;
  const bool is_shadow = keyspace.IsShadow(viewer.db);
  const std::uint64_t next =
      shard->table.ScanNodes(cursor, NamespaceSweeper::kHomes, [&](const Entry* entry) {
        if (WantsTending(keyspace, *entry, is_shadow, dead)) wanted.emplace_back(entry->key());
      });
  Txn txn(keyspace, held, viewer);
  for (const std::string& key : wanted) txn.Tend(keyspace.Ref(key));
  return next;
}

}  // namespace

bool NamespaceSweeper::Tick() {
  Namespaces& namespaces = keyspace_.namespaces();
  if (!namespaces.any()) return false;
  if (!is_walking_ && namespaces.changes() != began_at_) {
    began_at_ = namespaces.changes();
    is_walking_ = true;
  }
  for (std::size_t i = 0; i < kStepsATick && is_walking_; ++i) {
    if (!Step()) break;
  }
  const bool may_evict_more = KeepBudgets();
  return may_evict_more || (is_walking_ && !keyspace_.cut_backlog().is_full());
}

bool NamespaceSweeper::Step() {
  log::CommandLog& log = keyspace_.log();
  if (keyspace_.cut_backlog().is_full()) return false;
  const std::size_t credit = log.active() ? kCreditBytes : 0;
  if (credit > 0 && !log.TakeCredit(credit)) return false;
  KeyLocks locks(keyspace_);
  const bool held = locks.TryAcquireStripe(walk_.stripe());
  if (held) {
    const Viewer viewer(walk_.db(), keyspace_.clock().NowUnixMs(), random_);
    is_walking_ = !walk_.Advance(
        TendSome(keyspace_, locks, walk_.stripe(), viewer, walk_.cursor(), Dead::kBury));
    if (!is_walking_) keyspace_.namespaces().NoteSwept(began_at_);
    locks.Release();
  }
  if (credit > 0) log.ReturnCredit(credit);
  return held;
}

// The dead stay what they are: their DELs would not fit the room in the log that the caller has.
void NamespaceSweeper::TendAll(Keyspace& keyspace, const KeyLocks& held, const Viewer& viewer) {
  TableWalk walk(keyspace);
  bool is_done = false;
  while (!is_done) {
    Viewer at(walk.db(), viewer.now_ms(), viewer.random);
    at.sees_expiry = viewer.sees_expiry;
    is_done =
        walk.Advance(TendSome(keyspace, held, walk.stripe(), at, walk.cursor(), Dead::kLeave));
  }
}

void NamespaceSweeper::TendAllInSteps(Keyspace& keyspace, Random& random) {
  TableWalk walk(keyspace);
  bool is_done = false;
  while (!is_done) {
    const Viewer at(walk.db(), keyspace.clock().NowUnixMs(), random);
    KeyLocks locks(keyspace);
    locks.AcquireStripe(walk.stripe());
    is_done =
        walk.Advance(TendSome(keyspace, locks, walk.stripe(), at, walk.cursor(), Dead::kLeave));
    locks.Release();
  }
}

// What is declared is read under any stripe.
std::vector<Namespace*> NamespaceSweeper::OverBudget() {
  std::vector<Namespace*> over;
  const TryWalkLock hold(keyspace_, keyspace_.stripe(StripeId(0)));
  if (!hold.held()) return over;
  for (Namespace* space : keyspace_.namespaces().declared()) {
    if (space->is_over_budget()) over.push_back(space);
  }
  return over;
}

// True if some went, and there is still too much.
bool NamespaceSweeper::KeepBudgets() {
  bool is_more_due = false;
  for (const Namespace* space : OverBudget()) {
    std::size_t evicted = 0;
    const std::size_t start = random_.Below(keyspace_.stripe_count());
    const std::size_t count = std::min(kStripesSampled, keyspace_.stripe_count());
    for (std::size_t i = 0; i < count; ++i) {
      evicted += EvictIn(
          StripeId(static_cast<std::uint16_t>((start + i) % keyspace_.stripe_count())), *space);
    }
    is_more_due |= evicted > 0;
  }
  return is_more_due;
}

std::size_t NamespaceSweeper::EvictIn(StripeId id, const Namespace& space) {
  log::CommandLog& log = keyspace_.log();
  if (keyspace_.cut_backlog().is_full()) return 0;
  const std::size_t credit = log.active() ? kCreditBytes : 0;
  if (credit > 0 && !log.TakeCredit(credit)) return 0;
  KeyLocks locks(keyspace_);
  std::size_t evicted = 0;
  if (locks.TryAcquireStripe(id)) {
    for (std::uint32_t db = 0; db < keyspace_.database_count(); ++db) {
      const Shard* shard = keyspace_.stripe(id).shard(DbId(db));
      if (shard == nullptr || shard->table.size() == 0) continue;
      const Viewer viewer(DbId(db), keyspace_.clock().NowUnixMs(), random_);
      Txn txn(keyspace_, locks, viewer);
      evicted += txn.EvictWorst(DbId(db), *shard, space, kEvictionsAStripe, {});
    }
    locks.Release();
  }
  if (credit > 0) log.ReturnCredit(credit);
  return evicted;
}

}  // namespace cairn::keyspace
