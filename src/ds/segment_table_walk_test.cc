// SPDX-License-Identifier: BSD-3-Clause
// Walks: Redis's guarantee for scans while the table changes, random entries, samples.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "ds/segment_table.h"
#include "ds/segment_table_testing.h"

namespace cairn::ds {
namespace {

TEST(SegmentTableScan, VisitsEveryEntryOnceWhenNothingChanges) {
  for (const std::uint64_t size : {1u, 6u, 7u, 50u, 391u, 393u, 20'000u}) {
    TableFixture fixture;
    fixture.InsertRange(0, size);
    std::multiset<std::uint64_t> seen;
    std::uint64_t cursor = 0;
    do {
      const std::uint64_t next =
          fixture.table().Scan(cursor, [&](TestTable::Position at, TestNode* node) {
            ASSERT_EQ(fixture.table().At(at), node);
            seen.insert(node->id);
          });
      ASSERT_TRUE(next == 0 || next > cursor);
      ASSERT_LT(next, std::uint64_t{1} << 34);
      cursor = next;
    } while (cursor != 0);
    ASSERT_EQ(seen.size(), size);
    ASSERT_EQ(std::set<std::uint64_t>(seen.begin(), seen.end()).size(), size);
  }
}

// All of one segment, many entries that had to pass their bucket, a few and none.
const TableFixture::Shape kShapes[] = {
    {}, {.keep = 0xff}, {.keep = ~std::uint64_t{0} >> 24}, {.keep = 0xffffffULL << 40}};

TEST(SegmentTableScanNodes, VisitsWhatScanVisitsInStepsOfAnyLength) {
  for (const TableFixture::Shape shape : kShapes) {
    for (const std::uint64_t size : {0u, 1u, 7u, 50u, 391u, 3000u}) {
      TableFixture fixture(shape);
      fixture.InsertRange(0, size);
      for (const std::uint32_t homes : {1u, 4u, 63u, 5000u}) {
        SCOPED_TRACE(testing::Message() << shape.keep << " " << size << " " << homes);
        std::multiset<std::uint64_t> seen;
        std::uint64_t cursor = 0;
        do {
          cursor = fixture.table().ScanNodes(cursor, homes,
                                             [&](const TestNode* node) { seen.insert(node->id); });
        } while (cursor != 0);
        ASSERT_EQ(seen.size(), size);
        ASSERT_EQ(std::set<std::uint64_t>(seen.begin(), seen.end()).size(), size);
      }
    }
  }
}

// The two may be mixed: their cursors are the same.
TEST(SegmentTableScanNodes, GoesOnWhereScanStopped) {
  TableFixture fixture;
  fixture.InsertRange(0, 5000);
  std::multiset<std::uint64_t> seen;
  const auto see = [&](const TestNode* node) { seen.insert(node->id); };
  std::uint64_t cursor = 0;
  for (std::uint32_t step = 0; step == 0 || cursor != 0; ++step) {
    cursor = step % 2 == 0 ? fixture.table().ScanNodes(cursor, step % 7 + 1, see)
                           : fixture.table().Scan(cursor, [&](auto, TestNode* n) { see(n); });
  }
  EXPECT_EQ(seen.size(), 5000u);
  EXPECT_EQ(fixture.table().ScanNodes(UINT64_MAX, 4, [](auto*) { FAIL(); }), 0u);
}

TEST(SegmentTableContains, AgreesWithFindThoughAllHashesAreAlike) {
  for (const TableFixture::Shape shape : kShapes) {
    SCOPED_TRACE(shape.keep);
    TableFixture fixture(shape);
    fixture.InsertRange(0, 1000);
    for (std::uint64_t id = 0; id < 2000; ++id) {
      const std::uint64_t hash = fixture.HashOf(id);
      const TestTable::Home home = fixture.table().PrefetchHome(hash);
      const TestNode* likely = fixture.table().PrefetchLikely(home, hash);
      ASSERT_EQ(fixture.table().Contains(likely, hash, TestNode{id, 0}.key()), id < 1000) << id;
    }
  }
}

struct ChangeRow {
  const char* name;
  std::uint64_t kept;       // ids [0, kept) stay throughout
  std::uint64_t transient;  // other entries before the scan
  int inserts_per_call;
  int erases_per_call;
};

const ChangeRow kChanges[] = {
    {"GrowFromSmall", 40, 0, 50, 0},
    {"GrowThroughSplits", 2000, 0, 30, 0},
    {"Shrink", 500, 20'000, 0, 40},
    {"ShrinkToAlmostNothing", 1, 5000, 0, 50},
    {"Churn", 3000, 3000, 7, 7},
    {"GrowFast", 300, 0, 400, 0},
    {"ChurnWithGrowth", 3000, 1000, 20, 6},
};

class ScanUnder : public testing::TestWithParam<ChangeRow> {};
INSTANTIATE_TEST_SUITE_P(Changes, ScanUnder, testing::ValuesIn(kChanges),
                         [](const auto& row) { return std::string(row.param.name); });

// Growth that outruns the scan must end sometime.
constexpr std::uint64_t kIdsMax = 60'000;

// What is there from the first call to the last is seen; what is seen was there.
TEST_P(ScanUnder, KeepsRedisGuarantee) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    TableFixture fixture;
    fixture.InsertRange(0, GetParam().kept + GetParam().transient);
    std::vector<std::uint64_t> transient;
    std::uint64_t next_id = GetParam().kept;
    while (next_id < GetParam().kept + GetParam().transient) transient.push_back(next_id++);
    std::set<std::uint64_t> seen;
    std::uint64_t cursor = 0;
    do {
      cursor = fixture.table().Scan(cursor, [&](auto, TestNode* node) { seen.insert(node->id); });
      for (int i = 0; next_id < kIdsMax && i < GetParam().inserts_per_call; ++i) {
        transient.push_back(next_id);
        fixture.Insert(next_id++);
      }
      for (int i = 0; i < GetParam().erases_per_call && !transient.empty(); ++i) {
        std::swap(transient[random.Below(transient.size())], transient.back());
        fixture.Erase(transient.back());
        transient.pop_back();
      }
    } while (cursor != 0);
    for (std::uint64_t id = 0; id < GetParam().kept; ++id) ASSERT_TRUE(seen.contains(id)) << id;
    fixture.table().CheckInvariants();
  }
}

TEST(SegmentTableScan, CallbackMayErase) {
  TableFixture fixture;
  fixture.InsertRange(0, 10'000);
  std::size_t erased = 0;
  std::uint64_t cursor = 0;
  do {
    cursor = fixture.table().Scan(cursor, [&](TestTable::Position at, TestNode* node) {
      if (node->id % 10 == 0) return;
      fixture.table().Erase(at);
      ++erased;
    });
  } while (cursor != 0);
  EXPECT_EQ(erased, 9000u);
  EXPECT_EQ(fixture.table().size(), 1000u);
  fixture.table().CheckInvariants();
}

TEST(SegmentTableScan, AnyCursorIsSafe) {
  TableFixture fixture;
  fixture.InsertRange(0, 5000);
  Random random(3);
  for (int i = 0; i < 10'000; ++i) {
    std::uint64_t cursor = random.Next() >> random.Below(64);
    for (int steps = 0; steps < 5; ++steps)
      cursor = fixture.table().Scan(cursor, [](auto, auto*) {});
    ASSERT_LT(cursor, std::uint64_t{1} << 34);
  }
  EXPECT_EQ(fixture.table().Scan(UINT64_MAX, [](auto, auto*) { FAIL(); }), 0u);
}

TEST(SegmentTableForEach, CallbackMayEraseEverything) {
  TableFixture fixture;
  fixture.InsertRange(0, 3000);
  fixture.table().ForEach([&](TestTable::Position at, TestNode*) { fixture.table().Erase(at); });
  EXPECT_EQ(fixture.table().size(), 0u);
  EXPECT_EQ(fixture.table().segment_count(), 0u);
}

TEST(SegmentTableRandom, EveryEntryComesUpNearlyAsOften) {
  for (const std::uint64_t size : {1u, 5u, 300u, 3000u}) {
    TableFixture fixture;
    fixture.InsertRange(0, size);
    Random random(9);
    std::map<std::uint64_t, int> drawn;
    const int draws_per_entry = 200;
    for (std::uint64_t i = 0; i < size * draws_per_entry; ++i) {
      ++drawn[fixture.table().At(fixture.table().RandomPosition(random))->id];
    }
    ASSERT_EQ(drawn.size(), size);
    for (const auto& [id, count] : drawn) {
      EXPECT_GT(count, draws_per_entry / 3);
      EXPECT_LT(count, draws_per_entry * 2);
    }
  }
}

TEST(SegmentTableRandom, FindsTheLastEntryOfALargeTable) {
  TableFixture fixture;
  fixture.InsertRange(0, 100'000);
  for (std::uint64_t id = 1; id < 100'000; ++id) fixture.Erase(id);
  Random random(1);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(fixture.table().At(fixture.table().RandomPosition(random))->id, 0u);
  }
}

TEST(SegmentTableSample, GivesDistinctEntriesUpToMax) {
  for (const std::uint64_t size : {1u, 4u, 100u, 5000u}) {
    TableFixture fixture;
    fixture.InsertRange(0, size);
    Random random(size);
    std::set<std::uint64_t> ever;
    for (int round = 0; round < 2000; ++round) {
      std::set<std::uint64_t> sample;
      const std::size_t count =
          fixture.table().SampleFrom(random, 16, [&](TestTable::Position at, TestNode* node) {
            ASSERT_EQ(fixture.table().At(at), node);
            ASSERT_TRUE(sample.insert(node->id).second);
          });
      ASSERT_EQ(count, sample.size());
      ASSERT_EQ(count, std::min<std::size_t>(size, 16));
      ever.merge(sample);
    }
    EXPECT_GT(ever.size(), size * 9 / 10);
  }
}

TEST(SegmentTableSample, VolatileOnly) {
  TableFixture fixture;
  fixture.InsertRange(0, 20'000);
  Random random(4);
  EXPECT_EQ(fixture.table().SampleVolatileFrom(random, 5, [](auto, auto*) { FAIL(); }), 0u);
  for (std::uint64_t id = 0; id < 20'000; id += 4000) {
    fixture.table().SetExpiry(fixture.Find(id), kExpiryEpochMs);
  }
  std::set<std::uint64_t> ever;
  for (int round = 0; round < 200; ++round) {
    EXPECT_GE(fixture.table().SampleVolatileFrom(random, 3,
                                                 [&](auto, TestNode* node) {
                                                   ever.insert(node->id);
                                                   EXPECT_EQ(node->id % 4000, 0u);
                                                 }),
              1u);
  }
  EXPECT_EQ(ever.size(), 5u);
}

}  // namespace
}  // namespace cairn::ds
