// SPDX-License-Identifier: BSD-3-Clause
// When saves begin, who waits for whom, and what is remembered: on the twin disk, with a clock of
// the test's.
#include "persist/persistence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "io/sim_disk.h"
#include "persist/image_testing.h"

namespace cairn::persist {
namespace {

using io::SimDisk;
using keyspace::TestStore;
using testing::PictureOf;
using Begun = Persistence::Begun;
using IfBusy = Persistence::IfBusy;

class PersistenceTest : public ::testing::Test {
 protected:
  PersistenceTest() {
    settings.save_points = {{.seconds = 60, .changes = 10}};
    persistence.Start([](std::int64_t) { return false; });
  }
  ~PersistenceTest() override { persistence.Stop(); }

  Begun BgSave(IfBusy if_busy = IfBusy::kRefuse) NO_THREAD_SAFETY_ANALYSIS {
    keyspace::KeyLocks locks(store.keyspace);
    locks.AcquireAll();
    const Begun begun = persistence.SaveInBackground(locks, if_busy);
    locks.Release();
    return begun;
  }
  // For the end of what began.
  bool Wait(const std::atomic<int>& result) {
    while (result.load() < 0) Thread::Yield();
    return result.load() == 1;
  }
  bool Save() {
    std::atomic<int> result{-1};
    persistence.Save([&](bool saved) { result.store(saved ? 1 : 0); });
    return Wait(result);
  }
  void WaitIdle() {
    while (persistence.turn().holder() != CutTurn::Holder::kNobody) Thread::Yield();
  }
  void Slow(bool is_slow) {
    MutexLock hold(mu);
    settings.format.key_delay_us = is_slow ? 3'600'000'000 : 0;
  }
  bool HasFile() { return io::Exists(disk, "./dump.rdb").value(); }
  std::size_t KeysInFile() {
    TestStore again({.stripe_count = 4});
    LoadProgress progress;
    const auto loaded = LoadRdbFile(disk, "./dump.rdb", again.keyspace, {}, progress);
    return loaded ? loaded->keys : SIZE_MAX;
  }
  PersistenceSettings AskSettings() {
    MutexLock hold(mu);
    return settings;
  }

  Mutex mu;
  PersistenceSettings settings;
  TestStore store{{.stripe_count = 4}};
  SimDisk disk{1};
  std::atomic<std::int64_t> changes{0};
  std::atomic<int> gates_told{0};
  std::vector<std::string> said;
  Persistence persistence{disk,
                          store.keyspace,
                          store.clock,
                          {.settings = [this] { return AskSettings(); },
                           .changes = [this] { return changes.load(); },
                           .log =
                               [this](Severity, std::string_view text) {
                                 MutexLock hold(mu);
                                 said.emplace_back(text);
                               },
                           .on_gates = [this] { gates_told.fetch_add(1); }}};
};

TEST_F(PersistenceTest, SavesWhatThereIs) {
  store.Set("a", "1");
  changes = 7;
  store.clock.AdvanceMs(5000);
  EXPECT_TRUE(Save());
  EXPECT_EQ(KeysInFile(), 1u);
  const RdbFigures figures = persistence.figures();
  EXPECT_EQ(figures.changes_since_save, 0);
  EXPECT_EQ(figures.last_save_s, keyspace::kTestStartMs / 1000 + 5);
  EXPECT_EQ(figures.saves, 1);
  EXPECT_EQ(figures.last_background_s, -1);
}

// The sources of what is kept, one after the other.
std::string SourcesOf(const scripting::LibraryShelf& shelf) {
  std::string sources;
  shelf.Get()->ForEach([&](std::string_view source) { sources += source; });
  return sources;
}

void Shelve(scripting::LibraryShelf& shelf, std::string_view source) {
  scripting::LibrarySet set;
  ASSERT_TRUE(set.Add(source, scripting::LibrarySet::Present::kRefuse).ok());
  shelf.Set(std::move(set));
}

TEST_F(PersistenceTest, LibrariesOfFunctionsAreSavedAndLoadedAgain) {
  const std::string a = "#!lua name=a\n", b = "#!lua name=b\n";
  Shelve(persistence.libraries(), a);
  EXPECT_TRUE(Save());
  Shelve(persistence.libraries(), b);
  const auto reload = [&](const Persistence::Reload& how) {
    std::atomic<int> result{-1};
    persistence.BeginReload(how, [&](Persistence::Reloaded reloaded) {
      result.store(reloaded == Persistence::Reloaded::kDone ? 1 : 0);
    });
    return Wait(result);
  };
  // A file's take the place of what is there, or join it.
  EXPECT_TRUE(reload({.saves = false, .flushes = false, .merges = true}));
  EXPECT_EQ(SourcesOf(persistence.libraries()), b + a);
  EXPECT_TRUE(reload({}));
  EXPECT_EQ(SourcesOf(persistence.libraries()), b + a);
  Shelve(persistence.libraries(), b);
  EXPECT_TRUE(reload({.saves = false}));
  EXPECT_EQ(SourcesOf(persistence.libraries()), b + a);
  WaitIdle();
  MutexLock hold(mu);
  EXPECT_NE(std::find(said.begin(), said.end(), "2 libraries of functions loaded."), said.end());
}

TEST_F(PersistenceTest, ALoadThatFailsLeavesTheLibraries) {
  Shelve(persistence.libraries(), "#!lua name=a\n");
  EXPECT_TRUE(Save());
  ASSERT_TRUE(disk.Open("./dump.rdb", io::OpenMode::kWrite).value()->Overwrite(20, "???").ok());
  Shelve(persistence.libraries(), "#!lua name=b\n");
  EXPECT_FALSE(persistence.Load({}).has_value());
  EXPECT_EQ(SourcesOf(persistence.libraries()), "#!lua name=b\n");
}

TEST_F(PersistenceTest, ABackgroundSaveIsOfItsMomentAndCountsChangesFromThere) {
  for (int i = 0; i < 100; ++i) store.Set("key" + std::to_string(i), "before");
  changes = 100;
  Slow(true);
  ASSERT_EQ(BgSave(), Begun::kStarted);
  EXPECT_TRUE(persistence.is_saving_in_background());
  EXPECT_EQ(BgSave(), Begun::kIsSaving);
  EXPECT_EQ(BgSave(IfBusy::kSchedule), Begun::kIsSaving);
  while (persistence.figures().keys_saved == 0) Thread::Yield();
  EXPECT_EQ(persistence.figures().keys_to_save, 100u);
  EXPECT_TRUE(persistence.figures().is_saving_in_background);
  EXPECT_EQ(persistence.figures().changes_since_save, 100);
  persistence.GiveUpBackground();
  WaitIdle();
  EXPECT_FALSE(persistence.has_failed()) << "it was given up, not failed";
  EXPECT_FALSE(HasFile());
  {
    MutexLock hold(mu);
    EXPECT_EQ(said.back(), "Saving was given up");
  }
  Slow(false);
  ASSERT_EQ(BgSave(), Begun::kStarted);
  changes = 105;
  WaitIdle();
  EXPECT_EQ(KeysInFile(), 100u);
  EXPECT_EQ(persistence.figures().changes_since_save, 5);
  EXPECT_EQ(persistence.figures().saves, 2);
  EXPECT_EQ(persistence.figures().current_background_s, -1);
  EXPECT_EQ(persistence.figures().last_background_s, 0);
}

TEST_F(PersistenceTest, SavesWaitInLine) {
  store.Set("a", "1");
  Slow(true);
  ASSERT_EQ(BgSave(), Begun::kStarted);
  std::atomic<int> first{-1}, second{-1};
  persistence.Save([&](bool saved) { first.store(saved ? 1 : 0); });
  persistence.Save([&](bool saved) { second.store(saved ? 1 : 0); });
  store.Set("b", "1");
  Slow(false);
  EXPECT_EQ(first.load(), -1);
  persistence.GiveUpBackground();
  EXPECT_TRUE(Wait(first));
  EXPECT_TRUE(Wait(second));
  EXPECT_EQ(KeysInFile(), 2u) << "of the moment at which it began";
}

TEST_F(PersistenceTest, WhileTheAofIsRewrittenASaveIsScheduled) {
  ASSERT_TRUE(persistence.turn().TryTake(CutTurn::Holder::kAofRewrite));
  EXPECT_EQ(BgSave(), Begun::kIsBusyOtherwise);
  EXPECT_EQ(BgSave(IfBusy::kSchedule), Begun::kScheduled);
  std::atomic<int> saved{-1};
  persistence.Save([&](bool well) { saved.store(well ? 1 : 0); });
  persistence.Tick();
  EXPECT_EQ(saved.load(), -1);
  persistence.turn().Give();
  persistence.Tick();
  EXPECT_TRUE(Wait(saved));
  WaitIdle();
  EXPECT_EQ(persistence.figures().last_background_s, -1);
  persistence.Tick();
  WaitIdle();
  EXPECT_EQ(persistence.figures().last_background_s, 0) << "the scheduled one";
  persistence.Tick();
  WaitIdle();
  EXPECT_EQ(persistence.figures().saves, 2);
}

TEST_F(PersistenceTest, SavePointsLookAtChangesAndAtTime) {
  const struct {
    std::int64_t changes;
    std::int64_t seconds;
    bool is_due;
  } rows[] = {{9, 1000, false}, {10, 60, false}, {10, 61, true}, {11, 61, true}, {0, 9999, false}};
  for (const auto& row : rows) {
    ASSERT_TRUE(Save());
    const std::int64_t saves = persistence.figures().saves;
    changes += row.changes;
    store.clock.AdvanceMs(row.seconds * 1000);
    persistence.Tick();
    WaitIdle();
    EXPECT_EQ(persistence.figures().saves - saves, row.is_due ? 1 : 0)
        << row.changes << " " << row.seconds;
  }
  EXPECT_NE(std::ranges::find(said, "10 changes in 60 seconds. Saving..."), said.end());
}

TEST_F(PersistenceTest, AFullDiskRefusesWritesUntilThereIsRoom) {
  for (int i = 0; i < 1000; ++i) store.Set("key" + std::to_string(i), std::string(100, 'x'));
  disk.LimitSpace(100);
  ASSERT_EQ(BgSave(), Begun::kStarted);
  WaitIdle();
  EXPECT_TRUE(persistence.refuses_writes());
  EXPECT_TRUE(persistence.figures().last_save_failed);
  EXPECT_EQ(gates_told.load(), 1);
  EXPECT_TRUE(disk.List(".").value().empty());
  // The settings decide, at any moment.
  {
    MutexLock hold(mu);
    settings.stop_writes_on_error = false;
  }
  EXPECT_FALSE(persistence.refuses_writes());
  {
    MutexLock hold(mu);
    settings.stop_writes_on_error = true;
    settings.save_points.clear();
  }
  EXPECT_FALSE(persistence.refuses_writes());
  {
    MutexLock hold(mu);
    settings.save_points = {{.seconds = 60, .changes = 10}};
  }
  // It is tried again, not at once and not for ever reported.
  const std::int64_t saves = persistence.figures().saves;
  persistence.Tick();
  WaitIdle();
  EXPECT_EQ(persistence.figures().saves, saves);
  const std::size_t lines = said.size();
  for (int i = 0; i < 5; ++i) {
    store.clock.AdvanceMs(Persistence::kRetryMs);
    persistence.Tick();
    WaitIdle();
  }
  EXPECT_EQ(persistence.figures().saves, saves + 5);
  EXPECT_EQ(said.size(), lines + 5) << "that it began, and no more";
  disk.LimitSpace(SimDisk::kNoLimit);
  store.clock.AdvanceMs(Persistence::kRetryMs);
  persistence.Tick();
  WaitIdle();
  EXPECT_FALSE(persistence.refuses_writes());
  EXPECT_EQ(gates_told.load(), 2);
  EXPECT_EQ(KeysInFile(), 1000u);
}

TEST_F(PersistenceTest, ASaveThatFailsTellsItsClientAndNobodyElse) {
  store.Set("a", "1");
  disk.FailCall(1, EACCES);
  EXPECT_FALSE(Save());
  EXPECT_FALSE(persistence.has_failed());
  EXPECT_TRUE(Save());
}

TEST_F(PersistenceTest, ASaveByHandEndsTheTrouble) {
  disk.FailSyncs(EIO);
  ASSERT_EQ(BgSave(), Begun::kStarted);
  WaitIdle();
  EXPECT_TRUE(persistence.refuses_writes());
  disk.FailSyncs(0);
  EXPECT_TRUE(Save());
  EXPECT_FALSE(persistence.has_failed());
}

TEST_F(PersistenceTest, FlushingGivesUpWhatIsSavedAndSavesNothing) {
  store.Set("a", "1");
  ASSERT_TRUE(Save());
  Slow(true);
  ASSERT_EQ(BgSave(), Begun::kStarted);
  store.Remove("a");
  Slow(false);
  std::atomic<int> saved{-1};
  persistence.GiveUpBackground();
  persistence.SaveFlushed([&](bool well) { saved.store(well ? 1 : 0); });
  EXPECT_TRUE(Wait(saved));
  EXPECT_EQ(KeysInFile(), 0u);
}

TEST_F(PersistenceTest, TheLastSaveComesBeforeAllThatWait) {
  store.Set("a", "1");
  Slow(true);
  ASSERT_EQ(BgSave(), Begun::kStarted);
  std::atomic<int> waiting{-1};
  persistence.Save([&](bool saved) { waiting.store(saved ? 1 : 0); });
  Slow(false);
  EXPECT_TRUE(persistence.SaveLast());
  EXPECT_EQ(KeysInFile(), 1u);
  EXPECT_TRUE(Wait(waiting));
  EXPECT_EQ(persistence.figures().last_background_s, 0);
}

// An AOF rewrite has its cut when SHUTDOWN SAVE comes. Nobody ticks: that would be the same thread.
TEST_F(PersistenceTest, TheLastSaveComesWhenSomebodyElsesCutIsOver) {
  store.Set("a", "1");
  ASSERT_TRUE(persistence.turn().TryTake(CutTurn::Holder::kAofRewrite));
  std::atomic<int> saved{-1};
  Thread shutdown("shutdown", [&] { saved.store(persistence.SaveLast() ? 1 : 0); });
  Event never;
  never.WaitFor(20'000);  // mostly it waits by then; what is checked holds anyway
  EXPECT_EQ(saved.load(), -1);
  persistence.turn().Give();
  EXPECT_TRUE(Wait(saved));
  shutdown.Join();
  EXPECT_EQ(KeysInFile(), 1u);
}

TEST_F(PersistenceTest, WhoWaitsIsToldWhenItStops) {
  store.Set("a", "1");
  Slow(true);
  ASSERT_EQ(BgSave(), Begun::kStarted);
  std::atomic<int> waiting{-1};
  persistence.Save([&](bool saved) { waiting.store(saved ? 1 : 0); });
  persistence.Stop();
  EXPECT_FALSE(Wait(waiting));
  EXPECT_TRUE(disk.List(".").value().empty());
  std::atomic<int> late{-1};
  persistence.Save([&](bool saved) { late.store(saved ? 1 : 0); });
  EXPECT_FALSE(Wait(late));
}

TEST_F(PersistenceTest, ReloadingGivesTheSame) {
  testing::FillWithAll(store);
  const auto expected = PictureOf(store);
  const auto reload = [&](const Persistence::Reload& how) {
    std::atomic<int> over{-1};
    Persistence::Reloaded result{};
    persistence.BeginReload(how, [&](Persistence::Reloaded reloaded) {
      result = reloaded;
      over.store(1);
    });
    Wait(over);
    return result;
  };
  EXPECT_EQ(reload({}), Persistence::Reloaded::kDone);
  EXPECT_EQ(PictureOf(store), expected);
  store.Set("more", "1");
  EXPECT_EQ(reload({.saves = false}), Persistence::Reloaded::kDone);
  EXPECT_EQ(PictureOf(store), expected);
  EXPECT_EQ(reload({.saves = false, .flushes = false}), Persistence::Reloaded::kNotLoaded);
  store.Set("more", "1");
  EXPECT_EQ(reload({.saves = false, .flushes = false, .merges = true}),
            Persistence::Reloaded::kDone);
  EXPECT_EQ(PictureOf(store).size(), expected.size() + 1);
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
  disk.FailCall(1, EACCES);
  EXPECT_EQ(reload({}), Persistence::Reloaded::kNotSaved);
  EXPECT_EQ(PictureOf(store).size(), expected.size() + 1) << "nothing was flushed";
}

TEST_F(PersistenceTest, KilledSavesAreRemovedAtStart) {
  Persistence other{disk,
                    store.keyspace,
                    store.clock,
                    {.settings = [this] { return AskSettings(); },
                     .changes = [] { return std::int64_t{0}; },
                     .log = [](Severity, std::string_view) {}}};
  const std::string own = "./temp-" + std::to_string(::getpid()) + ".rdb";
  for (const std::string& path :
       {std::string("./temp-4.rdb"), std::string("./temp-5.rdb"), own, std::string("./mine.rdb")})
    ASSERT_TRUE(disk.Open(path, io::OpenMode::kReplace).has_value());
  other.Start([](std::int64_t pid) { return pid == 5 || pid == ::getpid(); });
  EXPECT_EQ(disk.List(".").value(), (std::vector<std::string>{"mine.rdb", "temp-5.rdb"}));
}

}  // namespace
}  // namespace cairn::persist
