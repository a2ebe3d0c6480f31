// SPDX-License-Identifier: BSD-3-Clause
// The writer: what it says is durable survives, whatever the disk does; trouble is told and passes.
//
// The property test drives the real writer, the real directory and the real replay on the twin
// disk, from a seed: effects are appended, the clock moves, calls fail, space runs out and returns,
// files are switched; then the power goes. What comes back must be the first so many groups, whole,
// and no fewer than durable() had said.
#include "persist/aof_writer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "io/sim_disk.h"
#include "persist/aof_files.h"
#include "persist/aof_replay.h"

namespace cairn::persist {
namespace {

using io::CrashKeeps;
using io::SimDisk;
using log::CommandLog;
using log::Effect;
using Group = std::vector<Effect>;

constexpr std::size_t kSmallRing = 4 * CommandLog::kInlineRecordBytesMax;

Lsn Append(CommandLog& log, const Group& group) {
  EXPECT_TRUE(log.TakeCredit(CommandLog::kGroupCreditMax));
  const Lsn end = log.AppendGroup(group);
  log.ReturnCredit(CommandLog::kGroupCreditMax);
  return end;
}

Group Set(const std::string& key, const std::string& value) {
  return {{.db = DbId(0), .args = {"SET", key, value}}};
}

// Every group the directory holds. A torn tail is cut, as at a start.
Result<std::vector<Group>> ReplayAll(io::Disk& disk, const AofFiles& files) {
  const auto sources = files.ToLoad();
  if (!sources) return std::unexpected(sources.error());
  std::vector<Group> groups;
  for (const AofSource& source : *sources) {
    const auto replayed = ReplayAof(disk, source, 0, [&](const codec::AofReader& reader) {
      Group& group = groups.emplace_back();
      for (const log::EffectView& view : reader.group())
        group.push_back({.db = view.db, .args = {view.args.begin(), view.args.end()}});
      return Status();
    });
    if (!replayed) return std::unexpected(replayed.error());
    if (replayed->is_torn) {
      const Status status = CutAofTail(disk, source.path, replayed->good_end);
      if (!status.ok()) return std::unexpected(status);
    }
  }
  return groups;
}

// A log, a directory on the twin disk, and a writer between them that has no thread.
class Rig {
 public:
  explicit Rig(FsyncPolicy policy, std::uint64_t seed = 1, std::uint64_t room_bytes = 0)
      : disk(seed) {
    files = *AofFiles::Open(disk, {});
    writer = std::make_unique<AofWriter>(
        log.Attach(log::Lag::kMustKeep), *files->OpenIncrement("", BaseFormat::kRdb), clock,
        AofWriterOptions{
            .policy = policy, .room_bytes = room_bytes, .on_progress = [this] { ++progress; }});
  }

  std::string Content(int increment = 1) {
    return io::ReadWhole(disk,
                         files->PathOf("appendonly.aof." + std::to_string(increment) + ".incr.aof"),
                         1 << 30)
        .value();
  }
  void Run() {
    while (writer->RunOnce()) {
    }
  }
  std::size_t ManifestBytes() {
    return io::ReadWhole(disk, files->PathOf("appendonly.aof.manifest"), 1 << 20).value().size();
  }

  SimDisk disk;
  ManualClock clock{1'700'000'000'000'000};
  CommandLog log{kSmallRing};
  std::unique_ptr<AofFiles> files;
  int progress = 0;
  std::unique_ptr<AofWriter> writer;
};

constexpr char kSetA[] = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
constexpr char kSelect0[] = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";

TEST(AofWriter, AlwaysSyncsWhatItWrites) {
  Rig rig(FsyncPolicy::kAlways);
  rig.Run();
  EXPECT_EQ(rig.progress, 0);
  const Lsn first = Append(rig.log, Set("a", "1"));
  const Lsn second = Append(rig.log, Set("a", "1"));
  EXPECT_LT(rig.writer->durable(), first);
  const std::uint64_t calls = rig.disk.calls();
  rig.Run();
  EXPECT_EQ(rig.writer->durable(), second);
  EXPECT_EQ(rig.disk.calls() - calls, 2) << "one write and one sync for both";
  EXPECT_EQ(rig.progress, 1);
  EXPECT_EQ(rig.Content(), std::string(kSelect0) + kSetA + kSetA);
  EXPECT_EQ(rig.writer->file_bytes(), rig.Content().size());
}

TEST(AofWriter, EverySecondSyncsOnceASecond) {
  Rig rig(FsyncPolicy::kEverySecond);
  const Lsn end = Append(rig.log, Set("a", "1"));
  rig.Run();
  EXPECT_EQ(rig.writer->written(), end);
  EXPECT_LT(rig.writer->durable(), end);
  rig.clock.AdvanceMs(999);
  rig.Run();
  EXPECT_LT(rig.writer->durable(), end);
  rig.clock.AdvanceMs(1);
  rig.Run();
  EXPECT_EQ(rig.writer->durable(), end);
  const std::uint64_t calls = rig.disk.calls();
  rig.clock.AdvanceMs(5000);
  rig.Run();
  EXPECT_EQ(rig.disk.calls(), calls) << "nothing to sync";
}

TEST(AofWriter, NoSyncsAtStopOnly) {
  Rig rig(FsyncPolicy::kNo);
  const Lsn end = Append(rig.log, Set("a", "1"));
  rig.Run();
  rig.clock.AdvanceMs(10'000);
  rig.Run();
  EXPECT_LT(rig.writer->durable(), end);
  EXPECT_TRUE(rig.writer->Stop().ok());
  EXPECT_EQ(rig.writer->durable(), end);
}

TEST(AofWriter, StopTakesWhatTheLogStillHas) {
  Rig rig(FsyncPolicy::kEverySecond);
  for (int i = 0; i < 1000; ++i) Append(rig.log, Set("a", "1"));
  EXPECT_TRUE(rig.writer->Stop().ok());
  EXPECT_EQ(rig.writer->durable(), rig.log.end());
  EXPECT_EQ(ReplayAll(rig.disk, *rig.files)->size(), 1000);
}

TEST(AofWriter, StopDoesNotWaitForWhatComesLater) {
  Rig rig(FsyncPolicy::kEverySecond);
  const Lsn end = Append(rig.log, Set("a", "1"));
  rig.writer->BeginStop();
  Append(rig.log, Set("b", "2"));
  EXPECT_TRUE(rig.writer->Stop().ok());
  EXPECT_GE(rig.writer->durable(), end);
}

TEST(AofWriter, WhoWantsAPositionGetsItsSync) {
  for (const FsyncPolicy policy : {FsyncPolicy::kEverySecond, FsyncPolicy::kNo}) {
    Rig rig(policy);
    const Lsn first = Append(rig.log, Set("a", "1"));
    rig.writer->Want(first);
    rig.Run();
    EXPECT_EQ(rig.writer->durable(), first);
    const Lsn second = Append(rig.log, Set("a", "1"));
    rig.Run();
    EXPECT_EQ(rig.writer->written(), second);
    EXPECT_EQ(rig.writer->durable(), first) << "nobody wants that";
  }
}

TEST(AofWriter, RestingItSyncsOnlyForWhoWantsIt) {
  for (const FsyncPolicy policy : {FsyncPolicy::kAlways, FsyncPolicy::kEverySecond}) {
    Rig rig(policy);
    rig.writer->set_rests(true);
    const Lsn first = Append(rig.log, Set("a", "1"));
    rig.Run();
    rig.clock.AdvanceMs(5000);
    rig.Run();
    EXPECT_EQ(rig.writer->written(), first);
    EXPECT_LT(rig.writer->durable(), first);
    rig.writer->Want(first);
    rig.Run();
    EXPECT_EQ(rig.writer->durable(), first);
    const Lsn second = Append(rig.log, Set("a", "1"));
    rig.clock.AdvanceMs(5000);
    rig.Run();
    EXPECT_EQ(rig.writer->durable(), first);
    rig.writer->set_rests(false);
    rig.Run();
    EXPECT_EQ(rig.writer->durable(), second) << "what is due is made good";
  }
}

// Somebody looks at written(), and waits; what the writer had written by then without telling is
// told in its next round, in whichever order the two settings come.
TEST(AofWriter, RestingItTellsWhoBeginsToWaitWhatIsWritten) {
  for (const bool rests_first : {false, true}) {
    Rig rig(FsyncPolicy::kEverySecond);
    if (rests_first) rig.writer->set_rests(true);
    Append(rig.log, Set("a", "1"));
    rig.Run();
    EXPECT_EQ(rig.progress, 0) << "nobody waits for the write";
    rig.writer->set_policy(FsyncPolicy::kAlways);
    rig.writer->set_rests(true);
    rig.Run();
    EXPECT_EQ(rig.progress, 1);
    rig.Run();
    EXPECT_EQ(rig.progress, 1) << "once";
    Append(rig.log, Set("a", "1"));
    rig.Run();
    EXPECT_EQ(rig.progress, 2);
  }
}

// Writes are refused while what was executed already still fits.
TEST(AofWriter, RoomSetAsideTakesWhatWasExecutedWhenTheDiskIsFull) {
  Rig rig(FsyncPolicy::kAlways, 1, 10'000);
  Append(rig.log, Set("a", "1"));
  rig.Run();
  EXPECT_FALSE(rig.writer->failing());
  rig.disk.LimitSpace(rig.disk.used_bytes());
  const Lsn refused_from = Append(rig.log, Set("b", std::string(11'000, 'v')));
  rig.Run();
  EXPECT_TRUE(rig.writer->failing());
  EXPECT_EQ(rig.writer->durable(), refused_from);
  const Lsn last = Append(rig.log, Set("c", std::string(3'000, 'v')));
  rig.clock.AdvanceMs(AofWriter::kRetryUs / 1000);
  rig.Run();
  EXPECT_TRUE(rig.writer->failing());
  EXPECT_EQ(rig.writer->durable(), last);
  rig.disk.LimitSpace(SimDisk::kNoLimit);
  rig.clock.AdvanceMs(AofWriter::kRetryUs / 1000);
  rig.Run();
  EXPECT_FALSE(rig.writer->failing());
  EXPECT_TRUE(rig.writer->Stop().ok());
  EXPECT_EQ(rig.disk.used_bytes(), rig.Content().size() + rig.ManifestBytes())
      << "room that was not needed is given back";
}

TEST(AofWriter, PolicyAndTimesChangeWhileItRuns) {
  Rig rig(FsyncPolicy::kNo);
  rig.writer->set_timestamps(true);
  const Lsn end = Append(rig.log, Set("a", "1"));
  rig.writer->set_policy(FsyncPolicy::kAlways);
  rig.Run();
  EXPECT_EQ(rig.writer->durable(), end);
  EXPECT_EQ(rig.Content(), std::string("#TS:1700000000\r\n") + kSelect0 + kSetA);
}

TEST(AofWriter, ASwitchPartsTheLogAtItsPosition) {
  Rig rig(FsyncPolicy::kEverySecond);
  Append(rig.log, Set("a", "1"));
  rig.writer->SwitchAt(rig.log.end(), *rig.files->BeginRewrite(AofFiles::Listing::kAtOnce));
  const Lsn end = Append(rig.log, Set("a", "1"));
  EXPECT_TRUE(rig.writer->is_switching());
  rig.Run();
  EXPECT_FALSE(rig.writer->is_switching());
  EXPECT_EQ(rig.Content(1), std::string(kSelect0) + kSetA);
  EXPECT_EQ(rig.disk.SafeContent(rig.files->PathOf("appendonly.aof.1.incr.aof")), rig.Content(1))
      << "the old file is safe before the new one is written to";
  rig.Run();
  EXPECT_EQ(rig.Content(2), std::string(kSelect0) + kSetA);
  EXPECT_EQ(rig.writer->written(), end);
}

TEST(AofWriter, ASwitchNeedsNoFurtherRecord) {
  Rig rig(FsyncPolicy::kNo);
  const Lsn end = Append(rig.log, Set("a", "1"));
  rig.Run();
  rig.writer->SwitchAt(rig.log.end(), *rig.files->BeginRewrite(AofFiles::Listing::kAtOnce));
  rig.Run();
  EXPECT_FALSE(rig.writer->is_switching());
  EXPECT_EQ(rig.writer->durable(), end);
}

TEST(AofWriter, AFullDiskIsToldOfAndPasses) {
  for (const FsyncPolicy policy :
       {FsyncPolicy::kAlways, FsyncPolicy::kEverySecond, FsyncPolicy::kNo}) {
    Rig rig(policy);
    Append(rig.log, Set("a", "1"));
    rig.Run();
    const std::string before = rig.Content();
    rig.disk.LimitSpace(rig.disk.used_bytes() + 5);
    const Lsn end = Append(rig.log, Set("b", "2"));
    rig.Run();
    EXPECT_TRUE(rig.writer->failing());
    EXPECT_EQ(rig.writer->failure().message(),
              "./appendonlydir/appendonly.aof.1.incr.aof: write: No space left on device");
    EXPECT_LT(rig.writer->written(), end);
    EXPECT_EQ(rig.Content(), before) << "the half-written record is cut off";
    rig.disk.LimitSpace(SimDisk::kNoLimit);
    rig.Run();
    EXPECT_TRUE(rig.writer->failing()) << "it is not tried again at once";
    rig.clock.AdvanceMs(AofWriter::kRetryUs / 1000);
    rig.Run();
    EXPECT_FALSE(rig.writer->failing());
    EXPECT_TRUE(rig.writer->failure().ok());
    EXPECT_EQ(rig.writer->written(), end);
    EXPECT_TRUE(rig.writer->Stop().ok());
    EXPECT_EQ(ReplayAll(rig.disk, *rig.files)->size(), 2);
  }
}

TEST(AofWriter, WhileTheDiskFailsTheLogIsRead) {
  Rig rig(FsyncPolicy::kNo);
  rig.disk.LimitSpace(rig.disk.used_bytes());
  const std::string value(30'000, 'v');
  for (int i = 0; i < 100; ++i) {
    Append(rig.log, Set("k", value));
    rig.Run();
  }
  EXPECT_GT(rig.writer->kept_bytes(), 100 * value.size());
  rig.disk.LimitSpace(SimDisk::kNoLimit);
  EXPECT_TRUE(rig.writer->Stop().ok());
  EXPECT_EQ(ReplayAll(rig.disk, *rig.files)->size(), 100);
}

TEST(AofWriter, ASwitchThatHasToWaitDoesNotHoldUpTheLog) {
  Rig rig(FsyncPolicy::kAlways);
  auto next = *rig.files->BeginRewrite(AofFiles::Listing::kAtOnce);
  rig.disk.LimitSpace(rig.disk.used_bytes());
  Append(rig.log, Set("a", "1"));
  rig.writer->SwitchAt(rig.log.end(), std::move(next));
  rig.Run();
  const std::string value(30'000, 'v');
  for (int i = 0; i < 100; ++i) {
    Append(rig.log, Set("k", value));
    rig.Run();
  }
  EXPECT_TRUE(rig.writer->is_switching());
  rig.disk.LimitSpace(SimDisk::kNoLimit);
  EXPECT_TRUE(rig.writer->Stop().ok());
  EXPECT_EQ(rig.Content(1), std::string(kSelect0) + kSetA);
  EXPECT_TRUE(rig.Content(2).starts_with(kSelect0));
  EXPECT_EQ(ReplayAll(rig.disk, *rig.files)->size(), 101);
}

TEST(AofWriter, WhatAFailedSyncLeftIsWrittenAgain) {
  for (const FsyncPolicy policy : {FsyncPolicy::kAlways, FsyncPolicy::kEverySecond}) {
    Rig rig(policy);
    rig.disk.FailSyncs(EIO);
    Append(rig.log, Set("a", "1"));
    rig.clock.AdvanceMs(1000);
    rig.Run();
    EXPECT_TRUE(rig.writer->failing());
    rig.disk.FailSyncs(0);
    const Lsn end = Append(rig.log, Set("a", "1"));
    rig.clock.AdvanceMs(1000);
    rig.Run();
    rig.clock.AdvanceMs(1000);
    rig.Run();
    EXPECT_FALSE(rig.writer->failing());
    EXPECT_EQ(rig.writer->durable(), end);
    rig.disk.Crash(CrashKeeps::kNothing);
    EXPECT_EQ(rig.Content(), std::string(kSelect0) + kSetA + kSetA);
  }
}

TEST(AofWriter, WhatThePageCacheLostNeedsARewrite) {
  Rig rig(FsyncPolicy::kAlways);
  rig.disk.FailSyncs(EIO);
  Append(rig.log, Set("a", "1"));
  rig.Run();
  rig.disk.FailSyncs(0);
  rig.disk.FlipByte(rig.files->PathOf("appendonly.aof.1.incr.aof"), 0);
  rig.clock.AdvanceMs(100);
  rig.Run();
  EXPECT_TRUE(rig.writer->needs_rewrite());
  EXPECT_TRUE(rig.writer->failing());
  // The rewrite: while it goes on nothing is written, and afterwards everything.
  rig.writer->SwitchAt(rig.log.end(), *rig.files->BeginRewrite(AofFiles::Listing::kAtOnce));
  const Lsn end = Append(rig.log, Set("a", "1"));
  rig.clock.AdvanceMs(100);
  rig.Run();
  EXPECT_TRUE(rig.writer->is_switching());
  rig.writer->ForgetLost();
  rig.clock.AdvanceMs(100);
  rig.Run();
  rig.Run();
  EXPECT_FALSE(rig.writer->failing());
  EXPECT_FALSE(rig.writer->needs_rewrite());
  EXPECT_EQ(rig.writer->durable(), end);
  EXPECT_EQ(rig.Content(2), std::string(kSelect0) + kSetA);
}

TEST(AofWriter, StopGivesUpOnADiskThatStaysFull) {
  Rig rig(FsyncPolicy::kAlways);
  rig.disk.LimitSpace(rig.disk.used_bytes());
  Append(rig.log, Set("a", "1"));
  EXPECT_FALSE(rig.writer->Stop().ok());
}

// Effects known by their number, which recovery must give back in order and without a gap.
class Story {
 public:
  Story(std::uint64_t seed, CrashKeeps keeps)
      : random_(seed),
        keeps_(keeps),
        rig_{static_cast<FsyncPolicy>(random_.Below(3)), random_.Next(), random_.Below(3) * 1000} {}

  void Tell() {
    rig_.disk.MakeCallsShort(random_.Below(2) == 0);
    rig_.writer->set_timestamps(random_.Below(2) == 0);
    for (std::uint64_t steps = 1 + random_.Below(120); steps > 0; --steps) Step();
    if (random_.Below(2) == 0) rig_.disk.CutPowerAt(1 + random_.Below(4));
    for (int i = 0; i < 3; ++i) Step();
    const Lsn durable = rig_.writer->durable();
    rig_.disk.Crash(keeps_);
    rig_.disk.LimitSpace(SimDisk::kNoLimit);
    Check(durable);
  }

 private:
  void Step() {
    SimDisk& disk = rig_.disk;
    switch (random_.Below(12)) {
      case 0:
        return disk.FailCall(1 + random_.Below(5), random_.Below(2) == 0 ? EIO : ENOSPC);
      case 1:
        return disk.FailSyncs(random_.Below(2) == 0 ? EIO : 0);
      case 2:
        return disk.LimitSpace(random_.Below(2) == 0 ? disk.used_bytes() + random_.Below(2000)
                                                     : SimDisk::kNoLimit);
      case 3:
        return rig_.clock.AdvanceMs(static_cast<std::int64_t>(random_.Below(1500)));
      case 4:
        return Switch();
      case 5:
      case 6:
      case 7:
        rig_.writer->RunOnce();
        return;
      default:
        return AppendSome();
    }
  }

  void AppendSome() {
    Group group(random_.Below(3) == 0 ? 1 + random_.Below(4) : 1);
    for (Effect& effect : group) {
      effect.db = DbId(static_cast<std::uint32_t>(random_.Below(4) == 0 ? random_.Below(3) : 0));
      effect.args = {"SET", std::to_string(groups_.size()),
                     std::string(random_.Below(random_.Below(10) == 0 ? 30'000 : 300), 'v')};
    }
    ends_.push_back(Append(rig_.log, group));
    groups_.push_back(std::move(group));
    // No writer is as far behind as to fill the ring.
    rig_.writer->RunOnce();
  }

  void Switch() {
    if (rig_.writer->is_switching()) return;
    auto next = rig_.files->BeginRewrite(AofFiles::Listing::kAtOnce);
    if (!next) return;
    rig_.writer->SwitchAt(rig_.log.end(), std::move(*next));
    rig_.files->AbortRewrite();
  }

  void Check(Lsn durable) {
    const auto files = AofFiles::Open(rig_.disk, {});
    ASSERT_TRUE(files.has_value()) << files.error().message();
    const auto replayed = ReplayAll(rig_.disk, **files);
    ASSERT_TRUE(replayed.has_value()) << replayed.error().message();
    ASSERT_LE(replayed->size(), groups_.size());
    for (std::size_t i = 0; i < replayed->size(); ++i) ASSERT_EQ((*replayed)[i], groups_[i]) << i;
    std::size_t safe = 0;
    while (safe < ends_.size() && ends_[safe] <= durable) ++safe;
    ASSERT_GE(replayed->size(), safe) << "of " << groups_.size();
    ASSERT_EQ(ReplayAll(rig_.disk, **files)->size(), replayed->size()) << "it was mended";
  }

  Random random_;
  const CrashKeeps keeps_;
  Rig rig_;
  std::vector<Group> groups_;
  std::vector<Lsn> ends_;
};

TEST(AofWriter, WhatIsDurableSurvivesEverything) {
  Random random(SecureRandomUint64());
  for (int run = 0; run < 600; ++run) {
    for (const CrashKeeps keeps : {CrashKeeps::kNothing, CrashKeeps::kPrefix, CrashKeeps::kAll}) {
      const std::uint64_t seed = random.Next();
      SCOPED_TRACE("seed " + std::to_string(seed) + " crash " +
                   std::to_string(static_cast<int>(keeps)));
      Story(seed, keeps).Tell();
      if (HasFailure()) return;
    }
  }
}

// On the real disk, with its threads: writers wait for what they wrote, a file is switched under
// them, and all of it is there.
TEST(AofWriter, ThreadsOnARealDisk) {
  const std::string root = testing::TempDir() + "/aof_writer." + std::to_string(::getpid());
  std::filesystem::create_directory(root);
  {
    io::SystemDisk disk;
    SystemClock clock;
    CommandLog log(kSmallRing);
    const auto files = *AofFiles::Open(disk, {.directory = root});
    Event moved;
    AofWriter writer(log.Attach(log::Lag::kMustKeep), *files->OpenIncrement("", BaseFormat::kRdb),
                     clock,
                     {.policy = FsyncPolicy::kAlways, .on_progress = [&] { moved.Notify(); }});
    writer.Start();
    const auto wait_for = [&](Lsn lsn) {
      while (writer.durable() < lsn) {
        writer.Hurry();
        moved.WaitFor(10'000);
      }
    };
    for (int i = 0; i < 20; ++i) wait_for(Append(log, Set("k", std::to_string(i))));
    writer.SwitchAt(log.end(), *files->BeginRewrite(AofFiles::Listing::kAtOnce));
    writer.set_policy(FsyncPolicy::kEverySecond);
    for (int i = 20; i < 50'000; ++i) {
      const Group group = Set("k", std::to_string(i));
      while (!log.TakeCredit(CommandLog::kGroupCreditMax)) log.WaitForRoom(1000);
      log.AppendGroup(group);
      log.ReturnCredit(CommandLog::kGroupCreditMax);
    }
    EXPECT_TRUE(writer.Stop().ok());
    EXPECT_EQ(writer.durable(), log.end());
    const auto groups = ReplayAll(disk, *files);
    ASSERT_EQ(groups->size(), 50'000);
    for (int i = 0; i < 50'000; ++i)
      ASSERT_EQ((*groups)[static_cast<std::size_t>(i)], Set("k", std::to_string(i)));
  }
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace cairn::persist
