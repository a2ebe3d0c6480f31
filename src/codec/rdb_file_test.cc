// SPDX-License-Identifier: BSD-3-Clause
// Files: what RdbWriter writes, RdbReader reads, whole or in pieces; cut and flipped files are
// refused.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "codec/codec_testing.h"
#include "codec/describe_testing.h"
#include "codec/rdb_reader.h"
#include "codec/rdb_writer.h"
#include "value/stream_testing.h"

namespace cairn::codec {
namespace {

using testing::Describe;
using testing::Description;
using testing::StringSink;
using testing::StringSource;
using testing::UsualLimits;
using testing::WithChecksum;
using value::TestHome;
using namespace std::string_literals;

// Everything a file says, a line a part.
struct Read {
  std::vector<std::string> said;
  Status status;
  std::uint64_t empty_keys = 0;
  std::string unread;
};

std::string Joined(const Description& description) {
  std::string line;
  for (const std::string& text : description) line += " " + text;
  return line;
}

std::string LineOf(const RdbItem& item) {
  switch (item.kind) {
    case RdbItem::Kind::kAux:
      return "aux " + item.name + "=" + std::string(item.text);
    case RdbItem::Kind::kDb:
      return "db " + std::to_string(item.db.value);
    case RdbItem::Kind::kResize:
      return "resize " + std::to_string(item.keys) + " " + std::to_string(item.volatile_keys);
    case RdbItem::Kind::kFunction:
      return "function " + std::string(item.text);
    case RdbItem::Kind::kSlot:
      return "slot " + std::to_string(item.keys);
    case RdbItem::Kind::kEnd:
      return "end";
    case RdbItem::Kind::kKey:
      break;
  }
  std::string line = item.name + ":" + Joined(Describe(item.value));
  if (item.expiry != kNever) line += " expires " + std::to_string(item.expiry);
  if (item.idle_seconds) line += " idle " + std::to_string(*item.idle_seconds);
  if (item.frequency) line += " frequency " + std::to_string(*item.frequency);
  return line;
}

Read ReadFile(std::string_view bytes, std::size_t step = SIZE_MAX,
              const RdbReaderOptions& options = {.limits = UsualLimits()}) {
  TestHome home;
  StringSource source(bytes, step);
  RdbReader reader(source, [&home](std::string_view) { return home.home; }, options);
  Read read;
  RdbItem item;
  while (true) {
    read.status = reader.Next(&item);
    if (!read.status.ok()) break;
    read.said.push_back(LineOf(item));
    if (item.kind == RdbItem::Kind::kEnd) break;
  }
  read.empty_keys = reader.empty_keys();
  read.unread = std::string(reader.unread());
  return read;
}

struct Values {
  TestHome home;
  value::List list;
  value::Set set;
  value::SortedSet sorted_set;
  value::Hash hash;
  value::Hash timed;
  value::Stream stream;

  explicit Values(int size) {
    const RdbValueLimits limits = UsualLimits();
    for (int i = 0; i < size; ++i) {
      const std::string text = "element" + std::to_string(i);
      const std::string_view view = text;
      list.Push(value::ListEnd::kBack, std::span(&view, 1), limits.list);
      set.Add(text, limits.set, home.home);
      sorted_set.Add(text, i / 2.0, {}, limits.sorted_set, home.home);
      hash.Set(text, text, limits.hash, home.home);
      timed.Set(text, text, limits.hash, home.home);
      if (i % 2 == 0) timed.SetExpiry(text, 5'000'000'000'000 + i, home.home);
      value::testing::Add(stream, {static_cast<std::uint64_t>(i) + 1, 0}, {"f", text});
    }
    stream.CreateGroup("g", {1, 0}, 1);
  }
};

std::string Whole(const Values& values) {
  StringSink sink;
  RdbWriter writer(sink, {});
  writer.Aux("redis-ver", "7.2.4");
  writer.Function("#!lua name=x");
  writer.SelectDb(DbId(0));
  writer.ResizeDb(8, 2);
  writer.Key({.key = "string", .expiry = 1234}, std::string_view("text"));
  writer.Key({.key = "list", .idle_seconds = 70}, values.list);
  writer.Key({.key = "set", .frequency = 5}, values.set);
  writer.SelectDb(DbId(9));
  writer.Key({.key = "sorted"}, values.sorted_set);
  writer.Key({.key = "hash"}, values.hash);
  writer.Key({.key = "timed"}, values.timed);
  writer.Key({.key = "stream"}, values.stream);
  EXPECT_EQ(writer.version_needed(), kRdbVersionFieldTimes);
  EXPECT_TRUE(writer.End().ok());
  return sink.taken;
}

std::vector<std::string> Expected(const Values& values) {
  return {"aux redis-ver=7.2.4",
          "function #!lua name=x",
          "db 0",
          "resize 8 2",
          "string: string text expires 1234",
          "list:" + Joined(Describe(values.list)) + " idle 70",
          "set:" + Joined(Describe(values.set)) + " frequency 5",
          "db 9",
          "sorted:" + Joined(Describe(values.sorted_set)),
          "hash:" + Joined(Describe(values.hash)),
          "timed:" + Joined(Describe(values.timed)),
          "stream:" + Joined(Describe(values.stream)),
          "end"};
}

TEST(RdbFileTest, WhatIsWrittenIsRead) {
  for (const int size : {1, 20, 1000}) {
    const Values values(size);
    const std::string file = Whole(values);
    for (const std::size_t step : {std::size_t{1}, std::size_t{777}, SIZE_MAX}) {
      if (size == 1000 && step == 1) continue;
      const Read read = ReadFile(file, step);
      EXPECT_TRUE(read.status.ok()) << read.status.message();
      EXPECT_EQ(read.said, Expected(values));
    }
  }
}

TEST(RdbFileTest, PiecesMakeTheSameValues) {
  const Values values(1000);
  StringSink sink;
  RdbWriter writer(sink, {});
  ds::PackedValue::Scratch scratch;
  writer.BeginList({.key = "list"}, values.list.size());
  for (value::ListCursor at(values.list, 0, value::ListEnd::kBack); !at.done(); at.Advance())
    writer.Element(at.value().Text(scratch));
  writer.BeginListNodes({.key = "nodes"}, values.list.node_count());
  values.list.ForEachNode([&](const value::ListNodeView& node) { writer.ListNode(node); });
  writer.BeginSet({.key = "set"}, values.set.size());
  values.set.ForEach([&](std::string_view member) { writer.Member(member); });
  writer.BeginSortedSet({.key = "sorted"}, values.sorted_set.size());
  values.sorted_set.ForEach(
      [&](std::string_view member, double score) { writer.Scored(member, score); });
  writer.BeginHash({.key = "hash"}, values.hash.size());
  values.hash.ForEach(
      [&](std::string_view field, std::string_view value) { writer.Field(field, value); });
  writer.BeginTimedHash({.key = "timed"}, values.timed.size(), values.timed.MinExpiry());
  values.timed.ForEachWithTime([&](std::string_view field, std::string_view value, UnixMs when) {
    writer.TimedField(field, value, when);
  });
  writer.BeginStream({.key = "stream"}, values.stream.node_count());
  values.stream.ForEachPart([&](const value::StreamPart& part) { writer.StreamPart(part); });
  ASSERT_TRUE(writer.End().ok());
  const Read read = ReadFile(sink.taken);
  EXPECT_TRUE(read.status.ok()) << read.status.message();
  EXPECT_EQ(
      read.said,
      (std::vector<std::string>{
          "list:" + Joined(Describe(values.list)), "nodes:" + Joined(Describe(values.list)),
          "set:" + Joined(Describe(values.set)), "sorted:" + Joined(Describe(values.sorted_set)),
          "hash:" + Joined(Describe(values.hash)), "timed:" + Joined(Describe(values.timed)),
          "stream:" + Joined(Describe(values.stream)), "end"}));
}

// The header is overwritten when it is known what the file needs.
TEST(RdbFileTest, TheVersionMayBeWrittenLast) {
  StringSink sink;
  RdbWriter writer(sink, {});
  writer.Key({.key = "k"}, std::string_view(std::string(1000, 'x')));
  ASSERT_TRUE(writer.End(12).ok());
  EXPECT_EQ(ReadFile(sink.taken).status.code(), StatusCode::kCorrupt);
  sink.taken.replace(0, kRdbHeaderBytes, RdbHeader(12));
  EXPECT_TRUE(ReadFile(sink.taken).status.ok());
}

TEST(RdbFileTest, WithoutAChecksum) {
  StringSink sink;
  RdbWriter writer(sink, {.checksum = false});
  writer.Key({.key = "k"}, std::string_view("v"));
  ASSERT_TRUE(writer.End().ok());
  EXPECT_TRUE(sink.taken.ends_with("\0\0\0\0\0\0\0\0"s));
  EXPECT_TRUE(ReadFile(sink.taken).status.ok());
}

TEST(RdbFileTest, AFullDiskIsTold) {
  StringSink sink;
  sink.fail_at = 1;
  RdbWriter writer(sink, {.compression = RdbCompression::kNone});
  const std::string large(100'000, 'x');
  writer.Key({.key = "k"}, std::string_view(large));
  EXPECT_EQ(writer.status().code(), StatusCode::kIo);
  EXPECT_EQ(writer.End().code(), StatusCode::kIo);
}

TEST(RdbFileTest, CutAnywhereItIsRefused) {
  const std::string file = Whole(Values(20));
  for (std::size_t size = 0; size < file.size(); ++size) {
    const Read read = ReadFile(file.substr(0, size));
    ASSERT_FALSE(read.status.ok()) << size;
    ASSERT_TRUE(read.status.message().contains(" at byte ")) << read.status.message();
  }
}

TEST(RdbFileTest, AnyBitMayFlip) {
  const std::string file = Whole(Values(5));
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    std::string flipped = file;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(ReadFile(flipped).status.ok()) << bit;
    // With the checksum put right it is read or refused, and nothing worse.
    ReadFile(WithChecksum(flipped.substr(0, file.size() - 8)));
  }
}

TEST(RdbFileTest, WhatFollowsIsLeft) {
  const std::string file = Whole(Values(1)) + "*1\r\n$4\r\nPING\r\n";
  EXPECT_EQ(ReadFile(file).unread, "*1\r\n$4\r\nPING\r\n");
}

// What an item says after a failure is what was being read, not what came before.
TEST(RdbFileTest, AFailureLeavesTheKeyThatWasRead) {
  struct Case {
    std::string bytes;
    RdbItem::Kind kind;
    std::string name;
  };
  const std::string one =
      "REDIS0010\x00\x01"
      "a\x01"
      "b"s;
  const Case cases[] = {
      {one, RdbItem::Kind::kEnd, ""},                          // in the next part
      {one + "\x04\x01k\x02\x01"s, RdbItem::Kind::kKey, "k"},  // in a hash
      {one + "\x04\x05k"s, RdbItem::Kind::kKey, ""},           // in a name
      {one + "\x04\x01k\x00\x08"s, RdbItem::Kind::kKey, ""},   // behind an empty collection
      {one + "\x04\x01k\x00\xf3"s, RdbItem::Kind::kEnd, ""},
      {one + "\xfa\x01k"s, RdbItem::Kind::kAux, "k"},
  };
  for (const Case& each : cases) {
    TestHome home;
    StringSource source(each.bytes);
    RdbReader reader(source, [&home](std::string_view) { return home.home; },
                     {.limits = UsualLimits()});
    RdbItem item;
    ASSERT_TRUE(reader.Next(&item).ok());
    EXPECT_EQ(item.name, "a");
    EXPECT_EQ(item.type, RdbType::kString);
    EXPECT_FALSE(reader.Next(&item).ok());
    EXPECT_EQ(item.kind, each.kind) << each.bytes;
    EXPECT_EQ(item.name, each.name) << each.bytes;
  }
}

TEST(RdbFileTest, EmptyCollectionsArePassedOver) {
  const Read read = ReadFile(WithChecksum("REDIS0010\x04\x01\x65\0\0\x01k\x01v\xff"s));
  EXPECT_EQ(read.said, (std::vector<std::string>{"k: string v", "end"}));
  EXPECT_EQ(read.empty_keys, 1U);
}

TEST(RdbFileTest, ExpiryInEveryForm) {
  const Read read =
      ReadFile(WithChecksum("REDIS0010"
                            "\xfd\x0a\0\0\0\0\x01\x61\x01v"
                            "\xfc\x0a\0\0\0\0\0\0\0\0\x01\x62\x01v"
                            "\xfc\xff\xff\xff\xff\xff\xff\xff\xff\0\x01\x63\x01v"
                            "\0\x01\x64\x01v\xff"s));
  EXPECT_EQ(read.said,
            (std::vector<std::string>{"a: string v expires 10000", "b: string v expires 10",
                                      "c: string v", "d: string v", "end"}));
}

TEST(RdbFileTest, OldFilesHaveNoChecksum) {
  EXPECT_TRUE(ReadFile("REDIS0001\0\x01k\x01v\xff"s).status.ok());
  EXPECT_FALSE(ReadFile("REDIS0005\0\x01k\x01v\xff"s).status.ok());
}

TEST(RdbFileTest, WhatModulesKeepIsRefusedOrPassedOver) {
  const std::string file = WithChecksum(
      "REDIS0009\xf7\x81\xb5\xeb\x2d\xff\xfa\xdd\x6c\x01\x02\x02\x02\x01\x05\x07global2"
      "\x03\0\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\x01k\x01v\xff"s);
  EXPECT_EQ(ReadFile(file).status.code(), StatusCode::kUnsupported);
  EXPECT_EQ(ReadFile(file).status.message(), "data of the module 'test__rdb' at byte 10");
  const Read read =
      ReadFile(file, SIZE_MAX, {.limits = UsualLimits(), .module_aux = RdbModuleAux::kSkip});
  EXPECT_EQ(read.said, (std::vector<std::string>{"k: string v", "end"})) << read.status.message();
}

struct Bad {
  const char* name;
  std::string bytes;
  const char* error;
};

TEST(RdbFileTest, WhatIsRefused) {
  const Bad rows[] = {
      {"empty", "", "the end comes too early, in what begins at byte 0"},
      {"no file", "HELLO0010",
       "no RDB file: it does not begin with \"REDIS\" and a version, at byte 0"},
      {"no number", "REDISxxxx",
       "no RDB file: it does not begin with \"REDIS\" and a version, at byte 0"},
      {"version 0", "REDIS0000", "version 0 of the RDB format, at byte 0"},
      {"version 13", "REDIS0013", "version 13 of the RDB format, at byte 0"},
      {"type 8", "REDIS0010\x08\x01k"s, "a value of an unknown type, 8, at byte 10"},
      {"opcode", "REDIS0010\xc8"s, "an unknown part, 200, at byte 9"},
      {"functions", "REDIS0010\xf6"s,
       "functions as only a pre-release of Redis 7 wrote them, at byte 9"},
      {"database", "REDIS0010\xfe\x81\xff\xff\xff\xff\xff\xff\xff\xff"s,
       "a database's number out of range at byte 10"},
      {"checksum", "REDIS0010\xff\x01\x02\x03\x04\x05\x06\x07\x08"s,
       "the checksum does not fit the file, at byte 10"},
  };
  for (const Bad& row : rows) {
    const Read read = ReadFile(row.bytes);
    EXPECT_EQ(read.status.message(), row.error) << row.name;
  }
}

}  // namespace
}  // namespace cairn::codec
