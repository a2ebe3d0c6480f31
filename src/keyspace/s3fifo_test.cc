// SPDX-License-Identifier: BSD-3-Clause
// The access bits, clocks and ghosts of *-s3fifo; that the evictor keeps what is used through a
// scan, and takes back whom it had let go.
#include "keyspace/s3fifo.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "keyspace/evictor.h"
#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

constexpr DbId kDb(0);

TEST(FifoAccess, HasThreePartsThatDoNotMeet) {
  for (const FifoQueue queue : {FifoQueue::kSmall, FifoQueue::kMain}) {
    for (std::uint32_t frequency = 0; frequency <= FifoAccess::kFrequencyMax; ++frequency) {
      const FifoAccess access(queue, FifoAccess::kStampMask, frequency);
      EXPECT_EQ(access.queue(), queue);
      EXPECT_EQ(access.frequency(), frequency);
      EXPECT_EQ(access.AgeAt(FifoAccess::kStampMask), 0u);
      EXPECT_LT(access.bits(), 1u << 24);
      EXPECT_EQ(access.Hit().queue(), queue);
      EXPECT_EQ(access.Hit().frequency(), std::min(frequency + 1, FifoAccess::kFrequencyMax));
    }
  }
}

TEST(FifoAccess, AgesAcrossTheEndOfTheClock) {
  EXPECT_EQ(FifoAccess(FifoQueue::kMain, FifoAccess::kStampMask - 1, 3).AgeAt(5), 7u);
}

TEST(FifoClocks, ARoundIsAsManyTicksForFewKeysAsForMany) {
  for (const std::size_t keys : {3, 1000, 1'000'000}) {
    FifoClocks clocks;
    for (std::size_t i = 0; i < keys; ++i) clocks.Advance(FifoQueue::kMain, keys);
    EXPECT_NEAR(clocks.Stamp(FifoQueue::kMain), FifoClocks::kTicksARound, 1) << keys;
    EXPECT_EQ(clocks.Stamp(FifoQueue::kSmall), 0u);
  }
}

TEST(Ghosts, AreMetOnceAndInTheirDatabase) {
  Ghosts ghosts;
  EXPECT_FALSE(ghosts.Take(kDb, 123456789));
  ghosts.Add(kDb, 123456789);
  EXPECT_FALSE(ghosts.Take(kDb, 123456789)) << "no room was made";
  ghosts.Fit(100);
  ghosts.Add(kDb, 123456789);
  EXPECT_FALSE(ghosts.Take(DbId(1), 123456789));
  EXPECT_TRUE(ghosts.Take(kDb, 123456789));
  EXPECT_FALSE(ghosts.Take(kDb, 123456789));
}

TEST(Ghosts, AreAsManyAsTheKeysAndTheOldestGoFirst) {
  constexpr std::size_t kKeys = 4096;
  Random random(1);
  std::vector<std::uint64_t> hashes(8 * kKeys);
  for (std::uint64_t& hash : hashes) hash = random.Next();
  Ghosts ghosts;
  ghosts.Fit(kKeys);
  EXPECT_EQ(ghosts.memory_bytes(), kKeys * 2);
  for (const std::uint64_t hash : hashes) ghosts.Add(kDb, hash);
  std::size_t old_met = 0;
  std::size_t new_met = 0;
  for (std::size_t i = 0; i < 4 * kKeys; ++i) old_met += ghosts.Take(kDb, hashes[i]) ? 1 : 0;
  for (std::size_t i = 7 * kKeys + kKeys / 2; i < 8 * kKeys; ++i)
    new_met += ghosts.Take(kDb, hashes[i]) ? 1 : 0;
  EXPECT_LT(old_met, 20u) << "found by chance only";
  EXPECT_GT(new_met, kKeys / 2 * 9 / 10);
}

TEST(Ghosts, TakeBoundedMemoryForAnyNumberOfKeys) {
  Ghosts ghosts;
  ghosts.Fit(std::size_t{1} << 40);
  EXPECT_EQ(ghosts.memory_bytes(), 2 * Ghosts::kGhostsMax);
  ghosts.Fit(Ghosts::kGhostsMax / 2);
  EXPECT_EQ(ghosts.memory_bytes(), 2 * Ghosts::kGhostsMax) << "not for a little less";
  ghosts.Fit(10);
  EXPECT_EQ(ghosts.memory_bytes(), 2 * 16u);
}

// A cache of ours: a key that is not there is set, after room was made for it.
class Cache {
 public:
  explicit Cache(EvictionPolicy policy, int keys) : evictor_(store.keyspace, 7) {
    store.keyspace.tunables().SetPolicy(policy);
    for (int i = 0; i < keys; ++i) Set("warm-up:" + std::to_string(i));
    store.keyspace.SetMemoryLimit(store.keyspace.FoldUsedBytes());
  }
  bool Read(const std::string& key) {
    if (store.Get(key, kDb, Access::kRead)) return true;
    EXPECT_TRUE(evictor_.MakeRoom(0));
    Set(key);
    EXPECT_LE(store.keyspace.used_bytes(),
              store.keyspace.tunables().maxmemory_bytes.load() + kSlackBytes);
    return false;
  }
  // Hits among a number of keys, read in turn.
  int ReadAll(const std::string& prefix, int keys) {
    int hits = 0;
    for (int i = 0; i < keys; ++i) hits += Read(prefix + std::to_string(i)) ? 1 : 0;
    return hits;
  }

  TestStore store;

 private:
  static constexpr std::int64_t kSlackBytes = 64 * 1024;
  void Set(const std::string& key) { store.Set(key, std::string(100, 'v')); }

  Evictor evictor_;
};

constexpr int kCached = 8000;
constexpr int kHot = 2000;

// A scan through LRU takes all that is used with it; S3-FIFO gives it a tenth.
TEST(S3Fifo, AScanLeavesWhatIsUsedAlone) {
  const auto hits_after_scan = [](EvictionPolicy policy) {
    Cache cache(policy, kCached);
    for (int round = 0; round < 10; ++round) {
      cache.ReadAll("hot:", kHot);
      cache.ReadAll("filler:" + std::to_string(round) + ":", kHot / 2);
    }
    cache.store.clock.AdvanceMs(10'000);
    cache.ReadAll("scan:", 3 * kCached);
    cache.store.clock.AdvanceMs(10'000);
    return cache.ReadAll("hot:", kHot);
  };
  EXPECT_LT(hits_after_scan(EvictionPolicy::kAllkeysLru), kHot / 10);
  EXPECT_GT(hits_after_scan(EvictionPolicy::kAllkeysS3Fifo), kHot * 9 / 10);
}

// A loop that is larger than the cache: LRU always lets go what comes next.
TEST(S3Fifo, KeepsAPartOfALoop) {
  Cache cache(EvictionPolicy::kAllkeysS3Fifo, kCached);
  int hits = 0;
  for (int round = 0; round < 8; ++round) hits = cache.ReadAll("loop:", kCached * 3 / 2);
  EXPECT_GT(hits, kCached / 2);
  EXPECT_GT(cache.store.keyspace.Totals().ghosts_met, 0);
}

// A frequency is not for ever: where others need the room, what is not used any more goes.
TEST(S3Fifo, WhatNobodyUsesAnyMoreGoes) {
  constexpr int kNew = kCached * 4 / 5;
  Cache cache(EvictionPolicy::kAllkeysS3Fifo, kCached);
  for (int round = 0; round < 5; ++round) cache.ReadAll("old:", kCached / 2);
  for (int round = 0; round < 15; ++round) {
    cache.ReadAll("new:", kNew);
    cache.ReadAll("filler:" + std::to_string(round) + ":", kCached / 4);
  }
  int left = 0;
  for (int i = 0; i < kCached / 2; ++i)
    left += cache.store.Get("old:" + std::to_string(i)).has_value() ? 1 : 0;
  EXPECT_LT(left, kCached / 8);
  EXPECT_GT(cache.ReadAll("new:", kNew), kNew * 9 / 10);
}

TEST(S3Fifo, GhostsAreCharged) {
  Cache cache(EvictionPolicy::kAllkeysS3Fifo, kCached);
  EXPECT_EQ(cache.store.keyspace.ghost_bytes(), 0);
  cache.ReadAll("scan:", 4 * kCached);
  EXPECT_GE(cache.store.keyspace.ghost_bytes(), kCached / 2 * 2);
  EXPECT_LE(cache.store.keyspace.ghost_bytes(), kCached * 2 * 4);
  EXPECT_EQ(cache.store.BookedBytes(), cache.store.CountedBytes());
}

// Everything is used all the time, so nothing deserves to go: something goes.
TEST(S3Fifo, NobodyIsRefusedWhereAllIsHot) {
  Cache cache(EvictionPolicy::kAllkeysS3Fifo, kCached);
  for (int i = 0; i < kCached; ++i) {
    const std::string key = "warm-up:" + std::to_string(i);
    for (int use = 0; use < 4; ++use) cache.store.Get(key, kDb, Access::kRead);
  }
  cache.ReadAll("new:", 100);
}

}  // namespace
}  // namespace cairn::keyspace
