// SPDX-License-Identifier: BSD-3-Clause
// Nodes as listpacks: byte for byte what Redis makes, and nothing but that is taken back.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "value/collection_testing.h"
#include "value/stream_node.h"
#include "value/stream_testing.h"

namespace cairn::value {
namespace {

using testing::Add;
using testing::Ids;
using testing::Show;
using testing::TestArena;

std::string FromHex(std::string_view digits) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>((value(digits[i]) << 4) | value(digits[i + 1])));
  }
  return bytes;
}

// The node that Redis 7.0.15 makes of MakeStream, out of its DUMP; 300 letters x stand between.
constexpr std::string_view kOracleHead =
    "150200003f00070101010101816102000102010001000101010401020100010101d00002040101010101dffb"
    "0202018161028474657874058162028001080100010101c1270201018001e12c";
constexpr std::string_view kOracleTail =
    "02ae06010201f4fbffffffff00000009f4fbffffffffffff0f09f4ffffffffffffff7f0904010001f4fbffffff"
    "ff01000009dffd0202018161029339323233333732303336383534373735383038140c018430303132050801"
    "0001f4fbffffffff07000009dffd020301816102dfff02816102f200000104816102f300008000050a010001"
    "f4fb0fa5d4e808000009dffb020101816202c12c020601ff";

std::string OracleBytes() {
  return FromHex(kOracleHead) + std::string(300, 'x') + FromHex(kOracleTail);
}

Stream MakeStream() {
  Stream stream;
  const std::string long_text(300, 'x');
  Add(stream, {5, 5}, {"a", "1"});
  Add(stream, {5, 6}, {"a", "-4096"});
  Add(stream, {6, 0}, {"a", "text", "b", ""});
  Add(stream, {6, 300}, {"", long_text});
  Add(stream, {1099511627776, 1152921504606846976}, {"a", "9223372036854775807"});
  Add(stream, {2199023255552, 2}, {"a", "9223372036854775808", "12", "0012"});
  Add(stream, {8796093022208, 2}, {"a", "-1", "a", "65536", "a", "8388608"});
  stream.Delete({6, 0});
  Add(stream, {9796093022208, 0}, {"b", "300"});
  return stream;
}

// Bytes that this thread was ever given; 0 where the allocator does not say.
std::uint64_t BytesTaken() {
  std::uint64_t allocated = 0;
#ifdef CAIRN_JEMALLOC
  std::size_t size = sizeof(allocated);
  if (mallctl("thread.allocated", &allocated, &size, nullptr, 0) != 0) return 0;
#endif
  return allocated;
}

// A node that claims as many names, or an entry as many fields, as it has bytes.
TEST(StreamPacked, NothingIsSetAsideForACount) {
  constexpr int kClaimed = 4'000'000;
  const std::string text(kClaimed, 'x');
  ds::PackedList names;
  for (const int number : {1, 0, kClaimed}) names.Append(number);
  names.Append(text);
  ds::PackedList fields;
  for (const int number : {1, 0, 1, 1, 0, 0, 0, 0, kClaimed}) fields.Append(number);
  fields.Append(text);
  for (const ds::PackedList* list : {&names, &fields}) {
    const std::uint64_t before = BytesTaken();
    EXPECT_FALSE(StreamNode::FromPacked(TestArena(), {1, 0}, list->bytes()).has_value());
    EXPECT_LT(BytesTaken() - before, 2 * text.size());
  }
}

TEST(StreamPacked, BytesAreRedis) {
  const Stream stream = MakeStream();
  int nodes = 0;
  stream.ForEachNode([&](const StreamNode& node) {
    EXPECT_EQ(node.ToPacked(), OracleBytes());
    EXPECT_EQ(node.packed_bytes(), OracleBytes().size());
    ++nodes;
  });
  EXPECT_EQ(nodes, 1);
}

TEST(StreamPacked, WhatRedisMadeIsRead) {
  Stream stream;
  ASSERT_TRUE(stream.Adopt({5, 5}, OracleBytes(), TestArena()).ok());
  stream.SetCounters({.last_id = {9796093022208, 0}, .max_deleted_id = {6, 0}, .entries_added = 8});
  const Stream expected = MakeStream();
  EXPECT_EQ(Show(stream), Show(expected));
  EXPECT_EQ(stream.size(), 7U);
  EXPECT_EQ(stream.first_id(), expected.first_id());
  EXPECT_EQ(stream.last_id(), expected.last_id());
  EXPECT_EQ(stream.max_deleted_id(), expected.max_deleted_id());
  EXPECT_EQ(stream.Adopt({9796093022208, 0}, OracleBytes(), TestArena()).code(),
            StatusCode::kCorrupt);
  // Another entry goes into the same node, as it would have without the journey.
  Add(stream, {9796093022209, 0}, {"b", "300"});
  EXPECT_EQ(stream.node_count(), 1U);
}

// A file may have deleted entries at the end of its last node, or nothing else there, and not know
// of it: ids go on behind them all the same, or the node's would not rise.
TEST(StreamPacked, NoIdIsSetBelowADeletedEntryOfTheLastNode) {
  for (const std::uint64_t live : {2U, 0U}) {
    SCOPED_TRACE(live);
    Stream source;
    testing::Fill(source, 4);
    EXPECT_EQ(source.Delete({4, 0}), StreamDeleteResult::kDeleted);
    // A node whose last id is not below the limit stays, though nothing lives in it.
    source.Trim({.kind = StreamTrim::Kind::kMinId, .min_id = {4 - live, 0}});
    Stream stream;
    source.ForEachNode([&](const StreamNode& node) {
      ASSERT_TRUE(stream.Adopt(node.base(), node.ToPacked(), TestArena()).ok());
    });
    ASSERT_EQ(stream.node_count(), 1U);
    ASSERT_EQ(stream.size(), live);
    stream.SetCounters({.last_id = {4, 0}, .max_deleted_id = {}, .entries_added = 4});
    EXPECT_EQ(stream.SetId({3, 5}, {}, {}), std::unexpected(StreamSetIdError::kBelowTop));
    EXPECT_EQ(stream.last_id(), (StreamId{4, 0}));
    EXPECT_TRUE(stream.SetId({4, 0}, {}, {}));
    EXPECT_EQ(Add(stream, {4, 1}, {"field", "value"}), (StreamId{4, 1}));
    EXPECT_EQ(stream.size(), live + 1);
    EXPECT_EQ(stream.node_count(), 1U);
  }
}

// Whatever is done to the bytes, they are refused or read; a reader of either kind has no quarrel
// with memory (under the address sanitizer this says more).
TEST(StreamPacked, BrokenBytes) {
  const std::string whole = OracleBytes();
  constexpr std::uint64_t kSeed = 77;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  Random random(kSeed);
  int refused = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = whole;
    for (std::uint64_t changes = 1 + random.Below(3); changes > 0; --changes) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Next());
    }
    Stream stream;
    if (!stream.Adopt({5, 5}, bytes, TestArena()).ok()) {
      ++refused;
      EXPECT_EQ(stream.node_count(), 0U);
      continue;
    }
    stream.SetCounters({});
    EXPECT_EQ(Show(stream).size(), stream.size());
  }
  EXPECT_GT(refused, 1000);
  Stream stream;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(stream.Adopt({5, 5}, whole.substr(0, size), TestArena()).ok());
  }
}

// A listpack of these numbers and texts.
std::string Pack(std::initializer_list<ds::PackedValue> values) {
  ds::PackedList list;
  for (const ds::PackedValue& value : values) list.Append(value);
  return std::string(list.bytes());
}

TEST(StreamPacked, Refused) {
  const ds::PackedValue f("f");
  struct Row {
    const char* what;
    std::string bytes;
    bool good;
  };
  const Row rows[] = {
      {"one entry", Pack({1, 0, 1, f, 0, 2, 0, 0, f, 4}), true},
      {"all deleted", Pack({0, 1, 1, f, 0, 3, 0, 0, f, 4}), true},
      {"its own fields", Pack({1, 0, 1, f, 0, 0, 0, 0, 1, f, f, 6}), true},
      {"nothing", Pack({}), false},
      {"no entries", Pack({0, 0, 1, f, 0}), false},
      {"too few entries", Pack({2, 0, 1, f, 0, 2, 0, 0, f, 4}), false},
      {"not deleted", Pack({0, 1, 1, f, 0, 2, 0, 0, f, 4}), false},
      {"unknown flag", Pack({1, 0, 1, f, 0, 6, 0, 0, f, 4}), false},
      {"no fields", Pack({1, 0, 0, 0, 2, 0, 0, 3}), false},
      {"no fields of its own", Pack({1, 0, 1, f, 0, 0, 0, 0, 0, 4}), false},
      {"terminator", Pack({1, 0, 1, f, 1, 2, 0, 0, f, 4}), false},
      {"wrong count of elements", Pack({1, 0, 1, f, 0, 2, 0, 0, f, 5}), false},
      {"text for a number", Pack({1, 0, 1, f, 0, 2, f, 0, f, 4}), false},
      {"same id twice", Pack({2, 0, 1, f, 0, 2, 0, 0, f, 4, 2, 0, 0, f, 4}), false},
      {"id before the first", Pack({1, 0, 1, f, 0, 2, 0, -1, f, 4}), false},
      {"huge count", Pack({1, 0, 2147483647, f, 0, 2, 0, 0, f, 4}), false},
      {"something behind", Pack({1, 0, 1, f, 0, 2, 0, 0, f, 4, 1}), false},
  };
  for (const Row& row : rows) {
    Stream stream;
    EXPECT_EQ(stream.Adopt({1, 1}, row.bytes, TestArena()).ok(), row.good) << row.what;
  }
}

// An element in a listpack, with the length behind it; short ones only.
std::string Element(std::string_view head, std::string_view text = {}) {
  std::string bytes = std::string(head) + std::string(text);
  bytes.push_back(static_cast<char>(bytes.size()));
  return bytes;
}

// Whoever made them: numbers as text, and lengths and numbers wider than they need to be, are as
// XADD would have written them.
TEST(StreamPacked, WhatOthersWriteWiderIsMadeAsXaddDoes) {
  using namespace std::string_literals;
  const struct {
    const char* what;
    std::string element;
    ds::PackedValue made;
  } rows[] = {
      {"a number as text", Element("\x85"s, "12345"), 12345},
      {"a negative one", Element("\x82"s, "-7"), -7},
      {"the largest", Element("\x93"s, "9223372036854775807"), INT64_MAX},
      {"no number", Element("\x83"s, "007"), "007"},
      {"a sign", Element("\x81"s, "-"), "-"},
      {"a high byte", Element("\x81"s, "\xff"), "\xff"},
      {"nothing", Element("\x80"s), ""},
      {"a length of 12 bits", Element("\xe0\x02"s, "ab"), "ab"},
      {"a length of 32 bits", Element("\xf0\x02\0\0\0"s, "ab"), "ab"},
      {"13 bits", Element("\xc0\x05"s), 5},
      {"16 bits", Element("\xf1\x05\0"s), 5},
      {"24 bits", Element("\xf2\xff\xff\xff"s), -1},
      {"32 bits", Element("\xf3\0\x01\0\0"s), 256},
      {"64 bits", Element("\xf4\0\0\0\0\0\0\0\x80"s), INT64_MIN},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    const std::string usual = Element("\x81"s, "f");
    for (const bool as_name : {true, false}) {
      const std::string& name = as_name ? row.element : usual;
      const std::string& value = as_name ? usual : row.element;
      std::string bytes = std::string(4, '\0') + "\x0a\0"s;
      bytes += Element("\x01"s) + Element("\0"s) + Element("\x01"s) + name + Element("\0"s);
      bytes +=
          Element("\x02"s) + Element("\0"s) + Element("\0"s) + value + Element("\x04"s) + "\xff";
      bytes[0] = static_cast<char>(bytes.size());
      ds::PackedList made;
      for (const ds::PackedValue& element :
           {ds::PackedValue(1), ds::PackedValue(0), ds::PackedValue(1),
            as_name ? row.made : ds::PackedValue("f"), ds::PackedValue(0), ds::PackedValue(2),
            ds::PackedValue(0), ds::PackedValue(0), as_name ? ds::PackedValue("f") : row.made,
            ds::PackedValue(4)})
        made.Append(element);
      const auto node = StreamNode::FromPacked(TestArena(), {1, 1}, bytes);
      ASSERT_TRUE(node.has_value()) << node.error().message();
      EXPECT_EQ((*node)->ToPacked(), made.bytes());
      EXPECT_EQ((*node)->packed_bytes(), made.bytes().size());
      StreamNode::Free(TestArena(), *node);
    }
  }
}

// The listpack of a node, element by element.
std::string Appended(const StreamNode& node, const std::vector<std::string>& names) {
  ds::PackedList list;
  list.Append(static_cast<long>(node.live()));
  list.Append(static_cast<long>(node.deleted()));
  list.Append(static_cast<long>(names.size()));
  for (const std::string& name : names) list.Append(name);
  list.Append(0);
  StreamNode::Place place;
  for (bool more = node.First(&place); more; more = node.Next(place, &place)) {
    list.Append((place.deleted ? 1 : 0) | (place.same_fields ? 2 : 0));
    list.Append(static_cast<long>(place.id.ms - node.base().ms));
    list.Append(static_cast<long>(place.id.seq - node.base().seq));
    const StreamEntry entry(&node, place);
    if (!place.same_fields) list.Append(static_cast<long>(entry.size()));
    entry.ForEach([&](std::string_view field, std::string_view value) {
      if (!place.same_fields) list.Append(field);
      list.Append(value);
    });
    list.Append(static_cast<long>(place.same_fields ? 3 + entry.size() : 4 + 2 * entry.size()));
  }
  return std::string(list.bytes());
}

// Entries of any shape, ids near and far, also such as a listpack has in two bytes and a node in
// eight: it makes the same bytes as one element after the other, and comes back the same.
TEST(StreamPacked, AnyEntriesThereAndBack) {
  constexpr std::uint64_t kSeed = 20261122;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  Random random(kSeed);
  constexpr TextKind kKinds[] = {TextKind::kSmallNumber, TextKind::kNumber, TextKind::kShort,
                                 TextKind::kLong, TextKind::kHuge};
  const auto text = [&] { return RandomText(random, kKinds[random.Below(5)], 1000); };
  for (int round = 0; round < 400; ++round) {
    StreamId id = {random.Below(3) == 0 ? 0 : random.Next() >> 8,
                   random.Next() >> random.Below(60)};
    std::vector<std::string> names(1 + random.Below(4));
    std::ranges::generate(names, text);
    const std::uint64_t step = std::uint64_t{1} << random.Below(40);
    Stream stream;
    for (std::uint64_t left = 1 + random.Below(130); left > 0; --left) {
      std::vector<std::string> words;
      for (const std::string& name : names) words.insert(words.end(), {name, text()});
      if (stream.size() > 0 && random.Below(8) == 0)
        words.insert(words.end(), {text(), std::string(random.Below(20'000), 'v')});
      Add(stream, id, {words.begin(), words.end()}, {.node_bytes = 0, .node_entries = 0});
      id = random.Below(2) == 0 ? *Successor(id) : StreamId{id.ms + 1 + random.Below(step), id.seq};
    }
    for (StreamId deleted : Ids(stream)) {
      if (stream.size() > 1 && random.Below(9) == 0) stream.Delete(deleted);
    }
    stream.ForEachNode([&](const StreamNode& node) {
      const std::string packed = node.ToPacked();
      ASSERT_EQ(packed, Appended(node, names));
      const auto again = StreamNode::FromPacked(TestArena(), node.base(), packed);
      ASSERT_TRUE(again.has_value()) << again.error().message();
      EXPECT_EQ((*again)->ToPacked(), packed);
      EXPECT_EQ((*again)->packed_bytes(), packed.size());
      EXPECT_LE((*again)->used_bytes(), node.used_bytes());
      EXPECT_EQ((*again)->LastId(), node.LastId());
      StreamNode::Free(TestArena(), *again);
    });
  }
}

// A sequence far from 0 that is the first entry's, too, takes two bytes there and eight here.
TEST(StreamPacked, WhatTakesMoreInANodeHasRoom) {
  Stream stream;
  for (std::uint64_t ms = 1; ms <= 5000; ++ms)
    Add(stream, {ms, std::uint64_t{1} << 63}, {"f", "1"}, {.node_bytes = 0, .node_entries = 0});
  stream.ForEachNode([](const StreamNode& node) {
    const std::string packed = node.ToPacked();
    EXPECT_GT(node.used_bytes(), packed.size() + 1000);
    const auto again = StreamNode::FromPacked(TestArena(), node.base(), packed);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ((*again)->used_bytes(), node.used_bytes());
    EXPECT_LE((*again)->used_bytes(), (*again)->memory_bytes());
    EXPECT_EQ((*again)->ToPacked(), packed);
    StreamNode::Free(TestArena(), *again);
  });
}

// Neither way sets anything aside for an entry, nor grows what it makes.
TEST(StreamPacked, BothWaysTakeTheirMemoryAtOnce) {
  Stream stream;
  for (std::uint64_t i = 1; i <= 1000; ++i)
    Add(stream, {1, i}, {"f", "v" + std::to_string(i), "g", std::to_string(i)},
        {.node_bytes = 0, .node_entries = 0});
  stream.ForEachNode([](const StreamNode& node) {
    std::uint64_t before = BytesTaken();
    const std::string packed = node.ToPacked();
    EXPECT_LE(BytesTaken() - before, 3 * packed.size() / 2);
    before = BytesTaken();
    const auto again = StreamNode::FromPacked(TestArena(), node.base(), packed);
    EXPECT_LE(BytesTaken() - before, 5 * packed.size() / 2);
    ASSERT_TRUE(again.has_value());
    StreamNode::Free(TestArena(), *again);
  });
}

}  // namespace
}  // namespace cairn::value
