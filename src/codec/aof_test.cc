// SPDX-License-Identifier: BSD-3-Clause
// AOF bytes: what the encoder writes is what Redis would, the reader gives back what went in under
// any cutting, and tells a torn tail from damage at every byte of a file.
#include "codec/aof.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "codec/aof_reader.h"

namespace cairn::codec {
namespace {

using log::Effect;
using log::EffectView;
using Outcome = AofReader::Outcome;
using Group = std::vector<Effect>;

void Encode(AofEncoder& encoder, const Group& group, std::int64_t now_s, std::string* out) {
  std::vector<std::vector<std::string_view>> args;
  std::vector<EffectView> views;
  args.reserve(group.size());
  for (const Effect& effect : group) {
    args.emplace_back(effect.args.begin(), effect.args.end());
    views.push_back({.db = effect.db, .args = args.back()});
  }
  encoder.Append(views, now_s, out);
}

Group Copied(std::span<const EffectView> views) {
  Group group;
  for (const EffectView& view : views)
    group.push_back({.db = view.db, .args = {view.args.begin(), view.args.end()}});
  return group;
}

struct Reading {
  std::vector<Group> groups;
  std::vector<std::int64_t> times;
  Outcome outcome;
  std::uint64_t good_end;
  std::string trouble;
};

// Reads all of `bytes`, fed in parts of up to `part_max`.
Reading Read(std::string_view bytes, std::size_t part_max, Random& random) {
  AofReader reader;
  Reading reading{};
  for (;;) {
    reading.outcome = reader.Next();
    if (reading.outcome == Outcome::kGroup) {
      reading.groups.push_back(Copied(reader.group()));
      reading.times.push_back(reader.time_s());
      continue;
    }
    if (reading.outcome != Outcome::kNeedMore) break;
    if (bytes.empty()) {
      reader.End();
      continue;
    }
    const std::string_view part = bytes.substr(0, 1 + random.Below(part_max));
    reader.Feed(part);
    bytes.remove_prefix(part.size());
  }
  reading.good_end = reader.good_end();
  reading.trouble = reader.trouble();
  return reading;
}

Reading Read(std::string_view bytes) {
  Random random(1);
  return Read(bytes, 7, random);
}

TEST(AofEncoder, WritesWhatRedisWrites) {
  AofEncoder encoder;
  std::string out;
  Encode(encoder, {{DbId(0), {"SET", "k", ""}}}, 5, &out);
  EXPECT_EQ(out, "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
  out.clear();
  Encode(encoder, {{DbId(0), {"DEL", "k"}}}, 6, &out);
  EXPECT_EQ(out, "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n") << "the database is known";
  out.clear();
  encoder.set_timestamps(true);
  const std::string value(100, 'v');
  Encode(encoder, {{DbId(12), {"A"}}, {DbId(12), {value}}, {DbId(0), {"B"}}}, 1628217470, &out);
  EXPECT_EQ(out,
            "#TS:1628217470\r\n*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n*1\r\n$5\r\nMULTI\r\n"
            "*1\r\n$1\r\nA\r\n*1\r\n$100\r\n" +
                value +
                "\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*1\r\n$1\r\nB\r\n*1\r\n$4\r\nEXEC\r\n");
  out.clear();
  Encode(encoder, {{DbId(0), {"A"}}}, 1628217470, &out);
  EXPECT_EQ(out, "*1\r\n$1\r\nA\r\n") << "the second is the same";
  out.clear();
  encoder.BeginFile();
  Encode(encoder, {{DbId(0), {"A"}}}, 1628217470, &out);
  EXPECT_EQ(out, "#TS:1628217470\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*1\r\n$1\r\nA\r\n");
  out.clear();
  encoder.Append({}, 1628217471, &out);
  EXPECT_EQ(out, "");
}

// Its last argument comes in parts, and its size at the end.
TEST(AofEncoder, ACommandCanBeLeftOpen) {
  AofEncoder encoder;
  std::string file;
  const std::string_view args[] = {"RESTORE", "key"};
  encoder.AppendOpen({.db = DbId(3), .args = args}, &file);
  EXPECT_EQ(file,
            "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
            "*3\r\n$7\r\nRESTORE\r\n$3\r\nkey\r\n$000000000000000\r\n");
  const std::size_t begin = file.size();
  for (int i = 0; i < 1000; ++i) file += "0123456789\r\n";
  const std::string size = AofEncoder::OpenSize(file.size() - begin);
  EXPECT_EQ(size, "000000000012000\r\n");
  file.replace(begin - AofEncoder::kOpenSizeBytes, AofEncoder::kOpenSizeBytes, size);
  file += "\r\n";
  Encode(encoder, {{DbId(3), {"DEL", "k"}}}, 0, &file);
  const Reading read = Read(file);
  EXPECT_EQ(read.trouble, "");
  ASSERT_EQ(read.groups.size(), 2u);
  EXPECT_EQ(read.groups[0][0].args[2], file.substr(begin, 12'000));
  EXPECT_EQ(read.groups[1][0].db, DbId(3)) << "the database is known";
}

Group RandomGroup(Random& random) {
  Group group(random.Below(3) == 0 ? 1 + random.Below(4) : 1);
  for (Effect& effect : group) {
    effect.db = DbId(static_cast<std::uint32_t>(random.Below(3) == 0 ? random.Below(12) : 0));
    effect.args.emplace_back("CMD");
    for (std::uint64_t args = random.Below(4); args > 0; --args)
      effect.args.emplace_back(random.Below(random.Below(50) == 0 ? 2000 : 20),
                               random.Below(4) == 0 ? '\r' : 'x');
  }
  return group;
}

// A file of random groups and where each ends.
struct Written {
  std::vector<Group> groups;
  std::vector<std::uint64_t> ends;
  std::string bytes;
};

Written RandomFile(Random& random, std::size_t groups) {
  Written file;
  AofEncoder encoder;
  encoder.set_timestamps(random.Below(2) == 0);
  for (std::size_t i = 0; i < groups; ++i) {
    file.groups.push_back(RandomGroup(random));
    Encode(encoder, file.groups.back(), static_cast<std::int64_t>(i / 3), &file.bytes);
    file.ends.push_back(file.bytes.size());
  }
  return file;
}

TEST(AofReader, GivesBackWhatWasEncodedUnderAnyCutting) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (const std::size_t part_max : {1, 5, 300, 100'000}) {
    const Written file = RandomFile(random, 300);
    const Reading reading = Read(file.bytes, part_max, random);
    EXPECT_EQ(reading.outcome, Outcome::kEnd) << reading.trouble;
    EXPECT_EQ(reading.groups, file.groups);
    EXPECT_EQ(reading.good_end, file.bytes.size());
  }
}

// A file cut at any byte, bare or with zeros behind: the groups before the cut come, no other, and
// what is good ends behind the last of them at the latest where the next begins.
TEST(AofReader, ATearAtAnyByteLeavesTheGroupsBeforeIt) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const Written file = RandomFile(random, 25);
  for (std::size_t cut = 0; cut <= file.bytes.size(); ++cut) {
    for (const std::size_t zeros : {0, 1, 3, 5000}) {
      const Reading reading =
          Read(file.bytes.substr(0, cut) + std::string(zeros, '\0'), 1000, random);
      std::size_t whole = 0;
      while (whole < file.ends.size() && file.ends[whole] <= cut) ++whole;
      ASSERT_TRUE(reading.outcome == Outcome::kTorn || reading.outcome == Outcome::kEnd)
          << "cut " << cut << " zeros " << zeros << ": " << reading.trouble;
      ASSERT_TRUE(std::ranges::equal(reading.groups, std::span(file.groups).first(whole)))
          << "cut " << cut << " zeros " << zeros;
      ASSERT_LE(reading.good_end, cut);
      ASSERT_GE(reading.good_end, whole == 0 ? 0 : file.ends[whole - 1]);
      const Reading again = Read(std::string_view(file.bytes).substr(0, reading.good_end));
      ASSERT_EQ(again.outcome, Outcome::kEnd) << "what was cut is whole";
    }
  }
}

TEST(AofReader, TellsATornTailFromDamage) {
  struct Case {
    std::string bytes;
    Outcome outcome;
    std::uint64_t good_end;
    std::string trouble;
  };
  const std::string set = "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n";  // 20 bytes
  const std::string multi = "*1\r\n$5\r\nMULTI\r\n";
  const std::string exec = "*1\r\n$4\r\nexec\r\n";
  const std::string zeros(4, '\0');
  const std::vector<Case> cases = {
      {"", Outcome::kEnd, 0, ""},
      {set, Outcome::kEnd, 20, ""},
      {set + "#comment\r\n", Outcome::kEnd, 30, ""},
      {set + multi + exec, Outcome::kEnd, 49, ""},
      {set + "*2", Outcome::kTorn, 20, "offset 22: the file ends inside a command"},
      {set + multi + set, Outcome::kTorn, 20, "offset 55: the file ends inside a MULTI"},
      {set + "#TS:1", Outcome::kTorn, 20, "offset 25: the file ends inside a command"},
      {set + zeros, Outcome::kTorn, 20, "offset 20: expected '*', found \\x00"},
      {set + "*" + zeros, Outcome::kTorn, 20, "offset 21: expected a number, found \\x00"},
      {set + "*2\r" + zeros, Outcome::kTorn, 20, "offset 23: expected a line end, found \\x00"},
      {set + multi + zeros, Outcome::kTorn, 20, "offset 35: expected '*', found \\x00"},
      {set + "#TS" + zeros, Outcome::kTorn, 20,
       "offset 23: expected the end of an annotation, found \\x00"},
      {set + zeros + set, Outcome::kCorrupt, 20, "offset 20: expected '*', found \\x00"},
      {set + "x" + set, Outcome::kCorrupt, 20, "offset 20: expected '*', found 'x'"},
      {set + "\n", Outcome::kCorrupt, 20, "offset 20: expected '*', found \\x0a"},
      {"*1\r\n:1\r\n", Outcome::kCorrupt, 0, "offset 4: expected '$', found ':'"},
      {"*1\r\n$2\r\nabc\r\n", Outcome::kCorrupt, 0, "offset 10: expected a line end, found 'c'"},
      {"*1\r\n$2\r\nab\rc", Outcome::kCorrupt, 0, "offset 11: expected a line end, found 'c'"},
      {"*0\r\n", Outcome::kCorrupt, 0, "offset 0: 0 is out of range"},
      {"*-1\r\n", Outcome::kCorrupt, 0, "offset 1: expected a number, found '-'"},
      {"*2147483648\r\n", Outcome::kCorrupt, 0, "offset 0: 2147483648 is out of range"},
      {"*1\r\n$1099511627777\r\n", Outcome::kCorrupt, 0, "offset 4: 1099511627777 is out of range"},
      {"*1000000000000000000000\r\n", Outcome::kCorrupt, 0,
       "offset 19: expected a smaller number, found '0'"},
      {"*2147483647\r\n$1099511627776\r\nab", Outcome::kTorn, 0,
       "offset 31: the file ends inside a command"},
      {multi + multi, Outcome::kCorrupt, 0, "offset 15: a MULTI inside a MULTI"},
      {set + exec, Outcome::kCorrupt, 20, "offset 20: an EXEC without a MULTI"},
      {"*2\r\n$6\r\nselect\r\n$1\r\nx\r\n", Outcome::kCorrupt, 0,
       "offset 0: a SELECT of no database"},
      {"#TS:x\r\n", Outcome::kCorrupt, 0, "offset 4: expected a time, found 'x'"},
      {"#" + std::string(AofReader::kAnnotationMax - 2, 'x') + "\n", Outcome::kEnd,
       AofReader::kAnnotationMax, ""},
      {"#" + std::string(AofReader::kAnnotationMax - 1, 'x') + "\n", Outcome::kCorrupt, 0,
       "offset 1023: expected the end of an annotation, found 'x'"},
  };
  for (const Case& each : cases) {
    const Reading reading = Read(each.bytes);
    EXPECT_EQ(reading.outcome, each.outcome) << each.bytes;
    EXPECT_EQ(reading.good_end, each.good_end) << each.bytes;
    EXPECT_EQ(reading.trouble, each.trouble) << each.bytes;
  }
}

TEST(AofReader, DatabasesAndTimesReachTheirEffects) {
  const Reading reading = Read(
      "*1\r\n$1\r\na\r\n#TS:7\r\n*1\r\n$5\r\nmulti\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
      "*1\r\n$1\r\nb\r\n#TS:8\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n4\r\n*1\r\n$1\r\nc\r\n"
      "*1\r\n$4\r\nEXEC\r\n*1\r\n$1\r\nd\r\n");
  EXPECT_EQ(reading.outcome, Outcome::kEnd) << reading.trouble;
  EXPECT_EQ(reading.groups,
            (std::vector<Group>{
                {{DbId(0), {"a"}}}, {{DbId(3), {"b"}}, {DbId(4), {"c"}}}, {{DbId(4), {"d"}}}}));
  EXPECT_EQ(reading.times, (std::vector<std::int64_t>{AofReader::kNoTime, 8, 8}));
}

// Else a flipped digit makes a reader keep all that follows it: here, nothing more is asked for.
TEST(AofReader, WhatReachesBeyondTheFileIsTornAtOnce) {
  constexpr std::string_view kBytes = "*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$100\r\n";
  for (const std::uint64_t file_end : {kBytes.size() + 99, kBytes.size() + 100}) {
    AofReader reader(0, file_end);
    reader.Feed(kBytes);
    ASSERT_EQ(reader.Next(), AofReader::Outcome::kGroup);
    const bool fits = file_end == kBytes.size() + 100;
    EXPECT_EQ(reader.Next(), fits ? AofReader::Outcome::kNeedMore : AofReader::Outcome::kTorn);
    EXPECT_EQ(reader.good_end(), 14);
    if (fits) continue;
    EXPECT_EQ(reader.trouble(), "offset 132: the file ends inside a command");
    EXPECT_EQ(reader.Next(), AofReader::Outcome::kTorn);
  }
}

TEST(AofReader, CommandsTellWhereTheyBegan) {
  constexpr std::string_view kBytes =
      "*1\r\n$4\r\nPING\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
      "*1\r\n$5\r\nMULTI\r\n*1\r\n$1\r\nA\r\n*1\r\n$1\r\nB\r\n*1\r\n$4\r\nEXEC\r\n";
  for (const std::size_t step : {kBytes.size(), std::size_t{1}}) {
    AofReader reader(1000);
    std::vector<std::uint64_t> begins;
    for (std::size_t at = 0; at < kBytes.size(); at += step) {
      reader.Feed(kBytes.substr(at, step));
      while (reader.Next() == AofReader::Outcome::kGroup) {
        EXPECT_EQ(reader.command_begins().size(), reader.group().size());
        begins.insert(begins.end(), reader.command_begins().begin(), reader.command_begins().end());
      }
    }
    EXPECT_EQ(begins, (std::vector<std::uint64_t>{1000, 1052, 1063})) << step;
  }
}

TEST(AofReader, OffsetsCountFromWhereItWasToldToBegin) {
  AofReader reader(100);
  reader.Feed("*1\r\n$1\r\na\r\nx");
  ASSERT_EQ(reader.Next(), Outcome::kGroup);
  EXPECT_EQ(reader.group_begin(), 100);
  EXPECT_EQ(reader.good_end(), 111);
  EXPECT_EQ(reader.Next(), Outcome::kCorrupt);
  EXPECT_EQ(reader.trouble(), "offset 111: expected '*', found 'x'");
}

}  // namespace
}  // namespace cairn::codec
