// SPDX-License-Identifier: BSD-3-Clause
// When a script is trusted, and how much harder it gets each time it breaks that.
#include "scripting/trust.h"

#include <gtest/gtest.h>

namespace cairn::scripting {
namespace {

// How many good runs in a row make it trusted.
std::uint32_t RunsUntilTrusted(Trust& trust) {
  std::uint32_t runs = 0;
  for (; !trust.is_trusted(); ++runs) trust.NoteGoodRun();
  return runs;
}

TEST(Trust, IsEarnedInARow) {
  Trust trust;
  for (std::uint32_t i = 1; i < Trust::kTrustedAfter; ++i) trust.NoteGoodRun();
  EXPECT_FALSE(trust.is_trusted());
  trust.NoteStray();
  EXPECT_EQ(RunsUntilTrusted(trust), Trust::kTrustedAfter) << "one that had none loses none";
  trust.NoteGoodRun();
  EXPECT_TRUE(trust.is_trusted());
}

TEST(Trust, CostsTwiceAsMuchEachTimeItIsLostUpToALimit) {
  Trust trust;
  RunsUntilTrusted(trust);
  for (std::uint32_t wanted = 2 * Trust::kTrustedAfter; wanted < Trust::kTrustedAfterMax;
       wanted *= 2) {
    trust.NoteStray();
    EXPECT_EQ(RunsUntilTrusted(trust), wanted);
  }
  for (int i = 0; i < 2; ++i) {
    trust.NoteStray();
    EXPECT_EQ(RunsUntilTrusted(trust), Trust::kTrustedAfterMax);
  }
}

}  // namespace
}  // namespace cairn::scripting
