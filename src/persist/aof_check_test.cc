// SPDX-License-Identifier: BSD-3-Clause
// Verdicts on append only files and directories, and exactly which bytes mending takes away.
#include "persist/aof_check.h"

#include <gtest/gtest.h>

#include "codec/rdb_writer.h"
#include "io/sim_disk.h"
#include "persist/check_testing.h"
#include "persist/command_figures.h"

namespace cairn::persist {
namespace {

using io::SimDisk;
using testing::Command;
using testing::ContentOf;
using testing::Has;
using testing::Joined;
using testing::Lines;
using testing::Store;

const std::string kPath = "./x.aof";

enum class Answer { kYes, kNo, kNotAsked };

struct Checked {
  bool is_sound = false;
  Lines lines;
  std::string question;
};

Checked CheckAt(io::Disk& disk, const std::string& path, const AofCheckOptions& options,
                Answer answer) {
  Checked checked;
  const auto ask = [&](std::string_view question) {
    EXPECT_NE(answer, Answer::kNotAsked);
    checked.question = question;
    return answer == Answer::kYes;
  };
  checked.is_sound = CheckAof(
      disk, path, options, 0, [&](std::string_view line) { checked.lines.emplace_back(line); },
      ask);
  return checked;
}

std::string Preamble() {
  testing::StringSink sink;
  codec::RdbWriter writer(sink, {});
  writer.SelectDb(DbId(0));
  writer.Key({.key = "k"}, std::string_view("v"));
  CHECK(writer.End().ok());
  return sink.taken;
}

const std::string kSet = Command({"SET", "a", "b"});
const std::string kMulti = Command({"MULTI"}) + Command({"INCR", "n"});
const std::string kExec = Command({"EXEC"});

TEST(AofCheck, SaysWhatIsInASoundFile) {
  SimDisk disk(1);
  const std::string bytes = "#TS:100\r\n" + Command({"SELECT", "3"}) + kSet + kMulti +
                            Command({"set", "longer", "than others"}) + kExec;
  Store(disk, kPath, bytes);
  const Checked checked = CheckAt(disk, kPath, {}, Answer::kNotAsked);
  EXPECT_TRUE(checked.is_sound);
  const Lines wanted = {"Start checking Old-Style AOF",
                        "[info] 3 commands, 1 transactions",
                        "[info] written from 1970-01-01T00:01:40Z to 1970-01-01T00:01:40Z",
                        "[info] 2 set, 1 incr",
                        "[info] largest command: set longer at offset 95, 20 bytes",
                        "AOF analyzed: filename=./x.aof, size=152, ok_up_to=152, diff=0",
                        "AOF ./x.aof is valid"};
  EXPECT_EQ(Joined(checked.lines), Joined(wanted));
}

struct EndCase {
  std::string_view name;
  std::string tail;       // behind kSet
  bool is_torn;           // else damaged
  std::string left = {};  // of the tail, once cut
};

const EndCase kEnds[] = {
    {"InACommand", kSet.substr(0, 12), true},
    {"InAMulti", kMulti, true},
    {"InAMultiWithAnExecInPart", kMulti + kExec.substr(0, 5), true},
    {"Zeros", std::string(100, '\0'), true},
    {"ZerosInAMulti", kMulti + std::string(10, '\0'), true},
    {"BehindATransaction", kMulti + kExec + "*", true, kMulti + kExec},
    {"BehindATime", "#TS:5\r\n*1\r\n", true, "#TS:5\r\n"},
    {"Garbage", "garbage" + kSet, false},
    {"GarbageAtTheEnd", "x", false},
    {"GarbageInAMulti", kMulti + "x", false},
    {"ZerosWithSomethingBehindThem", std::string(9, '\0') + kSet, false},
    {"ALengthBeyondTheFile", "*1\r\n$900\r\nPING\r\n" + kSet, true},
};

TEST(AofCheck, EndsAreToldAndCutOnlyWhereTheyAreTorn) {
  for (const bool has_preamble : {false, true}) {
    for (const EndCase& each : kEnds) {
      SCOPED_TRACE(each.name);
      const std::string good = (has_preamble ? Preamble() : "") + kSet;
      SimDisk disk(1);
      Store(disk, kPath, good + each.tail);
      const Checked looked = CheckAt(disk, kPath, {}, Answer::kNotAsked);
      EXPECT_FALSE(looked.is_sound);
      EXPECT_EQ(Joined(looked.lines).find("torn: ") != std::string::npos, each.is_torn);
      // Declined, nothing happens; nor ever to damage.
      EXPECT_FALSE(
          CheckAt(disk, kPath, {.fix = true}, each.is_torn ? Answer::kNo : Answer::kNotAsked)
              .is_sound);
      EXPECT_EQ(ContentOf(disk, kPath), good + each.tail);
      const Checked cut =
          CheckAt(disk, kPath, {.fix = true, .cuts_damage = !each.is_torn}, Answer::kYes);
      EXPECT_TRUE(cut.is_sound) << Joined(cut.lines);
      EXPECT_EQ(ContentOf(disk, kPath), good + each.left);
      const std::size_t bytes = good.size() + each.tail.size();
      const std::size_t left = good.size() + each.left.size();
      EXPECT_EQ(cut.question, "This will shrink the AOF ./x.aof from " + std::to_string(bytes) +
                                  " bytes, with " + std::to_string(bytes - left) + " bytes, to " +
                                  std::to_string(left) + " bytes\nContinue? [y/N]: ");
      EXPECT_TRUE(CheckAt(disk, kPath, {}, Answer::kNotAsked).is_sound);
    }
  }
}

// The cut is on the disk before it is called done; a disk that fails says so.
TEST(AofCheck, ACutSurvivesACrashAndAFailureIsTold) {
  SimDisk disk(1);
  Store(disk, kPath, kSet + "*1");
  CHECK((*disk.Open(kPath, io::OpenMode::kWrite))->SyncData().ok());
  CHECK(disk.SyncDirectory(".").ok());
  disk.FailSyncs(5);
  const Checked failed = CheckAt(disk, kPath, {.fix = true}, Answer::kYes);
  EXPECT_FALSE(failed.is_sound);
  EXPECT_TRUE(failed.lines.back().starts_with("Failed to truncate AOF ./x.aof: "));
  disk.FailSyncs(0);
  Store(disk, kPath, kSet + "*1");
  EXPECT_TRUE(CheckAt(disk, kPath, {.fix = true}, Answer::kYes).is_sound);
  disk.Crash(io::CrashKeeps::kNothing);
  EXPECT_EQ(ContentOf(disk, kPath), kSet);
}

TEST(AofCheck, APreambleThatIsNoneEndsIt) {
  SimDisk disk(1);
  std::string preamble = Preamble();
  preamble[10] ^= 1;
  Store(disk, kPath, preamble + kSet);
  const Checked checked =
      CheckAt(disk, kPath, {.fix = true, .cuts_damage = true}, Answer::kNotAsked);
  EXPECT_FALSE(checked.is_sound);
  EXPECT_EQ(checked.lines.back(), "RDB preamble of AOF file is not sane, aborting.");
  EXPECT_EQ(ContentOf(disk, kPath), preamble + kSet);
}

class Directory {
 public:
  Directory(const std::string& base, const std::string& first, const std::string& last) {
    CHECK(disk_.MakeDirectory("./d").ok());
    Store(disk_, "./d/a.1.base.rdb", base);
    Store(disk_, "./d/a.1.incr.aof", first);
    Store(disk_, "./d/a.2.incr.aof", last);
    Store(disk_, "./d/a.manifest",
          "# comment\nfile a.1.base.rdb seq 1 type b\nfile a.0.incr.aof seq 1 type h\n"
          "file a.1.incr.aof seq 1 type i\nfile a.2.incr.aof seq 2 type i\n");
  }
  Checked Check(const AofCheckOptions& options, Answer answer = Answer::kNotAsked) {
    return CheckAt(disk_, "./d/a.manifest", options, answer);
  }
  std::string Content(const std::string& name) { return ContentOf(disk_, "./d/" + name); }
  io::Disk& disk() { return disk_; }

 private:
  SimDisk disk_{1};
};

TEST(AofCheck, EveryFileOfAManifestIsChecked) {
  Directory directory(Preamble(), kSet, "");
  const Checked checked = directory.Check({});
  EXPECT_TRUE(checked.is_sound);
  EXPECT_TRUE(Has(checked.lines, "Start checking Multi Part AOF"));
  EXPECT_TRUE(Has(checked.lines, "BASE AOF a.1.base.rdb is valid"));
  EXPECT_TRUE(Has(checked.lines, "INCR AOF a.1.incr.aof is valid"));
  EXPECT_TRUE(Has(checked.lines, "INCR AOF a.2.incr.aof is empty"));
  EXPECT_EQ(checked.lines.back(), "All AOF files and manifest are valid");
  CHECK(directory.disk().Remove("./d/a.1.incr.aof").ok());
  const Checked missing = directory.Check({});
  EXPECT_FALSE(missing.is_sound);
  EXPECT_NE(missing.lines.back().find("./d/a.manifest names a.1.incr.aof"), std::string::npos)
      << missing.lines.back();
}

TEST(AofCheck, OnlyTheLastFileThatHoldsSomethingIsCut) {
  Directory torn_last(Preamble(), kSet, kSet + "*");
  EXPECT_TRUE(torn_last.Check({.fix = true}, Answer::kYes).is_sound);
  EXPECT_EQ(torn_last.Content("a.2.incr.aof"), kSet);
  Directory torn_before_empty(Preamble(), kSet + "*", "");
  EXPECT_TRUE(torn_before_empty.Check({.fix = true}, Answer::kYes).is_sound);
  EXPECT_EQ(torn_before_empty.Content("a.1.incr.aof"), kSet);
  Directory torn_before(Preamble(), kSet + "*", kSet);
  const Checked refused = torn_before.Check({.fix = true});
  EXPECT_FALSE(refused.is_sound);
  EXPECT_EQ(refused.lines.back(),
            "Failed to truncate AOF a.1.incr.aof because it is not the last file");
  EXPECT_EQ(torn_before.Content("a.1.incr.aof"), kSet + "*");
}

// Else mending would cut the manifest, which is no command.
TEST(AofCheck, WhatIsCalledAManifestIsNeverCut) {
  for (const std::string content : {"", "garbage", "# nothing\n", "*1\r\n$4\r\nPI"}) {
    SimDisk disk(1);
    const std::string path = "./x.aof.manifest";
    Store(disk, path, content);
    const Checked checked =
        CheckAt(disk, path, {.fix = true, .cuts_damage = true}, Answer::kNotAsked);
    EXPECT_FALSE(checked.is_sound) << content;
    EXPECT_EQ(ContentOf(disk, path), content);
  }
}

TEST(AofCheck, AManifestThatNamesItselfIsLeftAlone) {
  const std::string manifest = "file x.aof seq 1 type i\n";
  SimDisk disk(1);
  Store(disk, kPath, manifest);
  const Checked checked =
      CheckAt(disk, kPath, {.fix = true, .cuts_damage = true}, Answer::kNotAsked);
  EXPECT_FALSE(checked.is_sound);
  EXPECT_EQ(checked.lines.back(), "AOF x.aof is a manifest, and named by one");
  EXPECT_EQ(ContentOf(disk, kPath), manifest);
}

TEST(AofCheck, LaterWritesAreCutOff) {
  const std::string early = "#TS:100\r\n" + kSet;
  const std::string late = "#TS:200\r\n" + Command({"SELECT", "2"}) + kSet;
  struct Case {
    std::string bytes;
    std::int64_t until_s;
    std::string left;
    bool is_sound = true;
  };
  const Case cases[] = {
      {early + late, 100, early},
      {early + late, 199, early},
      {early + late, 200, early + late},
      {early + late + "*1\r", 150, early},  // whatever the rest is
      {early + "#TS:200\r\n", 150, early},
      {kSet + late, 150, kSet},  // of no known time: kept
      {early + late, 99, early + late, false},
      {early + late + "*1\r", 300, early + late + "*1\r", false},
      {early + kMulti + "#TS:200\r\n" + kExec, 150, early},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.bytes + std::to_string(each.until_s));
    SimDisk disk(1);
    Store(disk, kPath, each.bytes);
    const Checked checked = CheckAt(disk, kPath, {.until_s = each.until_s}, Answer::kNotAsked);
    EXPECT_EQ(checked.is_sound, each.is_sound) << Joined(checked.lines);
    EXPECT_EQ(ContentOf(disk, kPath), each.left);
  }
  Directory in_the_middle(Preamble(), early + late, kSet);
  const Checked refused = in_the_middle.Check({.until_s = 150});
  EXPECT_FALSE(refused.is_sound);
  EXPECT_EQ(in_the_middle.Content("a.1.incr.aof"), early + late);
  Directory at_the_end(Preamble(), early, late);
  EXPECT_FALSE(at_the_end.Check({.until_s = 150}).is_sound);  // nothing before it there
}

// A file can name a command anew each time; memory must not follow.
TEST(CommandFigures, SoManyNamesAreToldApart) {
  std::string bytes;
  for (std::size_t i = 0; i < CommandFigures::kNamesMax + 2; ++i)
    bytes += Command({"name" + std::to_string(i)});
  codec::AofReader reader;
  reader.Feed(bytes + Command({std::string(1000, 'x')}));
  CommandFigures figures;
  while (reader.Next() == codec::AofReader::Outcome::kGroup) figures.Add(reader);
  std::string said;
  figures.Say([&](std::string_view line) { said += line; });
  EXPECT_NE(said.find(", 505 others"), std::string::npos) << said;
  EXPECT_NE(said.find("largest command: " + std::string(64, 'x') + " at offset"), std::string::npos)
      << said;
}

}  // namespace
}  // namespace cairn::persist
