// SPDX-License-Identifier: BSD-3-Clause
// Thread: its name, its signals, and that it is joined.
#include "base/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <utility>

namespace cairn {
namespace {

TEST(ThreadTest, RunsItsBody) {
  int seen = 0;
  Thread thread("body", [&seen] { seen = 7; });
  EXPECT_TRUE(thread.joinable());
  thread.Join();
  EXPECT_FALSE(thread.joinable());
  EXPECT_EQ(seen, 7);
}

TEST(ThreadTest, ShowsItsNameUpToFifteenBytes) {
  for (const std::string name : {"w", "cairn-worker-12", "cairn-worker-123"}) {
    char shown[16] = "";
    Thread thread(name, [&shown] { ::pthread_getname_np(::pthread_self(), shown, sizeof(shown)); });
    thread.Join();
    EXPECT_EQ(std::string(shown), name.substr(0, 15));
  }
}

TEST(ThreadTest, LeavesSignalsToTheMainThread) {
  sigset_t inside;
  Thread thread("signals", [&inside] { ::pthread_sigmask(SIG_SETMASK, nullptr, &inside); });
  thread.Join();
  for (const int blocked : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD}) {
    EXPECT_EQ(sigismember(&inside, blocked), 1) << blocked;
  }
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    EXPECT_EQ(sigismember(&inside, fault), 0) << fault;
  }
}

TEST(ThreadTest, KeepsTheMaskOfItsCreator) {
  sigset_t before;
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  Thread thread("mask", [] {});
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  thread.Join();
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal)) << signal;
  }
}

TEST(ThreadTest, MovesToAnotherOwner) {
  int seen = 0;
  Thread first("moved", [&seen] { seen = 1; });
  Thread second;
  second = std::move(first);
  second.Join();
  EXPECT_EQ(seen, 1);
}

TEST(ThreadDeathTest, MustBeJoined) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Thread("lost", [] {}), "CHECK failed");
}

}  // namespace
}  // namespace cairn
