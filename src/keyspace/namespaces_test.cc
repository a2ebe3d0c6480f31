// SPDX-License-Identifier: BSD-3-Clause
// The longest prefix against a plain search, the limits, the cap on leases, and the walk.
#include "keyspace/namespaces.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/thread.h"
#include "keyspace/keyspace_testing.h"
#include "keyspace/namespace_sweeper.h"
#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

std::string SomeName(Random& random, std::size_t length_max) {
  std::string name(1 + random.Below(length_max), '\0');
  for (char& c : name) c = static_cast<char>("ab\xff"[random.Below(3)]);
  return name;
}

TEST(Namespaces, TheLongestDeclaredPrefixIsFound) {
  Random random(SecureRandomUint64());
  Namespaces namespaces;
  std::set<std::string> declared;
  for (int round = 0; round < 3000; ++round) {
    const std::string prefix = SomeName(random, 6);
    if (random.Below(2) == 0) {
      ASSERT_EQ(namespaces.Undeclare(prefix), declared.erase(prefix) == 1);
    } else if (declared.size() < Namespaces::kDeclaredMax) {
      ASSERT_TRUE(namespaces.Declare(prefix, {}, false));
      declared.insert(prefix);
    }
    const std::string key = SomeName(random, 9);
    std::string longest;
    for (std::size_t size = 1; size <= key.size(); ++size) {
      if (declared.contains(key.substr(0, size))) longest = key.substr(0, size);
    }
    const Namespace* found = namespaces.Of(key);
    ASSERT_EQ(found == nullptr ? "" : found->prefix(), longest) << key;
  }
}

TEST(Namespaces, WhatWasKnownIsBounded) {
  Namespaces namespaces;
  for (std::size_t i = 0; i < Namespaces::kKnownMax; ++i) {
    const std::string prefix = std::to_string(i);
    ASSERT_TRUE(namespaces.Declare(prefix, {}, false));
    ASSERT_TRUE(namespaces.Undeclare(prefix));
  }
  EXPECT_FALSE(namespaces.Declare("one more", {}, false));
  EXPECT_TRUE(namespaces.Declare("7", {}, false)) << "one that is known";
}

TEST(Namespaces, AMissRemembersTheLastReasonOfItsKey) {
  Namespace space("p");
  constexpr std::uint64_t kHash = 0x123456789ABCDEF0;
  const auto misses = [&](Loss loss) {
    return space.Figures().misses[static_cast<std::size_t>(loss)];
  };
  space.CountMiss(kHash);
  EXPECT_EQ(misses(Loss::kAbsent), 1);
  space.NoteLoss(kHash, Loss::kEvicted);
  space.CountMiss(kHash);
  space.CountMiss(kHash ^ std::uint64_t{1} << 60);  // the same slot, another key
  EXPECT_EQ(misses(Loss::kEvicted), 1);
  EXPECT_EQ(misses(Loss::kAbsent), 2);
  space.NoteLoss(kHash ^ std::uint64_t{1} << 60, Loss::kAbsent);
  space.CountMiss(kHash);
  EXPECT_EQ(misses(Loss::kEvicted), 2);
  space.NoteLoss(kHash, Loss::kAbsent);
  space.CountMiss(kHash);
  EXPECT_EQ(misses(Loss::kAbsent), 3);
}

TEST(Namespaces, NeverMoreLeasesThanTheCapOnManyThreads) {
  constexpr std::int64_t kCap = 3;
  Namespaces namespaces;
  Namespace& space = **namespaces.Declare("p", {.leases_max = kCap}, false);
  std::atomic<std::int64_t> held{0};
  std::atomic<bool> was_more{false};
  std::vector<Thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back("taker", [&] {
      for (int i = 0; i < 50'000; ++i) {
        if (!space.TakeLease()) continue;
        if (held.fetch_add(1) >= kCap) was_more = true;
        if (i % 16 == 0) Thread::Yield();
        held.fetch_sub(1);
        space.ReturnLease();
      }
    });
  }
  for (Thread& thread : threads) thread.Join();
  EXPECT_FALSE(was_more.load());
  EXPECT_EQ(space.leases(), 0);
  EXPECT_EQ(space.leases_granted() + space.leases_capped(), 8 * 50'000);
}

void Declare(TestStore& store, std::string_view prefix) NO_THREAD_SAFETY_ANALYSIS {
  KeyLocks locks(store.keyspace);
  locks.AcquireAll();
  const Viewer viewer(DbId(0), store.clock.NowUnixMs(), store.random);
  EXPECT_TRUE(Txn(store.keyspace, locks, viewer).DeclareSpace(prefix, {}, false));
  locks.Release();
}

TEST(NamespaceSweeper, WhatWasThereJoinsAndLeaves) {
  TestStore store({.stripe_count = 8});
  constexpr int kKeys = 3000;
  for (int i = 0; i < kKeys; ++i) store.Set((i % 3 == 0 ? "p:" : "q:") + std::to_string(i), "v");
  NamespaceSweeper sweeper(store.keyspace);
  Declare(store, "p:");
  const Namespaces& namespaces = store.keyspace.namespaces();
  EXPECT_FALSE(namespaces.is_settled());
  while (sweeper.Tick()) continue;
  EXPECT_TRUE(namespaces.is_settled());
  const Namespace& space = *namespaces.Find("p:");
  EXPECT_EQ(space.Figures().keys, kKeys / 3);
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
  store.keyspace.namespaces().Undeclare("p:");
  while (sweeper.Tick()) continue;
  EXPECT_EQ(space.Figures().keys, 0);
  EXPECT_EQ(space.Figures().bytes, 0);
  EXPECT_EQ(store.Get("p:0"), "v");
}

TEST(NamespaceSweeper, AChangeDuringAWalkHasAnotherFollow) {
  TestStore store({.stripe_count = 8});
  for (int i = 0; i < 30'000; ++i) store.Set((i % 2 == 0 ? "p:" : "q:") + std::to_string(i), "v");
  NamespaceSweeper sweeper(store.keyspace);
  Declare(store, "p:");
  sweeper.Tick();
  ASSERT_TRUE(sweeper.is_walking()) << "the test wants more keys";
  Declare(store, "q:");
  while (sweeper.is_walking()) sweeper.Tick();
  EXPECT_FALSE(store.keyspace.namespaces().is_settled());
  sweeper.Tick();
  while (sweeper.is_walking()) sweeper.Tick();
  EXPECT_TRUE(store.keyspace.namespaces().is_settled());
  EXPECT_EQ(store.keyspace.namespaces().Find("q:")->Figures().keys, 15'000);
}

}  // namespace
}  // namespace cairn::keyspace
