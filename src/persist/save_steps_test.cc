// SPDX-License-Identifier: BSD-3-Clause
// Steps are taken by whoever comes, one at a time, and only while they are offered.
#include "persist/save_steps.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "base/thread.h"

namespace cairn::persist {
namespace {

TEST(SaveSteps, AreTakenWhileTheyAreOffered) {
  SaveSteps steps;
  int taken = 0;
  const auto step = [&] { return ++taken % 3 != 0; };
  steps.Help();
  {
    const SaveSteps::Offer offer(steps, step);
    steps.Help();
    EXPECT_EQ(taken, 0) << "nobody wants help";
  }
  steps.set_wanted(true);
  steps.Help();
  EXPECT_EQ(taken, 0);
  {
    const SaveSteps::Offer offer(steps, step);
    steps.Help();
    EXPECT_EQ(taken, 3) << "until there is nothing to do";
  }
  steps.Help();
  EXPECT_EQ(taken, 3);
}

TEST(SaveSteps, AHelperStopsInTime) {
  SaveSteps steps;
  steps.set_wanted(true);
  const SystemClock clock;
  int taken = 0;
  const auto step = [&] {
    ++taken;
    for (const MonotonicUs end = clock.NowMonotonicUs() + SaveSteps::kHelpUs + 1;
         clock.NowMonotonicUs() < end;)
      continue;
    return true;
  };
  const SaveSteps::Offer offer(steps, step);
  steps.Help();
  EXPECT_EQ(taken, 1);
}

TEST(SaveSteps, AHelperWaitsForNobody) {
  SaveSteps steps;
  steps.set_wanted(true);
  int taken = 0;
  const auto step = [&] { return ++taken < 0; };
  const SaveSteps::Offer offer(steps, step);
  {
    const MutexLock hold(steps.mu());
    Thread helper("helper", [&] { steps.Help(); });
    helper.Join();
    EXPECT_EQ(taken, 0);
  }
  steps.Help();
  EXPECT_EQ(taken, 1);
}

TEST(SaveSteps, TheSaverRestsWhileOthersAreAtIt) {
  SaveSteps steps;
  steps.set_wanted(true);
  bool is_left = true;
  const auto step = [&] {
    if (is_left) steps.Wake();
    return false;
  };
  const SaveSteps::Offer offer(steps, step);
  EXPECT_FALSE(steps.Rest()) << "nobody has come";
  steps.Help();
  EXPECT_TRUE(steps.Rest());
  EXPECT_FALSE(steps.Rest()) << "nobody has come since";
  is_left = false;
  steps.Help();
  const SystemClock clock;
  const MonotonicUs begin_us = clock.NowMonotonicUs();
  EXPECT_FALSE(steps.Rest());
  EXPECT_GE(clock.NowMonotonicUs() - begin_us, SaveSteps::kRestUs) << "nothing was left to it";
}

TEST(SaveSteps, OneThreadIsAtIt) {
  SaveSteps steps;
  steps.set_wanted(true);
  std::atomic<int> inside{0};
  int taken = 0;  // no two at once: ThreadSanitizer would see it
  const auto step = [&] {
    EXPECT_EQ(inside.fetch_add(1), 0);
    ++taken;
    inside.fetch_sub(1);
    return taken % 7 != 0;
  };
  std::atomic<bool> stop{false};
  std::vector<Thread> helpers;
  for (int i = 0; i < 3; ++i) {
    helpers.emplace_back("helper", [&] {
      while (!stop.load()) steps.Help();
    });
  }
  for (int round = 0; round < 100 || steps.steps_helped() < 100; ++round) {
    const SaveSteps::Offer offer(steps, step);
    for (int i = 0; i < 5; ++i) {
      steps.Rest();
      const MutexLock hold(steps.mu());
      step();
    }
  }
  stop.store(true);
  for (Thread& helper : helpers) helper.Join();
  EXPECT_GE(taken, 600) << "five a round, and the helpers'";
}

}  // namespace
}  // namespace cairn::persist
