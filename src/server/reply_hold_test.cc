// SPDX-License-Identifier: BSD-3-Clause
// What of the output may go, step by step, and that a client who never stops is not starved.
#include "server/reply_hold.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace cairn::server {
namespace {

auto UpTo(std::uint64_t safe) {
  return [safe](Lsn position) { return position.value <= safe; };
}

TEST(ReplyHold, NothingWaitsAtFirst) { EXPECT_TRUE(ReplyHold().empty()); }

// Either so many bytes are pending now, which wait for a position; or the log is safe up to one,
// and so many bytes may go, which are sent.
struct Step {
  enum class Kind : std::uint8_t { kWaits, kGoes } kind;
  std::size_t bytes;
  std::uint64_t position;
};
constexpr Step Waits(std::size_t bytes, std::uint64_t position) {
  return {Step::Kind::kWaits, bytes, position};
}
constexpr Step Goes(std::size_t bytes, std::uint64_t position) {
  return {Step::Kind::kGoes, bytes, position};
}

// Nothing waits behind the last step.
TEST(ReplyHold, WaitsForItsPosition) {
  const struct {
    const char* name;
    std::vector<Step> steps;
  } rows[] = {
      {"one part", {Waits(5, 100), Goes(0, 99), Goes(5, 100)}},
      {"more for the same position is one part", {Waits(5, 100), Waits(9, 100), Goes(9, 100)}},
      {"later parts wait for the last position",
       {Waits(5, 100), Waits(9, 200), Waits(12, 300), Goes(5, 200), Goes(0, 299), Goes(7, 300)}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    ReplyHold hold;
    for (const Step& step : row.steps) {
      if (step.kind == Step::Kind::kWaits) {
        hold.Add(step.bytes, Lsn(step.position));
      } else {
        EXPECT_EQ(hold.Release(UpTo(step.position)), step.bytes) << step.position;
        hold.Consume(step.bytes);
      }
      EXPECT_EQ(hold.empty(), &step == &row.steps.back()) << step.position;
    }
  }
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
