// SPDX-License-Identifier: BSD-3-Clause
// What is known of commands by their names.
#include "client/command_class.h"

#include <gtest/gtest.h>

#include <vector>

namespace cairn::client {
namespace {

using cache::Command;

TEST(CommandClass, Kinds) {
  struct Row {
    Command command;
    CommandKind kind;
  };
  for (const Row& row :
       std::vector<Row>{{Command("get", "k"), CommandKind::kIdempotent},
                        {Command("SET", "k", "v"), CommandKind::kOther},
                        {Command("zrevrangebyscore", "k"), CommandKind::kIdempotent},
                        {Command("NOSUCHCOMMANDWITHAVERYLONGNAMEINDEED"), CommandKind::kOther},
                        {Command("Select", 1), CommandKind::kConnection},
                        {Command("CLIENT", "tracking", "on"), CommandKind::kConnection},
                        {Command("CLIENT", "LIST"), CommandKind::kOther},
                        {Command("SUBSCRIBE", "a"), CommandKind::kSubscribing},
                        {Command(), CommandKind::kOther}}) {
    EXPECT_EQ(ClassOf(row.command).kind, row.kind) << (row.command.empty() ? "" : row.command[0]);
  }
}

TEST(CommandClass, Waiting) {
  EXPECT_TRUE(ClassOf(Command("blpop", "k", 0)).waits);
  EXPECT_FALSE(ClassOf(Command("XREAD", "COUNT", 1, "STREAMS", "k", 0)).waits);
  EXPECT_TRUE(ClassOf(Command("XREAD", "block", 0, "STREAMS", "k", 0)).waits);
  EXPECT_TRUE(ClassOf(Command("CACHE.GET", "k", "LEASE", 100, "WAIT", 50)).waits);
  EXPECT_TRUE(ClassOf(Command("CACHE.BARRIER", "log", "UNTIL", "1-1", "WAIT", 50)).waits);
  EXPECT_FALSE(ClassOf(Command("CACHE.BARRIER", "log")).waits);
  EXPECT_FALSE(ClassOf(Command("GET", "WAIT")).waits);
  EXPECT_TRUE(Waits(Command("GET", "k"), cache::Waits::kYes));
  EXPECT_FALSE(Waits(Command("BLPOP", "k", 0), cache::Waits::kNo));
}

TEST(CommandClass, HowLongTheyWait) {
  using namespace std::chrono_literals;
  EXPECT_EQ(OwnWait(Command("BLPOP", "k", "0.5")), 500ms);
  EXPECT_EQ(OwnWait(Command("BZMPOP", 2, 1, "k", "MIN")), 2s);
  EXPECT_EQ(OwnWait(Command("XREAD", "BLOCK", 70, "STREAMS", "k", "$")), 70ms);
  EXPECT_EQ(OwnWait(Command("BRPOP", "k", 0)), 0s);
  EXPECT_EQ(OwnWait(Command("BRPOP", "k", "x")), std::nullopt);
  EXPECT_EQ(OwnWait(Command("BRPOP", "k", "1e300")), std::nullopt);
  EXPECT_EQ(OwnWait(Command("GET", "k")), std::nullopt);
}

TEST(CommandClass, WhatFits) {
  EXPECT_TRUE(CheckFitsClient(Command("GET", "k")));
  EXPECT_FALSE(CheckFitsClient(Command()));
  EXPECT_FALSE(CheckFitsClient(Command("MULTI")));
  EXPECT_TRUE(CheckFitsConnection(Command("MULTI")));
  EXPECT_FALSE(CheckFitsConnection(Command("SUBSCRIBE", "a")));
}

// What a near cache would keep for ever, or what holds up all behind it on the tracked connection.
TEST(CommandClass, WhatMayBeKept) {
  for (const Command& command :
       {Command("get", "k"), Command("HMGET", "k", "f"), Command("ZRANGE", "k", 0, -1),
        Command("CACHE.GET", "k", "LEASE", 100, "WITHTAGS"), Command("EXPIRETIME", "k")})
    EXPECT_TRUE(CheckMayBeKept(command, Scripts::kRefused)) << command[0];
  for (const Command& command :
       {Command(), Command("SET", "k", "v"), Command("GETDEL", "k"), Command("GETEX", "k"),
        Command("TTL", "k"), Command("SRANDMEMBER", "k"), Command("RANDOMKEY"), Command("SCAN", 0),
        Command("TIME"), Command("OBJECT", "IDLETIME", "k"), Command("SORT_RO", "k"),
        Command("EVAL_RO", "return 1", 0), Command("EVALSHA", "x", 0), Command("SELECT", 1),
        Command("SUBSCRIBE", "a"), Command("BLPOP", "k", 0),
        Command("CACHE.GET", "k", "LEASE", 100, "WAIT", 50), Command("CACHE.SET", "k", "v")}) {
    const cache::Result<void> may = CheckMayBeKept(command, Scripts::kRefused);
    EXPECT_EQ(may ? cache::Errc::kServer : may.error().code, cache::Errc::kInvalid)
        << (command.empty() ? "" : command[0]);
  }
  EXPECT_TRUE(CheckMayBeKept(Command("EVALSHA", "x", 1, "k"), Scripts::kTaken));
  EXPECT_FALSE(CheckMayBeKept(Command("SET", "k", "v"), Scripts::kTaken));
}

}  // namespace
}  // namespace cairn::client
