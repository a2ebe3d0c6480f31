// SPDX-License-Identifier: BSD-3-Clause
// ScriptBench: two workers without threads, on one keyspace, with the commands of scripting and a
// few that scripts may call. For tests only.
//
// The second worker is asked from within a script of the first, which is where a server serves
// others: Runner::SetServeOthers. MakeTimeFly makes every script slow with its first call.
#ifndef CAIRN_SCRIPTING_SCRIPTING_TESTING_H_
#define CAIRN_SCRIPTING_SCRIPTING_TESTING_H_

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "command/call.h"
#include "command/runner.h"
#include "scripting/busy_gate.h"
#include "scripting/families.h"
#include "scripting/scripts.h"

namespace cairn::scripting {

namespace internal {

using command::Call;
using command::Group;
using command::Spec;

inline void Put(Call& call) {
  const keyspace::Found found = call.txn().Find(call.key(0), keyspace::Access::kWrite);
  call.txn().SetString(call.key(0), found, call.arg(2), keyspace::Ttl::kDrop);
  call.LogVerbatim();
  call.reply().Ok();
}

inline void Look(Call& call) {
  const keyspace::Found found = call.txn().Find(call.key(0), keyspace::Access::kRead);
  found ? call.reply().Bulk(found.entry->value()) : call.reply().Null();
}

inline void Ok(Call& call) { call.reply().Ok(); }

inline void Multi(Call& call) {
  call.session().BeginTransaction(call.keyspace());
  call.reply().Ok();
}

inline void Exec(Call& call) { call.runner().RunTransaction(call); }

inline constexpr Spec kBenchSpecs[] = {
    Spec({.syntax = "PUT key value",
          .access = "OW UPDATE",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(1)",
          .summary = "Puts.",
          .run = &Put}),
    Spec({.syntax = "LOOK key",
          .access = "RO ACCESS",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = command::kReadonly,
          .complexity = "O(1)",
          .summary = "Looks.",
          .run = &Look}),
    Spec({.syntax = "ALL",
          .since = "1.0.0",
          .group = Group::kGeneric,
          .flags = command::kReadonly | command::kAllStripes,
          .complexity = "O(1)",
          .summary = "Needs every stripe.",
          .run = &Ok}),
    Spec({.syntax = "HELLO",
          .since = "1.0.0",
          .group = Group::kConnection,
          .complexity = "O(1)",
          .summary = "Needs no stripe.",
          .run = &Ok}),
    Spec({.syntax = "CALM",
          .since = "1.0.0",
          .group = Group::kConnection,
          .flags = command::kNoScript | command::kAllowBusy,
          .complexity = "O(1)",
          .summary = "Is for when nothing else goes, and not for scripts.",
          .run = &Ok}),
    Spec({.syntax = "MULTI",
          .since = "1.0.0",
          .group = Group::kTransactions,
          .flags = command::kNoScript | command::kAllowBusy | command::kNeverQueued,
          .complexity = "O(1)",
          .summary = "Begins.",
          .run = &Multi}),
    Spec({.syntax = "EXEC",
          .since = "1.0.0",
          .group = Group::kTransactions,
          .flags = command::kNoScript | command::kNeverQueued,
          .complexity = "O(1)",
          .summary = "Runs.",
          .run = &Exec}),
};

// Refuses writes of scripts, and of clients, while it is told to.
class WriteGate final : public command::Gate {
 public:
  static constexpr std::string_view kRefusal = "MISCONF nothing can be saved";

  bool Admit(Call& call) override {
    if (!refuses || (call.command().flags & command::kWrite) == 0) return true;
    call.Refuse(kRefusal);
    return false;
  }
  bool AdmitInScript(Call& call) override { return call.script_has_written() || Admit(call); }

  bool refuses = false;
};

}  // namespace internal

class ScriptBench {
 public:
  static constexpr std::string_view kKey = "k";  // of the script

  ScriptBench() {
    shared.scripts = std::make_unique<Scripts>();
    scripts().SetOnLog([this](int, std::string_view line) { lines.emplace_back(line); });
    runner.SetServeOthers([this](command::Session&) {
      if (meanwhile) meanwhile();
    });
    keyspace::KeyLocks locks(keyspace);
    locks.AcquireAll();
    log = keyspace.log().Attach(log::Lag::kMustKeep);
    locks.Release();
  }

  // By the first worker, as a client would ask.
  std::string Run(std::initializer_list<std::string_view> words) {
    return RunAt(runner, session, words);
  }
  // By the second.
  std::string RunBeside(std::initializer_list<std::string_view> words) {
    return RunAt(other_runner, other_session, words);
  }
  std::string Eval(std::string_view text) { return Run({"EVAL", text, "1", kKey}); }

  Scripts& scripts() { return static_cast<Scripts&>(*shared.scripts); }
  // From now on a script has run for very long when it calls its first command.
  void MakeTimeFly() { shared.cycles_per_us = 1e-6; }
  // A name whose stripe is not kKey's.
  std::string NameElsewhere() const {
    for (int i = 0;; ++i) {
      std::string name = "other" + std::to_string(i);
      if (keyspace.Ref(name).stripe != keyspace.Ref(kKey).stripe) return name;
    }
  }
  // What was logged since this was asked last: a line for each effect.
  std::vector<std::string> TakeEffects() {
    std::vector<std::string> effects;
    while (const auto effect = log->Next()) {
      std::string line;
      for (const std::string& arg : effect->args) line += (line.empty() ? "" : " ") + arg;
      effects.push_back(std::move(line));
    }
    return effects;
  }

  ManualClock clock{1'700'000'000'000'000};
  keyspace::Keyspace keyspace{clock, {}};
  const command::CommandTable table{std::vector<std::span<const command::Spec>>{
      ScriptFamily(), FunctionFamily(), internal::kBenchSpecs}};
  internal::WriteGate write_gate;
  BusyGate busy_gate;
  // A guard: the gates are asked about everything, so that it is they who see what concerns them.
  command::Shared shared{
      .keyspace = keyspace, .table = table, .gates = {&busy_gate, &write_gate}, .guards = 1};
  command::Runner runner{shared, 1};
  command::Runner other_runner{shared, 2};
  command::Session session{ClientId(1), 1};
  command::Session other_session{ClientId(2), 2};
  std::unique_ptr<log::Reader> log;
  std::vector<std::string> lines;   // of the server's log
  std::function<void()> meanwhile;  // while a slow script runs, with each of its calls

 private:
  std::string RunAt(command::Runner& at, command::Session& as,
                    std::initializer_list<std::string_view> words) {
    resp::ReplyBuffer buffer;
    resp::Writer reply(buffer, 2);
    at.Run(as, {words.begin(), words.size()}, reply);
    return buffer.ToString();
  }
};

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_SCRIPTING_TESTING_H_
