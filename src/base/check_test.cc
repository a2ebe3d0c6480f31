// SPDX-License-Identifier: BSD-3-Clause
// CHECK and DCHECK: what they say and when they are there.
#include "base/check.h"

#include <gtest/gtest.h>

namespace cairn {
namespace {

TEST(CheckTest, PassesInSilence) {
  int evaluated = 0;
  CHECK(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

TEST(CheckDeathTest, SaysPlaceAndCondition) {
  EXPECT_DEATH(CHECK(1 + 1 == 3), "check_test.cc:[0-9]+: CHECK failed: 1 \\+ 1 == 3");
  EXPECT_DEATH(CheckFailed("file.cc", 1203, "reason"), "file.cc:1203: CHECK failed: reason");
}

TEST(CheckDeathTest, DcheckFollowsTheBuild) {
#ifdef NDEBUG
  DCHECK(false);
#else
  EXPECT_DEATH(DCHECK(false), "CHECK failed: false");
#endif
}

}  // namespace
}  // namespace cairn
