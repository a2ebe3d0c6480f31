// SPDX-License-Identifier: BSD-3-Clause
// SeededRandom: the chance of a simulation. One seed gives one sequence, on any machine.
//
//   SeededRandom random(seed);
//   if (random.Chance(0.01)) network.Break("a");
//
// SplitMix64 (Steele, Lea and Flood, 2014). Not for secrets. Errors: none. Thread safety: one
// thread. Lifetimes: a value. Cost: a few instructions a number.
#ifndef CAIRN_TESTKIT_SEEDED_RANDOM_H_
#define CAIRN_TESTKIT_SEEDED_RANDOM_H_

#include <cstdint>

#include "cairn/clock.h"

namespace cairn::cache {

class SeededRandom {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {
    std::uint64_t bits = state_ += 0x9e3779b97f4a7c15;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
  }
  // In [0, bound), as good as uniformly for the bounds of a test. REQUIRES: bound > 0
  std::uint64_t Below(std::uint64_t bound) { return Next() % bound; }
  // True in that part of the cases, from 0 to 1.
  bool Chance(double part) {
    // The 53 bits that a double has.
    return static_cast<double>(Next() >> 11) < part * 0x1p53;
  }
  // In [least, most].
  Duration Between(Duration least, Duration most) {
    if (most <= least) return least;
    const auto span = static_cast<std::uint64_t>((most - least).count());
    return least + Duration(static_cast<std::int64_t>(Below(span + 1)));
  }

 private:
  std::uint64_t state_;
};

}  // namespace cairn::cache

#endif  // CAIRN_TESTKIT_SEEDED_RANDOM_H_
