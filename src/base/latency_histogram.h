// SPDX-License-Identifier: BSD-3-Clause
// LatencyHistogram: how long something took, as counts in buckets; and percentiles of it.
#ifndef CAIRN_BASE_LATENCY_HISTOGRAM_H_
#define CAIRN_BASE_LATENCY_HISTOGRAM_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/counter.h"

namespace cairn {

// Durations in nanoseconds, in buckets of 1/8 of a power of two: at most 12.5 % off, 2.6 KB.
// `Count`: Counter, or SharedCounter where several threads record.
template <class Count>
class HistogramOf {
 public:
  static constexpr int kSubBits = 3;
  static constexpr int kBuckets = 40
                                  << kSubBits;  // up to 2^40 ns, 18 minutes; longer counts as that

  void Record(std::uint64_t ns, std::int64_t times = 1) { buckets_[Bucket(ns)].Add(times); }
  std::int64_t count(int bucket) const {
    return buckets_[static_cast<std::size_t>(bucket)].value();
  }
  void Reset() {
    for (Count& bucket : buckets_) bucket.Set(0);
  }

  // Exponent and first bits of the fraction, as they stand side by side in a double. 0 counts as 1.
  static std::size_t Bucket(std::uint64_t ns) {
    constexpr int kFractionBits = 52;
    constexpr std::uint64_t kExponentOfOne = 1023;
    const auto bits = std::bit_cast<std::uint64_t>(
        static_cast<double>(static_cast<std::int64_t>(ns + (ns == 0 ? 1 : 0))));
    const std::uint64_t bucket =
        (bits >> (kFractionBits - kSubBits)) - (kExponentOfOne << kSubBits);
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  // The largest duration that falls into `bucket`, or into one before it if none does.
  static std::uint64_t UpperBoundNs(int bucket) {
    const int exponent = bucket >> kSubBits;
    const auto sub = static_cast<std::uint64_t>(bucket & ((1 << kSubBits) - 1));
    const std::uint64_t eighths = (sub + (1u << kSubBits) + 1) << exponent;
    return ((eighths + (1u << kSubBits) - 1) >> kSubBits) - 1;
  }

 private:
  std::array<Count, kBuckets> buckets_;
};

using LatencyHistogram = HistogramOf<Counter>;
using SharedLatencyHistogram = HistogramOf<SharedCounter>;

// Adds the buckets to `sum`, which grows to their number.
template <class Count>
void AddHistogram(const HistogramOf<Count>& histogram, std::vector<std::int64_t>& sum) {
  sum.resize(HistogramOf<Count>::kBuckets);
  for (int bucket = 0; bucket < HistogramOf<Count>::kBuckets; ++bucket)
    sum[static_cast<std::size_t>(bucket)] += histogram.count(bucket);
}

// The largest that may stand in the bucket below whose end `percent` of all lie. 0 if there is
// none.
inline std::uint64_t PercentileNs(std::span<const std::int64_t> histogram, double percent) {
  std::int64_t all = 0;
  for (const std::int64_t count : histogram) all += count;
  if (all == 0) return 0;
  const double wanted = static_cast<double>(all) * percent / 100;
  std::int64_t seen = 0;
  int bucket = 0;
  for (; bucket + 1 < LatencyHistogram::kBuckets; ++bucket) {
    seen += histogram[static_cast<std::size_t>(bucket)];
    if (seen > 0 && static_cast<double>(seen) >= wanted) break;
  }
  return LatencyHistogram::UpperBoundNs(bucket);
}

}  // namespace cairn

#endif  // CAIRN_BASE_LATENCY_HISTOGRAM_H_
