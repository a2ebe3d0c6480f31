// SPDX-License-Identifier: BSD-3-Clause
// ScriptRun: one run of a script or a function: its stripes, its calls, its end.
//
//     EVAL, FCALL --> Execute: hold stripes --> Interpreter --redis.call--> Call: may it? -->
//     Runner::RunForScript
//                        '-- strayed from its stripes before it had effects: again, with the turn
//
// Which stripes: those of the keys that it declares; within EXEC those that EXEC holds. A script
// that is not trusted (trust.h) takes its turn among such scripts first, and adds the stripes of
// whatever else it touches as it comes to it. One that is trusted needs no turn; should it stray
// all the same, it is ended, what it has replied is dropped, and it runs again with the turn; but
// if it has written, or published, it extends its hold without (KeyLocks::Extend,
// docs/decisions/0018-script-locks.md).
//
// Belongs to its Runner's thread, but for what is said to be for any: others find it by its
// RunPlace, under that one's mutex.
#ifndef CAIRN_SCRIPTING_SCRIPT_RUN_H_
#define CAIRN_SCRIPTING_SCRIPT_RUN_H_

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command/call.h"
#include "command/runner.h"
#include "scripting/interpreter.h"
#include "scripting/scripts.h"

namespace cairn::scripting {

// What is to be run.
struct Program {
  enum class Kind : std::uint8_t { kScript, kFunction };
  Kind kind;
  std::string_view name;     // the script's SHA-1, or the function's name
  std::string_view library;  // of a function
  const ScriptFlags& flags;
  bool declares;  // it says what it does: a function does, and a script with a shebang
  Trust& trust;
  bool is_read_only;  // it was called by EVAL_RO and the like
  std::span<const std::string_view> keys;
  std::span<const std::string_view> args;
};

// A command's flags for a script that says what it does.
std::uint32_t FlagsOf(std::uint32_t command_flags, const ScriptFlags& flags);

class ScriptRun final : public ScriptHost {
 public:
  ScriptRun(command::Call& call, const Program& program);
  ~ScriptRun() override;
  ScriptRun(const ScriptRun&) = delete;
  ScriptRun& operator=(const ScriptRun&) = delete;

  // Runs it and replies; or the call is delayed.
  void Execute();

  // ScriptHost:
  std::string_view Call(std::span<const std::string_view> args, int protocol) override;
  Verdict AclCheck(std::span<const std::string_view> args) override;
  void Log(int level, std::string_view message) override;
  void SetRepl(int targets) override;
  bool Poll() override;

  // For any thread, under the RunPlace's mutex:
  bool is_function() const { return program_.kind == Program::Kind::kFunction; }
  std::string_view name() const { return program_.name; }
  std::span<const std::string_view> command_args() const { return call_.args(); }
  std::int64_t ran_ms() const;
  bool has_written() const { return has_written_.load(std::memory_order_relaxed); }
  // It has run for so long that others are told, and may kill it.
  bool is_slow() const { return is_slow_.load(std::memory_order_relaxed); }
  // Those that it held when that was found, or has taken since.
  const keyspace::StripeSet& slow_stripes() const { return slow_stripes_; }
  void Kill() { is_killed_.store(true, std::memory_order_relaxed); }

 private:
  bool MayRun();
  bool BeginToWrite();
  void BeginLong();
  void BeginSlow();
  void ShowHeld();
  void EndLong();
  void ExecuteAlone();
  void RunOnce(command::CallGroup& group);
  void RunCommand(std::span<const std::string_view> args, resp::Writer& reply);
  void RunPlain(const command::CommandTable::Command* command,
                std::span<const std::string_view> args, resp::Writer& reply);
  bool Allows(const command::CommandTable::Command* command, std::span<const std::string_view> args,
              resp::Writer& reply);
  bool Refuse(const command::CommandTable::Command* command, std::string_view text,
              resp::Writer& reply);
  void FindKeys(const command::CommandTable::Command& command,
                std::span<const std::string_view> args);
  std::string_view CheckStripes(const command::CommandTable::Command& command,
                                std::span<const std::string_view> args);

  command::Call& call_;
  command::Runner& runner_;
  Scripts& scripts_;
  Local& local_;
  const Program& program_;
  const bool writes_are_refused_;
  const bool ignores_memory_;
  const std::uint64_t cycles_per_ms_;
  const std::uint64_t begin_cycles_;
  std::uint64_t polled_cycles_;  // when a call polled last
  resp::ReplyBuffer& buffer_;    // of one command
  std::string joined_;           // the same in one piece, if it was in several
  command::CallGroup* group_ = nullptr;
  std::vector<log::Effect>* logged_ = nullptr;  // where effects go that are to be logged
  std::vector<log::Effect> unlogged_;           // and those that are not: redis.set_repl
  std::vector<keyspace::KeyRef> keys_;
  std::vector<std::uint32_t> positions_;
  bool holds_all_ = true;  // it, or EXEC
  bool may_extend_ = false;
  bool has_strayed_ = false;
  bool has_effects_ = false;  // it cannot be run again
  bool must_end_ = false;
  bool error_counted_ = false;
  std::string last_error_;
  struct Line {
    int level;
    std::string text;
  };
  keyspace::StripeSet slow_stripes_;  // guarded by the RunPlace's mutex
  keyspace::StripeSet pictured_;
  bool is_long_ = false;
  std::vector<Line> lines_;  // of redis.log
  // atomic, relaxed
  std::atomic<bool> has_written_{false};
  std::atomic<bool> is_slow_{false};
  std::atomic<bool> is_killed_{false};
};

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_SCRIPT_RUN_H_
