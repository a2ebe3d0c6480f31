// SPDX-License-Identifier: BSD-3-Clause
// Sha1Hex: one pass over whole blocks, then the padded tail.
#include "base/sha1.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace cairn {
namespace {

constexpr std::size_t kBlockBytes = 64;

std::uint32_t LoadBigEndian(const char* p) {
  std::uint32_t word;
  std::memcpy(&word, p, sizeof(word));
  return __builtin_bswap32(word);
}

struct Sha1State {
  std::uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};

  void Absorb(const char* block) {
    std::uint32_t w[80];
    for (int i = 0; i < 16; ++i) w[i] = LoadBigEndian(block + i * 4);
    for (int i = 16; i < 80; ++i) {
      w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    std::uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; ++i) {
      std::uint32_t mix, constant;
      if (i < 20) {
        mix = (b & c) | (~b & d), constant = 0x5a827999;
      } else if (i < 40) {
        mix = b ^ c ^ d, constant = 0x6ed9eba1;
      } else if (i < 60) {
        mix = (b & c) | (b & d) | (c & d), constant = 0x8f1bbcdc;
      } else {
        mix = b ^ c ^ d, constant = 0xca62c1d6;
      }
      const std::uint32_t next = std::rotl(a, 5) + mix + e + constant + w[i];
      e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
};

}  // namespace

Sha1Text Sha1Hex(std::string_view bytes) {
  Sha1State state;
  const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
  while (bytes.size() >= kBlockBytes) {
    state.Absorb(bytes.data());
    bytes.remove_prefix(kBlockBytes);
  }
  // The rest, a one bit, zeros, and the length in bits: one block, or two where it does not fit.
  char tail[2 * kBlockBytes] = {};
  if (!bytes.empty()) std::memcpy(tail, bytes.data(), bytes.size());
  tail[bytes.size()] = static_cast<char>(0x80);
  const std::size_t tail_bytes = bytes.size() + 9 <= kBlockBytes ? kBlockBytes : 2 * kBlockBytes;
  const std::uint64_t swapped = __builtin_bswap64(bits);
  std::memcpy(tail + tail_bytes - sizeof(swapped), &swapped, sizeof(swapped));
  for (std::size_t at = 0; at < tail_bytes; at += kBlockBytes) state.Absorb(tail + at);
  Sha1Text text;
  for (std::size_t i = 0; i < text.size(); ++i) {
    text[i] = "0123456789abcdef"[state.h[i / 8] >> (28 - 4 * (i % 8)) & 15];
  }
  return text;
}

}  // namespace cairn
