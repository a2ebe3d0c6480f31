// SPDX-License-Identifier: BSD-3-Clause
// The service on the twin disk: what it says is safe survives, switched on or off, rewritten, and
// with a disk that fails in between; and what a load makes of files that are not as they should be.
#include "persist/aof_service.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/sim_disk.h"
#include "keyspace/keyspace_testing.h"
#include "persist/aof_player.h"
#include "persist/aof_testing.h"

namespace cairn::persist {
namespace {

using io::CrashKeeps;
using io::SimDisk;
using testing::Life;

std::string Command(std::initializer_list<std::string> words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words)
    bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return bytes;
}

// A directory whose one increment has these bytes.
void Lay(SimDisk& disk, const std::string& bytes) {
  auto files = *AofFiles::Open(disk, {});
  auto file = *files->OpenIncrement("", BaseFormat::kCommands);
  ASSERT_TRUE(file->Append(bytes).ok());
}

// Keys and their values, for who starts with this disk.
using Found = std::initializer_list<std::pair<const char*, const char*>>;
void ExpectFound(SimDisk& disk, Found wanted) {
  Life again(disk);
  again.Start();
  for (const auto& [key, value] : wanted) EXPECT_EQ(again.store().Get(key), value) << key;
}

TEST(AofService, WhatTheWatermarkCoversSurvivesALossOfPower) {
  SimDisk disk(1);
  {
    Life life(disk);
    life.Start();
    for (int i = 0; i < 50; ++i) {
      life.Run({"SET", "k" + std::to_string(i), "v"});
      EXPECT_TRUE(life.aof().watermark().holds());
      life.AwaitSafe();
    }
    disk.CutPowerAt(1);
  }
  disk.Crash(CrashKeeps::kNothing);
  Life again(disk);
  again.Start();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(again.store().Get("k" + std::to_string(i)), "v") << i;
}

// no-appendfsync-on-rewrite.
TEST(AofService, RepliesWaitForTheWriteAloneWhileSomethingIsSaved) {
  struct Row {
    CutTurn::Holder holder;
    bool rests_while_saving;
    bool rests;
  };
  for (const Row& row :
       {Row{CutTurn::Holder::kRdb, true, true}, Row{CutTurn::Holder::kAofRewrite, true, true},
        Row{CutTurn::Holder::kReload, true, false}, Row{CutTurn::Holder::kRdb, false, false}}) {
    SimDisk disk(1);
    Life life(disk, {.policy = FsyncPolicy::kAlways, .rests_while_saving = row.rests_while_saving});
    life.Start();
    ASSERT_TRUE(life.turn().TryTake(row.holder));
    life.Run({"SET", "before", "1"});
    const Lsn before = life.store().keyspace.log().end();
    life.aof().Advance();
    const Watermark& watermark = life.aof().watermark();
    life.Await([&] { return watermark.Frees(before); });
    life.Run({"SET", "meanwhile", "1"});
    const Lsn end = life.store().keyspace.log().end();
    EXPECT_TRUE(watermark.holds());
    EXPECT_FALSE(watermark.Frees(Lsn(end.value + 1)));
    life.aof().Hurry();
    life.Await([&] { return watermark.Frees(end); });
    EXPECT_EQ(watermark.Covers(end), !row.rests);
    life.turn().Give();
    life.aof().Advance();
    life.Await([&] { return watermark.Covers(end); });
    EXPECT_TRUE(watermark.holds());
  }
}

std::string SourcesOf(Life& life) {
  std::string sources;
  life.libraries().Get()->ForEach([&](std::string_view source) { sources += source; });
  return sources;
}

// No command makes functions yet, but an AOF that Redis wrote may do so.
TEST(AofService, LibrariesOfFunctionsOutliveLoadsAndRewrites) {
  const std::string a = "#!lua name=a\n", b = "#!lua name=b\n";
  for (const bool with_preamble : {true, false}) {
    SimDisk disk(1);
    const AofOptions options{.policy = FsyncPolicy::kAlways, .with_preamble = with_preamble};
    Lay(disk, Command({"FUNCTION", "LOAD", a}) + Command({"SET", "k", "v"}) +
                  Command({"function", "load", "REPLACE", b}) + Command({"FUNCTION", "LOAD", a}) +
                  Command({"FUNCTION", "LOAD", "#!lua name=c\n"}) +
                  Command({"FUNCTION", "DELETE", "c"}));
    for (int round = 0; round < 3; ++round) {
      Life life(disk, options);
      std::string warned;
      ASSERT_TRUE(life.Load({.on_warning = [&](std::string_view line) { warned += line; }}).ok());
      ASSERT_TRUE(life.aof().Begin().ok());
      life.aof().Start();
      EXPECT_EQ(SourcesOf(life), a + b) << round;
      EXPECT_EQ(life.store().Get("k"), "v");
      EXPECT_EQ(warned.find("1 commands") != warned.npos, round == 0) << "LOAD again: " << warned;
      life.aof().RequestRewrite(AofService::When::kNow);
      life.AwaitRewrite(1);
    }
  }
}

TEST(AofService, LibrariesAloneAreDataThatAFirstRewriteKeeps) {
  SimDisk disk(2);
  {
    Life life(disk);
    scripting::LibrarySet set;
    ASSERT_TRUE(set.Add("#!lua name=a\n", scripting::LibrarySet::Present::kRefuse).ok());
    ASSERT_TRUE(life.Load().ok());
    life.libraries().Set(std::move(set));  // an RDB had it
    ASSERT_TRUE(life.aof().Begin().ok());
    life.aof().Start();
    life.AwaitRewrite(1);
  }
  Life again(disk);
  again.Start();
  EXPECT_EQ(SourcesOf(again), "#!lua name=a\n");
}

TEST(AofService, AskingForFunctionsIsDamageInAnAof) {
  SimDisk disk(3);
  Lay(disk, Command({"FUNCTION", "LIST"}));
  Life life(disk);
  const Status loaded = life.Load();
  EXPECT_NE(loaded.message().find("unknown command 'FUNCTION'"), std::string::npos)
      << loaded.message();
}

TEST(AofService, SwitchedOnItCountsOnceTheDataIsThere) {
  SimDisk disk(2);
  {
    Life life(disk);
    life.aof().Start();
    life.Run({"SET", "before", "1"});
    EXPECT_FALSE(life.aof().watermark().Covers(Lsn(0)));
    life.aof().Want(true);
    life.AwaitRewrite(1);
    life.Run({"SET", "after", "2"});
    life.AwaitSafe();
    disk.CutPowerAt(1);
  }
  disk.Crash(CrashKeeps::kNothing);
  ExpectFound(disk, {{"before", "1"}, {"after", "2"}});
}

TEST(AofService, SwitchedOffItKeepsWhatWasWrittenUntilThen) {
  SimDisk disk(3);
  {
    Life life(disk, {.policy = FsyncPolicy::kNo});
    life.Start();
    life.Run({"SET", "before", "1"});
    life.aof().Want(false);
    life.Await([&] { return !life.store().keyspace.log().active(); });
    EXPECT_FALSE(life.aof().watermark().counts());
    life.Run({"SET", "after", "2"});
    // And on again, with what came about meanwhile.
    life.aof().Want(true);
    life.AwaitRewrite(1);
    life.AwaitSafe();
  }
  disk.Crash(CrashKeeps::kNothing);
  ExpectFound(disk, {{"before", "1"}, {"after", "2"}});
}

// What is counted is safe when the power goes.
void CountAndLosePower(Life& life, SimDisk& disk) {
  life.Run({"INCR", "k"});
  life.AwaitSafe();
  disk.CutPowerAt(1);
}

void ExpectCounted(SimDisk& disk, std::uint64_t nth) {
  SCOPED_TRACE(nth);
  disk.Crash(CrashKeeps::kNothing);
  ExpectFound(disk, {{"k", "2"}});
}

// Every call of a rewrite fails once; the data are there whatever became of it.
TEST(AofService, ARewriteThatFailsCostsNothing) {
  for (const bool with_preamble : {true, false}) {
    for (std::uint64_t nth = 1; nth < 25; ++nth) {
      SimDisk disk(nth);
      {
        Life life(disk, {.policy = FsyncPolicy::kAlways, .with_preamble = with_preamble});
        life.Start();
        life.Run({"SET", "k", "1"});
        life.AwaitSafe();
        disk.FailCall(nth, EIO);
        EXPECT_EQ(life.aof().RequestRewrite(AofService::When::kNow),
                  AofService::Requested::kStarted);
        life.AwaitRewrite(1);
        CountAndLosePower(life, disk);
      }
      ExpectCounted(disk, nth);
    }
  }
}

// The disk fails while appendonly is switched on: it is tried again.
TEST(AofService, AFirstRewriteThatFailsIsTriedAgain) {
  for (std::uint64_t nth = 1; nth < 25; ++nth) {
    SimDisk disk(nth);
    {
      Life life(disk);
      life.aof().Start();
      life.Run({"SET", "k", "1"});
      disk.FailCall(nth, EIO);
      life.aof().Want(true);
      life.Await([&] { return life.aof().watermark().counts(); });
      CountAndLosePower(life, disk);
    }
    ExpectCounted(disk, nth);
  }
}

// What a user is told before it begins; nothing of it stays, but the folder.
TEST(AofService, ProbeFindsWhatAFirstRewriteWouldFailOf) {
  SimDisk disk(1);
  Life life(disk);
  life.aof().Start();
  // It looks for a manifest, for files without one, and makes a file.
  const std::pair<const char*, std::uint64_t> calls[] = {
      {"mkdir", 1}, {"open", 1}, {"open", 2}, {"open", 3}, {"unlink", 1}};
  for (const auto& [call, nth] : calls) {
    disk.FailCall(call, nth, ENOSPC);
    EXPECT_EQ(life.aof().Probe().code(), StatusCode::kIo) << call << " " << nth;
    EXPECT_FALSE(life.aof().Figures().rewrites.last_ok);
  }
  EXPECT_TRUE(life.aof().Probe().ok());
  EXPECT_TRUE(disk.List("./appendonlydir")->empty());
  auto file = *disk.Open("./appendonlydir/appendonly.aof.2.base.rdb", io::OpenMode::kReplace);
  EXPECT_EQ(life.aof().Probe().code(), StatusCode::kCorrupt) << "data without a manifest";
  ASSERT_TRUE(disk.Remove(file->path()).ok());
  life.aof().Want(true);
  life.AwaitRewrite(1);
  EXPECT_TRUE(life.aof().Probe().ok());
}

// However quickly: the place may be another one.
TEST(AofService, SwitchedOffAndOnItBeginsAnew) {
  SimDisk disk(1);
  Life life(disk);
  life.Start();
  life.Run({"SET", "k", "1"});
  life.aof().Want(false);
  life.aof().Want(true);
  life.AwaitRewrite(1);
  life.AwaitSafe();
  disk.Crash(CrashKeeps::kNothing);
  Life again(disk);
  again.Start();
  EXPECT_EQ(again.store().Get("k"), "1");
}

// WAITAOF is about the file that is in use from now on.
TEST(AofService, WhatIsBeingLeftCoversNothing) {
  SimDisk disk(1);
  Life life(disk);
  life.Start();
  life.Run({"SET", "k", "1"});
  life.AwaitSafe();
  const Lsn end = life.store().keyspace.log().end();
  const Watermark& watermark = life.aof().watermark();
  life.aof().Want(false);
  EXPECT_FALSE(watermark.Covers(Lsn(0)));
  EXPECT_TRUE(watermark.holds()) << "who was to wait still does";
  life.aof().Want(true);
  EXPECT_FALSE(watermark.Covers(Lsn(0)));
  EXPECT_FALSE(watermark.counts());
  life.Await([&] { return watermark.Covers(end); });
  EXPECT_EQ(life.aof().Figures().rewrites.begun, 1U);
  disk.Crash(CrashKeeps::kNothing);
  ExpectFound(disk, {{"k", "1"}});
}

// Before Advance came by; nothing else would wake who waits for it (WAITAOF) ever again.
TEST(AofService, SwitchedOffBeforeItBeganItIsToldAllTheSame) {
  SimDisk disk(1);
  Life life(disk);
  life.aof().Start();
  life.aof().Want(true);
  const int before = life.progresses();
  const std::uint64_t moves = life.aof().watermark().moves();
  life.aof().Want(false);
  EXPECT_GT(life.progresses(), before);
  EXPECT_GT(life.aof().watermark().moves(), moves);
}

TEST(AofService, TheSecondRequestFindsTheFirst) {
  SimDisk disk(1);
  Life life(disk);
  life.Start();
  EXPECT_EQ(life.aof().RequestRewrite(AofService::When::kSoon), AofService::Requested::kScheduled);
  EXPECT_TRUE(life.aof().Figures().is_scheduled);
  life.AwaitRewrite(1);
  EXPECT_FALSE(life.aof().Figures().is_scheduled);
  EXPECT_TRUE(life.aof().Figures().rewrites.last_ok);
}

TEST(AofService, ReloadFindsWhatWasLogged) {
  SimDisk disk(1);
  Life life(disk);
  life.Start();
  life.Run({"SET", "k", "1"});
  LoadProgress progress;
  const auto flush = [&] { life.store().Remove("k"); };
  ASSERT_TRUE(life.aof().Reload({}, progress, flush).ok());
  EXPECT_EQ(life.store().Get("k"), "1");
  life.Run({"INCR", "k"});
  life.AwaitSafe();
  ASSERT_TRUE(life.aof().Reload({}, progress, flush).ok());
  EXPECT_EQ(life.store().Get("k"), "2");
}

void RemoveFiles(SimDisk& disk, std::string_view part) {
  const std::vector<std::string> names = disk.List("./appendonlydir").value();
  for (const std::string& name : names) {
    if (name.contains(part)) {
      EXPECT_TRUE(disk.Remove("./appendonlydir/" + name).ok());
    }
  }
}

// Somebody has removed the files of an AOF that is being written.
TEST(AofService, ReloadOfAnAofThatHasGoneMakesANewOne) {
  SimDisk disk(1);
  {
    Life life(disk);
    life.Start();
    life.Run({"SET", "k", "1"});
    life.AwaitSafe();
    RemoveFiles(disk, "");
    LoadProgress progress;
    EXPECT_EQ(life.aof().Reload({}, progress, [] { ADD_FAILURE() << "emptied"; }).code(),
              StatusCode::kNotFound);
    life.Await([&] { return life.aof().watermark().counts(); });
    CountAndLosePower(life, disk);
  }
  ExpectCounted(disk, 1);
}

TEST(AofService, ReloadOfAnAofInPartIsNotAppendedTo) {
  SimDisk disk(1);
  Life life(disk);
  life.Start();
  life.Run({"SET", "k", "1"});
  life.AwaitSafe();
  RemoveFiles(disk, "incr");
  LoadProgress progress;
  EXPECT_EQ(life.aof().Reload({}, progress, [] {}).code(), StatusCode::kCorrupt);
  life.aof().Advance();
  EXPECT_FALSE(life.aof().watermark().counts());
  EXPECT_FALSE(life.aof().is_wanted());
}

// ---- Loading -----------------------------------------------------------------------------------

TEST(AofLoading, TimesThatHavePassedMayBeTakenBackFurtherOn) {
  SimDisk disk(1);
  const std::string past = std::to_string(keyspace::kTestStartMs - 5);
  Lay(disk, Command({"SET", "kept", "1", "PXAT", past}) + Command({"INCR", "kept"}) +
                Command({"PERSIST", "kept"}) + Command({"SET", "gone", "1", "PXAT", past}) +
                Command({"SET", "moved", "1"}) + Command({"PEXPIREAT", "moved", past}) +
                Command({"PEXPIREAT", "moved", "4000000000000"}));
  Life life(disk);
  ASSERT_TRUE(life.Load().ok());
  EXPECT_EQ(life.store().Get("kept"), "2");
  EXPECT_EQ(life.store().Get("gone"), std::nullopt);
  EXPECT_EQ(life.store().Get("moved"), "1");
}

// Our files have the commands' own names, Redis's those that rename-command gave.
TEST(AofLoading, RenamedCommandsAreKnownByBothNames) {
  std::vector<std::span<const command::Spec>> rows;
  for (const auto& command : testing::Table().top_level()) rows.emplace_back(command.spec, 1);
  command::CommandTable table(rows);
  ASSERT_TRUE(table.Rename("SET", "Other").ok());
  ASSERT_TRUE(table.Rename("INCR", "").ok());
  keyspace::TestStore store({.stripe_count = 2});
  scripting::LibrarySet libraries;
  AofPlayer player(store.keyspace, table, libraries);
  const auto play = [&](std::vector<std::string_view> args) {
    const log::EffectView effect[] = {{.db = DbId(0), .args = args}};
    return player.Play(effect).ok();
  };
  EXPECT_TRUE(play({"SET", "own", "1"}));
  EXPECT_TRUE(play({"other", "given", "1"}));
  EXPECT_TRUE(play({"INCR", "own"}));
  EXPECT_FALSE(play({"nothing", "own"}));
  EXPECT_EQ(player.failed(), 0u);
  EXPECT_EQ(store.Get("own"), "2");
  EXPECT_EQ(store.Get("given"), "1");
}

TEST(AofLoading, WhatIsAnsweredByAnErrorIsPassedOver) {
  SimDisk disk(1);
  Lay(disk, Command({"SET", "k", "1"}) + Command({"RPUSH", "k", "x"}) + Command({"INCR", "k"}));
  Life life(disk);
  std::string warned;
  ASSERT_TRUE(life.Load({.on_warning = [&](std::string_view line) { warned += line; }}).ok());
  EXPECT_EQ(life.store().Get("k"), "2");
  EXPECT_NE(warned.find("RPUSH: -WRONGTYPE"), warned.npos) << warned;
}

TEST(AofLoading, DamageIsRefusedWithItsOffset) {
  const std::string good = Command({"SET", "k", "1"});
  struct Row {
    std::string bytes;
    std::string why;
  };
  for (const Row& row : {Row{Command({"NOSUCH"}), "unknown command 'NOSUCH'"},
                         Row{Command({"SELECT", "77"}) + good, "database 77 where there are 16"},
                         Row{Command({"MULTI"}) + good + Command({"NOSUCH"}) + Command({"EXEC"}),
                             "unknown command 'NOSUCH'"}}) {
    SimDisk disk(1);
    Lay(disk, good + row.bytes + good);
    Life life(disk);
    const Status loaded = life.Load();
    ASSERT_FALSE(loaded.ok());
    const std::string said(loaded.message());
    EXPECT_NE(said.find("appendonly.aof.1.incr.aof"), said.npos) << said;
    EXPECT_NE(said.find("offset "), said.npos) << said;
    EXPECT_NE(said.find(row.why), said.npos) << said;
  }
}

TEST(AofLoading, CommandsThatDoNotWriteArePassedOver) {
  SimDisk disk(1);
  const std::string reads = Command({"GET", "k"}) + Command({"STRLEN", "k"});
  Lay(disk, reads + Command({"MULTI"}) + Command({"SET", "k", "1"}) + reads + Command({"EXEC"}));
  Life life(disk);
  const Status loaded = life.Load();
  ASSERT_TRUE(loaded.ok()) << loaded.message();
  EXPECT_EQ(life.store().Get("k"), "1");
}

TEST(AofLoading, ATornTailIsCutOrRefused) {
  const std::string good = Command({"SET", "k", "1"});
  const std::string torn = Command({"MULTI"}) + Command({"SET", "k", "2"});
  {
    SimDisk disk(1);
    Lay(disk, good + torn);
    Life life(disk);
    const Status loaded = life.Load({.cuts_torn_tail = false});
    ASSERT_FALSE(loaded.ok());
    EXPECT_NE(loaded.message().find("at byte " + std::to_string(good.size())),
              std::string_view::npos)
        << loaded.message();
  }
  SimDisk disk(1);
  Lay(disk, good + torn);
  {
    Life life(disk);
    life.Start();
    EXPECT_EQ(life.store().Get("k"), "1");
    life.Run({"SET", "later", "1"});
    life.AwaitSafe();
  }
  ExpectFound(disk, {{"k", "1"}, {"later", "1"}});
}

TEST(AofLoading, IsGivenUpWhenTold) {
  SimDisk disk(1);
  Lay(disk, Command({"SET", "k", "1"}));
  Life life(disk);
  ASSERT_TRUE(life.aof().Open().ok());
  LoadProgress progress;
  progress.AskToStop();
  const Status loaded = life.aof().Load({}, progress);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.code(), StatusCode::kClosed);
}

}  // namespace
}  // namespace cairn::persist
