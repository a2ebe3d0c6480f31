// SPDX-License-Identifier: BSD-3-Clause
// ShardRing: which of several stores a key belongs to, so that a store more or less moves only the
// keys that it must.
//
//   const ShardRing ring = ShardRing::Make({{"cache-a"}, {"cache-b"}, {"cache-c", 2.0}}).value();
//   stores.at(ring.Of("user:42")).client().Call(Command("GET", "user:42"));
//
// kRendezvous: every shard draws a number by the key, its weight helps, the highest has it. The
// spread is as even as the hash; O(shards) a key. kRing: every shard has points on a circle, a key
// belongs to the next one; O(log points), and uneven by some percent. From n to n + 1 equal shards
// 1/(n+1) of the keys move, all of them to the new one; hash mod n would move n/(n+1).
// Moves counts it.
//
// Keys with one hash tag ("{user:42}:cart") are on one shard. Where a key goes depends on the
// shards' names, weights and the method alone, on every machine and in every version: the names
// are part of your data. It does not move what is stored: to a cache that is a miss.
//
// Errors: kInvalid of no shards, equal or empty names, weights that are not positive. Thread
// safety: immutable. Lifetimes: what Of and FirstOf give is good as long as the ring. Cost: as
// above, without allocation; FirstOf O(n log n); Make of kRing sorts 160 points a shard.
#ifndef CAIRN_SHARD_RING_H_
#define CAIRN_SHARD_RING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/result.h"

namespace cairn::cache {

struct Shard {
  std::string name = {};
  double weight = 1;  // above 0, up to ShardRing::kWeightMax
};

enum class ShardMethod : std::uint8_t { kRendezvous, kRing };

class ShardRing {
 public:
  static constexpr std::size_t kShardsMax = 1'024;
  // On the circle, for a weight of 1.
  static constexpr std::size_t kPoints = 160;
  static constexpr double kWeightMax = 100;

  static Result<ShardRing> Make(std::vector<Shard> shards,
                                ShardMethod method = ShardMethod::kRendezvous);

  const std::string& Of(std::string_view key) const;
  // The first `count` shards for the key, different ones: for copies. The first is Of's, and when
  // that one is taken away, the second is.
  std::vector<std::string_view> FirstOf(std::string_view key, std::size_t count) const;

  const std::vector<Shard>& shards() const { return shards_; }

  // The part of keys "0" to "n-1" that are elsewhere in `to`: 0 to 1.
  static double Moves(const ShardRing& from, const ShardRing& to, std::size_t keys = 100'000);

 private:
  struct Point {
    std::uint64_t at = 0;
    std::uint32_t shard = 0;
  };

  ShardRing(std::vector<Shard> shards, ShardMethod method);
  std::size_t IndexOf(std::string_view key) const;
  std::vector<std::size_t> OrderOf(std::uint64_t hash) const;
  double Draw(std::size_t shard, std::uint64_t hash) const;
  std::size_t PointAt(std::uint64_t hash) const;

  std::vector<Shard> shards_;
  ShardMethod method_;
  std::vector<std::uint64_t> name_hashes_;
  std::vector<Point> points_;  // by place; kRing only
};

}  // namespace cairn::cache

#endif  // CAIRN_SHARD_RING_H_
