// SPDX-License-Identifier: BSD-3-Clause
// Ghosts: fingerprints in small queues, found by the hash.
#include "keyspace/s3fifo.h"

#include <algorithm>
#include <bit>

namespace cairn::keyspace {
namespace {

// A key has its own ghost in each database.
std::uint64_t Mix(DbId db, std::uint64_t hash) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  return hash ^ db.value * kOdd;
}

// 0 stands for none.
std::uint16_t FingerprintOf(std::uint64_t mixed) {
  return static_cast<std::uint16_t>(std::max<std::uint64_t>(mixed & 0xFFFF, 1));
}

}  // namespace

void Ghosts::Fit(std::size_t keys) {
  const std::size_t wanted =
      std::bit_ceil(std::clamp<std::size_t>(keys, kBucketGhosts, kGhostsMax)) / kBucketGhosts;
  if (wanted <= buckets_.size() && wanted * 4 > buckets_.size()) return;
  buckets_ = std::vector<Bucket>(wanted);
}

void Ghosts::Add(DbId db, std::uint64_t hash) {
  if (buckets_.empty()) return;
  const std::uint64_t mixed = Mix(db, hash);
  Bucket& bucket = BucketOf(mixed);
  std::shift_right(bucket.begin(), bucket.end(), 1);
  bucket[0] = FingerprintOf(mixed);
}

bool Ghosts::Take(DbId db, std::uint64_t hash) {
  if (buckets_.empty()) return false;
  const std::uint64_t mixed = Mix(db, hash);
  Bucket& bucket = BucketOf(mixed);
  const auto at = std::ranges::find(bucket, FingerprintOf(mixed));
  if (at == bucket.end()) return false;
  std::shift_left(at, bucket.end(), 1);
  bucket.back() = 0;
  return true;
}

void Ghosts::Clear() { buckets_ = std::vector<Bucket>(); }

}  // namespace cairn::keyspace
