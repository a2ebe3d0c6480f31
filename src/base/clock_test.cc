// SPDX-License-Identifier: BSD-3-Clause
// The clock that stands still and the one that does not.
#include "base/clock.h"

#include <gtest/gtest.h>

namespace cairn {
namespace {

TEST(ClockTest, ManualClockStandsStillUntilTold) {
  ManualClock clock(1'700'000'000'123'456);
  EXPECT_EQ(clock.NowUnixUs(), 1'700'000'000'123'456);
  EXPECT_EQ(clock.NowUnixMs(), 1'700'000'000'123);
  clock.AdvanceMs(877);
  EXPECT_EQ(clock.NowUnixUs(), 1'700'000'001'000'456);
  EXPECT_EQ(clock.NowMonotonicUs(), clock.NowUnixUs());
}

TEST(ClockTest, SystemClockTellsTheTime) {
  const SystemClock clock;
  const UnixMs year_2024 = 1'704'067'200'000;
  const UnixMs year_2200 = 7'258'118'400'000;
  EXPECT_GT(clock.NowUnixMs(), year_2024);
  EXPECT_LT(clock.NowUnixMs(), year_2200);
}

TEST(ClockTest, MonotonicTimeNeverGoesBack) {
  const SystemClock clock;
  MonotonicUs last = clock.NowMonotonicUs();
  for (int i = 0; i < 10'000; ++i) {
    const MonotonicUs now = clock.NowMonotonicUs();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(ClockTest, CyclesHaveAPlausibleRate) {
  const double cycles_per_us = MeasureCyclesPerUs();
  EXPECT_GT(cycles_per_us, 100);
  EXPECT_LT(cycles_per_us, 20'000);
}

}  // namespace
}  // namespace cairn
