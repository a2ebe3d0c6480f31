// SPDX-License-Identifier: BSD-3-Clause
// The steps. A purge that cannot go on (its pace, a stripe that is held for long, a log without
// room) waits for a later tick, and the others go on.
#include "keyspace/purger.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "base/glob.h"
#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

constexpr std::int64_t kAKey = 1000;  // of an allowance
// In the log, beside a name: its frame.
constexpr std::size_t kEffectBytes = 32;

bool WantsType(const PurgeOrder& order, Type type) { return !order.type || *order.type == type; }

}  // namespace

bool Purger::Tick() {
  if (works_.empty() && !keyspace_.purges().any_running()) return false;
  TakeUp();
  matching_ = 0;
  bool is_more_due = false;
  for (Work& work : works_) is_more_due |= RunSome(work);
  std::erase_if(works_, [](const Work& work) { return work.is_done; });
  return is_more_due;
}

// New ones come behind those that are known; what runs no more is dropped when it is come upon.
void Purger::TakeUp() {
  const UnixMs now_ms = keyspace_.clock().NowUnixMs();
  const std::uint64_t last = works_.empty() ? 0 : works_.back().id;
  for (const PurgeReport& report : keyspace_.purges().Reports(now_ms)) {
    if (report.id > last && report.state == PurgeState::kRunning)
      works_.push_back(
          {.id = report.id, .order = report.order, .allowance = kAKey, .paid_until = now_ms});
  }
}

// A clock that goes back pays nothing; one that leaps ahead pays a burst.
void Purger::Pay(Work& work) {
  const std::int64_t rate = work.order->rate;
  if (rate == 0) {
    work.allowance = static_cast<std::int64_t>(kKeysAHold) * kAKey;
    return;
  }
  const UnixMs now_ms = keyspace_.clock().NowUnixMs();
  const std::int64_t passed_ms = std::clamp<std::int64_t>(now_ms - work.paid_until, 0, kBurstMs);
  work.paid_until = now_ms;
  work.allowance =
      std::min(work.allowance + passed_ms * rate, std::max<std::int64_t>(kAKey, kBurstMs * rate));
}

bool Purger::RunSome(Work& work) {
  for (std::size_t i = 0; i < kStepsATick && matching_ <= kMatchingATick; ++i) {
    if (work.matched.empty() && work.stripe == keyspace_.stripe_count()) {
      keyspace_.purges().NoteDone(work.id, keyspace_.clock().NowUnixMs());
      work.is_done = true;
    }
    if (work.is_done) return false;
    const bool goes_on = work.matched.empty() ? LookOn(work) : DeleteSome(work);
    if (!goes_on) return false;
  }
  return true;
}

bool Purger::LookOn(Work& work) {
  names_.Clear();
  looked_at_ = 0;
  std::uint64_t next = 0;
  KeyLocks locks(keyspace_);
  if (!locks.TryAcquireStripe(StripeId(work.stripe))) return false;
  const std::optional<DbId> db = keyspace_.purges().DatabaseOf(work.id);
  if (db) next = Collect(locks, work, *db);
  locks.Release();
  work.is_done = !db;
  if (!db) return false;
  Match(work);
  Advance(work, next);
  keyspace_.purges().NoteProgress(work.id, looked_at_, 0, PercentOf(work));
  return true;
}

std::uint64_t Purger::Collect(const KeyLocks&, const Work& work, DbId db) {
  const Stripe& stripe = keyspace_.stripe(StripeId(work.stripe));
  if (work.phase == Phase::kLeases) {
    if (stripe.interest == nullptr || !WantsType(*work.order, Type::kString)) return 0;
    stripe.interest->ForEach([&](const KeyInterest& at) {
      if (at.db == db && at.lease.is_held()) names_.Add(at.name);
    });
    return 0;
  }
  const bool is_shadow = work.phase == Phase::kAbsences;
  if (is_shadow && !WantsType(*work.order, Type::kString)) return 0;
  const Shard* shard = stripe.shard(is_shadow ? keyspace_.ShadowOf(db) : db);
  if (shard == nullptr || shard->table.size() == 0) return 0;
  return shard->table.ScanNodes(work.cursor, kHomes, [&](const Entry* entry) {
    if (!is_shadow) ++looked_at_;
    if (is_shadow || WantsType(*work.order, entry->type())) names_.Add(entry->key());
  });
}

void Purger::Match(Work& work) {
  const std::string& pattern = work.order->pattern;
  const bool all = GlobMatchesAll(pattern);
  matching_ += names_.bytes.size() * pattern.size();
  std::size_t begin = 0;
  for (const std::size_t end : names_.ends) {
    const std::string_view name = std::string_view(names_.bytes).substr(begin, end - begin);
    if (all || GlobMatch(pattern, name)) work.matched.emplace_back(name);
    begin = end;
  }
}

void Purger::Advance(Work& work, std::uint64_t next) {
  work.cursor = next;
  if (next != 0) return;
  if (work.phase != Phase::kAbsences) {
    work.phase = work.phase == Phase::kLeases ? Phase::kKeys : Phase::kAbsences;
    return;
  }
  work.phase = Phase::kLeases;
  ++work.stripe;
}

bool Purger::DeleteSome(Work& work) {
  Pay(work);
  const auto payable = static_cast<std::size_t>(work.allowance / kAKey);
  const std::size_t count = std::min({work.matched.size(), kKeysAHold, payable});
  if (count == 0 || keyspace_.cut_backlog().is_full()) return false;
  log::CommandLog& log = keyspace_.log();
  std::size_t credit = 0;
  if (log.active()) {
    credit = kEffectBytes;
    for (const std::string& name : std::span(work.matched).first(count))
      credit += name.size() + kEffectBytes;
    if (!log.TakeCredit(credit)) return false;
  }
  const std::optional<std::int64_t> removed = DeleteLocked(work, count);
  if (credit > 0) log.ReturnCredit(credit);
  if (!removed || work.is_done) return false;
  work.matched.erase(work.matched.begin(),
                     work.matched.begin() + static_cast<std::ptrdiff_t>(count));
  work.allowance -= *removed * kAKey;
  return true;
}

std::optional<std::int64_t> Purger::DeleteLocked(Work& work, std::size_t count) {
  KeyLocks locks(keyspace_);
  if (!locks.TryAcquireStripe(keyspace_.Ref(work.matched[0]).stripe)) return std::nullopt;
  // Under the stripe: where a swap has left the keys, and they stay.
  const std::optional<DbId> db = keyspace_.purges().DatabaseOf(work.id);
  work.is_done = !db;
  const std::int64_t removed = db ? DeleteIn(locks, work, *db, count) : 0;
  // Who sees that a key has gone sees that it was counted.
  keyspace_.purges().NoteProgress(work.id, 0, removed, PercentOf(work));
  locks.Release();
  return removed;
}

// Of a key that is not there, any more or at all, the lease and what is known of its absence go, as
// with UNLINK.
std::int64_t Purger::DeleteIn(const KeyLocks& held, const Work& work, DbId db, std::size_t count) {
  const PurgeOrder& order = *work.order;
  const bool deletes = order.kind == PurgeKind::kDelete;
  const Viewer viewer(db, keyspace_.clock().NowUnixMs(), random_);
  Txn txn(keyspace_, held, viewer);
  std::vector<std::string_view> effect = {deletes ? "UNLINK" : "CACHE.STALE"};
  for (const std::string& name : std::span(work.matched).first(count)) {
    const KeyRef key = keyspace_.Ref(name);
    Found found = txn.Find(key, Access::kPeek);
    if (!found && WantsType(order, Type::kString)) txn.OverruleAbsence(key);
    if (!found || !WantsType(order, found.entry->type())) continue;
    // A write that the database does not know yet is newer than what a purge is to take.
    if (found.entry->pin() != nullptr) continue;
    if (deletes) {
      txn.Remove(key, found);
      txn.Notify(kEventGeneric, "del", key);
    } else {
      txn.MakeStale(key, found);
    }
    effect.push_back(name);
  }
  if (effect.size() > 1) txn.Log(effect);
  return static_cast<std::int64_t>(effect.size()) - 1;
}

int Purger::PercentOf(const Work& work) const {
  return static_cast<int>(100 * std::size_t{work.stripe} / keyspace_.stripe_count());
}

}  // namespace cairn::keyspace
