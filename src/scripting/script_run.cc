// SPDX-License-Identifier: BSD-3-Clause
// What a script may call, in the order in which Redis refuses it, and under which locks.
#include "scripting/script_run.h"

#include <sys/uio.h>

#include "base/clock.h"
#include "command/errors.h"
#include "command/key_finder.h"

namespace cairn::scripting {
namespace {

using command::CommandTable;

constexpr std::string_view kUnknownCommand = "ERR Unknown Redis command called from script";
constexpr std::string_view kWrongArity =
    "ERR Wrong number of args calling Redis command from script";
constexpr std::string_view kNotAllowed = "ERR This Redis command is not allowed from script";
constexpr std::string_view kWriteRefused =
    "ERR Write commands are not allowed from read-only scripts.";
constexpr std::string_view kReadOnlyCall =
    "ERR Can not execute a script with write flag using *_ro command.";
constexpr std::string_view kNoMemoryForScript =
    "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'";
constexpr std::uint64_t kPollMs = 2;
constexpr std::string_view kKilled = "ERR Script killed by user with SCRIPT KILL...";
constexpr std::string_view kStateIsLost =
    "ERR scripts before this one have taken all memory there is for them, call it again";
constexpr std::string_view kCycle =
    "ERR this key is held by a script that waits for a key of this one's";
// Seen by nobody: the script is ended with it, and run again.
constexpr std::string_view kStrayed = "ERR the script needs further stripes";

}  // namespace

// What only reads needs no memory.
std::uint32_t FlagsOf(std::uint32_t command_flags, const ScriptFlags& flags) {
  constexpr std::uint32_t kFromScript =
      command::kStale | command::kDenyOom | command::kWrite | command::kMayReplicate;
  std::uint32_t of_call = command_flags & ~kFromScript;
  if (!flags.allow_oom && !flags.no_writes) of_call |= command::kDenyOom;
  if (!flags.no_writes) of_call |= command::kWrite;
  if (flags.allow_stale) of_call |= command::kStale;
  return of_call;
}

ScriptRun::ScriptRun(command::Call& call, const Program& program)
    : call_(call),
      runner_(call.runner()),
      scripts_(Scripts::Of(call)),
      local_(Local::Of(call)),
      program_(program),
      writes_are_refused_(program.is_read_only || program.flags.no_writes),
      ignores_memory_(program.declares && (program.flags.allow_oom || program.flags.no_writes)),
      cycles_per_ms_(static_cast<std::uint64_t>(runner_.shared().cycles_per_us * 1000)),
      begin_cycles_(CycleNow()),
      polled_cycles_(begin_cycles_),
      buffer_(local_.reply_buffer()) {
  MutexLock hold(local_.place().mu);
  local_.place().run = this;
}

ScriptRun::~ScriptRun() {
  MutexLock hold(local_.place().mu);
  local_.place().run = nullptr;
}

std::int64_t ScriptRun::ran_ms() const {
  const double us =
      static_cast<double>(CycleNow() - begin_cycles_) / runner_.shared().cycles_per_us;
  return static_cast<std::int64_t>(us / 1000);
}

// Of a script that says what it does.
bool ScriptRun::MayRun() {
  const ScriptFlags& flags = program_.flags;
  if (!program_.declares) return true;
  if (!flags.no_writes && program_.is_read_only) {
    call_.Error(kReadOnlyCall);
    return false;
  }
  const bool lacks_memory =
      call_.group() != nullptr ? call_.group()->lacks_memory : call_.lacks_memory();
  if (lacks_memory && !ignores_memory_) {
    call_.Error(kNoMemoryForScript);
    return false;
  }
  return true;
}

void ScriptRun::Execute() {
  if (!MayRun()) return;
  if (call_.group() != nullptr) {
    RunOnce(*call_.group());
  } else {
    ExecuteAlone();
  }
  for (const Line& line : lines_) scripts_.Log(line.level, line.text);
  local_.CountMemory();
}

void ScriptRun::ExecuteAlone() {
  using Stripes = command::Runner::Stripes;
  const bool is_trusted = program_.trust.is_trusted();
  holds_all_ = false;
  may_extend_ = !is_trusted;
  const resp::ReplyBuffer::Mark before = call_.reply().buffer().mark();
  const std::uint32_t errors_before = call_.reply().error_count();
  const auto work = [this](command::CallGroup& group) { RunOnce(group); };
  bool ran =
      runner_.HoldGroup(call_, is_trusted ? Stripes::kOfItsKeys : Stripes::kOfItsKeysAndMore, work);
  if (ran && must_end_) {
    call_.reply().buffer().Truncate(before);
    call_.reply().ForgetErrorsSince(errors_before);
    must_end_ = false;
    may_extend_ = true;
    lines_.clear();
    ran = runner_.HoldGroup(call_, Stripes::kOfItsKeysAndMore, work);
  }
  if (has_strayed_) {
    program_.trust.NoteStray();
  } else if (ran && !is_trusted) {
    program_.trust.NoteGoodRun();
  }
}

void ScriptRun::RunOnce(command::CallGroup& group) {
  group_ = &group;
  logged_ = group.effects;
  const DbId db = call_.session().db();
  const std::uint32_t errors_before = call_.reply().error_count();
  error_counted_ = false;
  const bool is_known = is_function() ? local_.interpreter().KnowsLibrary(program_.library)
                                      : local_.interpreter().Knows(program_.name);
  if (!is_known) return call_.Error(kStateIsLost);
  const Interpreter::Arguments arguments{.keys = program_.keys, .args = program_.args};
  if (is_function()) {
    local_.interpreter().RunFunction(program_.library, program_.name, arguments, *this,
                                     call_.reply());
  } else {
    local_.interpreter().Run(program_.name, arguments, *this, call_.reply());
  }
  // The error of a command was counted when it was made.
  if (!must_end_ && call_.reply().error_count() > errors_before && error_counted_ &&
      call_.reply().last_error_code() == last_error_) {
    runner_.NoteErrorIsCounted();
  }
  if (is_long_) EndLong();
  call_.session().set_db(db);
  group.effects = logged_;
  // Killed, though it has written: the server ends, and half a script is not to be in the log.
  if (has_written() && logged_ != nullptr && is_killed_.load(std::memory_order_relaxed))
    logged_->clear();
}

std::string_view ScriptRun::Call(std::span<const std::string_view> args, int protocol) {
  buffer_.Clear();
  resp::Writer writer(buffer_, protocol);
  // A command may take as long as very many instructions.
  if (const std::uint64_t now = CycleNow(); now - polled_cycles_ > kPollMs * cycles_per_ms_) {
    polled_cycles_ = now;
    (void)Poll();
  }
  RunCommand(args, writer);
  if (writer.error_count() > 0) {
    error_counted_ = true;
    last_error_ = writer.last_error_code();
  }
  iovec piece;
  const std::size_t bytes = buffer_.pending_bytes();
  if (buffer_.FillIovecs(&piece, 1) == 1 && piece.iov_len == bytes)
    return {static_cast<const char*>(piece.iov_base), bytes};
  joined_ = buffer_.ToString();
  return joined_;
}

void ScriptRun::RunCommand(std::span<const std::string_view> args, resp::Writer& reply) {
  if (must_end_) return reply.Error(kStrayed);
  if (is_killed_.load(std::memory_order_relaxed)) return reply.Error(kKilled);
  const CommandTable::Command* command = runner_.table().Resolve(args);
  command::Auditor* auditor = runner_.shared().auditor;
  if (auditor == nullptr || command == nullptr || !auditor->Wants(*command, args.size()))
      [[likely]] {
    return RunPlain(command, args, reply);
  }
  auditor->Run(call_.session(), *command, args, command::Auditor::Within::kScript, reply, [&] {
    RunPlain(command, args, reply);
    return !must_end_;
  });
  has_effects_ |= !must_end_;  // it is not told of twice
}

void ScriptRun::RunPlain(const CommandTable::Command* command,
                         std::span<const std::string_view> args, resp::Writer& reply) {
  if (!Allows(command, args, reply)) return;
  FindKeys(*command, args);
  if (!holds_all_) {
    const std::string_view error = CheckStripes(*command, args);
    if (!error.empty()) return reply.Error(error);
  }
  constexpr std::uint32_t kHasEffects = command::kWrite | command::kMayReplicate;
  const bool had_written = has_written();
  if ((command->flags & command::kWrite) != 0 && !had_written && !BeginToWrite())
    return reply.Error(kKilled);
  if ((command->flags & kHasEffects) != 0) has_effects_ = true;
  const command::Prepared prepared = {.command = command,
                                      .args = args,
                                      .first_key = 0,
                                      .key_count = static_cast<std::uint32_t>(keys_.size())};
  runner_.RunForScript(call_.session(), prepared, keys_.data(), *group_, reply, had_written);
  if (!unlogged_.empty()) unlogged_.clear();
}

// False if it was killed: who kills looks, under the same mutex, whether it has written.
bool ScriptRun::BeginToWrite() {
  MutexLock hold(local_.place().mu);
  if (is_killed_.load(std::memory_order_relaxed)) return false;
  has_written_.store(true, std::memory_order_relaxed);
  return true;
}

// In Redis's order.
bool ScriptRun::Allows(const CommandTable::Command* command, std::span<const std::string_view> args,
                       resp::Writer& reply) {
  if (command == nullptr) return Refuse(nullptr, kUnknownCommand, reply);
  if (!command->TakesCount(args.size()) || command->run == nullptr)
    return Refuse(command, kWrongArity, reply);
  if ((command->flags & command::kNoScript) != 0) return Refuse(command, kNotAllowed, reply);
  constexpr std::uint32_t kWrites = command::kWrite | command::kMayReplicate;
  if (writes_are_refused_ && (command->flags & kWrites) != 0)
    return Refuse(command, kWriteRefused, reply);
  if (group_->lacks_memory && !ignores_memory_ && !has_written() &&
      (command->flags & command::kDenyOom) != 0) {
    return Refuse(command, command::errors::kOutOfMemory, reply);
  }
  return true;
}

bool ScriptRun::Refuse(const CommandTable::Command* command, std::string_view text,
                       resp::Writer& reply) {
  reply.Error(text);
  runner_.RejectForScript(command, reply);
  return false;
}

void ScriptRun::FindKeys(const CommandTable::Command& command,
                         std::span<const std::string_view> args) {
  keys_.clear();
  if (command.key_plan == CommandTable::KeyPlan::kNone) return;
  if (command.key_plan == CommandTable::KeyPlan::kFirstArgument) {
    if (args.size() > 1) runner_.keyspace().AppendRef(args[1], keys_);
    return;
  }
  positions_.clear();
  if (!command::FindKeys(*command.spec, args, positions_)) return;
  for (const std::uint32_t position : positions_)
    runner_.keyspace().AppendRef(args[position], keys_);
}

// Whether the call may run: an error's text if not.
std::string_view ScriptRun::CheckStripes(const CommandTable::Command& command,
                                         std::span<const std::string_view> args) {
  const bool needs_all = command::NeedsAllStripes(command, args, !keys_.empty());
  bool strays = needs_all;
  for (const keyspace::KeyRef& key : keys_) strays |= !group_->held.Holds(key.stripe);
  if (!strays) return {};
  has_strayed_ = true;
  if (!may_extend_ && !has_effects_) {
    must_end_ = true;
    return kStrayed;
  }
  const bool extended = needs_all ? group_->held.ExtendToAll()
                                  : group_->held.Extend(keyspace::KeyLocks::SetOf(keys_));
  holds_all_ = extended && needs_all;
  if (is_long_) ShowHeld();
  return extended ? std::string_view() : kCycle;
}

ScriptHost::Verdict ScriptRun::AclCheck(std::span<const std::string_view> args) {
  const CommandTable::Command* command = runner_.table().Resolve(args);
  if (command == nullptr) return Verdict::kNoSuchCommand;
  const command::Rights* rights = call_.session().rights();
  if (rights == nullptr || rights->unrestricted()) return Verdict::kAllowed;
  // Where the number of arguments is wrong nobody can say which are keys.
  const bool may = command->TakesCount(args.size()) && !rights->Check(*command, args);
  return may ? Verdict::kAllowed : Verdict::kDenied;
}

// Written when the stripes are free: nobody is to wait for a disk. Of very many lines the rest is
// written where it is said.
void ScriptRun::Log(int level, std::string_view message) {
  constexpr std::size_t kLinesMax = 256;
  if (lines_.size() == kLinesMax) return scripts_.Log(level, message);
  lines_.push_back({.level = level, .text = std::string(message)});
}

// The log has one reader of each kind, and no replicas yet: what is to go to either is logged.
void ScriptRun::SetRepl(int targets) {
  if (logged_ == nullptr) return;
  group_->effects = targets == kReplNone ? &unlogged_ : logged_;
}

bool ScriptRun::Poll() {
  if (scripts_.is_ending(has_written())) Kill();
  if (must_end_ || is_killed_.load(std::memory_order_relaxed)) return false;
  if (!is_slow()) {
    constexpr std::int64_t kLongMs = 2;
    const std::int64_t ms = ran_ms();
    if (ms >= kLongMs && !is_long_) BeginLong();
    const std::int64_t slow_after_ms = scripts_.slow_after_ms();
    if (slow_after_ms <= 0 || ms < slow_after_ms) return true;
    BeginSlow();
  }
  runner_.ServeOthers(call_.session());
  return !is_killed_.load(std::memory_order_relaxed);
}

// From here on no worker waits for what is held.
void ScriptRun::BeginLong() {
  is_long_ = true;
  ShowHeld();
}

// Who meets a stripe that is held for long looks for its picture.
void ScriptRun::ShowHeld() {
  const keyspace::StripeSet held = group_->held.held();
  runner_.keyspace().ShowPictures(held & ~pictured_);
  pictured_ |= held;
  group_->held.MarkLong();
  if (!is_slow()) return;
  MutexLock hold(local_.place().mu);
  slow_stripes_ = held;
}

// First the gate knows of it: who then meets a stripe that is held for long finds out why.
void ScriptRun::BeginSlow() {
  scripts_.Log(3, "Slow script detected: still in execution after " + std::to_string(ran_ms()) +
                      " milliseconds. You can try killing the script using the " +
                      (is_function() ? "FUNCTION" : "SCRIPT") +
                      " KILL command. Script name is: " + std::string(name()) + ".");
  scripts_.AddSlow(1);
  runner_.shared().guards.fetch_add(1);
  is_long_ = true;
  is_slow_.store(true, std::memory_order_relaxed);
  ShowHeld();
}

void ScriptRun::EndLong() {
  runner_.keyspace().HidePictures(pictured_);
  pictured_.reset();
  is_long_ = false;
  if (!is_slow()) return;
  {
    MutexLock hold(local_.place().mu);
    is_slow_.store(false, std::memory_order_relaxed);
  }
  runner_.shared().guards.fetch_sub(1);
  scripts_.AddSlow(-1);
}

}  // namespace cairn::scripting
