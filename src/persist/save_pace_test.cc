// SPDX-License-Identifier: BSD-3-Clause
// It rests when it has run for a while, others were served, and writers do not wait for it.
#include "persist/save_pace.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace cairn::persist {
namespace {

class SavePaceTest : public ::testing::Test {
 protected:
  // Whether a rest falls due among as many steps as lie between two looks.
  bool IsDue() {
    bool is_due = false;
    for (unsigned i = 0; i < SavePace::kStepsPerLook; ++i) is_due |= pace_.Step();
    return is_due;
  }

  ManualClock clock_{0};
  keyspace::CutBacklog backlog_;
  std::uint64_t served_ = 0;
  const SavePace::Served ask_ = [this] { return served_; };
  SavePace pace_{clock_, ask_, backlog_};
};

TEST_F(SavePaceTest, RestsOnceAfterAWhileInWhichSomebodyWasServed) {
  served_ = 1;
  EXPECT_FALSE(IsDue()) << "no time has passed";
  clock_.AdvanceMs(1);
  EXPECT_TRUE(IsDue());
  pace_.Rested();
  served_ = 2;
  EXPECT_FALSE(IsDue()) << "it has just rested";
  clock_.AdvanceMs(1);
  EXPECT_TRUE(IsDue());
}

TEST_F(SavePaceTest, GoesOnWhereNobodyIsServed) {
  for (int i = 0; i < 10; ++i) {
    clock_.AdvanceMs(1);
    EXPECT_FALSE(IsDue());
  }
}

TEST_F(SavePaceTest, GoesOnWhileWritersWaitForIt) {
  backlog_.Add(keyspace::CutBacklog::kBytesMax + 1);
  served_ = 1;
  clock_.AdvanceMs(1);
  EXPECT_FALSE(IsDue());
  backlog_.Remove(1);
  served_ = 2;
  clock_.AdvanceMs(1);
  EXPECT_TRUE(IsDue());
}

TEST_F(SavePaceTest, NeverRestsWithNobodyToAsk) {
  const SavePace::Served nobody;
  SavePace pace(clock_, nobody, backlog_);
  clock_.AdvanceMs(1);
  for (unsigned i = 0; i < 10 * SavePace::kStepsPerLook; ++i) ASSERT_FALSE(pace.Step());
}

}  // namespace
}  // namespace cairn::persist
