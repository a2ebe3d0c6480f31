// SPDX-License-Identifier: BSD-3-Clause
// Limits of what clients can make the command layer keep: a transaction's queue and the lane's.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "command/lane.h"
#include "command/runner.h"
#include "command/transaction.h"

namespace cairn::command {
namespace {

constexpr Spec kSpecs[] = {
    Spec({.syntax = "NAP",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kReadonly,
          .complexity = "O(1)",
          .summary = "Nothing.",
          .run = [](Call& call) { call.reply().Ok(); }}),
};

class LimitsTest : public ::testing::Test {
 protected:
  ManualClock clock_{1'700'000'000'000'000};
  keyspace::Keyspace keyspace_{clock_, {}};
  const CommandTable table_{std::vector<std::span<const Spec>>{kSpecs}};
  Shared shared_{.keyspace = keyspace_, .table = table_, .gates = {}};
};

TEST_F(LimitsTest, ATransactionsQueue) {
  const CommandTable::Command& command = *table_.Find("NAP");
  const std::string text(100, 'x');
  const std::string_view args[] = {"NAP", text};
  Transaction measured(keyspace_);
  ASSERT_TRUE(measured.Add(command, OwnedArgs(args)));
  const std::size_t each = measured.bytes();
  EXPECT_GE(each, text.size());
  Transaction transaction(keyspace_, 3 * each);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(transaction.Add(command, OwnedArgs(args))) << i;
  EXPECT_FALSE(transaction.Add(command, OwnedArgs(args)));
  transaction.Discard();
  EXPECT_EQ(transaction.bytes(), 0u);
  EXPECT_TRUE(transaction.Add(command, OwnedArgs(args)));
}

TEST_F(LimitsTest, TheLanesQueue) {
  Lane lane(shared_);
  for (std::size_t i = 0; i < Lane::kQueueMax; ++i)
    ASSERT_TRUE(lane.Reserve(LaneWork::kHeavy)) << i;
  EXPECT_FALSE(lane.Reserve(LaneWork::kHeavy));
  EXPECT_EQ(lane.pending(), Lane::kQueueMax);
}

TEST_F(LimitsTest, TheLanesQueueForPeers) {
  Lane lane(shared_);
  for (std::size_t i = 0; i < Lane::kPeerQueueMax; ++i)
    ASSERT_TRUE(lane.Reserve(LaneWork::kForPeers)) << i;
  EXPECT_FALSE(lane.Reserve(LaneWork::kForPeers));
  EXPECT_TRUE(lane.Reserve(LaneWork::kHeavy));
  EXPECT_EQ(lane.pending(), 1u);
}

}  // namespace
}  // namespace cairn::command
