// SPDX-License-Identifier: BSD-3-Clause
// Every line of a small directory, every filter on it, and ends that are none.
#include "logdump/logdump.h"

#include <gtest/gtest.h>

#include "codec/rdb_writer.h"
#include "engine/families.h"
#include "io/sim_disk.h"
#include "logdump/options.h"
#include "persist/check_testing.h"

namespace cairn::logdump {
namespace {

using persist::testing::Command;
using persist::testing::Joined;
using persist::testing::Lines;
using persist::testing::Store;

std::string Base() {
  persist::testing::StringSink sink;
  codec::RdbWriter writer(sink, {});
  writer.Aux("aof-base", "1");
  writer.SelectDb(DbId(0));
  writer.Key({.key = "a", .expiry = 1'795'284'128'000}, std::string_view("text"));
  writer.SelectDb(DbId(3));
  writer.Key({.key = "two words"}, std::string_view("12"));
  CHECK(writer.End().ok());
  return sink.taken;
}

std::string Increment() {
  return Command({"SET", "before", "time"}) + "#TS:1795283129\r\n" + Command({"SELECT", "3"}) +
         Command({"MULTI"}) + Command({"set", "c", std::string(100, 'x')}) +
         Command({"incr", "two words"}) + Command({"EXEC"}) + "#TS:1795283131\r\n" +
         Command({"FLUSHALL"}) + Command({"xgroup", "create", "stream", "c", "$"}) +
         Command({"later.version", "a", "c"});
}

struct Dumped {
  Lines lines;
  Status status;
};

class LogDumpTest : public ::testing::Test {
 protected:
  LogDumpTest() {
    Store(disk_, "./base", Base());
    Store(disk_, "./incr", Increment());
    Store(disk_, "./manifest", "file base seq 1 type b\nfile incr seq 1 type i\n");
  }
  Dumped Dump(const std::vector<std::string>& words) {
    const Result<Options> options = ParseOptions(words);
    CHECK(options.has_value());
    Dumped dumped;
    const auto say = [&](std::string_view line) { dumped.lines.emplace_back(line); };
    dumped.status = LogDump(disk_, commands_, *options, say).Run();
    return dumped;
  }
  // The offsets of what is shown of "./incr".
  std::string Offsets(std::vector<std::string> words) {
    words.emplace_back("./incr");
    std::string offsets;
    for (const std::string& line : Dump(words).lines)
      if (!line.starts_with('#')) offsets += line.substr(0, line.find(' ')) + " ";
    return offsets;
  }
  io::SimDisk disk_{1};
  const std::vector<std::span<const command::Spec>> families_ = engine::EngineFamilies();
  const command::CommandTable commands_{families_};
};

TEST_F(LogDumpTest, EveryFileOfAManifest) {
  const Dumped dumped = Dump({"./manifest"});
  EXPECT_TRUE(dumped.status.ok()) << dumped.status.message();
  const Lines wanted = {
      "# base: 64 bytes, base",
      "# aof-base = 1",
      "23 - db0 rdb a string embstr elements=1 bytes=17 expires=2026-11-21T18:02:08Z",
      "42 - db3 rdb \"two words\" string int elements=1 bytes=13",
      "# incr: 386 bytes",
      "0 - db0 1/1 SET before time",
      "89 2026-11-21T17:45:29Z db3 1/2 set c \"" + std::string(64, 'x') + "\"...(100 bytes)",
      "217 2026-11-21T17:45:29Z db3 2/2 incr \"two words\"",
      "276 2026-11-21T17:45:31Z db3 1/1 FLUSHALL",
      "294 2026-11-21T17:45:31Z db3 1/1 xgroup create stream c $",
      "348 2026-11-21T17:45:31Z db3 1/1 later.version a c"};
  EXPECT_EQ(Joined(dumped.lines), Joined(wanted));
}

TEST_F(LogDumpTest, Filters) {
  EXPECT_EQ(Offsets({}), "0 89 217 276 294 348 ");
  // FLUSHALL is about every key, and any argument of what is not known may be one.
  EXPECT_EQ(Offsets({"--key", "c"}), "89 276 348 ");
  EXPECT_EQ(Offsets({"--key", "two*"}), "217 276 ");
  EXPECT_EQ(Offsets({"--key", "stream"}), "276 294 ");
  EXPECT_EQ(Offsets({"--db", "0"}), "0 ");
  EXPECT_EQ(Offsets({"--from", "89", "--to", "276"}), "89 217 276 ");
  EXPECT_EQ(Offsets({"--from", "90"}), "217 276 294 348 ");
  EXPECT_EQ(Offsets({"--to", "216"}), "0 89 ");
  EXPECT_EQ(Offsets({"--from", "@1795283130"}), "276 294 348 ");
  EXPECT_EQ(Offsets({"--to", "2026-11-21T17:45:29Z"}), "0 89 217 ");
  EXPECT_EQ(Offsets({"--from", "2026-11-21T17:45:29", "--to", "@1795283130"}), "89 217 ");
  EXPECT_EQ(Offsets({"--from", "2026-11-22"}), "");
  EXPECT_EQ(Dump({"--from", "@0", "./base"}).lines.size(), 2U);  // keys have no time
  EXPECT_EQ(Dump({"--key", "a", "./base"}).lines.size(), 3U);
  EXPECT_NE(Joined(Dump({"--full", "./incr"}).lines).find(std::string(100, 'x')),
            std::string::npos);
}

TEST_F(LogDumpTest, BadEndsAreTold) {
  struct Case {
    std::string bytes;
    std::string trouble;
  };
  const std::string good = Command({"PING"});
  const Case cases[] = {
      {good + "*1\r\n", "./x: torn at 14: offset 18: the file ends inside a command"},
      {good + "?" + good, "./x: damaged at 14: offset 14: expected '*', found '?'"},
      {Base().substr(0, 50), "./x: a text of 9 bytes, where 6 are left, at byte 43"},
  };
  for (const Case& each : cases) {
    Store(disk_, "./x", each.bytes);
    const Dumped dumped = Dump({"./x"});
    EXPECT_FALSE(dumped.status.ok());
    EXPECT_EQ(dumped.status.message(), each.trouble);
    EXPECT_GE(dumped.lines.size(), 2U);  // what is good is shown
  }
  EXPECT_FALSE(Dump({"./nothing"}).status.ok());
}

// As cairn-check and servers have it.
TEST_F(LogDumpTest, WhatFollowsAnRdbIsToldButNoError) {
  persist::testing::StringSink sink;
  codec::RdbWriter writer(sink, {.checksum = false});
  writer.Aux("aof-base", "0");
  CHECK(writer.End().ok());
  const std::string end = std::to_string(sink.taken.size());
  for (const std::string& tail : {std::string("tail"), std::string(4, '\0')}) {
    Store(disk_, "./x", sink.taken + tail);
    const Dumped dumped = Dump({"./x"});
    EXPECT_TRUE(dumped.status.ok()) << dumped.status.message();
    EXPECT_EQ(dumped.lines.back(), "# 4 bytes follow the end of the RDB, from offset " + end +
                                       " on: a server passes over them");
    Store(disk_, "./base", Base() + tail);
    EXPECT_FALSE(Dump({"./base"}).status.ok()) << "of an AOF it is damage";
    EXPECT_FALSE(Dump({"./manifest"}).status.ok());
  }
  Store(disk_, "./x", sink.taken + Command({"PING"}));
  EXPECT_EQ(Dump({"./x"}).lines.back(), end + " - db0 1/1 PING");
  Store(disk_, "./x", sink.taken);
  EXPECT_EQ(Dump({"./x"}).lines.size(), 2U);
}

TEST(LogDumpOptions, WhatIsNotUnderstood) {
  const std::vector<std::vector<std::string>> all = {{},
                                                     {"--key"},
                                                     {"--db", "x", "f"},
                                                     {"--db", "-1", "f"},
                                                     {"f", "g"},
                                                     {"--nothing", "f"},
                                                     {"-n", "f"},
                                                     {"--from", "x", "f"},
                                                     {"--to", "2026-13-01", "f"},
                                                     {"--to", "2026-11-21T24:00:00", "f"},
                                                     {"--to", "2026-11-21 00:00:00", "f"},
                                                     {"--from", "@x", "f"},
                                                     {"--db", "2147483648", "f"}};
  for (const std::vector<std::string>& words : all)
    EXPECT_FALSE(ParseOptions(words).has_value()) << ::testing::PrintToString(words);
  using Action = Options::Action;
  for (const std::string help : {"-h", "--help"})
    EXPECT_EQ(ParseOptions(std::vector<std::string>{"f", help})->action, Action::kHelp);
  EXPECT_EQ(ParseOptions(std::vector<std::string>{"-v"})->action, Action::kVersion);
  EXPECT_EQ(ParseOptions(std::vector<std::string>{"f"})->action, Action::kDump);
  EXPECT_EQ(ParseBound("2026-11-21T17:45:29Z")->time_s, 1'795'283'129);
  EXPECT_EQ(ParseBound("1970-01-01")->time_s, 0);
  EXPECT_EQ(ParseBound("17")->offset, 17U);
  EXPECT_EQ(ParseBound("@17")->time_s, 17);
}

}  // namespace
}  // namespace cairn::logdump
