// SPDX-License-Identifier: BSD-3-Clause
// Every operation against a model that looks at one bit at a time, on random bytes whose lengths
// sit around the borders of words and chunks. The seed is printed with a failure.
#include "value/bitmap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"

namespace cairn::value {
namespace {

constexpr std::uint64_t kSeed = 20240607;

// Random bytes; every third value is mostly zeros or mostly ones, so that searches go far.
std::string RandomBytes(Random& random, std::size_t size_max) {
  std::string bytes(random.Below(size_max + 1), '\0');
  const std::uint64_t kind = random.Below(3);
  for (char& byte : bytes) {
    byte = static_cast<char>(random.Next());
    if (kind != 0 && random.Below(200) != 0) byte = kind == 1 ? '\0' : '\xff';
  }
  return bytes;
}

std::vector<bool> Bits(std::string_view bytes) {
  std::vector<bool> bits;
  for (const char byte : bytes) {
    for (int k = 7; k >= 0; --k) bits.push_back((static_cast<unsigned char>(byte) >> k) & 1);
  }
  return bits;
}

// The range in bits as the documentation puts it; start > end when empty.
std::pair<std::int64_t, std::int64_t> ModelRange(const BitRange& range, std::size_t size) {
  const std::int64_t unit = range.unit == BitUnit::kByte ? 8 : 1;
  const auto total = static_cast<std::int64_t>(size) * 8 / unit;
  const auto place = [&](std::int64_t at) {
    return std::max<std::int64_t>(at < 0 ? at + total : at, 0);
  };
  const std::int64_t start = place(range.start);
  const std::int64_t end = std::min(range.end ? place(*range.end) : total - 1, total - 1);
  if (start > end) return {1, 0};
  return {start * unit, end * unit + unit - 1};
}

BitRange RandomRange(Random& random, std::size_t size) {
  const auto total = static_cast<std::int64_t>(size) * 8 + 10;
  const auto at = [&] {
    return static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(2 * total + 1))) -
           total;
  };
  BitRange range{at()};
  if (random.Below(4) != 0) {
    range.end = at();
    if (random.Below(2) != 0) range.unit = BitUnit::kBit;
  }
  if (range.unit == BitUnit::kByte && random.Below(4) != 0) {
    range.start /= 8;
    if (range.end) *range.end /= 8;
  }
  return range;
}

TEST(Bitmap, FirstBitIsTheHighestOfTheFirstByte) {
  std::string bytes(2, '\0');
  EXPECT_FALSE(SetBit(bytes, 0, true));
  EXPECT_EQ(bytes, std::string("\x80\0", 2));
  EXPECT_FALSE(SetBit(bytes, 15, true));
  EXPECT_EQ(bytes, std::string("\x80\x01", 2));
  EXPECT_TRUE(SetBit(bytes, 0, false));
  EXPECT_EQ(bytes, std::string("\0\x01", 2));
  EXPECT_TRUE(GetBit(bytes, 15));
  EXPECT_FALSE(GetBit(bytes, 16));
  EXPECT_FALSE(GetBit(bytes, ~std::uint64_t{0}));
  EXPECT_EQ(BytesForBit(7), 1U);
  EXPECT_EQ(BytesForBit(8), 2U);
}

TEST(Bitmap, SetAndGetAgreeWithTheModel) {
  Random random(kSeed);
  std::string bytes(40, '\0');
  std::vector<bool> model(bytes.size() * 8);
  for (int step = 0; step < 5000; ++step) {
    const std::uint64_t offset = random.Below(model.size());
    const bool bit = random.Below(2) != 0;
    ASSERT_EQ(SetBit(bytes, offset, bit), model[offset]);
    model[offset] = bit;
  }
  EXPECT_EQ(Bits(bytes), model);
}

TEST(Bitmap, PopCountOfEveryLengthAndAlignment) {
  Random random(kSeed);
  std::string bytes(200, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Next());
  const std::vector<bool> bits = Bits(bytes);
  for (std::size_t from = 0; from < 9; ++from) {
    for (std::size_t size = 0; from + size <= bytes.size(); ++size) {
      const auto begin = bits.begin() + static_cast<std::ptrdiff_t>(from * 8);
      const auto expected = std::count(begin, begin + static_cast<std::ptrdiff_t>(size * 8), true);
      ASSERT_EQ(PopCount(std::string_view(bytes).substr(from, size)),
                static_cast<std::uint64_t>(expected));
    }
  }
}

TEST(Bitmap, BitCountRows) {
  struct Row {
    std::string_view bytes;
    BitRange range;
    std::uint64_t count;
  };
  constexpr BitUnit kBit = BitUnit::kBit;
  constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
  const Row rows[] = {
      {"foobar", {}, 26},
      {"foobar", {0, 0}, 4},
      {"foobar", {1, 1}, 6},
      {"foobar", {5, 30, kBit}, 17},
      {"foobar", {-2, -1}, 7},
      {"foobar", {4, 2}, 0},
      {"foobar", {6, 9}, 0},
      {"foobar", {kLowest, kHighest}, 26},
      {"foobar", {kLowest, kHighest, kBit}, 26},
      {"foobar", {kHighest, kLowest}, 0},
      {"\xff", {5, 3, kBit}, 0},
      {"\xff", {3, 5, kBit}, 3},
      {"\xff", {-1, -100}, 0},  // though both ends would be clamped to byte 0
      {"\xff", {0, -100}, 8},
      {"", {}, 0},
      {"", {0, -1}, 0},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(BitCount(row.bytes, row.range), row.count)
        << row.bytes << ' ' << row.range.start << ' ' << row.range.end.value_or(0);
  }
}

TEST(Bitmap, BitCountAgreesWithTheModel) {
  Random random(kSeed);
  for (int step = 0; step < 20000; ++step) {
    const std::string bytes = RandomBytes(random, 90);
    const BitRange range = RandomRange(random, bytes.size());
    if (range.start < 0 && range.end.value_or(0) < 0 && range.start > *range.end) continue;
    const std::vector<bool> bits = Bits(bytes);
    const auto [first, last] = ModelRange(range, bytes.size());
    const auto expected = std::count(bits.begin() + first, bits.begin() + last + 1, true);
    if (first > last) {
      ASSERT_EQ(BitCount(bytes, range), 0U);
      continue;
    }
    ASSERT_EQ(BitCount(bytes, range), static_cast<std::uint64_t>(expected)) << "step " << step;
  }
}

TEST(Bitmap, BitPosRows) {
  struct Row {
    std::string_view bytes;
    bool bit;
    BitRange range;
    std::int64_t position;
  };
  constexpr BitUnit kBit = BitUnit::kBit;
  const std::string_view nulls("\0\0\0", 3);
  const Row rows[] = {
      {"\xff\xf0", false, {}, 12},
      {"\xff\xff", false, {}, 16},       // the first zero is right behind the value
      {"\xff\xff", false, {0}, 16},      // also with a start,
      {"\xff\xff", false, {1}, 16},      //
      {"\xff\xff", false, {0, -1}, -1},  // but not with an end
      {"\xff\xff", false, {0, 15, kBit}, -1},
      {"\xff\xff", false, {2}, -1},  // a start beyond the value is an empty range
      {"\xff\xff", true, {2}, -1},
      {"\xff\xff", true, {1}, 8},
      {"\xff\xff", true, {3, 3, kBit}, 3},
      {nulls, true, {}, -1},
      {nulls, false, {1, 1}, 8},
      {nulls, false, {9, 9, kBit}, 9},
      {"", false, {}, -1},  // an absent key is the caller's case
      {"", true, {}, -1},
      {"\x01", true, {-1, -100}, 7},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(BitPos(row.bytes, row.bit, row.range), row.position)
        << testing::PrintToString(row.bytes) << ' ' << row.bit << ' ' << row.range.start;
  }
}

TEST(Bitmap, BitPosAgreesWithTheModel) {
  Random random(kSeed);
  for (int step = 0; step < 20000; ++step) {
    const std::string bytes = RandomBytes(random, 60);
    const BitRange range = RandomRange(random, bytes.size());
    const bool bit = random.Below(2) != 0;
    const std::vector<bool> bits = Bits(bytes);
    const auto [first, last] = ModelRange(range, bytes.size());
    std::int64_t expected = -1;
    for (std::int64_t at = last; at >= first; --at) {
      if (bits[static_cast<std::size_t>(at)] == bit) expected = at;
    }
    if (expected < 0 && first <= last && !bit && !range.end) {
      expected = static_cast<std::int64_t>(bits.size());
    }
    ASSERT_EQ(BitPos(bytes, bit, range), expected) << "step " << step;
  }
}

bool ModelCombine(BitOperation operation, const std::vector<bool>& bits) {
  const auto set = std::count(bits.begin(), bits.end(), true);
  const bool any_y = set - (bits[0] ? 1 : 0) > 0;
  switch (operation) {
    case BitOperation::kAnd:
      return set == static_cast<std::ptrdiff_t>(bits.size());
    case BitOperation::kOr:
      return set > 0;
    case BitOperation::kXor:
      return set % 2 == 1;
    case BitOperation::kNot:
      return !bits[0];
    case BitOperation::kDiff:
      return bits[0] && !any_y;
    case BitOperation::kDiff1:
      return !bits[0] && any_y;
    case BitOperation::kAndOr:
      return bits[0] && any_y;
    case BitOperation::kOne:
      return set == 1;
  }
  return false;
}

std::string ModelCombination(BitOperation operation, const std::vector<std::string_view>& sources) {
  std::string result(CombinedSize(sources), '\0');
  for (std::size_t bit = 0; bit < result.size() * 8; ++bit) {
    std::vector<bool> column;
    for (const std::string_view source : sources) column.push_back(GetBit(source, bit));
    SetBit(result, bit, ModelCombine(operation, column));
  }
  return result;
}

constexpr BitOperation kOperations[] = {
    BitOperation::kAnd,  BitOperation::kOr,    BitOperation::kXor,   BitOperation::kNot,
    BitOperation::kDiff, BitOperation::kDiff1, BitOperation::kAndOr, BitOperation::kOne};

TEST(Bitmap, CombinationsAgreeWithTheModel) {
  Random random(kSeed);
  for (int step = 0; step < 3000; ++step) {
    const BitOperation operation = kOperations[random.Below(std::size(kOperations))];
    std::size_t count = SourcesMin(operation) + random.Below(4);
    if (operation == BitOperation::kNot) count = 1;
    std::vector<std::string> owned;
    for (std::size_t i = 0; i < count; ++i) owned.push_back(RandomBytes(random, 80));
    const std::vector<std::string_view> sources(owned.begin(), owned.end());
    const std::string expected = ModelCombination(operation, sources);
    std::string result(expected.size(), '?');
    CombineBits(operation, sources, 0, result);
    ASSERT_EQ(result, expected) << "step " << step << " operation " << static_cast<int>(operation);
  }
}

TEST(Bitmap, CombinationsCanBeMadeInPieces) {
  // Longer than a chunk, cut at odd places: chunks and windows must not show.
  Random random(kSeed);
  std::string a(20001, '\0');
  std::string b(17003, '\0');
  std::string c(9001, '\0');
  for (std::string* bytes : {&a, &b, &c}) {
    for (char& byte : *bytes) byte = static_cast<char>(random.Next());
  }
  for (const BitOperation operation : kOperations) {
    std::vector<std::string_view> sources = {b, a, c};
    if (operation == BitOperation::kNot) sources.resize(1);
    const std::string expected = ModelCombination(operation, sources);
    std::string result(expected.size(), '?');
    for (std::size_t at = 0; at < result.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random.Below(12000), result.size() - at);
      CombineBits(operation, sources, at, std::span(result).subspan(at, size));
      at += size;
    }
    EXPECT_EQ(result, expected) << static_cast<int>(operation);
  }
}

TEST(Bitmap, CombinationOfEmptySources) {
  const std::vector<std::string_view> sources = {"", ""};
  EXPECT_EQ(CombinedSize(sources), 0U);
  CombineBits(BitOperation::kOr, sources, 0, {});
}

}  // namespace
}  // namespace cairn::value
