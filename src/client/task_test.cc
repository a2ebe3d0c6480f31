// SPDX-License-Identifier: BSD-3-Clause
// Tasks: order, depth, exceptions, stop tokens; the schedulers that they sleep on.
#include "cairn/task.h"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "cairn/executor.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

Task<int> Number(int number) { co_return number; }

Task<int> Sum(int depth) {
  if (depth == 0) co_return 0;
  const int rest = co_await Sum(depth - 1);
  co_return rest + 1;
}

TEST(Task, RunsWhenItIsAwaited) {
  bool ran = false;
  auto make = [](bool* flag) -> Task<void> {
    *flag = true;
    co_return;
  };
  Task<void> task = make(&ran);
  EXPECT_FALSE(ran);
  SyncWait(std::move(task));
  EXPECT_TRUE(ran);
}

TEST(Task, ALongChainNeedsNoStack) {
  auto loop = []() -> Task<std::int64_t> {
    std::int64_t sum = 0;
    for (int i = 0; i < 100'000; ++i) sum += co_await Number(1);
    co_return sum;
  };
  EXPECT_EQ(SyncWait(loop()), 100'000);
  EXPECT_EQ(SyncWait(Sum(1'000)), 1'000);
}

TEST(Task, ThrowsWhereItIsAwaited) {
  auto fail = []() -> Task<int> {
    std::vector<int> none;
    co_return none.at(1);
  };
  auto outer = [&]() -> Task<int> { co_return co_await fail() + 1; };
  EXPECT_THROW(SyncWait(outer()), std::out_of_range);
}

TEST(Task, InheritsTheStopToken) {
  std::stop_source source;
  std::stop_source own;
  auto inner = []() -> Task<std::stop_token> { co_return co_await CurrentStop(); };
  auto outer = [&]() -> Task<bool> {
    const bool inherited = co_await inner() == source.get_token();
    const bool kept = co_await inner().WithStop(own.get_token()) == own.get_token();
    co_return inherited&& kept;
  };
  EXPECT_TRUE(SyncWait(outer(), source.get_token()));
}

TEST(Task, ManyAtOnceByVirtualTime) {
  VirtualTime time;
  std::string order;
  auto sleeper = [&](Duration delay, char name) -> Task<void> {
    co_await Sleep(time, delay);
    order += name;
  };
  Detach(sleeper(30ms, 'c'));
  Detach(sleeper(10ms, 'a'));
  Detach(sleeper(20ms, 'b'));
  EXPECT_EQ(time.pending(), 3u);
  time.Advance(25ms);
  EXPECT_EQ(order, "ab");
  time.Advance(5ms);
  EXPECT_EQ(order, "abc");
}

TEST(VirtualTime, RunsWhatIsArmedOnTheWay) {
  VirtualTime time;
  const TimePoint start = time.Now();
  std::vector<Duration> at;
  time.After(10ms, [&] {
    at.push_back(time.Now() - start);
    time.After(5ms, [&] { at.push_back(time.Now() - start); });
    time.After(50ms, [&] { at.push_back(time.Now() - start); });
  });
  const TimerNumber cancelled = time.After(12ms, [&] { at.push_back(-1ms); });
  EXPECT_TRUE(time.Cancel(cancelled));
  EXPECT_FALSE(time.Cancel(cancelled));
  time.Advance(20ms);
  EXPECT_EQ(at, (std::vector<Duration>{10ms, 15ms}));
  EXPECT_EQ(time.Now() - start, 20ms);
  EXPECT_EQ(time.UnixNow() - VirtualTime::kUnixStart, std::chrono::hours(1) + 20ms);
  EXPECT_EQ(time.pending(), 1u);
}

TEST(ThreadScheduler, RunsInOrderAndCancels) {
  const std::unique_ptr<Scheduler> scheduler = MakeThreadScheduler();
  Event done;
  std::string order;
  bool cancelled = false;
  // One work arms the others, so that none can be due before all are armed.
  scheduler->Post([&] {
    scheduler->After(2ms, [&] {
      order += 'b';
      cancelled = !scheduler->Cancel(0);
      done.Notify();
    });
    const TimerNumber never = scheduler->After(1ms, [&] { order += 'x'; });
    scheduler->After(0ms, [&] { order += 'a'; });
    EXPECT_TRUE(scheduler->Cancel(never));
  });
  ASSERT_TRUE(done.WaitFor(10'000'000));
  EXPECT_EQ(order, "ab");
  EXPECT_TRUE(cancelled);
}

TEST(ThreadScheduler, DropsWhatIsLeft) {
  auto alive = std::make_shared<int>(1);
  {
    const std::unique_ptr<Scheduler> scheduler = MakeThreadScheduler();
    scheduler->After(std::chrono::hours(1), [alive] {});
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

}  // namespace
}  // namespace cairn::cache
