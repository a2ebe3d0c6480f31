// SPDX-License-Identifier: BSD-3-Clause
// Choosing and removing victims.
//
// The pool keeps good candidates from earlier samples, as Redis's does: with 5 samples a round, the
// quality comes from the memory of the rounds before. A pooled key may meanwhile be gone, or have
// been used; it is looked up again under its lock before it goes, and an entry that was touched
// since simply is not as idle as it was: taking it anyway costs a hit once in a while and keeps
// this simple.
#include "keyspace/evictor.h"

#include <algorithm>

#include "keyspace/access.h"
#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

bool IsRandom(EvictionPolicy policy) {
  return policy == EvictionPolicy::kAllkeysRandom || policy == EvictionPolicy::kVolatileRandom;
}

std::uint64_t Badness(const Shard& shard, Position position, const Entry& entry,
                      EvictionPolicy policy, UnixMs now_ms, int decay_minutes) {
  if (policy == EvictionPolicy::kVolatileTtl) {
    return UINT64_MAX -
           static_cast<std::uint64_t>(internal::ExpiryOf(shard.table, position, entry));
  }
  if (IsLfu(policy)) return 255u - DecayedFrequency(entry.access(), now_ms, decay_minutes);
  return static_cast<std::uint64_t>(IdleSeconds(entry.access(), now_ms));
}

}  // namespace

bool Evictor::MakeRoom(std::int64_t other_bytes, IfCutIsBehind if_behind) {
  Tunables& tunables = keyspace_.tunables();
  const std::int64_t limit = tunables.maxmemory_bytes.load(std::memory_order_relaxed);
  const auto over_limit = [&] { return limit > 0 && keyspace_.used_bytes() + other_bytes > limit; };
  if (!over_limit()) return true;
  keyspace_.NoteOtherBytes(other_bytes);
  const EvictionPolicy policy = tunables.policy();
  if (policy == EvictionPolicy::kNoEviction) return false;
  for (int evicted = 0; over_limit(); ++evicted) {
    if (evicted == kEvictionsPerCallMax) return true;
    skipped_ = false;
    if (keyspace_.cut_backlog().is_full()) [[unlikely]] {
      if (if_behind == IfCutIsBehind::kLeaveIt) return true;
      keyspace_.cut_backlog().WaitForRoom();
      continue;
    }
    // What could not be looked at may have something to give: then the limit waits, not the client.
    if (!EvictOne(policy)) return skipped_;
  }
  return true;
}

bool Evictor::EvictOne(EvictionPolicy policy) {
  // A candidate may be stale; each round offers fresh ones, so a few rounds find a victim if there
  // is one.
  constexpr int kRoundsMax = 16;
  // Where all that was seen is pinned, something may lie between; or nothing, and a write that is
  // refused should not take long.
  constexpr int kPinnedRoundsMax = 4;
  saw_pinned_ = false;
  if (IsS3Fifo(policy) && evictions_until_count_-- == 0) CountKeys(policy);
  for (int round = 0; round < kRoundsMax; ++round) {
    takes_used_ = round >= kRoundsMax / 2;
    if (!FillPool(policy) && pool_size_ == 0) {
      if (saw_pinned_ && round < kPinnedRoundsMax) continue;
      return false;
    }
    while (pool_size_ > 0) {
      const Candidate candidate = std::move(pool_[--pool_size_]);
      if (RemoveCandidate(candidate, policy)) {
        if (IsRandom(policy)) pool_size_ = 0;
        return true;
      }
    }
  }
  return false;
}

// Samples stripes in turn from a random one on, until enough entries that the policy may take were
// seen: one stripe where keys abound, all of them where keys are few. False if there is none.
bool Evictor::FillPool(EvictionPolicy policy) {
  const UnixMs now_ms = keyspace_.clock().NowUnixMs();
  const std::size_t start = random_.Below(keyspace_.stripe_count());
  const auto samples = static_cast<std::size_t>(
      keyspace_.tunables().maxmemory_samples.load(std::memory_order_relaxed));
  const std::size_t wanted = IsRandom(policy) ? 1 : samples;
  std::size_t sampled = 0;
  for (std::size_t i = 0; i < keyspace_.stripe_count() && sampled < wanted; ++i) {
    Stripe& stripe = keyspace_.stripe(
        StripeId(static_cast<std::uint16_t>((start + i) % keyspace_.stripe_count())));
    const TryWalkLock hold(keyspace_, stripe);
    if (!hold.held()) {
      skipped_ = true;
      continue;
    }
    for (std::uint32_t db = 0; db < keyspace_.database_count(); ++db) {
      Shard* shard = stripe.shard(DbId(db));
      if (shard == nullptr) continue;
      const std::size_t eligible =
          IsVolatileOnly(policy) ? shard->expiring_keys() : shard->table.size();
      if (eligible == 0) continue;
      const std::size_t found = SampleShard(*shard, DbId(db), policy, now_ms, wanted);
      skipped_ |= found == 0 && !saw_pinned_;
      sampled += found;
    }
  }
  return sampled > 0;
}

std::size_t Evictor::SampleShard(Shard& shard, DbId db, EvictionPolicy policy, UnixMs now_ms,
                                 std::size_t wanted) {
  const int decay_minutes = keyspace_.tunables().lfu_decay_minutes.load(std::memory_order_relaxed);
  std::size_t pinned = 0;
  const auto consider = [&](Position position, Entry* entry) {
    if (entry->pin() != nullptr) [[unlikely]] {
      ++pinned;
      saw_pinned_ = true;
      return;
    }
    if (IsS3Fifo(policy)) {
      const std::uint64_t badness = LookAtQueued(*entry);
      if (badness != kStays) Offer(badness, db, entry->key());
      return;
    }
    Offer(IsRandom(policy) ? 0 : Badness(shard, position, *entry, policy, now_ms, decay_minutes),
          db, entry->key());
  };
  if (!IsVolatileOnly(policy)) return shard.table.SampleFrom(random_, wanted, consider) - pinned;
  // Found through the expiry columns, however few they are among the rest. Hashes of which only
  // fields expire stand there, too, and are no victims: where there are many of them more is
  // looked at for as much.
  const std::size_t share =
      (shard.table.volatile_count() + shard.expiring_keys() - 1) / shard.expiring_keys();
  const std::size_t seen_max = wanted * std::min(share, kSampleShareMax);
  std::size_t eligible = 0;
  shard.table.SampleVolatileFrom(random_, seen_max, [&](Position position, Entry* entry) {
    if (internal::ExpiryOf(shard.table, position, *entry) == kNever) return;
    ++eligible;
    consider(position, entry);
  });
  return eligible;
}

// What leaves its queue at the end while it was used goes to the main one's beginning, and is worth
// less there. Queues are not looked for their ends: of those sampled, the oldest are near them.
std::uint64_t Evictor::LookAtQueued(Entry& entry) {
  const FifoAccess access(entry.access());
  const bool is_small = access.queue() == FifoQueue::kSmall;
  small_share_ += ((is_small ? 1.0 : 0.0) - small_share_) / kShareSamples;
  FifoClocks& clocks = keyspace_.fifo_clocks();
  const std::uint32_t age = access.AgeAt(clocks.Stamp(access.queue()));
  if (access.frequency() > 0) {
    const double round = FifoClocks::kTicksARound * (is_small ? small_share_ : 1 - small_share_);
    if (age >= round * (is_small ? kSmallRounds : kMainRounds)) {
      if (!is_small) clocks.Advance(FifoQueue::kMain, keys_);
      entry.set_access(FifoAccess(FifoQueue::kMain, clocks.Stamp(FifoQueue::kMain),
                                  is_small ? 0 : access.frequency() - 1)
                           .bits());
    }
    return takes_used_ ? 0 : kStays;
  }
  constexpr std::uint64_t kItsTurn = std::uint64_t{1} << 32;
  return (IsTurnOf(access.queue()) ? kItsTurn : 1) + age;
}

void Evictor::CountKeys(EvictionPolicy policy) {
  evictions_until_count_ = kEvictionsACount;
  keys_ = 0;
  for (std::size_t i = 0; i < keyspace_.stripe_count(); ++i) {
    for (const StripePicture::Table& table :
         keyspace_.PictureOf(keyspace_.stripe(StripeId(static_cast<std::uint16_t>(i)))).tables)
      keys_ += IsVolatileOnly(policy) ? table.volatile_keys : table.keys;
  }
}

void Evictor::LeaveQueue(const KeyRef& key, DbId db, const Entry& entry) {
  const FifoQueue queue = FifoAccess(entry.access()).queue();
  keyspace_.fifo_clocks().Advance(queue, keys_);
  if (queue == FifoQueue::kSmall) keyspace_.LeaveGhost(keyspace_.stripe(key.stripe), db, key.hash);
}

void Evictor::Offer(std::uint64_t badness, DbId db, std::string_view key) {
  for (std::size_t i = 0; i < pool_size_; ++i) {
    if (pool_[i].db == db && pool_[i].key == key) return;
  }
  if (pool_size_ == kPoolSize) {
    if (badness <= pool_[0].badness) return;
    std::rotate(pool_.begin(), pool_.begin() + 1, pool_.end());
    --pool_size_;
  }
  std::size_t at = pool_size_++;
  pool_[at] = {badness, db, std::string(key)};
  for (; at > 0 && pool_[at - 1].badness > pool_[at].badness; --at)
    std::swap(pool_[at - 1], pool_[at]);
}

bool Evictor::RemoveCandidate(const Candidate& candidate, EvictionPolicy policy) {
  const KeyRef key = keyspace_.Ref(candidate.key);
  const std::string_view effect[] = {"DEL", key.name};
  log::CommandLog& log = keyspace_.log();
  const std::size_t credit = log.active() ? log::CommandLog::RecordBytes(effect) : 0;
  if (credit > 0 && !log.TakeCredit(credit)) {
    skipped_ = true;
    return false;
  }
  bool removed = false;
  KeyLocks locks(keyspace_);
  if (!locks.TryAcquireStripe(key.stripe)) {
    skipped_ = true;
    if (credit > 0) log.ReturnCredit(credit);
    return false;
  }
  {
    const Viewer viewer(candidate.db, keyspace_.clock().NowUnixMs(), random_);
    Txn txn(keyspace_, locks, viewer);
    Found found = txn.Find(key, Access::kPeek);
    const bool was_used = IsS3Fifo(policy) && found && !takes_used_ &&
                          FifoAccess(found.entry->access()).frequency() > 0;
    const bool may_go = found && !was_used && found.entry->pin() == nullptr;
    if (may_go && (!IsVolatileOnly(policy) || txn.ExpiryAt(found) != kNever)) {
      if (IsS3Fifo(policy)) LeaveQueue(key, candidate.db, *found.entry);
      txn.Log(effect);
      Txn::NoteEvicted(key, *found.entry);
      txn.RemoveEvicted(key, found);
      txn.Notify(kEventEvicted, "evicted", key);
      keyspace_.stripe(key.stripe).counters.evicted.Add(1);
      removed = true;
    }
  }
  locks.Release();
  if (credit > 0) log.ReturnCredit(credit);
  return removed;
}

}  // namespace cairn::keyspace
