// SPDX-License-Identifier: BSD-3-Clause
// Bitmap: a string's bytes seen as a row of bits.
//
// Bit 0 is the most significant bit of byte 0, so that the bits read in the order in which the
// bytes are written. A bitmap has no form of its own: it is any string value, and what lies beyond
// its end counts as zero. Growing a value is the caller's business; nothing here allocates.
//
//     byte   0                 1
//     bit    0 1 2 3 4 5 6 7   8 9 ...
//
// Pure functions over views; safe from any thread. Cost: counting, searching and combining touch
// every byte of their range once, eight bytes at a step. CombineBits takes a window of the result,
// so that a caller can cut half a gigabyte into pieces.
#ifndef CAIRN_VALUE_BITMAP_H_
#define CAIRN_VALUE_BITMAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace cairn::value {

// Zero beyond the end.
bool GetBit(std::string_view bytes, std::uint64_t offset);

// Returns what the bit was. REQUIRES: offset < 8 * bytes.size().
bool SetBit(std::span<char> bytes, std::uint64_t offset, bool bit);

// The bytes a value must have so that bit `offset` is inside.
constexpr std::uint64_t BytesForBit(std::uint64_t offset) { return offset / 8 + 1; }

std::uint64_t PopCount(std::string_view bytes);

enum class BitUnit { kByte, kBit };

// A range as a client names it: both ends inclusive, negative ones counted from the end. Without
// `end` it reaches to the last byte, and a search for a zero may run into the zeros beyond it.
struct BitRange {
  std::int64_t start = 0;
  std::optional<std::int64_t> end = std::nullopt;
  BitUnit unit = BitUnit::kByte;
};

std::uint64_t BitCount(std::string_view bytes, const BitRange& range);

// The first bit equal to `bit`, or -1. An absent key is not the same as an empty value: Redis
// answers 0 for a zero in an absent key, which the command has to say itself.
std::int64_t BitPos(std::string_view bytes, bool bit, const BitRange& range);

// kAnd, kOr, kXor over all sources, kNot of the only one; with X the first source and Y the others:
enum class BitOperation {
  kAnd,
  kOr,
  kXor,
  kNot,
  kDiff,   // in X and in no Y
  kDiff1,  // in a Y and not in X
  kAndOr,  // in X and in a Y
  kOne     // in exactly one source
};

// The fewest sources an operation makes sense with: 2 where there are X and Y, else 1.
std::size_t SourcesMin(BitOperation operation);

// The result is as long as the longest source; shorter ones are continued with zeros.
std::size_t CombinedSize(std::span<const std::string_view> sources);

// Writes bytes [offset, offset + result.size()) of the combination to `result`.
// REQUIRES: at least SourcesMin sources, exactly one for kNot; offset + result.size() at most
// CombinedSize; `result` overlaps no source.
void CombineBits(BitOperation operation, std::span<const std::string_view> sources,
                 std::size_t offset, std::span<char> result);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_BITMAP_H_
