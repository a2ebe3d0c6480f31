// SPDX-License-Identifier: BSD-3-Clause
// The picture's bounds; its beauty is not tested.
#include "server/cairn_art.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace cairn::server {
namespace {

struct Size {
  std::int64_t lines = 0;
  std::int64_t widest = 0;
  std::int64_t narrowest = INT64_MAX;
};

Size Measure(const std::string& picture) {
  Size size;
  std::string_view rest = picture;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    ++size.lines;
    size.widest = std::max<std::int64_t>(size.widest, static_cast<std::int64_t>(line.size()));
    size.narrowest = std::min<std::int64_t>(size.narrowest, static_cast<std::int64_t>(line.size()));
  }
  return size;
}

TEST(DrawCairn, StaysWithinItsBounds) {
  Random random(1);
  for (const std::int64_t columns : {3, 4, 20, 80, 1000}) {
    for (const std::int64_t stones : {1, 2, 8, 200}) {
      const Size size = Measure(DrawCairn(columns, stones, random));
      EXPECT_EQ(size.lines, stones);
      EXPECT_LE(size.widest, columns);
      EXPECT_GE(size.narrowest, 3);
    }
  }
}

TEST(DrawCairn, BringsNumbersIntoBounds) {
  Random random(1);
  EXPECT_EQ(Measure(DrawCairn(-5, 0, random)).lines, 1);
  const Size size = Measure(DrawCairn(INT64_MAX, INT64_MAX, random));
  EXPECT_EQ(size.lines, kArtStonesMax);
  EXPECT_LE(size.widest, kArtColumnsMax);
}

}  // namespace
}  // namespace cairn::server
