// SPDX-License-Identifier: BSD-3-Clause
// DEBUG's figures about single values.
#include "server/debug_data.h"

#include <gtest/gtest.h>

#include <string>

namespace cairn::server {
namespace {

TEST(SerializedStringBytes, FollowsTheRdbFormat) {
  const struct {
    std::string value;
    std::size_t bytes;
  } cases[] = {
      {"", 1},
      {"b", 2},
      {"127", 2},
      {"-128", 2},
      {"128", 3},
      {"12345", 3},
      {"-32769", 5},
      {"2147483647", 5},
      {"2147483648", 11},
      {"007", 4},
      {std::string(63, 'x'), 64},
      {std::string(64, 'x'), 66},
      {std::string(16383, 'x'), 16385},
      {std::string(16384, 'x'), 16389},
  };
  for (const auto& [value, bytes] : cases) EXPECT_EQ(SerializedStringBytes(value), bytes) << value;
}

TEST(DigestText, IsFortyDigitsThatTellDigestsApart) {
  EXPECT_EQ(DigestText(1).size(), 40u);
  EXPECT_EQ(DigestText(1), DigestText(1));
  EXPECT_NE(DigestText(1), DigestText(2));
  EXPECT_EQ(DigestText(0).find_first_not_of("0123456789abcdef"), std::string::npos);
}

}  // namespace
}  // namespace cairn::server
