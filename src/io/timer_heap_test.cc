// SPDX-License-Identifier: BSD-3-Clause
// Goal: timers run in order, once, and cancelled ones never. Method: cases, and random operations
// against a std::multimap.
#include "io/timer_heap.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace cairn::io {
namespace {

TEST(TimerHeap, RunsByDeadlineThenByOrderOfAdding) {
  TimerHeap timers;
  std::string ran;
  for (const auto& [deadline, name] :
       std::vector<std::pair<int, char>>{{30, 'd'}, {10, 'a'}, {20, 'b'}, {20, 'c'}, {99, 'x'}}) {
    timers.Add(deadline, [&ran, name] { ran += name; });
  }
  EXPECT_EQ(timers.next_deadline(), 10);
  EXPECT_EQ(timers.RunDue(9), 0u);
  EXPECT_EQ(timers.RunDue(30), 4u);
  EXPECT_EQ(ran, "abcd");
  EXPECT_EQ(timers.size(), 1u);
}

TEST(TimerHeap, CancelledTimerIsGoneWithItsTask) {
  TimerHeap timers;
  auto held = std::make_shared<int>(1);
  const TimerId id = timers.Add(10, [held] { FAIL(); });
  EXPECT_EQ(held.use_count(), 2);
  EXPECT_TRUE(timers.Cancel(id));
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(timers.Cancel(id));
  EXPECT_EQ(timers.RunDue(100), 0u);
}

TEST(TimerHeap, StaleIdDoesNotCancelTheSlotsNextUser) {
  TimerHeap timers;
  int runs = 0;
  const TimerId first = timers.Add(1, [&] { ++runs; });
  timers.RunDue(1);
  const TimerId second = timers.Add(2, [&] { ++runs; });
  EXPECT_EQ(first.slot, second.slot);
  EXPECT_FALSE(timers.Cancel(first));
  EXPECT_FALSE(timers.Cancel(TimerId{}));
  timers.RunDue(2);
  EXPECT_EQ(runs, 2);
}

TEST(TimerHeap, TimerThatReArmsItselfWaitsForTheNextTurn) {
  TimerHeap timers;
  int runs = 0;
  std::function<void()> again = [&] {
    ++runs;
    timers.Add(0, [&] { again(); });
  };
  again();
  EXPECT_EQ(timers.RunDue(100), 1u);
  EXPECT_EQ(timers.RunDue(100), 1u);
  EXPECT_EQ(runs, 3);
}

TEST(TimerHeap, TimerMayCancelAnotherThatIsDue) {
  TimerHeap timers;
  TimerId second;
  timers.Add(1, [&] { EXPECT_TRUE(timers.Cancel(second)); });
  second = timers.Add(1, [] { FAIL(); });
  EXPECT_EQ(timers.RunDue(1), 1u);
}

TEST(TimerHeap, AgainstAModel) {
  constexpr std::uint64_t kSeed = 11;
  Random random(kSeed);
  TimerHeap timers;
  std::multimap<MonotonicUs, int> model;  // equal keys keep the order of insertion
  std::vector<std::pair<TimerId, int>> ids;
  std::vector<int> ran;
  MonotonicUs now = 0;
  for (int step = 0; step < 50'000; ++step) {
    const std::uint64_t dice = random.Below(10);
    if (dice < 6) {
      const MonotonicUs deadline = now + static_cast<MonotonicUs>(random.Below(500));
      ids.emplace_back(timers.Add(deadline, [&ran, step] { ran.push_back(step); }), step);
      model.emplace(deadline, step);
    } else if (dice < 8 && !ids.empty()) {
      const auto [id, name] = ids[random.Below(ids.size())];
      const auto found = std::find_if(model.begin(), model.end(),
                                      [&](const auto& entry) { return entry.second == name; });
      ASSERT_EQ(timers.Cancel(id), found != model.end()) << "seed " << kSeed;
      if (found != model.end()) model.erase(found);
    } else {
      now += static_cast<MonotonicUs>(random.Below(100));
      std::vector<int> expected;
      while (!model.empty() && model.begin()->first <= now) {
        expected.push_back(model.begin()->second);
        model.erase(model.begin());
      }
      ran.clear();
      timers.RunDue(now);
      ASSERT_EQ(ran, expected) << "seed " << kSeed;
      if (ids.size() > 500) ids.erase(ids.begin(), ids.end() - 500);
    }
    ASSERT_EQ(timers.size(), model.size());
  }
}

}  // namespace
}  // namespace cairn::io
