// SPDX-License-Identifier: BSD-3-Clause
// Run under the thread sanitizer too: the plain ints here are guarded by nothing but what is
// tested.
#include "base/mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "base/check.h"
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

TEST(MutexTest, LockUnlessLongTakesWhatIsFree) {
  Mutex mutex;
  CHECK(mutex.LockUnlessLong());
  EXPECT_FALSE(mutex.TryLock());
  mutex.Unlock();
  mutex.LockForLong();
  EXPECT_FALSE(mutex.LockUnlessLong());
  EXPECT_FALSE(mutex.TryLock());
  mutex.Unlock();
  CHECK(mutex.LockUnlessLong());
  mutex.Unlock();
}

// Threads that sleep for a short holder, while one waits to take it for long: those who would not
// wait for that one come back while it holds, and it is they who let it go.
TEST(MutexTest, SleepersAreSentAwayByALongHold) {
  constexpr int kThreads = 3;
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    Mutex mutex;
    std::atomic<int> answers{0};
    int holders = 0;
    std::vector<Thread> threads;
    mutex.Lock();
    threads.emplace_back("long", [&] {
      mutex.LockForLong();
      ++holders;
      while (answers.load() < kThreads) Thread::Yield();
      mutex.Unlock();
    });
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back("unless", [&] {
        if (mutex.LockUnlessLong()) {
          ++holders;
          mutex.Unlock();
        }
        answers.fetch_add(1);
      });
    }
    if (round % 2 == 0) {
      for (int i = 0; i < 100; ++i) Thread::Yield();
    }
    mutex.Unlock();
    for (Thread& thread : threads) thread.Join();
    EXPECT_GE(holders, 1);
  }
}

// All ways to take it, mixed.
TEST(MutexTest, GuardsACounterWhateverTheHoldsAre) {
  constexpr int kRounds = 20'000;
  Mutex mutex;
  int count = 0;
  std::atomic<int> refused{0};
  std::vector<Thread> threads;
  threads.emplace_back("long", [&] {
    for (int round = 0; round < kRounds; ++round) {
      mutex.LockForLong();
      ++count;
      mutex.Unlock();
    }
  });
  threads.emplace_back("lock", [&] {
    for (int round = 0; round < kRounds; ++round) {
      MutexLock hold(mutex);
      ++count;
    }
  });
  threads.emplace_back("unless", [&] {
    for (int round = 0; round < kRounds; ++round) {
      if (!mutex.LockUnlessLong()) {
        refused.fetch_add(1);
        continue;
      }
      ++count;
      mutex.Unlock();
    }
  });
  for (Thread& thread : threads) thread.Join();
  EXPECT_EQ(count, 3 * kRounds - refused.load());
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
