// SPDX-License-Identifier: BSD-3-Clause
// KeyLocks: what is held, one key and many, doubles; and that any mix of key sets on many threads
// neither deadlocks nor lets two writers in.
#include "keyspace/key_locks.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/thread.h"
#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

std::size_t CountHeld(const KeyLocks& locks, const Keyspace& keyspace) {
  std::size_t held = 0;
  for (std::size_t i = 0; i < keyspace.stripe_count(); ++i) {
    held += locks.Holds(StripeId(static_cast<std::uint16_t>(i))) ? 1 : 0;
  }
  return held;
}

bool IsFree(Keyspace& keyspace, StripeId stripe) {
  Mutex& mu = keyspace.stripe(stripe).mu;
  if (!mu.TryLock()) return false;
  mu.Unlock();
  return true;
}

TEST(KeyLocks, HoldsTheStripesOfItsKeysAndNoOthers) {
  TestStore store;
  const std::vector<std::vector<std::string>> key_sets = {
      {}, {"a"}, {"a", "a"}, {"a", "b"}, {"{t}1", "{t}2", "{t}3"}, {"z", "y", "x", "w", "z"}};
  for (const std::vector<std::string>& names : key_sets) {
    std::vector<KeyRef> keys;
    std::bitset<kStripeCountMax> expected;
    for (const std::string& name : names) {
      keys.push_back(store.keyspace.Ref(name));
      expected.set(keys.back().stripe.value);
    }
    KeyLocks locks(store.keyspace);
    locks.Acquire(keys);
    EXPECT_EQ(CountHeld(locks, store.keyspace), expected.count());
    for (std::size_t i = 0; i < kStripeCountMax; ++i) {
      const StripeId stripe(static_cast<std::uint16_t>(i));
      EXPECT_EQ(locks.Holds(stripe), expected.test(i));
      EXPECT_EQ(IsFree(store.keyspace, stripe), !expected.test(i));
    }
    locks.Release();
    EXPECT_EQ(CountHeld(locks, store.keyspace), 0u);
    for (const KeyRef& key : keys) EXPECT_TRUE(IsFree(store.keyspace, key.stripe));
  }
}

TEST(KeyLocks, AllAndOne) {
  TestStore store({.stripe_count = 8});
  KeyLocks all(store.keyspace);
  all.AcquireAll();
  EXPECT_EQ(CountHeld(all, store.keyspace), 8u);
  all.Release();
  all.AcquireStripe(StripeId(7));
  EXPECT_EQ(CountHeld(all, store.keyspace), 1u);
  all.Release();
}

// Whatever way the others are taken, a stripe that is held for long gives them all back.
TEST(KeyLocks, TriesGiveBackWhatTheyHaveWhenOneIsHeldForLong) {
  TestStore store({.stripe_count = 8});
  std::vector<std::string> names;
  std::vector<KeyRef> keys;
  for (int i = 0; i < 100; ++i) names.push_back(std::to_string(i));
  for (const std::string& name : names) keys.push_back(store.keyspace.Ref(name));
  StripeSet last;
  last.set(7);
  KeyLocks holder(store.keyspace);
  holder.AcquireForLong(last);
  {
    KeyLocks locks(store.keyspace);
    EXPECT_FALSE(locks.TryAcquire(keys));
    EXPECT_FALSE(locks.TryAcquireAll());
    EXPECT_FALSE(locks.TryAcquireStripe(StripeId(7)));
    for (std::uint16_t i = 0; i < 7; ++i) EXPECT_TRUE(IsFree(store.keyspace, StripeId(i))) << i;
    CHECK(locks.TryAcquireStripe(StripeId(6)));
    locks.Release();
  }
  holder.Release();
  KeyLocks locks(store.keyspace);
  CHECK(locks.TryAcquireAll());
  KeyLocks nested(store.keyspace);
  CHECK(nested.TryAcquireAll());
  nested.Release();
  EXPECT_EQ(CountHeld(locks, store.keyspace), 8u);
  locks.Release();
  EXPECT_EQ(KeyLocks::SetOf(keys).count(), 8u);
}

TEST(KeyLocks, RandomSetsOnManyThreadsExcludeEachOtherWithoutDeadlock) {
  constexpr std::size_t kStripes = 16;
  constexpr int kThreads = 6;
  constexpr int kRounds = 20'000;
  TestStore store({.stripe_count = kStripes});
  std::array<std::int64_t, kStripes> guarded{};  // plain: only the locks keep it right
  std::array<std::int64_t, kThreads> added{};
  std::vector<Thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back("locker", [&, t] {
      Random random(static_cast<std::uint64_t>(t) + 1);
      std::vector<std::string> names;
      std::vector<KeyRef> keys;
      for (int round = 0; round < kRounds; ++round) {
        KeyLocks locks(store.keyspace);
        if (random.Below(100) == 0) {
          locks.AcquireAll();
        } else {
          names.clear();
          keys.clear();
          for (std::uint64_t n = random.Below(5) + 1; n > 0; --n) {
            names.push_back(std::to_string(random.Below(1000)));
          }
          for (const std::string& name : names) keys.push_back(store.keyspace.Ref(name));
          locks.Acquire(keys);
        }
        for (std::size_t i = 0; i < kStripes; ++i) {
          if (!locks.Holds(StripeId(static_cast<std::uint16_t>(i)))) continue;
          ++guarded[i];
          ++added[static_cast<std::size_t>(t)];
        }
        locks.Release();
      }
    });
  }
  for (Thread& thread : threads) thread.Join();
  std::int64_t sum = 0;
  for (const std::int64_t count : guarded) sum += count;
  for (const std::int64_t count : added) sum -= count;
  EXPECT_EQ(sum, 0);
}

StripeSet SetOf(std::initializer_list<std::size_t> stripes) {
  StripeSet set;
  for (const std::size_t stripe : stripes) set.set(stripe);
  return set;
}

TEST(KeyLocks, AHoldIsExtendedDownwardsAndUpwards) {
  TestStore store({.stripe_count = 8});
  KeyLocks locks(store.keyspace);
  locks.AcquireStripe(StripeId(3));
  EXPECT_TRUE(locks.Extend(SetOf({3, 5})));
  EXPECT_TRUE(locks.Extend(SetOf({1})));
  EXPECT_EQ(CountHeld(locks, store.keyspace), 3u);
  EXPECT_TRUE(locks.ExtendToAll());
  EXPECT_TRUE(store.keyspace.AllHeldByThisThread());
  locks.Release();
  EXPECT_FALSE(store.keyspace.AllHeldByThisThread());
  for (std::uint16_t i = 0; i < 8; ++i) EXPECT_TRUE(IsFree(store.keyspace, StripeId(i)));
}

TEST(KeyLocks, WhatIsMarkedLongIsGoneBy) {
  TestStore store({.stripe_count = 8});
  KeyLocks locks(store.keyspace);
  locks.AcquireStripe(StripeId(3));
  locks.MarkLong();
  EXPECT_TRUE(store.keyspace.has_marked_holds());
  KeyLocks other(store.keyspace);
  EXPECT_FALSE(other.TryAcquireStripe(StripeId(3)));
  locks.Release();
  EXPECT_FALSE(store.keyspace.has_marked_holds());
  if (!other.TryAcquireStripe(StripeId(3))) FAIL() << "released, and not free";
  other.Release();
}

// Two hold what the other wants: one of them gives up, and the other gets it.
TEST(KeyLocks, ACycleOfTwoWhoExtendIsSeenByOne) {
  TestStore store({.stripe_count = 8});
  std::array<Event, 2> has_begun;
  std::array<bool, 2> extended{};
  std::vector<Thread> threads;
  for (std::size_t t = 0; t < 2; ++t) {
    threads.emplace_back("extender", [&, t] {
      KeyLocks locks(store.keyspace);
      locks.AcquireStripe(StripeId(static_cast<std::uint16_t>(t)));
      has_begun[t].Notify();
      while (!has_begun[1 - t].WaitFor(1'000'000)) {
      }
      extended[t] = locks.Extend(SetOf({1 - t}));
      locks.Release();
    });
  }
  for (Thread& thread : threads) thread.Join();
  EXPECT_NE(extended[0], extended[1]);
}

// Some extend what they hold, in any order, others take many or all at once, or hold for long.
TEST(KeyLocks, ExtendersAmongOthersExcludeEachOtherWithoutDeadlock) {
  constexpr std::size_t kStripes = 16;
  constexpr int kThreads = 6;
  constexpr int kRounds = 10'000;
  TestStore store({.stripe_count = kStripes});
  std::array<std::int64_t, kStripes> guarded{};  // plain: only the locks keep it right
  std::array<std::int64_t, kThreads> added{};
  std::vector<Thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back("locker", [&, t] {
      Random random(static_cast<std::uint64_t>(t) + 1);
      const auto some = [&](std::uint64_t count) {
        StripeSet set;
        for (; count > 0; --count) set.set(random.Below(kStripes));
        return set;
      };
      for (int round = 0; round < kRounds; ++round) {
        KeyLocks locks(store.keyspace);
        if (t == 0) {
          locks.AcquireForLong(some(3));
        } else if (random.Below(50) == 0) {
          locks.AcquireAll();
        } else {
          std::vector<KeyRef> keys;
          for (std::uint64_t n = random.Below(4) + 1; n > 0; --n)
            keys.push_back(store.keyspace.Ref(std::to_string(random.Below(1000))));
          if (random.Below(2) == 0) {
            locks.Acquire(keys);
          } else if (!locks.TryAcquire(keys)) {
            continue;
          }
        }
        const bool all = store.keyspace.AllHeldByThisThread();
        for (int n = 0; t >= 3 && !all && n < 3; ++n) {
          if (!locks.Extend(some(2))) break;
        }
        for (std::size_t i = 0; i < kStripes; ++i) {
          if (!locks.Holds(StripeId(static_cast<std::uint16_t>(i)))) continue;
          ++guarded[i];
          ++added[static_cast<std::size_t>(t)];
        }
        locks.Release();
      }
    });
  }
  for (Thread& thread : threads) thread.Join();
  std::int64_t sum = 0;
  for (const std::int64_t count : guarded) sum += count;
  for (const std::int64_t count : added) sum -= count;
  EXPECT_EQ(sum, 0);
}

}  // namespace
}  // namespace cairn::keyspace
