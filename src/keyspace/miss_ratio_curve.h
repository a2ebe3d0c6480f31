// SPDX-License-Identifier: BSD-3-Clause
// MissRatioCurve: what the hit ratio would be with more memory, or with less, learnt from the
// reads.
//
// A read of a key hits in an LRU cache of C keys exactly if fewer than C other keys were used since
// its last use. So the distribution of these distances is the hit ratio of every size at once. They
// are taken from a sample, after Waldspurger et al., "Efficient MRC construction with SHARDS" (FAST
// 2015): of all keys only those are followed whose hash lies below a threshold, and distances among
// them are multiplied. Where more than kSamplesMax keys would be followed the threshold is halved.
//
//     read --hash < threshold?--> last use of the key --> how many followed keys are newer
//                |no: counted only                           |
//                                                            v
//                      histogram of distances, 64 buckets a doubling, in keys
//
// A server lives longer than a trace: keys that nobody uses again would push the threshold down for
// ever. So what lies deeper than the owner wants to see (Cover) is forgotten instead, and counts
// are halved every kAgingReads followed reads, so that the curve follows the load.
//
// Its unit is keys; whoever shows it makes bytes of them by the average. What was deleted or has
// expired is to be forgotten (a later read misses at any size), what was evicted is not.
//
// Thread safety: Read, Write and Forget by whoever holds the key's stripe; the rest by anybody.
// `mu_` is a leaf lock, taken only for keys that are followed. Memory: memory_bytes(), while it is
// on.
#ifndef CAIRN_KEYSPACE_MISS_RATIO_CURVE_H_
#define CAIRN_KEYSPACE_MISS_RATIO_CURVE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/counter.h"
#include "base/ids.h"
#include "base/mutex.h"

namespace cairn::keyspace {

class MissRatioCurve {
 public:
  static constexpr std::size_t kSamplesMax = 8192;
  static constexpr double kAgingReads = 4 << 20;
  static constexpr std::size_t kReadersMax = 256;  // stripes

  // A moment's curve.
  class Picture {
   public:
    std::int64_t reads = 0;  // since the last reset, less what aged
    double sampling_rate = 1;
    std::int64_t samples = 0;  // keys followed
    // Of reads, in an LRU cache that holds so many keys.
    double HitRatio(double keys) const;

   private:
    friend class MissRatioCurve;
    double expected_ = 0;  // followed reads, had the sample been just
    double followed_ = 0;
    std::vector<double> histogram_;
  };

  MissRatioCurve();
  ~MissRatioCurve();
  MissRatioCurve(const MissRatioCurve&) = delete;
  MissRatioCurve& operator=(const MissRatioCurve&) = delete;

  // Begins, or begins anew.
  void Start();
  void Stop();
  bool is_on() const { return threshold_.load(std::memory_order_relaxed) != 0; }

  // While it is off these do nothing. `stripe`: the key's, below kReadersMax.
  void Read(std::size_t stripe, DbId db, std::uint64_t hash) {
    reads_[stripe].count.Add(1);
    const std::uint64_t mixed = Mix(db, hash);
    if (IsFollowed(mixed)) ReadFollowed(mixed);
  }
  void Write(DbId db, std::uint64_t hash) {
    const std::uint64_t mixed = Mix(db, hash);
    if (IsFollowed(mixed)) WriteFollowed(mixed);
  }
  void Forget(DbId db, std::uint64_t hash) {
    const std::uint64_t mixed = Mix(db, hash);
    if (IsFollowed(mixed)) ForgetFollowed(mixed);
  }
  // Sizes up to so many keys are of interest; 0: all. Where far less is of interest than it now
  // sees, it begins anew, and follows more of the keys.
  void Cover(std::size_t keys);

  Picture Take() const;
  static std::size_t memory_bytes();

 private:
  class Stack;
  struct alignas(64) Reads {
    Counter count;  // by the holder of the stripe
  };

  // Never 0, which stands for no key.
  static std::uint64_t Mix(DbId db, std::uint64_t hash) {
    constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
    return (hash ^ db.value * kOdd) | 1;
  }
  bool IsFollowed(std::uint64_t mixed) const {
    return mixed <= threshold_.load(std::memory_order_relaxed);
  }
  void ReadFollowed(std::uint64_t mixed);
  void WriteFollowed(std::uint64_t mixed);
  void ForgetFollowed(std::uint64_t mixed);
  // Makes it the newest of the followed, which it was not among.
  void Push(std::uint64_t mixed) REQUIRES(mu_);
  void Halve() REQUIRES(mu_);
  void Begin() REQUIRES(mu_);
  void Age() REQUIRES(mu_);
  std::int64_t CountReads() const;

  std::array<Reads, kReadersMax> reads_;
  std::atomic<std::uint64_t> threshold_{0};  // relaxed: a hint before the lock; 0: off
  std::atomic<std::size_t> covered_keys_{0};
  mutable Mutex mu_;
  std::unique_ptr<Stack> stack_ GUARDED_BY(mu_);
  std::vector<double> histogram_ GUARDED_BY(mu_);
  double followed_reads_ GUARDED_BY(mu_) = 0;  // scaled as the histogram is
  double rate_ GUARDED_BY(mu_) = 1;
  double reads_before_ GUARDED_BY(mu_) = 0;  // that do not count any more
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_MISS_RATIO_CURVE_H_
