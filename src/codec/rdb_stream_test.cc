// SPDX-License-Identifier: BSD-3-Clause
// Streams with groups through the codec, in the three forms that they have had, and what does not
// agree with itself.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/codec_testing.h"
#include "codec/describe_testing.h"
#include "codec/dump.h"
#include "value/stream_testing.h"

namespace cairn::codec {
namespace {

using testing::AsDump;
using testing::Describe;
using testing::Description;
using testing::UsualLimits;
using value::StreamId;
using value::TestHome;
using value::testing::Add;
using namespace std::string_literals;

struct Loaded {
  Description said;
  std::string error;
};

Loaded Load(std::string_view payload) {
  TestHome home;
  Loaded loaded;
  const Status read = ReadDump(payload, UsualLimits(), home.home,
                               [&](RdbValue&& value) { loaded.said = Describe(value); });
  if (!read.ok()) loaded.error = std::string(read.message());
  return loaded;
}

void ReadSome(value::Stream& stream, std::string_view group, std::string_view consumer,
              std::size_t count, UnixMs now) {
  value::StreamGroup& at = *stream.FindGroup(group);
  if (at.FindConsumer(consumer) == nullptr) at.AddConsumer(consumer, now);
  stream.ReadNew(at, *at.FindConsumer(consumer), count, value::StreamAcknowledge::kByConsumer, now,
                 [](const value::StreamEntry&) {});
}

value::Stream Sample() {
  value::Stream stream;
  for (std::uint64_t i = 1; i <= 250; ++i) {
    if (i % 7 == 0) {
      Add(stream, {i, i}, {"other", "x", "names", std::to_string(i)});
    } else {
      Add(stream, {i, i}, {"field", std::to_string(i * i)});
    }
  }
  stream.CreateGroup("a", {}, 0);
  stream.CreateGroup("b", {100, 0}, value::kEntriesReadUnknown);
  stream.CreateGroup("empty", {}, value::kEntriesReadUnknown);
  ReadSome(stream, "a", "one", 20, 1000);
  ReadSome(stream, "a", "two", 5, 2000);
  ReadSome(stream, "b", "one", 3, 3000);
  stream.FindGroup("a")->Acknowledge({3, 3});
  stream.FindGroup("b")->AddConsumer("idle", 4000);
  stream.Delete({1, 1});
  stream.Delete({30, 30});
  return stream;
}

TEST(RdbStreamTest, AStreamAndItsGroups) {
  const value::Stream stream = Sample();
  const Loaded loaded = Load(DumpOf(stream, RdbCompression::kLzf));
  EXPECT_EQ(loaded.error, "");
  EXPECT_EQ(loaded.said, Describe(stream));
}

TEST(RdbStreamTest, EmptyStreams) {
  value::Stream stream;
  EXPECT_EQ(Load(DumpOf(stream, RdbCompression::kLzf)).said, Describe(stream));
  Add(stream, {5, 5}, {"f", "v"});
  stream.Delete({5, 5});
  stream.CreateGroup("g", {5, 5}, 1);
  EXPECT_EQ(Load(DumpOf(stream, RdbCompression::kLzf)).said, Describe(stream));
}

// What a stream consists of, to be put together wrongly.
struct Parts {
  RdbType type = RdbType::kStream2;
  std::uint64_t length = 2;
  StreamId last_id{2, 0};
  std::vector<std::uint64_t> node_ms{1};
  std::vector<std::string> groups{"g"};
  std::vector<std::uint64_t> pending{1, 2};
  std::vector<std::string> consumers{"c"};
  std::vector<std::uint64_t> owned{1, 2};
  std::uint64_t added = 2;
  std::uint64_t time = 1000;
  std::size_t id_bytes = 16;
};

std::string RawId(std::uint64_t ms) {
  std::string id(16, '\0');
  for (int i = 0; i < 8; ++i)
    id[static_cast<std::size_t>(i)] = static_cast<char>(ms >> (56 - 8 * i));
  return id;
}

void WriteGroups(RdbOutput& out, const Parts& parts) {
  out.Length(parts.groups.size());
  for (const std::string& group : parts.groups) {
    out.Text(group);
    out.Length(2);
    out.Length(0);
    if (parts.type != RdbType::kStream1) out.Length(2);
    out.Length(parts.pending.size());
    for (const std::uint64_t ms : parts.pending) {
      out.Raw(RawId(ms));
      out.Word64(parts.time);
      out.Length(1);
    }
    out.Length(parts.consumers.size());
    for (const std::string& consumer : parts.consumers) {
      out.Text(consumer);
      out.Word64(parts.time);
      if (parts.type == RdbType::kStream3) out.Word64(parts.time + 1);
      out.Length(parts.owned.size());
      for (const std::uint64_t ms : parts.owned) out.Raw(RawId(ms));
    }
  }
}

std::string Written(const Parts& parts) {
  RdbOutput out(RdbCompression::kNone);
  out.Byte(static_cast<std::uint8_t>(parts.type));
  out.Length(parts.node_ms.size());
  for (const std::uint64_t ms : parts.node_ms) {
    value::Stream stream;
    Add(stream, {ms, 0}, {"f", "v"});
    Add(stream, {ms + 1, 0}, {"f", "v"});
    out.Text(RawId(ms).substr(0, parts.id_bytes));
    stream.ForEachNode([&](const value::StreamNode& node) { out.Text(node.ToPacked()); });
  }
  out.Length(parts.length);
  out.Length(parts.last_id.ms);
  out.Length(parts.last_id.seq);
  if (parts.type != RdbType::kStream1) {
    for (const std::uint64_t word : {1, 0, 0, 0}) out.Length(word);
    out.Length(parts.added);
  }
  WriteGroups(out, parts);
  return AsDump(out.TakeBytes());
}

TEST(RdbStreamTest, AllForms) {
  for (const auto type : {RdbType::kStream1, RdbType::kStream2, RdbType::kStream3}) {
    Parts parts;
    parts.type = type;
    const Loaded loaded = Load(Written(parts));
    EXPECT_EQ(loaded.error, "");
    const std::string group = "group g at 2-0 read 2 | 1-0 1000 1 c | 2-0 1000 1 c | c 1000 2";
    EXPECT_EQ(loaded.said, (Description{"stream", "2", "2-0", "1-0", "0-0", "2", "1", "1-0 f=v",
                                        "2-0 f=v", group}));
  }
}

TEST(RdbStreamTest, WhatDoesNotAgreeIsRefused) {
  struct Row {
    const char* name;
    Parts parts;
    const char* error;
  };
  const Row rows[] = {
      {"length", {.length = 3}, "a stream of another length, before what begins"},
      {"last id", {.last_id = {1, 9}}, "a stream whose last id is not the last"},
      {"nodes", {.length = 4, .node_ms = {1, 2}}, "nodes of a stream are not in order, in a text"},
      {"group twice", {.groups = {"g", "g"}}, "a group that is there already"},
      {"group order", {.groups = {"h", "g"}}, "a group that is there already"},
      {"pending twice", {.pending = {1, 1}}, "a pending entry that is there already"},
      {"pending of nobody", {.owned = {1}}, "a pending entry of no consumer"},
      {"consumer twice", {.consumers = {"c", "c"}}, "a consumer that is there already"},
      {"of two consumers", {.consumers = {"c", "d"}}, "an entry that is pending twice"},
      {"not in the group", {.owned = {1, 2, 3}}, "an entry that is pending twice"},
      {"time", {.time = UINT64_MAX - 1}, "a time before all times"},
      {"count", {.added = UINT64_MAX}, "a number out of range"},
      {"id", {.id_bytes = 15}, "no id of a stream's node"},
  };
  for (const Row& row : rows) {
    const Loaded loaded = Load(Written(row.parts));
    EXPECT_TRUE(loaded.error.starts_with(row.error)) << row.name << ": " << loaded.error;
  }
}

}  // namespace
}  // namespace cairn::codec
