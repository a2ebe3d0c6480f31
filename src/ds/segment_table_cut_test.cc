// SPDX-License-Identifier: BSD-3-Clause
// A cut hands out each entry once, as it was at the beginning, whatever happens meanwhile.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "ds/segment_table.h"
#include "ds/segment_table_testing.h"

namespace cairn::ds {
namespace {

using Picture = std::map<std::uint64_t, UnixMs>;  // id to time

class Collector final : public CutSink {
 public:
  explicit Collector(const TestTable* table) : table_(table) {}
  void Follow(const TestTable* table) { table_ = table; }
  void Take(TablePosition at, const void* node) override {
    const auto id = static_cast<const TestNode*>(node)->id;
    EXPECT_TRUE(seen.emplace(id, table_->ExpiryAt(at)).second) << id << " twice";
  }
  void TableEnds() override { table_ended = true; }
  Picture seen;
  bool table_ended = false;

 private:
  const TestTable* table_;
};

Picture PictureOf(TestTable& table) {
  Picture picture;
  table.ForEach([&](TestTable::Position at, const TestNode* node) {
    picture.emplace(node->id, table.ExpiryAt(at));
  });
  return picture;
}

TEST(SegmentTableCut, IsHandedOutBeforeItsTableEnds) {
  TableFixture fixture;
  fixture.InsertRange(0, 5000);
  const Picture expected = PictureOf(fixture.table());
  Collector collector(&fixture.table());
  fixture.table().EndCut();
  EXPECT_FALSE(collector.table_ended) << "there is no cut";
  fixture.table().BeginCut(&collector);
  fixture.table().WalkCut(100);
  fixture.table().EndCut();
  EXPECT_EQ(collector.seen, expected);
  EXPECT_TRUE(collector.table_ended);
  EXPECT_FALSE(fixture.table().is_cutting());
}

TEST(SegmentTableCut, WalkAloneHandsOutEverything) {
  for (const std::uint64_t size : {0u, 1u, 7u, 50u, 391u, 20'000u}) {
    TableFixture fixture;
    fixture.InsertRange(0, size);
    Collector collector(&fixture.table());
    fixture.table().BeginCut(&collector);
    while (!fixture.table().WalkCut(100)) EXPECT_TRUE(fixture.table().is_cutting());
    EXPECT_FALSE(fixture.table().is_cutting());
    EXPECT_EQ(collector.seen, PictureOf(fixture.table())) << size;
  }
}

TEST(SegmentTableCut, AChangeCostsItsPointAndNoMore) {
  TableFixture fixture;
  fixture.InsertRange(0, 20'000);
  Collector collector(&fixture.table());
  fixture.table().BeginCut(&collector);
  std::size_t most = 0;
  for (std::uint64_t id = 0; id < 20'000; id += 97) {
    const std::size_t before = collector.seen.size();
    fixture.table().SetExpiry(fixture.Find(id), 5000);
    most = std::max(most, collector.seen.size() - before);
    EXPECT_TRUE(collector.seen.contains(id));
  }
  EXPECT_LE(most, 8u);
  fixture.table().AbandonCut();
  fixture.table().Erase(fixture.Find(1));
  EXPECT_FALSE(fixture.table().is_cutting());
}

TEST(SegmentTableCut, EachCutStartsAnew) {
  TableFixture fixture;
  fixture.InsertRange(0, 3000);
  for (int round = 0; round < 3; ++round) {
    Collector collector(&fixture.table());
    const Picture before = PictureOf(fixture.table());
    fixture.table().BeginCut(&collector);
    for (std::uint64_t id = 0; id < 100; ++id) {
      fixture.table().SetExpiry(fixture.Find(id), 1000 + round);
    }
    // The second is given up half way: its marks mean nothing to the third.
    if (round == 1) {
      fixture.table().WalkCut(500);
      fixture.table().AbandonCut();
      continue;
    }
    while (!fixture.table().WalkCut(64)) continue;
    EXPECT_EQ(collector.seen, before);
  }
}

struct Mix3 {
  const char* name;
  std::uint64_t at_first;
  int inserts, erases, times, walks;  // weights
};
const Mix3 kMixes[] = {{"Grow", 60, 30, 2, 5, 1},      {"GrowLarge", 5000, 40, 5, 5, 1},
                       {"Shrink", 9000, 1, 40, 5, 1},  {"Empty", 700, 1, 60, 0, 0},
                       {"Churn", 4000, 10, 10, 10, 2}, {"FromNothing", 0, 5, 3, 2, 1},
                       {"WalkMost", 8000, 2, 2, 2, 9}};

class CutUnder : public testing::TestWithParam<Mix3> {};
INSTANTIATE_TEST_SUITE_P(Mixes, CutUnder, testing::ValuesIn(kMixes),
                         [](const auto& row) { return std::string(row.param.name); });

// One random change of the fixture's table. Ids of [*oldest, *next) are or were in it.
void Change(const Mix3& mix, TableFixture& fixture, Random& random, std::uint64_t* next) {
  TestTable& table = fixture.table();
  const auto weights = static_cast<std::uint64_t>(mix.inserts + mix.erases + mix.times);
  const std::uint64_t choice = random.Below(weights);
  if (choice < static_cast<std::uint64_t>(mix.inserts) || *next == 0) {
    fixture.Insert((*next)++);
    return;
  }
  const TestTable::Position at = fixture.Find(random.Below(*next));
  if (!at.found()) return;
  if (choice < static_cast<std::uint64_t>(mix.inserts + mix.erases)) {
    table.Erase(at);
  } else if (random.Below(3) == 0) {
    table.ClearExpiry(at);
  } else {
    table.SetExpiry(at, 1 + static_cast<UnixMs>(random.Below(1'000'000)));
  }
}

TEST_P(CutUnder, RandomChanges) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TableFixture fixture;
    Random random(seed);
    std::uint64_t next = GetParam().at_first;
    fixture.InsertRange(0, next);
    for (std::uint64_t id = 0; id < next; id += 3) {
      fixture.table().SetExpiry(fixture.Find(id), 1 + static_cast<UnixMs>(id));
    }
    const Picture at_begin = PictureOf(fixture.table());
    Collector collector(&fixture.table());
    fixture.table().BeginCut(&collector);
    bool finished = false;
    for (int step = 0; step < 12'000 && !finished; ++step) {
      Change(GetParam(), fixture, random, &next);
      if (random.Below(40) < static_cast<std::uint64_t>(GetParam().walks)) {
        finished = fixture.table().WalkCut(random.Below(60));
      }
    }
    while (!finished) finished = fixture.table().WalkCut(1000);
    ASSERT_EQ(collector.seen, at_begin);
    fixture.table().CheckInvariants();
  }
}

// FLUSHALL during a cut: the entries go elsewhere, and the cut with them.
TEST(SegmentTableCut, GoesWithTheEntriesThatAreMovedAway) {
  TableFixture fixture;
  fixture.InsertRange(0, 5000);
  const Picture at_begin = PictureOf(fixture.table());
  TestTable away{HashSeed(0)};
  Collector collector(&fixture.table());
  fixture.table().BeginCut(&collector);
  fixture.table().WalkCut(700);
  fixture.table().Erase(fixture.Find(4999));
  collector.Follow(&away);
  fixture.table().MoveTo(away);
  EXPECT_FALSE(fixture.table().is_cutting());
  fixture.Insert(9000);
  ASSERT_TRUE(away.is_cutting());
  while (!away.WalkCut(100)) continue;
  EXPECT_EQ(collector.seen, at_begin);
  away.Drain(SIZE_MAX, [](TestNode*) {});
}

}  // namespace
}  // namespace cairn::ds
