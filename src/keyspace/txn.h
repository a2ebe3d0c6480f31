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

class Txn {
 public:
  struct Context {
    DbId db;
    UnixMs now_ms;
    Random* random;     // the session's
    bool touch = true;  // false under CLIENT NO-TOUCH
  };

  Txn(Keyspace& keyspace, const KeyLocks& held, Context context) REQUIRES(held)
      : keyspace_(keyspace), held_(held), context_(context) {}
  ~Txn() {
    if (!expired_.empty()) [[unlikely]]
      LogExpired();
  }
  Txn(const Txn&) = delete;
  Txn& operator=(const Txn&) = delete;

  Found Find(const KeyRef& key, Access access);
  // The same in another database (COPY, MOVE): the stripe is the same.
  Found FindIn(DbId db, const KeyRef& key, Access access);

  // Stores a string under `key`, replacing whatever `found` (from Find of the same key) holds.
  // Returns where it is now.
  Found SetString(const KeyRef& key, const Found& found, std::string_view value, Ttl ttl);
  Found SetStringIn(DbId db, const KeyRef& key, const Found& found, std::string_view value,
                    Ttl ttl);
  // The bytes of the string for editing in place, grown to at least `size` with zeros; makes the
  // key if `found` is empty. The entry is reported as raw from now on. `found` is updated.
  // REQUIRES: a string or absent.
  std::span<char> EditString(const KeyRef& key, Found& found, std::size_t size);
  // Copies value and expiry of `from` to `to_key`, replacing what `to` (from FindIn of that key)
  // holds. A large value is shared, not copied. Changes `from`'s table, so `from` must be found
  // again afterwards.
  void CopyTo(const Found& from, DbId to_db, const KeyRef& to_key, const Found& to);

  void Remove(const KeyRef& key, Found& found);
  UnixMs ExpiryAt(const Found& found) const {
    return found.entry->is_volatile() ? found.shard->table.ExpiryAt(found.position) : kNever;
  }
  void SetExpiry(const KeyRef& key, Found& found, UnixMs at_ms);
  void ClearExpiry(const KeyRef& key, Found& found);

  // Names the effect of this call; counts as one change. Call it once per change, in order, before
  // the locks go.
  void Log(std::span<const std::string_view> args) { LogIn(context_.db, args); }
  void Log(std::initializer_list<std::string_view> args) {
    LogIn(context_.db, {args.begin(), args.size()});
  }
  void LogIn(DbId db, std::span<const std::string_view> args);

  // Tells of an event of a key, once it has happened. One load while nobody listens.
  void Notify(EventClass event_class, std::string_view event, const KeyRef& key) {
    NotifyIn(context_.db, event_class, event, key);
  }
  void NotifyIn(DbId db, EventClass event_class, std::string_view event, const KeyRef& key) {
    const EventClass wanted = keyspace_.tunables().event_classes.load(std::memory_order_relaxed);
    if ((wanted & event_class) != 0) [[unlikely]]
      keyspace_.event_sink()->OnEvent(wanted & (kEventKeyspace | kEventKeyevent), event, db,
                                      key.name);
  }

  Keyspace& keyspace() { return keyspace_; }
  const KeyLocks& locks() const { return held_; }
  DbId db() const { return context_.db; }
  UnixMs now_ms() const { return context_.now_ms; }
  Random& random() { return *context_.random; }
  // Changes named so far.
  int changes() const { return changes_; }

 private:
  Stripe& StripeOf(const KeyRef& key);
  void Touch(Entry* entry);
  void CountMiss(DbId db, const KeyRef& key, StripeCounters& counters);
  std::uint32_t FreshAccess() const;
  void LogExpired();
  void ExpireNow(DbId db, const KeyRef& key, Found& found);
  bool OverwriteInPlace(const KeyRef& key, const Found& found, std::string_view value, Ttl ttl);
  // Puts `entry` where `found` says, or in a new slot; charges it and frees the old one.
  Found Store(Stripe& stripe, DbId db, const KeyRef& key, const Found& found, Entry* entry,
              Ttl ttl);
  std::span<char> EditInline(const KeyRef& key, Found& found, std::size_t size);
  std::span<char> EditBlob(const KeyRef& key, Found& found, std::size_t size);

  Keyspace& keyspace_;
  const KeyLocks& held_;
  const Context context_;
  int changes_ = 0;
  // Expired keys whose DEL is not in the log yet, all of one database. Copies: a name may point
  // into the entry that went. Stays empty without log readers.
  std::vector<std::string> expired_;
  DbId expired_db_;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_TXN_H_
