// SPDX-License-Identifier: BSD-3-Clause
// Run under the thread sanitizer too: the plain ints here are guarded by nothing but what is
// tested.
#include "base/mutex.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/clock.h"
#include "base/thread.h"

namespace cairn {
namespace {

constexpr std::int64_t kForEverUs = 60'000'000;  // longer than any test takes

TEST(MutexTest, GuardsACounterUnderContention) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 50'000;
  Mutex mutex;
  int count = 0;
  std::vector<Thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back("count", [&] {
      for (int round = 0; round < kRounds; ++round) {
        MutexLock hold(mutex);
        ++count;
      }
    });
  }
  for (Thread& thread : threads) thread.Join();
  EXPECT_EQ(count, kThreads * kRounds);
}

// The holder keeps the lock past the spinning, so that the others do sleep and must be woken.
TEST(MutexTest, WakesThoseWhoSleep) {
  constexpr int kThreads = 3;
  Mutex mutex;
  int entered = 0;
  std::vector<Thread> threads;
  mutex.Lock();
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back("sleep", [&] {
      MutexLock hold(mutex);
      ++entered;
    });
  }
  const SystemClock clock;
  const MonotonicUs start = clock.NowMonotonicUs();
  while (clock.NowMonotonicUs() - start < 20'000) EXPECT_EQ(entered, 0);
  mutex.Unlock();
  for (Thread& thread : threads) thread.Join();
  EXPECT_EQ(entered, kThreads);
}

TEST(MutexTest, TryLockFailsWhileHeld) {
  Mutex mutex;
  const auto try_lock = [&mutex] {
    const bool locked = mutex.TryLock();
    if (locked) mutex.Unlock();
    return locked;
  };
  EXPECT_TRUE(try_lock());
  {
    MutexLock hold(mutex);
    Thread thread("try", [&] { EXPECT_FALSE(try_lock()); });
    thread.Join();
  }
  EXPECT_TRUE(try_lock());
}

TEST(MutexTest, IsFourBytes) { EXPECT_EQ(sizeof(Mutex), 4); }

TEST(EventTest, NotifiedBeforeTheWait) {
  Event event;
  event.Notify();
  event.Notify();
  EXPECT_TRUE(event.WaitFor(kForEverUs));
  // Signals are not counted, and the wait has reset it.
  EXPECT_FALSE(event.WaitFor(0));
}

TEST(EventTest, TimesOut) {
  Event event;
  const SystemClock clock;
  const MonotonicUs start = clock.NowMonotonicUs();
  EXPECT_FALSE(event.WaitFor(0));
  EXPECT_FALSE(event.WaitFor(-5));
  EXPECT_FALSE(event.WaitFor(2'000));
  EXPECT_GE(clock.NowMonotonicUs() - start, 2'000);
}

TEST(EventTest, WakesAndPublishesBothWays) {
  constexpr int kRounds = 2'000;
  Event ping;
  Event pong;
  int ball = 0;
  Thread thread("pong", [&] {
    for (int i = 0; i < kRounds; ++i) {
      EXPECT_TRUE(ping.WaitFor(kForEverUs));
      ++ball;
      pong.Notify();
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    ++ball;
    ping.Notify();
    EXPECT_TRUE(pong.WaitFor(kForEverUs));
    EXPECT_EQ(ball, 2 * (i + 1));
  }
  thread.Join();
}

}  // namespace
}  // namespace cairn
