// SPDX-License-Identifier: BSD-3-Clause
// Every time is kept exactly, near or far; walks agree with a plain vector.
#include "ds/expiry_column.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"

namespace cairn::ds {
namespace {

constexpr std::uint32_t kSlots = 63 * 7;
constexpr UnixMs kNearEnd = kExpiryEpochMs + (UnixMs{1} << 40);

const UnixMs kNearTimes[] = {kExpiryEpochMs, kExpiryEpochMs + 1, 1717000000123, kNearEnd - 2};
const UnixMs kFarTimes[] = {kNearEnd - 1,  kNearEnd,  kNearEnd + 1,  kExpiryEpochMs - 1, 0, -1, 1,
                            INT64_MAX - 1, INT64_MIN, INT64_MIN + 1, 253402300799000};

TEST(ExpiryColumn, UntouchedHasNoTimesAndNoMemory) {
  ExpiryColumn column;
  EXPECT_EQ(column.Get(kSlots, 0), kNever);
  EXPECT_EQ(column.MemoryBytes(kSlots), 0u);
  EXPECT_EQ(column.Earliest(kSlots), kNever);
  EXPECT_EQ(column.NextExpired(kSlots, 0, INT64_MAX - 1), kSlots);
  EXPECT_EQ(column.NextTimed(kSlots, 0), kSlots);
  EXPECT_FALSE(column.Clear(kSlots, 3));
}

TEST(ExpiryColumn, NearTimesTakeFiveBytesASlot) {
  ExpiryColumn column;
  for (std::uint32_t i = 0; i < std::size(kNearTimes); ++i) {
    EXPECT_TRUE(column.Set(kSlots, i, kNearTimes[i]));
    EXPECT_FALSE(column.Set(kSlots, i, kNearTimes[i]));
  }
  for (std::uint32_t i = 0; i < std::size(kNearTimes); ++i) {
    EXPECT_EQ(column.Get(kSlots, i), kNearTimes[i]);
  }
  EXPECT_EQ(column.block_count(), 1);
  EXPECT_LE(column.MemoryBytes(kSlots), 2560u);
  column.Release();
  EXPECT_EQ(column.MemoryBytes(kSlots), 0u);
}

TEST(ExpiryColumn, FarTimesAreExactBesideNearOnes) {
  for (const UnixMs far : kFarTimes) {
    SCOPED_TRACE(far);
    ExpiryColumn column;
    column.Set(kSlots, 0, kNearTimes[2]);
    EXPECT_TRUE(column.Set(kSlots, 5, far));
    EXPECT_EQ(column.block_count(), 2);
    EXPECT_EQ(column.Get(kSlots, 5), far);
    EXPECT_EQ(column.Get(kSlots, 0), kNearTimes[2]);
    EXPECT_EQ(column.Get(kSlots, 1), kNever);
    EXPECT_EQ(column.Earliest(kSlots), std::min(far, kNearTimes[2]));
    EXPECT_TRUE(column.Clear(kSlots, 5));
    EXPECT_FALSE(column.Clear(kSlots, 5));
    EXPECT_EQ(column.Get(kSlots, 5), kNever);
    column.Release();
  }
}

// The first far time may come into a column where the near "no time" pattern is everywhere.
TEST(ExpiryColumn, TopBlockKeepsFreeSlotsFree) {
  ExpiryColumn column;
  column.Set(kSlots, 7, INT64_MAX - 1);
  for (std::uint32_t i = 0; i < kSlots; ++i) {
    EXPECT_EQ(column.Get(kSlots, i), i == 7 ? INT64_MAX - 1 : kNever);
  }
  EXPECT_EQ(column.NextTimed(kSlots, 0), 7u);
  EXPECT_EQ(column.NextExpired(kSlots, 0, INT64_MAX - 2), kSlots);
  EXPECT_EQ(column.NextExpired(kSlots, 0, INT64_MAX - 1), 7u);
  column.Release();
}

TEST(ExpiryColumn, NothingButTimesExpiresAtTheEndOfTime) {
  ExpiryColumn column;
  column.Set(kSlots, 3, kNearEnd - 2);
  EXPECT_EQ(column.NextExpired(kSlots, 0, INT64_MAX - 1), 3u);
  EXPECT_EQ(column.NextExpired(kSlots, 4, INT64_MAX - 1), kSlots);
  EXPECT_EQ(column.NextExpired(kSlots, 0, kNearEnd - 3), kSlots);
  EXPECT_EQ(column.NextExpired(kSlots, 0, -5), kSlots);
  column.Release();
}

UnixMs RandomTime(Random& random, std::uint64_t far_in_256) {
  if (random.Below(256) < far_in_256) return kFarTimes[random.Below(std::size(kFarTimes))];
  return kExpiryEpochMs + static_cast<UnixMs>(random.Below(1000));
}

void CompareWalks(const ExpiryColumn& column, const std::vector<UnixMs>& model, UnixMs now) {
  const auto slots = static_cast<std::uint32_t>(model.size());
  std::vector<std::uint32_t> expired;
  for (std::uint32_t i = column.NextExpired(slots, 0, now); i < slots;
       i = column.NextExpired(slots, i + 1, now)) {
    expired.push_back(i);
  }
  std::vector<std::uint32_t> expected;
  for (std::uint32_t i = 0; i < slots; ++i) {
    if (model[i] <= now && model[i] != kNever) expected.push_back(i);
  }
  ASSERT_EQ(expired, expected);
  ASSERT_EQ(column.Earliest(slots), *std::min_element(model.begin(), model.end()));
}

TEST(ExpiryColumn, RandomUseMatchesModel) {
  for (const std::uint32_t slots : {7u, 21u, 49u, kSlots}) {
    for (const std::uint64_t far_in_256 : {0u, 3u}) {
      const std::uint64_t seed = slots * 2 + far_in_256;
      SCOPED_TRACE(seed);
      Random random(seed);
      ExpiryColumn column;
      std::vector<UnixMs> model(slots, kNever);
      for (int step = 0; step < 5000; ++step) {
        const auto slot = static_cast<std::uint32_t>(random.Below(slots));
        const bool had_time = model[slot] != kNever;
        if (random.Below(2) == 0) {
          model[slot] = RandomTime(random, far_in_256);
          ASSERT_EQ(column.Set(slots, slot, model[slot]), !had_time);
        } else {
          model[slot] = kNever;
          ASSERT_EQ(column.Clear(slots, slot), had_time);
        }
        ASSERT_EQ(column.Get(slots, slot), model[slot]);
        if (step % 16 == 0) CompareWalks(column, model, RandomTime(random, 16));
      }
      column.Release();
    }
  }
}

}  // namespace
}  // namespace cairn::ds
