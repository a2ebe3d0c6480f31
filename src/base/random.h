// SPDX-License-Identifier: BSD-3-Clause
// Random: xoshiro256** from a seed, one per thread or session; and bytes from the kernel for
// secrets.
//
// Not for secrets: use SecureRandomBytes (getrandom(2)) for run ids, hash seeds and tokens. Follows
// Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2018).
#ifndef CAIRN_BASE_RANDOM_H_
#define CAIRN_BASE_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace cairn {

class Random {
 public:
  explicit Random(std::uint64_t seed);
  std::uint64_t Next();
  // Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint64_t Below(std::uint64_t bound);
  // Uniform in [0, 1).
  double NextDouble();

 private:
  std::uint64_t state_[4];
};

void SecureRandomBytes(void* out, std::size_t size);
std::uint64_t SecureRandomUint64();
// `digits` lower-case hexadecimal digits, as in run_id.
std::string SecureRandomHex(std::size_t digits);

}  // namespace cairn

#endif  // CAIRN_BASE_RANDOM_H_
