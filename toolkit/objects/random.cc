// SPDX-License-Identifier: BSD-3-Clause
// Up to 256 bytes at once, getrandom gives all or is interrupted before it began.
#include "objects/random.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace cairn::cache::internal {
namespace {

void Fill(void* bytes, std::size_t size) {
  while (getrandom(bytes, size, 0) != static_cast<ssize_t>(size)) {
    if (errno != EINTR) std::abort();
  }
}

}  // namespace

std::string RandomHex(std::size_t bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, 64> drawn;
  bytes = std::min(bytes, drawn.size());
  Fill(drawn.data(), bytes);
  std::string text;
  text.reserve(2 * bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    text += kDigits[drawn[i] >> 4];
    text += kDigits[drawn[i] & 15];
  }
  return text;
}

std::uint64_t RandomNumber() {
  std::uint64_t number = 0;
  Fill(&number, sizeof(number));
  return number;
}

Duration BackOff::Next() {
  const Duration half = most_ / 2;
  const auto part = static_cast<Duration::rep>(
      RandomNumber() % static_cast<std::uint64_t>((most_ - half).count() + 1));
  most_ = std::min(most_ * 2, kMost);
  return half + Duration(part);
}

}  // namespace cairn::cache::internal
