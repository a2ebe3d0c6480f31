// SPDX-License-Identifier: BSD-3-Clause
// XXH3 is compiled into this file, so that its branch for short keys is a few dozen instructions
// without a call. The CRCs come in two forms.
//
// By tables, eight slices of them: one step takes eight bytes whose lookups do not wait for each
// other. CRC64 is always made so; CRC16 where the processor cannot multiply without carries.
//
//     T[k][b] = the sum of byte b followed by k zero bytes
//     step:  crc' = T[7][b0 ^ crc] ^ T[6][b1 ^ crc] ^ T[5][b2] ^ ... ^ T[0][b7]
//
// By carry-less multiplication: a key is a polynomial over bits, its CRC16 that polynomial times
// x^16 modulo P, and 128 bits fold into the next 128 by two multiplications (Gopal and others,
// "Fast CRC computation for generic polynomials using PCLMULQDQ", 2009). A slot is computed for
// every key of every command: for 16 bytes this takes 53 instructions, the tables 114
// (callgrind, g++ 12 -O3, x86-64-v2), and it leaves the 4 KiB of tables out of the first-level
// cache.
//
// A sum that starts at 0 does not see leading zero bytes. So the odd bytes of a text are taken
// *first*, padded with zeros in front to a whole step; there is no loop over single bytes, whose
// every round would wait for the one before it.
#define XXH_INLINE_ALL
#include "base/hash.h"

#include <immintrin.h>
#include <xxhash.h>

#include <array>
#include <bit>
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

// Not inlined, so that KeySlot saves no registers on the way it usually takes.
[[gnu::noinline]] std::uint16_t TaggedCrc16ByTables(std::string_view key) {
  return internal::Crc16ByTables(HashTag(key));
}

// Functions that need it carry this mark and are entered only after CanMultiply.
#define CAIRN_CLMUL gnu::target("pclmul,ssse3")

bool CanMultiply() { return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("ssse3"); }

constexpr unsigned kCrc16Polynomial = 0x11021;

// x^exponent modulo the polynomial.
constexpr std::uint64_t PowerModulo(int exponent) {
  unsigned power = 1;
  for (int i = 0; i < exponent; ++i) {
    power <<= 1;
    if ((power & 0x10000) != 0) power ^= kCrc16Polynomial;
  }
  return power;
}

// x^80 divided by the polynomial, without the leading x^64.
constexpr std::uint64_t MakeReciprocal() {
  std::uint64_t quotient = 0;
  unsigned rest = 0;
  for (int bit = 80; bit >= 0; --bit) {
    rest = rest << 1 | (bit == 80 ? 1U : 0U);
    if ((rest & 0x10000) == 0) continue;
    rest ^= kCrc16Polynomial;
    if (bit < 64) quotient |= std::uint64_t{1} << bit;
  }
  return quotient;
}

inline __m128i Pair(std::uint64_t high, std::uint64_t low) {
  return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}

// Sixteen bytes as a number whose highest byte is the first.
[[CAIRN_CLMUL]] inline __m128i LoadBlock(const char* bytes) {
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  return _mm_shuffle_epi8(block, Pair(0x0001020304050607, 0x08090a0b0c0d0e0f));
}

// The same for 1 to 15 bytes, with zeros above them. Reads only these bytes.
inline __m128i LoadPartialBlock(const char* bytes, std::size_t size) {
  if (size < 8) return Pair(0, __builtin_bswap64(LoadPadded(bytes, size)));
  const std::size_t half = 4 * (16 - size);  // two shifts, since one by 64 is undefined
  const std::uint64_t high = __builtin_bswap64(Load64(bytes)) >> half >> half;
  return Pair(high, __builtin_bswap64(Load64(bytes + size - 8)));
}

// A text as 128 bits that have its remainder, and whether it has a '{' anywhere: the bytes are at
// hand here, so looking costs three instructions a block.
struct Folded {
  __m128i sum;
  bool has_brace;
};

// REQUIRES: text is not empty.
[[CAIRN_CLMUL]] inline Folded Fold(std::string_view text) {
  const __m128i brace = _mm_set1_epi8('{');
  const __m128i factors = Pair(PowerModulo(192), PowerModulo(128));
  const char* at = text.data();
  const char* const end = at + text.size();
  const std::size_t head = (text.size() - 1) % 16 + 1;
  __m128i sum = head == 16 ? LoadBlock(at) : LoadPartialBlock(at, head);
  __m128i braces = _mm_cmpeq_epi8(sum, brace);
  for (at += head; at != end; at += 16) {
    const __m128i block = LoadBlock(at);
    braces = _mm_or_si128(braces, _mm_cmpeq_epi8(block, brace));
    const __m128i high = _mm_clmulepi64_si128(sum, factors, 0x11);
    const __m128i low = _mm_clmulepi64_si128(sum, factors, 0x00);
    sum = _mm_xor_si128(block, _mm_xor_si128(high, low));
  }
  return {.sum = sum, .has_brace = _mm_movemask_epi8(braces) != 0};
}

// sum * x^16 modulo the polynomial. After the first line the dividend has 79 bits; the quotient is
// taken by the reciprocal (Barrett), which for polynomials is exact.
[[CAIRN_CLMUL]] inline std::uint16_t Reduce(__m128i sum) {
  const __m128i factors = Pair(PowerModulo(80), PowerModulo(16));
  const __m128i divisor = Pair(kCrc16Polynomial, MakeReciprocal());
  const __m128i dividend = _mm_xor_si128(_mm_clmulepi64_si128(sum, factors, 0x11),
                                         _mm_clmulepi64_si128(sum, factors, 0x00));
  const __m128i top = _mm_srli_si128(dividend, 2);
  const __m128i product = _mm_clmulepi64_si128(top, divisor, 0x00);
  const __m128i quotient = _mm_xor_si128(top, _mm_srli_si128(product, 8));
  const __m128i rest = _mm_xor_si128(dividend, _mm_clmulepi64_si128(quotient, divisor, 0x10));
  return static_cast<std::uint16_t>(_mm_cvtsi128_si32(rest));
}

[[CAIRN_CLMUL]] std::uint16_t Crc16ByFolding(std::string_view bytes) {
  return bytes.empty() ? 0 : Reduce(Fold(bytes).sum);
}

[[CAIRN_CLMUL]] inline std::uint16_t TaggedCrc16ByFolding(std::string_view key) {
  if (key.empty()) return 0;
  const Folded folded = Fold(key);
  if (folded.has_brace) [[unlikely]]
    return Crc16ByFolding(HashTag(key));
  return Reduce(folded.sum);
}

SlotId SlotOfCrc(std::uint16_t crc) { return SlotId(static_cast<std::uint16_t>(crc % kSlotCount)); }

// One function, so that the key's bytes and length stay in registers for both. Long keys go
// elsewhere, so that short ones save no registers for them.
[[CAIRN_CLMUL, gnu::noinline]] KeyHashes HashLongWithSlotByFolding(std::string_view key,
                                                                   std::uint64_t seed) {
  return {XXH3_64bits_withSeed(key.data(), key.size(), seed), SlotOfCrc(TaggedCrc16ByFolding(key))};
}

[[CAIRN_CLMUL]] KeyHashes HashWithSlotByFolding(std::string_view key, std::uint64_t seed) {
  constexpr std::size_t kShortMax = 16;
  if (key.size() > kShortMax) return HashLongWithSlotByFolding(key, seed);
  return {XXH3_64bits_withSeed(key.data(), key.size(), seed), SlotOfCrc(TaggedCrc16ByFolding(key))};
}

KeyHashes HashWithSlotByTables(std::string_view key, std::uint64_t seed) {
  return {XXH3_64bits_withSeed(key.data(), key.size(), seed), SlotOfCrc(TaggedCrc16ByTables(key))};
}

[[CAIRN_CLMUL]] std::uint16_t SlotCrcByFolding(std::string_view key) {
  return TaggedCrc16ByFolding(key);
}

}  // namespace

HashSeed::HashSeed(std::uint64_t seed)
    : hash_with_slot_(CanMultiply() ? &HashWithSlotByFolding : &HashWithSlotByTables),
      seed_(seed) {}

std::uint64_t HashSeed::Hash(std::string_view key) const {
  return XXH3_64bits_withSeed(key.data(), key.size(), seed_);
}

std::uint64_t Xxh3(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint16_t internal::Crc16ByTables(std::string_view bytes) {
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

std::uint16_t Crc16(std::string_view bytes) {
  return CanMultiply() ? Crc16ByFolding(bytes) : internal::Crc16ByTables(bytes);
}

std::string_view HashTag(std::string_view key) {
  const std::size_t open = key.find('{');
  if (open == std::string_view::npos) return key;
  const std::size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

SlotId KeySlot(std::string_view key) {
  return SlotOfCrc(CanMultiply() ? SlotCrcByFolding(key) : TaggedCrc16ByTables(key));
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

std::uint64_t Crc64Combine(std::uint64_t first, std::uint64_t second, std::uint64_t second_bytes) {
  // Bytes of zeros do something linear to a sum: bit i becomes zeros[i]. Squared, they are twice
  // as many.
  constexpr std::size_t kBits = 64;
  using Matrix = std::array<std::uint64_t, kBits>;
  const auto apply = [](const Matrix& matrix, std::uint64_t bits) {
    std::uint64_t sum = 0;
    for (; bits != 0; bits &= bits - 1)
      sum ^= matrix[static_cast<std::size_t>(std::countr_zero(bits))];
    return sum;
  };
  Matrix zeros;
  for (std::size_t i = 0; i < kBits; ++i) {
    const std::uint64_t bit = std::uint64_t{1} << i;
    zeros[i] = (bit >> 8) ^ kCrc64[0][bit & 0xff];
  }
  for (; second_bytes != 0; second_bytes >>= 1) {
    if ((second_bytes & 1) != 0) first = apply(zeros, first);
    Matrix squared;
    for (std::size_t i = 0; i < kBits; ++i) squared[i] = apply(zeros, zeros[i]);
    zeros = squared;
  }
  return first ^ second;
}

}  // namespace cairn
