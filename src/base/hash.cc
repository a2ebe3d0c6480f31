// SPDX-License-Identifier: BSD-3-Clause
// XXH3 is compiled into this file, so that its branch for short keys is a dozen instructions
// without a call. The CRCs are sliced by eight: eight tables let one step take eight bytes whose
// lookups do not wait for each other.
//
//     T[k][b] = the sum of byte b followed by k zero bytes
//     step:  crc' = T[7][b0 ^ crc] ^ T[6][b1 ^ crc] ^ T[5][b2] ^ ... ^ T[0][b7]
//
// A sum that starts at 0 does not see leading zero bytes. So the odd bytes of a text are taken
// *first*, padded with zeros in front to a whole step; there is no loop over single bytes, whose
// every round would wait for the one before it.
#define XXH_INLINE_ALL
#include "base/hash.h"

#include <emmintrin.h>
#include <xxhash.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace cairn {
namespace {

constexpr std::size_t kSlices = 8;
template <class Number>
using SliceTables = std::array<std::array<Number, 256>, kSlices>;

// Polynomial 0x1021, most significant bit first.
constexpr SliceTables<std::uint16_t> MakeCrc16Tables() {
  SliceTables<std::uint16_t> tables{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ ((crc & 0x8000) != 0 ? 0x1021 : 0);
    tables[0][byte] = static_cast<std::uint16_t>(crc);
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      const unsigned crc = tables[slice - 1][byte];
      tables[slice][byte] = static_cast<std::uint16_t>((crc << 8) ^ tables[0][crc >> 8]);
    }
  }
  return tables;
}

// Jones's polynomial 0xad93d23594c935a9, least significant bit first, hence written backwards.
constexpr SliceTables<std::uint64_t> MakeCrc64Tables() {
  constexpr std::uint64_t kReflected = 0x95ac9329ac4bc9b5;
  SliceTables<std::uint64_t> tables{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kReflected : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      const std::uint64_t crc = tables[slice - 1][byte];
      tables[slice][byte] = (crc >> 8) ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}

constexpr SliceTables<std::uint16_t> kCrc16 = MakeCrc16Tables();
constexpr SliceTables<std::uint64_t> kCrc64 = MakeCrc64Tables();

inline std::uint64_t Load64(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// The first `size` bytes, 1 to 7, as the last bytes of a word whose first bytes are zero. Reads
// only these bytes, by loads that overlap.
inline std::uint64_t LoadPadded(const char* bytes, std::size_t size) {
  std::uint64_t word;
  if (size >= 4) {
    std::uint32_t first;
    std::uint32_t last;
    std::memcpy(&first, bytes, sizeof(first));
    std::memcpy(&last, bytes + size - sizeof(last), sizeof(last));
    word = first | std::uint64_t{last} << (8 * (size - sizeof(last)));
  } else {
    const auto byte = [bytes](std::size_t at) {
      return std::uint64_t{static_cast<unsigned char>(bytes[at])} << (8 * at);
    };
    word = byte(0) | byte(size / 2) | byte(size - 1);
  }
  return word << (8 * (8 - size));
}

inline unsigned Crc16Step(unsigned crc, std::uint64_t word) {
  // The sum's high byte belongs to the first byte of the text.
  word ^= __builtin_bswap16(static_cast<std::uint16_t>(crc));
  unsigned sum = kCrc16[7][word & 0xff];
  sum ^= kCrc16[6][word >> 8 & 0xff];
  sum ^= kCrc16[5][word >> 16 & 0xff];
  sum ^= kCrc16[4][word >> 24 & 0xff];
  sum ^= kCrc16[3][word >> 32 & 0xff];
  sum ^= kCrc16[2][word >> 40 & 0xff];
  sum ^= kCrc16[1][word >> 48 & 0xff];
  sum ^= kCrc16[0][word >> 56];
  return sum;
}

// Whether one of 8 to 16 bytes is `wanted`. Reads only these bytes.
inline bool ContainsShort(const char* bytes, std::size_t size, char wanted) {
  const __m128i text = _mm_set_epi64x(static_cast<long long>(Load64(bytes + size - 8)),
                                      static_cast<long long>(Load64(bytes)));
  return _mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8(wanted))) != 0;
}

inline bool ContainsBrace(std::string_view key) {
  if (key.size() >= 8 && key.size() <= 16) return ContainsShort(key.data(), key.size(), '{');
  if (key.empty()) return false;
  return std::memchr(key.data(), '{', key.size()) != nullptr;
}

}  // namespace

std::uint64_t HashSeed::Hash(std::string_view key) const {
  return XXH3_64bits_withSeed(key.data(), key.size(), seed_);
}

std::uint64_t Xxh3(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint16_t Crc16(std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  unsigned crc = 0;
  const std::size_t odd = bytes.size() % 8;
  if (odd != 0) {
    crc = Crc16Step(0, LoadPadded(at, odd));
    at += odd;
  }
  for (; at != end; at += 8) crc = Crc16Step(crc, Load64(at));
  return static_cast<std::uint16_t>(crc);
}

std::string_view HashTag(std::string_view key) {
  const std::size_t open = key.find('{');
  if (open == std::string_view::npos) return key;
  const std::size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

SlotId KeySlot(std::string_view key) {
  if (ContainsBrace(key)) [[unlikely]]
    key = HashTag(key);
  return SlotId(static_cast<std::uint16_t>(Crc16(key) % kSlotCount));
}

std::uint64_t Crc64(std::uint64_t crc, std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  // The sum may go on from an earlier one here, so the odd bytes come last, one by one.
  for (; end - at >= 8; at += 8) {
    const std::uint64_t word = crc ^ Load64(at);
    crc = kCrc64[7][word & 0xff] ^ kCrc64[6][word >> 8 & 0xff] ^ kCrc64[5][word >> 16 & 0xff] ^
          kCrc64[4][word >> 24 & 0xff] ^ kCrc64[3][word >> 32 & 0xff] ^
          kCrc64[2][word >> 40 & 0xff] ^ kCrc64[1][word >> 48 & 0xff] ^ kCrc64[0][word >> 56];
  }
  for (; at != end; ++at) {
    crc = (crc >> 8) ^ kCrc64[0][(crc ^ static_cast<unsigned char>(*at)) & 0xff];
  }
  return crc;
}

}  // namespace cairn
