// SPDX-License-Identifier: BSD-3-Clause
// Semaphores over an embedded store whose engine goes by a clock of its own, as lock_test.cc's.
#include "cairn/semaphore.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

class Permits : public testing::Test {
 protected:
  void Pass(Duration span) {
    for (Duration passed{0}; passed < span; passed += 5ms) {
      server_time_.Advance(5ms);
      our_time_.Advance(5ms);
    }
  }
  Semaphore Make(SemaphoreOptions options) { return Semaphore(store_, "semaphore", options); }
  Reply Call(const Command& command) { return store_.client().Call(command).value(); }

  VirtualTime server_time_;
  VirtualTime our_time_;
  Store store_ =
      Store::Open("embedded:", {.clock = &server_time_, .scheduler = &our_time_}).value();
};

TEST_F(Permits, SoManyAtOnce) {
  const Semaphore semaphore = Make({.permits = 3, .ttl = 1000ms});
  std::vector<Permit> held;
  for (int i = 0; i < 3; ++i) held.push_back(semaphore.TryAcquire().value().value());
  EXPECT_FALSE(semaphore.TryAcquire()->has_value());
  EXPECT_EQ(semaphore.Acquire({.timeout = 0ms}).error().code, Errc::kTimeout);
  EXPECT_TRUE(held[1].Release().value());
  EXPECT_FALSE(held[1].Release().value());
  Permit again = SyncWait(semaphore.CoAcquire()).value();
  EXPECT_TRUE(again.is_held());
  EXPECT_FALSE(SyncWait(semaphore.CoTryAcquire())->has_value());
  EXPECT_TRUE(SyncWait(again.CoRelease()).value());
  held.clear();  // destruction gives them back
  for (int i = 0; i < 3; ++i) held.push_back(semaphore.TryAcquire().value().value());
}

TEST_F(Permits, AreRenewedAndComeBackFromTheDead) {
  const Semaphore semaphore = Make({.permits = 1, .ttl = 1000ms});
  Permit held = semaphore.Acquire().value();
  Pass(5000ms);
  EXPECT_TRUE(held.is_held());
  EXPECT_FALSE(semaphore.TryAcquire()->has_value());
  EXPECT_GT(Call(Command("PTTL", "semaphore")).AsInteger().value(), 0);
  // The process stands still, as if it were dead.
  server_time_.Advance(1001ms);
  Permit next = semaphore.TryAcquire().value().value();
  our_time_.Advance(400ms);  // it wakes up, and its renewal is refused
  EXPECT_TRUE(held.lost().stop_requested());
  EXPECT_FALSE(held.Release().value());
  EXPECT_TRUE(next.is_held());
  EXPECT_FALSE(semaphore.TryAcquire()->has_value());
}

TEST_F(Permits, OneComesBackWhileAnotherIsHeld) {
  const Semaphore dying = Make({.permits = 2, .ttl = 1000ms, .renews = false});
  const Semaphore semaphore = Make({.permits = 2, .ttl = 1000ms});
  Permit dead = dying.Acquire().value();
  Permit held = semaphore.Acquire().value();
  EXPECT_FALSE(semaphore.TryAcquire()->has_value());
  Pass(1500ms);
  EXPECT_TRUE(held.is_held());
  Permit next = semaphore.TryAcquire().value().value();
  EXPECT_FALSE(semaphore.TryAcquire()->has_value());
}

TEST_F(Permits, LossIsToldBeforeTheTtlEnds) {
  const Semaphore semaphore = Make({.permits = 1, .ttl = 1000ms, .renews = false});
  Permit held = semaphore.Acquire().value();
  bool was_free = true;
  const std::stop_callback on_lost(held.lost(),
                                   [&] { was_free = semaphore.TryAcquire()->has_value(); });
  Pass(895ms);
  EXPECT_TRUE(held.is_held());
  Pass(10ms);
  EXPECT_FALSE(held.is_held());
  EXPECT_FALSE(was_free);
  Pass(100ms);
  EXPECT_TRUE(semaphore.TryAcquire()->has_value());
}

TEST_F(Permits, NothingStaysForEver) {
  const Semaphore semaphore = Make({.permits = 2, .ttl = 1000ms, .is_fair = true});
  Permit held = semaphore.Acquire().value();
  EXPECT_GT(Call(Command("PTTL", "semaphore")).AsInteger().value(), 0);
  server_time_.Advance(10s);
  EXPECT_EQ(Call(Command("EXISTS", "semaphore")).AsInteger().value(), 0);
}

TEST_F(Permits, OptionsThatFitNothing) {
  EXPECT_EQ(Make({.permits = 0}).Acquire().error().code, Errc::kInvalid);
  EXPECT_EQ(Make({.permits = 1025}).Acquire().error().code, Errc::kInvalid);
  EXPECT_EQ(Make({.ttl = 1ms}).TryAcquire().error().code, Errc::kInvalid);
  EXPECT_EQ(Semaphore(store_, "", {}).TryAcquire().error().code, Errc::kInvalid);
  Call(Command("SET", "semaphore", "x"));
  EXPECT_EQ(Make({}).Acquire().error().code, Errc::kServer);
}

struct Waiting {
  std::optional<Result<Permit>> result;
  std::stop_source stop;
};

Task<void> AcquireInto(const Semaphore& semaphore, AcquireOptions options, Waiting& waiting) {
  waiting.result = co_await semaphore.CoAcquire(options);
}

TEST_F(Permits, FairOnesAreServedInTheirOrder) {
  const Semaphore semaphore = Make({.permits = 1, .ttl = 1000ms, .is_fair = true});
  std::optional<Permit> held = semaphore.Acquire().value();
  std::vector<Waiting> waiting(4);
  for (Waiting& one : waiting) {
    AcquireOptions options;
    options.timeout = 60s;
    options.stop = one.stop.get_token();
    Detach(AcquireInto(semaphore, options, one));
    Pass(50ms);
  }
  held.reset();
  // Nobody overtakes those who wait.
  EXPECT_FALSE(semaphore.TryAcquire()->has_value());
  waiting[1].stop.request_stop();
  for (const std::size_t next : {0, 2, 3}) {
    Pass(600ms);
    for (const std::size_t later : {2, 3}) {
      if (later > next) EXPECT_FALSE(waiting[later].result);
    }
    ASSERT_TRUE(waiting[next].result);
    EXPECT_TRUE((*waiting[next].result)->Release().value());
  }
  EXPECT_EQ(waiting[1].result->error().code, Errc::kCancelled);
  EXPECT_TRUE(semaphore.TryAcquire()->has_value());
}

TEST_F(Permits, OneThatDiesInTheQueueHoldsNobodyUpForLong) {
  const Semaphore semaphore = Make({.permits = 1, .ttl = 10s, .is_fair = true});
  std::optional<Permit> held = semaphore.Acquire().value();
  {
    // It asks once and never again.
    Waiting dead;
    const Semaphore same = Make({.permits = 1, .ttl = 10s, .is_fair = true});
    Detach(AcquireInto(same, {.timeout = 60s}, dead));
    held.reset();
    EXPECT_FALSE(semaphore.TryAcquire()->has_value());
    server_time_.Advance(2001ms);
    EXPECT_TRUE(semaphore.TryAcquire()->has_value());
    dead.stop.request_stop();
    Pass(5000ms);  // it ends before what it refers to does
    ASSERT_TRUE(dead.result);
  }
}

// The guide's: a counter. Who dies holding one takes it along; two INCR may pass the limit
// together.
TEST_F(Permits, CountersLoseThePermitsOfTheDead) {
  for (int i = 0; i < 2; ++i) Call(Command("INCR", "guide"));  // and both die
  server_time_.Advance(24h);
  EXPECT_EQ(Call(Command("GET", "guide")).text(), "2");
  const Semaphore semaphore = Make({.permits = 2, .ttl = 1000ms});
  Permit first = semaphore.Acquire().value();
  Permit second = semaphore.Acquire().value();
  server_time_.Advance(1001ms);
  EXPECT_TRUE(semaphore.TryAcquire()->has_value());
}

TEST(PermitThreads, NeverMoreThanThereAre) {
  const Store store = Store::Open("embedded:").value();
  const Semaphore semaphore(store, "semaphore", {.permits = 3, .ttl = 5s, .is_fair = true});
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        Result<Permit> permit = semaphore.Acquire({.timeout = 60s});
        if (!permit) ++wrong;
        if (!permit) return;
        const int now = inside.fetch_add(1) + 1;
        if (now > 3) ++wrong;
        most = std::max(most.load(), now);
        std::this_thread::yield();
        inside.fetch_sub(1);
        if (!permit->Release().value_or(false)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(Permits, LostOfWhatIsEmptyIsStopped) {
  const Semaphore semaphore = Make({.permits = 1});
  Permit first = semaphore.Acquire().value();
  Permit permit = std::move(first);
  EXPECT_FALSE(permit.lost().stop_requested());
  EXPECT_TRUE(first.lost().stop_requested());  // NOLINT(bugprone-use-after-move): what is tested
  EXPECT_TRUE(permit.Release().value());
  EXPECT_TRUE(permit.lost().stop_requested());
}

}  // namespace
}  // namespace cairn::cache
