// SPDX-License-Identifier: BSD-3-Clause
// Every type and encoding as a payload and back; payloads that Redis 7.0.15 made; every reason for
// which a payload is refused.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codec/codec_testing.h"
#include "codec/describe_testing.h"
#include "codec/dump.h"

namespace cairn::codec {
namespace {

using testing::AsDump;
using testing::Describe;
using testing::Description;
using testing::UsualLimits;
using value::TestHome;
using namespace std::string_literals;

struct Loaded {
  Description said;
  std::string error;
  std::string dumped;  // again
};

Loaded Load(std::string_view payload, const RdbValueLimits& limits = UsualLimits()) {
  TestHome home;
  Loaded loaded;
  const Status read = ReadDump(payload, limits, home.home, [&](RdbValue&& value) {
    loaded.said = Describe(value);
    loaded.dumped =
        std::visit([](const auto& held) { return DumpOf(held, RdbCompression::kLzf); }, value);
  });
  if (!read.ok()) loaded.error = std::string(read.message());
  return loaded;
}

// The dump of a value, loaded, is the same value; and that one's dump loads, too.
template <class V>
void ExpectSame(const V& value) {
  for (const auto compression : {RdbCompression::kNone, RdbCompression::kLzf}) {
    const std::string payload = DumpOf(value, compression);
    ASSERT_TRUE(IsDumpIntact(payload));
    const Loaded loaded = Load(payload);
    ASSERT_EQ(loaded.error, "");
    ASSERT_EQ(loaded.said, Describe(value));
    ASSERT_EQ(Load(loaded.dumped).said, loaded.said);
  }
}

TEST(RdbValueTest, Strings) {
  for (const std::string& text : {""s, "abc"s, "-12"s, "3000000000"s, std::string(500, 'x'),
                                  std::string("\0\xff", 2), "123456789012"s})
    ExpectSame(std::string_view(text));
}

// Sizes that cross every conversion, members of every kind.
TEST(RdbValueTest, CollectionsOfAnySize) {
  constexpr std::uint64_t kSeed = 20261121;
  Random random(kSeed);
  const RdbValueLimits limits = UsualLimits();
  for (int round = 0; round < 120; ++round) {
    SCOPED_TRACE("round " + std::to_string(round) + " seed " + std::to_string(kSeed));
    TestHome home;
    const std::uint64_t size = random.Below(round % 4 == 0 ? 700 : 140) + 1;
    const bool numbers_only = random.Below(3) == 0;
    const std::uint64_t kinds = random.Below(2) == 0 ? 3 : 5;
    value::List list;
    value::Set set;
    value::SortedSet sorted_set;
    value::Hash hash;
    value::Hash timed;
    for (std::uint64_t i = 0; i < size; ++i) {
      const auto kind = static_cast<value::TextKind>(random.Below(numbers_only ? 2 : kinds));
      const std::string text = value::RandomText(random, kind, 1000);
      const std::string_view view = text;
      list.Push(value::ListEnd::kBack, std::span(&view, 1), limits.list);
      set.Add(text, limits.set, home.home);
      const double score = random.Below(2) == 0 ? static_cast<double>(random.Below(100))
                                                : static_cast<double>(random.Below(1000)) / 7;
      sorted_set.Add(text, score, {}, limits.sorted_set, home.home);
      hash.Set(text, std::to_string(i), limits.hash, home.home);
      timed.Set(text, text, limits.hash, home.home);
      if (random.Below(2) == 0)
        timed.SetExpiry(text, static_cast<UnixMs>(1'700'000'000'000 + random.Below(100)),
                        home.home);
    }
    ExpectSame(list);
    ExpectSame(set);
    ExpectSame(sorted_set);
    ExpectSame(hash);
    ExpectSame(timed);
  }
}

TEST(RdbValueTest, AHashWhoseTimesWereTakenBackNeedsNoNewVersion) {
  TestHome home;
  value::Hash hash;
  hash.Set("f", "v", UsualLimits().hash, home.home);
  hash.SetExpiry("f", 1000, home.home);
  EXPECT_EQ(RdbVersionOf(RdbTypeOf(hash)), kRdbVersionFieldTimes);
  hash.ClearExpiry("f");
  EXPECT_EQ(RdbTypeOf(hash), RdbType::kHash);
  EXPECT_EQ(Load(DumpOf(hash, RdbCompression::kNone)).said, (Description{"listpack", "f=v"}));
}

TEST(RdbValueTest, HugeElementsOfALongList) {
  value::List list;
  value::ListLimits limits{.plain_bytes = 1000};
  for (int i = 0; i < 40; ++i) {
    const std::string text(i % 3 == 0 ? 5000 : 500, static_cast<char>('a' + i % 26));
    const std::string_view view = text;
    list.Push(value::ListEnd::kBack, std::span(&view, 1), limits);
  }
  ExpectSame(list);
}

// Payloads of version 10, as redis-server 7.0.15 replies to DUMP, and forms that it no longer
// writes.
TEST(RdbValueTest, EveryTypeCode) {
  // Listpack and ziplist of a, 1, b, 2; listpack of the field a with the time 9, and b without.
  const std::string text = "\x11\x11\0\0\0\x04\0\x81\x61\x02\x01\x01\x81\x62\x02\x02\x01\xff"s;
  const std::string old =
      "\025\025\000\000\000\022\000\000\000\004\000\000\001\141\003\362\002\001\142\003\363\377"s;
  const std::string timed =
      "\025\025\000\000\000\006\000\201\141\002\001\001\011\001\201\142\002\002\001\000\001\377"s;
  struct Row {
    RdbType type;
    std::string bytes;
    Description said;
  };
  const Row rows[] = {
      {RdbType::kString, "\x01x"s, {"string", "x"}},
      {RdbType::kList, "\x02\x01\x61\xc0\x05"s, {"listpack", "a", "5"}},
      {RdbType::kSet, "\x02\x01\x61\xc0\x05"s, {"listpack", "5", "a"}},
      {RdbType::kSortedSetText,
       "\x04\x01\x61\x03"s + "1.5" + "\x01\x62\xff\x01\x63\xfe\x01\x64\x01\x32",
       {"listpack", "b=-inf", "a=1.5", "d=2", "c=inf"}},
      {RdbType::kHash, "\x01\x01\x61\x01\x62"s, {"listpack", "a=b"}},
      {RdbType::kSortedSet, "\x01\x01\x61\0\0\0\0\0\0\xf8\x3f"s, {"listpack", "a=1.5"}},
      {RdbType::kHashZipmap, "\x07\x01\x01\x61\x01\0\x62\xff"s, {"listpack", "a=b"}},
      {RdbType::kListZiplist, old, {"listpack", "a", "1", "b", "2"}},
      {RdbType::kSortedSetZiplist, old, {"listpack", "a=1", "b=2"}},
      {RdbType::kHashZiplist, old, {"listpack", "a=1", "b=2"}},
      {RdbType::kListOfZiplists,
       "\x02"s + old + old,
       {"quicklist", "a", "1", "b", "2", "a", "1", "b", "2"}},
      {RdbType::kSetInts, "\x0c\x02\0\0\0\x02\0\0\0\x01\0\x02\0"s, {"intset", "1", "2"}},
      {RdbType::kSortedSetPacked, text, {"listpack", "a=1", "b=2"}},
      {RdbType::kHashPacked, text, {"listpack", "a=1", "b=2"}},
      {RdbType::kListNodes, "\x01\x02"s + text, {"listpack", "a", "1", "b", "2"}},
      {RdbType::kListNodes, "\x02\x01\x01x\x02"s + text, {"quicklist", "x", "a", "1", "b", "2"}},
      {RdbType::kSetPacked, text, {"listpack", "1", "2", "a", "b"}},
      {RdbType::kHashTimes,
       "\x0a\0\0\0\0\0\0\0\x02\x01\x01\x61\x01\x62\0\x01\x63\x01\x64"s,
       {"listpackex", "a=b@10", "c=d"}},
      {RdbType::kHashPackedTimes, "\x09\0\0\0\0\0\0\0"s + timed, {"listpackex", "a=1@9", "b=2"}},
      {RdbType::kHashPackedTimesPreRelease, timed, {"listpackex", "a=1@9", "b=2"}},
      {RdbType::kHashTimesPreRelease, "\x01\x0a\x01\x61\x01\x62"s, {"listpackex", "a=b@10"}},
  };
  for (const Row& row : rows) {
    const std::string value = static_cast<char>(row.type) + row.bytes;
    const Loaded loaded = Load(AsDump(value));
    EXPECT_EQ(loaded.error, "") << int(row.type);
    EXPECT_EQ(loaded.said, row.said) << int(row.type);
  }
}

struct Bad {
  const char* name;
  RdbType type;
  std::string bytes;
  const char* error;
};

std::string Packed(const std::vector<std::string>& texts, bool verbatim = false) {
  ds::PackedList list;
  for (const std::string& text : texts)
    list.Append(verbatim ? ds::PackedValue::Verbatim(text) : ds::PackedValue(text));
  RdbOutput out(RdbCompression::kNone);
  out.Text(list.bytes());
  return out.TakeBytes();
}

TEST(RdbValueTest, WhatIsRefused) {
  const Bad rows[] = {
      {"unknown type", RdbType(8), "", "a value of an unknown type, 8, at byte 0"},
      {"module", RdbType::kModule, "\x81\x45\xe2\x52\x38\xdf\x91\x2c\0"s,
       "a value of the module 'ReJSON-RL' at byte 1"},
      {"no value", RdbType::kHash, "", "the end comes too early, in what begins at byte 1"},
      {"empty set", RdbType::kSet, "\0"s, "an empty collection, before what begins at byte 1"},
      {"more behind", RdbType::kString, "\x01xy",
       "more than a value, behind what begins at byte 1"},
      {"member twice", RdbType::kSet, "\x02\x01x\x01x", "a member that is there at byte 4"},
      {"a number twice", RdbType::kSet, "\x02\xc0\x05\xc1\x05\0"s,
       "a member that is there at byte 4"},
      {"field twice", RdbType::kHash, "\x02\x01x\x01y\x01x\x01z",
       "a field that is there already, whose value stands at byte 8"},
      {"scored twice", RdbType::kSortedSet, "\x02\x01x\0\0\0\0\0\0\0\0\x01x\0\0\0\0\0\0\0\0"s,
       "a member that is there already, whose score stands at byte 14"},
      {"not a number", RdbType::kSortedSet, "\x01\x01x\0\0\0\0\0\0\xf8\x7f"s,
       "a score that is no number at byte 4"},
      {"nan as text", RdbType::kSortedSetText, "\x01\x01x\xfd",
       "a score that is no number at byte 4"},
      {"no score", RdbType::kSortedSetText, "\x01\x01x\x02-x", "no score at byte 4"},
      {"half a field", RdbType::kHashPacked, Packed({"a", "b", "c"}),
       "a hash with half a field, in a text at byte 1"},
      {"packed field twice", RdbType::kHashPacked, Packed({"a", "b", "a", "c"}),
       "a hash with a field twice, in a text at byte 1"},
      {"no score behind", RdbType::kSortedSetPacked, Packed({"a", "1", "b"}),
       "a sorted set with a member without a score, in a text at byte 1"},
      {"out of order", RdbType::kSortedSetPacked, Packed({"a", "2", "b", "1"}),
       "a sorted set that is not in order, in a text at byte 1"},
      {"bytes out of order", RdbType::kSortedSetPacked, Packed({"b", "1", "a", "1"}),
       "a sorted set that is not in order, in a text at byte 1"},
      {"packed member twice", RdbType::kSortedSetPacked, Packed({"a", "1", "a", "2"}),
       "a sorted set with a member twice, in a text at byte 1"},
      {"packed not a number", RdbType::kSortedSetPacked, Packed({"a", "nan"}),
       "a sorted set that is not in order, in a text at byte 1"},
      {"set twice", RdbType::kSetPacked, Packed({"a", "b", "a"}),
       "a set with a member twice, in a text at byte 1"},
      {"times missing", RdbType::kHashPackedTimesPreRelease, Packed({"a", "b", "c", "d"}),
       "a hash with half a field, in a text at byte 1"},
      {"times not in order", RdbType::kHashPackedTimesPreRelease,
       Packed({"a", "b", "5", "c", "d", "4"}),
       "a hash whose times are not in order, in a text at byte 1"},
      {"no time", RdbType::kHashPackedTimesPreRelease, Packed({"a", "b", "x"}),
       "a hash whose times are not in order, in a text at byte 1"},
      {"time too late", RdbType::kHashTimesPreRelease, "\x01\x81\0\x01\0\0\0\0\0\0\x01x\x01y"s,
       "a time of a field out of range at byte 2"},
      {"base too late", RdbType::kHashTimes, "\0\0\0\0\0\0\x01\0\x01\x01\x01x\x01y"s,
       "a time of a field out of range at byte 9"},
      {"no listpack", RdbType::kHashPacked, "\x03xyz", nullptr},
      {"no intset", RdbType::kSetInts, "\x03xyz", nullptr},
      {"no ziplist", RdbType::kHashZiplist, "\x03xyz", nullptr},
      {"no zipmap", RdbType::kHashZipmap, "\x03xyz", nullptr},
      {"node kind", RdbType::kListNodes, "\x01\x03\x01x",
       "a node of a list of no known kind at byte 2"},
      {"enormous count", RdbType::kHash, "\x81\xff\xff\xff\xff\xff\xff\xff\xff",
       "the end comes too early, in what begins at byte 10"},
  };
  for (const Bad& row : rows) {
    const Loaded loaded = Load(AsDump(static_cast<char>(row.type) + row.bytes));
    EXPECT_NE(loaded.error, "") << row.name;
    EXPECT_TRUE(loaded.said.empty()) << row.name;
    if (row.error != nullptr) EXPECT_EQ(loaded.error, row.error) << row.name;
  }
}

// A number and its text are one member, and so are things that lie far apart.
TEST(RdbValueTest, DuplicatesAreFoundWhereverTheyAre) {
  std::vector<std::string> texts;
  texts.reserve(100);
  for (int i = 0; i < 100; ++i)
    texts.push_back(i % 2 == 0 ? std::to_string(i) : "m" + std::to_string(i));
  for (const bool verbatim : {false, true}) {
    const std::string type(1, static_cast<char>(RdbType::kSetPacked));
    EXPECT_EQ(Load(AsDump(type + Packed(texts, verbatim))).error, "");
    std::vector<std::string> twice = texts;
    twice.push_back("42");
    EXPECT_NE(Load(AsDump(type + Packed(twice, verbatim))).error, "");
    // Longer than a packed set may be: the table finds it.
    RdbValueLimits limits = UsualLimits();
    limits.set.packed_entries = 50;
    EXPECT_NE(Load(AsDump(type + Packed(twice, verbatim)), limits).error, "");
    EXPECT_EQ(Load(AsDump(type + Packed(texts, verbatim)), limits).said[0], "hashtable");
  }
}

TEST(RdbValueTest, FormsFollowTheLimitsOfTheReader) {
  RdbValueLimits small = UsualLimits();
  small.hash.packed_entries = small.set.packed_entries = small.sorted_set.packed_entries = 2;
  small.set.int_entries = 2;
  small.list.node_fill = 2;
  TestHome home;
  value::List list;
  value::Set ints;
  value::SortedSet sorted_set;
  value::Hash hash;
  value::Hash timed;
  for (const std::string text : {"1", "2", "3"}) {
    const std::string_view view = text;
    list.Push(value::ListEnd::kBack, std::span(&view, 1), {});
    ints.Add(text, UsualLimits().set, home.home);
    sorted_set.Add(text, 1, {}, UsualLimits().sorted_set, home.home);
    hash.Set(text, text, UsualLimits().hash, home.home);
    timed.Set(text, text, UsualLimits().hash, home.home);
    timed.SetExpiry(text, 1000, home.home);
  }
  const auto encoding = [&](const auto& value) {
    Loaded loaded = Load(DumpOf(value, RdbCompression::kNone), small);
    Description before = Describe(value);
    before[0] = loaded.said.empty() ? loaded.error : loaded.said[0];
    EXPECT_EQ(loaded.said, before);
    return before[0];
  };
  EXPECT_EQ(encoding(list), "quicklist");
  EXPECT_EQ(encoding(ints), "hashtable");
  EXPECT_EQ(encoding(sorted_set), "skiplist");
  EXPECT_EQ(encoding(hash), "hashtable");
  EXPECT_EQ(encoding(timed), "hashtable");
}

TEST(RdbValueTest, AnyBitOfAPayloadMayFlip) {
  TestHome home;
  value::Hash hash;
  for (int i = 0; i < 5; ++i)
    hash.Set("field" + std::to_string(i), std::to_string(i), UsualLimits().hash, home.home);
  const std::string payload = DumpOf(hash, RdbCompression::kLzf);
  for (std::size_t bit = 0; bit < 8 * payload.size(); ++bit) {
    std::string flipped = payload;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(IsDumpIntact(flipped)) << bit;
    // With the checksum put right it is read or refused.
    const std::string value = flipped.substr(0, payload.size() - kDumpFooterBytes);
    const Loaded loaded = Load(AsDump(value));
    EXPECT_NE(loaded.error.empty(), loaded.said.empty());
    if (loaded.error.empty()) EXPECT_EQ(Load(loaded.dumped).said, loaded.said);
  }
}

TEST(RdbValueTest, PayloadsOfOtherVersions) {
  EXPECT_TRUE(IsDumpIntact(AsDump("\0\x01x"s, 6)));
  EXPECT_TRUE(IsDumpIntact(AsDump("\0\x01x"s, 12)));
  EXPECT_FALSE(IsDumpIntact(AsDump("\0\x01x"s, 13)));
  EXPECT_FALSE(IsDumpIntact(""));
  EXPECT_FALSE(IsDumpIntact("123456789"));
}

}  // namespace
}  // namespace cairn::codec
