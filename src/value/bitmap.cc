// SPDX-License-Identifier: BSD-3-Clause
// All loops go through 64-bit words. A word loaded big-endian has bit 0 of the bitmap at its top,
// which makes "the first bit" a countl_zero. CombineBits works in chunks that stay in the first
// level of the cache, so that each further source costs one read from memory and no write.
#include "value/bitmap.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace cairn::value {
namespace {

constexpr std::size_t kWordBytes = 8;
// Two chunks (result and "seen twice") and a piece of a source fit in 32 KiB.
constexpr std::size_t kChunkBytes = 8 * 1024;

std::uint64_t LoadWord(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, kWordBytes);
  return word;
}

// Up to eight bytes from `at`, the first one on top, zeros below the last.
std::uint64_t LoadBigEndian(std::string_view bytes, std::size_t at) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data() + at, std::min(kWordBytes, bytes.size() - at));
  return __builtin_bswap64(word);
}

// Inclusive, in bits, inside the value.
struct BitSpan {
  std::uint64_t first;
  std::uint64_t last;
};

// What a client's range means for a value of `size` bytes; nullopt when it is empty.
std::optional<BitSpan> Resolve(const BitRange& range, std::size_t size) {
  const std::int64_t unit_bits = range.unit == BitUnit::kByte ? 8 : 1;
  const std::int64_t total = static_cast<std::int64_t>(size) * 8 / unit_bits;
  std::int64_t start = range.start;
  std::int64_t end = range.end.value_or(total - 1);
  if (start < 0) start += total;
  if (end < 0) end += total;
  start = std::max<std::int64_t>(start, 0);
  end = std::min(std::max<std::int64_t>(end, 0), total - 1);
  if (start > end) return std::nullopt;
  return BitSpan{static_cast<std::uint64_t>(start * unit_bits),
                 static_cast<std::uint64_t>(end * unit_bits + unit_bits - 1)};
}

// The first bit equal to `bit` inside `span`. The word's bits are flipped where a zero is looked
// for, so the padding after the last byte may match, but always beyond span.last.
std::optional<std::uint64_t> FindBit(std::string_view bytes, bool bit, BitSpan span) {
  const std::uint64_t flip = bit ? 0 : ~std::uint64_t{0};
  std::size_t at = span.first / 8;
  std::uint64_t word = (LoadBigEndian(bytes, at) ^ flip) & (~std::uint64_t{0} >> (span.first % 8));
  while (word == 0) {
    at += kWordBytes;
    // Whole words of nothing but the other bit. Loading up to eight bytes costs eight times as
    // much.
    while (at + kWordBytes <= span.last / 8 && LoadWord(bytes.data() + at) == flip)
      at += kWordBytes;
    if (at > span.last / 8) return std::nullopt;
    word = LoadBigEndian(bytes, at) ^ flip;
  }
  const std::uint64_t found = at * 8 + static_cast<std::uint64_t>(std::countl_zero(word));
  if (found > span.last) return std::nullopt;
  return found;
}

// out[i] = combine(out[i], in[i]) for `size` bytes. Four words at a step let the compiler use the
// vector registers it has.
template <class Combine>
void Fold(char* out, const char* in, std::size_t size, Combine combine) {
  std::size_t i = 0;
  for (; i + 4 * kWordBytes <= size; i += 4 * kWordBytes) {
    std::array<std::uint64_t, 4> a;
    std::array<std::uint64_t, 4> b;
    std::memcpy(a.data(), out + i, sizeof(a));
    std::memcpy(b.data(), in + i, sizeof(b));
    for (std::size_t k = 0; k < a.size(); ++k) a[k] = combine(a[k], b[k]);
    std::memcpy(out + i, a.data(), sizeof(a));
  }
  for (; i < size; ++i) {
    const auto a = static_cast<std::uint64_t>(static_cast<unsigned char>(out[i]));
    const auto b = static_cast<std::uint64_t>(static_cast<unsigned char>(in[i]));
    out[i] = static_cast<char>(combine(a, b) & 0xff);
  }
}

constexpr auto kAndWords = [](std::uint64_t a, std::uint64_t b) { return a & b; };
constexpr auto kOrWords = [](std::uint64_t a, std::uint64_t b) { return a | b; };
constexpr auto kXorWords = [](std::uint64_t a, std::uint64_t b) { return a ^ b; };
constexpr auto kAndNotWords = [](std::uint64_t a, std::uint64_t b) { return a & ~b; };
constexpr auto kNotAndWords = [](std::uint64_t a, std::uint64_t b) { return ~a & b; };

// The part of a source that lies in the window; shorter than the window where the source ends.
std::string_view Piece(std::string_view source, std::size_t offset, std::size_t size) {
  if (offset >= source.size()) return {};
  return source.substr(offset, size);
}

// One chunk of a combination: the window of the result, and the sources it is made from.
struct Chunk {
  std::span<const std::string_view> sources;
  std::size_t offset;
  std::span<char> out;

  std::string_view Source(std::size_t i) const { return Piece(sources[i], offset, out.size()); }

  void Copy(std::string_view piece) const {
    if (!piece.empty()) std::memcpy(out.data(), piece.data(), piece.size());
    Clear(piece.size());
  }
  // Zeros from byte `from` of the window on.
  void Clear(std::size_t from) const {
    if (from < out.size()) std::memset(out.data() + from, 0, out.size() - from);
  }
  template <class Combine>
  void FoldIn(std::size_t first_source, Combine combine) const {
    for (std::size_t i = first_source; i < sources.size(); ++i) {
      const std::string_view piece = Source(i);
      Fold(out.data(), piece.data(), piece.size(), combine);
    }
  }
  // The union of sources `first` and on.
  void Any(std::size_t first) const {
    Copy(Source(first));
    FoldIn(first + 1, kOrWords);
  }
};

void And(const Chunk& chunk) {
  chunk.Copy(chunk.Source(0));
  for (std::size_t i = 1; i < chunk.sources.size(); ++i) {
    const std::string_view piece = chunk.Source(i);
    Fold(chunk.out.data(), piece.data(), piece.size(), kAndWords);
    chunk.Clear(piece.size());
  }
}

void One(const Chunk& chunk) {
  std::array<char, kChunkBytes> twice;
  char* const once = chunk.out.data();
  chunk.Copy(chunk.Source(0));
  std::memset(twice.data(), 0, chunk.out.size());
  for (std::size_t i = 1; i < chunk.sources.size(); ++i) {
    const std::string_view piece = chunk.Source(i);
    // A bit seen again moves from `once` to `twice`, which from then on keeps it out of `once`.
    for (std::size_t k = 0; k < piece.size(); ++k) {
      twice[k] = static_cast<char>(twice[k] | (once[k] & piece[k]));
      once[k] = static_cast<char>((once[k] ^ piece[k]) & ~twice[k]);
    }
  }
}

void CombineChunk(BitOperation operation, const Chunk& chunk) {
  const std::string_view first = chunk.Source(0);
  char* const out = chunk.out.data();
  switch (operation) {
    case BitOperation::kAnd:
      return And(chunk);
    case BitOperation::kOr:
      return chunk.Any(0);
    case BitOperation::kXor:
      chunk.Copy(first);
      return chunk.FoldIn(1, kXorWords);
    case BitOperation::kNot:
      // The only source is as long as the result, so no padding is inverted.
      chunk.Copy(first);
      return Fold(out, out, chunk.out.size(), [](std::uint64_t a, std::uint64_t) { return ~a; });
    case BitOperation::kDiff:
      chunk.Any(1);
      Fold(out, first.data(), first.size(), kNotAndWords);
      return chunk.Clear(first.size());
    case BitOperation::kDiff1:
      chunk.Any(1);
      return Fold(out, first.data(), first.size(), kAndNotWords);
    case BitOperation::kAndOr:
      chunk.Any(1);
      Fold(out, first.data(), first.size(), kAndWords);
      return chunk.Clear(first.size());
    case BitOperation::kOne:
      return One(chunk);
  }
}

}  // namespace

bool GetBit(std::string_view bytes, std::uint64_t offset) {
  if (offset / 8 >= bytes.size()) return false;
  return (static_cast<unsigned char>(bytes[offset / 8]) >> (7 - offset % 8)) & 1;
}

bool SetBit(std::span<char> bytes, std::uint64_t offset, bool bit) {
  CHECK(offset / 8 < bytes.size());
  char& byte = bytes[offset / 8];
  const unsigned mask = 0x80U >> (offset % 8);
  const unsigned old = static_cast<unsigned char>(byte);
  byte = static_cast<char>(bit ? old | mask : old & ~mask);
  return (old & mask) != 0;
}

std::uint64_t PopCount(std::string_view bytes) {
  // Four sums: popcnt has a latency of three cycles, and one of it can start each cycle.
  std::array<std::uint64_t, 4> sums = {};
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 4 * kWordBytes; left -= 4 * kWordBytes, at += 4 * kWordBytes) {
    for (std::size_t k = 0; k < sums.size(); ++k) {
      sums[k] += static_cast<std::uint64_t>(std::popcount(LoadWord(at + k * kWordBytes)));
    }
  }
  std::uint64_t total = sums[0] + sums[1] + sums[2] + sums[3];
  for (; left != 0; --left, ++at) {
    total += static_cast<std::uint64_t>(std::popcount(static_cast<unsigned char>(*at)));
  }
  return total;
}

std::uint64_t BitCount(std::string_view bytes, const BitRange& range) {
  // Redis looks at the order of two negative ends before it moves them into the value, so that a
  // range in the wrong order is empty even where both ends would be clamped to the first unit.
  if (range.start < 0 && range.end.value_or(0) < 0 && range.start > *range.end) return 0;
  const std::optional<BitSpan> span = Resolve(range, bytes.size());
  if (!span) return 0;
  const std::size_t first_byte = span->first / 8;
  const std::size_t last_byte = span->last / 8;
  const unsigned before =
      static_cast<unsigned char>(bytes[first_byte]) & (0xff00U >> (span->first % 8));
  const unsigned after = static_cast<unsigned char>(bytes[last_byte]) & (0x7fU >> (span->last % 8));
  return PopCount(bytes.substr(first_byte, last_byte - first_byte + 1)) -
         static_cast<std::uint64_t>(std::popcount(before & 0xffU) + std::popcount(after));
}

std::int64_t BitPos(std::string_view bytes, bool bit, const BitRange& range) {
  const std::optional<BitSpan> span = Resolve(range, bytes.size());
  if (!span) return -1;
  if (const auto found = FindBit(bytes, bit, *span)) return static_cast<std::int64_t>(*found);
  // A value that is all ones has its first zero right behind it, unless the client said where to
  // stop.
  if (!bit && !range.end) return static_cast<std::int64_t>(bytes.size() * 8);
  return -1;
}

std::size_t SourcesMin(BitOperation operation) {
  switch (operation) {
    case BitOperation::kDiff:
    case BitOperation::kDiff1:
    case BitOperation::kAndOr:
      return 2;
    case BitOperation::kAnd:
    case BitOperation::kOr:
    case BitOperation::kXor:
    case BitOperation::kNot:
    case BitOperation::kOne:
      return 1;
  }
  return 1;
}

std::size_t CombinedSize(std::span<const std::string_view> sources) {
  std::size_t size = 0;
  for (const std::string_view source : sources) size = std::max(size, source.size());
  return size;
}

void CombineBits(BitOperation operation, std::span<const std::string_view> sources,
                 std::size_t offset, std::span<char> result) {
  CHECK(sources.size() >= SourcesMin(operation));
  CHECK(operation != BitOperation::kNot || sources.size() == 1);
  DCHECK(offset + result.size() <= CombinedSize(sources));
  for (std::size_t done = 0; done < result.size(); done += kChunkBytes) {
    const std::size_t size = std::min(kChunkBytes, result.size() - done);
    CombineChunk(operation, Chunk{sources, offset + done, result.subspan(done, size)});
  }
}

}  // namespace cairn::value
