// SPDX-License-Identifier: BSD-3-Clause
// The table against std::unordered_map, under random and under hostile hashes; its load, its steps,
// its memory.
#include "ds/segment_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/thread.h"
#include "ds/segment_table_testing.h"

namespace cairn::ds {
namespace {

// A 32-bit mask bit for each directory bit etc. would hide the point: hostile hashes by name.
struct NamedShape {
  const char* name;
  TableFixture::Shape shape;
};

constexpr std::uint64_t kPrefixBits = ~std::uint64_t{0} << kDirectoryShift;
constexpr std::uint64_t kBucketMask = std::uint64_t{kBucketPoints - 1} << kBucketShift;
constexpr std::uint64_t kTagMask = std::uint64_t{0xff} << kTagShift;

const NamedShape kShapes[] = {
    {"Random", {}},
    {"OnePrefix", {~kPrefixBits, 0}},
    {"OnePrefixOfOnes", {~kPrefixBits, kPrefixBits}},
    {"OneBucket", {~kBucketMask, kBucketMask}},
    {"OneTag", {~kTagMask, 0}},
    {"EqualHashes", {0, 0x123456789abcdef0}},
    {"PrefixOfThirteenBits", {~std::uint64_t{0} >> 13, 0}},
};

class ByShape : public testing::TestWithParam<NamedShape> {};
INSTANTIATE_TEST_SUITE_P(Hashes, ByShape, testing::ValuesIn(kShapes),
                         [](const auto& row) { return std::string(row.param.name); });

struct ModelEntry {
  TestNode* node;
  UnixMs expiry = kNever;
};

// Random operations on a table and on its model, with the checks in between.
class Model {
 public:
  Model(TableFixture::Shape shape, std::uint64_t seed) : fixture_(shape), random_(seed) {}

  void Step(std::uint64_t id_range, bool grow) {
    const std::uint64_t id = random_.Below(id_range);
    const TestTable::Position at = fixture_.Find(id);
    const auto known = entries_.find(id);
    ASSERT_EQ(at.found(), known != entries_.end());
    if (!at.found()) {
      if (grow || random_.Below(3) == 0) Insert(id);
      return;
    }
    ASSERT_EQ(table().At(at), known->second.node);
    ASSERT_EQ(table().ExpiryAt(at), known->second.expiry);
    switch (random_.Below(grow ? 8 : 5)) {
      case 0:
        Replace(at, known->second);
        break;
      case 1:
        SetExpiry(at, known->second);
        break;
      case 2:
        ASSERT_EQ(table().ClearExpiry(at), known->second.expiry != kNever);
        known->second.expiry = kNever;
        break;
      default:
        ASSERT_EQ(table().Erase(at), known->second.node);
        entries_.erase(known);
    }
  }

  void Check() {
    table().CheckInvariants();
    ASSERT_EQ(table().size(), entries_.size());
    std::size_t visited = 0;
    table().ForEach([&](TestTable::Position at, TestNode* node) {
      ++visited;
      const auto known = entries_.find(node->id);
      ASSERT_NE(known, entries_.end());
      ASSERT_EQ(known->second.node, node);
      ASSERT_EQ(known->second.expiry, table().ExpiryAt(at));
    });
    ASSERT_EQ(visited, entries_.size());
  }

  // Expires everything up to `now`, in steps, as the store does.
  void Expire(UnixMs now) {
    std::set<std::uint64_t> expired;
    bool finished = false;
    while (!finished) {
      finished = table().ForEachExpired(now, 1 + random_.Below(20), [&](TestTable::Position at) {
        ASSERT_LE(table().ExpiryAt(at), now);
        expired.insert(table().Erase(at)->id);
      });
    }
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      const bool due = entry->second.expiry <= now;
      ASSERT_EQ(expired.contains(entry->first), due);
      entry = due ? entries_.erase(entry) : std::next(entry);
    }
    UnixMs earliest = kNever;
    for (const auto& [id, entry] : entries_) earliest = std::min(earliest, entry.expiry);
    ASSERT_EQ(table().min_expiry(), earliest);
  }

  TestTable& table() { return fixture_.table(); }
  std::size_t size() const { return entries_.size(); }

 private:
  void Insert(std::uint64_t id) {
    const TestTable::Position at = fixture_.Insert(id);
    ASSERT_EQ(table().ExpiryAt(at), kNever);
    ASSERT_EQ(table().At(at)->id, id);
    entries_[id] = {table().At(at)};
    if (random_.Below(4) == 0) SetExpiry(at, entries_[id]);
  }
  void Replace(TestTable::Position at, ModelEntry& entry) {
    entry.node = fixture_.Copy(*entry.node);
    table().Replace(at, entry.node);
  }
  void SetExpiry(TestTable::Position at, ModelEntry& entry) {
    entry.expiry = kExpiryEpochMs + static_cast<UnixMs>(random_.Below(100'000));
    if (random_.Below(200) == 0)
      entry.expiry = INT64_MAX - 1 - static_cast<UnixMs>(random_.Below(9));
    if (random_.Below(200) == 0) entry.expiry = -static_cast<UnixMs>(random_.Below(9));
    table().SetExpiry(at, entry.expiry);
    ASSERT_LE(table().min_expiry(), entry.expiry);
  }

  TableFixture fixture_;
  Random random_;
  std::unordered_map<std::uint64_t, ModelEntry> entries_;
};

TEST_P(ByShape, RandomUseMatchesModel) {
  const std::uint64_t seed = 42;
  SCOPED_TRACE(seed);
  Model model(GetParam().shape, seed);
  const bool slow = std::string_view(GetParam().name) == "EqualHashes";
  const std::uint64_t ids = slow ? 900 : 12'000;
  const int steps = slow ? 6'000 : 60'000;
  for (int wave = 0; wave < 4; ++wave) {
    for (int step = 0; step < steps; ++step) {
      ASSERT_NO_FATAL_FAILURE(model.Step(ids, wave % 2 == 0));
      if (step % (steps / 8) == 0) {
        ASSERT_NO_FATAL_FAILURE(model.Check());
      }
    }
    ASSERT_NO_FATAL_FAILURE(model.Expire(kExpiryEpochMs + 20'000 * (wave + 1)));
    ASSERT_NO_FATAL_FAILURE(model.Check());
  }
}

// Memory must stay in proportion to the entries, whatever the hashes are.
TEST_P(ByShape, MemoryIsBounded) {
  TableFixture fixture(GetParam().shape);
  const bool slow = std::string_view(GetParam().name) == "EqualHashes";
  const std::uint64_t count = slow ? 2'000 : 50'000;
  fixture.InsertRange(0, count);
  fixture.table().CheckInvariants();
  EXPECT_LT(fixture.table().memory_bytes(), 4096 + count * 16);
  for (std::uint64_t id = 0; id < count; ++id) ASSERT_TRUE(fixture.Find(id).found());
  EXPECT_FALSE(fixture.Find(count).found());
  for (std::uint64_t id = 0; id < count; ++id) fixture.Erase(id);
  EXPECT_EQ(fixture.table().size(), 0u);
  EXPECT_LT(fixture.table().memory_bytes(), 64 * 1024u);
}

TEST(SegmentTable, EmptyTableOwnsNothing) {
  TableFixture fixture;
  EXPECT_EQ(fixture.table().memory_bytes(), sizeof(SegmentTableBase));
  EXPECT_FALSE(fixture.Find(1).found());
  EXPECT_EQ(fixture.table().Scan(0, [](auto, auto*) { FAIL(); }), 0u);
  EXPECT_TRUE(fixture.table().ForEachExpired(INT64_MAX - 1, 10, [](auto) { FAIL(); }));
  EXPECT_TRUE(fixture.table().Drain(1, [](auto*) { FAIL(); }));
  EXPECT_EQ(fixture.table().min_expiry(), kNever);
  TableHint hint = fixture.table().PrefetchBucket(1);
  fixture.table().PrefetchNode(1, hint);
  fixture.table().CheckInvariants();
}

TEST(SegmentTable, EmptiedTableGivesAllBack) {
  TableFixture fixture;
  fixture.InsertRange(0, 5000);
  fixture.table().SetExpiry(fixture.Find(17), kExpiryEpochMs);
  for (std::uint64_t id = 0; id < 5000; ++id) fixture.Erase(id);
  EXPECT_EQ(fixture.table().segment_count(), 0u);
  // The directory stays, for prefetchers that are late.
  EXPECT_LE(fixture.table().memory_bytes(), sizeof(SegmentTableBase) + 2 * 32 * 8);
  fixture.InsertRange(5000, 10000);
  fixture.table().CheckInvariants();
  for (std::uint64_t id = 5000; id < 10000; ++id) ASSERT_TRUE(fixture.Find(id).found());
}

TEST(SegmentTable, LoadStaysHighAtEverySize) {
  TableFixture fixture;
  const TestTable& table = fixture.table();
  double worst = 1;
  for (std::uint64_t id = 0; id < 300'000; ++id) {
    fixture.Insert(id);
    if (id % 512 != 511) continue;
    const std::size_t slots =
        (table.memory_bytes() - table.segment_count() * sizeof(Segment)) / sizeof(Bucket) * 7;
    const double load = static_cast<double>(table.size()) / static_cast<double>(slots);
    ASSERT_LT(load, 0.91) << id;
    ASSERT_GT(load, 0.68) << id;
    worst = std::min(worst, load);
  }
  EXPECT_GT(worst, 0.68);
}

TEST(SegmentTable, BytesPerKey) {
  TableFixture fixture;
  // Bytes a key do not depend on where between two powers of two the size lies.
  for (const std::uint64_t size :
       {1'000u, 10'000u, 30'000u, 100'000u, 150'000u, 250'000u, 400'000u}) {
    fixture.InsertRange(fixture.table().size(), size);
    EXPECT_LT(static_cast<double>(fixture.table().memory_bytes()) / static_cast<double>(size),
              size < 10'000 ? 12.7 : 12.0)
        << size;
  }
  const std::size_t before = fixture.table().memory_bytes();
  fixture.table().ForEach([&](TestTable::Position at, TestNode* node) {
    fixture.table().SetExpiry(at, kExpiryEpochMs + static_cast<UnixMs>(node->id));
  });
  EXPECT_LT(static_cast<double>(fixture.table().memory_bytes() - before) / 400'000, 7.5);
  fixture.table().CheckInvariants();
}

TEST(SegmentTable, NoCallMovesMoreThanOneSegment) {
  TableFixture fixture;
  fixture.InsertRange(0, 200'000);
  EXPECT_LE(fixture.table().stats().moved_max, kSplitBuckets * Bucket::kSlots);
  EXPECT_GT(fixture.table().stats().rebases, 0u);
}

TEST(SegmentTable, DirectoryGrowsInSteps) {
  TableFixture fixture;
  // Deep enough that doubling takes several fill steps.
  fixture.InsertRange(0, 3'000'000);
  fixture.table().CheckInvariants();
  EXPECT_LT(static_cast<double>(fixture.table().memory_bytes()) / 3e6, 12.0);
  for (std::uint64_t id = 0; id < 3'000'000; id += 97) ASSERT_TRUE(fixture.Find(id).found());
  EXPECT_FALSE(fixture.Find(3'000'001).found());
}

// A table whose entries are replaced again and again at a constant size must not wear out.
TEST(SegmentTable, SearchesStayShortUnderChurn) {
  TableFixture fixture;
  constexpr std::uint64_t kSize = 20'000;
  fixture.InsertRange(0, kSize);
  for (std::uint64_t id = 0; id < 5 * kSize; ++id) {
    fixture.Erase(id);
    fixture.Insert(id + kSize);
  }
  std::uint64_t at_home = 0;
  for (std::uint64_t id = 5 * kSize; id < 6 * kSize; ++id) {
    const TestTable::Position at = fixture.Find(id);
    const std::uint32_t bits = BucketBitsOf(fixture.HashOf(id));
    at_home += at.slot / Bucket::kSlots == HomeBucket(bits, at.segment->bucket_count);
  }
  EXPECT_GT(at_home, kSize * 85 / 100);
  EXPECT_LT(fixture.table().memory_bytes(), kSize * 13);
  fixture.table().CheckInvariants();
}

// A directory deep enough for the cap on the groups of bounds, with times set while it grows. Few
// entries do, since their hashes share nine bits.
TEST(SegmentTable, BoundsUnderADeepDirectory) {
  TableFixture fixture(TableFixture::Shape{~std::uint64_t{0} >> 9, 0});
  TestTable& table = fixture.table();
  constexpr std::uint64_t kSize = 1'700'000;
  for (std::uint64_t id = 0; id < kSize; ++id) {
    const TestTable::Position at = fixture.Insert(id);
    if (id % 1000 == 0) table.SetExpiry(at, kExpiryEpochMs + static_cast<UnixMs>(id));
  }
  std::uint64_t expired = 0;
  EXPECT_TRUE(table.ForEachExpired(kExpiryEpochMs + 850'000, SIZE_MAX, [&](auto at) {
    EXPECT_LE(table.Erase(at)->id, 850'000u);
    ++expired;
  }));
  EXPECT_EQ(expired, 851u);
  EXPECT_EQ(table.min_expiry(), kExpiryEpochMs + 851'000);
}

// Hints taken at any time and used after any change find what a search without them finds.
TEST(SegmentTable, HintsAreNeverWrong) {
  TableFixture fixture;
  TestTable& table = fixture.table();
  Random random(20261121);
  constexpr std::uint64_t kIds = 500;
  std::vector<TableHint> hints(kIds, TableHint{});
  std::vector<bool> present(kIds);
  int used = 0;
  for (int step = 0; step < 200'000; ++step) {
    const std::uint64_t id = random.Below(kIds);
    const std::uint64_t hash = fixture.HashOf(id);
    const TestNode* node = table.FindHinted(TestNode{id, 0}.key(), hints[id]);
    const TestTable::Position at = TestTable::PositionOf(hints[id]);
    const TestTable::Position sought = fixture.Find(id);
    ASSERT_EQ(sought.found(), present[id]) << step;
    if (node != nullptr) {
      ++used;
      ASSERT_EQ(node, table.At(sought)) << step;
      ASSERT_EQ(at.segment, sought.segment) << step;
      ASSERT_EQ(at.slot, sought.slot) << step;
    }
    const std::uint64_t choice = random.Below(step % 40'000 < 20'000 ? 400 : 100);
    if (choice == 0) {
      if (present[id]) fixture.Erase(id);
      present[id] = false;
    } else if (choice == 1) {
      if (!present[id]) fixture.Insert(id);
      present[id] = true;
    } else {
      hints[id] = table.PrefetchBucket(hash);
      if (choice % 4 != 0) table.PrefetchNode(hash, hints[id]);
    }
  }
  EXPECT_GT(used, 1000);
  table.CheckInvariants();
}

// The one call that needs no lock. ThreadSanitizer is the judge.
TEST(SegmentTable, PrefetchBucketBesideGrowthAndReset) {
  TableFixture fixture;
  std::atomic<bool> stop = false;
  Thread prefetcher("prefetch", [&] {
    // relaxed: only ends the loop.
    for (std::uint64_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
      fixture.table().PrefetchBucket(Mix(i));
    }
  });
  for (int round = 0; round < 3; ++round) {
    fixture.InsertRange(round * 50'000, (round + 1) * 50'000);
    for (int id = round * 50'000; id < (round + 1) * 50'000; ++id) fixture.Erase(id);
  }
  stop.store(true, std::memory_order_relaxed);
  prefetcher.Join();
}

TEST(SegmentTable, ExpiryColumnsComeAndGo) {
  TableFixture fixture;
  TestTable& table = fixture.table();
  fixture.InsertRange(0, 3000);
  const std::size_t bare = table.memory_bytes();
  table.SetExpiry(fixture.Find(5), kExpiryEpochMs + 7);
  EXPECT_GT(table.memory_bytes(), bare);
  EXPECT_EQ(table.volatile_count(), 1u);
  EXPECT_EQ(table.min_expiry(), kExpiryEpochMs + 7);
  EXPECT_TRUE(table.ClearExpiry(fixture.Find(5)));
  EXPECT_FALSE(table.ClearExpiry(fixture.Find(5)));
  EXPECT_EQ(table.min_expiry(), kNever);
  EXPECT_LE(table.memory_bytes(), bare + 64);
  table.CheckInvariants();
}

TEST(SegmentTable, EraseForgetsTheTime) {
  TableFixture fixture;
  fixture.table().SetExpiry(fixture.Insert(1), kExpiryEpochMs);
  fixture.Insert(2);
  fixture.Erase(1);
  EXPECT_EQ(fixture.table().volatile_count(), 0u);
  EXPECT_EQ(fixture.table().ExpiryAt(fixture.Insert(1)), kNever);
}

TEST(SegmentTable, SweepLooksOnlyWhereSomethingIsDue) {
  TableFixture fixture;
  TestTable& table = fixture.table();
  fixture.InsertRange(0, 50'000);
  for (std::uint64_t id = 0; id < 50'000; ++id) {
    table.SetExpiry(fixture.Find(id), kExpiryEpochMs + 1000 + static_cast<UnixMs>(id));
  }
  table.SetExpiry(fixture.Find(77), kExpiryEpochMs + 5);
  // Budget for exactly one entry: no other segment may be looked into.
  std::vector<std::uint64_t> seen;
  EXPECT_TRUE(table.ForEachExpired(kExpiryEpochMs + 500, 1, [&](TestTable::Position at) {
    seen.push_back(table.Erase(at)->id);
  }));
  EXPECT_EQ(seen, std::vector<std::uint64_t>{77});
  EXPECT_EQ(table.min_expiry(), kExpiryEpochMs + 1000);
  table.CheckInvariants();
}

// A replica does not erase: the sweep must end all the same.
TEST(SegmentTable, SweepEndsWhenNothingIsErased) {
  TableFixture fixture;
  fixture.InsertRange(0, 2000);
  for (std::uint64_t id = 0; id < 2000; ++id) {
    fixture.table().SetExpiry(fixture.Find(id), kExpiryEpochMs + static_cast<UnixMs>(id));
  }
  int seen = 0;
  EXPECT_TRUE(fixture.table().ForEachExpired(kExpiryEpochMs + 999, 5000, [&](auto) { ++seen; }));
  EXPECT_EQ(seen, 1000);
  EXPECT_FALSE(fixture.table().ForEachExpired(kExpiryEpochMs + 999, 0, [&](auto) { FAIL(); }));
  fixture.table().CheckInvariants();
}

TEST(SegmentTable, SweepMayPostpone) {
  TableFixture fixture;
  TestTable& table = fixture.table();
  fixture.InsertRange(0, 1000);
  for (std::uint64_t id = 0; id < 1000; ++id) table.SetExpiry(fixture.Find(id), kExpiryEpochMs);
  EXPECT_TRUE(table.ForEachExpired(kExpiryEpochMs, 5000, [&](TestTable::Position at) {
    table.SetExpiry(at, kExpiryEpochMs + 10);
  }));
  EXPECT_EQ(table.min_expiry(), kExpiryEpochMs + 10);
  EXPECT_TRUE(table.ForEachExpired(kExpiryEpochMs + 10, 5000,
                                   [&](TestTable::Position at) { table.ClearExpiry(at); }));
  EXPECT_EQ(table.volatile_count(), 0u);
  table.CheckInvariants();
}

TEST(SegmentTable, DrainIsBoundedAndComplete) {
  TableFixture fixture;
  TestTable& table = fixture.table();
  fixture.InsertRange(0, 20'000);
  for (std::uint64_t id = 0; id < 20'000; id += 3) table.SetExpiry(fixture.Find(id), 5);
  std::set<std::uint64_t> drained;
  bool done = false;
  while (!done) {
    std::size_t step = 0;
    done = table.Drain(100, [&](TestNode* node) {
      ++step;
      drained.insert(node->id);
    });
    ASSERT_LE(step, 100u);
    ASSERT_EQ(table.size(), 20'000 - drained.size());
  }
  EXPECT_EQ(drained.size(), 20'000u);
  EXPECT_EQ(table.segment_count(), 0u);
  EXPECT_EQ(table.volatile_count(), 0u);
  fixture.InsertRange(20'000, 21'000);
  table.CheckInvariants();
}

TEST(SegmentTable, DestructionInTheMiddleOfADrainIsClean) {
  TableFixture fixture;
  fixture.InsertRange(0, 5000);
  EXPECT_FALSE(fixture.table().Drain(3000, [](TestNode*) {}));
}

TEST(SegmentTable, MoveToLeavesAnEmptyTable) {
  TableFixture fixture;
  TestTable& table = fixture.table();
  fixture.InsertRange(0, 10'000);
  for (std::uint64_t id = 0; id < 10'000; id += 2) table.SetExpiry(fixture.Find(id), 7);
  TestTable other(HashSeed(1));
  table.MoveTo(other);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(other.size(), 10'000u);
  EXPECT_EQ(other.min_expiry(), 7);
  EXPECT_EQ(table.min_expiry(), kNever);
  table.CheckInvariants();
  other.CheckInvariants();
  fixture.InsertRange(10'000, 12'000);
  table.CheckInvariants();
  EXPECT_FALSE(fixture.Find(5).found());
  EXPECT_TRUE(fixture.Find(11'000).found());
  while (!other.Drain(1000, [](TestNode*) {})) {
  }
}

}  // namespace
}  // namespace cairn::ds
