// SPDX-License-Identifier: BSD-3-Clause
// Reloads that changed nothing are told by prefix, others are not; the sample stays bounded.
#include "keyspace/reload_watch.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

using Counts = std::map<std::string, std::pair<std::int64_t, std::int64_t>>;

Counts CountsOf(TestStore& store) {
  Counts counts;
  for (const auto& [prefix, reloads] : store.keyspace.reload_watch().Take())
    counts[prefix] = {reloads.expired_again, reloads.unchanged};
  return counts;
}

// Sets the key for a second, and lets it expire.
void LiveASecond(TestStore& store, const std::string& key, const std::string& value) {
  store.Set(key, value, store.clock.NowUnixMs() + 1000);
  store.clock.AdvanceMs(1001);
  EXPECT_EQ(store.Get(key), std::nullopt);
}

TEST(KeyPrefix, EndsWithTheFirstColonIfThatIsNear) {
  EXPECT_EQ(KeyPrefix("user:42:name"), "user:");
  EXPECT_EQ(KeyPrefix(":x"), ":");
  EXPECT_EQ(KeyPrefix("plain"), "");
  EXPECT_EQ(KeyPrefix(""), "");
  EXPECT_EQ(KeyPrefix(std::string(30, 'a') + ":x"), std::string(30, 'a') + ":");
  EXPECT_EQ(KeyPrefix(std::string(31, 'a') + ":x"), "");
}

TEST(ReloadWatch, TellsReloadsThatChangedNothing) {
  TestStore store;
  store.keyspace.WatchReloads(true);
  for (int round = 0; round < 5; ++round) {
    LiveASecond(store, "same:1", "value");
    LiveASecond(store, "new:1", "value " + std::to_string(round));
    LiveASecond(store, "once:" + std::to_string(round), "value");
  }
  EXPECT_EQ(CountsOf(store), (Counts{{"same:", {4, 4}}, {"new:", {4, 0}}}));
  EXPECT_EQ(store.keyspace.reload_watch().sampling_rate(), 1);
}

TEST(ReloadWatch, ComparesCollectionsByTheirElements) {
  TestStore store;
  store.keyspace.WatchReloads(true);
  for (const char* value : {"a", "a", "b"}) {
    store.With("hash:1", [&](Txn& txn, const KeyRef& key) {
      const value::TableHome home = {store.keyspace.stripe(key.stripe).arena,
                                     store.keyspace.seed()};
      Found found = txn.Find(key, Access::kWrite);
      {
        auto hash = txn.Edit<value::Hash>(key, found);
        hash->Set("f", value, {.packed_entries = 8, .packed_value_bytes = 64}, home);
      }
      txn.SetExpiry(key, found, store.clock.NowUnixMs() + 1000);
    });
    store.clock.AdvanceMs(1001);
    EXPECT_EQ(store.Get("hash:1"), std::nullopt);
  }
  EXPECT_EQ(CountsOf(store), (Counts{{"hash:", {2, 1}}}));
}

TEST(ReloadWatch, DeletesAreNoExpiryAndDatabasesAreApart) {
  TestStore store;
  store.keyspace.WatchReloads(true);
  store.Set("k:1", "value");
  store.Remove("k:1");
  LiveASecond(store, "k:1", "value");
  EXPECT_EQ(CountsOf(store), Counts());
  ReloadWatch& watch = store.keyspace.reload_watch();
  store.Set("k:1", "value");
  store.With("k:1", [&](Txn& txn, const KeyRef& key) {
    watch.Expire(DbId(1), key.hash, *txn.Find(key, Access::kPeek).entry);
    EXPECT_EQ(CountsOf(store), Counts());
    watch.Expire(DbId(0), key.hash, *txn.Find(key, Access::kPeek).entry);
  });
  EXPECT_EQ(CountsOf(store), (Counts{{"k:", {1, 1}}}));
}

TEST(ReloadWatch, LargeValuesAreNotLookedAt) {
  TestStore store;
  store.keyspace.WatchReloads(true);
  for (int round = 0; round < 3; ++round)
    LiveASecond(store, "big:1", std::string(ReloadWatch::kBytesMax + 1, 'v'));
  EXPECT_EQ(CountsOf(store), Counts());
}

// More keys than there are cells: some of them are followed, and those faithfully.
TEST(ReloadWatch, ManyKeysAreSampled) {
  constexpr int kKeys = 50'000;
  constexpr int kRounds = 6;
  TestStore store;
  store.keyspace.WatchReloads(true);
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kKeys; ++i)
      store.Set("same:" + std::to_string(i), "value", store.clock.NowUnixMs() + 1000);
    store.clock.AdvanceMs(1001);
    for (int i = 0; i < kKeys; ++i) store.Get("same:" + std::to_string(i));
  }
  const double rate = store.keyspace.reload_watch().sampling_rate();
  EXPECT_LE(rate, 0.25);
  EXPECT_GE(rate, 1.0 / 64);
  const auto [again, unchanged] = CountsOf(store)["same:"];
  EXPECT_EQ(again, unchanged);
  EXPECT_GT(again, kKeys * rate) << "more than once each";
  EXPECT_LT(again, ReloadWatch::kCellsMax * kRounds);
}

TEST(ReloadWatch, ItsMemoryIsChargedAndGivenBack) {
  TestStore store;
  const std::int64_t before = store.keyspace.used_bytes();
  store.keyspace.WatchReloads(true);
  store.keyspace.WatchReloads(true);
  EXPECT_EQ(store.keyspace.used_bytes() - before,
            static_cast<std::int64_t>(ReloadWatch::memory_bytes()));
  LiveASecond(store, "k:1", "value");
  store.keyspace.WatchReloads(false);
  EXPECT_EQ(store.keyspace.used_bytes(), before);
  LiveASecond(store, "k:1", "value");
  EXPECT_EQ(CountsOf(store), Counts());
}

}  // namespace
}  // namespace cairn::keyspace
