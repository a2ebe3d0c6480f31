// SPDX-License-Identifier: BSD-3-Clause
// The adapter keeps its promises: round trips, no room, broken input.
#include "base/lzf.h"

#include <gtest/gtest.h>

#include <string>

namespace cairn {
namespace {

TEST(Lzf, RoundTrip) {
  for (const std::size_t size : {4U, 100U, 8192U, 300000U}) {
    std::string text;
    while (text.size() < size) text += "element " + std::to_string(text.size() % 97) + ' ';
    text.resize(size);
    std::string packed(size + size / 16 + 64, '\0');
    const std::size_t bytes = CompressLzf(text, packed);
    ASSERT_GT(bytes, 0U);
    std::string back(size, '\0');
    EXPECT_TRUE(DecompressLzf(std::string_view(packed).substr(0, bytes), back));
    EXPECT_EQ(back, text);
    std::string short_by_one(size - 1, '\0');
    EXPECT_FALSE(DecompressLzf(std::string_view(packed).substr(0, bytes), short_by_one));
    std::string long_by_one(size + 1, '\0');
    EXPECT_FALSE(DecompressLzf(std::string_view(packed).substr(0, bytes), long_by_one));
  }
}

TEST(Lzf, NoRoomAndNothingToDo) {
  std::string out(20, '\0');
  EXPECT_EQ(CompressLzf("", out), 0U);
  EXPECT_EQ(CompressLzf("abc", {}), 0U);
  EXPECT_EQ(CompressLzf("a text in which nothing comes twice: 0123456789", out), 0U);
  EXPECT_FALSE(DecompressLzf("", out));
  EXPECT_FALSE(DecompressLzf(std::string_view("\xff\xff\xff", 3), out));
}

}  // namespace
}  // namespace cairn
