// SPDX-License-Identifier: BSD-3-Clause
// What a namespace means to the keys below its prefix: notes that name it, times that they are
// given, room that others make for them.
//
// Times are settled when a call has ended, since SET stores first and sets the time then. What was
// settled is logged as PEXPIREAT behind the call's own effect; a call that stores many keys has one
// time for all of a namespace, and one effect, so that it fits the credit that the call took.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "keyspace/s3fifo.h"
#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

constexpr std::size_t kOwnTimesMax = 8;   // keys of a call that are given times of their own
constexpr std::size_t kEvictionsMax = 2;  // of a call, beside what it stores
// Their DELs have to fit the credit's slack. Longer ones stay: a namespace of nothing else has no
// budget.
constexpr std::size_t kEvictedNameMax = 256;
constexpr std::size_t kLookedAt = 32;

std::uint64_t Badness(const Entry& entry, const Tunables& tunables, UnixMs now_ms) {
  const EvictionPolicy policy = tunables.policy();
  if (IsS3Fifo(policy)) return 3u - FifoAccess(entry.access()).frequency();
  if (!IsLfu(policy)) return static_cast<std::uint64_t>(IdleSeconds(entry.access(), now_ms));
  const int decay_minutes = tunables.lfu_decay_minutes.load(std::memory_order_relaxed);
  return 255u - DecayedFrequency(entry.access(), now_ms, decay_minutes);
}

UnixMs DefaultTime(const NamespaceRules& rules, UnixMs now_ms, Random& random) {
  // Only ever shorter: nothing lives longer than was said.
  const std::int64_t spread = rules.ttl_ms / 100 * rules.jitter_percent;
  const std::uint64_t cut = spread > 0 ? random.Below(static_cast<std::uint64_t>(spread)) : 0;
  return now_ms + rules.ttl_ms - static_cast<std::int64_t>(cut);
}

// Those who share a time, for the log.
struct Due {
  DbId db;
  UnixMs at;
  std::vector<std::string_view> keys;
};

// One call's times.
class Times {
 public:
  Times(UnixMs now_ms, Random& random, bool are_shared)
      : now_ms_(now_ms), random_(random), are_shared_(are_shared) {}

  // When something is to expire that has `expiry` now.
  UnixMs Of(const Namespace& space, UnixMs expiry, bool takes_default) {
    const NamespaceRules& rules = space.rules();
    if (expiry == kNever && takes_default && rules.ttl_ms != 0) expiry = Default(space);
    return rules.ttl_ms_max != 0 ? std::min(expiry, now_ms_ + rules.ttl_ms_max) : expiry;
  }
  void Note(DbId db, UnixMs at, std::string_view key) {
    const auto is_it = [&](const Due& due) { return due.db == db && due.at == at; };
    const auto same = are_shared_ ? std::ranges::find_if(dues_, is_it) : dues_.end();
    if (same != dues_.end()) return same->keys.push_back(key);
    dues_.push_back({.db = db, .at = at, .keys = {key}});
  }
  const std::vector<Due>& dues() const { return dues_; }

 private:
  UnixMs Default(const Namespace& space) {
    const auto drawn =
        std::ranges::find(drawn_, &space, &std::pair<const Namespace*, UnixMs>::first);
    if (are_shared_ && drawn != drawn_.end()) return drawn->second;
    const UnixMs at = DefaultTime(space.rules(), now_ms_, random_);
    drawn_.emplace_back(&space, at);
    return at;
  }

  const UnixMs now_ms_;
  Random& random_;
  const bool are_shared_;
  std::vector<std::pair<const Namespace*, UnixMs>> drawn_;
  std::vector<Due> dues_;
};

}  // namespace

Result<Namespace*> Txn::DeclareSpace(std::string_view prefix, const NamespaceRules& rules,
                                     bool is_configured) {
  Result<Namespace*> space = keyspace_.namespaces().Declare(prefix, rules, is_configured);
  for (std::size_t i = 0; i < keyspace_.stripe_count(); ++i)
    keyspace_.stripe(StripeId(static_cast<std::uint16_t>(i))).has_beside = true;
  return space;
}

// ---- Joining -----------------------------------------------------------------------------------

void Txn::StoreBeside(Stripe& stripe, DbId db, const KeyRef& key, Found& stored, bool was_there,
                      Ttl ttl) {
  if (!was_there) DropShadow(stripe, db, key);
  if (!keyspace_.namespaces().any()) return;
  Join(key, stored);
  const CacheNotes* notes = stored.entry->notes();
  if (notes == nullptr || notes->space() == nullptr) return;
  if (!was_there) notes->space()->NoteLoss(key.hash, Loss::kAbsent);
  const NamespaceRules& rules = notes->space()->rules();
  const bool is_new = !was_there || ttl == Ttl::kDrop;
  if ((is_new && rules.ttl_ms != 0) || rules.ttl_ms_max != 0 || rules.memory_bytes_max != 0)
    NoteStored(db, key, is_new);
}

// A value that comes here from elsewhere may be older than this namespace's last clear; what its
// tags have made of it stays so.
void Txn::Join(const KeyRef& key, Found& found) {
  Namespace* space = SpaceOf(key);
  CacheNotes* notes = found.entry->notes();
  if (notes == nullptr) {
    if (space == nullptr) return;
    auto made = std::make_unique<CacheNotes>();
    made->stamp = keyspace_.tags().Now();
    made->set_space(space);
    return PutNotes(key, found, std::move(made));
  }
  if (notes->space() != space) {
    found.shard->table.Preserve(found.position);
    notes->set_space(space);
    if (space != nullptr && space->cleared_at() > notes->stamp && !notes->IsBumped(Bump::kHard)) {
      if (notes->IsBumped(Bump::kSoft)) notes->stale_at = 0;
      notes->stamp = keyspace_.tags().Now();
    }
  }
  notes->Count(found.entry->charged_bytes());
}

// While an append only file is replayed, too: what was cleared there is written anew, or deleted,
// before anything more is told of it.
void Txn::Tend(const KeyRef& key) {
  Found found = internal::Lookup(StripeOf(key), viewer_.db, key);
  if (!found) return;
  const bool is_shadow = keyspace_.IsShadow(viewer_.db);
  if (internal::IsDead(*found.entry)) {
    if (is_shadow) return RemoveShadow(StripeOf(key), *found.shard, found.position);
    BuryDead(viewer_.db, key, found);
    return;
  }
  if (!is_shadow || found.entry->notes()->is_negative) Join(key, found);
}

// Whether the key that somebody waits for or watches was in the namespace, and there.
bool Txn::WasCleared(const Stripe& stripe, const KeyInterest& at, const Namespace& space) const {
  const Shard* shard = stripe.shard(at.db);
  if (shard == nullptr || keyspace_.namespaces().Of(at.name) != &space) return false;
  return shard->table.Find(keyspace_.Ref(at.name).hash, at.name).found();
}

void Txn::ClearSpace(Namespace& space, std::uint64_t number) {
  keyspace_.tags().AtLeast(number);
  space.ClearAt(number);
  keyspace_.namespaces().NoteChange();
  // Whoever loads loads what is cleared: the next one may begin at once. Who waits for a lock may
  // have it, and who watches a key that was there has seen it change.
  for (std::size_t i = 0; i < keyspace_.stripe_count(); ++i) {
    const Stripe& stripe = keyspace_.stripe(StripeId(static_cast<std::uint16_t>(i)));
    if (stripe.interest == nullptr) continue;
    stripe.interest->ForEach([&](KeyInterest& at) {
      const bool is_loaded = at.lease.is_held() && at.lease.space == &space;
      if (is_loaded || WasCleared(stripe, at, space)) MarkChanged(at);
    });
  }
  TellAllTracked();
}

// ---- Losses ------------------------------------------------------------------------------------

void Txn::NoteLoss(const KeyRef& key, const Entry& entry, Loss loss) {
  const CacheNotes* notes = entry.notes();
  if (notes != nullptr && notes->space() != nullptr) notes->space()->NoteLoss(key.hash, loss);
}

void Txn::NoteEvicted(const KeyRef& key, const Entry& entry) {
  NoteLoss(key, entry, Loss::kEvicted);
  const CacheNotes* notes = entry.notes();
  if (notes != nullptr && notes->space() != nullptr) notes->space()->CountEviction(notes);
}

void Txn::Evict(DbId db, const KeyRef& key, Found& found) {
  NoteEvicted(key, *found.entry);
  StripeOf(key).counters.evicted.Add(1);
  if (expired_ != nullptr) LogExpired();
  const std::string_view effect[] = {"DEL", key.name};
  if (keyspace_.log().active()) AppendEffect(db, effect);
  expiring_ = true;
  Remove(key, found);
  expiring_ = false;
  NotifyIn(db, kEventEvicted, "evicted", key);
}

// ---- What a call has stored --------------------------------------------------------------------

void Txn::NoteStored(DbId db, const KeyRef& key, bool takes_default) {
  if (!viewer_.sees_expiry) return;
  if (noted_ == nullptr) noted_ = std::make_unique<Noted>();
  if (!noted_->stored.empty() && noted_->stored.back().name == key.name) {
    noted_->stored.back().takes_default |= takes_default;
    return;
  }
  noted_->stored.push_back(
      {.db = db, .name = std::string(key.name), .takes_default = takes_default});
}

void Txn::SettleStored() {
  const std::vector<Noted::Stored> all = std::exchange(noted_->stored, {});
  Times times(viewer_.now_ms(), viewer_.random, all.size() > kOwnTimesMax);
  if (expired_ != nullptr) LogExpired();
  std::size_t evictions_left = kEvictionsMax;
  for (const Noted::Stored& stored : all) {
    const KeyRef key = keyspace_.Ref(stored.name);
    Found found = FindIn(stored.db, key, Access::kPeek);
    if (!found || SpaceOf(key) == nullptr) continue;
    const Namespace& space = *SpaceOf(key);
    const UnixMs at = times.Of(space, DeadlineAt(found), stored.takes_default);
    if (at != DeadlineAt(found)) {
      SetExpiry(key, found, at);
      times.Note(stored.db, at, stored.name);
    }
    if (evictions_left > 0)
      evictions_left -= EvictWorst(stored.db, *found.shard, space, evictions_left, stored.name);
  }
  if (expired_ != nullptr) LogExpired();
  if (!keyspace_.log().active()) return;
  for (const Due& due : times.dues()) {
    const std::string at = Int64ToString(due.at);
    if (due.keys.size() == 1) {
      const std::string_view effect[] = {"PEXPIREAT", due.keys.front(), at};
      AppendEffect(due.db, effect);
      continue;
    }
    std::vector<std::string_view> effect = {"NAMESPACE.DUE", at};
    effect.insert(effect.end(), due.keys.begin(), due.keys.end());
    AppendEffect(due.db, effect);
  }
}

// By what Redis's policies go by: the counter if the policy is an LFU one, else the idle time.
std::size_t Txn::EvictWorst(DbId db, const Shard& shard, const Namespace& space, std::size_t max,
                            std::string_view spared) {
  if (!space.is_over_budget() || keyspace_.cut_backlog().is_full()) return 0;
  std::vector<std::pair<std::uint64_t, std::string>> own;
  const_cast<Shard&>(shard).table.SampleFrom(
      viewer_.random, kLookedAt, [&](Position, const Entry* entry) {
        const CacheNotes* notes = entry->notes();
        const std::string_view name = entry->key();
        if (notes == nullptr || notes->space() != &space || notes->pin() != nullptr) return;
        if (name == spared || name.size() > kEvictedNameMax) return;
        own.emplace_back(Badness(*entry, keyspace_.tunables(), viewer_.now_ms()), name);
      });
  std::ranges::sort(own, std::greater<>());
  std::size_t evicted = 0;
  for (const auto& [badness, name] : own) {
    if (evicted == max || !space.is_over_budget()) break;
    const KeyRef key = keyspace_.Ref(name);
    Found found = FindIn(db, key, Access::kPeek);
    if (!found) continue;
    Evict(db, key, found);
    ++evicted;
  }
  return evicted;
}

}  // namespace cairn::keyspace
