// SPDX-License-Identifier: BSD-3-Clause
// What caching clients add to keys: notes beside values, what is known of keys that are not there,
// and leases.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

// Before one is set: more go than come, and a call's work is bounded.
constexpr int kShadowEvictionsMax = 2;

}  // namespace

// ---- Notes -------------------------------------------------------------------------------------

void Txn::SetNotes(const KeyRef& key, Found& found, std::unique_ptr<CacheNotes> notes) {
  notes->set_space(SpaceOf(key));
  PutNotes(key, found, std::move(notes));
}

void Txn::PutNotes(const KeyRef& key, Found& found, std::unique_ptr<CacheNotes> notes) {
  Stripe& stripe = StripeOf(key);
  found.shard->table.Preserve(found.position);
  const auto before = static_cast<std::int64_t>(found.entry->charged_bytes());
  // One on the list already may have been another, which was deleted since the last check.
  if (notes->pin() != nullptr && notes->pin()->is_of_log() &&
      !keyspace_.write_logs().Add(viewer_.db, key.name))
    keyspace_.write_logs().Doubt();
  found.entry = Entry::WithNotes(*stripe.arena, found.entry, std::move(notes));
  found.entry->notes()->Count(found.entry->charged_bytes());
  found.shard->table.Replace(found.position, found.entry);
  keyspace_.Charge(stripe, *found.shard,
                   static_cast<std::int64_t>(found.entry->charged_bytes()) - before);
}

void Txn::RememberTags(const KeyRef& key, const std::shared_ptr<Tracker>& reader) {
  const Stripe& stripe = StripeOf(key);
  Found found = internal::Lookup(stripe, viewer_.db, key);
  // Absence is kept near with its tags, too.
  if (!found && stripe.has_beside)
    found = internal::Lookup(stripe, keyspace_.ShadowOf(viewer_.db), key);
  const CacheNotes* notes = found ? found.entry->notes() : nullptr;
  if (notes == nullptr) return;
  for (const Tags::Ref& tag : notes->tags()) keyspace_.tags().Remember(tag, notes->stamp, reader);
}

// What keeps a key's time keeps its tags, or a bump would not reach what was edited.
Entry* Txn::KeepNotes(Stripe& stripe, const Entry& old, Entry* entry) {
  auto notes = std::make_unique<CacheNotes>(*old.notes());
  notes->version = 0;
  return Entry::WithNotes(*stripe.arena, entry, std::move(notes));
}

// REQUIRES: the entry was preserved for a cut.
void Txn::ForgetVersion(const Found& found) {
  CacheNotes* notes = found.entry->notes();
  if (notes == nullptr) [[likely]]
    return;
  notes->version = 0;
  notes->Count(found.entry->charged_bytes());
}

// ---- Shadows -----------------------------------------------------------------------------------

Found Txn::FindShadow(const KeyRef& key) {
  const Stripe& stripe = StripeOf(key);
  if (!stripe.has_beside) return {};
  return FindIn(keyspace_.ShadowOf(viewer_.db), key, Access::kPeek);
}

void Txn::SetShadow(const KeyRef& key, std::unique_ptr<CacheNotes> notes, UnixMs expiry) {
  const DbId db = keyspace_.ShadowOf(viewer_.db);
  Stripe& stripe = StripeOf(key);
  Shard& shadow = keyspace_.EnsureShard(stripe, db);
  stripe.has_beside = true;
  Found found = FindShadow(key);
  if (!found) {
    for (int n = 0; n < kShadowEvictionsMax && ShadowsAreFull(stripe, shadow); ++n)
      EvictShadow(stripe, shadow);
    auto delta = -static_cast<std::int64_t>(shadow.table.memory_bytes());
    Entry* entry = Entry::CreateString(*stripe.arena, key.name, {}, Encoding::kPlain);
    delta += static_cast<std::int64_t>(entry->charged_bytes());
    found = {.shard = &shadow, .position = shadow.table.Insert(key.hash, entry), .entry = entry};
    keyspace_.Charge(stripe, shadow,
                     delta + static_cast<std::int64_t>(shadow.table.memory_bytes()));
  }
  // What is known of a deleted row outlives a clear, and is no namespace's.
  Namespace* space = notes->is_negative ? SpaceOf(key) : nullptr;
  notes->set_space(space);
  const bool is_pinned = notes->pin() != nullptr;
  // The end of what was known before is not its own.
  if (is_pinned) PutDue(key, found, kNever);
  PutNotes(key, found, std::move(notes));
  if (!is_pinned) PutDue(key, found, expiry);
  if (space != nullptr && !is_pinned && viewer_.sees_expiry && space->rules().negatives_max != 0 &&
      space->negatives() > space->rules().negatives_max) {
    EvictNegative(stripe, shadow, *space, key.name);
  }
}

// One of the same namespace that lies here, or the one that has just come: so it is never one more
// than a stripe's writer is about to take back. What is pinned stays.
void Txn::EvictNegative(Stripe& stripe, Shard& shadow, const Namespace& space,
                        std::string_view last) {
  constexpr std::size_t kLookedAt = 16;
  std::string victim(last);
  shadow.table.SampleFrom(viewer_.random, kLookedAt, [&](Position, const Entry* entry) {
    if (entry->notes()->space() == &space && entry->pin() == nullptr) victim = entry->key();
  });
  RemoveShadow(stripe, shadow, shadow.table.Find(keyspace_.Ref(victim).hash, victim));
  LogForgotten(victim);
}

bool Txn::DropShadow(Stripe& stripe, DbId db, const KeyRef& key) {
  if (keyspace_.IsShadow(db)) return false;
  Shard* shadow = stripe.shard(keyspace_.ShadowOf(db));
  if (shadow == nullptr) return false;
  const Position position = shadow->table.Find(key.hash, key.name);
  if (!position.found()) return false;
  RemoveShadow(stripe, *shadow, position);
  return true;
}

void Txn::RemoveShadow(Stripe& stripe, Shard& shadow, Position position) {
  auto delta = -static_cast<std::int64_t>(shadow.table.memory_bytes());
  Entry* entry = shadow.table.Erase(position);
  delta += static_cast<std::int64_t>(shadow.table.memory_bytes()) -
           static_cast<std::int64_t>(entry->charged_bytes());
  entry->Destroy(*stripe.arena);
  keyspace_.Charge(stripe, shadow, delta);
}

// Those of all databases of the stripe have a share of maxmemory together: who asks for rows that
// do not exist, in numbers, does not take the place of those that do.
bool Txn::ShadowsAreFull(const Stripe& stripe, const Shard& shadow) const {
  if (!viewer_.sees_expiry || shadow.table.size() == 0) return false;
  if (shadow.table.size() >= kShadowKeysMax) return true;
  const std::int64_t limit = keyspace_.tunables().maxmemory_bytes.load(std::memory_order_relaxed);
  if (limit == 0) return false;
  std::int64_t bytes = 0;
  for (std::uint32_t db = 0; db < keyspace_.database_count(); ++db) {
    const Shard* shard = stripe.shard(keyspace_.ShadowOf(DbId(db)));
    bytes += shard == nullptr ? 0 : shard->charged_bytes;
  }
  return bytes > limit / kShadowsShare / static_cast<std::int64_t>(keyspace_.stripe_count());
}

void Txn::EvictShadow(Stripe& stripe, Shard& shadow) {
  Position victim;
  shadow.table.SampleFrom(viewer_.random, 1, [&](Position at, const Entry* entry) {
    if (entry->pin() == nullptr) victim = at;
  });
  if (!victim.found()) return;
  const std::string name(shadow.table.At(victim)->key());
  RemoveShadow(stripe, shadow, victim);
  LogForgotten(name);
}

// Not the moment: whether it is stale must not hang on a clock when it is replayed.
void Txn::MakeStale(const KeyRef& key, Found& found) {
  const CacheNotes* old = found.entry->notes();
  auto notes = old == nullptr ? std::make_unique<CacheNotes>() : std::make_unique<CacheNotes>(*old);
  if (old == nullptr) notes->stamp = keyspace_.tags().Now();
  notes->stale_at = 0;
  notes->retry_at = 0;
  SetNotes(key, found, std::move(notes));
  TellOf(key, found);
}

void Txn::LogForgotten(std::string_view name) {
  if (!keyspace_.log().active()) return;
  if (expired_ != nullptr) LogExpired();
  const std::string_view effect[] = {"CACHE.FORGET", name};
  AppendEffect(viewer_.db, effect);
}

void Txn::OverruleAbsence(const KeyRef& key) {
  if (Lease* lease = FindLease(key); lease != nullptr && lease->is_held()) {
    keyspace_.leases().Void(*lease, key.stripe.value);
    WakeWaiters(key);
  }
  const Found shadow = FindShadow(key);
  if (!shadow || !shadow.entry->notes()->is_negative) return;
  // What the database does not know yet is newer than what it says.
  if (shadow.entry->pin() != nullptr) return;
  // A DEL, replayed, comes to this very place. One of many keys names them in one record.
  NoteExpired(viewer_.db, key);
  // Nothing was there that could have changed, but somebody may have a copy of that.
  if (keyspace_.tracking().active()) [[unlikely]]
    NoteTracked(key, false);
  const std::uint64_t version = shadow.entry->notes()->version;
  if (version == 0) {
    DropShadow(StripeOf(key), viewer_.db, key);
    return;
  }
  auto tombstone = std::make_unique<CacheNotes>();
  tombstone->version = version;
  SetShadow(key, std::move(tombstone), TombstoneEnd(ExpiryAt(shadow)));
}

// A row that was absent as of a version was not there before it, either, though nobody may say any
// more that it is absent now. Logged by nobody: it follows from the data.
Found Txn::EndAbsence(const KeyRef& key, Found shadow) {
  const CacheNotes& notes = *shadow.entry->notes();
  const UnixMs until = TombstoneEnd(ExpiryAt(shadow));
  if (!notes.is_negative || notes.version == 0 || until <= viewer_.now_ms()) {
    RemoveShadow(StripeOf(key), *shadow.shard, shadow.position);
    return {};
  }
  auto tombstone = std::make_unique<CacheNotes>();
  tombstone->version = notes.version;
  SetNotes(key, shadow, std::move(tombstone));
  PutDue(key, shadow, until);
  return shadow;
}

bool Txn::ForgetShadow(const KeyRef& key) {
  Stripe& stripe = StripeOf(key);
  if (!stripe.has_beside || !DropShadow(stripe, viewer_.db, key)) return false;
  LogForgotten(key.name);
  return true;
}

// ---- Pins --------------------------------------------------------------------------------------

void Txn::Unpin(const KeyRef& key, Found& found) {
  found.shard->table.Preserve(found.position);
  CacheNotes& notes = *found.entry->notes();
  const UnixMs due = notes.pin()->expires_at;
  const auto before = static_cast<std::int64_t>(found.entry->charged_bytes());
  notes.set_pin(nullptr);
  notes.Count(found.entry->charged_bytes());
  keyspace_.Charge(StripeOf(key), *found.shard,
                   static_cast<std::int64_t>(found.entry->charged_bytes()) - before);
  PutDue(key, found, due);
  if (!notes.IsDead()) return;
  if (notes.is_negative) {
    RemoveShadow(StripeOf(key), *found.shard, found.position);
    found = {};
  } else {
    found = BuryDead(viewer_.db, key, found);
  }
}

// ---- Leases ------------------------------------------------------------------------------------

Lease* Txn::FindLease(const KeyRef& key) {
  const Stripe& stripe = StripeOf(key);
  if (stripe.interest == nullptr) return nullptr;
  KeyInterest* at = stripe.interest->Find(viewer_.db, key.name);
  return at == nullptr ? nullptr : &at->lease;
}

Lease* Txn::GrantLease(const KeyRef& key, std::int64_t for_ms) {
  Stripe& stripe = StripeOf(key);
  if (stripe.interest == nullptr) stripe.interest = std::make_unique<Interest>();
  KeyInterest& at = stripe.interest->Ensure(viewer_.db, key.name);
  if (keyspace_.leases().Grant(at.lease, stripe.id, viewer_.now_ms(), for_ms,
                               keyspace_.tags().Now(), SpaceOf(key), Interest::BytesOf(key.name))) {
    return &at.lease;
  }
  DropInterest(stripe, at);
  return nullptr;
}

void Txn::EndLease(const KeyRef& key) {
  Stripe& stripe = StripeOf(key);
  KeyInterest* at =
      stripe.interest == nullptr ? nullptr : stripe.interest->Find(viewer_.db, key.name);
  if (at == nullptr || !at->lease.is_kept()) return;
  keyspace_.leases().End(at->lease);
  MarkReady(*at);
  DropInterest(stripe, *at);
}

void Txn::DropInterest(Stripe& stripe, KeyInterest& at) {
  stripe.interest->DropIfEmpty(&at);
  if (stripe.interest->idle()) stripe.interest = nullptr;
}

void Txn::SweepLeases(Stripe& stripe) {
  if (stripe.interest == nullptr) return keyspace_.leases().set_next_due(stripe.id, kNever);
  UnixMs next = kNever;
  std::vector<KeyInterest*> ended;
  stripe.interest->ForEach([&](KeyInterest& at) {
    if (!at.lease.is_kept()) return;
    if (at.lease.until > viewer_.now_ms()) {
      next = std::min(next, at.lease.until);
      return;
    }
    if (keyspace_.leases().Expire(at.lease)) MarkReady(at);
    ended.push_back(&at);
  });
  keyspace_.leases().set_next_due(stripe.id, next);
  for (KeyInterest* at : ended) stripe.interest->DropIfEmpty(at);
  if (stripe.interest->idle()) stripe.interest = nullptr;
}

}  // namespace cairn::keyspace
