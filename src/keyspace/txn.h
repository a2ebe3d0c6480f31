// SPDX-License-Identifier: BSD-3-Clause
// Txn: what a command sees of the keyspace while it runs: one database, one moment, the keys whose
// stripes are locked.
//
//   Found found = txn.Find(key, Access::kRead);       // expired is absent
//   if (!found) return reply.Null();
//   reply.Bulk(found.entry->value());
//
//   txn.SetString(key, found, "value", Ttl::kDrop);   // found: what Find returned for this key, so
//   nothing is looked up twice txn.Log(call.args());                              // the effect,
//   deterministic, after the change and before the locks go
//
// Invariants
//   (1) A Txn exists only while its KeyLocks are held; every key it is asked for lies in a held
//   stripe (DCHECKed). (2) A Found is good until the next change through this Txn of any key of the
//   same stripe. (3) Every change is named to the log by Log before the locks go; expiry that Find
//   comes upon names itself: in one DEL of all such keys, before the next effect or at the end. So
//   a call's effects are a few records, however many keys it has, and the credit it took covers
//   them.
// One Txn belongs to one call on one thread. Cost of Find: one table lookup; of writes: amortized
// constant in the table's size.
#ifndef CAIRN_KEYSPACE_TXN_H_
#define CAIRN_KEYSPACE_TXN_H_

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "keyspace/access.h"
#include "keyspace/keyspace.h"

namespace cairn::keyspace {

// kRead counts a hit or miss (and tells of a miss) and refreshes the access clock; kLook only
// counts (EXISTS, TTL); kWrite only refreshes; kPeek leaves no trace (OBJECT).
enum class Access { kRead, kLook, kWrite, kPeek };

enum class Ttl { kDrop, kKeep };

struct Found {
  Shard* shard = nullptr;
  Position position;
  Entry* entry = nullptr;
  explicit operator bool() const { return entry != nullptr; }
};

// Who looks at the keyspace, and at which moment: what the transactions of a session have in
// common.
class Viewer {
 public:
  Viewer(DbId db, UnixMs now_ms, Random& random, ClientId client = {})
      : db(db), client(client), random(random) {
    set_now_ms(now_ms);
  }

  UnixMs now_ms() const { return now_ms_; }
  void set_now_ms(UnixMs now_ms) {
    if (now_ms == now_ms_) return;
    now_ms_ = now_ms;
    lru_access_ = LruAccess(now_ms);
  }
  // What an access at that moment leaves behind, unless the policy is an LFU one.
  std::uint32_t lru_access() const { return lru_access_; }

  DbId db;
  const ClientId client;  // 0: none
  bool touch = true;      // false under CLIENT NO-TOUCH
  bool counts = true;     // false for a command that is run again: hits and misses were counted
  // False while an append only file is replayed: what had expired is in it as a DEL, and what has
  // expired since may have been given another time further on.
  bool sees_expiry = true;
  Random& random;

 private:
  std::uint32_t lru_access_ = LruAccess(0);
  UnixMs now_ms_ = 0;
};

// What Txn and Reading have in common. The key's stripe is locked.
namespace internal {

// Kept apart from what Lookup does when a prefetch has told where the entry is.
Position Search(const KeyRef& key, const Shard& shard);
// What Touch does if more than the second is kept.
void TouchTraced(Keyspace& keyspace, const KeyRef& key, Entry* entry, const Viewer& viewer);
void TouchTracedIn(Keyspace& keyspace, DbId db, const KeyRef& key, Access access, Entry* entry,
                   const Viewer& viewer);

// Finds even what has expired.
inline Found Lookup(const Stripe& stripe, DbId db, const KeyRef& key) {
  Shard* shard = stripe.shard(db);
  if (shard == nullptr) return {};
  if (key.hinted == shard) {
    if (Entry* entry = shard->table.FindHinted(key.name, key.hint); entry != nullptr) [[likely]]
      return {.shard = shard, .position = Table::PositionOf(key.hint), .entry = entry};
  }
  const Position position = Search(key, *shard);
  return {.shard = shard,
          .position = position,
          .entry = position.found() ? shard->table.At(position) : nullptr};
}

// An entry whose position is not reckoned yet: that costs instructions, and a read mostly needs
// none.
struct Seen {
  Shard* shard = nullptr;
  Position searched;  // not found: it is where the hint says
  Entry* entry = nullptr;

  // REQUIRES: there is an entry, and `key` is what was looked for.
  Position position(const KeyRef& key) const {
    return searched.found() ? searched : Table::PositionOf(key.hint);
  }
};
inline Seen See(const Stripe& stripe, DbId db, const KeyRef& key) {
  Shard* shard = stripe.shard(db);
  if (shard == nullptr) return {};
  if (key.hinted == shard) {
    if (Entry* entry = shard->table.FindHinted(key.name, key.hint); entry != nullptr) [[likely]]
      return {.shard = shard, .searched = {}, .entry = entry};
  }
  const Position searched = Search(key, *shard);
  return {.shard = shard,
          .searched = searched,
          .entry = searched.found() ? shard->table.At(searched) : nullptr};
}

inline UnixMs ExpiryOf(const Table& table, Position position, const Entry& entry) {
  if (entry.is_timed()) [[unlikely]]
    return entry.own_expiry();
  return entry.is_volatile() ? table.ExpiryAt(position) : kNever;
}
// When something of the entry is due: the key itself, or a field of a hash.
inline UnixMs DueAt(const Found& found) {
  return found.entry->is_volatile() ? found.shard->table.ExpiryAt(found.position) : kNever;
}
inline UnixMs ExpiryOf(const Found& found) {
  return ExpiryOf(found.shard->table, found.position, *found.entry);
}
// Whether a hard bump of a tag has made an end of it.
inline bool IsDead(const Entry& entry) {
  const CacheNotes* notes = entry.notes();
  return notes != nullptr && notes->IsDead();
}
// Whether a tag or a namespace has made an end of a wide entry. If not, and it has notes, it is a
// hit for its namespace if it counts.
bool WideIsOver(const Entry& entry, bool counts);
// Whether something of an entry that may be over is due: the key's expiry, or a field's; or it is
// dead.
inline bool IsOver(const Shard& shard, Position position, const Entry& entry, const Viewer& viewer,
                   bool counts) {
  if (entry.is_volatile() && shard.table.ExpiryAt(position) <= viewer.now_ms())
    return viewer.sees_expiry;
  return entry.is_wide() && viewer.sees_expiry && WideIsOver(entry, counts);
}

void TellMiss(Keyspace& keyspace, DbId db, const KeyRef& key, Access access, const Viewer& viewer);
void CountSpaceMiss(Keyspace& keyspace, DbId db, const KeyRef& key);
inline void CountLookup(Keyspace& keyspace, Stripe& stripe, DbId db, const KeyRef& key, bool found,
                        Access access, const Viewer& viewer) {
  if (found) [[likely]]
    return stripe.counters.hits.Add(1);
  stripe.counters.misses.Add(1);
  const EventClass wanted = keyspace.tunables().event_classes.load(std::memory_order_relaxed);
  if ((wanted & kEventKeyMiss) != 0 || keyspace.tunables().draws_curve() ||
      keyspace.namespaces().any()) [[unlikely]]
    TellMiss(keyspace, db, key, access, viewer);
}

inline void Touch(Entry* entry, const Viewer& viewer) {
  // Written only when it changes, so that reading a hot key does not dirty its cache line.
  if (entry->access() != viewer.lru_access()) entry->set_access(viewer.lru_access());
}
// A read's.
inline void Touch(Keyspace& keyspace, const KeyRef& key, Entry* entry, const Viewer& viewer) {
  if (keyspace.tunables().traces_access()) [[unlikely]]
    return TouchTraced(keyspace, key, entry, viewer);
  Touch(entry, viewer);
}

}  // namespace internal

// One key looked at, under its stripe's lock, by a command that only reads it: what KeyLocks and
// Txn do for any call, cut down to this commonest case.
//
//   Reading reading(keyspace, key, viewer);
//   if (!reading.ready()) ...   expired, or the stripe is held for long: it takes the general way,
//                               and nothing was noted here
//   reply.Bulk(reading.entry()->value());
class Reading {
 public:
  // A part of its one hot caller: as a call of its own it costs a GET 30 instructions more.
  [[gnu::always_inline]] Reading(Keyspace& keyspace, const KeyRef& key,
                                 const Viewer& viewer) NO_THREAD_SAFETY_ANALYSIS
      : stripe_(keyspace.stripe(key.stripe)) {
    if (!stripe_.mu.LockUnlessLong()) [[unlikely]] {
      state_ = State::kBusy;
      return;
    }
    const internal::Seen seen = internal::See(stripe_, viewer.db, key);
    Entry* entry = seen.entry;
    entry_ = entry;
    if (entry != nullptr && entry->may_be_over() &&
        internal::IsOver(*seen.shard, seen.position(key), *entry, viewer, true)) [[unlikely]] {
      state_ = State::kDue;
      return;
    }
    state_ = State::kReady;
    internal::CountLookup(keyspace, stripe_, viewer.db, key, entry != nullptr, Access::kRead,
                          viewer);
    if (entry != nullptr && viewer.touch) internal::Touch(keyspace, key, entry, viewer);
  }
  ~Reading() NO_THREAD_SAFETY_ANALYSIS {
    if (state_ != State::kBusy) [[likely]]
      stripe_.mu.Unlock();
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  bool ready() const { return state_ == State::kReady; }
  // Null if there is no such key. REQUIRES: ready().
  const Entry* entry() const { return entry_; }

 private:
  enum class State : std::uint8_t { kReady, kDue, kBusy };

  Stripe& stripe_;
  const Entry* entry_;
  State state_;
};

// The entries that Keyspace::Prefetch saw under keys of one stripe, under its lock if that is free.
// For prefetching what lies behind them: leaves no trace, and does not say what has expired.
class Peeking {
 public:
  Peeking(Keyspace& keyspace, StripeId stripe) NO_THREAD_SAFETY_ANALYSIS
      : stripe_(keyspace.stripe(stripe)),
        locked_(stripe_.mu.TryLock()) {}
  ~Peeking() NO_THREAD_SAFETY_ANALYSIS {
    if (locked_) stripe_.mu.Unlock();
  }
  Peeking(const Peeking&) = delete;
  Peeking& operator=(const Peeking&) = delete;

  // Null if it is not there any more, or the lock was not to be had. REQUIRES: a key of the stripe.
  const Entry* Find(const KeyRef& key) const {
    if (!locked_ || key.hinted == nullptr) return nullptr;
    return key.hinted->table.FindHinted(key.name, key.hint);
  }

 private:
  Stripe& stripe_;
  const bool locked_;
};

class Txn;

// A collection being changed. Made by Txn::Edit; the collection is reached through it, and nothing
// else is asked of the Txn about this stripe until it has ended or Finish was called.
template <class V>
class Editing {
 public:
  Editing(Txn& txn, const KeyRef& key, Found& found)
      : txn_(&txn), key_(key), found_(found), before_(value().memory_bytes()) {}
  ~Editing() { Finish(); }
  Editing(const Editing&) = delete;
  Editing& operator=(const Editing&) = delete;

  V* operator->() { return &value(); }
  V& operator*() { return value(); }
  // Charges what the collection took or gave back. One that is empty now is removed with its key
  // (a stream stays), which empties the Found. Afterwards this is of no use.
  void Finish();

 private:
  V& value() { return found_.entry->template as<V>(); }

  Txn* txn_;  // null once finished
  const KeyRef& key_;
  Found& found_;
  const std::size_t before_;
};

class Txn {
 public:
  // `viewer` must stay for as long.
  Txn(Keyspace& keyspace, const KeyLocks& held, const Viewer& viewer) REQUIRES(held)
      : keyspace_(keyspace), held_(held), viewer_(viewer) {}
  ~Txn() {
    if (expired_ != nullptr) [[unlikely]]
      LogExpired();
    if (noted_ != nullptr) [[unlikely]]
      LeaveReady();
    if (told_later_ != nullptr) [[unlikely]]
      TellTracked();
  }
  Txn(const Txn&) = delete;
  Txn& operator=(const Txn&) = delete;

  Found Find(const KeyRef& key, Access access) { return FindIn(viewer_.db, key, access); }
  // The same in another database (COPY, MOVE): the stripe is the same.
  Found FindIn(DbId db, const KeyRef& key, Access access) {
    Stripe& stripe = StripeOf(key);
    Found found = internal::Lookup(stripe, db, key);
    const bool counts = (access == Access::kRead || access == Access::kLook) && viewer_.counts;
    if (found && found.entry->may_be_over() &&
        internal::IsOver(*found.shard, found.position, *found.entry, viewer_, counts)) [[unlikely]]
      found = ExpireNow(db, key, found);
    if (counts) internal::CountLookup(keyspace_, stripe, db, key, bool{found}, access, viewer_);
    if (found && (access == Access::kRead || access == Access::kWrite) && viewer_.touch)
      TouchFound(db, key, access, found.entry);
    return found;
  }

  // Stores a string under `key`, replacing whatever `found` (from Find of the same key) holds.
  // Returns where it is now.
  Found SetString(const KeyRef& key, const Found& found, std::string_view value, Ttl ttl);
  Found SetStringIn(DbId db, const KeyRef& key, const Found& found, std::string_view value,
                    Ttl ttl);
  // The same with a reference that is taken over. REQUIRES: at least kBlobThreshold bytes.
  Found SetBlob(const KeyRef& key, const Found& found, Blob* blob, Ttl ttl);
  // The bytes of the string for editing in place, grown to at least `size` with zeros; makes the
  // key if `found` is empty. The entry is reported as raw from now on. `found` is updated.
  // REQUIRES: a string or absent.
  std::span<char> EditString(const KeyRef& key, Found& found, std::size_t size);
  // How many bytes that would copy, or set to zero. A reply that has shared the string's bytes may
  // be done with them meanwhile. REQUIRES: the same.
  static std::size_t EditedBytes(const Found& found, std::size_t size);
  // The collection under `key` for changing; made, empty, if `found` is empty. `found` is updated
  // and must outlive what is returned. REQUIRES: absent, or of V's type.
  template <class V>
  Editing<V> Edit(const KeyRef& key, Found& found) {
    if (!found) found = StoreEmpty(key, kTypeOf<V>);
    found.shard->table.Preserve(found.position);
    return Editing<V>(*this, key, found);
  }
  // Before a collection is changed in place of which no watcher is to know: Edit does it, too.
  void Preserve(const Found& found) { found.shard->table.Preserve(found.position); }
  // Stores a finished collection, replacing whatever `found` holds; an empty one (but for a stream)
  // removes the key.
  template <class V>
  Found SetCollection(const KeyRef& key, Found& found, V collection) {
    if (collection.size() == 0 && kTypeOf<V> != Type::kStream) {
      if (found) Remove(key, found);
      return found;
    }
    Entry* entry = Entry::CreateCollection(*StripeOf(key).arena, key.name, kTypeOf<V>);
    entry->template as<V>() = std::move(collection);
    found = StoreEntry(key, found, entry);
    return found;
  }
  // A key's size comes from `before` bytes to `after`; its entry is in place.
  void NoteSize(const Found& found, std::size_t before, std::size_t after) {
    if (BigKeys::IsTold(before, after)) [[unlikely]]
      TellSize(found, before, after);
  }
  // What an Editing does at its end: the collection takes so many bytes more than before.
  void Settle(const KeyRef& key, Found& found, std::int64_t more_bytes, bool is_gone);

  // Copies value and expiry of `from` to `to_key`, replacing what `to` (from FindIn of that key)
  // holds. A large value is shared, not copied. Changes `from`'s table, so `from` must be found
  // again afterwards.
  void CopyTo(const Found& from, DbId to_db, const KeyRef& to_key, const Found& to);

  // The same, but the value moves: a collection is not copied. `from_key` must be found again and
  // removed afterwards.
  void MoveTo(const KeyRef& from_key, const Found& from, DbId to_db, const KeyRef& to_key,
              const Found& to);

  void Remove(const KeyRef& key, Found& found) {
    if (keyspace_.tunables().draws_curve()) [[unlikely]]
      keyspace_.curve().Forget(viewer_.db, key.hash);
    RemoveEvicted(key, found);
  }
  // The same, but the key might still be there if there were more memory.
  void RemoveEvicted(const KeyRef& key, Found& found);
  // Somebody who caches values has read this one: he is told of bumps of its tags.
  void RememberTags(const KeyRef& key, const std::shared_ptr<Tracker>& reader);
  // A tag of that name has been bumped: who caches by prefix is told.
  void TellOfBump(const KeyRef& tag) {
    if (keyspace_.tracking().active()) [[unlikely]]
      NoteTracked(tag, false);
  }
  ClientId client() const { return viewer_.client; }
  // Gives the entry notes, in the place of those it has. `found` is updated. Tells nobody: the
  // value is the same.
  void SetNotes(const KeyRef& key, Found& found, std::unique_ptr<CacheNotes> notes);
  // The value is out of date from now on, and kept to be served as stale. Tells of the change.
  void MakeStale(const KeyRef& key, Found& found);
  // What is known of a key that is not there, in the database's shadow; see Keyspace::ShadowOf.
  Found FindShadow(const KeyRef& key);
  // Notes that. REQUIRES: the key is absent. At kShadowKeysMax entries in the stripe one of the
  // others goes.
  void SetShadow(const KeyRef& key, std::unique_ptr<CacheNotes> notes, UnixMs expiry);
  static constexpr std::size_t kShadowKeysMax = 4096;
  static constexpr std::int64_t kShadowsShare = 8;  // at most one part in so many of maxmemory
  // What was known to be absent as of a version refuses older ones for as long after its end.
  static constexpr std::int64_t kTombstoneMs = 60'000;
  // A key that is not there is written or deleted all the same: what was known of its absence is
  // not so any more, and who loads its value loads what is old by now. Logs what it forgets. The
  // version of a deleted row stays: no write without one makes an older row newer.
  void OverruleAbsence(const KeyRef& key);
  // Whatever is known of a key that is not there. True if something was; logs it.
  bool ForgetShadow(const KeyRef& key);
  // The lease on a key, held or not, or null.
  Lease* FindLease(const KeyRef& key);
  // A new one; null if there are too many, of all or of its namespace. REQUIRES: none is held.
  Lease* GrantLease(const KeyRef& key, std::int64_t for_ms);
  // Its holder is done: who waits for the key looks again, and may have the next one.
  void EndLease(const KeyRef& key);
  // Ends those of the stripe whose time is up. Those who wait are left to the keeper.
  void SweepLeases(Stripe& stripe);
  // The key's namespace, or null.
  Namespace* SpaceOf(const KeyRef& key) const {
    return keyspace_.namespaces().any() ? keyspace_.namespaces().Of(key.name) : nullptr;
  }
  // See Namespaces. REQUIRES: every stripe held.
  Result<Namespace*> DeclareSpace(std::string_view prefix, const NamespaceRules& rules,
                                  bool is_configured);
  // Takes the pin away: its times begin to count, and what a bump or a clear has made an end of
  // meanwhile goes. REQUIRES: found is pinned; it may be gone afterwards.
  void Unpin(const KeyRef& key, Found& found);
  // Has the entry's notes name the namespace that its key is in; one without notes gets some.
  void Join(const KeyRef& key, Found& found);
  // Everything under the prefix is gone, and loads under way come too late. REQUIRES: every stripe
  // held, and that all entries have joined.
  void ClearSpace(Namespace& space, std::uint64_t number);
  // By the sweep: what is dead goes, what is not has joined. Leaves what has merely expired.
  void Tend(const KeyRef& key);
  // Removes the entry to make room for others of its namespace, and logs it. REQUIRES: the name
  // does not lie in the entry.
  void Evict(DbId db, const KeyRef& key, Found& found);
  // While the namespace has too many bytes: the worst of some neighbours that are its own, but for
  // `spared`, at most `max`. Returns how many.
  std::size_t EvictWorst(DbId db, const Shard& shard, const Namespace& space, std::size_t max,
                         std::string_view spared);
  // For the figures of its namespace: before an entry is removed to make room.
  static void NoteEvicted(const KeyRef& key, const Entry& entry);
  // kNever for what is pinned.
  UnixMs ExpiryAt(const Found& found) const { return internal::ExpiryOf(found); }
  // When it expires, though it may be pinned until then or longer.
  UnixMs DeadlineAt(const Found& found) const {
    const Pin* pin = found.entry->pin();
    return pin == nullptr ? ExpiryAt(found) : pin->expires_at;
  }
  void SetExpiry(const KeyRef& key, Found& found, UnixMs at_ms);
  void ClearExpiry(const KeyRef& key, Found& found);

  // Empties a database. REQUIRES: every stripe held. Returns how many keys it had.
  std::size_t FlushDatabase(DbId db);
  // REQUIRES: every stripe held.
  void SwapDatabases(DbId a, DbId b);

  // Keys changed that somebody waits for, in the order of their changes. Whoever runs the
  // transaction takes them before the locks go, and serves (command/serving.h); what is not taken
  // is left to the keeper.
  bool may_have_ready() const { return noted_ != nullptr; }
  std::vector<ReadyKey> TakeReady();

  // Effects go to `effects` instead of to the log: EXEC's, which come as one.
  void CollectEffects(std::vector<log::Effect>* effects) { effects_ = effects; }
  // From here on nobody is told of what this changes, but for what expires: neither who watches or
  // caches the key nor who waits for it. Redis signals no change where only a stream's groups
  // change, or where a BITFIELD comes to what was there.
  void TellNobody() { tells_ = false; }
  // Tells of a change all the same, once it has been made.
  void TellOf(const KeyRef& key, const Found& found) {
    tells_ = true;
    NoteChange(StripeOf(key), *found.shard, key);
  }
  // Has those who wait for a key look at it again, though it counts as unchanged: its group went.
  void WakeWaiters(const KeyRef& key);
  // Tells who caches keys (see tracking.h) of the changes so far: at the latest when this ends, and
  // before anything is remembered as read.
  void TellTracked();
  // Any key may have changed. REQUIRES: every stripe held.
  void TellAllTracked() { keyspace_.tracking().TellAll(viewer_.client); }

  // Names the effect of this call; counts as one change. Call it once per change, in order, before
  // the locks go.
  void Log(std::span<const std::string_view> args) { LogIn(viewer_.db, args); }
  void Log(std::initializer_list<std::string_view> args) {
    LogIn(viewer_.db, {args.begin(), args.size()});
  }
  void LogIn(DbId db, std::span<const std::string_view> args);
  // What the effects named so far count as, where clients expect another number: MSET counts keys.
  void CountAs(std::int64_t changes) { changes_ = changes; }

  // Tells of an event of a key, once it has happened. One load while nobody listens.
  void Notify(EventClass event_class, std::string_view event, const KeyRef& key) {
    NotifyIn(viewer_.db, event_class, event, key);
  }
  void NotifyIn(DbId db, EventClass event_class, std::string_view event, const KeyRef& key) {
    const EventClass wanted = keyspace_.tunables().event_classes.load(std::memory_order_relaxed);
    if ((wanted & event_class) != 0) [[unlikely]]
      keyspace_.event_sink()->OnEvent(wanted & (kEventKeyspace | kEventKeyevent), event, db,
                                      key.name);
  }

  Keyspace& keyspace() { return keyspace_; }
  const KeyLocks& locks() const { return held_; }
  DbId db() const { return viewer_.db; }
  UnixMs now_ms() const { return viewer_.now_ms(); }
  Random& random() { return viewer_.random; }
  // Changes named so far; keys that expired are none.
  std::int64_t changes() const { return changes_; }

 private:
  Stripe& StripeOf(const KeyRef& key) {
    DCHECK(held_.Holds(key.stripe));
    return keyspace_.stripe(key.stripe);
  }
  void TouchFound(DbId db, const KeyRef& key, Access access, Entry* entry) {
    if (keyspace_.tunables().traces_access()) [[unlikely]]
      return internal::TouchTracedIn(keyspace_, db, key, access, entry, viewer_);
    internal::Touch(entry, viewer_);
  }
  // The access bits of what is stored under `key` in place of `old`, which may be null.
  std::uint32_t FreshAccess(DbId db, const KeyRef& key, const Entry* old) {
    if (keyspace_.tunables().traces_access()) [[unlikely]]
      return FreshTracedAccess(db, key, old);
    return viewer_.lru_access();
  }
  std::uint32_t FreshTracedAccess(DbId db, const KeyRef& key, const Entry* old);
  // Every change of a key passes here once it is done, those by expiry too.
  void NoteChange(Stripe& stripe, const Shard& shard, const KeyRef& key) {
    if (stripe.interest != nullptr) [[unlikely]]
      TellInterested(stripe, shard, key);
    if (keyspace_.tracking().active()) [[unlikely]]
      NoteTracked(key, false);
  }
  void NoteTracked(const KeyRef& key, bool if_logged);
  void TellInterested(Stripe& stripe, const Shard& shard, const KeyRef& key);
  // A collection was edited: changed, if the command names an effect.
  void NoteEdit(Stripe& stripe, const Shard& shard, const KeyRef& key) {
    if (stripe.interest != nullptr) [[unlikely]]
      RememberEdit(stripe, shard, key);
    if (keyspace_.tracking().active()) [[unlikely]]
      NoteTracked(key, true);
  }
  void TellSize(const Found& found, std::size_t before, std::size_t after);
  void RememberEdit(Stripe& stripe, const Shard& shard, const KeyRef& key);
  bool Tells() const { return tells_ || expiring_; }
  bool WasCleared(const Stripe& stripe, const KeyInterest& at, const Namespace& space) const;
  void MarkChanged(KeyInterest& at);
  void MarkReady(KeyInterest& at);
  void LeaveReady();
  void LogExpired();
  void AppendEffect(DbId db, std::span<const std::string_view> args);
  Found ExpireNow(DbId db, const KeyRef& key, Found found);
  Found ExpireFields(DbId db, const KeyRef& key, Found found);
  Found BuryDead(DbId db, const KeyRef& key, Found found);
  void NoteExpired(DbId db, const KeyRef& key);
  // Somebody's next miss is to know why.
  static void NoteLoss(const KeyRef& key, const Entry& entry, Loss loss);
  // What Store does where there are shadows or namespaces.
  void StoreBeside(Stripe& stripe, DbId db, const KeyRef& key, Found& stored, bool was_there,
                   Ttl ttl);
  // The key's time is to be looked at when the call has ended: see SettleStored.
  void NoteStored(DbId db, const KeyRef& key, bool takes_default);
  void SettleStored();
  Found StoreEmpty(const KeyRef& key, Type type);
  // With the access clock of a new key and without a time.
  Found StoreEntry(const KeyRef& key, const Found& found, Entry* entry);
  Entry* KeepNotes(Stripe& stripe, const Entry& old, Entry* entry);
  // Without looking for the namespace.
  void PutNotes(const KeyRef& key, Found& found, std::unique_ptr<CacheNotes> notes);
  // The value was edited in place. REQUIRES: the entry was preserved for a cut.
  void ForgetVersion(const Found& found);
  bool DropShadow(Stripe& stripe, DbId db, const KeyRef& key);
  void RemoveShadow(Stripe& stripe, Shard& shadow, Position position);
  Found EndAbsence(const KeyRef& key, Found shadow);
  static UnixMs TombstoneEnd(UnixMs absence_end) {
    return absence_end > kNever - kTombstoneMs ? kNever : absence_end + kTombstoneMs;
  }
  bool ShadowsAreFull(const Stripe& stripe, const Shard& shadow) const;
  void EvictShadow(Stripe& stripe, Shard& shadow);
  void EvictNegative(Stripe& stripe, Shard& shadow, const Namespace& space, std::string_view last);
  void LogForgotten(std::string_view name);
  static void DropInterest(Stripe& stripe, KeyInterest& at);
  void PutAs(Entry* entry, UnixMs expiry, DbId to_db, const KeyRef& to_key, const Found& to);
  // After the fields' times of a hash have changed: what is due first stands in the table.
  void SettleTimes(const KeyRef& key, Found& found);
  void SetDue(const KeyRef& key, const Found& found, UnixMs due_ms);
  void NoteTimeSet(const KeyRef& key);
  // The same without telling anybody: whoever edits the fields does that.
  void PutDue(const KeyRef& key, const Found& found, UnixMs due_ms);
  // Of a hash whose fields have, or had, times.
  void SetOwnExpiry(const KeyRef& key, const Found& found, UnixMs at_ms);
  bool OverwriteInPlace(const KeyRef& key, const Found& found, std::string_view value, Ttl ttl);
  // Puts `entry` where `found` says, or in a new slot; charges it and frees the old one.
  Found Store(Stripe& stripe, DbId db, const KeyRef& key, const Found& found, Entry* entry,
              Ttl ttl);
  std::span<char> EditInline(const KeyRef& key, Found& found, std::size_t size);
  std::span<char> EditBlob(const KeyRef& key, Found& found, std::size_t size);

  Keyspace& keyspace_;
  const KeyLocks& held_;
  const Viewer& viewer_;
  std::int64_t changes_ = 0;
  bool logged_ = false;
  // Expired keys whose DEL is not in the log yet, all of one database. Copies: a name may point
  // into the entry that went. Null without log readers, and mostly.
  struct ExpiredKeys {
    DbId db;
    std::vector<std::string> names;
  };
  std::unique_ptr<ExpiredKeys> expired_;
  // Null while nobody waits for or watches what was changed, and no namespace has rules for it.
  struct Noted {
    std::vector<ReadyKey> ready;
    std::vector<ReadyKey> edited;  // changed if anything is logged
    // In namespaces that have rules for times and bytes.
    struct Stored {
      DbId db;
      std::string name;
      bool takes_default;  // the namespace's time, if it has been given none
    };
    std::vector<Stored> stored;
  };
  std::unique_ptr<Noted> noted_;
  std::vector<log::Effect>* effects_ = nullptr;
  // Changes that somebody who caches keys must be told of.
  struct Tracked {
    Tracking::Change change;
    bool if_logged;  // an edit, which may have come to nothing
  };
  std::unique_ptr<std::vector<Tracked>> told_later_;
  bool tells_ = true;
  bool expiring_ = false;  // the change under way is time's, not the client's
};

template <class V>
void Editing<V>::Finish() {
  if (txn_ == nullptr) return;
  const auto bytes = static_cast<std::int64_t>(value().memory_bytes());
  txn_->NoteSize(found_, before_, static_cast<std::size_t>(bytes));
  const bool is_gone = kTypeOf<V> != Type::kStream && value().size() == 0;
  std::exchange(txn_, nullptr)
      ->Settle(key_, found_, bytes - static_cast<std::int64_t>(before_), is_gone);
}

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_TXN_H_
