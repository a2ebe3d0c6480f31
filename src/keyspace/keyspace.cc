// SPDX-License-Identifier: BSD-3-Clause
// What concerns the keyspace as a whole: its making and end, totals, flushing and swapping of
// databases, prefetch hints.
#include "keyspace/keyspace.h"

#include <algorithm>

#include "base/check.h"
#include "keyspace/cut.h"

namespace cairn::keyspace {

Keyspace::Keyspace(const Clock& clock, KeyspaceOptions options)
    : clock_(clock),
      database_count_(options.database_count),
      stripe_mask_(static_cast<std::uint16_t>(options.stripe_count - 1)),
      seed_(options.hash_seed),
      log_(options.log_ring_bytes),
      stripes_(options.stripe_count),
      tracking_(options.stripe_count) {
  CHECK(options.stripe_count >= 1);
  CHECK(options.stripe_count <= kStripeCountMax);
  CHECK((options.stripe_count & (options.stripe_count - 1)) == 0);
  CHECK(options.database_count >= 1);
  for (std::size_t i = 0; i < stripes_.size(); ++i) {
    stripes_[i].id = static_cast<std::uint16_t>(i);
    stripes_[i].arena = &arenas_[i % kArenaCount];
    stripes_[i].other_shards = std::make_unique<std::atomic<Shard*>[]>(table_count());
  }
}

Keyspace::~Keyspace() {
  for (Stripe& stripe : stripes_) {
    for (std::unique_ptr<Shard>& shard : stripe.owned_shards)
      trash_.Add(std::move(shard), *stripe.arena);
  }
  while (!trash_.Drain(SIZE_MAX)) {
  }
}

std::int64_t Keyspace::arena_reserved_bytes() const {
  std::int64_t bytes = 0;
  for (const ds::SlabArena& arena : arenas_) bytes += arena.reserved_bytes();
  return bytes;
}

std::int64_t Keyspace::arena_used_bytes() const {
  std::int64_t bytes = 0;
  for (const ds::SlabArena& arena : arenas_) bytes += arena.used_bytes();
  return bytes;
}

std::int64_t Keyspace::arena_small_bytes() const {
  std::int64_t bytes = 0;
  for (const ds::SlabArena& arena : arenas_) bytes += arena.small_bytes();
  return bytes;
}

KeyspaceTotals Keyspace::Totals() const {
  KeyspaceTotals totals;
  for (const Stripe& stripe : stripes_) {
    const StripeCounters& counters = stripe.counters;
    totals.hits += counters.hits.value();
    totals.misses += counters.misses.value();
    totals.expired += counters.expired.value();
    totals.evicted += counters.evicted.value();
    totals.ghosts_met += counters.ghosts_met.value();
    totals.invalidated += counters.invalidated.value();
    totals.expire_lag_ms_sum += counters.expire_lag_ms_sum.value();
    totals.expire_lag_ms_max =
        std::max(totals.expire_lag_ms_max, counters.expire_lag_ms_max.value());
  }
  return totals;
}

void Keyspace::ResetStatistics() {
  const auto reset = [](StripeCounters& counters) {
    for (Counter* counter : {&counters.hits, &counters.misses, &counters.expired, &counters.evicted,
                             &counters.ghosts_met, &counters.invalidated,
                             &counters.expire_lag_ms_sum, &counters.expire_lag_ms_max}) {
      counter->Set(0);
    }
  };
  for (Stripe& stripe : stripes_) {
    TryWalkLock hold(*this, stripe);
    if (hold.held()) {
      reset(stripe.counters);
      continue;
    }
    StripeSet one;
    one.set(stripe.id);
    helper_->RunLater(one, [this, &stripe, reset] {
      const WalkLock waited(*this, stripe);
      reset(stripe.counters);
    });
  }
  trash_.ResetFreed();
  lags_.Reset();
  leases_.ResetStatistics();
}

DatabaseSize Keyspace::Size(DbId db) {
  DatabaseSize size;
  for (Stripe& stripe : stripes_) {
    const TryWalkLock hold(*this, stripe);
    if (!hold.held()) [[unlikely]] {
      for (const StripePicture::Table& table : PictureOf(stripe).tables) {
        if (table.db != db.value) continue;
        size.keys += table.keys;
        size.volatile_keys += table.volatile_keys;
        size.hashes_with_times += table.hashes_with_times;
      }
      continue;
    }
    const Shard* shard = stripe.shard(db);
    if (shard == nullptr) continue;
    size.keys += shard->table.size();
    size.volatile_keys += shard->expiring_keys();
    size.hashes_with_times += shard->hashes_with_times;
  }
  return size;
}

// A shadow's bytes are its database's.
StripePicture Keyspace::TakePicture(const Stripe& stripe) const {
  StripePicture picture;
  for (std::uint32_t db = 0; db < database_count_; ++db) {
    const Shard* shard = stripe.shard(DbId(db));
    const Shard* shadow = stripe.shard(ShadowOf(DbId(db)));
    if (shard == nullptr && shadow == nullptr) continue;
    StripePicture::Table& table = picture.tables.emplace_back();
    table.db = db;
    if (shadow != nullptr) table.bytes += sizeof(Shard) + shadow->table.memory_bytes();
    if (shard == nullptr) continue;
    table.keys = shard->table.size();
    table.volatile_keys = shard->expiring_keys();
    table.hashes_with_times = shard->hashes_with_times;
    table.bytes += sizeof(Shard) + shard->table.memory_bytes();
  }
  return picture;
}

// Between a hold and its picture there is a moment; it is waited for.
StripePicture Keyspace::PictureOf(Stripe& stripe) {
  while (true) {
    {
      const TryWalkLock hold(*this, stripe);
      if (hold.held()) return TakePicture(stripe);
      const MutexLock lock(pictures_mu_);
      if (const auto shown = pictures_.find(stripe.id); shown != pictures_.end())
        return shown->second;
    }
    Thread::Yield();
  }
}

void Keyspace::ShowPictures(const StripeSet& stripes) {
  for (std::size_t i = stripes._Find_first(); i < stripes.size(); i = stripes._Find_next(i)) {
    StripePicture picture = TakePicture(stripes_[i]);
    const MutexLock lock(pictures_mu_);
    pictures_.insert_or_assign(static_cast<std::uint16_t>(i), std::move(picture));
  }
}

void Keyspace::HidePictures(const StripeSet& stripes) {
  const MutexLock lock(pictures_mu_);
  for (std::size_t i = stripes._Find_first(); i < stripes.size(); i = stripes._Find_next(i))
    pictures_.erase(static_cast<std::uint16_t>(i));
}

std::size_t Keyspace::TableBytes() {
  std::size_t bytes = 0;
  for (Stripe& stripe : stripes_) {
    for (const StripePicture::Table& table : PictureOf(stripe).tables) bytes += table.bytes;
  }
  return bytes;
}

std::int64_t Keyspace::FoldUsedBytes() {
  for (Stripe& stripe : stripes_) {
    const TryWalkLock hold(*this, stripe);
    if (hold.held()) Fold(stripe);
  }
  return used_bytes();
}

// A small limit is kept to the few bytes that matter there, at the price of sharing the total.
void Keyspace::SetMemoryLimit(std::int64_t bytes) {
  tunables_.maxmemory_bytes.store(bytes, std::memory_order_relaxed);
  const auto stripes = static_cast<std::int64_t>(stripes_.size());
  const std::int64_t share = bytes / (kFoldShare * stripes);
  fold_bytes_.store(bytes == 0 ? kFoldBytes : std::clamp<std::int64_t>(share, 1, kFoldBytes),
                    std::memory_order_relaxed);
}

InterestTotals Keyspace::CountInterest() {
  InterestTotals totals;
  for (Stripe& stripe : stripes_) {
    const TryWalkLock hold(*this, stripe);
    if (!hold.held() || stripe.interest == nullptr) continue;
    stripe.interest->ForEach([&](const KeyInterest& at) {
      totals.blocking_keys += at.waiters.empty() ? 0 : 1;
      totals.blocking_keys_on_loss += at.loss_waiters == 0 ? 0 : 1;
      totals.watched_keys += at.marks.empty() ? 0 : 1;
    });
  }
  return totals;
}

// By their hashes. Where two keys share one the hint is found out, but only a table of their own
// stripe may be asked.
bool Keyspace::AreOne(std::span<const KeyRef> keys) {
  return std::ranges::all_of(keys, [&first = keys.front()](const KeyRef& key) {
    return key.hash == first.hash && key.stripe == first.stripe;
  });
}

// A pipeline that fills one list: its entry is looked for, and its stripe locked, once.
void Keyspace::PrefetchOne(DbId db, std::span<KeyRef> keys) {
  KeyRef& first = keys.front();
  Stripe& stripe = stripes_[first.stripe.value];
  first.hinted = stripe.shard(db);
  if (first.hinted == nullptr) return;
  first.hint = first.hinted->table.PrefetchBucket(first.hash);
  if (stripe.mu.TryLock()) {
    first.hinted->table.PrefetchNode(first.hash, first.hint);
    stripe.mu.Unlock();
  }
  for (KeyRef& key : keys.subspan(1)) {
    key.hinted = first.hinted;
    key.hint = first.hint;
  }
}

// The buckets without the lock: shards stay, and a table's directory may be asked by anybody for an
// address to prefetch.
void Keyspace::Prefetch(DbId db, std::span<KeyRef> keys) {
  if (AreOne(keys)) [[unlikely]]
    return PrefetchOne(db, keys);
  Stripe* const stripes = stripes_.data();  // which the compiler cannot know to stay
  const auto prefetch_buckets = [&](auto shard_in) {
    for (KeyRef& key : keys) {
      key.hinted = shard_in(stripes[key.stripe.value]);
      if (key.hinted != nullptr) key.hint = key.hinted->table.PrefetchBucket(key.hash);
    }
  };
  if (db.value == 0) [[likely]]
    prefetch_buckets([](const Stripe& stripe) { return stripe.shard(DbId(0)); });
  else
    prefetch_buckets([db](const Stripe& stripe) { return stripe.shard(db); });
  for (KeyRef& key : keys) {
    Mutex& mu = stripes[key.stripe.value].mu;
    if (key.hinted == nullptr || !mu.TryLock()) continue;
    key.hinted->table.PrefetchNode(key.hash, key.hint);
    mu.Unlock();
  }
}

std::size_t Keyspace::FlushDatabase(const KeyLocks& held, DbId db) {
  FlushTable(held, ShadowOf(db));
  purges_.NoteFlushed(db, clock_.NowUnixMs());
  return FlushTable(held, db);
}

std::size_t Keyspace::FlushTable(const KeyLocks& held, DbId db) {
  std::size_t keys = 0;
  for (Stripe& stripe : stripes_) {
    DCHECK(held.Holds(StripeId(stripe.id)));
    Shard* shard = stripe.shard(db);
    if (shard == nullptr || shard->table.size() == 0) continue;
    keys += shard->table.size();
    auto load = std::make_unique<Shard>(seed_);
    shard->table.MoveTo(load->table);
    shard->hashes_with_times = shard->only_fields_expire = 0;
    Charge(stripe, *shard,
           static_cast<std::int64_t>(sizeof(Shard) + shard->table.memory_bytes()) -
               shard->charged_bytes);
    if (!KeepForCut(stripe, load)) trash_.Add(std::move(load), *stripe.arena);
  }
  if (keys > 0) ForgetBigKeys();
  return keys;
}

// REQUIRES: every stripe held.
void Keyspace::ForgetBigKeys() {
  const auto is_empty = [](const std::unique_ptr<Shard>& shard) {
    return shard->table.size() == 0;
  };
  const bool all_are_empty = std::ranges::all_of(stripes_, [&](const Stripe& stripe) {
    return std::ranges::all_of(stripe.owned_shards, is_empty);
  });
  big_keys_.ForgetIf([](const Shard* shard) { return shard->table.size() == 0; }, all_are_empty);
}

bool Keyspace::KeepForCut(Stripe& stripe, std::unique_ptr<Shard>& load) {
  const MutexLock hold(cut_mu_);
  return cut_ != nullptr && cut_->KeepFlushed(stripe, load);
}

void Keyspace::SetCut(Cut* cut) {
  const MutexLock hold(cut_mu_);
  CHECK((cut == nullptr) != (cut_ == nullptr));
  cut_ = cut;
}

void Keyspace::SwapDatabases(const KeyLocks& held, DbId a, DbId b) {
  for (Stripe& stripe : stripes_) {
    DCHECK(held.Holds(StripeId(stripe.id)));
    Shard* const shard_of_a = stripe.shard(a);
    stripe.set_shard(a, stripe.shard(b));
    stripe.set_shard(b, shard_of_a);
    Shard* const shadow_of_a = stripe.shard(ShadowOf(a));
    stripe.set_shard(ShadowOf(a), stripe.shard(ShadowOf(b)));
    stripe.set_shard(ShadowOf(b), shadow_of_a);
  }
  purges_.NoteSwapped(a, b);
}

void Keyspace::LeaveReady(std::vector<ReadyKey> keys) {
  MutexLock hold(left_ready_mu_);
  left_ready_.insert(left_ready_.end(), std::make_move_iterator(keys.begin()),
                     std::make_move_iterator(keys.end()));
  has_left_ready_.store(true, std::memory_order_release);
}

std::vector<ReadyKey> Keyspace::TakeLeftReady() {
  MutexLock hold(left_ready_mu_);
  has_left_ready_.store(false, std::memory_order_release);
  return std::exchange(left_ready_, {});
}

Shard& Keyspace::EnsureShard(Stripe& stripe, DbId db) {
  if (Shard* shard = stripe.shard(db); shard != nullptr) [[likely]]
    return *shard;
  stripe.owned_shards.push_back(std::make_unique<Shard>(seed_));
  Shard* shard = stripe.owned_shards.back().get();
  Charge(stripe, *shard, static_cast<std::int64_t>(sizeof(Shard) + shard->table.memory_bytes()));
  stripe.set_shard(db, shard);
  return *shard;
}

void Keyspace::DrawCurve(bool draws) {
  if (draws == curve_.is_on()) return;
  const auto bytes = static_cast<std::int64_t>(MissRatioCurve::memory_bytes());
  if (draws) {
    curve_.Start();
    used_bytes_.Add(bytes);
  }
  tunables_.SetDrawsCurve(draws);
  if (!draws) {
    curve_.Stop();
    used_bytes_.Add(-bytes);
  }
}

void Keyspace::WatchReloads(bool watches) {
  if (watches == reload_watch_.is_on()) return;
  const auto bytes = static_cast<std::int64_t>(ReloadWatch::memory_bytes());
  used_bytes_.Add(watches ? bytes : -bytes);
  if (watches) {
    reload_watch_.Start();
  } else {
    reload_watch_.Stop();
  }
}

Keyspace::LimitSize Keyspace::SizeAtLimit() {
  static_assert(MissRatioCurve::kReadersMax >= kStripeCountMax);
  double keys = 0;
  for (Stripe& stripe : stripes_) {
    for (const StripePicture::Table& table : PictureOf(stripe).tables)
      keys += static_cast<double>(table.keys);
  }
  const std::int64_t used = std::max<std::int64_t>(FoldUsedBytes(), 1);
  const std::int64_t limit = tunables_.maxmemory_bytes.load(std::memory_order_relaxed);
  if (limit == 0) return {.bytes = used, .keys = static_cast<std::size_t>(keys)};
  const std::int64_t other = std::min(other_bytes_.load(std::memory_order_relaxed), limit);
  const double full = static_cast<double>(limit - other) / static_cast<double>(used);
  return {.bytes = limit, .other_bytes = other, .keys = static_cast<std::size_t>(keys * full)};
}

void Keyspace::LeaveGhost(Stripe& stripe, DbId db, std::uint64_t hash) {
  if (stripe.ghosts == nullptr) stripe.ghosts = std::make_unique<Ghosts>();
  std::size_t keys = 0;
  for (const std::unique_ptr<Shard>& shard : stripe.owned_shards) keys += shard->table.size();
  const auto before = static_cast<std::int64_t>(stripe.ghosts->memory_bytes());
  stripe.ghosts->Fit(keys);
  const auto more = static_cast<std::int64_t>(stripe.ghosts->memory_bytes()) - before;
  if (more != 0) {
    ghost_bytes_.Add(more);
    used_bytes_.Add(more);
  }
  stripe.ghosts->Add(db, hash);
}

void Keyspace::Fold(Stripe& stripe) {
  used_bytes_.Add(stripe.unfolded_bytes);
  stripe.unfolded_bytes = 0;
}

}  // namespace cairn::keyspace
