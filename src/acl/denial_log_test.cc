// SPDX-License-Identifier: BSD-3-Clause
// Grouping, order and length of what was refused.
#include "acl/denial_log.h"

#include <gtest/gtest.h>

namespace cairn::acl {
namespace {

using command::DenialReason;

DenialEntry Entry(std::string object, UnixMs at_ms) {
  return {.reason = DenialReason::kKey,
          .object = std::move(object),
          .user = "alice",
          .created_ms = at_ms,
          .updated_ms = at_ms};
}

TEST(DenialLog, CountsTheSameWithinAMinute) {
  DenialLog log;
  log.Add(Entry("a", 1'000), 10);
  log.Add(Entry("b", 2'000), 10);
  log.Add(Entry("a", 61'000), 10);
  std::vector<DenialEntry> entries = log.Newest(10);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].object, "a");
  EXPECT_EQ(entries[0].count, 2);
  EXPECT_EQ(entries[0].id, 0);
  EXPECT_EQ(entries[0].created_ms, 1'000);
  EXPECT_EQ(entries[0].updated_ms, 61'000);
  // A minute after the last one, not the first.
  log.Add(Entry("a", 121'000), 10);
  log.Add(Entry("b", 62'001), 10);
  entries = log.Newest(10);
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].id, 2);
  EXPECT_EQ(entries[1].count, 3);
  EXPECT_EQ(log.CountOf(DenialReason::kKey), 5);
}

TEST(DenialLog, LooksThroughTheFirstTenOnly) {
  DenialLog log;
  for (int i = 0; i < 11; ++i) log.Add(Entry(std::to_string(i), 0), 100);
  log.Add(Entry("1", 0), 100);
  log.Add(Entry("0", 0), 100);
  const std::vector<DenialEntry> entries = log.Newest(100);
  ASSERT_EQ(entries.size(), 12u);
  EXPECT_EQ(entries[0].count, 1);
  EXPECT_EQ(entries[1].count, 2);
}

TEST(DenialLog, IsNoLongerThanItMayBe) {
  DenialLog log;
  for (int i = 0; i < 50; ++i) log.Add(Entry(std::to_string(i), 0), 5);
  EXPECT_EQ(log.Newest(100).size(), 5u);
  EXPECT_EQ(log.Newest(2).size(), 2u);
  EXPECT_EQ(log.Newest(2)[0].object, "49");
  log.Add(Entry("x", 0), 0);
  EXPECT_TRUE(log.Newest(100).empty());
  EXPECT_EQ(log.CountOf(DenialReason::kKey), 51);
  log.Add(Entry(std::string(1'000'000, 'x'), 0), 5);
  EXPECT_EQ(log.Newest(1)[0].object.size(), DenialLog::kTextBytesMax);
  log.Reset();
  EXPECT_TRUE(log.Newest(100).empty());
}

}  // namespace
}  // namespace cairn::acl
