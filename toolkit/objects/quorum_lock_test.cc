// SPDX-License-Identifier: BSD-3-Clause
// Locks of a majority over embedded stores, each with a clock of its own.
#include "cairn/quorum_lock.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

class Quorum : public testing::Test {
 protected:
  Quorum() {
    for (VirtualTime& time : server_times_)
      stores_.push_back(
          Store::Open("embedded:", {.clock = &time, .scheduler = &our_time_}).value());
  }
  void Pass(Duration span) {
    for (Duration passed{0}; passed < span; passed += 5ms) {
      for (VirtualTime& time : server_times_) time.Advance(5ms);
      our_time_.Advance(5ms);
    }
  }
  QuorumLock Make(QuorumOptions options = {.ttl = 1000ms}) {
    return QuorumLock(stores_, "lock", options);
  }
  // A store that answers with errors: it is as good as down.
  void Break(std::size_t i) {
    stores_[i].client().Call(Command("DEL", "lock")).value();
    stores_[i].client().Call(Command("LPUSH", "lock", "x")).value();
  }
  bool IsFree(std::size_t i) {
    return !stores_[i].client().Call(Command("EXISTS", "lock"))->AsBool().value();
  }

  std::array<VirtualTime, 3> server_times_;
  VirtualTime our_time_;
  std::vector<Store> stores_;
};

TEST_F(Quorum, OneHolderAtATime) {
  const QuorumLock lock = Make();
  Permit held = lock.Acquire().value();
  EXPECT_TRUE(held.is_held());
  EXPECT_FALSE(lock.TryAcquire()->has_value());
  EXPECT_EQ(lock.Acquire({.timeout = 0ms}).error().code, Errc::kTimeout);
  EXPECT_TRUE(held.Release().value());
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(IsFree(i));
  EXPECT_TRUE(SyncWait(SyncWait(lock.CoAcquire()).value().CoRelease()).value());
  EXPECT_TRUE(SyncWait(lock.CoTryAcquire())->has_value());
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(IsFree(i));
}

TEST_F(Quorum, WorksWithAMinorityDown) {
  Break(1);
  const QuorumLock lock = Make();
  Permit held = lock.Acquire().value();
  EXPECT_FALSE(lock.TryAcquire()->has_value());
  Pass(5000ms);
  EXPECT_TRUE(held.is_held());
  EXPECT_TRUE(held.Release().value());
}

TEST_F(Quorum, NoMajorityIsGivenBackEverywhere) {
  Break(0);
  Break(1);
  const QuorumLock lock = Make();
  EXPECT_EQ(lock.Acquire({.timeout = 0ms}).error().code, Errc::kTimeout);
  EXPECT_TRUE(IsFree(2));
}

TEST_F(Quorum, SplitVotesAreGivenBack) {
  // Two others have one store each.
  stores_[0].client().Call(Command("LOCK.ACQUIRE", "lock", "a", 60000)).value();
  stores_[1].client().Call(Command("LOCK.ACQUIRE", "lock", "b", 60000)).value();
  EXPECT_FALSE(Make().TryAcquire()->has_value());
  EXPECT_TRUE(IsFree(2));
  EXPECT_FALSE(IsFree(0));
}

TEST_F(Quorum, LossOfTheMajorityIsTold) {
  const QuorumLock lock = Make();
  Permit held = lock.Acquire().value();
  stores_[0].client().Call(Command("DEL", "lock")).value();
  Pass(1000ms);
  EXPECT_TRUE(held.is_held());
  stores_[1].client().Call(Command("DEL", "lock")).value();
  Pass(400ms);
  EXPECT_TRUE(held.lost().stop_requested());
  EXPECT_FALSE(held.Release().value());
}

TEST_F(Quorum, RenewalsWithoutAMajorityOfAnswersTellTheLossInTime) {
  const QuorumLock lock = Make();
  Permit held = lock.Acquire().value();
  Break(0);
  Break(1);
  Pass(890ms);
  EXPECT_TRUE(held.is_held());
  Pass(20ms);
  EXPECT_TRUE(held.lost().stop_requested());
  EXPECT_FALSE(IsFree(2));
}

// 002: "Redlock simplified" is SET NX at one server: when that one comes back empty, two have it.
TEST_F(Quorum, RedlockSimplifiedIsOneServer) {
  const auto guide = [&](const char* owner) {
    return stores_[0].client().Call(Command("SET", "guide", owner, "NX", "PX", 10'000))->is_ok();
  };
  const QuorumLock lock = Make({.ttl = 10s});
  ASSERT_TRUE(guide("1"));
  const Permit held = lock.Acquire().value();
  stores_[0].client().Call(Command("FLUSHALL")).value();
  EXPECT_TRUE(guide("2"));  // wrong: the first one still works
  EXPECT_FALSE(lock.TryAcquire()->has_value());
  EXPECT_TRUE(held.is_held());
}

// Section 3, "Redlock doubts": a store that restarts empty lets two hold it at once. So there is no
// fence to rely on, and the one-server lock with its fences is the default.
TEST_F(Quorum, RuleRedlockIsForEfficiencyOnly) {
  const QuorumLock lock = Make({.ttl = 10s});
  Break(0);
  Permit first = lock.Acquire().value();
  stores_[1].client().Call(Command("FLUSHALL")).value();
  stores_[0].client().Call(Command("FLUSHALL")).value();
  Permit second = lock.TryAcquire().value().value();
  EXPECT_TRUE(first.is_held());
  EXPECT_TRUE(second.is_held());
  // The default: the second grant's fence is greater, and what is guarded refuses the first.
  const Mutex mutex(stores_[2], "single", {.ttl = 10s});
  Held stalled = mutex.Acquire().value();
  stores_[2].client().Call(Command("FLUSHALL")).value();
  Held next = mutex.TryAcquire().value().value();
  EXPECT_TRUE(stalled.is_held());
  EXPECT_GT(next.fence(), stalled.fence());
}

TEST_F(Quorum, OptionsThatFitNothing) {
  EXPECT_EQ(QuorumLock({}, "lock").Acquire().error().code, Errc::kInvalid);
  EXPECT_EQ(QuorumLock({stores_[0], stores_[1]}, "lock").Acquire().error().code, Errc::kInvalid);
  EXPECT_EQ(QuorumLock(stores_, "").TryAcquire().error().code, Errc::kInvalid);
  EXPECT_EQ(Make({.ttl = 100ms}).TryAcquire().error().code, Errc::kInvalid);
  EXPECT_EQ(Make({.store_timeout = Duration::max()}).TryAcquire().error().code, Errc::kInvalid);
  EXPECT_EQ(Make({.margin = Duration::max()}).TryAcquire().error().code, Errc::kInvalid);
}

}  // namespace
}  // namespace cairn::cache
