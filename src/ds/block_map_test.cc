// SPDX-License-Identifier: BSD-3-Clause
// The map against std::map, with the ways of life that streams give it: appended and eaten from the
// front, filled at random, emptied at random.
#include "ds/block_map.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "ds/block_map_testing.h"

namespace cairn::ds {
namespace {

using testing::Map;
using testing::Payload;
using Model = std::map<std::uint64_t, std::uint64_t>;

void ExpectSame(const Map& map, const Model& model) {
  ASSERT_EQ(map.size(), model.size());
  auto expected = model.begin();
  map.ForEach([&](const Map::Entry& entry) {
    ASSERT_EQ(entry.key, expected->first);
    ASSERT_EQ(entry.value.number, expected->second);
    ++expected;
  });
  Map::Position at = map.Last();
  for (auto it = model.rbegin(); it != model.rend(); ++it) {
    ASSERT_EQ(map.At(at).key, it->first);
    at = map.Previous(at);
  }
  ASSERT_TRUE(at == map.End());
  at = map.Begin();
  for (const auto& [key, number] : model) {
    ASSERT_EQ(map.At(at).key, key);
    at = map.Next(at);
  }
  ASSERT_TRUE(at == map.End());
}

void ExpectSameAround(const Map& map, const Model& model, std::uint64_t key) {
  const auto expected = model.lower_bound(key);
  const Map::Position lower = map.LowerBound(key);
  ASSERT_EQ(lower == map.End(), expected == model.end());
  if (expected != model.end()) ASSERT_EQ(map.At(lower).key, expected->first);
  ASSERT_EQ(map.Find(key) != map.End(), model.contains(key));
  const auto above = model.upper_bound(key);
  const Map::Position floor = map.Floor(key);
  ASSERT_EQ(floor == map.End(), above == model.begin());
  if (above != model.begin()) ASSERT_EQ(map.At(floor).key, std::prev(above)->first);
}

// How likely an operation inserts, and whether keys rise and leave at the front.
struct Life {
  const char* name;
  std::uint64_t insert_percent;
  bool in_order;
};

TEST(BlockMap, LivesAsTheModel) {
  constexpr std::uint64_t kSeed = 20250311;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  Random random(kSeed);
  const Life lives[] = {{"queue grows", 60, true},  {"fills at random", 80, false},
                        {"queue drains", 45, true}, {"empties at random", 20, false},
                        {"again", 70, false},       {"drains in order", 10, true}};
  Map map;
  Model model;
  std::uint64_t next = 1000;
  for (const Life& life : lives) {
    SCOPED_TRACE(life.name);
    for (int step = 0; step < 6000; ++step) {
      std::uint64_t key = random.Below(6000);
      if (random.Below(100) < life.insert_percent) {
        if (life.in_order) key = next += 1 + random.Below(3);
        const auto inserted = map.Insert(key, Payload{key * 3, {}});
        ASSERT_EQ(inserted.fresh, model.emplace(key, key * 3).second);
        ASSERT_EQ(inserted.entry->key, key);
      } else {
        if (life.in_order && !model.empty()) key = model.begin()->first;
        ASSERT_EQ(map.Erase(key), model.erase(key) == 1);
      }
      if (step % 16 == 0) ExpectSameAround(map, model, random.Below(12000));
      if (step % 500 == 0) ExpectSame(map, model);
    }
    ExpectSame(map, model);
  }
}

TEST(BlockMap, AppendedIsDense) {
  BlockMap<std::uint64_t, NoValue> set;
  for (std::uint64_t key = 0; key < 100'000; ++key) set.Insert(key, {});
  EXPECT_LT(set.memory_bytes(), 100'000 * 9);
  const auto copy = set.Clone();
  EXPECT_EQ(copy.size(), set.size());
  for (std::uint64_t key = 0; key < 100'000; ++key) ASSERT_TRUE(set.Erase(key));
  EXPECT_EQ(set.memory_bytes(), 0U);
  EXPECT_EQ(copy.size(), 100'000U);
}

TEST(BlockMap, SparseOnesMerge) {
  BlockMap<std::uint64_t, NoValue> set;
  for (std::uint64_t key = 0; key < 100'000; ++key) set.Insert(key, {});
  for (std::uint64_t key = 0; key < 100'000; ++key) {
    if (key % 100 != 0) set.Erase(key);
  }
  EXPECT_EQ(set.size(), 1000U);
  EXPECT_LT(set.memory_bytes(), 1000 * 64);
}

TEST(BlockMap, MovesAndSmallSizes) {
  Map map;
  EXPECT_EQ(map.memory_bytes(), 0U);
  EXPECT_TRUE(map.Begin() == map.End());
  EXPECT_TRUE(map.Last() == map.End());
  EXPECT_TRUE(map.Floor(1) == map.End());
  map.Insert(1, {});
  EXPECT_LE(map.memory_bytes(), 160U);
  Map other = std::move(map);
  EXPECT_EQ(map.size(), 0U);
  EXPECT_EQ(other.size(), 1U);
  map = std::move(other);
  EXPECT_EQ(map.size(), 1U);
}

}  // namespace
}  // namespace cairn::ds
