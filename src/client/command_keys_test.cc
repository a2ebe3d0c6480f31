// SPDX-License-Identifier: BSD-3-Clause
// Where keys stand, and commands of several slots.
#include "client/command_keys.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cairn::client {
namespace {

using cache::Command;
using cache::Errc;
using cache::Replies;
using cache::Reply;

TEST(CommandKeys, SlotOfTheFirstKey) {
  const int slot = SlotOfKey("{k}");
  EXPECT_EQ(SlotOfKey("a{k}b"), slot);
  for (const Command& command :
       {Command("GET", "{k}"), Command("eval", "return 1", 1, "{k}"), Command("ZUNION", 1, "{k}"),
        Command("BLMPOP", 0, 1, "{k}", "LEFT"), Command("XREAD", "COUNT", 1, "STREAMS", "{k}", 0),
        Command("OBJECT", "ENCODING", "{k}"), Command("BITOP", "AND", "{k}", "x"),
        Command("CACHE.GET", "{k}"), Command("SDIFF", "{k}")}) {
    EXPECT_EQ(SlotOf(command), slot) << command[0];
  }
  for (const Command& command : {Command("PING"), Command("INFO", "{k}"), Command("GET"),
                                 Command("EVAL", "return 1", 0, "{k}")}) {
    EXPECT_EQ(SlotOf(command), -1) << command[0];
  }
}

TEST(SlotSplit, PartsAndValues) {
  const Command mget("MGET", "{a}1", "{b}1", "{a}2", "{a}1");
  ASSERT_TRUE(MaySpanSlots(mget));
  const SlotSplit split(mget);
  ASSERT_EQ(split.parts().size(), 2u);
  EXPECT_EQ(split.parts()[0].command.size(), 4u);
  Replies replies;
  replies.emplace_back(
      Reply::Aggregate(Reply::Type::kArray, {Reply::Text("1"), Reply::Null(), Reply::Text("4")}));
  replies.emplace_back(Reply::Aggregate(Reply::Type::kArray, {Reply::Text("2")}));
  const auto merged = split.Merge(std::move(replies));
  EXPECT_EQ(*merged, Reply::Aggregate(Reply::Type::kArray, {Reply::Text("1"), Reply::Text("2"),
                                                            Reply::Null(), Reply::Text("4")}));
}

TEST(SlotSplit, CountsAndFailures) {
  const SlotSplit split(Command("DEL", "{a}", "{b}"));
  Replies good;
  good.emplace_back(Reply::Integer(1));
  good.emplace_back(Reply::Integer(2));
  EXPECT_EQ(split.Merge(std::move(good))->AsInteger().value(), 3);
  Replies half;
  half.emplace_back(Reply::Integer(1));
  half.emplace_back(cache::Fail(Errc::kUnreachable, "gone"));
  const auto failed = split.Merge(std::move(half));
  EXPECT_EQ(failed.error().code, Errc::kUnreachable);
  EXPECT_TRUE(failed.error().may_have_applied);
  EXPECT_FALSE(MaySpanSlots(Command("DEL", "a")));
  EXPECT_FALSE(MaySpanSlots(Command("MSET", "a", 1, "b")));
}

}  // namespace
}  // namespace cairn::client
