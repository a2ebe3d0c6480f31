// SPDX-License-Identifier: BSD-3-Clause
// S3-FIFO without queues: what the policies *-s3fifo keep of each entry, and of those that went.
//
// After Yang et al., "FIFO queues are all you need for cache eviction" (SOSP 2023): new keys pass
// through a small queue, a tenth of the cache, and only those used meanwhile get into the main one;
// the others go, and leave a ghost. Whoever comes back while his ghost is there starts in the main
// queue, where a key goes once it was not used for a round. A scan so costs a tenth of the cache.
//
// Queues would cost two pointers a key and a lock. An entry has its 24 access bits instead,
//
//     main:1 | frequency:2 | stamp:21
//
// the stamp being the moment at which it joined its queue, on that queue's clock. A clock moves as
// its queue does: by one key for each that leaves at its end. So an entry's age is how far it has
// come, and the evictor's samples find those at the end (evictor.cc). A hit raises the frequency,
// up to 3, and writes nothing from then on.
//
// Why this and not W-TinyLFU, and how near it comes to real queues: docs/decisions/0021.
#ifndef CAIRN_KEYSPACE_S3FIFO_H_
#define CAIRN_KEYSPACE_S3FIFO_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/ids.h"

namespace cairn::keyspace {

enum class FifoQueue : std::uint8_t { kSmall, kMain };

// The access bits, read and made.
class FifoAccess {
 public:
  static constexpr int kStampBits = 21;
  static constexpr std::uint32_t kStampMask = (1u << kStampBits) - 1;
  static constexpr std::uint32_t kFrequencyMax = 3;

  explicit FifoAccess(std::uint32_t bits) : bits_(bits) {}
  FifoAccess(FifoQueue queue, std::uint32_t stamp, std::uint32_t frequency)
      : bits_(static_cast<std::uint32_t>(queue) << (kStampBits + 2) | frequency << kStampBits |
              (stamp & kStampMask)) {}

  FifoQueue queue() const { return static_cast<FifoQueue>(bits_ >> (kStampBits + 2) & 1); }
  std::uint32_t frequency() const { return bits_ >> kStampBits & kFrequencyMax; }
  // How far its queue has moved since it joined. Clocks wrap; nothing is left that long unseen.
  std::uint32_t AgeAt(std::uint32_t stamp) const { return (stamp - bits_) & kStampMask; }
  FifoAccess Hit() const {
    return FifoAccess(frequency() < kFrequencyMax ? bits_ + (1u << kStampBits) : bits_);
  }
  std::uint32_t bits() const { return bits_; }

 private:
  std::uint32_t bits_;
};

// The clocks of both queues. One unit is 1/kTicksARound of all keys, so 21 bits are 32 rounds
// however many keys there are. Any thread; relaxed: a tick that is seen late is a rounding.
class FifoClocks {
 public:
  static constexpr std::uint32_t kTicksARound = 1u << 16;

  std::uint32_t Stamp(FifoQueue queue) const {
    const std::uint64_t clock = Of(queue).load(std::memory_order_relaxed);
    return static_cast<std::uint32_t>(clock >> kFractionBits) & FifoAccess::kStampMask;
  }
  // One of `keys` keys has left the end of the queue.
  void Advance(FifoQueue queue, std::size_t keys) {
    constexpr std::uint64_t kRound = std::uint64_t{kTicksARound} << kFractionBits;
    Of(queue).fetch_add(kRound / (keys > 0 ? keys : 1), std::memory_order_relaxed);
  }

 private:
  static constexpr int kFractionBits = 32;

  const std::atomic<std::uint64_t>& Of(FifoQueue queue) const {
    return clocks_[static_cast<std::size_t>(queue)];
  }
  std::atomic<std::uint64_t>& Of(FifoQueue queue) {
    return clocks_[static_cast<std::size_t>(queue)];
  }

  std::array<std::atomic<std::uint64_t>, 2> clocks_{};
};

// The keys of one stripe that went from the small queue last: 16 bits of each one's hash, in
// buckets of eight that are queues by themselves. As many as the stripe has keys, to the next power
// of two, and kGhostsMax; about 2 bytes a key. One key in 8,000 finds another's ghost, and so only
// starts in the main queue. Guarded by the stripe's lock.
class Ghosts {
 public:
  static constexpr std::size_t kGhostsMax = std::size_t{1} << 20;

  // Of a stripe that has so many keys. Ghosts that were there are lost where it has twice as many
  // as they were made for, or a quarter.
  void Fit(std::size_t keys);
  void Add(DbId db, std::uint64_t hash);
  // Whether the key's was there; it is not any more.
  bool Take(DbId db, std::uint64_t hash);
  void Clear();

  std::size_t memory_bytes() const { return buckets_.capacity() * sizeof(Bucket); }

 private:
  static constexpr std::size_t kBucketGhosts = 8;
  using Bucket = std::array<std::uint16_t, kBucketGhosts>;  // newest first; 0: none

  Bucket& BucketOf(std::uint64_t mixed) { return buckets_[mixed >> 16 & (buckets_.size() - 1)]; }

  std::vector<Bucket> buckets_;  // a power of two of them, or none
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_S3FIFO_H_
