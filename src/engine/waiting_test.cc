// SPDX-License-Identifier: BSD-3-Clause
// Whose key goes while they wait: a reader of a group is told, by whatever its stream went; one who
// waits for elements waits on. Time alone makes no command, so there the keeper serves.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/replay_testing.h"

namespace cairn::engine {
namespace {

struct Way {
  const char* name;
  std::vector<ReplayArgs> commands;  // the clock then goes on by a second, and the keeper runs
  std::string answer;                // how it begins
};

TEST(Waiting, AGroupsReaderIsToldThatItsStreamIsGone) {
  const std::vector<Way> ways = {
      {"expired", {{"PEXPIRE", "x", "10"}}, "-NOGROUP"},
      {"deleted", {{"DEL", "x"}}, "-NOGROUP"},
      {"flushed", {{"FLUSHALL"}}, "-NOGROUP"},
      {"renamed", {{"RENAME", "x", "y"}}, "-NOGROUP"},
      {"overwritten", {{"SET", "x", "text"}}, "-WRONGTYPE"},
      {"group destroyed", {{"XGROUP", "DESTROY", "x", "g"}}, "-NOGROUP"},
      {"swapped away", {{"SWAPDB", "0", "1"}}, "-NOGROUP"},
      {"filled", {{"XADD", "x", "5-1", "f", "v"}}, "*1\r\n*2\r\n$1\r\nx\r\n"},
      {"filled and deleted at once",
       {{"MULTI"}, {"XADD", "x", "5-1", "f", "v"}, {"DEL", "x"}, {"EXEC"}},
       "-NOGROUP"},
      {"made larger elsewhere", {{"XADD", "other", "1-1", "f", "v"}}, ""},
      {"trimmed", {{"XTRIM", "x", "MAXLEN", "0"}}, ""},
  };
  for (const Way& way : ways) {
    SCOPED_TRACE(way.name);
    ManualClock clock(Twins::kStartUs);
    Engine engine({.clock = &clock, .with_keeper = false});
    WaitingClient reader(engine, 1);
    WaitingClient other(engine, 2);
    reader.Execute({"XADD", "x", "1-1", "f", "v"});
    reader.Execute({"XGROUP", "CREATE", "x", "g", "$"});
    EXPECT_EQ(reader.Execute({"XREADGROUP", "GROUP", "g", "me", "BLOCK", "0", "STREAMS", "x", ">"}),
              "");
    ASSERT_TRUE(reader.waits());
    for (const ReplayArgs& command : way.commands)
      EXPECT_NE(other.Execute(command)[0], '-') << command[0];
    clock.AdvanceMs(1000);
    while (engine.keeper().RunOnce()) {
    }
    EXPECT_EQ(reader.Answer().substr(0, way.answer.size()), way.answer) << reader.Answer();
    EXPECT_EQ(reader.waits(), way.answer.empty());
  }
}

TEST(Waiting, WhoWaitsForElementsWaitsOn) {
  ManualClock clock(Twins::kStartUs);
  Engine engine({.clock = &clock, .with_keeper = false});
  WaitingClient waiter(engine, 1);
  WaitingClient other(engine, 2);
  waiter.Execute({"BLPOP", "list", "0"});
  for (const ReplayArgs& args : std::vector<ReplayArgs>{{"SET", "list", "text", "PX", "10"},
                                                        {"DEL", "list"},
                                                        {"FLUSHALL"},
                                                        {"SADD", "list", "member"},
                                                        {"PEXPIRE", "list", "10"}}) {
    other.Execute(args);
    EXPECT_TRUE(waiter.waits()) << args[0];
  }
  clock.AdvanceMs(1000);
  while (engine.keeper().RunOnce()) {
  }
  EXPECT_TRUE(waiter.waits());
  other.Execute({"RPUSH", "list", "a", "b"});
  EXPECT_EQ(waiter.Answer(), "*2\r\n$4\r\nlist\r\n$1\r\na\r\n");
  EXPECT_EQ(other.Execute({"LLEN", "list"}), ":1\r\n");
}

}  // namespace
}  // namespace cairn::engine
