// SPDX-License-Identifier: BSD-3-Clause
// BigKeys: the largest keys by bytes and by elements, kept up to date without a walk.
//
// Two tables of the largest that were seen. Txn tells of a key when its size comes into another
// bucket (eighths of a power of two), so a value that grows costs a look at the tables once for
// every 12.5 %, and values below kWatchedBytesMin cost one comparison. What is listed is looked up
// when somebody asks: sizes told are exact, and what has gone is dropped.
//
// A full table takes only what is larger than its least. When keys go, those that it had no place
// for do not come back until they change: missed_max says how large these may be, so above it the
// list is complete (but for 12.5 %).
//
// A key belongs to a Shard rather than to a database's number, as SWAPDB changes only that.
//
// Threads: any; the tables are guarded by a leaf lock, taken under the key's stripe.
#ifndef CAIRN_KEYSPACE_BIG_KEYS_H_
#define CAIRN_KEYSPACE_BIG_KEYS_H_

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "base/function_ref.h"
#include "base/mutex.h"

namespace cairn::keyspace {

struct Shard;

// The largest names of one kind of size.
class LargestNames {
 public:
  struct Listed {
    const Shard* shard = nullptr;
    std::string name;
    std::size_t size = 0;
  };

  // Lists the name with this size, changes it, or with 0 takes it out.
  void Put(const Shard* shard, std::string_view name, std::size_t size, std::size_t capacity);
  // What it has no place for any more goes.
  void Trim(std::size_t capacity);
  void EraseIf(FunctionRef<bool(const Listed&)> is_gone);
  void ForgetMissed() { missed_max_ = 0; }
  const std::vector<Listed>& listed() const { return listed_; }
  // A size that is surely too small for a full table.
  std::size_t bar(std::size_t capacity) const {
    return listed_.size() < capacity ? 0 : listed_.back().size;
  }
  std::size_t missed_max() const { return missed_max_; }
  std::size_t memory_bytes() const;

 private:
  std::vector<Listed> listed_;  // the largest first
  std::size_t missed_max_ = 0;
};

class BigKeys {
 public:
  static constexpr std::size_t kWatchedBytesMin = 4096;
  // Longer names are not listed.
  static constexpr std::size_t kNameBytesMax = 1024;
  static constexpr std::size_t kCapacityDefault = 64;

  // Whether a change of size is to be told. Sizes from kWatchedBytesMin on come into another bucket
  // when they grow or shrink by an eighth.
  static bool IsTold(std::size_t before, std::size_t after) {
    return (before >= kWatchedBytesMin || after >= kWatchedBytesMin) &&
           Bucket(before) != Bucket(after);
  }

  // A key has come to this size; elements: 0 for a string. The key's stripe is locked.
  void Note(const Shard* shard, std::string_view name, std::size_t bytes, std::size_t elements);
  // A key of this size goes.
  void NoteGone(const Shard* shard, std::string_view name) { Note(shard, name, 0, 0); }
  // Whether a string of `before` bytes is not listed, and of `after` bytes will find no place: that
  // is noted without a lock.
  bool SkipsString(std::size_t before, std::size_t after) {
    const std::size_t bar = bytes_bar_.load(std::memory_order_relaxed);
    if (Bucket(before) >= Bucket(bar) || Bucket(after) >= Bucket(bar)) return false;
    std::size_t most = skipped_max_.load(std::memory_order_relaxed);
    while (most < after &&
           !skipped_max_.compare_exchange_weak(most, after, std::memory_order_relaxed)) {
    }
    return true;
  }
  // What is listed of these shards is gone. No keys are left at all: nothing was missed, either.
  void ForgetIf(FunctionRef<bool(const Shard*)> is_empty, bool all_are_empty);

  // Each table's length; 0: none are kept.
  void SetCapacity(std::size_t capacity);
  // `total` counts the memory that the tables take, too. Before there are keys.
  void CountIn(SharedCounter* total) { total_bytes_ = total; }
  std::int64_t memory_bytes() const { return memory_bytes_.value(); }

  enum class By : std::uint8_t { kBytes, kElements };
  struct Listing {
    std::vector<LargestNames::Listed> listed;  // sizes as they were told
    std::size_t missed_max = 0;
  };
  Listing List(By by) const;

 private:
  static int Bucket(std::size_t size) {
    constexpr int kSubBits = 3;
    const int exponent = std::bit_width(size | 8) - 1;
    return exponent << kSubBits | static_cast<int>(size >> (exponent - kSubBits) & 7);
  }
  void Settle() REQUIRES(mu_);

  // relaxed: who sees an old bar lists a key too many, or one too few by an eighth.
  std::atomic<std::size_t> bytes_bar_{0};
  std::atomic<std::size_t> skipped_max_{0};  // of strings that Note was not called for
  SharedCounter memory_bytes_;
  SharedCounter* total_bytes_ = nullptr;
  mutable Mutex mu_;  // a leaf
  std::size_t capacity_ GUARDED_BY(mu_) = kCapacityDefault;
  LargestNames by_bytes_ GUARDED_BY(mu_);
  LargestNames by_elements_ GUARDED_BY(mu_);
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_BIG_KEYS_H_
