// SPDX-License-Identifier: BSD-3-Clause
// Fields against bits set one by one, and overflow against all numbers of small fields.
#include "value/bitfield.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/random.h"
#include "value/bitmap.h"

namespace cairn::value {
namespace {

constexpr std::uint64_t kSeed = 19;
constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kBytesMax = std::uint64_t{512} << 20;

constexpr FieldType Signed(std::uint8_t bits) { return {true, bits}; }
constexpr FieldType Unsigned(std::uint8_t bits) { return {false, bits}; }

TEST(Bitfield, Types) {
  EXPECT_EQ(ParseFieldType("i1"), Signed(1));
  EXPECT_EQ(ParseFieldType("i64"), Signed(64));
  EXPECT_EQ(ParseFieldType("u1"), Unsigned(1));
  EXPECT_EQ(ParseFieldType("u63"), Unsigned(63));
  for (const char* bad : {"", "i", "u", "i0", "u0", "i65", "u64", "I8", "U8", "i08", "i+8", "i-8",
                          "i8 ", " i8", "8", "x8", "i99999999999999999999"}) {
    EXPECT_EQ(ParseFieldType(bad), std::nullopt) << bad;
  }
}

TEST(Bitfield, Offsets) {
  EXPECT_EQ(ParseFieldOffset("0", Unsigned(8), kBytesMax), 0U);
  EXPECT_EQ(ParseFieldOffset("#0", Unsigned(8), kBytesMax), 0U);
  EXPECT_EQ(ParseFieldOffset("100", Unsigned(8), kBytesMax), 100U);
  EXPECT_EQ(ParseFieldOffset("#100", Unsigned(7), kBytesMax), 700U);
  EXPECT_EQ(ParseFieldOffset("4294967295", Unsigned(8), kBytesMax), 4294967295U);
  EXPECT_EQ(ParseFieldOffset("#134217727", Unsigned(32), kBytesMax), 4294967264U);
  for (const char* bad : {"", "#", "-1", "#-1", "##1", "01", "4294967296", "#134217728", "1x",
                          "#576460752303423488", "#9223372036854775807", "9223372036854775807"}) {
    EXPECT_EQ(ParseFieldOffset(bad, Unsigned(32), kBytesMax), std::nullopt) << bad;
  }
}

TEST(Bitfield, BytesForFieldAtItsBorders) {
  EXPECT_EQ(BytesForField(Unsigned(1), 0), 1U);
  EXPECT_EQ(BytesForField(Unsigned(8), 0), 1U);
  EXPECT_EQ(BytesForField(Unsigned(8), 1), 2U);
  EXPECT_EQ(BytesForField(Signed(64), 7), 9U);
}

TEST(Bitfield, GetAndSetAgreeWithBits) {
  Random random(kSeed);
  for (int step = 0; step < 20000; ++step) {
    std::string bytes(16, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.Next());
    const bool is_signed = random.Below(2) != 0;
    const FieldType type{is_signed,
                         static_cast<std::uint8_t>(1 + random.Below(is_signed ? 64 : 63))};
    const std::uint64_t offset = random.Below(bytes.size() * 8 - type.bits + 1);
    const auto number = static_cast<std::int64_t>(random.Next());

    std::string expected = bytes;
    for (unsigned k = 0; k < type.bits; ++k) {
      SetBit(expected, offset + k, (number >> (type.bits - 1 - k)) & 1);
    }
    SetField(bytes, type, offset, number);
    ASSERT_EQ(bytes, expected) << "step " << step;

    std::int64_t read = is_signed && GetBit(bytes, offset) ? -1 : 0;
    for (unsigned k = 0; k < type.bits; ++k) {
      read = static_cast<std::int64_t>(static_cast<std::uint64_t>(read) << 1) |
             (GetBit(bytes, offset + k) ? 1 : 0);
    }
    ASSERT_EQ(GetField(bytes, type, offset), read) << "step " << step;
    // Not a bit of the field has changed, so writing what was read changes nothing.
    SetField(bytes, type, offset, read);
    ASSERT_EQ(bytes, expected);
  }
}

TEST(Bitfield, BeyondTheEndIsZero) {
  EXPECT_EQ(GetField("\xff", Unsigned(16), 0), 0xff00);
  EXPECT_EQ(GetField("\xff", Signed(16), 4), static_cast<std::int16_t>(0xf000));
  EXPECT_EQ(GetField("\xff", Unsigned(8), 1000), 0);
  EXPECT_EQ(GetField("", Signed(64), 4294967295), 0);
}

// All old numbers and increments of a small field, against what the three words mean.
TEST(Bitfield, OverflowOfSmallFields) {
  for (const bool is_signed : {false, true}) {
    for (std::uint8_t bits = 1; bits <= 5; ++bits) {
      const FieldType type{is_signed, bits};
      const std::int64_t size = std::int64_t{1} << bits;
      const std::int64_t min = is_signed ? -size / 2 : 0;
      const std::int64_t max = min + size - 1;
      for (std::int64_t old = min; old <= max; ++old) {
        for (std::int64_t by = -3 * size; by <= 3 * size; ++by) {
          const std::int64_t sum = old + by;
          const bool fits = sum >= min && sum <= max;
          std::int64_t wrapped = sum;
          while (wrapped < min) wrapped += size;
          while (wrapped > max) wrapped -= size;
          ASSERT_EQ(AddToField(type, old, by, Overflow::kWrap), wrapped);
          ASSERT_EQ(AddToField(type, old, by, Overflow::kSaturate), std::clamp(sum, min, max));
          ASSERT_EQ(AddToField(type, old, by, Overflow::kFail),
                    fits ? std::optional(sum) : std::nullopt);
        }
      }
    }
  }
}

TEST(Bitfield, OverflowOfTheWidestFields) {
  const FieldType i64 = Signed(64);
  EXPECT_EQ(AddToField(i64, kHighest, 1, Overflow::kWrap), kLowest);
  EXPECT_EQ(AddToField(i64, kHighest, kHighest, Overflow::kSaturate), kHighest);
  EXPECT_EQ(AddToField(i64, kLowest, kLowest, Overflow::kWrap), 0);
  EXPECT_EQ(AddToField(i64, kLowest, -1, Overflow::kSaturate), kLowest);
  EXPECT_EQ(AddToField(i64, kLowest, -1, Overflow::kFail), std::nullopt);
  EXPECT_EQ(AddToField(i64, kLowest, kHighest, Overflow::kFail), -1);
  const FieldType u63 = Unsigned(63);
  EXPECT_EQ(AddToField(u63, kHighest, 1, Overflow::kWrap), 0);
  EXPECT_EQ(AddToField(u63, kHighest, kHighest, Overflow::kSaturate), kHighest);
  EXPECT_EQ(AddToField(u63, 0, kLowest, Overflow::kSaturate), 0);
  EXPECT_EQ(AddToField(u63, 0, -1, Overflow::kWrap), kHighest);
}

TEST(Bitfield, FitTakesNegativeNumbersAsLargeOnesWhenUnsigned) {
  EXPECT_EQ(FitField(Unsigned(8), -1, Overflow::kWrap), 255);
  EXPECT_EQ(FitField(Unsigned(8), -1, Overflow::kSaturate), 255);
  EXPECT_EQ(FitField(Unsigned(8), kLowest, Overflow::kSaturate), 255);
  EXPECT_EQ(FitField(Unsigned(8), -1, Overflow::kFail), std::nullopt);
  EXPECT_EQ(FitField(Unsigned(8), 256, Overflow::kWrap), 0);
  EXPECT_EQ(FitField(Signed(8), -129, Overflow::kSaturate), -128);
  EXPECT_EQ(FitField(Signed(8), 200, Overflow::kWrap), -56);
  EXPECT_EQ(FitField(Signed(8), -128, Overflow::kFail), -128);
  EXPECT_EQ(FitField(Signed(64), kLowest, Overflow::kFail), kLowest);
}

}  // namespace
}  // namespace cairn::value
