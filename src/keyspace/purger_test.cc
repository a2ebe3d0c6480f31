// SPDX-License-Identifier: BSD-3-Clause
// What a purge takes and what it leaves, whatever happens to the tables and databases meanwhile.
#include "keyspace/purger.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

constexpr int kKeys = 2000;

std::string Name(std::string_view prefix, int i) { return std::string(prefix) + std::to_string(i); }

struct PurgedStore : TestStore {
  explicit PurgedStore(std::size_t stripes = 8)
      : TestStore({.stripe_count = stripes, .database_count = 4}), purger(keyspace) {}

  void Fill(std::string_view prefix, int count, DbId db = DbId(0)) {
    for (int i = 0; i < count; ++i) Set(Name(prefix, i), "value", db);
  }
  std::uint64_t Start(PurgeOrder order, DbId db = DbId(0)) {
    return keyspace.purges().Start(std::move(order), db, clock.NowUnixMs());
  }
  PurgeReport Report(std::uint64_t id) {
    for (PurgeReport& report : keyspace.purges().Reports(clock.NowUnixMs())) {
      if (report.id == id) return report;
    }
    return {};
  }
  void Finish() {
    while (keyspace.purges().any_running()) purger.Tick();
  }
  template <class Fn>
  void UnderAll(Fn fn) {
    KeyLocks locks(keyspace);
    locks.AcquireAll();
    fn(locks);
    locks.Release();
  }

  Purger purger;
};

TEST(Purger, TakesWhatMatchesAndNothingElse) {
  PurgedStore store;
  store.Fill("user:", kKeys);
  store.Fill("other:", kKeys);
  store.Fill("user:", 10, DbId(1));
  const std::uint64_t id = store.Start({.pattern = "user:*"});
  EXPECT_EQ(id, 1);
  store.Finish();
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, kKeys);
  EXPECT_EQ(store.keyspace.Size(DbId(1)).keys, 10);
  EXPECT_EQ(store.Get("other:7"), "value");
  const PurgeReport report = store.Report(id);
  EXPECT_EQ(report.state, PurgeState::kDone);
  EXPECT_GE(report.looked_at, 2 * kKeys);
  EXPECT_EQ(report.removed, kKeys);
  EXPECT_EQ(report.percent, 100);
  EXPECT_EQ(store.keyspace.purges().changes(), kKeys);
  EXPECT_FALSE(store.purger.Tick());
}

TEST(Purger, PassesOverWhatIsPinned) {
  PurgedStore store;
  store.Fill("user:", 10);
  store.With("user:3", [](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kPeek);
    auto notes = std::make_unique<CacheNotes>();
    notes->set_pin(std::make_unique<Pin>(Pin{.log = "log", .id = {5, 1}}));
    txn.SetNotes(key, found, std::move(notes));
  });
  const std::uint64_t id = store.Start({.pattern = "*"});
  store.Finish();
  EXPECT_EQ(store.Get("user:3"), "value");
  EXPECT_EQ(store.Report(id).removed, 9);
}

TEST(Purger, TakesTheEmptyKeyWithTheStarOnly) {
  PurgedStore store;
  store.Set("", "value");
  store.Start({.pattern = "?*"});
  store.Finish();
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 1);
  store.Start({.pattern = "*"});
  store.Finish();
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 0);
}

// One stripe, so that its one table splits and merges under the walk.
TEST(Purger, WhatIsThereAllTheTimeGoesThoughTablesChange) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    PurgedStore store(1);
    store.Fill("user:", kKeys);
    store.Fill("ballast:", 20 * static_cast<int>(random.Below(1000)));
    const int burst = static_cast<int>(random.Below(200));
    const std::uint64_t id = store.Start({.pattern = "user:*"});
    for (int at = 0; store.keyspace.purges().any_running(); ++at) {
      store.purger.Tick();
      for (int i = 0; i < burst; ++i) {
        store.Set(Name("new:", at * burst + i), "value");
        store.Remove(Name("ballast:", at * burst + i));
      }
    }
    EXPECT_EQ(store.Report(id).removed, kKeys);
    for (int i = 0; i < kKeys; ++i) ASSERT_FALSE(store.Get(Name("user:", i))) << i;
  }
}

TEST(Purger, KeepsToItsPace) {
  PurgedStore store;
  store.Fill("k", kKeys);
  const std::uint64_t id = store.Start({.pattern = "k*", .rate = 500});
  std::int64_t removed = 0;
  for (int ms = 0; ms < 1000; ms += 20) {
    for (int i = 0; i < 50; ++i) store.purger.Tick();
    EXPECT_LE(store.Report(id).removed - removed, 11) << "after " << ms << " ms";
    removed = store.Report(id).removed;
    store.clock.AdvanceMs(20);
  }
  EXPECT_GE(removed, 480);
  EXPECT_LE(removed, 500);
  // A leap of the clock is no leave for more than a burst.
  store.clock.AdvanceMs(1'000'000);
  for (int i = 0; i < 50; ++i) store.purger.Tick();
  EXPECT_LE(store.Report(id).removed - removed, 51);
  EXPECT_EQ(store.Report(id).state, PurgeState::kRunning);
  EXPECT_FALSE(store.purger.Tick()) << "it waits, and is not to be asked again at once";
}

TEST(Purger, EndsWhereItIsCancelled) {
  PurgedStore store;
  store.Fill("k", kKeys);
  const std::uint64_t id = store.Start({.pattern = "k*", .rate = 100});
  for (int i = 0; i < 50; ++i) {
    store.purger.Tick();
    store.clock.AdvanceMs(20);
  }
  const std::int64_t removed = store.Report(id).removed;
  EXPECT_GT(removed, 0);
  EXPECT_TRUE(store.keyspace.purges().Cancel(id, store.clock.NowUnixMs()));
  EXPECT_FALSE(store.keyspace.purges().Cancel(id, store.clock.NowUnixMs()));
  store.clock.AdvanceMs(1000);
  for (int i = 0; i < 50; ++i) store.purger.Tick();
  EXPECT_EQ(store.Report(id).removed, removed);
  EXPECT_EQ(store.Report(id).state, PurgeState::kCancelled);
  EXPECT_EQ(store.Report(id).elapsed_ms, 1000);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, kKeys - static_cast<std::size_t>(removed));
}

TEST(Purger, FollowsItsKeysWhereDatabasesAreSwapped) {
  PurgedStore store;
  store.Fill("k", kKeys);
  store.Fill("k", 100, DbId(2));
  const std::uint64_t id = store.Start({.pattern = "k*", .rate = 1000});
  for (int i = 0; i < 20; ++i) {
    store.purger.Tick();
    store.clock.AdvanceMs(20);
  }
  store.UnderAll([&](KeyLocks& locks) NO_THREAD_SAFETY_ANALYSIS {
    store.keyspace.SwapDatabases(locks, DbId(0), DbId(2));
  });
  while (store.keyspace.purges().any_running()) {
    store.purger.Tick();
    store.clock.AdvanceMs(20);
  }
  EXPECT_EQ(store.Report(id).db, DbId(2));
  EXPECT_EQ(store.keyspace.Size(DbId(2)).keys, 0);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 100);
}

TEST(Purger, IsDoneWhenItsKeysAreFlushed) {
  PurgedStore store;
  store.Fill("k", kKeys);
  store.Fill("k", kKeys, DbId(1));
  const std::uint64_t id = store.Start({.pattern = "k*", .rate = 100});
  const std::uint64_t other = store.Start({.pattern = "k*", .rate = 100}, DbId(1));
  for (int i = 0; i < 20; ++i) store.purger.Tick();
  store.UnderAll([&](KeyLocks& locks)
                     NO_THREAD_SAFETY_ANALYSIS { store.keyspace.FlushDatabase(locks, DbId(0)); });
  EXPECT_EQ(store.Report(id).state, PurgeState::kDone);
  EXPECT_EQ(store.Report(other).state, PurgeState::kRunning);
  store.Fill("k", 10);
  for (int i = 0; i < 50; ++i) {
    store.purger.Tick();
    store.clock.AdvanceMs(20);
  }
  EXPECT_GT(store.Report(other).removed, 50);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 10) << "what came later is not its concern";
}

TEST(Purger, SeveralGoOnAtOnce) {
  PurgedStore store;
  for (int job = 0; job < 5; ++job) store.Fill(Name("job", job) + ":", 300);
  for (int job = 0; job < 5; ++job) store.Start({.pattern = Name("job", job) + ":*"});
  store.Finish();
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 0);
  for (std::uint64_t id = 1; id <= 5; ++id) EXPECT_EQ(store.Report(id).removed, 300);
}

TEST(Purger, WaitsForAStripeThatIsHeldForLong) {
  PurgedStore store(1);
  store.Fill("k", 10);
  store.Start({.pattern = "k*"});
  KeyLocks locks(store.keyspace);
  locks.AcquireAll();
  locks.MarkLong();
  EXPECT_FALSE(store.purger.Tick());
  locks.Release();
  store.Finish();
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 0);
}

// The tick ends long before its steps are used up.
TEST(Purger, APatternThatTakesLongIsBounded) {
  PurgedStore store(1);
  const std::string tail(200, 'a');
  for (int i = 0; i < 20'000; ++i) store.Set(Name(tail, i), "v");
  std::string pattern;
  while (pattern.size() < Purges::kPatternBytesMax) pattern += "*a";
  const std::uint64_t id = store.Start({.pattern = pattern + "b"});
  store.purger.Tick();
  const PurgeReport report = store.Report(id);
  EXPECT_GT(report.looked_at, 0);
  EXPECT_LT(report.looked_at, 1000);
}

TEST(Purges, AreLimitedAndForgotten) {
  Purges purges;
  for (std::size_t i = 1; i <= Purges::kRunningMax; ++i)
    EXPECT_EQ(purges.Start({.pattern = "x"}, DbId(0), 0), i);
  EXPECT_EQ(purges.Start({.pattern = "x"}, DbId(0), 0), 0);
  for (std::uint64_t id = Purges::kRunningMax; id < 200; ++id) {
    purges.NoteDone(id, 0);
    EXPECT_EQ(purges.Start({.pattern = "x"}, DbId(0), 0), id + 1);
  }
  const std::vector<PurgeReport> reports = purges.Reports(0);
  EXPECT_EQ(reports.size(), Purges::kRunningMax + Purges::kEndedMax);
  EXPECT_EQ(reports.front().id, 1) << "it runs";
  EXPECT_EQ(reports.back().id, 200);
  // What has just ended is remembered, however old it is.
  purges.NoteDone(1, 0);
  EXPECT_EQ(purges.Reports(0).front().id, 1);
  EXPECT_EQ(purges.Reports(0).front().state, PurgeState::kDone);
}

}  // namespace
}  // namespace cairn::keyspace
