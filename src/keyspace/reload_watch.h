// SPDX-License-Identifier: BSD-3-Clause
// ReloadWatch: keys that expire again and again with the value that they had: their time to live is
// shorter than the data lives, and each reload was for nothing.
//
// When a watched key expires, its value's digest is kept. When it expires again it had been stored
// in between, and the digests say whether that changed anything. So nothing is asked of writes.
//
//     expiry --hash < threshold?--> cell of the key --> expired again + 1, with the same value + 1?
//                                   (four to a bucket, the oldest gives way)
//
// Watched is a sample of the keys, by their hash: more than kCellsMax / 2 of them displacing one
// another halve it, down to one in 4,096. Values of more than kBytesMax, or kElementsMax elements,
// are not looked at: expiry happens under the stripe's lock.
//
// Thread safety: any thread; `mu_` is a leaf lock, taken for watched keys only.
#ifndef CAIRN_KEYSPACE_RELOAD_WATCH_H_
#define CAIRN_KEYSPACE_RELOAD_WATCH_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "keyspace/entry.h"

namespace cairn::keyspace {

// What stands before a key's first colon, with it; nothing if there is none near its begin.
std::string_view KeyPrefix(std::string_view key);

class ReloadWatch {
 public:
  static constexpr std::size_t kCellsMax = 8192;
  static constexpr std::size_t kPrefixBytesMax = 32;
  static constexpr std::size_t kBytesMax = 64 * 1024;
  static constexpr std::size_t kElementsMax = 128;
  static constexpr std::uint64_t kSamplingFloor = UINT64_MAX / 4096;

  struct Reloads {
    std::int64_t expired_again = 0;
    std::int64_t unchanged = 0;
  };
  struct PrefixReloads {
    std::string prefix;
    Reloads of_sample;
  };

  // Begins, or begins anew.
  void Start();
  void Stop();
  bool is_on() const { return threshold_.load(std::memory_order_relaxed) != 0; }

  // A key is about to expire. REQUIRES: its stripe locked.
  void Expire(DbId db, std::uint64_t hash, const Entry& entry);

  // By prefix, in no order; of the share of the keys that is watched.
  std::vector<PrefixReloads> Take() const;
  double sampling_rate() const;
  static constexpr std::size_t memory_bytes() { return kCellsMax * sizeof(Cell); }

 private:
  static constexpr std::size_t kBucketCells = 4;
  struct Cell {
    std::uint64_t key = 0;  // the mixed hash; 0: none
    std::uint64_t digest = 0;
    std::uint32_t expired_again = 0;
    std::uint32_t unchanged = 0;
    std::uint8_t prefix_size = 0;
    char prefix[kPrefixBytesMax - 1] = {};
  };

  // The key's, the newest of its bucket from now on; made if there is none.
  Cell& CellOf(std::uint64_t mixed, std::string_view key) REQUIRES(mu_);
  void Halve() REQUIRES(mu_);

  std::atomic<std::uint64_t> threshold_{0};  // relaxed: a hint before the lock; 0: off
  mutable Mutex mu_;
  std::vector<Cell> cells_ GUARDED_BY(mu_);  // in each bucket the newest first
  std::size_t displaced_ GUARDED_BY(mu_) = 0;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_RELOAD_WATCH_H_
