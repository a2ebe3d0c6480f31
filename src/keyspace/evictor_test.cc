// SPDX-License-Identifier: BSD-3-Clause
// The evictor: each policy takes what it should, and what writers add on several
// threads is evicted as fast as it comes.
#include "keyspace/evictor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/thread.h"
#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

constexpr int kKeys = 4000;
constexpr UnixMs kHourMs = 3'600'000;

// Keys "v:<i>" expire (i hours from now), keys "p:<i>" do not. The lower half of the numbers is
// used long ago, or never again, or expires soon: the victims.
void Fill(TestStore& store) {
  for (int i = 0; i < kKeys; ++i) {
    if (i == kKeys / 2) store.clock.AdvanceMs(kHourMs);
    store.Set("v:" + std::to_string(i), std::string(100, 'v'), kTestStartMs + (i + 2) * kHourMs);
    store.Set("p:" + std::to_string(i), std::string(100, 'v'));
  }
}

void UseUpperHalf(TestStore& store) {
  for (int i = kKeys / 2; i < kKeys; ++i) {
    for (int use = 0; use < 30; ++use) {
      store.Get("v:" + std::to_string(i), DbId(0), Access::kRead);
      store.Get("p:" + std::to_string(i), DbId(0), Access::kRead);
    }
  }
}

struct Survivors {
  int volatile_lower = 0;
  int volatile_upper = 0;
  int plain_lower = 0;
  int plain_upper = 0;
};

Survivors CountSurvivors(TestStore& store) {
  Survivors left;
  for (int i = 0; i < kKeys; ++i) {
    const bool lower = i < kKeys / 2;
    if (store.Get("v:" + std::to_string(i))) ++(lower ? left.volatile_lower : left.volatile_upper);
    if (store.Get("p:" + std::to_string(i))) ++(lower ? left.plain_lower : left.plain_upper);
  }
  return left;
}

// A quarter of the keys has to go.
Survivors EvictAQuarter(TestStore& store, EvictionPolicy policy) {
  store.keyspace.tunables().SetPolicy(policy);
  store.keyspace.tunables().maxmemory_samples.store(10);
  Fill(store);
  UseUpperHalf(store);
  const std::int64_t entry_bytes = 112;
  store.keyspace.tunables().maxmemory_bytes.store(store.keyspace.used_bytes() -
                                                  kKeys / 2 * entry_bytes);
  Evictor evictor(store.keyspace, 7);
  for (int call = 0; call < 10 * kKeys; ++call) {
    EXPECT_TRUE(evictor.MakeRoom(0));
    if (store.keyspace.used_bytes() <= store.keyspace.tunables().maxmemory_bytes.load()) break;
  }
  EXPECT_LE(store.keyspace.used_bytes(), store.keyspace.tunables().maxmemory_bytes.load());
  EXPECT_EQ(store.keyspace.Totals().evicted,
            2 * kKeys - static_cast<std::int64_t>(store.keyspace.Size(DbId(0)).keys));
  return CountSurvivors(store);
}

class EvictorByPolicy : public ::testing::TestWithParam<EvictionPolicy> {};

TEST_P(EvictorByPolicy, TakesTheRightKeys) {
  TestStore store({.stripe_count = 16});
  const EvictionPolicy policy = GetParam();
  const Survivors left = EvictAQuarter(store, policy);
  const int gone_lower = kKeys - left.volatile_lower - left.plain_lower;
  const int gone_upper = kKeys - left.volatile_upper - left.plain_upper;
  EXPECT_GT(gone_lower + gone_upper, kKeys / 3);
  if (IsVolatileOnly(policy)) {
    EXPECT_EQ(left.plain_lower + left.plain_upper, kKeys) << "a key without expiry was evicted";
  } else {
    EXPECT_LT(left.plain_lower, kKeys / 2);
  }
  const bool random =
      policy == EvictionPolicy::kAllkeysRandom || policy == EvictionPolicy::kVolatileRandom;
  if (random) {
    EXPECT_GT(gone_upper, gone_lower / 2);
    EXPECT_GT(gone_lower, gone_upper / 2);
  } else {
    // Of what had to go, nearly all was of the half that deserved it; when all of that half is to
    // go, the last ones are hard to find by sampling.
    EXPECT_LT(gone_upper, gone_lower / 4) << gone_lower << " of the worse half";
  }
}

std::string PolicyName(const ::testing::TestParamInfo<EvictionPolicy>& policy) {
  switch (policy.param) {
    case EvictionPolicy::kVolatileLru:
      return "VolatileLru";
    case EvictionPolicy::kVolatileLfu:
      return "VolatileLfu";
    case EvictionPolicy::kVolatileS3Fifo:
      return "VolatileS3Fifo";
    case EvictionPolicy::kVolatileRandom:
      return "VolatileRandom";
    case EvictionPolicy::kVolatileTtl:
      return "VolatileTtl";
    case EvictionPolicy::kAllkeysLru:
      return "AllkeysLru";
    case EvictionPolicy::kAllkeysLfu:
      return "AllkeysLfu";
    case EvictionPolicy::kAllkeysS3Fifo:
      return "AllkeysS3Fifo";
    case EvictionPolicy::kAllkeysRandom:
      return "AllkeysRandom";
    case EvictionPolicy::kNoEviction:
      break;
  }
  return "NoEviction";
}

INSTANTIATE_TEST_SUITE_P(
    Policies, EvictorByPolicy,
    ::testing::Values(EvictionPolicy::kVolatileLru, EvictionPolicy::kVolatileLfu,
                      EvictionPolicy::kVolatileS3Fifo, EvictionPolicy::kVolatileRandom,
                      EvictionPolicy::kVolatileTtl, EvictionPolicy::kAllkeysLru,
                      EvictionPolicy::kAllkeysLfu, EvictionPolicy::kAllkeysS3Fifo,
                      EvictionPolicy::kAllkeysRandom),
    &PolicyName);

TEST(Evictor, NoEvictionRefuses) {
  TestStore store;
  store.Set("k", std::string(10'000, 'v'));
  for (int i = 0; i < 100; ++i) store.Set(std::to_string(i), std::string(10'000, 'v'));
  store.keyspace.tunables().maxmemory_bytes.store(1000);
  Evictor evictor(store.keyspace, 7);
  EXPECT_FALSE(evictor.MakeRoom(0));
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 101u);
}

TEST(Evictor, VolatilePoliciesRefuseWhereNothingExpires) {
  TestStore store;
  for (int i = 0; i < 100; ++i) store.Set(std::to_string(i), std::string(10'000, 'v'));
  store.keyspace.tunables().maxmemory_bytes.store(1000);
  store.keyspace.tunables().SetPolicy(EvictionPolicy::kVolatileLru);
  Evictor evictor(store.keyspace, 7);
  EXPECT_FALSE(evictor.MakeRoom(0));
  store.Set("one", "v", kTestStartMs + 1000);
  while (evictor.MakeRoom(0)) {
  }
  EXPECT_EQ(store.Get("one"), std::nullopt);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 100u);
}

// The table's column holds the times of hashes' fields, too.
TEST(Evictor, HashesOfWhichOnlyFieldsExpireAreNoVictims) {
  for (const EvictionPolicy policy :
       {EvictionPolicy::kVolatileLru, EvictionPolicy::kVolatileRandom, EvictionPolicy::kVolatileTtl,
        EvictionPolicy::kVolatileS3Fifo}) {
    SCOPED_TRACE(static_cast<int>(policy));
    TestStore store({.stripe_count = 4});
    for (int i = 0; i < 400; ++i) {
      store.With("hash" + std::to_string(i), [&](Txn& txn, const KeyRef& key) {
        const value::TableHome home = {store.keyspace.stripe(key.stripe).arena,
                                       store.keyspace.seed()};
        Found found = txn.Find(key, Access::kWrite);
        auto hash = txn.Edit<value::Hash>(key, found);
        hash->Set("f", "v", {.packed_entries = 8, .packed_value_bytes = 64}, home);
        hash->SetExpiry("f", kTestStartMs + 1000, home);
      });
    }
    store.keyspace.tunables().SetPolicy(policy);
    store.keyspace.tunables().maxmemory_bytes.store(1000);
    Evictor evictor(store.keyspace, 7);
    EXPECT_FALSE(evictor.MakeRoom(0)) << "there is nothing to evict";
    for (int i = 0; i < 4; ++i) store.Set("v" + std::to_string(i), "v", kTestStartMs + kHourMs);
    for (int i = 0; i < 1000 && store.keyspace.Size(DbId(0)).volatile_keys > 0; ++i)
      evictor.MakeRoom(0);
    EXPECT_EQ(store.keyspace.Size(DbId(0)).volatile_keys, 0u);
    EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 400u);
    EXPECT_EQ(store.keyspace.Size(DbId(0)).hashes_with_times, 400u);
    EXPECT_FALSE(evictor.MakeRoom(0));
  }
}

// Two keys lie in two stripes; which of them goes must not be left to where the search begins.
TEST(Evictor, FewKeysAreAllCompared) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    TestStore store;
    store.Set("far", std::string(10'000, 'v'), kTestStartMs + 1000 * kHourMs);
    store.Set("near", std::string(10'000, 'v'), kTestStartMs + kHourMs);
    store.keyspace.tunables().SetPolicy(EvictionPolicy::kVolatileTtl);
    store.keyspace.tunables().maxmemory_bytes.store(store.keyspace.used_bytes() - 5000);
    Evictor evictor(store.keyspace, seed);
    EXPECT_TRUE(evictor.MakeRoom(0));
    EXPECT_EQ(store.Get("near"), std::nullopt) << "seed " << seed;
    EXPECT_TRUE(store.Get("far")) << "seed " << seed;
  }
}

TEST(Evictor, OtherMemoryCountsToo) {
  TestStore store;
  for (int i = 0; i < 100; ++i) store.Set(std::to_string(i), std::string(10'000, 'v'));
  store.keyspace.tunables().maxmemory_bytes.store(2 * store.keyspace.used_bytes());
  store.keyspace.tunables().SetPolicy(EvictionPolicy::kAllkeysLru);
  Evictor evictor(store.keyspace, 7);
  EXPECT_TRUE(evictor.MakeRoom(0));
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 100u);
  EXPECT_TRUE(evictor.MakeRoom(store.keyspace.used_bytes() * 3 / 2));
  EXPECT_LT(store.keyspace.Size(DbId(0)).keys, 60u);
}

void KeepUpWithFourWriters(EvictionPolicy policy) {
  constexpr int kThreads = 4;
  constexpr int kWrites = 20'000;
  constexpr std::int64_t kLimit = 8 << 20;
  // What one write may add after it was let in, and what stripes have not folded.
  constexpr std::int64_t kSlack = kThreads * 64 * 1024 + 256 * Keyspace::kFoldBytes;
  TestStore store;
  store.keyspace.tunables().SetPolicy(policy);
  store.keyspace.tunables().maxmemory_bytes.store(kLimit);
  std::vector<Thread> threads;
  std::atomic<int> over{0};
  std::atomic<int> refused{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back("writer", [&, t] {
      Evictor evictor(store.keyspace, static_cast<std::uint64_t>(t));
      Random random(static_cast<std::uint64_t>(t) + 100);
      for (int i = 0; i < kWrites; ++i) {
        if (!evictor.MakeRoom(0)) ++refused;
        if (store.keyspace.used_bytes() > kLimit + kSlack) ++over;
        const std::string name = std::to_string(t) + ":" + std::to_string(i);
        const KeyRef key = store.keyspace.Ref(name);
        KeyLocks locks(store.keyspace);
        locks.AcquireStripe(key.stripe);
        {
          const Viewer viewer(DbId(0), kTestStartMs, random);
          Txn txn(store.keyspace, locks, viewer);
          txn.SetString(key, txn.Find(key, Access::kWrite), std::string(random.Below(2000), 'v'),
                        Ttl::kDrop);
        }
        locks.Release();
      }
    });
  }
  for (Thread& thread : threads) thread.Join();
  EXPECT_EQ(over.load(), 0);
  EXPECT_EQ(refused.load(), 0);
  EXPECT_GT(store.keyspace.used_bytes(), kLimit / 2) << "more was evicted than had to be";
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

TEST(Evictor, KeepsUpWithFourWriters) { KeepUpWithFourWriters(EvictionPolicy::kAllkeysLru); }

TEST(Evictor, KeepsUpWithFourWritersByS3Fifo) {
  KeepUpWithFourWriters(EvictionPolicy::kAllkeysS3Fifo);
}

// ---- Beside a cut ------------------------------------------------------------------------------

constexpr std::size_t kTooMuch = CutBacklog::kBytesMax + 1;

void FillBeyondTheLimit(TestStore& store) {
  for (int i = 0; i < kKeys; ++i) store.Set(std::to_string(i), std::string(100, 'v'));
  store.keyspace.tunables().SetPolicy(EvictionPolicy::kAllkeysRandom);
  store.keyspace.SetMemoryLimit(store.keyspace.used_bytes() * 3 / 4);
}

TEST(Evictor, WhoNeedsMemoryWaitsForTheUserOfACut) {
  constexpr int kLooks = 200'000;  // the evictor is long done by then, if it does not wait
  TestStore store;
  FillBeyondTheLimit(store);
  const std::uint64_t keys = store.keyspace.Size(DbId(0)).keys;
  store.keyspace.cut_backlog().Add(kTooMuch);
  std::atomic<bool> done{false};
  Thread writer("writer", [&] {
    Evictor evictor(store.keyspace, 1);
    EXPECT_TRUE(evictor.MakeRoom(0));
    done.store(true);
  });
  for (int i = 0; i < kLooks && !done.load(); ++i) store.Get(std::to_string(i % kKeys));
  EXPECT_FALSE(done.load());
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, keys);
  store.keyspace.cut_backlog().Remove(kTooMuch);
  writer.Join();
  EXPECT_LT(store.keyspace.Size(DbId(0)).keys, keys);
}

TEST(Evictor, WhoNeedsNoneLeavesTheUserOfACutAlone) {
  TestStore store;
  FillBeyondTheLimit(store);
  const std::uint64_t keys = store.keyspace.Size(DbId(0)).keys;
  Evictor evictor(store.keyspace, 1);
  store.keyspace.cut_backlog().Add(kTooMuch);
  EXPECT_TRUE(evictor.MakeRoom(0, Evictor::IfCutIsBehind::kLeaveIt));
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, keys);
  store.keyspace.cut_backlog().Remove(kTooMuch);
  EXPECT_TRUE(evictor.MakeRoom(0, Evictor::IfCutIsBehind::kLeaveIt));
  EXPECT_LT(store.keyspace.Size(DbId(0)).keys, keys);
}

// Nothing goes while its DEL has no room in the log; that is no reason to refuse anybody.
TEST(Evictor, AFullLogIsNotALackOfVictims) {
  TestStore store;
  FillBeyondTheLimit(store);
  KeyLocks locks(store.keyspace);
  locks.AcquireAll();
  const std::unique_ptr<log::Reader> reader = store.keyspace.log().Attach(log::Lag::kMustKeep);
  locks.Release();
  constexpr std::size_t kAll = log::CommandLog::kRingBytesDefault / 4 * 3;
  ASSERT_TRUE(store.keyspace.log().TakeCredit(kAll));
  ASSERT_FALSE(store.keyspace.log().TakeCredit(1));
  Evictor evictor(store.keyspace, 1);
  EXPECT_TRUE(evictor.MakeRoom(0));
  store.keyspace.log().ReturnCredit(kAll);
}

}  // namespace
}  // namespace cairn::keyspace
