// SPDX-License-Identifier: BSD-3-Clause
// Against the textbook table of lengths, followed back in Redis's order of preference.
#include "value/lcs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace cairn::value {
namespace {

constexpr std::uint64_t kSeed = 4242;
constexpr std::uint64_t kBulkMax = std::uint64_t{512} << 20;

struct Model {
  std::uint64_t length;
  std::vector<LcsMatch> matches;
};

Model Compute(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::uint64_t>> table(a.size() + 1,
                                                std::vector<std::uint64_t>(b.size() + 1));
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      table[i][j] = a[i - 1] == b[j - 1] ? table[i - 1][j - 1] + 1
                                         : std::max(table[i - 1][j], table[i][j - 1]);
    }
  }
  Model model{table[a.size()][b.size()], {}};
  std::size_t i = a.size();
  std::size_t j = b.size();
  while (i > 0 && j > 0) {
    std::uint64_t run = 0;
    while (i > 0 && j > 0 && a[i - 1] == b[j - 1]) ++run, --i, --j;
    if (run > 0) model.matches.push_back({i, j, run});
    if (i == 0 || j == 0) break;
    if (table[i - 1][j] > table[i][j - 1]) {
      --i;
    } else {
      --j;
    }
  }
  return model;
}

void ExpectAsModel(std::string_view a, std::string_view b) {
  const Model model = Compute(a, b);
  ASSERT_EQ(LcsLength(a, b), model.length);
  const std::vector<LcsMatch> matches = LcsMatches(a, b);
  ASSERT_EQ(matches, model.matches);
  const std::string text = LcsText(a, matches);
  ASSERT_EQ(text.size(), model.length);
  for (const LcsMatch& match : matches) {
    ASSERT_EQ(a.substr(match.start_a, match.length), b.substr(match.start_b, match.length));
  }
}

TEST(Lcs, KnownPair) {
  EXPECT_EQ(LcsLength("ohmytext", "mynewtext"), 6U);
  const std::vector<LcsMatch> matches = LcsMatches("ohmytext", "mynewtext");
  EXPECT_EQ(matches, (std::vector<LcsMatch>{{4, 5, 4}, {2, 0, 2}}));
  EXPECT_EQ(LcsText("ohmytext", matches), "mytext");
}

TEST(Lcs, EmptyAndEqual) {
  EXPECT_EQ(LcsLength("", ""), 0U);
  EXPECT_EQ(LcsLength("a", ""), 0U);
  EXPECT_TRUE(LcsMatches("", "a").empty());
  EXPECT_TRUE(LcsMatches("abc", "xyz").empty());
  const std::string same(300, 'q');
  EXPECT_EQ(LcsMatches(same, same), (std::vector<LcsMatch>{{0, 0, 300}}));
}

TEST(Lcs, RandomPairsAgreeWithTheTable) {
  Random random(kSeed);
  for (int step = 0; step < 3000; ++step) {
    const std::uint64_t letters = 1 + random.Below(step % 10 == 0 ? 256 : 4);
    std::string a(random.Below(70), '\0');
    std::string b(random.Below(step % 7 == 0 ? 300 : 70), '\0');
    for (char& byte : a) byte = static_cast<char>('a' + random.Below(letters));
    for (char& byte : b) byte = static_cast<char>('a' + random.Below(letters));
    SCOPED_TRACE(testing::Message() << "step " << step << ": " << testing::PrintToString(a) << ' '
                                    << testing::PrintToString(b));
    ASSERT_NO_FATAL_FAILURE(ExpectAsModel(a, b));
  }
}

// Wider than a block of columns (1024), so that carries pass from one to the next.
TEST(Lcs, SeveralBlocks) {
  Random random(kSeed);
  for (const std::size_t size : {1023U, 1024U, 1025U, 2500U}) {
    std::string a(size, '\0');
    std::string b(size + 37, '\0');
    for (char& byte : a) byte = static_cast<char>('a' + random.Below(3));
    for (char& byte : b) byte = static_cast<char>('a' + random.Below(3));
    ASSERT_NO_FATAL_FAILURE(ExpectAsModel(a, b));
    ASSERT_NO_FATAL_FAILURE(ExpectAsModel(b, a.substr(0, 100)));
  }
}

TEST(Lcs, Limits) {
  // 4 * 512 * 512 is exactly one mebibyte.
  EXPECT_EQ(LcsCheck(511, 511, 1 << 20), LcsLimit::kWithin);
  EXPECT_EQ(LcsCheck(511, 512, 1 << 20), LcsLimit::kBeyondBulk);
  EXPECT_EQ(LcsCheck(510, 512, 1 << 20), LcsLimit::kWithin);
  EXPECT_EQ(LcsCheck(0, 0, kBulkMax), LcsLimit::kWithin);
  EXPECT_EQ(LcsCheck(11583, 11583, kBulkMax), LcsLimit::kWithin);
  // Whatever the default admits stays within our own bound, in either shape.
  EXPECT_EQ(LcsCheck((1 << 26) - 1, 1, kBulkMax), LcsLimit::kWithin);
  EXPECT_EQ(LcsCheck(1, (1 << 26) - 1, kBulkMax), LcsLimit::kWithin);
  constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
  EXPECT_EQ(LcsCheck(kLcsTraceBytesMax / 8, 64, kNoLimit), LcsLimit::kWithin);
  EXPECT_EQ(LcsCheck(kLcsTraceBytesMax / 8 + 1, 64, kNoLimit), LcsLimit::kBeyondTrace);
  EXPECT_EQ(LcsCheck(kLcsTraceBytesMax / 8, 65, kNoLimit), LcsLimit::kBeyondTrace);
  EXPECT_EQ(LcsCheck(std::size_t{1} << 40, std::size_t{1} << 40, kNoLimit), LcsLimit::kBeyondBulk);
}

}  // namespace
}  // namespace cairn::value
