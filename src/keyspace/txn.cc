// SPDX-License-Identifier: BSD-3-Clause
// Finding, storing, editing and removing entries under held stripes.
//
// Overwriting a string with one of the same size class writes into the old entry: no allocation, no
// table change. Everything else makes a new entry and swaps it into the slot. A cut is told by the
// table of what changes in it; what changes an entry in place says so before (Preserve).
#include "keyspace/txn.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "keyspace/cut_value.h"

namespace cairn::keyspace {
namespace {

constexpr std::size_t kDoublingBytesMax =
    1024 * 1024;  // blobs grow by doubling up to here, then by this much, as Redis's strings do

std::size_t GrownCapacity(std::size_t size) { return size + std::min(size, kDoublingBytesMax); }

std::unique_ptr<CacheNotes> UnpinnedCopy(const CacheNotes& notes) {
  auto copy = std::make_unique<CacheNotes>(notes);
  copy->set_pin(nullptr);
  return copy;
}

}  // namespace

Position internal::Search(const KeyRef& key, const Shard& shard) {
  return shard.table.Find(key.hash, key.name);
}

bool internal::WideIsOver(const Entry& entry, bool counts) {
  const CacheNotes* notes = entry.notes();
  return notes != nullptr && notes->IsDeadElseHit(counts);
}

void internal::TouchTraced(Keyspace& keyspace, const KeyRef& key, Entry* entry,
                           const Viewer& viewer) {
  TouchTracedIn(keyspace, viewer.db, key, Access::kRead, entry, viewer);
}

void internal::TouchTracedIn(Keyspace& keyspace, DbId db, const KeyRef& key, Access access,
                             Entry* entry, const Viewer& viewer) {
  const Tunables& tunables = keyspace.tunables();
  const EvictionPolicy policy = tunables.policy();
  const std::uint32_t old = entry->access();
  std::uint32_t bits = viewer.lru_access();
  if (IsS3Fifo(policy)) bits = FifoAccess(old).Hit().bits();
  if (IsLfu(policy)) bits = NextLfuAccess(old, viewer.now_ms(), tunables, viewer.random);
  if (bits != old) entry->set_access(bits);
  if (!tunables.draws_curve()) return;
  if (access == Access::kRead) {
    keyspace.curve().Read(key.stripe.value, db, key.hash);
  } else {
    keyspace.curve().Write(db, key.hash);
  }
}

void internal::TellMiss(Keyspace& keyspace, DbId db, const KeyRef& key, Access access,
                        const Viewer& viewer) {
  if (keyspace.tunables().draws_curve() && access == Access::kRead && viewer.touch) [[unlikely]]
    keyspace.curve().Read(key.stripe.value, db, key.hash);
  const EventClass wanted = keyspace.tunables().event_classes.load(std::memory_order_relaxed);
  if ((wanted & kEventKeyMiss) != 0)
    keyspace.event_sink()->OnEvent(wanted & (kEventKeyspace | kEventKeyevent), "keymiss", db,
                                   key.name);
  if (keyspace.namespaces().any()) [[unlikely]]
    CountSpaceMiss(keyspace, db, key);
}

// That there is no such row may be known: then it is no miss.
void internal::CountSpaceMiss(Keyspace& keyspace, DbId db, const KeyRef& key) {
  Namespace* space = keyspace.namespaces().Of(key.name);
  if (space == nullptr) return;
  const Shard* shadow = keyspace.stripe(key.stripe).shard(keyspace.ShadowOf(db));
  if (shadow != nullptr) {
    const Position at = shadow->table.Find(key.hash, key.name);
    const CacheNotes* notes = at.found() ? shadow->table.At(at)->notes() : nullptr;
    const bool is_known = notes != nullptr && notes->is_negative && !notes->IsDead() &&
                          shadow->table.ExpiryAt(at) > keyspace.clock().NowUnixMs();
    if (is_known) return space->CountNegativeHit(notes);
  }
  space->CountMiss(key.hash);
}

// What is overwritten passes on what is known of its key, as in Redis. A new key begins in the
// small queue, or, if it was there not long ago, in the main one.
std::uint32_t Txn::FreshTracedAccess(DbId db, const KeyRef& key, const Entry* old) {
  const EvictionPolicy policy = keyspace_.tunables().policy();
  if (old == nullptr && keyspace_.tunables().draws_curve()) keyspace_.curve().Write(db, key.hash);
  if (!IsLfu(policy) && !IsS3Fifo(policy)) return viewer_.lru_access();
  if (old != nullptr) return old->access();
  if (IsLfu(policy)) return LfuAccess(viewer_.now_ms(), kLfuInitial);
  Stripe& stripe = StripeOf(key);
  FifoQueue queue = FifoQueue::kSmall;
  if (stripe.ghosts != nullptr && stripe.ghosts->Take(db, key.hash)) {
    stripe.counters.ghosts_met.Add(1);
    queue = FifoQueue::kMain;
  }
  return FifoAccess(queue, keyspace_.fifo_clocks().Stamp(queue), 0).bits();
}

// An expired key that a command comes upon goes at once, with its DEL in the log before the
// command's own effect.
Found Txn::ExpireNow(DbId db, const KeyRef& key, Found found) {
  if (found.entry->is_timed() && found.entry->own_expiry() > viewer_.now_ms() &&
      !internal::IsDead(*found.entry)) {
    return ExpireFields(db, key, found);
  }
  if (keyspace_.IsShadow(db)) [[unlikely]]
    return EndAbsence(key, found);
  if (ExpiryAt(found) > viewer_.now_ms()) return BuryDead(db, key, found);
  StripeCounters& counters = StripeOf(key).counters;
  const std::int64_t lag_ms = viewer_.now_ms() - ExpiryAt(found);
  keyspace_.lags().expiry_ns.Record(static_cast<std::uint64_t>(lag_ms) * RemovalLags::kNsPerMs);
  counters.expired.Add(1);
  counters.expire_lag_ms_sum.Add(lag_ms);
  counters.expire_lag_ms_max.Set(std::max(counters.expire_lag_ms_max.value(), lag_ms));
  NoteLoss(key, *found.entry, Loss::kExpired);
  NoteExpired(db, key);
  if (keyspace_.reload_watch().is_on()) [[unlikely]]
    keyspace_.reload_watch().Expire(db, key.hash, *found.entry);
  NotifyIn(db, kEventExpired, "expired", key);
  expiring_ = true;
  Remove(key, found);  // last: a name may point into the entry
  expiring_ = false;
  return found;
}

void Txn::NoteExpired(DbId db, const KeyRef& key) {
  if (!keyspace_.log().active()) [[likely]]
    return;
  if (expired_ != nullptr && expired_->db != db) LogExpired();
  if (expired_ == nullptr)
    expired_ = std::make_unique<ExpiredKeys>(ExpiredKeys{.db = db, .names = {}});
  expired_->names.emplace_back(key.name);
}

// What a tag's bump has made an end of goes when somebody comes upon it.
Found Txn::BuryDead(DbId db, const KeyRef& key, Found found) {
  NoteExpired(db, key);
  NotifyIn(db, kEventGeneric, "del", key);
  StripeOf(key).counters.invalidated.Add(1);
  NoteLoss(key, *found.entry, Loss::kInvalidated);
  expiring_ = true;
  Remove(key, found);
  expiring_ = false;
  return found;
}

// Fields that are due go before a command sees the hash; with the last of them, so does the key.
// There may be none: a table's earliest time is a bound, which stays where a field lost its time.
Found Txn::ExpireFields(DbId db, const KeyRef& key, Found found) {
  std::vector<std::string> fields;
  found.shard->table.Preserve(found.position);
  auto& hash = found.entry->as<value::Hash>();
  const auto before = static_cast<std::int64_t>(hash.memory_bytes());
  bool took = false;
  hash.TakeExpired(viewer_.now_ms(), SIZE_MAX, [&](std::string_view field, std::string_view) {
    took = true;
    if (keyspace_.log().active()) fields.emplace_back(field);
  });
  if (!fields.empty()) {
    std::vector<std::string_view> effect = {"HDEL", key.name};
    effect.insert(effect.end(), fields.begin(), fields.end());
    if (expired_ != nullptr) LogExpired();
    AppendEffect(db, effect);
  }
  expiring_ = true;
  if (took) {
    NotifyIn(db, kEventHash, "hexpired", key);
    if (hash.empty()) NotifyIn(db, kEventGeneric, "del", key);
    NoteChange(StripeOf(key), *found.shard, key);
  }
  Settle(key, found, static_cast<std::int64_t>(hash.memory_bytes()) - before, hash.empty());
  expiring_ = false;
  return found;
}

void Txn::LogExpired() {
  std::vector<std::string_view> args = {"DEL"};
  args.insert(args.end(), expired_->names.begin(), expired_->names.end());
  AppendEffect(expired_->db, args);
  expired_ = nullptr;
}

bool Txn::OverwriteInPlace(const KeyRef& key, const Found& found, std::string_view value, Ttl ttl) {
  Entry* entry = found.entry;
  if (entry == nullptr || !entry->is_compact_string() || value.size() >= kBlobThreshold)
    return false;
  const std::size_t new_bytes = Entry::InlineBytes(key.name.size(), value.size());
  if (ds::SlabArena::AllocatedSize(new_bytes) != ds::SlabArena::AllocatedSize(entry->own_bytes()))
    return false;
  found.shard->table.Preserve(found.position);
  entry->set_inline_value_size(value.size());
  entry->set_encoding(Encoding::kPlain);
  if (!value.empty()) std::memcpy(entry->mutable_inline_value(), value.data(), value.size());
  entry->set_access(FreshAccess(viewer_.db, key, entry));
  if (ttl == Ttl::kDrop && entry->is_volatile()) {
    Found same = found;
    ClearExpiry(key, same);
  }
  NoteChange(StripeOf(key), *found.shard, key);
  return true;
}

Found Txn::SetString(const KeyRef& key, const Found& found, std::string_view value, Ttl ttl) {
  return SetStringIn(viewer_.db, key, found, value, ttl);
}

Found Txn::SetStringIn(DbId db, const KeyRef& key, const Found& found, std::string_view value,
                       Ttl ttl) {
  if (OverwriteInPlace(key, found, value, ttl)) return found;
  Stripe& stripe = StripeOf(key);
  Entry* entry = Entry::CreateString(*stripe.arena, key.name, value, Encoding::kPlain);
  entry->set_access(FreshAccess(db, key, found.entry));
  return Store(stripe, db, key, found, entry, ttl);
}

Found Txn::SetBlob(const KeyRef& key, const Found& found, Blob* blob, Ttl ttl) {
  DCHECK(blob->size() >= kBlobThreshold);
  Stripe& stripe = StripeOf(key);
  Entry* entry = Entry::CreateBlob(*stripe.arena, key.name, blob);
  entry->set_access(FreshAccess(viewer_.db, key, found.entry));
  return Store(stripe, viewer_.db, key, found, entry, ttl);
}

Found Txn::Store(Stripe& stripe, DbId db, const KeyRef& key, const Found& found, Entry* entry,
                 Ttl ttl) {
  Shard& shard = keyspace_.EnsureShard(stripe, db);
  if (ttl == Ttl::kKeep && found && found.entry->notes() != nullptr) [[unlikely]]
    entry = KeepNotes(stripe, *found.entry, entry);
  const std::size_t bytes = entry->charged_bytes();
  std::size_t bytes_before = 0;
  auto delta =
      static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(shard.table.memory_bytes());
  Found stored{.shard = &shard, .position = found.position, .entry = entry};
  if (found) {
    Entry* old = found.entry;
    const UnixMs expiry = ttl == Ttl::kKeep ? ExpiryAt(found) : kNever;
    bytes_before = old->charged_bytes();
    delta -= static_cast<std::int64_t>(bytes_before);
    shard.Uncount(*old);
    shard.table.Replace(found.position, entry);
    if (old->is_volatile() && expiry != internal::DueAt({&shard, found.position, old}))
      shard.table.ClearExpiry(found.position);
    if (expiry != kNever && old->is_timed()) shard.table.SetExpiry(found.position, expiry);
    entry->set_volatile(expiry != kNever);
    keyspace_.trash().Dispose(old, *stripe.arena);
  } else {
    stored.position = shard.table.Insert(key.hash, entry);
    NotifyIn(db, kEventNewKey, "new", key);
  }
  delta += static_cast<std::int64_t>(shard.table.memory_bytes());
  keyspace_.Charge(stripe, shard, delta);
  NoteSize(stored, bytes_before, bytes);
  if (stripe.has_beside) [[unlikely]]
    StoreBeside(stripe, db, key, stored, bool{found}, ttl);
  NoteChange(stripe, shard, key);
  return stored;
}

Found Txn::StoreEntry(const KeyRef& key, const Found& found, Entry* entry) {
  entry->set_access(FreshAccess(viewer_.db, key, found.entry));
  Found stored = Store(StripeOf(key), viewer_.db, key, found, entry, Ttl::kDrop);
  if (stored.entry->type() == Type::kHash) SettleTimes(key, stored);
  return stored;
}

Found Txn::StoreEmpty(const KeyRef& key, Type type) {
  return StoreEntry(key, {}, Entry::CreateCollection(*StripeOf(key).arena, key.name, type));
}

void Txn::Settle(const KeyRef& key, Found& found, std::int64_t more_bytes, bool is_gone) {
  DCHECK(found.shard->table.IsPreserved(found.position));
  keyspace_.Charge(StripeOf(key), *found.shard, more_bytes);
  if (is_gone) return Remove(key, found);
  ForgetVersion(found);
  if (found.entry->type() == Type::kHash) SettleTimes(key, found);
  NoteEdit(StripeOf(key), *found.shard, key);
}

// A hash gets room for the key's own expiry with its first field that has a time, and keeps it.
void Txn::SettleTimes(const KeyRef& key, Found& found) {
  const UnixMs first = found.entry->as<value::Hash>().MinExpiry();
  if (first == kNever && !found.entry->is_timed()) return;
  found.shard->Uncount(*found.entry);
  if (!found.entry->is_timed()) {
    found.shard->table.Preserve(found.position);
    Stripe& stripe = StripeOf(key);
    Entry* old = found.entry;
    Entry* timed = Entry::CreateTimedHash(*stripe.arena, key.name);
    auto delta = -static_cast<std::int64_t>(old->charged_bytes());
    timed->set_own_expiry(ExpiryAt(found));
    timed->set_volatile(old->is_volatile());
    timed->set_access(old->access());
    timed->as<value::Hash>() = std::move(old->as<value::Hash>());
    if (const CacheNotes* notes = old->notes(); notes != nullptr)
      timed = Entry::WithNotes(*stripe.arena, timed, std::make_unique<CacheNotes>(*notes));
    if (CacheNotes* notes = timed->notes(); notes != nullptr) notes->Count(timed->charged_bytes());
    delta += static_cast<std::int64_t>(timed->charged_bytes());
    found.shard->table.Replace(found.position, timed);
    found.entry = timed;
    old->Destroy(*stripe.arena);
    keyspace_.Charge(stripe, *found.shard, delta);
  }
  found.entry->set_has_times(first != kNever);
  found.shard->Count(*found.entry);
  PutDue(key, found, std::min(first, found.entry->own_expiry()));
}

// Puts an entry that holds another's value where `to` says.
void Txn::PutAs(Entry* entry, UnixMs expiry, DbId to_db, const KeyRef& to_key, const Found& to) {
  Found stored = Store(StripeOf(to_key), to_db, to_key, to, entry, Ttl::kDrop);
  // Redis deletes what was there, in silence, and adds the key anew.
  if (to) NotifyIn(to_db, kEventNewKey, "new", to_key);
  if (stored.entry->type() == Type::kHash) SettleTimes(to_key, stored);
  if (expiry != kNever) SetExpiry(to_key, stored, expiry);
}

void Txn::CopyTo(const Found& from, DbId to_db, const KeyRef& to_key, const Found& to) {
  const UnixMs expiry = DeadlineAt(from);
  ds::SlabArena& arena = *StripeOf(to_key).arena;
  Entry* clone = from.entry->CloneAs(arena, to_key.name);
  if (const CacheNotes* notes = from.entry->notes(); notes != nullptr)
    clone = Entry::WithNotes(arena, clone, UnpinnedCopy(*notes));
  PutAs(clone, expiry, to_db, to_key, to);
}

void Txn::MoveTo(const KeyRef& from_key, const Found& from, DbId to_db, const KeyRef& to_key,
                 const Found& to) {
  const UnixMs expiry = DeadlineAt(from);
  const auto before = static_cast<std::int64_t>(from.entry->charged_bytes());
  NoteSize(from, static_cast<std::size_t>(before), 0);
  from.shard->table.Preserve(from.position);
  ds::SlabArena& arena = *StripeOf(to_key).arena;
  Entry* moved = from.entry->MoveAs(arena, to_key.name);
  if (const CacheNotes* notes = from.entry->notes(); notes != nullptr)
    moved = Entry::WithNotes(arena, moved, UnpinnedCopy(*notes));
  if (CutValue* reader = CutValue::Of(*moved)) reader->MovedTo(StripeOf(to_key));
  keyspace_.Charge(StripeOf(from_key), *from.shard,
                   static_cast<std::int64_t>(from.entry->charged_bytes()) - before);
  PutAs(moved, expiry, to_db, to_key, to);
}

std::span<char> Txn::EditString(const KeyRef& key, Found& found, std::size_t size) {
  if (found && found.entry->encoding() == Encoding::kBlob) return EditBlob(key, found, size);
  return EditInline(key, found, size);
}

std::size_t Txn::EditedBytes(const Found& found, std::size_t size) {
  const std::size_t old_size = found ? found.entry->value().size() : 0;
  const std::size_t added = std::max(size, old_size) - old_size;
  const Blob* blob = found ? found.entry->blob() : nullptr;
  const bool moves = blob == nullptr || blob->IsShared() || size > blob->capacity();
  return moves ? old_size + added : added;
}

std::span<char> Txn::EditInline(const KeyRef& key, Found& found, std::size_t size) {
  const std::string_view old = found ? found.entry->value() : std::string_view();
  size = std::max(size, old.size());
  Stripe& stripe = StripeOf(key);
  const bool same_class =
      found && !found.entry->is_wide() && size < kBlobThreshold &&
      ds::SlabArena::AllocatedSize(found.entry->own_bytes()) ==
          ds::SlabArena::AllocatedSize(Entry::InlineBytes(key.name.size(), size));
  if (same_class) {
    found.shard->table.Preserve(found.position);
    found.entry->set_inline_value_size(size);
    std::memset(found.entry->mutable_inline_value() + old.size(), 0, size - old.size());
    found.entry->set_encoding(Encoding::kRaw);
    NoteChange(stripe, *found.shard, key);
    return {found.entry->mutable_inline_value(), size};
  }
  Entry* entry;
  std::span<char> bytes;
  if (size >= kBlobThreshold) {
    // A string that starts out large has no slack; one that grew into a blob will go on growing.
    Blob* blob = Blob::Create(old, size, found ? GrownCapacity(size) : size);
    entry = Entry::CreateBlob(*stripe.arena, key.name, blob);
    bytes = {blob->mutable_bytes(), size};
  } else {
    entry = Entry::CreateInline(*stripe.arena, key.name, size, Encoding::kRaw);
    bytes = {entry->mutable_inline_value(), size};
    if (!old.empty()) std::memcpy(bytes.data(), old.data(), old.size());
    std::memset(bytes.data() + old.size(), 0, size - old.size());
  }
  entry->set_access(found ? found.entry->access() : FreshAccess(viewer_.db, key, nullptr));
  found = Store(stripe, viewer_.db, key, found, entry, Ttl::kKeep);
  if (found.entry != entry && size < kBlobThreshold)
    bytes = {found.entry->mutable_inline_value(), size};
  return bytes;
}

std::span<char> Txn::EditBlob(const KeyRef& key, Found& found, std::size_t size) {
  found.shard->table.Preserve(found.position);
  Blob* blob = found.entry->blob();
  size = std::max(size, blob->size());
  // Replies on their way hold references to the bytes as they were, so a shared blob is copied
  // before it is edited.
  if (blob->IsShared() || size > blob->capacity()) {
    Blob* grown =
        Blob::Create(blob->view(), blob->size(), size > blob->size() ? GrownCapacity(size) : size);
    const std::int64_t delta = static_cast<std::int64_t>(grown->allocated_bytes()) -
                               static_cast<std::int64_t>(blob->allocated_bytes());
    found.entry->set_blob(grown);
    NoteSize(found, blob->allocated_bytes(), grown->allocated_bytes());
    keyspace_.trash().Drop(blob);
    blob = grown;
    keyspace_.Charge(StripeOf(key), *found.shard, delta);
  }
  blob->Resize(size);
  ForgetVersion(found);
  NoteChange(StripeOf(key), *found.shard, key);
  return {blob->mutable_bytes(), size};
}

void Txn::RemoveEvicted(const KeyRef& key, Found& found) {
  Stripe& stripe = StripeOf(key);
  Shard& shard = *found.shard;
  const std::size_t bytes = found.entry->charged_bytes();
  NoteSize(found, bytes, 0);
  auto delta =
      -static_cast<std::int64_t>(shard.table.memory_bytes()) - static_cast<std::int64_t>(bytes);
  shard.Uncount(*found.entry);
  Entry* entry = shard.table.Erase(found.position);
  delta += static_cast<std::int64_t>(shard.table.memory_bytes());
  NoteChange(stripe, shard, key);  // while the entry is there: `key` may be its own
  keyspace_.trash().Dispose(entry, *stripe.arena);
  keyspace_.Charge(stripe, shard, delta);
  found = Found{};
}

// Of a collection it is told always, as its elements may be many where its bytes are not.
void Txn::TellSize(const Found& found, std::size_t before, std::size_t after) {
  BigKeys& big_keys = keyspace_.big_keys();
  const Entry& entry = *found.entry;
  const bool is_small = after < BigKeys::kWatchedBytesMin;
  if (is_small && before < BigKeys::kWatchedBytesMin) return;
  if (!entry.is_collection() && big_keys.SkipsString(before, after)) return;
  if (is_small) return big_keys.NoteGone(found.shard, entry.key());
  big_keys.Note(found.shard, entry.key(), entry.charged_bytes(),
                entry.is_collection() ? entry.element_count() : 0);
}

void Txn::SetExpiry(const KeyRef& key, Found& found, UnixMs at_ms) {
  if (!found.entry->is_timed()) return SetDue(key, found, at_ms);
  SetOwnExpiry(key, found, at_ms);
}

void Txn::ClearExpiry(const KeyRef& key, Found& found) {
  if (!found.entry->is_timed()) return SetDue(key, found, kNever);
  SetOwnExpiry(key, found, kNever);
}

void Txn::SetOwnExpiry(const KeyRef& key, const Found& found, UnixMs at_ms) {
  found.shard->table.Preserve(found.position);
  found.shard->Uncount(*found.entry);
  found.entry->set_own_expiry(at_ms);
  found.shard->Count(*found.entry);
  SetDue(key, found, std::min(at_ms, found.entry->as<value::Hash>().MinExpiry()));
}

void Txn::SetDue(const KeyRef& key, const Found& found, UnixMs due_ms) {
  if (due_ms == kNever && !found.entry->is_volatile()) return;
  PutDue(key, found, due_ms);
  if (keyspace_.namespaces().any()) [[unlikely]]
    NoteTimeSet(key);
  NoteChange(StripeOf(key), *found.shard, key);
}

// Its namespace may allow only a shorter time. By the name: one that has not joined yet must not
// become immortal, either.
void Txn::NoteTimeSet(const KeyRef& key) {
  const Namespace* space = SpaceOf(key);
  if (space != nullptr && space->rules().ttl_ms_max != 0) NoteStored(viewer_.db, key, false);
}

void Txn::PutDue(const KeyRef& key, const Found& found, UnixMs due_ms) {
  if (due_ms == kNever && !found.entry->is_volatile()) return;
  if (found.entry->pin() != nullptr) [[unlikely]] {
    found.shard->table.Preserve(found.position);
    found.entry->notes()->pin()->expires_at = due_ms;
    return;
  }
  Stripe& stripe = StripeOf(key);
  Table& table = found.shard->table;
  const auto before = static_cast<std::int64_t>(table.memory_bytes());
  if (due_ms == kNever) {
    table.ClearExpiry(found.position);
  } else {
    table.SetExpiry(found.position, due_ms);
  }
  found.entry->set_volatile(due_ms != kNever);
  keyspace_.Charge(stripe, *found.shard, static_cast<std::int64_t>(table.memory_bytes()) - before);
  if (due_ms < stripe.next_expiry_ms.load(std::memory_order_relaxed))
    stripe.next_expiry_ms.store(due_ms, std::memory_order_relaxed);
}

void Txn::AppendEffect(DbId db, std::span<const std::string_view> args) {
  if (effects_ == nullptr) [[likely]] {
    keyspace_.log().Append(db, args);
    return;
  }
  effects_->push_back({.db = db, .args = {args.begin(), args.end()}});
}

void Txn::LogIn(DbId db, std::span<const std::string_view> args) {
  changes_ += 1;
  logged_ = true;
  if (!keyspace_.log().active()) [[likely]]
    return;
  if (expired_ != nullptr) LogExpired();
  AppendEffect(db, args);
}

}  // namespace cairn::keyspace
