// SPDX-License-Identifier: BSD-3-Clause
// SlowLog: order, bounds and what is kept of the arguments.
#include "server/slow_log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cairn::server {
namespace {

SlowEntry Taking(std::int64_t duration_us) {
  SlowEntry entry;
  entry.duration_us = duration_us;
  return entry;
}

std::vector<std::string> KeptOf(std::vector<std::string_view> args) {
  SlowLog log;
  log.Add(args, Taking(1));
  return log.Newest(1).at(0).args;
}

TEST(SlowLog, GivesTheNewestFirstWithRisingIds) {
  SlowLog log;
  const std::string_view args[] = {"GET", "k"};
  for (int i = 0; i < 3; ++i) log.Add(args, Taking(i));
  const std::vector<SlowEntry> newest = log.Newest(2);
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest[0].id, 2);
  EXPECT_EQ(newest[0].duration_us, 2);
  EXPECT_EQ(newest[1].id, 1);
  EXPECT_EQ(log.Newest(static_cast<std::size_t>(-1)).size(), 3u);
}

TEST(SlowLog, KeepsNoMoreThanItsLimitAndShrinksWithIt) {
  SlowLog log;
  const std::string_view args[] = {"PING"};
  log.SetLengthMax(4);
  for (int i = 0; i < 10; ++i) log.Add(args, Taking(i));
  EXPECT_EQ(log.length(), 4u);
  log.SetLengthMax(2);
  EXPECT_EQ(log.length(), 2u);
  EXPECT_EQ(log.Newest(10).at(0).id, 9);
  log.SetLengthMax(0);
  log.Add(args, Taking(1));
  EXPECT_EQ(log.length(), 0u);
}

TEST(SlowLog, ResetForgetsEntriesButNotTheirNumbers) {
  SlowLog log;
  const std::string_view args[] = {"PING"};
  log.Add(args, Taking(1));
  log.Reset();
  EXPECT_EQ(log.length(), 0u);
  log.Add(args, Taking(1));
  EXPECT_EQ(log.Newest(1).at(0).id, 1);
}

TEST(SlowLog, KeepsAnArgumentUpToTheLimitWhole) {
  const std::string fits(SlowLog::kArgBytesMax, 'x');
  EXPECT_EQ(KeptOf({"SET", fits}).at(1), fits);
  const std::string longer = fits + "yz";
  EXPECT_EQ(KeptOf({"SET", longer}).at(1), fits + "... (2 more bytes)");
}

TEST(SlowLog, KeepsAsManyArgumentsAsTheLimitAndSaysHowManyMoreThereWere) {
  std::vector<std::string_view> args(SlowLog::kArgsMax, "a");
  EXPECT_EQ(KeptOf(args).size(), SlowLog::kArgsMax);
  EXPECT_EQ(KeptOf(args).back(), "a");
  args.push_back("a");
  EXPECT_EQ(KeptOf(args).size(), SlowLog::kArgsMax);
  EXPECT_EQ(KeptOf(args).back(), "... (2 more arguments)");
}

}  // namespace
}  // namespace cairn::server
