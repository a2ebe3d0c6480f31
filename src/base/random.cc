// SPDX-License-Identifier: BSD-3-Clause
// xoshiro256** seeded by splitmix64, which spreads a small seed over the whole state and never
// leaves it all zero. Below is Lemire's: one multiplication, and a division only in the rare case
// that could bias ("Fast random integer generation in an interval", 2019).
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include <bit>

#include "base/check.h"

namespace cairn {
namespace {

__extension__ using Uint128 = unsigned __int128;

std::uint64_t SplitMix(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  std::uint64_t mixed = state;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed) {
  for (std::uint64_t& word : state_) word = SplitMix(seed);
}

std::uint64_t Random::Next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::Below(std::uint64_t bound) {
  DCHECK(bound > 0);
  Uint128 product = Uint128{Next()} * bound;
  auto low = static_cast<std::uint64_t>(product);
  if (low < bound) [[unlikely]] {
    // 2^64 mod bound: products whose low half is below it belong to values drawn once too often.
    const std::uint64_t surplus = -bound % bound;
    while (low < surplus) {
      product = Uint128{Next()} * bound;
      low = static_cast<std::uint64_t>(product);
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double Random::NextDouble() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

void SecureRandomBytes(void* out, std::size_t size) {
  auto* at = static_cast<unsigned char*>(out);
  while (size > 0) {
    const ssize_t taken = ::getrandom(at, size, 0);
    // Only a signal may cut a request short; without random bytes there is no safe way on.
    if (taken < 0) {
      CHECK(errno == EINTR);
      continue;
    }
    at += taken;
    size -= static_cast<std::size_t>(taken);
  }
}

std::uint64_t SecureRandomUint64() {
  std::uint64_t number;
  SecureRandomBytes(&number, sizeof(number));
  return number;
}

std::string SecureRandomHex(std::size_t digits) {
  std::string text(digits, '\0');
  SecureRandomBytes(text.data(), text.size());
  for (char& digit : text) digit = "0123456789abcdef"[digit & 0xf];
  return text;
}

}  // namespace cairn
