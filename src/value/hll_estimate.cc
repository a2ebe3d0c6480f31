// SPDX-License-Identifier: BSD-3-Clause
// The two series of Ertl's estimator are summed until a further term changes nothing: the result
// must be the same to the last bit as Redis's, since PFCOUNT stores it inside the value. That also
// fixes the type (double) and the order of the operations.
#include "value/hll_estimate.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace cairn::value {
namespace {

static_assert(std::endian::native == std::endian::little, "registers and hashes are little-endian");

constexpr std::uint64_t kHashSeed = 0xadc83b19;
constexpr double kAlphaInfinity = 0.721347520444481703680;  // 1 / (2 ln 2)

// Corrects for the registers that are still empty. Diverges at 1, where all of them are.
double Sigma(double share) {
  if (share == 1.0) return std::numeric_limits<double>::infinity();
  double weight = 1;
  double sum = share;
  for (double last = -1; last != sum;) {
    share *= share;
    last = sum;
    sum += share * weight;
    weight += weight;
  }
  return sum;
}

// Corrects for the registers that ran out of hash bits.
double Tau(double share) {
  if (share == 0.0 || share == 1.0) return 0;
  double weight = 1;
  double sum = 1 - share;
  for (double last = -1; last != sum;) {
    share = std::sqrt(share);
    last = sum;
    weight *= 0.5;
    sum -= std::pow(1 - share, 2) * weight;
  }
  return sum / 3;
}

}  // namespace

std::uint64_t MurmurHash64A(std::string_view bytes, std::uint64_t seed) {
  constexpr std::uint64_t kMultiplier = 0xc6a4a7935bd1e995;
  constexpr int kShift = 47;
  std::uint64_t hash = seed ^ (bytes.size() * kMultiplier);
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof(word));
    word *= kMultiplier;
    word ^= word >> kShift;
    hash = (hash ^ (word * kMultiplier)) * kMultiplier;
  }
  if (!bytes.empty()) {
    std::uint64_t tail = 0;
    std::memcpy(&tail, bytes.data(), bytes.size());
    hash = (hash ^ tail) * kMultiplier;
  }
  hash ^= hash >> kShift;
  hash *= kMultiplier;
  return hash ^ (hash >> kShift);
}

HllSpot HllLocate(std::string_view element) {
  const std::uint64_t hash = MurmurHash64A(element, kHashSeed);
  // A guard bit behind the last one ends the count of zeros.
  const std::uint64_t rest = (hash >> kHllIndexBits) | (std::uint64_t{1} << kHllRankBits);
  return {static_cast<std::uint16_t>(hash & (kHllRegisters - 1)),
          static_cast<std::uint8_t>(std::countr_zero(rest) + 1)};
}

std::uint64_t HllEstimate(const HllHistogram& histogram) {
  constexpr double kCount = kHllRegisters;
  double harmonic = kCount * Tau((kCount - histogram[kHllRankMax]) / kCount);
  for (unsigned rank = kHllRankBits; rank >= 1; --rank) {
    harmonic = (harmonic + histogram[rank]) * 0.5;
  }
  harmonic += kCount * Sigma(histogram[0] / kCount);
  const double estimate = kAlphaInfinity * kCount * kCount / harmonic;
  if (!(estimate < 0x1p63)) return kHllUnbounded;
  return static_cast<std::uint64_t>(std::llround(estimate));
}

}  // namespace cairn::value
