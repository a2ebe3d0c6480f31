// SPDX-License-Identifier: BSD-3-Clause
// Cells of keys that have expired, and what they add up to by prefix.
#include "keyspace/reload_watch.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "keyspace/value_digest.h"

namespace cairn::keyspace {
namespace {

constexpr std::uint64_t kAll = UINT64_MAX;

// A key has its own cell in each database; 0 stands for none.
std::uint64_t Mix(DbId db, std::uint64_t hash) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  return (hash ^ db.value * kOdd) | 1;
}

bool IsCheap(const Entry& entry) {
  if (entry.is_collection())
    return entry.element_count() <= ReloadWatch::kElementsMax &&
           entry.charged_bytes() <= ReloadWatch::kBytesMax;
  return entry.value().size() <= ReloadWatch::kBytesMax;
}

}  // namespace

std::string_view KeyPrefix(std::string_view key) {
  const std::size_t colon = key.substr(0, ReloadWatch::kPrefixBytesMax - 1).find(':');
  return colon == std::string_view::npos ? std::string_view() : key.substr(0, colon + 1);
}

void ReloadWatch::Start() {
  const MutexLock hold(mu_);
  cells_.assign(kCellsMax, Cell());
  displaced_ = 0;
  threshold_.store(kAll, std::memory_order_relaxed);
}

void ReloadWatch::Stop() {
  const MutexLock hold(mu_);
  threshold_.store(0, std::memory_order_relaxed);
  cells_ = std::vector<Cell>();
}

void ReloadWatch::Expire(DbId db, std::uint64_t hash, const Entry& entry) {
  const std::uint64_t mixed = Mix(db, hash);
  if (mixed > threshold_.load(std::memory_order_relaxed) || !IsCheap(entry)) return;
  const std::uint64_t digest = ValueDigest(entry);
  const MutexLock hold(mu_);
  if (mixed > threshold_.load(std::memory_order_relaxed)) return;  // no more
  Cell& cell = CellOf(mixed, entry.key());
  const bool is_again = cell.key != 0;
  if (is_again) {
    ++cell.expired_again;
    cell.unchanged += cell.digest == digest ? 1 : 0;
  }
  cell.key = mixed;
  cell.digest = digest;
  if (displaced_ > kCellsMax / 2) Halve();
}

ReloadWatch::Cell& ReloadWatch::CellOf(std::uint64_t mixed, std::string_view key) {
  const auto bucket =
      cells_.begin() +
      static_cast<std::ptrdiff_t>((mixed >> 1) % (kCellsMax / kBucketCells) * kBucketCells);
  const auto end = bucket + kBucketCells;
  auto at = std::find_if(bucket, end, [&](const Cell& cell) { return cell.key == mixed; });
  const bool is_new = at == end;
  if (is_new) {
    --at;
    displaced_ += at->key != 0 ? 1 : 0;
    const std::string_view prefix = KeyPrefix(key);
    *at = Cell{.prefix_size = static_cast<std::uint8_t>(prefix.size())};
    std::memcpy(at->prefix, prefix.data(), prefix.size());
  }
  std::rotate(bucket, at, at + 1);
  return *bucket;
}

void ReloadWatch::Halve() {
  displaced_ = 0;
  const std::uint64_t half = threshold_.load(std::memory_order_relaxed) / 2;
  if (half < kSamplingFloor) return;
  threshold_.store(half, std::memory_order_relaxed);
  for (Cell& cell : cells_) {
    if (cell.key > half) cell = Cell();
  }
}

std::vector<ReloadWatch::PrefixReloads> ReloadWatch::Take() const {
  std::unordered_map<std::string_view, Reloads> sums;
  std::vector<PrefixReloads> prefixes;
  const MutexLock hold(mu_);
  for (const Cell& cell : cells_) {
    if (cell.expired_again == 0) continue;
    Reloads& sum = sums[std::string_view(cell.prefix, cell.prefix_size)];
    sum.expired_again += cell.expired_again;
    sum.unchanged += cell.unchanged;
  }
  prefixes.reserve(sums.size());
  for (const auto& [prefix, sum] : sums) prefixes.push_back({std::string(prefix), sum});
  return prefixes;
}

double ReloadWatch::sampling_rate() const {
  return static_cast<double>(threshold_.load(std::memory_order_relaxed)) /
         static_cast<double>(kAll);
}

}  // namespace cairn::keyspace
