// SPDX-License-Identifier: BSD-3-Clause
// What of the output may go, step by step, and that a client who never stops is not starved.
#include "server/reply_hold.h"

#include <gtest/gtest.h>

namespace cairn::server {
namespace {

auto UpTo(std::uint64_t safe) {
  return [safe](Lsn position) { return position.value <= safe; };
}

TEST(ReplyHold, NothingWaitsAtFirst) { EXPECT_TRUE(ReplyHold().empty()); }

TEST(ReplyHold, WaitsForItsPosition) {
  ReplyHold hold;
  hold.Add(5, Lsn(100));
  EXPECT_EQ(hold.Release(UpTo(99)), 0U);
  EXPECT_FALSE(hold.empty());
  EXPECT_EQ(hold.Release(UpTo(100)), 5U);
  EXPECT_TRUE(hold.empty());
}

TEST(ReplyHold, MoreForTheSamePositionIsOnePart) {
  ReplyHold hold;
  hold.Add(5, Lsn(100));
  hold.Add(9, Lsn(100));
  EXPECT_EQ(hold.Release(UpTo(100)), 9U);
  EXPECT_TRUE(hold.empty());
}

TEST(ReplyHold, LaterPartsWaitForTheLastPosition) {
  ReplyHold hold;
  hold.Add(5, Lsn(100));
  hold.Add(9, Lsn(200));
  hold.Add(12, Lsn(300));
  EXPECT_EQ(hold.Release(UpTo(200)), 5U);
  hold.Consume(5);
  EXPECT_FALSE(hold.empty());
  EXPECT_EQ(hold.Release(UpTo(299)), 0U);
  EXPECT_EQ(hold.Release(UpTo(300)), 7U);
  EXPECT_TRUE(hold.empty());
}

TEST(ReplyHold, WhatIsFreeStaysFreeWhileTheSocketIsFull) {
  ReplyHold hold;
  hold.Add(10, Lsn(100));
  hold.Add(15, Lsn(200));
  EXPECT_EQ(hold.Release(UpTo(100)), 10U);
  hold.Consume(4);
  EXPECT_EQ(hold.Release(UpTo(100)), 6U);
  hold.Add(31, Lsn(300));
  hold.Consume(6);
  EXPECT_EQ(hold.Release(UpTo(200)), 5U);
  EXPECT_FALSE(hold.empty());
  hold.Consume(5);
  EXPECT_EQ(hold.Release(UpTo(300)), 20U);
}

// Each pass writes, each sync covers what was there when it began.
TEST(ReplyHold, WhoeverPipelinesWithoutEndIsAnswered) {
  ReplyHold hold;
  std::size_t pending = 0;
  std::uint64_t position = 0;
  std::uint64_t safe = 0;
  for (int pass = 0; pass < 100; ++pass) {
    const std::uint64_t sync_covers = position;
    for (int batch = 0; batch < 3; ++batch) {
      pending += 7;
      hold.Add(pending, Lsn(++position));
    }
    safe = sync_covers;
    const std::size_t sent = hold.Release(UpTo(safe));
    pending -= sent;
    hold.Consume(sent);
    EXPECT_LE(pending, 9 * 7U) << pass;
  }
}

}  // namespace
}  // namespace cairn::server
