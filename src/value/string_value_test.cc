// SPDX-License-Identifier: BSD-3-Clause
// Encodings at their borders, and digests whose zeros must not get lost.
#include "value/string_value.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace cairn::value {
namespace {

TEST(StringValue, Encodings) {
  struct Row {
    std::string bytes;
    std::string_view name;
  };
  const Row rows[] = {
      {"", "embstr"},
      {"0", "int"},
      {"-1", "int"},
      {"-0", "embstr"},
      {"012", "embstr"},
      {"+1", "embstr"},
      {" 1", "embstr"},
      {"9223372036854775807", "int"},
      {"9223372036854775808", "embstr"},
      {"-9223372036854775808", "int"},
      {"-9223372036854775809", "embstr"},
      {"1.5", "embstr"},
      {std::string(44, 'x'), "embstr"},
      {std::string(45, 'x'), "raw"},
      {std::string(45, '1'), "raw"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(StringEncodingName(StringEncodingOf(row.bytes, StringOrigin::kSet)), row.name)
        << row.bytes;
    EXPECT_EQ(StringEncodingOf(row.bytes, StringOrigin::kChangedInPlace), StringEncoding::kRaw);
  }
}

TEST(StringValue, DigestIsXxh3AsSixteenDigits) {
  // XXH3_64bits of nothing, as its own documentation has it.
  EXPECT_EQ(Digest(""), "2d06800538d394c2");
  for (const std::string_view bytes : {"", "a", "hello", "a longer text, beyond sixteen bytes"}) {
    const std::string digest = Digest(bytes);
    ASSERT_EQ(digest.size(), kDigestDigits);
    EXPECT_EQ(ParseDigest(digest), Xxh3(bytes));
  }
}

TEST(StringValue, DigestKeepsLeadingZeros) {
  // One text in sixteen has one: find one, rather than trusting luck.
  int found = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string bytes = std::to_string(i);
    const std::string digest = Digest(bytes);
    ASSERT_EQ(digest.size(), kDigestDigits);
    ASSERT_EQ(ParseDigest(digest), Xxh3(bytes));
    found += digest.front() == '0' ? 1 : 0;
  }
  EXPECT_GT(found, 0);
}

TEST(StringValue, ParseDigest) {
  EXPECT_EQ(ParseDigest("0000000000000000"), 0U);
  EXPECT_EQ(ParseDigest("00000000000000fF"), 255U);
  EXPECT_EQ(ParseDigest("FFFFFFFFFFFFFFFF"), ~std::uint64_t{0});
  for (const char* bad : {"", "0", "000000000000000", "00000000000000000", "000000000000000g",
                          "0x00000000000000", "-000000000000001", "00000000 0000000"}) {
    EXPECT_EQ(ParseDigest(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace cairn::value
