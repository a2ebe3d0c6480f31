// SPDX-License-Identifier: BSD-3-Clause
// The sequences are those of the published generators, computed apart from this code.
#include "base/random.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace cairn {
namespace {

TEST(RandomTest, SequenceOfASeedIsFixed) {
  Random zero(0);
  EXPECT_EQ(zero.Next(), 0x99ec5f36cb75f2b4);
  EXPECT_EQ(zero.Next(), 0xbf6e1f784956452a);
  EXPECT_EQ(zero.Next(), 0x1a5f849d4933e6e0);
  Random other(42);
  EXPECT_EQ(other.Next(), 0x15780b2e0c2ec716);
  EXPECT_EQ(other.Next(), 0x6104d9866d113a7e);
  EXPECT_EQ(other.Next(), 0xae17533239e499a1);
}

TEST(RandomTest, BelowIsUniform) {
  constexpr std::uint64_t kBound = 7;
  constexpr int kDraws = 70'000;
  Random random(1);
  std::vector<int> seen(kBound);
  for (int i = 0; i < kDraws; ++i) ++seen[random.Below(kBound)];
  // 10000 expected each, with a standard deviation of 93; the seed is fixed, so this never flakes.
  for (const int count : seen) EXPECT_NEAR(count, 10'000, 400);
}

// With a bound of 3/4 * 2^64, taking a remainder would give the lowest third of the values twice
// as often as each of the others; shares are then 1/2, 1/4, 1/4.
TEST(RandomTest, BelowIsUnbiasedForAHugeBound) {
  constexpr std::uint64_t kThird = std::uint64_t{1} << 62;
  Random random(2);
  std::vector<int> seen(3);
  for (int i = 0; i < 30'000; ++i) ++seen[random.Below(3 * kThird) / kThird];
  for (const int count : seen) EXPECT_NEAR(count, 10'000, 400);
}

TEST(RandomTest, BelowAtItsLimits) {
  Random random(3);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(random.Below(1), 0);
    EXPECT_LT(random.Below(UINT64_MAX), UINT64_MAX);
  }
}

TEST(RandomTest, NextDoubleFillsTheUnitInterval) {
  Random random(4);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double number = random.NextDouble();
    ASSERT_GE(number, 0.0);
    ASSERT_LT(number, 1.0);
    sum += number;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

TEST(RandomTest, SecureBytesDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(SecureRandomHex(40));
  EXPECT_EQ(seen.size(), 100);
  for (const std::string& text : seen) {
    EXPECT_EQ(text.size(), 40);
    EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), std::string::npos);
  }
  EXPECT_EQ(SecureRandomHex(0), "");
  EXPECT_NE(SecureRandomUint64(), SecureRandomUint64());
}

TEST(RandomTest, SecureBytesFillManyPages) {
  std::vector<unsigned char> bytes(1 << 20);
  SecureRandomBytes(bytes.data(), bytes.size());
  // The end is filled too: sixteen zero bytes there have a chance of 2^-128.
  EXPECT_NE(std::vector<unsigned char>(bytes.end() - 16, bytes.end()),
            std::vector<unsigned char>(16));
}

}  // namespace
}  // namespace cairn
