// SPDX-License-Identifier: BSD-3-Clause
// What is said of RDB files: sound ones in every line, others with offset and key.
#include "persist/rdb_check.h"

#include <gtest/gtest.h>

#include "codec/rdb_writer.h"
#include "ds/slab.h"
#include "io/sim_disk.h"
#include "persist/check_testing.h"
#include "persist/shown.h"

namespace cairn::persist {
namespace {

using io::SimDisk;
using testing::Has;
using testing::Joined;
using testing::Lines;
using testing::Store;
using testing::StringSink;

constexpr UnixMs kNow = 1'000'000;

struct Checked {
  bool is_sound;
  Lines lines;
};

Checked CheckBytes(std::string_view bytes) {
  SimDisk disk(1);
  Store(disk, "./dump.rdb", bytes);
  Checked checked;
  checked.is_sound = CheckRdbFile(disk, "./dump.rdb", kNow,
                                  [&](std::string_view line) { checked.lines.emplace_back(line); });
  return checked;
}

std::string SmallFile(bool with_checksum = true) {
  StringSink sink;
  codec::RdbWriter writer(sink, {.checksum = with_checksum});
  writer.Aux("redis-ver", "7.2.4");
  writer.SelectDb(DbId(0));
  writer.Key({.key = "text", .expiry = kNow + 1}, std::string_view("hello"));
  writer.Key({.key = "gone", .expiry = kNow}, std::string_view("12"));
  writer.SelectDb(DbId(5));
  value::Hash hash;
  ds::SlabArena arena;
  const value::TableHome home{.arena = &arena, .seed = HashSeed(1)};
  for (const std::string_view field : {"first", "second", "third"})
    hash.Set(field, "value", {.packed_entries = 128, .packed_value_bytes = 64}, home);
  writer.Key({.key = "a hash"}, hash);
  CHECK(writer.End().ok());
  return sink.taken;
}

TEST(RdbCheck, SaysWhatIsInASoundFile) {
  const Checked checked = CheckBytes(SmallFile());
  EXPECT_TRUE(checked.is_sound);
  const Lines wanted = {
      "[offset 0] Checking RDB file ./dump.rdb",
      "[offset 26] AUX FIELD redis-ver = '7.2.4'",
      "[offset 28] Selecting DB ID 0",
      "[offset 68] Selecting DB ID 5",
      "[offset 131] Checksum OK",
      "[offset 131] \\o/ RDB looks OK! \\o/",
      "[info] 3 keys read",
      "[info] 2 expires",
      "[info] 1 already expired",
      "[info] version 10 of the format",
      "[info] db 0: 2 keys, 2 with a time, 1 expired, 38 bytes",
      "[info] db 5: 1 keys, 0 with a time, 0 expired, 54 bytes",
      "[info] string, in the file as text, once loaded embstr: 1 keys, 1 elements, 21 bytes",
      "[info] string, in the file as text, once loaded int: 1 keys, 1 elements, 17 bytes",
      "[info] hash, in the file as listpack, once loaded listpack: 1 keys, 3 elements, 54 bytes",
      "[info] largest key: \"a hash\" in db 5, a hash of 3 elements and 54 bytes"};
  EXPECT_EQ(Joined(checked.lines), Joined(wanted));
}

TEST(RdbCheck, WithoutChecksumOrWithMoreBehindIt) {
  const Checked bare = CheckBytes(SmallFile(false));
  EXPECT_TRUE(bare.is_sound);
  EXPECT_TRUE(Has(bare.lines, "[offset 131] The file has no checksum: not compared"));
  const Checked longer = CheckBytes(SmallFile() + "tail");
  EXPECT_TRUE(longer.is_sound);
  EXPECT_EQ(
      longer.lines.back(),
      "[info] 4 bytes follow the end of the RDB, from offset 131 on: a server passes over them");
}

TEST(RdbCheck, SaysWhereItBreaksAndInWhichKey) {
  const Checked cut = CheckBytes(SmallFile().substr(0, 100));
  EXPECT_FALSE(cut.is_sound);
  EXPECT_TRUE(Has(cut.lines, "--- RDB ERROR DETECTED ---"));
  EXPECT_TRUE(Has(cut.lines, "[offset 79] a text of 43 bytes, where 21 are left, at byte 76"))
      << Joined(cut.lines);
  EXPECT_TRUE(Has(cut.lines, "[additional info] Reading key '\"a hash\"' of db 5"));
  EXPECT_TRUE(Has(cut.lines, "[additional info] Reading type 16 (hash, listpack)"));
  EXPECT_TRUE(Has(cut.lines, "[info] 2 keys read"));
}

TEST(RdbCheck, AWrongChecksumIsNoKeysFault) {
  std::string bytes = SmallFile();
  bytes.back() ^= 1;
  const Checked checked = CheckBytes(bytes);
  EXPECT_FALSE(checked.is_sound);
  EXPECT_TRUE(Has(checked.lines, "[offset 131] the checksum does not fit the file, at byte 123"));
  EXPECT_EQ(Joined(checked.lines).find("Reading key"), std::string::npos);
}

TEST(RdbCheck, EveryCutAndEveryFlippedBitIsSeen) {
  const std::string bytes = SmallFile();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(CheckBytes(bytes.substr(0, size)).is_sound) << size;
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(CheckBytes(flipped).is_sound) << bit;
  }
}

TEST(RdbCheck, WhatTheServerDoesNotKnowIsSaidSo) {
  const Checked newer = CheckBytes("REDIS0099");
  EXPECT_FALSE(newer.is_sound);
  EXPECT_TRUE(Has(newer.lines,
                  "[offset 9] this server cannot read version 99 of the RDB format, at byte 0"));
  SimDisk disk(1);
  std::string said;
  EXPECT_FALSE(CheckRdbFile(disk, "./nothing", kNow, [&](std::string_view line) { said += line; }));
  EXPECT_TRUE(said.starts_with("Cannot open file ./nothing: ")) << said;
}

// A file can name a database with every key; memory must not follow.
TEST(RdbCheck, SoManyDatabasesAreToldApart) {
  StringSink sink;
  codec::RdbWriter writer(sink, {});
  for (std::uint32_t db = 0; db < RdbFigures::kDatabasesMax + 2; ++db) {
    writer.SelectDb(DbId(db));
    writer.Key({.key = "k"}, std::string_view("v"));
  }
  CHECK(writer.End().ok());
  const Checked checked = CheckBytes(sink.taken);
  EXPECT_TRUE(checked.is_sound);
  EXPECT_TRUE(Has(checked.lines, "[info] db 1023: 1 keys, 0 with a time, 0 expired, 5 bytes"));
  EXPECT_FALSE(Has(checked.lines, "[info] db 1024: 1 keys, 0 with a time, 0 expired, 5 bytes"));
  EXPECT_TRUE(
      Has(checked.lines, "[info] other databases: 2 keys, 0 with a time, 0 expired, 10 bytes"));
}

TEST(Shown, AnyBytesAndTimes) {
  EXPECT_EQ(Shown("plain:word"), "plain:word");
  EXPECT_EQ(Shown("two words"), "\"two words\"");
  EXPECT_EQ(Shown(""), "\"\"");
  EXPECT_EQ(Shown(std::string_view("\0\n\xff", 3)), "\"\\x00\\n\\xff\"");
  EXPECT_EQ(Shown("abcd", 4), "abcd");
  EXPECT_EQ(Shown("abcde", 4), "\"abcd\"...(5 bytes)");
  EXPECT_EQ(ShownTime(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(ShownTime(1'795'283'129), "2026-11-21T17:45:29Z");
  EXPECT_EQ(ShownTime(253'402'300'799), "9999-12-31T23:59:59Z");
  EXPECT_EQ(ShownTime(253'402'300'800), "253402300800");
  EXPECT_EQ(ShownTime(-1), "-1");
}

}  // namespace
}  // namespace cairn::persist
