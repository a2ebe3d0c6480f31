// SPDX-License-Identifier: BSD-3-Clause
// The entries of a stream: ids, iteration, deletion, trimming, counters, copies.
#include "value/stream.h"

#include <limits>
#include <string>

#include "base/random.h"
#include "value/collection_testing.h"
#include "value/stream_testing.h"

namespace cairn::value {
namespace {

using testing::Add;
using testing::Fill;
using testing::Given;
using testing::Ids;
using testing::Show;
using testing::TestArena;
using Lines = std::vector<std::string>;

constexpr std::uint64_t kMax = kStreamSeqMax;
const std::vector<std::string_view> kFields = {"f", "v"};

TEST(Stream, EmptyOwnsNothing) {
  Stream stream;
  EXPECT_EQ(stream.memory_bytes(), 0U);
  EXPECT_EQ(stream.size(), 0U);
  EXPECT_TRUE(stream.is_packed());
  EXPECT_TRUE(Show(stream).empty());
  EXPECT_FALSE(stream.Find({1, 1}));
  EXPECT_EQ(stream.TopId(), StreamId{});
  EXPECT_EQ(stream.Delete({1, 1}), StreamDeleteResult::kMissing);
  EXPECT_EQ(stream.Trim({}), 0U);
  EXPECT_EQ(stream.FindGroup("g"), nullptr);
  EXPECT_TRUE(stream.Clone().empty());
  EXPECT_TRUE(stream.FreeStep(1));
}

TEST(Stream, NextId) {
  using Kind = NewStreamId::Kind;
  using Expected = std::expected<StreamId, StreamAppendError>;
  const Expected small = std::unexpected(StreamAppendError::kIdTooSmall);
  const Expected exhausted = std::unexpected(StreamAppendError::kExhausted);
  struct Row {
    StreamId last;
    UnixMs now;
    NewStreamId wanted;
    Expected expected;
  };
  const Row rows[] = {
      {{5, 3}, 9, {}, StreamId{9, 0}},
      {{5, 3}, 5, {}, StreamId{5, 4}},
      {{5, 3}, 2, {}, StreamId{5, 4}},
      {{5, kMax}, 2, {}, StreamId{6, 0}},
      {{kMax, kMax}, 2, {}, exhausted},
      {{kMax, kMax}, 2, Given(1, 1), exhausted},
      {{5, 3}, 0, {Kind::kAutoSequence, {5, 0}}, StreamId{5, 4}},
      {{5, 3}, 0, {Kind::kAutoSequence, {6, 0}}, StreamId{6, 0}},
      {{5, 3}, 0, {Kind::kAutoSequence, {4, 0}}, small},
      {{5, kMax}, 0, {Kind::kAutoSequence, {5, 0}}, small},
      {{0, 0}, 0, {Kind::kAutoSequence, {0, 0}}, StreamId{0, 1}},
      {{0, 0}, 0, {}, StreamId{0, 1}},
      {{5, 3}, 0, Given(5, 4), StreamId{5, 4}},
      {{5, 3}, 0, Given(5, 3), small},
      {{5, 3}, 0, Given(4, 9), small},
      {{5, 3}, 0, Given(kMax, kMax), kStreamIdMax},
  };
  for (const Row& row : rows) {
    Stream stream;
    ASSERT_TRUE(stream.SetId(row.last, {}, {}));
    EXPECT_EQ(stream.Append(row.wanted, kFields, row.now, {}, TestArena()), row.expected)
        << StreamIdToString(row.last) << " then " << StreamIdToString(row.wanted.id);
    EXPECT_EQ(stream.last_id(), row.expected.value_or(row.last));
  }
}

// Refused by their sizes alone: nothing is read, so nothing needs to be there.
TEST(Stream, TooLargeForAListpack) {
  constexpr std::size_t kFrameMax = StreamNode::PackedBytesMax(0, 2);
  Stream stream;
  for (const std::size_t size : {ds::kPackedListBytesMax - kFrameMax, std::size_t{1} << 31}) {
    const std::string_view fields[] = {"f", std::string_view("v", size)};
    EXPECT_EQ(stream.Append({}, fields, 1, {}, TestArena()),
              std::unexpected(StreamAppendError::kTooLarge));
  }
  EXPECT_EQ(stream.memory_bytes(), 0U);
}

TEST(Stream, FieldsOfEveryKind) {
  Stream stream;
  const std::string long_text(300, 'x');
  const std::string longer_text(70'000, 'y');
  Add(stream, {5, 5}, {"a", "1"});
  Add(stream, {5, 6}, {"a", "-4096"});
  Add(stream, {6, 0}, {"a", "text", "b", ""});
  Add(stream, {6, 300}, {"", long_text});
  Add(stream, {1ULL << 40, 1ULL << 60}, {"a", "9223372036854775807"});
  Add(stream, {1ULL << 41, 2}, {"a", "9223372036854775808"});
  Add(stream, {1ULL << 42, 2}, {"a", longer_text, "12", "0012"});
  Add(stream, {1ULL << 43, 2}, {"a", "-1", "a", "65536", "a", "8388608"});
  EXPECT_EQ(Show(stream), (Lines{"5-5 a=1", "5-6 a=-4096", "6-0 a=text b=", "6-300 =" + long_text,
                                 "1099511627776-1152921504606846976 a=9223372036854775807",
                                 "2199023255552-2 a=9223372036854775808",
                                 "4398046511104-2 a=" + longer_text + " 12=0012",
                                 "8796093022208-2 a=-1 a=65536 a=8388608"}));
}

TEST(Stream, Ranges) {
  Stream stream;
  Fill(stream, 250);
  struct Row {
    StreamId start;
    StreamId end;
    std::uint64_t first;
    std::uint64_t count;
  };
  const Row rows[] = {
      {{0, 0}, kStreamIdMax, 1, 250}, {{1, 0}, {250, 0}, 1, 250},   {{1, 1}, {3, 0}, 2, 2},
      {{100, 0}, {100, 0}, 100, 1},   {{100, 0}, {101, 9}, 100, 2}, {{99, 5}, {99, 9}, 0, 0},
      {{250, 1}, kStreamIdMax, 0, 0}, {{0, 0}, {0, 5}, 0, 0},       {{200, 0}, {199, 0}, 0, 0},
      {{101, 0}, {201, 0}, 101, 101}, {{0, 0}, {1, 0}, 1, 1}};
  for (const Row& row : rows) {
    Lines expected;
    for (std::uint64_t i = 0; i < row.count; ++i) {
      expected.push_back(std::to_string(row.first + i) + "-0 field=value");
    }
    EXPECT_EQ(Show(stream, row.start, row.end), expected);
    std::ranges::reverse(expected);
    EXPECT_EQ(Show(stream, row.start, row.end, StreamOrder::kBackward), expected);
  }
}

TEST(Stream, NodesEndWhereRedisEndsThem) {
  struct Row {
    StreamLimits limits;
    std::size_t value_bytes;
    std::size_t entries;
    std::size_t nodes;
  };
  // As the oracle counts its radix-tree-keys.
  const Row rows[] = {
      {{4096, 100}, 1, 100, 1},  {{4096, 100}, 1, 101, 2},  {{4096, 100}, 1, 1000, 10},
      {{4096, 0}, 1, 1000, 3},   {{4096, 100}, 5000, 7, 7}, {{0, 0}, 5000, 7, 1},
      {{4096, 100}, 64, 100, 2}, {{1, 100}, 1, 5, 5},       {{4096, 1}, 1, 5, 5}};
  for (const Row& row : rows) {
    Stream stream;
    const std::string value(row.value_bytes, 'x');
    for (std::uint64_t i = 1; i <= row.entries; ++i) {
      Add(stream, {i, 0}, {"f", value}, row.limits);
    }
    EXPECT_EQ(stream.node_count(), row.nodes)
        << row.limits.node_bytes << " " << row.limits.node_entries << " " << row.value_bytes;
  }
}

// Counted by Redis 7.0.15, before and after some were deleted.
TEST(Stream, RadixTreeNodes) {
  struct Row {
    std::size_t nodes;
    std::size_t nodes_after;
    std::vector<StreamId> ids;
    std::vector<StreamId> deleted;
  };
  const Row rows[] = {
      {1, 1, {}, {}},
      {2, 2, {{1, 1}}, {}},
      {4, 4, {{1, 1}, {1, 2}}, {}},
      {6, 6, {{1, 1}, {256, 1}}, {}},
      {6, 6, {{1, 0}, {1, 256}}, {}},
      {22,
       22,
       {{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}, {6, 0}, {7, 0}, {8, 0}, {9, 0}, {10, 0}},
       {}},
      {61,
       42,
       {{4, 3},
        {4, 3939},
        {5, 680},
        {8, 2},
        {11, 5},
        {14, 1},
        {15, 2},
        {15, 7},
        {15, 3461},
        {18, 1500},
        {163, 2},
        {480, 4},
        {592, 4},
        {794, 6},
        {837, 5},
        {838, 1970},
        {756430004, 3995},
        {930847394, 746},
        {1356321087, 1936},
        {2651938379, 2},
        {3039445931, 3},
        {4732944007, 1},
        {5140556347, 1224},
        {5392095289, 3258},
        {8342760426, 7}},
       {{4, 3},
        {8, 2},
        {15, 2},
        {18, 1500},
        {592, 4},
        {838, 1970},
        {1356321087, 1936},
        {4732944007, 1},
        {8342760426, 7}}},
      {62,
       42,
       {{3, 5},
        {3, 3840},
        {7, 1335},
        {8, 4},
        {14, 1},
        {184, 4},
        {271, 3920},
        {289, 6},
        {358, 7},
        {372, 3422},
        {527, 259},
        {530, 5},
        {639, 2},
        {659, 3023},
        {665, 5},
        {711, 7},
        {991, 4},
        {1003, 2},
        {1175468587, 3346},
        {3136844081, 5},
        {5070351243, 8},
        {6226775136, 3918},
        {6513125414, 1240},
        {6670976785, 2951},
        {7075687787, 1425}},
       {{3, 5},
        {8, 4},
        {271, 3920},
        {372, 3422},
        {639, 2},
        {711, 7},
        {1175468587, 3346},
        {6226775136, 3918},
        {7075687787, 1425}}},
      {61,
       41,
       {{2, 2310},
        {5, 2015},
        {9, 3},
        {9, 3036},
        {10, 1006},
        {13, 2182},
        {40, 7},
        {146, 98},
        {359, 2714},
        {491, 1573},
        {508, 1702},
        {832, 1915},
        {838, 4},
        {887, 6},
        {974, 3506},
        {980, 8},
        {1000, 4},
        {4069402, 3},
        {1294427773, 2234},
        {3879138556, 3},
        {4604106089, 2},
        {5752564566, 3926},
        {5900768166, 5},
        {8059504820, 1759},
        {8231202280, 3}},
       {{2, 2310},
        {9, 3036},
        {40, 7},
        {491, 1573},
        {838, 4},
        {980, 8},
        {1294427773, 2234},
        {5752564566, 3926},
        {8231202280, 3}}},
  };
  for (const Row& row : rows) {
    Stream stream;
    for (const StreamId id : row.ids) Add(stream, id, kFields, {.node_entries = 1});
    EXPECT_EQ(stream.RadixTreeNodes(), row.nodes);
    for (const StreamId id : row.deleted) stream.Delete(id);
    EXPECT_EQ(stream.RadixTreeNodes(), row.nodes_after);
  }
}

TEST(Stream, DeletionMovesTheCounters) {
  Stream stream;
  Fill(stream, 5);
  EXPECT_EQ(stream.Delete({3, 0}), StreamDeleteResult::kDeleted);
  EXPECT_EQ(stream.Delete({3, 0}), StreamDeleteResult::kMissing);
  EXPECT_EQ(stream.Delete({3, 1}), StreamDeleteResult::kMissing);
  EXPECT_EQ(stream.Delete({9, 0}), StreamDeleteResult::kMissing);
  EXPECT_EQ(stream.Delete({0, 1}), StreamDeleteResult::kMissing);
  EXPECT_EQ(stream.max_deleted_id(), (StreamId{3, 0}));
  EXPECT_EQ(stream.first_id(), (StreamId{1, 0}));
  stream.Delete({1, 0});
  EXPECT_EQ(stream.first_id(), (StreamId{2, 0}));
  EXPECT_EQ(stream.max_deleted_id(), (StreamId{3, 0}));
  stream.Delete({2, 0});
  EXPECT_EQ(stream.first_id(), (StreamId{4, 0}));
  EXPECT_EQ(stream.TopId(), (StreamId{5, 0}));
  stream.Delete({5, 0});
  EXPECT_EQ(stream.TopId(), (StreamId{4, 0}));
  stream.Delete({4, 0});
  EXPECT_EQ(stream.first_id(), StreamId{});
  EXPECT_EQ(stream.last_id(), (StreamId{5, 0}));
  EXPECT_EQ(stream.entries_added(), 5U);
  EXPECT_EQ(stream.size(), 0U);
  EXPECT_EQ(stream.node_count(), 0U);
  Add(stream, {6, 0}, {"a", "b"});
  EXPECT_EQ(stream.first_id(), (StreamId{6, 0}));
}

TEST(Stream, Trim) {
  using Kind = StreamTrim::Kind;
  using Precision = StreamTrim::Precision;
  struct Row {
    Kind kind;
    Precision precision;
    std::uint64_t threshold;
    std::uint64_t limit;
    std::uint64_t deleted;
  };
  // Of 250 entries in nodes of 100, 100 and 50.
  const Row rows[] = {
      {Kind::kMaxLength, Precision::kExact, 250, 0, 0},
      {Kind::kMaxLength, Precision::kExact, 249, 0, 1},
      {Kind::kMaxLength, Precision::kExact, 30, 0, 220},
      {Kind::kMaxLength, Precision::kExact, 0, 0, 250},
      {Kind::kMaxLength, Precision::kWholeNodes, 151, 0, 0},
      {Kind::kMaxLength, Precision::kWholeNodes, 150, 0, 100},
      {Kind::kMaxLength, Precision::kWholeNodes, 30, 0, 200},
      {Kind::kMaxLength, Precision::kWholeNodes, 0, 0, 250},
      {Kind::kMaxLength, Precision::kWholeNodes, 0, 99, 0},
      {Kind::kMaxLength, Precision::kWholeNodes, 0, 100, 100},
      {Kind::kMaxLength, Precision::kWholeNodes, 0, 249, 200},
      {Kind::kMinId, Precision::kExact, 0, 0, 0},
      {Kind::kMinId, Precision::kExact, 2, 0, 1},
      {Kind::kMinId, Precision::kExact, 101, 0, 100},
      {Kind::kMinId, Precision::kExact, 1000, 0, 250},
      {Kind::kMinId, Precision::kWholeNodes, 100, 0, 0},
      {Kind::kMinId, Precision::kWholeNodes, 101, 0, 100},
      {Kind::kMinId, Precision::kWholeNodes, 251, 0, 250},
      {Kind::kMinId, Precision::kWholeNodes, 251, 120, 100},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(::testing::Message() << "row " << &row - rows);
    for (const auto references :
         {StreamReferences::kKeep, StreamReferences::kDrop, StreamReferences::kAcknowledged}) {
      Stream stream;
      Fill(stream, 250);
      EXPECT_EQ(
          stream.Trim(
              {row.kind, row.precision, references, row.threshold, {row.threshold, 0}, row.limit}),
          row.deleted);
      EXPECT_EQ(stream.size(), 250 - row.deleted);
      EXPECT_EQ(stream.first_id(),
                row.deleted == 250 ? StreamId{} : (StreamId{row.deleted + 1, 0}));
      EXPECT_EQ(Ids(stream).size(), stream.size());
      EXPECT_EQ(stream.max_deleted_id(), StreamId{});
    }
  }
}

TEST(Stream, NodeEmptiedByTrimmingStays) {
  Stream stream;
  Fill(stream, 3);
  stream.Delete({3, 0});
  EXPECT_EQ(stream.Trim({.kind = StreamTrim::Kind::kMinId, .min_id = {3, 0}}), 2U);
  EXPECT_EQ(stream.size(), 0U);
  EXPECT_EQ(stream.node_count(), 1U);
  Add(stream, {4, 0}, {"a", "b"});
  EXPECT_EQ(stream.node_count(), 1U);
  EXPECT_EQ(Show(stream), Lines{"4-0 a=b"});
}

TEST(Stream, LastIdsThereAre) {
  Stream stream;
  Add(stream, {kMax, kMax - 1}, {"a", "1"}, {.node_entries = 1});
  Add(stream, {kMax, kMax}, {"a", "2"}, {.node_entries = 1});
  const auto kind = StreamTrim::Kind::kMinId;
  EXPECT_EQ(stream.Trim({.kind = kind, .min_id = kStreamIdMax}), 1U);
  EXPECT_EQ(Show(stream, kStreamIdMin, kStreamIdMax, StreamOrder::kBackward).size(), 1U);
  StreamGroup* group = stream.CreateGroup("g", kStreamIdMax, 0);
  StreamConsumer* consumer = group->AddConsumer("c", 0);
  EXPECT_EQ(stream.ReadNew(*group, *consumer, 0, StreamAcknowledge::kByConsumer, 0,
                           [](const StreamEntry&) {}),
            0U);
}

TEST(Stream, SetId) {
  Stream stream;
  Fill(stream, 3);
  EXPECT_EQ(stream.SetId({2, 0}, {}, {}), std::unexpected(StreamSetIdError::kBelowTop));
  EXPECT_EQ(stream.SetId({3, 0}, 2, {}), std::unexpected(StreamSetIdError::kAddedBelowLength));
  EXPECT_TRUE(stream.SetId({9, 0}, 7, {1, 0}));
  EXPECT_EQ(stream.last_id(), (StreamId{9, 0}));
  EXPECT_EQ(stream.entries_added(), 7U);
  EXPECT_EQ(stream.max_deleted_id(), (StreamId{1, 0}));
  EXPECT_TRUE(stream.SetId({8, 0}, {}, {}));
  EXPECT_EQ(stream.max_deleted_id(), (StreamId{1, 0}));
  Stream empty;
  EXPECT_TRUE(empty.SetId({1, 0}, 0, {}));
  EXPECT_EQ(empty.last_id(), (StreamId{1, 0}));
}

TEST(Stream, SmallOnesAreSmall) {
  Stream stream;
  Add(stream, {1'700'000'000'000, 0}, {"field", "value"});
  EXPECT_LE(stream.memory_bytes(), 512U);
  EXPECT_TRUE(stream.is_packed());
}

TEST(Stream, FreeStepsAreBounded) {
  Stream stream;
  Fill(stream, 5000);
  StreamGroup* group = stream.CreateGroup("g", {}, 0);
  StreamConsumer* consumer = group->AddConsumer("c", 0);
  stream.ReadNew(*group, *consumer, 0, StreamAcknowledge::kByConsumer, 0,
                 [](const StreamEntry&) {});
  std::size_t steps = 1;
  std::size_t bytes = stream.memory_bytes();
  while (!stream.FreeStep(500)) {
    ++steps;
    EXPECT_LT(stream.memory_bytes(), bytes);
    bytes = stream.memory_bytes();
  }
  EXPECT_EQ(stream.memory_bytes(), 0U);
  EXPECT_GE(steps, 20U);
}

TEST(Stream, MemoryBytesAreTheAllocators) {
  ds::SlabArena arena;
  for (const std::uint64_t count : {1, 100, 101, 5000}) {
    for (const std::size_t size : {1, 64, 500, 3000, 9000}) {
      const std::string value(size, 'v');
      const std::string_view fields[] = {"field", value};
      const std::int64_t before = HeldBytes();
      Stream stream;
      for (std::uint64_t i = 1; i <= count; ++i) {
        ASSERT_TRUE(stream.Append(Given(i, 0), fields, 0, {}, arena));
      }
      std::int64_t in_nodes = 0;
      stream.ForEachNode([&](const StreamNode& node) {
        in_nodes += static_cast<std::int64_t>(node.memory_bytes());
        EXPECT_EQ(node.memory_bytes(), ds::SlabArena::AllocatedSize(node.memory_bytes()));
      });
      EXPECT_EQ(in_nodes, arena.used_bytes());
      if (before == 0) GTEST_SKIP() << "the allocator does not say";
      // Nodes of slabs are in the arena's figure, larger ones in malloc's too.
      const std::int64_t in_slabs = arena.small_bytes();
      const auto bytes = static_cast<std::int64_t>(stream.memory_bytes());
      const std::int64_t held = HeldBytes() - before + in_slabs;
      // Chunk headers of the arena, which belong to nobody.
      EXPECT_LE(bytes, held);
      EXPECT_GE(bytes, held - 4096) << count << " of " << size;
    }
    EXPECT_EQ(arena.used_bytes(), 0);
  }
}

// Ids within a millisecond, as under load.
TEST(Stream, FullNodesAreAllocatedToTheNext64Bytes) {
  ds::SlabArena arena;
  Stream stream;
  const std::string value(64, 'v');
  const std::string_view fields[] = {"field", value};
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(stream.Append(Given(1 + i / 500, i % 500), fields, 0, {}, arena));
  }
  EXPECT_LT(stream.memory_bytes(), 10'000 * 72U);
  stream.ForEachNode([&](const StreamNode& node) {
    if (node.LastId() == stream.last_id()) return;
    EXPECT_LT(node.memory_bytes(), node.used_bytes() + 64);
  });
}

TEST(Stream, CopiesAreEqualAndApart) {
  Stream stream;
  Fill(stream, 250);
  stream.Delete({7, 0});
  StreamGroup* group = stream.CreateGroup("g", {}, 0);
  StreamConsumer* consumer = group->AddConsumer("a long name of a consumer", 5);
  stream.ReadNew(*group, *consumer, 120, StreamAcknowledge::kByConsumer, 9,
                 [](const StreamEntry&) {});
  Stream copy = stream.Clone();
  EXPECT_LE(copy.memory_bytes(), stream.memory_bytes());
  const std::size_t bytes = copy.memory_bytes();
  const Lines shown = Show(stream);
  while (!stream.FreeStep(100)) continue;
  EXPECT_EQ(copy.memory_bytes(), bytes);
  EXPECT_EQ(Show(copy), shown);
  EXPECT_EQ(copy.last_id(), (StreamId{250, 0}));
  EXPECT_EQ(copy.max_deleted_id(), (StreamId{7, 0}));
  EXPECT_EQ(copy.FindGroup("g")->pending().size(), 120U);
  consumer = copy.FindGroup("g")->FindConsumer("a long name of a consumer");
  EXPECT_EQ(consumer->pending().size(), 120U);
  EXPECT_EQ(consumer->active_time(), 9);
  EXPECT_EQ(copy.FindGroup("g")->FindPending({1, 0})->consumer, consumer);
}

}  // namespace
}  // namespace cairn::value
