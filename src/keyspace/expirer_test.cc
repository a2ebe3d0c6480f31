// SPDX-License-Identifier: BSD-3-Clause
// The expirer by a clock of our own: what is due goes within a tick, however much else there is;
// what is not due stays; budgets bound a tick; removals are logged.
#include "keyspace/expirer.h"

#include <gtest/gtest.h>

#include <string>

#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

constexpr std::size_t kNoBudget = 1 << 20;

TEST(Expirer, AThousandDueAmongAHundredThousandGoInOneTick) {
  TestStore store;
  Expirer expirer(store.keyspace);
  for (int i = 0; i < 100'000; ++i) {
    const std::string name = "key:" + std::to_string(i);
    if (i % 100 == 0) {
      store.Set(name, "v", kTestStartMs + 1 + i % 1000);
    } else if (i % 2 == 0) {
      store.Set(name, "v", kTestStartMs + 100'000 + i);
    } else {
      store.Set(name, "v");
    }
  }
  EXPECT_TRUE(expirer.Tick(kNoBudget));
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 100'000u);
  store.clock.AdvanceMs(1000);
  EXPECT_LE(expirer.NextDue(), store.clock.NowUnixMs());
  EXPECT_TRUE(expirer.Tick(kNoBudget));
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 99'000u);
  EXPECT_EQ(store.keyspace.Totals().expired, 1000);
  EXPECT_EQ(store.keyspace.Totals().expire_lag_ms_max, 999);
  EXPECT_GT(expirer.NextDue(), store.clock.NowUnixMs());
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

TEST(Expirer, GoesOnTheMillisecondAndNotBefore) {
  TestStore store;
  Expirer expirer(store.keyspace);
  store.Set("a", "v", kTestStartMs + 10);
  store.Set("b", "v", kTestStartMs + 11);
  const std::size_t left[] = {2, 1, 0};
  store.clock.AdvanceMs(9);
  for (const std::size_t keys : left) {
    EXPECT_TRUE(expirer.Tick(kNoBudget));
    EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, keys);
    store.clock.AdvanceMs(1);
  }
}

TEST(Expirer, BudgetsBoundATick) {
  TestStore store;
  Expirer expirer(store.keyspace);
  constexpr int kKeys = 10'000;
  for (int i = 0; i < kKeys; ++i) store.Set(std::to_string(i), "v", kTestStartMs + 1);
  store.clock.AdvanceMs(5);
  std::size_t before = kKeys;
  int ticks = 0;
  while (!expirer.Tick(Expirer::kBatch * 4)) {
    const std::size_t now = store.keyspace.Size(DbId(0)).keys;
    ASSERT_LE(before - now, Expirer::kBatch * 4);
    before = now;
    ASSERT_LT(++ticks, 10 * kKeys) << "no tick ends it";
  }
  EXPECT_GT(ticks, 10);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 0u);
}

TEST(Expirer, WorksInEveryDatabaseAndAfterASwap) {
  TestStore store({.stripe_count = 2, .database_count = 4});
  Expirer expirer(store.keyspace);
  const auto set = [&](std::string_view name, DbId db, UnixMs at_ms) {
    store.Set(name, "v", db);
    store.With(
        name,
        [&](Txn& txn, const KeyRef& key) {
          Found found = txn.Find(key, Access::kPeek);
          txn.SetExpiry(key, found, at_ms);
        },
        db);
  };
  set("a", DbId(1), kTestStartMs + 10);
  set("b", DbId(3), kTestStartMs + 20);
  KeyLocks locks(store.keyspace);
  locks.AcquireAll();
  store.keyspace.SwapDatabases(locks, DbId(1), DbId(2));
  locks.Release();
  store.clock.AdvanceMs(10);
  EXPECT_TRUE(expirer.Tick(kNoBudget));
  EXPECT_EQ(store.keyspace.Size(DbId(2)).keys, 0u);
  EXPECT_EQ(store.keyspace.Size(DbId(3)).keys, 1u);
  store.clock.AdvanceMs(10);
  EXPECT_TRUE(expirer.Tick(kNoBudget));
  EXPECT_EQ(store.keyspace.Size(DbId(3)).keys, 0u);
}

TEST(Expirer, AnExpiryPutOffOrTakenAwayIsHonoured) {
  TestStore store;
  Expirer expirer(store.keyspace);
  for (const std::string_view name : {"a", "b", "c"}) store.Set(name, "v", kTestStartMs + 10);
  store.Set("a", "v", kTestStartMs + 1000);
  store.Set("b", "v");
  store.clock.AdvanceMs(10);
  EXPECT_TRUE(expirer.Tick(kNoBudget));
  EXPECT_EQ(store.Get("a"), "v");
  EXPECT_EQ(store.Get("b"), "v");
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 2u);
}

// What goes hands its neighbours out, too: not faster than they are taken.
TEST(Expirer, WaitsWhileTheUserOfACutIsBehind) {
  TestStore store;
  Expirer expirer(store.keyspace);
  store.Set("a", "v", kTestStartMs + 1);
  store.clock.AdvanceMs(5);
  CutBacklog& backlog = store.keyspace.cut_backlog();
  backlog.Add(CutBacklog::kBytesMax + 1);
  EXPECT_TRUE(expirer.Tick(kNoBudget));
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 1u);
  backlog.Remove(CutBacklog::kBytesMax + 1);
  EXPECT_TRUE(expirer.Tick(kNoBudget));
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 0u);
}

TEST(Expirer, RemovalsAreLogged) {
  TestStore store;
  Expirer expirer(store.keyspace);
  KeyLocks locks(store.keyspace);
  locks.AcquireAll();
  const std::unique_ptr<log::Reader> reader = store.keyspace.log().Attach(log::Lag::kMustKeep);
  locks.Release();
  store.Set("k", "v", kTestStartMs + 10);
  store.clock.AdvanceMs(10);
  EXPECT_TRUE(expirer.Tick(kNoBudget));
  EXPECT_EQ(reader->Next()->args, (std::vector<std::string>{"DEL", "k"}));
  EXPECT_EQ(reader->Next(), std::nullopt);
}

}  // namespace
}  // namespace cairn::keyspace
