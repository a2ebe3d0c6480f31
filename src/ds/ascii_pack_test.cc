// SPDX-License-Identifier: BSD-3-Clause
// Packing against a model that works bit by bit; every length, and every part read alone. Blocks
// are of the exact length, so that AddressSanitizer sees whoever looks beyond.
#include "ds/ascii_pack.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"

namespace cairn::ds {
namespace {

constexpr std::uint64_t kSeed = 31;

std::vector<char> RandomAscii(Random& random, std::size_t bytes) {
  std::vector<char> text(bytes);
  for (char& c : text) c = static_cast<char>(random.Below(128));
  return text;
}

// As the header draws it: bit 6 - k of the i-th character of the last stretch is on top of the i-th
// one of stretch k.
std::vector<char> ModelPack(const std::vector<char>& text) {
  const std::size_t stretch = text.size() / 8;
  std::vector<char> packed(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(7 * stretch));
  for (std::size_t k = 0; k < 7; ++k) {
    for (std::size_t i = 0; i < stretch; ++i) {
      const int bit = text[7 * stretch + i] >> (6 - k) & 1;
      packed[k * stretch + i] = static_cast<char>(packed[k * stretch + i] | bit << 7);
    }
  }
  return packed;
}

std::vector<char> Packed(const std::vector<char>& text) {
  std::vector<char> packed(AsciiPackedBytes(text.size()));
  EXPECT_TRUE(PackAscii(text, packed));
  return packed;
}

TEST(AsciiPack, Sizes) {
  EXPECT_EQ(AsciiFilledBytes(0), 0U);
  EXPECT_EQ(AsciiPackedBytes(0), 0U);
  EXPECT_EQ(AsciiFilledBytes(1), 8U);
  EXPECT_EQ(AsciiPackedBytes(1), 7U);
  EXPECT_EQ(AsciiPackedBytes(8), 7U);
  EXPECT_EQ(AsciiPackedBytes(9), 14U);
  EXPECT_EQ(AsciiPackedBytes(8192), 7168U);
}

TEST(AsciiPack, AsTheModelAndBack) {
  Random random(kSeed);
  for (std::size_t bytes = 0; bytes <= 2400; bytes += 8) {
    SCOPED_TRACE(bytes);
    const std::vector<char> text = RandomAscii(random, bytes);
    const std::vector<char> packed = Packed(text);
    ASSERT_EQ(packed, ModelPack(text));
    std::vector<char> back(bytes);
    UnpackAscii(packed, 0, back);
    ASSERT_EQ(back, text);
  }
}

TEST(AsciiPack, AnyPartAlone) {
  Random random(kSeed);
  const std::vector<char> text = RandomAscii(random, 304);
  const std::vector<char> packed = Packed(text);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    for (std::size_t bytes = 0; at + bytes <= text.size(); ++bytes) {
      std::vector<char> part(bytes);
      UnpackAscii(packed, at, part);
      const auto begin = text.begin() + static_cast<std::ptrdiff_t>(at);
      ASSERT_EQ(part, std::vector<char>(begin, begin + static_cast<std::ptrdiff_t>(bytes)))
          << at << ' ' << bytes;
    }
  }
}

TEST(AsciiPack, OneCharacterThatIsNotIsSeenAnywhere) {
  for (std::size_t bytes = 1; bytes <= 300; ++bytes) {
    std::vector<char> text(bytes, '\x7f');
    ASSERT_TRUE(IsAscii({text.data(), bytes}));
    for (std::size_t at = 0; at < bytes; ++at) {
      text[at] = static_cast<char>(at % 2 == 0 ? 0x80 : 0xff);
      ASSERT_FALSE(IsAscii({text.data(), bytes})) << bytes << ' ' << at;
      std::vector<char> packed(AsciiPackedBytes(bytes));
      if (bytes % 8 == 0) {
        ASSERT_FALSE(PackAscii(text, packed)) << bytes << ' ' << at;
      }
      text[at] = '\x7f';
    }
  }
  EXPECT_TRUE(IsAscii(""));
}

}  // namespace
}  // namespace cairn::ds
