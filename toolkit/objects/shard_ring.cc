// SPDX-License-Identifier: BSD-3-Clause
// Weighted rendezvous: with h uniform in (0, 1), -weight / ln(h) is the highest of all with a
// probability of weight / sum (Schindelhauer, Schomaker 2005). The hashes are FNV-1a and the
// finalizer of SplitMix64: a promise to users' data, not to be changed.
#include "cairn/shard_ring.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "cairn/key.h"

namespace cairn::cache {
namespace {

std::uint64_t Mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

std::uint64_t HashOf(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char byte : text) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001B3U;
  }
  return Mix(hash);
}

}  // namespace

Result<ShardRing> ShardRing::Make(std::vector<Shard> shards, ShardMethod method) {
  if (shards.empty() || shards.size() > kShardsMax)
    return Fail(Errc::kInvalid, "a ring has 1 to " + std::to_string(kShardsMax) + " shards");
  std::set<std::string_view> names;
  for (const Shard& shard : shards) {
    if (shard.name.empty() || !names.insert(shard.name).second)
      return Fail(Errc::kInvalid, "each shard has a name of its own");
    if (!(shard.weight > 0) || shard.weight > kWeightMax)
      return Fail(Errc::kInvalid, "a weight is positive, and at most 100");
  }
  return ShardRing(std::move(shards), method);
}

ShardRing::ShardRing(std::vector<Shard> shards, ShardMethod method)
    : shards_(std::move(shards)), method_(method) {
  for (const Shard& shard : shards_) name_hashes_.push_back(HashOf(shard.name));
  if (method_ == ShardMethod::kRendezvous) return;
  for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) {
    const double wanted = std::round(static_cast<double>(kPoints) * shards_[shard].weight);
    const auto count = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
    for (std::uint64_t i = 0; i < count; ++i)
      points_.push_back({.at = Mix(name_hashes_[shard] ^ Mix(i)), .shard = shard});
  }
  // By name where two share a place, so that the order of the shards means nothing.
  std::ranges::sort(points_, [this](const Point& a, const Point& b) {
    return a.at != b.at ? a.at < b.at : shards_[a.shard].name < shards_[b.shard].name;
  });
}

double ShardRing::Draw(std::size_t shard, std::uint64_t hash) const {
  const std::uint64_t drawn = Mix(name_hashes_[shard] ^ hash) >> 11;
  const double uniform = (static_cast<double>(drawn) + 0.5) * 0x1.0p-53;
  return -shards_[shard].weight / std::log(uniform);
}

std::size_t ShardRing::PointAt(std::uint64_t hash) const {
  const auto next = std::ranges::lower_bound(points_, hash, {}, &Point::at);
  return next == points_.end() ? 0 : static_cast<std::size_t>(next - points_.begin());
}

std::size_t ShardRing::IndexOf(std::string_view key) const {
  const std::uint64_t hash = HashOf(HashTag(key));
  if (method_ == ShardMethod::kRing) return points_[PointAt(hash)].shard;
  std::size_t best = 0;
  double highest = Draw(0, hash);
  for (std::size_t i = 1; i < shards_.size(); ++i) {
    const double drawn = Draw(i, hash);
    if (drawn > highest || (drawn == highest && shards_[i].name < shards_[best].name)) {
      best = i;
      highest = drawn;
    }
  }
  return best;
}

const std::string& ShardRing::Of(std::string_view key) const { return shards_[IndexOf(key)].name; }

// All shards, the key's first.
std::vector<std::size_t> ShardRing::OrderOf(std::uint64_t hash) const {
  std::vector<std::size_t> order;
  if (method_ == ShardMethod::kRendezvous) {
    order.resize(shards_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<double> draws;
    draws.reserve(order.size());
    for (const std::size_t shard : order) draws.push_back(Draw(shard, hash));
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      return draws[a] != draws[b] ? draws[a] > draws[b] : shards_[a].name < shards_[b].name;
    });
    return order;
  }
  std::vector<bool> is_there(shards_.size());
  const std::size_t first = PointAt(hash);
  for (std::size_t i = 0; i < points_.size() && order.size() < shards_.size(); ++i) {
    const std::size_t shard = points_[(first + i) % points_.size()].shard;
    if (is_there[shard]) continue;
    is_there[shard] = true;
    order.push_back(shard);
  }
  return order;
}

std::vector<std::string_view> ShardRing::FirstOf(std::string_view key, std::size_t count) const {
  std::vector<std::size_t> order = OrderOf(HashOf(HashTag(key)));
  order.resize(std::min(order.size(), count));
  std::vector<std::string_view> names;
  names.reserve(order.size());
  for (const std::size_t shard : order) names.push_back(shards_[shard].name);
  return names;
}

double ShardRing::Moves(const ShardRing& from, const ShardRing& to, std::size_t keys) {
  std::size_t moved = 0;
  for (std::size_t i = 0; i < keys; ++i) {
    const std::string key = std::to_string(i);
    if (from.Of(key) != to.Of(key)) ++moved;
  }
  return keys == 0 ? 0 : static_cast<double>(moved) / static_cast<double>(keys);
}

}  // namespace cairn::cache
