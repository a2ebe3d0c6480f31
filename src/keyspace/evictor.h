// SPDX-License-Identifier: BSD-3-Clause
// Evictor: makes room when the keyspace outgrows `maxmemory`, by Redis's eight policies and two of
// our own.
//
// Before a command runs, outside all locks, its thread asks MakeRoom. While more is used than
// allowed, a victim is chosen and removed: `maxmemory-samples` entries that lie side by
// side in a table of a random stripe (and of the next ones, if that has too few) are offered to a
// small pool of candidates; the best of the pool is taken. Every thread that writes evicts
// for itself, so the room freed keeps up with the number of writers.
//
//     policy            worst is ...                       from
//     *-lru             longest idle                       the entry's access seconds
//     *-lfu             lowest decayed counter             the entry's access counter
//     *-s3fifo          at the end of the queue whose      the entry's queue and stamp (s3fifo.h)
//                       turn it is, and unused there
//     volatile-ttl      earliest expiry                    the table's expiry column
//     *-random          any
//
// What is pinned (pin.h) stays: if there is nothing else, nothing can be evicted.
//
// One Evictor belongs to one thread (its pool is not shared). Each removal is logged as DEL.
#ifndef CAIRN_KEYSPACE_EVICTOR_H_
#define CAIRN_KEYSPACE_EVICTOR_H_

#include <array>
#include <string>

#include "base/random.h"
#include "keyspace/keyspace.h"

namespace cairn::keyspace {

class Evictor {
 public:
  // Removals one MakeRoom may do before it lets its caller go on: eviction is spread over the
  // commands that follow.
  static constexpr int kEvictionsPerCallMax = 128;

  Evictor(Keyspace& keyspace, std::uint64_t seed) : keyspace_(keyspace), random_(seed) {}

  // `other_bytes`: memory beside the keyspace that counts too (clients). True if the memory in use
  // is now within the limit, or at least something could be evicted; false if there is nothing to
  // evict, so a command that needs memory must be refused. What goes hands its neighbours out to a
  // cut: while its user is behind nothing is evicted, and it waits or leaves it to who comes next.
  // REQUIRES: no stripe lock held by this thread.
  enum class IfCutIsBehind : std::uint8_t { kWait, kLeaveIt };
  bool MakeRoom(std::int64_t other_bytes, IfCutIsBehind if_behind = IfCutIsBehind::kWait);

 private:
  static constexpr std::size_t kPoolSize = 16;
  // How many times the sample is looked at where most that is volatile is so for its fields only.
  static constexpr std::size_t kSampleShareMax = 64;
  struct Candidate {
    std::uint64_t badness = 0;  // higher goes first
    DbId db;
    std::string key;
  };

  bool EvictOne(EvictionPolicy policy);
  bool FillPool(EvictionPolicy policy);
  // Offers up to `wanted` entries to the pool; returns how many.
  std::size_t SampleShard(Shard& shard, DbId db, EvictionPolicy policy, UnixMs now_ms,
                          std::size_t wanted);
  void Offer(std::uint64_t badness, DbId db, std::string_view key);
  // For *-s3fifo, under the stripe's lock: what an entry is worth to the pool. Moves it to where
  // its queue would have brought it meanwhile. kStays: it is no candidate now.
  static constexpr std::uint64_t kStays = UINT64_MAX;
  std::uint64_t LookAtQueued(Entry& entry);
  // Whose turn it is, by the share of the small queue among what was sampled lately.
  bool IsTurnOf(FifoQueue queue) const {
    return (queue == FifoQueue::kSmall) == (small_share_ >= kSmallShare);
  }
  void CountKeys(EvictionPolicy policy);
  // Before it goes. REQUIRES: its stripe locked.
  void LeaveQueue(const KeyRef& key, DbId db, const Entry& entry);
  bool RemoveCandidate(const Candidate& candidate, EvictionPolicy policy);

  Keyspace& keyspace_;
  Random random_;
  std::array<Candidate, kPoolSize> pool_;  // ascending by badness, the filled ones first
  std::size_t pool_size_ = 0;
  bool skipped_ = false;     // a stripe that is held for long
  bool saw_pinned_ = false;  // which is no candidate

  // For *-s3fifo. How much of the keys the small queue is to be; how far an entry has to come, in
  // rounds of its queue, before it is looked at for what its frequency says; over how many
  // samples the share is averaged; and after how many evictions keys are counted again. The
  // measurements behind them: docs/decisions/0021.
  static constexpr double kSmallShare = 0.1;
  static constexpr double kSmallRounds = 0.5;
  static constexpr double kMainRounds = 1.5;
  static constexpr double kShareSamples = 256;
  static constexpr std::uint32_t kEvictionsACount = 4096;
  double small_share_ = kSmallShare;
  std::size_t keys_ = 0;  // in all databases; of volatile ones, if only those may go
  std::uint32_t evictions_until_count_ = 0;
  bool takes_used_ = false;  // nothing else was found
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_EVICTOR_H_
