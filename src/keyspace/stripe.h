// SPDX-License-Identifier: BSD-3-Clause
// Stripe: one lock and what it guards, a share of every database.
//
// A key belongs to the stripe of its cluster slot, in all databases, so COPY and MOVE between
// databases stay inside one lock and keys tied by a {hash tag} share it. A stripe's tables are made
// when a database first gets a key there.
//
// Thread safety: everything but `mu` and the counters marked atomic is touched only by the holder
// of `mu`. Commands lock stripes through KeyLocks, where the annotations stand; walks over the
// whole keyspace (SCAN, DBSIZE, sampling) lock one stripe at a time by itself.
#ifndef CAIRN_KEYSPACE_STRIPE_H_
#define CAIRN_KEYSPACE_STRIPE_H_

#include <bitset>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/counter.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "ds/segment_table.h"
#include "keyspace/entry.h"
#include "keyspace/interest.h"
#include "keyspace/s3fifo.h"

namespace cairn::keyspace {

using Table = ds::SegmentTable<EntryTraits>;
using Position = Table::Position;

inline constexpr std::size_t kStripeCountMax = 256;
inline constexpr std::size_t kArenaCount = 16;

// Walking it visits stripes in ascending order, which sorts for free.
using StripeSet = std::bitset<kStripeCountMax>;

// A stripe's share of one database.
struct Shard {
  explicit Shard(const HashSeed& seed) : table(seed) {}
  Table table;
  // Entries, values and the table itself: what flushing this share gives back.
  std::int64_t charged_bytes = 0;
  // Hashes with fields that have times; and those of them without an expiry of their own. The
  // table knows both as volatile, clients only those that are not among the latter.
  std::size_t hashes_with_times = 0;
  std::size_t only_fields_expire = 0;

  std::size_t expiring_keys() const { return table.volatile_count() - only_fields_expire; }
  // Before and after a change of an entry's times, or of the entry for another.
  void Uncount(const Entry& entry) {
    if (!entry.has_times()) return;
    --hashes_with_times;
    only_fields_expire -= entry.own_expiry() == kNever ? 1 : 0;
  }
  void Count(const Entry& entry) {
    if (!entry.has_times()) return;
    ++hashes_with_times;
    only_fields_expire += entry.own_expiry() == kNever ? 1 : 0;
  }
};

// A key as a command carries it: hashed once, before any lock.
struct KeyRef {
  KeyRef(std::string_view key, std::uint64_t key_hash, StripeId key_stripe)
      : name(key), hash(key_hash), stripe(key_stripe) {}

  std::string_view name;
  std::uint64_t hash;
  StripeId stripe;
  // What Keyspace::Prefetch saw: the table in which, and where in it, the entry probably is.
  // Without a table the hint is not set.
  const Shard* hinted = nullptr;
  ds::TableHint hint;
};

struct StripeCounters {
  Counter hits;
  Counter misses;
  Counter expired;
  Counter evicted;
  Counter invalidated;        // gone by a tag's bump
  Counter ghosts_met;         // keys that came back soon after they had gone (s3fifo.h)
  Counter expire_lag_ms_sum;  // over `expired`
  Counter expire_lag_ms_max;
};

struct alignas(128) Stripe {
  Mutex mu;
  std::uint16_t id = 0;
  // Whether a shadow (Keyspace::ShadowOf) may have something here, or there may be namespaces:
  // never false if so.
  bool has_beside = false;
  // Bytes charged here and not yet folded into the keyspace's total; see Keyspace::Charge.
  std::int64_t unfolded_bytes = 0;
  ds::SlabArena* arena = nullptr;
  // Null while nobody waits for or watches a key here; see interest.h.
  std::unique_ptr<Interest> interest;
  // Null until a policy *-s3fifo has evicted something here.
  std::unique_ptr<Ghosts> ghosts;
  // By DbId; null until the first key. A shard, once made, stays where it is until the keyspace
  // ends, though SWAPDB changes its number: so a prefetch may follow these pointers without the
  // lock. The first database's is kept beside the lock, in its cache line.
  std::atomic<Shard*> first_shard{nullptr};
  std::unique_ptr<std::atomic<Shard*>[]> other_shards;
  std::vector<std::unique_ptr<Shard>> owned_shards;
  // Lower bound of the earliest expiry in any database. Written under `mu`; the expirer reads it
  // without (relaxed: a bound that arrives late is seen on the next tick).
  std::atomic<UnixMs> next_expiry_ms{kNever};
  StripeCounters counters;

  // acquire: a shard's table is whole before its pointer is seen.
  Shard* shard(DbId db) const { return Slot(db).load(std::memory_order_acquire); }
  void set_shard(DbId db, Shard* shard) { Slot(db).store(shard, std::memory_order_release); }

 private:
  std::atomic<Shard*>& Slot(DbId db) {
    return db.value == 0 ? first_shard : other_shards[db.value - 1];
  }
  const std::atomic<Shard*>& Slot(DbId db) const {
    return db.value == 0 ? first_shard : other_shards[db.value - 1];
  }
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_STRIPE_H_
