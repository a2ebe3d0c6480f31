// SPDX-License-Identifier: BSD-3-Clause
// Who is told BUSY while a script is slow, and who goes on.
#include "scripting/busy_gate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "scripting/script_kill.h"
#include "scripting/scripting_testing.h"

namespace cairn::scripting {
namespace {

std::string ErrorReply(std::string_view text) { return "-" + std::string(text) + "\r\n"; }

// Runs a slow script, and `beside` once while it runs.
void WhileSlow(ScriptBench& bench, std::string_view text, const std::function<void()>& beside) {
  int count = 0;
  bench.MakeTimeFly();
  bench.meanwhile = [&] {
    if (count++ == 0) beside();
  };
  const std::string reply = bench.Eval(text);
  EXPECT_EQ(reply[0], '$') << reply;
  EXPECT_GT(count, 0) << "the script was not slow";
}

constexpr std::string_view kLooks =
    "redis.call('LOOK',KEYS[1]) redis.call('LOOK',KEYS[1]) "
    "return 'done'";

TEST(BusyGate, NobodyIsToldWhileNoScriptIsSlow) {
  ScriptBench bench;
  EXPECT_EQ(bench.Eval(kLooks), "$4\r\ndone\r\n");
  EXPECT_EQ(bench.RunBeside({"LOOK", ScriptBench::kKey}), "$-1\r\n");
  EXPECT_EQ(bench.RunBeside({"ALL"}), "+OK\r\n");
}

TEST(BusyGate, OnlyWhoNeedsItsStripesIsTold) {
  ScriptBench bench;
  const std::string busy = ErrorReply(kBusyScript);
  const std::string elsewhere = bench.NameElsewhere();
  WhileSlow(bench, kLooks, [&] {
    EXPECT_EQ(bench.RunBeside({"LOOK", ScriptBench::kKey}), busy);
    EXPECT_EQ(bench.RunBeside({"PUT", ScriptBench::kKey, "v"}), busy);
    EXPECT_EQ(bench.RunBeside({"ALL"}), busy) << "it needs all stripes, so the script's, too";
    EXPECT_EQ(bench.RunBeside({"EVAL", "return 1", "0"}), busy) << "nobody knows its keys";
    EXPECT_EQ(bench.RunBeside({"PUT", elsewhere, "v"}), "+OK\r\n");
    EXPECT_EQ(bench.RunBeside({"LOOK", elsewhere}), "$1\r\nv\r\n");
    EXPECT_EQ(bench.RunBeside({"HELLO"}), "+OK\r\n");
    EXPECT_EQ(bench.RunBeside({"CALM"}), "+OK\r\n");
  });
  EXPECT_EQ(bench.RunBeside({"LOOK", ScriptBench::kKey}), "$-1\r\n") << "it is over";
}

TEST(BusyGate, OfOneThatHoldsAllOnlyWhatMayAlwaysRunIsNotTold) {
  ScriptBench bench;
  const std::string busy = ErrorReply(kBusyScript);
  const std::string elsewhere = bench.NameElsewhere();
  WhileSlow(bench, "redis.call('ALL') redis.call('LOOK',KEYS[1]) return 'done'", [&] {
    // Slow with its first call, it holds its own stripe only; with the second one all of them.
    bench.meanwhile = [&] {
      EXPECT_EQ(bench.RunBeside({"LOOK", elsewhere}), busy);
      EXPECT_EQ(bench.RunBeside({"HELLO"}), busy);
      EXPECT_EQ(bench.RunBeside({"CALM"}), "+OK\r\n");
    };
  });
}

TEST(BusyGate, AStripeThatIsTakenLaterCounts) {
  ScriptBench bench;
  const std::string elsewhere = bench.NameElsewhere();
  bool was_asked = false;
  const std::string text =
      "redis.call('LOOK','" + elsewhere + "') redis.call('LOOK',KEYS[1]) return 'done'";
  WhileSlow(bench, text, [&] {
    EXPECT_EQ(bench.RunBeside({"LOOK", elsewhere}), "$-1\r\n");
    bench.meanwhile = [&] {
      EXPECT_EQ(bench.RunBeside({"LOOK", elsewhere}), ErrorReply(kBusyScript));
      was_asked = true;
    };
  });
  EXPECT_TRUE(was_asked);
}

TEST(BusyGate, ATransactionIsJudgedByWhatItHasQueued) {
  struct Case {
    std::vector<std::string_view> queued;
    bool is_concerned;
  };
  ScriptBench bench;
  const std::string elsewhere = bench.NameElsewhere();
  const Case cases[] = {{{"LOOK", elsewhere}, false},
                        {{"LOOK", ScriptBench::kKey}, true},
                        {{"ALL"}, true},
                        {{"HELLO"}, false}};
  for (const Case& row : cases) {
    SCOPED_TRACE(row.queued[0]);
    // Queued before the script is slow: queueing asks the gates, too.
    EXPECT_EQ(bench.RunBeside({"MULTI"}), "+OK\r\n");
    EXPECT_EQ(row.queued.size() == 1 ? bench.RunBeside({row.queued[0]})
                                     : bench.RunBeside({row.queued[0], row.queued[1]}),
              "+QUEUED\r\n");
    WhileSlow(bench, kLooks, [&] {
      const std::string reply = bench.RunBeside({"EXEC"});
      EXPECT_EQ(reply.find("BUSY") != reply.npos, row.is_concerned) << reply;
    });
    if (bench.other_session.queueing()) bench.other_session.EndTransaction();
  }
}

TEST(BusyGate, SaysWhetherItIsAFunction) {
  ScriptBench bench;
  EXPECT_EQ(bench.Run({"FUNCTION", "LOAD",
                       "#!lua name=lib\nredis.register_function('spin', function(keys) "
                       "return redis.call('LOOK', keys[1]) end)"}),
            "$3\r\nlib\r\n");
  bench.MakeTimeFly();
  int count = 0;
  bench.meanwhile = [&] {
    ++count;
    EXPECT_EQ(bench.RunBeside({"LOOK", ScriptBench::kKey}), ErrorReply(kBusyFunction));
  };
  EXPECT_EQ(bench.Run({"FCALL", "spin", "1", ScriptBench::kKey}), "$-1\r\n");
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace cairn::scripting
