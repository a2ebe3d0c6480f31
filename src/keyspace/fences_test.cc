// SPDX-License-Identifier: BSD-3-Clause
// Fences grow: whatever the clock does, whoever draws, and whatever files were loaded.
#include "keyspace/fences.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/thread.h"

namespace cairn::keyspace {
namespace {

constexpr UnixMs kNowMs = 1'700'000'000'000;

TEST(Fences, FollowTheClockAndNeverGoBack) {
  Fences fences;
  EXPECT_EQ(fences.last(), 0);
  EXPECT_EQ(fences.Draw(kNowMs), kNowMs * 1000);
  EXPECT_EQ(fences.Draw(kNowMs), kNowMs * 1000 + 1);
  EXPECT_EQ(fences.Draw(kNowMs - 5000), kNowMs * 1000 + 2);
  EXPECT_EQ(fences.Draw(kNowMs + 1), (kNowMs + 1) * 1000);
}

TEST(Fences, GoOnAboveWhatFilesName) {
  Fences fences;
  fences.ExceedLoaded((kNowMs - 10) * 1000, kNowMs);
  EXPECT_EQ(fences.Draw(kNowMs), kNowMs * 1000);  // the clock has gone on
  Fences behind;
  behind.ExceedLoaded((kNowMs + 10) * 1000, kNowMs);
  EXPECT_GT(behind.Draw(kNowMs), (kNowMs + 10) * 1000 + Fences::kLostUsMax);
  fences.Exceed(5);
  EXPECT_EQ(fences.last(), kNowMs * 1000);
  fences.Exceed((kNowMs + 7) * 1000);
  EXPECT_EQ(fences.Draw(kNowMs), (kNowMs + 7) * 1000 + 1);
}

TEST(Fences, AreDrawnOnceByManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kDraws = 20'000;
  Fences fences;
  std::vector<std::vector<std::int64_t>> drawn(kThreads);
  std::vector<Thread> threads;
  for (std::vector<std::int64_t>& mine : drawn) {
    threads.emplace_back("draws", [&fences, &mine] {
      for (int i = 0; i < kDraws; ++i) mine.push_back(fences.Draw(kNowMs));
    });
  }
  for (Thread& thread : threads) thread.Join();
  std::vector<std::int64_t> all;
  for (const std::vector<std::int64_t>& mine : drawn) {
    EXPECT_TRUE(std::ranges::is_sorted(mine));
    all.insert(all.end(), mine.begin(), mine.end());
  }
  std::ranges::sort(all);
  EXPECT_TRUE(std::ranges::adjacent_find(all) == all.end());
  EXPECT_EQ(all.back(), kNowMs * 1000 + kThreads * kDraws - 1);
}

}  // namespace
}  // namespace cairn::keyspace
