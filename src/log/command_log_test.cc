// SPDX-License-Identifier: BSD-3-Clause
// The log: what is appended comes out whole and in order, for every reader; who waits and who is
// lost when the ring is full; and all of it with writers on four threads.
#include "log/command_log.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/thread.h"

namespace cairn::log {
namespace {

constexpr std::size_t kSmallRing = 4 * CommandLog::kInlineRecordBytesMax;
constexpr std::int64_t kWaitUs = 1000;

using Args = std::vector<std::string>;

std::vector<std::string_view> Views(const Args& args) { return {args.begin(), args.end()}; }

// Appends with credit, as a command does. False if there is no room.
bool TryAppend(CommandLog& log, const Args& args, DbId db = DbId(0)) {
  const std::vector<std::string_view> views = Views(args);
  const std::size_t credit = CommandLog::RecordBytes(views);
  if (!log.TakeCredit(credit)) return false;
  log.Append(db, views);
  log.ReturnCredit(credit);
  return true;
}

TEST(CommandLog, IsInactiveWithoutReaders) {
  CommandLog log(kSmallRing);
  EXPECT_FALSE(log.active());
  const std::unique_ptr<Reader> first = log.Attach(Lag::kMustKeep);
  EXPECT_TRUE(log.active());
  std::unique_ptr<Reader> second = log.Attach(Lag::kMayLag);
  second.reset();
  EXPECT_TRUE(log.active());
}

TEST(CommandLog, EffectsComeOutAsTheyWentIn) {
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> reader = log.Attach(Lag::kMustKeep);
  const std::string binary("\0\r\n\xff", 4);
  const std::vector<Effect> effects = {
      {DbId(0), {"SET", "k", "v"}}, {DbId(15), {""}},
      {DbId(1), {"", "", ""}},      {DbId(2), {binary, std::string(1000, '\0')}},
      {DbId(3), Args(500, "x")},
  };
  EXPECT_EQ(reader->Next(), std::nullopt);
  for (const Effect& effect : effects) ASSERT_TRUE(TryAppend(log, effect.args, effect.db));
  for (const Effect& effect : effects) EXPECT_EQ(reader->Next(), effect);
  EXPECT_EQ(reader->Next(), std::nullopt);
  EXPECT_EQ(reader->position(), log.end());
}

// EXEC's effects: in a row, between MULTI and EXEC, whatever their size together, on the credit
// that is always enough.
TEST(CommandLog, GroupsAroundTheBorderOfInlineAndHeap) {
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> reader = log.Attach(Lag::kMustKeep);
  for (const std::size_t size :
       {std::size_t{1}, CommandLog::kInlineRecordBytesMax / 2 - 60,
        CommandLog::kInlineRecordBytesMax / 2 - 20, CommandLog::kInlineRecordBytesMax / 2,
        CommandLog::kInlineRecordBytesMax, 4 * CommandLog::kInlineRecordBytesMax}) {
    SCOPED_TRACE(size);
    const std::vector<Effect> group = {{DbId(0), {"SET", "a", std::string(size, 'a')}},
                                       {DbId(3), {"DEL", ""}},
                                       {DbId(3), {"SET", "b", std::string(size, 'b')}}};
    ASSERT_TRUE(log.TakeCredit(CommandLog::kGroupCreditMax));
    log.AppendGroup(group);
    log.ReturnCredit(CommandLog::kGroupCreditMax);
    ASSERT_TRUE(TryAppend(log, {"AFTER"}));
    EXPECT_EQ(reader->Next()->args, Args{"MULTI"});
    for (const Effect& effect : group) EXPECT_EQ(reader->Next(), effect);
    EXPECT_EQ(reader->Next()->args, Args{"EXEC"});
    EXPECT_EQ(reader->Next()->args, Args{"AFTER"});
  }
  const std::vector<Effect> single = {{DbId(7), {"DEL", "k"}}};
  ASSERT_TRUE(log.TakeCredit(CommandLog::kGroupCreditMax));
  log.AppendGroup(single);
  log.ReturnCredit(CommandLog::kGroupCreditMax);
  EXPECT_EQ(reader->Next(), single[0]);
  EXPECT_EQ(reader->Next(), std::nullopt);
}

TEST(CommandLog, EverySizeAroundTheBorderOfInlineAndHeap) {
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> reader = log.Attach(Lag::kMustKeep);
  const std::size_t border = CommandLog::kInlineRecordBytesMax - sizeof(std::uint32_t);
  for (std::size_t size = border - 40; size < border + 40; ++size) {
    const Args args = {std::string(size, static_cast<char>('a' + size % 26))};
    EXPECT_EQ(CommandLog::RecordBytes(Views(args)) == CommandLog::kGranuleBytes, size > border);
    ASSERT_TRUE(TryAppend(log, args)) << size;
    EXPECT_EQ(reader->Next()->args, args) << size;
  }
}

TEST(CommandLog, RandomRecordsWrapAroundForSeveralReaders) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  CommandLog log(kSmallRing);
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < 3; ++i) readers.push_back(log.Attach(Lag::kMustKeep));
  std::array<std::size_t, 3> next{};
  std::vector<Args> appended;
  while (appended.size() < 20'000) {
    const std::uint64_t kind = random.Below(200);
    Args args = {std::to_string(appended.size()), std::string(random.Below(kind == 0   ? 200'000
                                                                           : kind < 20 ? 10'000
                                                                                       : 100),
                                                              'v')};
    const bool appends = TryAppend(log, args);
    if (appends) appended.push_back(std::move(args));
    // The readers go at different speeds; the slowest is helped when it blocks.
    for (std::size_t r = 0; r < readers.size(); ++r) {
      for (std::uint64_t n = appends ? random.Below(r + 2) : 500; n > 0; --n) {
        const std::optional<Effect> effect = readers[r]->Next();
        if (!effect) break;
        ASSERT_EQ(effect->args, appended[next[r]]);
        ++next[r];
      }
    }
  }
  EXPECT_GT(log.end().value, 10 * kSmallRing);
}

// Groups and single effects of random sizes, some beside the ring: a visitor sees each record once,
// whole, in order, and the position moves over it afterwards.
TEST(CommandLog, AVisitorSeesRecordsWhereTheyLie) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> reader = log.Attach(Lag::kMustKeep);
  for (int run = 0; run < 20'000; ++run) {
    std::vector<Effect> effects(1 + (random.Below(4) == 0 ? random.Below(5) : 0));
    for (Effect& effect : effects) {
      effect.db = DbId(static_cast<std::uint32_t>(random.Below(16)));
      for (std::uint64_t args = 1 + random.Below(4); args > 0; --args)
        effect.args.emplace_back(random.Below(random.Below(300) == 0 ? 40'000 : 60), 'x');
    }
    ASSERT_TRUE(log.TakeCredit(CommandLog::kGroupCreditMax));
    const Lsn begin = log.end();
    const Lsn end = log.AppendGroup(effects);
    log.ReturnCredit(CommandLog::kGroupCreditMax);
    std::vector<Effect> seen;
    ASSERT_TRUE(reader->Visit([&](std::span<const EffectView> views) {
      ASSERT_EQ(reader->position(), begin);
      for (const EffectView& view : views)
        seen.push_back({.db = view.db, .args = {view.args.begin(), view.args.end()}});
    }));
    ASSERT_EQ(seen, effects);
    ASSERT_EQ(reader->position(), end);
    ASSERT_FALSE(reader->Visit([](std::span<const EffectView>) { FAIL(); }));
  }
}

TEST(CommandLog, AWriterWithoutRoomWakesTheReaderInItsWay) {
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> reader = log.Attach(Lag::kMustKeep);
  Event wake;
  reader->WakeWhenFull(&wake);
  EXPECT_TRUE(TryAppend(log, {"v"}));
  EXPECT_FALSE(wake.WaitFor(0));
  while (TryAppend(log, {"v"})) {
  }
  EXPECT_TRUE(wake.WaitFor(0));
}

TEST(CommandLog, AMustKeepReaderHoldsWritersBackUntilItReads) {
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> reader = log.Attach(Lag::kMustKeep);
  std::size_t appended = 0;
  while (TryAppend(log, {std::to_string(appended)})) ++appended;
  EXPECT_GE(appended, kSmallRing / CommandLog::kGranuleBytes / 2);
  EXPECT_LE(appended, kSmallRing / CommandLog::kGranuleBytes);
  for (std::size_t i = 0; i < appended / 2; ++i)
    EXPECT_EQ(reader->Next()->args[0], std::to_string(i));
  EXPECT_TRUE(TryAppend(log, {"again"}));
  EXPECT_FALSE(reader->lost());
}

TEST(CommandLog, PromisedRoomCountsUntilItIsReturned) {
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> reader = log.Attach(Lag::kMustKeep);
  const std::size_t half = kSmallRing / 2;
  EXPECT_TRUE(log.TakeCredit(half));
  EXPECT_FALSE(log.TakeCredit(half));
  log.ReturnCredit(half);
  EXPECT_TRUE(log.TakeCredit(half));
  log.ReturnCredit(half);
}

// Whoever comes between gets its room from what is never promised; see kSmallCreditMax.
TEST(CommandLog, ASmallCreditIsGivenByRoomAndNotCounted) {
  constexpr std::size_t kSmall = CommandLog::kSmallCreditMax;
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> reader = log.Attach(Lag::kMustKeep);
  const std::size_t all = kSmallRing / 4 * 3;
  for (std::size_t taken = 0; taken < 2 * all; taken += kSmall) ASSERT_TRUE(log.TakeCredit(kSmall));
  EXPECT_TRUE(log.TakeCredit(all - kSmall));
  EXPECT_TRUE(log.TakeCredit(kSmall));
  // One byte more is counted, and too much.
  EXPECT_FALSE(log.TakeCredit(kSmall + 1));
  log.ReturnCredit(all - kSmall);
  EXPECT_TRUE(log.TakeCredit(kSmall + 1));
  EXPECT_FALSE(log.TakeCredit(all - kSmall));
  log.ReturnCredit(kSmall + 1);
  EXPECT_TRUE(log.TakeCredit(all));
  EXPECT_FALSE(log.TakeCredit(1));
  log.ReturnCredit(all);
}

TEST(CommandLog, NewWritesLeaveRoomForOthers) {
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> reader = log.Attach(Lag::kMustKeep);
  const std::size_t quarter = kSmallRing / 4;
  using For = CommandLog::For;
  EXPECT_TRUE(log.TakeCredit(3 * quarter));
  EXPECT_FALSE(log.TakeCredit(1));
  EXPECT_TRUE(log.TakeCredit(quarter / 2, For::kOther));
  EXPECT_FALSE(log.TakeCredit(1, For::kOther));
  log.ReturnCredit(3 * quarter + quarter / 2);
}

TEST(CommandLog, AMayLagReaderIsLostAndHoldsNobodyBack) {
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> laggard = log.Attach(Lag::kMayLag);
  const std::unique_ptr<Reader> reader = log.Attach(Lag::kMustKeep);
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(TryAppend(log, {std::to_string(i)}));
    ASSERT_EQ(reader->Next()->args[0], std::to_string(i));
  }
  EXPECT_TRUE(laggard->lost());
  EXPECT_EQ(laggard->Next(), std::nullopt);
  EXPECT_FALSE(reader->lost());
}

TEST(CommandLog, AReaderThatLeavesFreesItsRoom) {
  CommandLog log(kSmallRing);
  std::unique_ptr<Reader> slow = log.Attach(Lag::kMustKeep);
  const std::unique_ptr<Reader> reader = log.Attach(Lag::kMustKeep);
  while (TryAppend(log, {"v"})) {
  }
  while (reader->Next()) {
  }
  EXPECT_FALSE(TryAppend(log, {"v"}));
  slow.reset();
  EXPECT_TRUE(TryAppend(log, {"v"}));
}

TEST(CommandLog, ALateReaderSeesOnlyWhatComesAfter) {
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> early = log.Attach(Lag::kMustKeep);
  ASSERT_TRUE(TryAppend(log, {"before"}));
  const std::unique_ptr<Reader> late = log.Attach(Lag::kMustKeep);
  ASSERT_TRUE(TryAppend(log, {"after"}));
  EXPECT_EQ(late->Next()->args[0], "after");
  EXPECT_EQ(early->Next()->args[0], "before");
}

TEST(CommandLog, BigPayloadsAreBounded) {
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> reader = log.Attach(Lag::kMustKeep);
  const Args big = {std::string(32 << 20, 'b')};
  int appended = 0;
  while (appended < 100 && TryAppend(log, big)) ++appended;
  EXPECT_GE(appended, 8);
  EXPECT_LE(appended, 10);
  EXPECT_EQ(reader->Next()->args, big);
  EXPECT_EQ(reader->Next()->args, big);
  EXPECT_TRUE(TryAppend(log, big));
}

TEST(CommandLog, BigPayloadsThatALaggardDoesNotReadLoseIt) {
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> laggard = log.Attach(Lag::kMayLag);
  const Args big = {std::string(32 << 20, 'b')};
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(TryAppend(log, big));
  EXPECT_TRUE(laggard->lost());
}

// Four writers, a reader that must keep up, and one that may lag: every effect of a writer arrives
// once and in that writer's order; the laggard sees a prefix of what there was.
TEST(CommandLog, FourWritersWithReaders) {
  constexpr int kWriters = 4;
  constexpr int kRecords = 30'000;
  CommandLog log(kSmallRing);
  const std::unique_ptr<Reader> reader = log.Attach(Lag::kMustKeep);
  const std::unique_ptr<Reader> laggard = log.Attach(Lag::kMayLag);
  std::vector<Thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back("writer", [&, w] {
      Random random(static_cast<std::uint64_t>(w) + 1);
      for (int i = 0; i < kRecords; ++i) {
        const std::size_t size = random.Below(500) == 0 ? 100'000 : random.Below(100);
        const Args args = {std::to_string(w), std::to_string(i), std::string(size, 'v')};
        while (!TryAppend(log, args)) log.WaitForRoom(kWaitUs);
      }
    });
  }
  Thread lag("laggard", [&] {
    std::array<int, kWriters> next{};
    while (!laggard->lost()) {
      const std::optional<Effect> effect = laggard->Next();
      if (!effect) {
        if (next[0] == kRecords) break;
        continue;
      }
      const auto writer = static_cast<std::size_t>(effect->args[0][0] - '0');
      ASSERT_EQ(effect->args[1], std::to_string(next[writer]++));
    }
  });
  std::array<int, kWriters> next{};
  for (int read = 0; read < kWriters * kRecords;) {
    const std::optional<Effect> effect = reader->Next();
    if (!effect) continue;
    const auto writer = static_cast<std::size_t>(effect->args[0][0] - '0');
    ASSERT_EQ(effect->args[1], std::to_string(next[writer]++));
    ++read;
  }
  for (Thread& thread : threads) thread.Join();
  lag.Join();
  EXPECT_EQ(reader->Next(), std::nullopt);
  EXPECT_FALSE(reader->lost());
}

}  // namespace
}  // namespace cairn::log
