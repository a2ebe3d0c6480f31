// SPDX-License-Identifier: BSD-3-Clause
// A frozen map is read as it was, whatever becomes of the map. Goal: every way in which blocks
// change (appended to, split, merged, eaten up), at every moment of the reading, and the map's end.
// Method: random operations between the reads, against a copy taken before.
#include "ds/block_freeze.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"
#include "ds/block_map_testing.h"

namespace cairn::ds {
namespace {

using testing::Map;
using testing::Payload;
using Freeze = BlockFreeze<std::uint64_t, Payload>;
using Numbers = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

struct Kept final : KeptBytes {
  void Keeps(std::size_t more) override { bytes += more; }
  void LetsGo(std::size_t less) override { bytes -= less; }
  std::size_t bytes = 0;
};

Numbers NumbersOf(const Map& map) {
  Numbers numbers;
  map.ForEach(
      [&](const Map::Entry& entry) { numbers.emplace_back(entry.key, entry.value.number); });
  return numbers;
}

void Read(Freeze& freeze, Numbers* seen) {
  const std::size_t looked = freeze.Read(
      [&](const Map::Entry& entry) { seen->emplace_back(entry.key, entry.value.number); });
  ASSERT_LE(looked, Map::kBlockBytes / sizeof(Map::Entry) + Freeze::kLookMax);
}

class Writer {
 public:
  explicit Writer(Random& random) : random_(random), range_(100 + random.Below(9000)) {}
  // Sometimes more are added, sometimes more are erased; at the ends or anywhere.
  void Write(Map& map) {
    if (random_.Below(200) == 0) mood_ = random_.Below(6);
    const std::uint64_t key = random_.Below(range_);
    switch (random_.Below(3) == 0 ? random_.Below(6) : mood_) {
      case 0:
        if (!map.empty()) map.Erase(map.Begin());
        return;
      case 1:
        map.Insert(next_++, {random_.Below(1000), {}});
        return;
      case 2:
        map.Erase(key);
        return;
      case 3:
        if (const auto at = map.Find(key); at != map.End()) map.At(at).value.number = ~key;
        return;
      case 4:
        map.Insert(key, {key, {}}).entry->value.number = random_.Below(1000);
        return;
      default:
        if (!map.empty()) map.Erase(map.Last());
    }
  }

 private:
  Random& random_;
  const std::uint64_t range_;
  std::uint64_t next_ = 10'000;
  std::uint64_t mood_ = 4;
};

TEST(BlockFreeze, IsWhatItWasWhateverIsWritten) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Writer writer(random);
    std::optional<Map> map(std::in_place);
    for (std::uint64_t i = random.Below(20'000); i > 0; --i) writer.Write(*map);
    for (int round = 0; round < 3 && map; ++round) {
      const Numbers expected = NumbersOf(*map);
      Kept kept;
      Freeze freeze(*map, kept);
      Numbers seen;
      while (freeze.left() > 0) {
        for (std::uint64_t i = random.Below(100); i > 0 && map; --i) writer.Write(*map);
        if (random.Below(200) == 0) map.reset();
        Read(freeze, &seen);
      }
      ASSERT_EQ(seen, expected);
      ASSERT_EQ(kept.bytes, 0u);
    }
  }
}

Map Filled(std::uint64_t count) {
  Map map;
  for (std::uint64_t i = 0; i < count; ++i) map.Insert(i, {i, {}});
  return map;
}

TEST(BlockFreeze, GivenUpLeavesTheMapAlone) {
  Map map = Filled(1000);
  Kept kept;
  {
    Freeze freeze(map, kept);
    map.Erase(map.Begin());
    Numbers seen;
    Read(freeze, &seen);
  }
  EXPECT_EQ(map.keeper(), nullptr);
  EXPECT_EQ(map.size(), 999u);
}

TEST(BlockFreeze, AnEmptyOneIsReadAtOnce) {
  Map map;
  Kept kept;
  const Freeze freeze(map, kept);
  map.Insert(1, {1, {}});
  EXPECT_EQ(freeze.left(), 0u);
}

TEST(BlockFreeze, AChangeCostsABlockOnce) {
  Map map = Filled(1000);
  Kept kept;
  Freeze freeze(map, kept);
  EXPECT_EQ(kept.bytes, 0u);
  map.At(map.Find(500)).value.number = 0;
  const std::size_t block = kept.bytes;
  EXPECT_GT(block, 0u);
  EXPECT_LE(block, Map::kBlockBytes);
  map.At(map.Find(500)).value.number = 1;
  EXPECT_EQ(kept.bytes, block);
  // What is new costs nothing.
  for (std::uint64_t i = 0; i < 5000; ++i) map.Insert(10'000 + i, {i, {}});
  EXPECT_LE(kept.bytes, block + Map::kBlockBytes);
}

// It does not look at all of what is new in one call.
TEST(BlockFreeze, LooksAtFewNewBlocksACall) {
  Map map = Filled(100);
  for (std::uint64_t i = 0; i < 100; ++i) map.Insert(1'000'000 + i, {i, {}});
  const Numbers expected = NumbersOf(map);
  Kept kept;
  Freeze freeze(map, kept);
  for (std::uint64_t i = 0; i < 50'000; ++i) map.Insert(1000 + i, {i, {}});
  const std::size_t new_blocks = map.block_count();
  Numbers seen;
  std::size_t calls = 0;
  for (; freeze.left() > 0; ++calls) Read(freeze, &seen);
  EXPECT_EQ(seen, expected);
  EXPECT_GT(calls, new_blocks / Freeze::kLookMax);
}

}  // namespace
}  // namespace cairn::ds
