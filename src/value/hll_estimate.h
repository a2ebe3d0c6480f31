// SPDX-License-Identifier: BSD-3-Clause
// HyperLogLog's mathematics: from an element to its register, from registers to a cardinality.
//
// An element's hash names one of 16384 registers and a rank, one more than the number of trailing
// zeros in the rest of the hash. A register keeps the greatest rank it saw. The cardinality follows
// from how many registers hold each rank: the improved raw estimator of Otmar Ertl, "New
// cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm 6, which needs no
// bias tables. Its standard error is 1.04 / sqrt(16384) = 0.81 %.
//
// Hash, seed and constants are Redis's, because registers travel between servers. Pure functions.
#ifndef CAIRN_VALUE_HLL_ESTIMATE_H_
#define CAIRN_VALUE_HLL_ESTIMATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cairn::value {

inline constexpr unsigned kHllIndexBits = 14;
inline constexpr std::size_t kHllRegisters = std::size_t{1} << kHllIndexBits;
// The hash bits that are left for the rank, and so, plus one, the greatest rank.
inline constexpr unsigned kHllRankBits = 64 - kHllIndexBits;
inline constexpr unsigned kHllRankMax = kHllRankBits + 1;

// Where an element goes. Ranks are 1..kHllRankMax.
struct HllSpot {
  std::uint16_t index;
  std::uint8_t rank;

  bool operator==(const HllSpot&) const = default;
};

HllSpot HllLocate(std::string_view element);

// Austin Appleby's MurmurHash64A.
std::uint64_t MurmurHash64A(std::string_view bytes, std::uint64_t seed);

// counts[r] is the number of registers that hold r. Registers have six bits, so a forged value can
// hold ranks above kHllRankMax; they count as nothing.
using HllHistogram = std::array<std::uint32_t, 64>;

// What the estimate is when every register is beyond kHllRankMax, which only a forged value can be:
// infinity, stored and sent by Redis as this pattern.
inline constexpr std::uint64_t kHllUnbounded = std::uint64_t{1} << 63;

std::uint64_t HllEstimate(const HllHistogram& histogram);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_HLL_ESTIMATE_H_
