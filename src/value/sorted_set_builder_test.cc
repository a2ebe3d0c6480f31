// SPDX-License-Identifier: BSD-3-Clause
// A set that is built at once is the one that its members' Adds make.
#include "value/sorted_set_builder.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "ds/slab.h"

namespace cairn::value {
namespace {

constexpr SortedSetLimits kLimits = {.packed_entries = 128, .packed_value_bytes = 64};
using Entries = std::vector<std::pair<std::string, double>>;

Entries All(const SortedSet& set) {
  Entries entries;
  set.ForEach([&](std::string_view member, double score) { entries.emplace_back(member, score); });
  return entries;
}

// Many have the same score, so that the bytes decide; some come twice.
TEST(SortedSetBuilder, MakesWhatAddsMake) {
  ds::SlabArena arena;
  const TableHome home{&arena, HashSeed(1)};
  Random random(7);
  for (const std::size_t count : {0u, 1u, 127u, 128u, 129u, 20'000u}) {
    SCOPED_TRACE(count);
    SortedSetBuilder builder(count, kLimits, home);
    SortedSet added;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string member = std::to_string(random.Below(count * 2));
      const std::uint64_t draw = random.Below(100);
      const double score = draw == 0   ? -std::numeric_limits<double>::infinity()
                           : draw == 1 ? -0.0
                                       : static_cast<double>(random.Below(50)) / 4;
      const bool is_new = !added.Score(member).has_value();
      if (is_new) added.Add(member, score, {}, kLimits, home);
      EXPECT_EQ(builder.Add(member, score), is_new) << member;
    }
    const SortedSet built = builder.Finish();
    built.CheckInvariants();
    EXPECT_EQ(All(built), All(added));
    EXPECT_EQ(built.is_packed(), count <= 128);
  }
}

TEST(SortedSetBuilder, GrowsWhereASmallSetWould) {
  ds::SlabArena arena;
  const TableHome home{&arena, HashSeed(1)};
  SortedSetBuilder builder(3, kLimits, home);
  const std::string longer(65, 'x');
  EXPECT_TRUE(builder.Add("b", 2));
  EXPECT_TRUE(builder.Add(longer, 1));
  EXPECT_TRUE(builder.Add("a", 1));
  EXPECT_FALSE(builder.Add(longer, 3));
  SortedSet built = builder.Finish();
  built.CheckInvariants();
  EXPECT_FALSE(built.is_packed());
  EXPECT_EQ(All(built), (Entries{{"a", 1}, {longer, 1}, {"b", 2}}));
}

TEST(SortedSetBuilder, GivesAllBackThatIsNeverFinished) {
  ds::SlabArena arena;
  const TableHome home{&arena, HashSeed(1)};
  const std::int64_t before = arena.used_bytes();
  {
    SortedSetBuilder builder(1000, kLimits, home);
    for (int i = 0; i < 500; ++i) EXPECT_TRUE(builder.Add(std::to_string(i), i));
    EXPECT_GT(arena.used_bytes(), before);
  }
  EXPECT_EQ(arena.used_bytes(), before);
}

}  // namespace
}  // namespace cairn::value
