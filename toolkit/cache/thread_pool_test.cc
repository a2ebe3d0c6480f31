// SPDX-License-Identifier: BSD-3-Clause
// The pool of threads, and coroutines that go on there.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "cairn/executor.h"
#include "cairn/task.h"

namespace cairn::cache {
namespace {

TEST(ThreadPool, RunsAsManyAtATimeAsItHasThreads) {
  const auto pool = MakeThreadPool(3);
  std::latch all(3);  // none ends before all have begun
  std::latch done(3);
  for (int i = 0; i < 3; ++i) {
    pool->Post([&] {
      all.arrive_and_wait();
      done.count_down();
    });
  }
  done.wait();
}

TEST(ThreadPool, EndsWithWhatWasPosted) {
  std::atomic<int> count{0};
  {
    const auto pool = MakeThreadPool(2);
    for (int i = 0; i < 1000; ++i) pool->Post([&] { ++count; });
  }
  EXPECT_EQ(count, 1000);
}

Task<std::thread::id> ThreadOn(Executor* executor) {
  co_await On(*executor);
  co_return std::this_thread::get_id();
}

TEST(ThreadPool, ACoroutineGoesOnThere) {
  const auto pool = MakeThreadPool(1);
  const std::thread::id there = SyncWait(ThreadOn(pool.get()));
  EXPECT_NE(there, std::this_thread::get_id());
  EXPECT_EQ(there, SyncWait(ThreadOn(pool.get())));
}

}  // namespace
}  // namespace cairn::cache
