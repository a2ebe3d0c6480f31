// SPDX-License-Identifier: BSD-3-Clause
// One run of a script: what it may call, who may end it, under which stripes, what is logged.
#include "scripting/script_run.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "scripting/script_kill.h"
#include "scripting/scripting_testing.h"

namespace cairn::scripting {
namespace {

using Effects = std::vector<std::string>;

bool Has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

TEST(ScriptFlagsOf, TellWhatGatesAskOfAScriptThatSaysWhatItDoes) {
  struct Case {
    ScriptFlags flags;
    std::uint32_t wanted;
  };
  constexpr std::uint32_t kOthers = command::kNoScript | command::kSkipMonitor;
  const Case cases[] = {
      {{}, command::kWrite | command::kDenyOom},
      {{.no_writes = true}, 0},
      {{.allow_oom = true}, command::kWrite},
      {{.allow_stale = true}, command::kWrite | command::kDenyOom | command::kStale},
      {{.no_writes = true, .allow_stale = true}, command::kStale},
  };
  for (const Case& row : cases) {
    const std::uint32_t given = kOthers | command::kStale | command::kMayReplicate;
    EXPECT_EQ(FlagsOf(given, row.flags), kOthers | row.wanted);
  }
}

TEST(ScriptRun, RefusesInRedissOrder) {
  struct Case {
    std::string_view command;
    std::string_view text;
    std::string_view says;
  };
  const Case cases[] = {
      {"EVAL", "return redis.call('NOSUCH')", "-ERR Unknown Redis command called from script"},
      {"EVAL", "return redis.call('PUT','k')", "-ERR Wrong number of args calling Redis command"},
      {"EVAL", "return redis.call('CALM')", "-ERR This Redis command is not allowed from script"},
      {"EVAL", "return redis.call('CALM','x')", "-ERR Wrong number of args calling"},
      {"EVAL_RO", "return redis.call('PUT','k','v')",
       "-ERR Write commands are not allowed from read-only scripts."},
      {"EVAL", "#!lua flags=no-writes\nreturn redis.call('PUT','k','v')",
       "-ERR Write commands are not allowed from read-only scripts."},
      {"EVAL_RO", "#!lua\nreturn 1",
       "-ERR Can not execute a script with write flag using *_ro command."},
      {"EVAL_RO", "return redis.call('LOOK','k')", "$-1"},
      {"EVAL", "return redis.call('PUT','k','v')", "+OK"},
  };
  ScriptBench bench;
  for (const Case& row : cases) {
    SCOPED_TRACE(row.text);
    const std::string reply = bench.Run({row.command, row.text, "1", ScriptBench::kKey});
    EXPECT_TRUE(reply.starts_with(row.says)) << reply;
  }
  EXPECT_EQ(bench.TakeEffects(), Effects({"PUT k v"})) << "nothing that was refused ran";
}

// ---- Ending ------------------------------------------------------------------------------------

constexpr std::string_view kPutsThird =
    "redis.call('LOOK',KEYS[1]) redis.call('LOOK',KEYS[1]) redis.call('PUT',KEYS[1],'v') "
    "redis.call('LOOK',KEYS[1]) return 'done'";

TEST(ScriptRun, IsKilledUntilItWrites) {
  for (int at = 1; at <= 4; ++at) {
    SCOPED_TRACE(at);
    ScriptBench bench;
    EXPECT_TRUE(bench.RunBeside({"SCRIPT", "KILL"}).starts_with("-NOTBUSY "));
    bench.MakeTimeFly();
    std::string answer;
    int calls = 0;
    bench.meanwhile = [&] {
      if (++calls == at) answer = bench.RunBeside({"SCRIPT", "KILL"});
    };
    const std::string reply = bench.Eval(kPutsThird);
    const bool has_written = at == 4;
    EXPECT_TRUE(answer.starts_with(has_written ? "-UNKILLABLE " : "+OK")) << answer;
    EXPECT_EQ(Has(reply, "Script killed by user"), !has_written) << reply;
    EXPECT_EQ(bench.TakeEffects(), has_written ? Effects({"PUT k v"}) : Effects());
    EXPECT_EQ(bench.RunBeside({"LOOK", ScriptBench::kKey}),
              has_written ? "$1\r\nv\r\n" : "$-1\r\n");
  }
}

TEST(ScriptRun, PcallSavesNoneThatIsKilled) {
  ScriptBench bench;
  bench.MakeTimeFly();
  bench.meanwhile = [&] { bench.RunBeside({"SCRIPT", "KILL"}); };
  EXPECT_TRUE(Has(bench.Eval("while true do pcall(redis.call,'PUT','k','v') end"),
                  "Script killed by user"));
  // One that ends by itself before it is stopped may do so, and writes nothing.
  EXPECT_EQ(bench.Eval("redis.pcall('PUT','k','v') redis.pcall('PUT','k','v') return 1"), ":1\r\n");
  EXPECT_EQ(bench.TakeEffects(), Effects());
}

TEST(ScriptRun, IsEndedWithTheServer) {
  struct Case {
    Scripts::Ends ends;
    bool goes_on;
  };
  for (const Case& row :
       {Case{Scripts::Ends::kWithoutWrites, true}, {Scripts::Ends::kAll, false}}) {
    ScriptBench bench;
    bench.MakeTimeFly();
    int calls = 0;
    bench.meanwhile = [&] {
      if (++calls == 2) bench.scripts().EndRunsFromNow(row.ends);
    };
    const std::string reply = bench.Eval(
        "redis.call('PUT',KEYS[1],'1') redis.call('PUT',KEYS[1],'2') "
        "redis.call('PUT',KEYS[1],'3') return 'done'");
    EXPECT_EQ(reply == "$4\r\ndone\r\n", row.goes_on) << reply;
    EXPECT_EQ(bench.TakeEffects(),
              row.goes_on ? Effects({"MULTI", "PUT k 1", "PUT k 2", "PUT k 3", "EXEC"}) : Effects())
        << "half a script is not to be in the log";
  }
}

TEST(ScriptRun, SlownessIsToldOnceAndTakenBack) {
  ScriptBench bench;
  const int guards = bench.shared.guards.load();
  bench.MakeTimeFly();
  int calls = 0;
  bench.meanwhile = [&] {
    ++calls;
    EXPECT_EQ(bench.scripts().slow_count(), 1);
    EXPECT_EQ(bench.shared.guards.load(), guards + 1);
  };
  EXPECT_EQ(bench.Eval(kPutsThird), "$4\r\ndone\r\n");
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(bench.scripts().slow_count(), 0);
  EXPECT_EQ(bench.shared.guards.load(), guards);
  ASSERT_EQ(bench.lines.size(), 1u);
  EXPECT_TRUE(Has(bench.lines[0], "Slow script detected")) << bench.lines[0];
  // 0: none is slow.
  bench.scripts().set_slow_after_ms(0);
  EXPECT_EQ(bench.Eval(kPutsThird), "$4\r\ndone\r\n");
  EXPECT_EQ(calls, 4);
}

// ---- Refusals of gates -------------------------------------------------------------------------

TEST(ScriptRun, AsksGatesUntilItHasWritten) {
  ScriptBench bench;
  bench.write_gate.refuses = true;
  const std::string refusal(internal::WriteGate::kRefusal);
  EXPECT_TRUE(bench.Eval("return redis.call('PUT','k','v')").starts_with("-" + refusal));
  EXPECT_EQ(bench.Eval("return redis.pcall('PUT','k','v').err"),
            "$" + std::to_string(refusal.size()) + "\r\n" + refusal + "\r\n");
  EXPECT_EQ(bench.Eval("return redis.call('LOOK','k')"), "$-1\r\n");
  EXPECT_EQ(bench.TakeEffects(), Effects());
  // What has begun goes on, or half of it would be done.
  bench.write_gate.refuses = false;
  bench.MakeTimeFly();
  int calls = 0;
  bench.meanwhile = [&] { bench.write_gate.refuses = ++calls == 2; };
  EXPECT_EQ(bench.Eval("redis.call('PUT','k','1') return redis.call('PUT','k','2')"), "+OK\r\n");
  EXPECT_TRUE(bench.write_gate.refuses);
  EXPECT_EQ(bench.TakeEffects(), Effects({"MULTI", "PUT k 1", "PUT k 2", "EXEC"}));
}

// ---- Stripes -----------------------------------------------------------------------------------

// Reads ARGV[1] beside its key, says so in the log, and writes.
constexpr std::string_view kStrays =
    "redis.log(redis.LOG_WARNING,'ran') if ARGV[1] ~= '' then redis.call('LOOK',ARGV[1]) end "
    "redis.call('PUT',KEYS[1],'v') return 'done'";

TEST(ScriptRun, OneThatIsTrustedAndStraysIsRunAgainAsIfItHadNotRun) {
  ScriptBench bench;
  const std::string elsewhere = bench.NameElsewhere();
  const auto run = [&](std::string_view other) {
    bench.lines.clear();
    return bench.Run({"EVAL", kStrays, "1", ScriptBench::kKey, other});
  };
  for (std::uint32_t i = 0; i <= Trust::kTrustedAfter; ++i) EXPECT_EQ(run(""), "$4\r\ndone\r\n");
  bench.TakeEffects();
  EXPECT_EQ(run(elsewhere), "$4\r\ndone\r\n");
  EXPECT_EQ(bench.lines, Effects({"ran"}));
  EXPECT_EQ(bench.TakeEffects(), Effects({"PUT k v"}));
}

TEST(ScriptRun, OneThatHasWrittenTakesWhatItStraysTo) {
  ScriptBench bench;
  const std::string elsewhere = bench.NameElsewhere();
  const std::string_view text =
      "redis.log(redis.LOG_WARNING,'ran') redis.call('PUT',KEYS[1],'v') "
      "if ARGV[1] ~= '' then redis.call('PUT',ARGV[1],'v') end return 'done'";
  for (std::uint32_t i = 0; i <= Trust::kTrustedAfter; ++i)
    EXPECT_EQ(bench.Run({"EVAL", text, "1", ScriptBench::kKey, ""}), "$4\r\ndone\r\n");
  bench.TakeEffects();
  bench.lines.clear();
  EXPECT_EQ(bench.Run({"EVAL", text, "1", ScriptBench::kKey, elsewhere}), "$4\r\ndone\r\n");
  EXPECT_EQ(bench.lines, Effects({"ran"})) << "what has written is never run again";
  EXPECT_EQ(bench.TakeEffects(), Effects({"MULTI", "PUT k v", "PUT " + elsewhere + " v", "EXEC"}));
}

// ---- Effects and lines -------------------------------------------------------------------------

TEST(ScriptRun, SetReplSaysWhatIsLogged) {
  ScriptBench bench;
  EXPECT_EQ(bench.Eval("redis.set_repl(redis.REPL_NONE) redis.call('PUT',KEYS[1],'1') "
                       "redis.set_repl(redis.REPL_ALL) return redis.call('PUT',KEYS[1],'2')"),
            "+OK\r\n");
  EXPECT_EQ(bench.TakeEffects(), Effects({"PUT k 2"}));
  EXPECT_EQ(bench.Eval("redis.set_repl(redis.REPL_NONE) return redis.call('PUT',KEYS[1],'3')"),
            "+OK\r\n");
  EXPECT_EQ(bench.Eval("return redis.call('PUT',KEYS[1],'4')"), "+OK\r\n") << "it is forgotten";
  EXPECT_EQ(bench.TakeEffects(), Effects({"PUT k 4"}));
}

TEST(ScriptRun, SetReplIsForgottenWithinATransaction) {
  ScriptBench bench;
  bench.Run({"MULTI"});
  bench.Run({"EVAL", "redis.set_repl(redis.REPL_NONE) return redis.call('PUT','k','1')", "1", "k"});
  bench.Run({"PUT", "k", "2"});
  EXPECT_EQ(bench.Run({"EXEC"}), "*2\r\n+OK\r\n+OK\r\n");
  EXPECT_EQ(bench.TakeEffects(), Effects({"PUT k 2"}));
}

TEST(ScriptRun, LinesOfTheLogWaitForTheEndUpToALimit) {
  ScriptBench bench;
  bench.MakeTimeFly();
  bench.scripts().set_slow_after_ms(1'000'000'000'000);
  EXPECT_EQ(bench.Eval("for i = 1, 256 do redis.log(redis.LOG_WARNING, i) end return 1"), ":1\r\n");
  ASSERT_EQ(bench.lines.size(), 256u);
  EXPECT_EQ(bench.lines[0], "1");
  bench.lines.clear();
  EXPECT_EQ(bench.Eval("for i = 1, 257 do redis.log(redis.LOG_WARNING, i) end return 1"), ":1\r\n");
  ASSERT_EQ(bench.lines.size(), 257u);
  EXPECT_EQ(bench.lines[0], "257") << "the one beyond the limit is written at once";
}

}  // namespace
}  // namespace cairn::scripting
