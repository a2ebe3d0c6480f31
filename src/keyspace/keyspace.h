// SPDX-License-Identifier: BSD-3-Clause
// Keyspace: all databases, cut into stripes; who owns the memory, the log and the clocks of the
// data.
//
//     Keyspace
//       |- stripe 0   lock, tables by database, counters      |
//       |- ...                                                 |  16 slab arenas, shared by stripes
//       modulo 16
//       |- stripe 255                                         |
//       |- CommandLog, Tunables, HashSeed, Trash
//
// Commands do not touch it directly: they get a Txn made from held KeyLocks. What runs in the
// background (the expirer, the evictor, the freeing of flushed tables) works through the same
// locks, in bounded steps.
//
// Owned by the engine. Thread safety: as said at each method; data only under KeyLocks.
#ifndef CAIRN_KEYSPACE_KEYSPACE_H_
#define CAIRN_KEYSPACE_KEYSPACE_H_

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/thread.h"
#include "keyspace/big_keys.h"
#include "keyspace/cut_backlog.h"
#include "keyspace/fences.h"
#include "keyspace/key_locks.h"
#include "keyspace/leases.h"
#include "keyspace/miss_ratio_curve.h"
#include "keyspace/namespaces.h"
#include "keyspace/purges.h"
#include "keyspace/reload_watch.h"
#include "keyspace/removal_lags.h"
#include "keyspace/stripe.h"
#include "keyspace/tags.h"
#include "keyspace/tracking.h"
#include "keyspace/trash.h"
#include "keyspace/tunables.h"
#include "keyspace/write_logs.h"
#include "log/command_log.h"

namespace cairn::keyspace {

struct KeyspaceOptions {
  std::size_t stripe_count = kStripeCountMax;  // a power of two, at most kStripeCountMax
  std::uint32_t database_count = 16;
  std::uint64_t hash_seed = 0;
  std::size_t log_ring_bytes = log::CommandLog::kRingBytesDefault;
};

// Sums over all stripes; a moment's picture, not a cut.
struct KeyspaceTotals {
  std::int64_t hits = 0;
  std::int64_t misses = 0;
  std::int64_t expired = 0;
  std::int64_t evicted = 0;
  std::int64_t ghosts_met = 0;
  std::int64_t invalidated = 0;
  std::int64_t expire_lag_ms_sum = 0;
  std::int64_t expire_lag_ms_max = 0;
};

struct DatabaseSize {
  std::size_t keys = 0;
  std::size_t volatile_keys = 0;  // with an expiry of their own
  std::size_t hashes_with_times = 0;
};

// Who does what would have to wait for a stripe that is held for long: see command/lane.h.
class Helper {
 public:
  virtual ~Helper() = default;
  // Runs `work`, which may wait for these stripes, on another thread, some time. Any thread, no
  // stripe locked.
  virtual void RunLater(const StripeSet& stripes, std::move_only_function<void()> work) = 0;
};

// What is asked of a stripe for the sum over all: tables and keys of each database.
struct StripePicture {
  struct Table {
    std::uint32_t db = 0;
    std::size_t keys = 0;
    std::size_t volatile_keys = 0;
    std::size_t hashes_with_times = 0;
    std::size_t bytes = 0;
  };
  std::vector<Table> tables;
};

class Cut;

class Keyspace {
 public:
  Keyspace(const Clock& clock, KeyspaceOptions options);
  ~Keyspace();
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;

  // Any thread, no lock.
  KeyRef Ref(std::string_view key) const {
    const KeyHashes hashes = seed_.HashWithSlot(key);
    return {key, hashes.hash, StripeId(hashes.slot.value & stripe_mask_)};
  }
  // The same, appended.
  void AppendRef(std::string_view key, std::vector<KeyRef>& keys) const {
    const KeyHashes hashes = seed_.HashWithSlot(key);
    keys.emplace_back(key, hashes.hash, StripeId(hashes.slot.value & stripe_mask_));
  }
  std::size_t stripe_count() const { return stripes_.size(); }
  std::uint32_t database_count() const { return database_count_; }
  // Each database has a shadow: what is known of keys that are not there (a row that does not
  // exist, the version of one that was deleted). Its entries are empty strings with notes; it has a
  // number of its own that no client can select. Nothing is in a database and in its shadow.
  std::uint32_t table_count() const { return 2 * database_count_; }
  DbId ShadowOf(DbId db) const { return DbId(db.value + database_count_); }
  bool IsShadow(DbId db) const { return db.value >= database_count_; }
  Stripe& stripe(StripeId id) { return stripes_[id.value]; }
  const Clock& clock() const { return clock_; }
  const HashSeed& seed() const { return seed_; }
  Tunables& tunables() { return tunables_; }
  log::CommandLog& log() { return log_; }
  Trash& trash() { return trash_; }
  Tracking& tracking() { return tracking_; }
  Tags& tags() { return tags_; }
  LeaseBook& leases() { return leases_; }
  WriteLogs& write_logs() { return write_logs_; }
  BigKeys& big_keys() { return big_keys_; }
  RemovalLags& lags() { return lags_; }
  Namespaces& namespaces() { return namespaces_; }
  const Namespaces& namespaces() const { return namespaces_; }
  Purges& purges() { return purges_; }
  CutBacklog& cut_backlog() { return cut_backlog_; }
  Fences& fences() { return fences_; }
  FifoClocks& fifo_clocks() { return fifo_clocks_; }
  // Drawn while the tunables say so; see DrawCurve.
  MissRatioCurve& curve() { return curve_; }
  // Begins it, or ends it and gives its memory back. One thread at a time.
  void DrawCurve(bool draws);
  // Tells the curve what it is to cover. Takes each stripe's lock in turn.
  void CoverCurve() { curve_.Cover(4 * SizeAtLimit().keys); }
  // Watches while it is on; see WatchReloads.
  ReloadWatch& reload_watch() { return reload_watch_; }
  // Begins it, or ends it and gives its memory back. One thread at a time.
  void WatchReloads(bool watches);
  // What the memory that may be used holds: that of maxmemory, or all there is without a limit.
  struct LimitSize {
    std::int64_t bytes = 0;        // with what is beside the keys
    std::int64_t other_bytes = 0;  // beside the keys
    std::size_t keys = 0;
  };
  LimitSize SizeAtLimit();
  // By the evictor, where there is too little room: what counts beside the keys.
  void NoteOtherBytes(std::int64_t bytes) { other_bytes_.store(bytes, std::memory_order_relaxed); }
  // The one under way, or null. By the cut itself.
  void SetCut(Cut* cut);
  // Who is told of events, or null. Set before there are threads; outlives the keyspace's use.
  EventSink* event_sink() const { return event_sink_; }
  void SetEventSink(EventSink* sink) { event_sink_ = sink; }
  // Null where nobody holds stripes for long. The same.
  Helper* helper() const { return helper_; }
  void SetHelper(Helper* helper) { helper_ = helper; }
  // Bytes charged to all keys, tables, values, tags and leases: what maxmemory is held against,
  // with what the owner counts beside them. Exact but for what stripes have not folded yet; see
  // Charge.
  std::int64_t used_bytes() const {
    return used_bytes_.value() + tags_.memory_bytes() + leases_.memory_bytes();
  }
  // The same to the byte, but for stripes that are held for long. Takes each stripe's lock in turn.
  std::int64_t FoldUsedBytes();
  // Memory that the arenas hold from the allocator, used or not.
  std::int64_t arena_reserved_bytes() const;
  std::int64_t arena_used_bytes() const;
  // Of these, what lies in slabs: the rest came from malloc.
  std::int64_t arena_small_bytes() const;
  KeyspaceTotals Totals() const;
  void ResetStatistics();
  // Each takes the stripes' locks in turn; of those that are held for long it knows what they were
  // before.
  DatabaseSize Size(DbId db);
  std::size_t TableBytes();
  StripePicture PictureOf(Stripe& stripe);
  // Around a hold for long, by the holder.
  void ShowPictures(const StripeSet& stripes);
  void HidePictures(const StripeSet& stripes);
  // Takes the stripes' locks in turn, but for those that are held for long.
  InterestTotals CountInterest();

  // Asks the processor for the buckets, then the entries, of keys that queued commands will touch,
  // so that their cache misses overlap, and notes where they are. Hints: an entry is skipped if its
  // stripe is busy. REQUIRES: a key.
  void Prefetch(DbId db, std::span<KeyRef> keys);

  // REQUIRES: `held` holds every stripe (DCHECKed; the analysis cannot follow a lock set through a
  // Txn). What was in the database goes to the trash. Returns how many keys that were.
  std::size_t FlushDatabase(const KeyLocks& held, DbId db);
  void SwapDatabases(const KeyLocks& held, DbId a, DbId b);

  // Whether this thread holds every stripe (EXEC of a command like KEYS): then it locks none.
  // Whether a script holds stripes for long.
  bool has_marked_holds() const {
    return extending_.marked_holds.load(std::memory_order_relaxed) > 0;
  }
  bool AllHeldByThisThread() const {
    return all_holder_.load(std::memory_order_relaxed) == Thread::CurrentId();
  }
  // The next waiter's; see Waiter::ticket.
  std::uint64_t DrawTicket() { return next_ticket_.fetch_add(1, std::memory_order_relaxed); }
  // Ready keys that nobody was there to serve (their stream expired, or was evicted). Any thread.
  void LeaveReady(std::vector<ReadyKey> keys);
  bool has_left_ready() const { return has_left_ready_.load(std::memory_order_acquire); }
  std::vector<ReadyKey> TakeLeftReady();

  // The stripe's share of a database, made if there is none. REQUIRES: the stripe locked.
  Shard& EnsureShard(Stripe& stripe, DbId db);
  // Charges a database's share. REQUIRES: the stripe locked. The total is folded in steps, so that
  // writers do not share a cache line.
  void Charge(Stripe& stripe, Shard& shard, std::int64_t bytes) {
    shard.charged_bytes += bytes;
    stripe.unfolded_bytes += bytes;
    const std::int64_t step = fold_bytes_.load(std::memory_order_relaxed);
    if (stripe.unfolded_bytes >= step || stripe.unfolded_bytes <= -step) Fold(stripe);
  }

  // A key has gone from the small queue of *-s3fifo. REQUIRES: the stripe locked.
  void LeaveGhost(Stripe& stripe, DbId db, std::uint64_t hash);
  // What ghosts take: charged to no key, but used.
  std::int64_t ghost_bytes() const { return ghost_bytes_.value(); }

  // maxmemory, 0 for none. Any thread. What all stripes together have not folded stays below
  // 1/kFoldShare of it.
  void SetMemoryLimit(std::int64_t bytes);

  static constexpr std::int64_t kFoldBytes = 2048;
  static constexpr std::int64_t kFoldShare = 512;

 private:
  friend class KeyLocks;

  static bool AreOne(std::span<const KeyRef> keys);
  void PrefetchOne(DbId db, std::span<KeyRef> keys);
  void Fold(Stripe& stripe);
  std::size_t FlushTable(const KeyLocks& held, DbId db);
  // True if the cut under way took it.
  bool KeepForCut(Stripe& stripe, std::unique_ptr<Shard>& load);
  StripePicture TakePicture(const Stripe& stripe) const;
  void ForgetBigKeys();

  // constant after construction
  const Clock& clock_;
  const std::uint32_t database_count_;
  const std::uint16_t stripe_mask_;
  const HashSeed seed_;
  EventSink* event_sink_ = nullptr;
  Helper* helper_ = nullptr;

  Tunables tunables_;
  log::CommandLog log_;
  Tags tags_;              // entries refer to them
  Namespaces namespaces_;  // the same
  LeaseBook leases_;
  WriteLogs write_logs_;
  std::array<ds::SlabArena, kArenaCount> arenas_;
  Trash trash_;  // frees into the arenas what the stripes leave behind
  std::vector<Stripe> stripes_;
  SharedCounter used_bytes_;
  SharedCounter ghost_bytes_;
  FifoClocks fifo_clocks_;
  MissRatioCurve curve_;
  ReloadWatch reload_watch_;
  std::atomic<std::int64_t> other_bytes_{0};
  std::atomic<std::int64_t> fold_bytes_{kFoldBytes};  // relaxed: any step is right
  // The thread that holds every stripe, or 0. relaxed: a thread asks about itself only.
  std::atomic<std::uintptr_t> all_holder_{0};
  Extending extending_;
  Tracking tracking_;
  BigKeys big_keys_;
  RemovalLags lags_;
  Purges purges_;
  CutBacklog cut_backlog_;
  Fences fences_;
  Mutex cut_mu_;  // taken before the cut's own
  Cut* cut_ GUARDED_BY(cut_mu_) = nullptr;
  std::atomic<std::uint64_t> next_ticket_{1};
  Mutex pictures_mu_;  // a leaf
  // Of the stripes that are held for long.
  std::unordered_map<std::uint16_t, StripePicture> pictures_ GUARDED_BY(pictures_mu_);
  Mutex left_ready_mu_;  // a leaf
  std::vector<ReadyKey> left_ready_ GUARDED_BY(left_ready_mu_);
  std::atomic<bool> has_left_ready_{false};
};

inline KeyLocks::KeyLocks(Keyspace& keyspace)
    : stripes_(keyspace.stripes_),
      all_holder_(keyspace.all_holder_),
      extending_(keyspace.extending_) {}

// One stripe, for a walk over many of them; nothing if this thread holds them all.
class SCOPED_CAPABILITY WalkLock {
 public:
  WalkLock(Keyspace& keyspace, Stripe& stripe) ACQUIRE(stripe.mu) NO_THREAD_SAFETY_ANALYSIS
      : mu_(keyspace.AllHeldByThisThread() ? nullptr : &stripe.mu) {
    if (mu_ != nullptr) mu_->Lock();
  }
  ~WalkLock() RELEASE() NO_THREAD_SAFETY_ANALYSIS {
    if (mu_ != nullptr) mu_->Unlock();
  }
  WalkLock(const WalkLock&) = delete;
  WalkLock& operator=(const WalkLock&) = delete;

 private:
  Mutex* const mu_;
};

// The same, unless it is held for long.
class TryWalkLock {
 public:
  TryWalkLock(Keyspace& keyspace, Stripe& stripe) NO_THREAD_SAFETY_ANALYSIS
      : mu_(keyspace.AllHeldByThisThread() ? nullptr : &stripe.mu),
        held_(mu_ == nullptr || mu_->LockUnlessLong()) {}
  ~TryWalkLock() NO_THREAD_SAFETY_ANALYSIS {
    if (mu_ != nullptr && held_) mu_->Unlock();
  }
  TryWalkLock(const TryWalkLock&) = delete;
  TryWalkLock& operator=(const TryWalkLock&) = delete;

  bool held() const { return held_; }
  // Waits for it after all.
  void Wait() NO_THREAD_SAFETY_ANALYSIS {
    mu_->Lock();
    held_ = true;
  }

 private:
  Mutex* const mu_;
  bool held_;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_KEYSPACE_H_
