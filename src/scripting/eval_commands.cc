// SPDX-License-Identifier: BSD-3-Clause
// EVAL, EVALSHA and their forms that only read; SCRIPT.
//
//     body --SHA-1--> Local: compiled here? --no--> ScriptCache, Interpreter::Compile --> ScriptRun
#include <optional>
#include <string>

#include "base/sha1.h"
#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/help.h"
#include "command/runner.h"
#include "scripting/families.h"
#include "scripting/script_kill.h"
#include "scripting/script_run.h"
#include "scripting/scripts.h"

namespace cairn::scripting {
namespace {

using command::Call;
using command::Group;
using command::Spec;

constexpr std::string_view kNoScript = "NOSCRIPT No matching script. Please use EVAL.";
constexpr std::string_view kNegativeNumkeys = "ERR Number of keys can't be negative";
constexpr std::size_t kSha1Digits = 40;
constexpr std::size_t kFirstKey = 3;

bool IsBySha(const Call& call) { return call.command().full_name.starts_with("evalsha"); }

// What the call names, as it stands in the cache; null if it is not there.
std::shared_ptr<Script> Known(Call& call, std::string* sha1) {
  *sha1 = IsBySha(call) ? ToLower(call.arg(1)) : std::string(View(Sha1Hex(call.arg(1))));
  return Local::Of(call).Find(*sha1);
}

// The call that brings a script is not a use of it: most texts come once.
void NoteUse(Script& script) {
  if (!script.was_used.load(std::memory_order_relaxed))
    script.was_used.store(true, std::memory_order_relaxed);
}

// The script, compiled; or null, and the error is replied.
std::shared_ptr<Script> Ensure(Call& call) {
  std::string sha1;
  Local& local = Local::Of(call);
  if (IsBySha(call) && call.arg(1).size() != kSha1Digits) {
    call.Error(kNoScript);
    return nullptr;
  }
  if (std::shared_ptr<Script> script = Known(call, &sha1); script != nullptr) {
    const Status compiled = local.Compile(*script);
    if (!compiled.ok()) {
      call.Error(compiled.message());
      return nullptr;
    }
    NoteUse(*script);
    return script;
  }
  if (IsBySha(call)) {
    call.Error(kNoScript);
    return nullptr;
  }
  const Result<ScriptShebang> shebang = ReadScriptShebang(call.arg(1));
  if (!shebang) {
    call.Error(shebang.error().message());
    return nullptr;
  }
  Result<std::shared_ptr<Script>> added =
      local.Add(sha1, call.arg(1), *shebang, ScriptCache::From::kEval);
  if (added) return *std::move(added);
  call.Error(added.error().message());
  return nullptr;
}

// How many keys the call declares; none if it says so wrongly, and the error is replied.
std::optional<std::size_t> ReadNumkeys(Call& call) {
  const std::optional<std::int64_t> count = ParseInt64(call.arg(2));
  std::string_view error;
  if (!count) {
    error = command::errors::kNotAnInteger;
  } else if (*count > static_cast<std::int64_t>(call.argc() - kFirstKey)) {
    error = command::errors::kInvalidNumkeys;
  } else if (*count < 0) {
    error = kNegativeNumkeys;
  } else {
    return static_cast<std::size_t>(*count);
  }
  call.Error(error);
  return std::nullopt;
}

void Eval(Call& call) {
  call.ShowNow();
  if (IsBySha(call) && call.arg(1).size() != kSha1Digits) return call.Error(kNoScript);
  const std::optional<std::size_t> numkeys = ReadNumkeys(call);
  if (!numkeys) return;
  const std::shared_ptr<Script> script = Ensure(call);
  if (script == nullptr) return;
  const std::span<const std::string_view> words = call.args().subspan(kFirstKey);
  const Program program{.kind = Program::Kind::kScript,
                        .name = script->sha1,
                        .library = {},
                        .flags = script->shebang.flags,
                        .declares = script->shebang.present,
                        .trust = script->trust,
                        .is_read_only = (call.command().flags & command::kReadonly) != 0,
                        .keys = words.first(*numkeys),
                        .args = words.subspan(*numkeys)};
  ScriptRun(call, program).Execute();
}

// As gates ask: a script that says what it does is judged by that.
std::uint32_t FlagsOfEval(Call& call) {
  const std::uint32_t flags = call.command().flags;
  if (call.argc() <= kFirstKey - 1) return flags;
  std::string sha1;
  Result<ScriptShebang> shebang = ScriptShebang();
  if (const std::shared_ptr<Script> script = Known(call, &sha1); script != nullptr) {
    shebang = script->shebang;
  } else if (!IsBySha(call)) {
    shebang = ReadScriptShebang(call.arg(1));
  }
  return shebang && shebang->present ? FlagsOf(flags, shebang->flags) : flags;
}

// ---- SCRIPT ------------------------------------------------------------------------------------

void ScriptLoad(Call& call) {
  const std::string_view body = call.arg(2);
  const Sha1Text digest = Sha1Hex(body);
  const std::string_view sha1 = View(digest);
  const Result<ScriptShebang> shebang = ReadScriptShebang(body);
  if (!shebang) return call.Error(shebang.error().message());
  const auto added = Local::Of(call).Add(sha1, body, *shebang, ScriptCache::From::kLoad);
  added ? call.reply().Bulk(sha1) : call.Error(added.error().message());
}

void ScriptExists(Call& call) {
  const ScriptCache& cache = Scripts::Of(call).cache();
  call.reply().Array(call.argc() - 2);
  for (const std::string_view sha1 : call.args().subspan(2))
    call.reply().Integer(cache.Find(ToLower(sha1)) != nullptr ? 1 : 0);
}

// Freeing what is compiled is each worker's, when it comes upon it: both ways are as fast.
void ScriptFlush(Call& call) {
  const bool has_mode = call.argc() == 3 && (EqualsIgnoreCase(call.arg(2), "sync") ||
                                             EqualsIgnoreCase(call.arg(2), "async"));
  if (call.argc() != 2 && !has_mode)
    return call.Error("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
  Scripts::Of(call).cache().Flush();
  call.reply().Ok();
}

void ScriptKill(Call& call) { ReplyKill(call, Kills::kScripts); }

// There is no debugger: NO is how it is.
void ScriptDebug(Call& call) {
  if (EqualsIgnoreCase(call.arg(2), "no")) return call.reply().Ok();
  if (EqualsIgnoreCase(call.arg(2), "yes") || EqualsIgnoreCase(call.arg(2), "sync"))
    return call.Error("ERR the Lua debugger is not available");
  call.Error("ERR Use SCRIPT DEBUG YES/SYNC/NO");
}

constexpr std::uint32_t kEvalFlags = command::kNoScript | command::kStale | command::kSkipMonitor |
                                     command::kMayReplicate | command::kNoMandatoryKeys |
                                     command::kOwnLocks | command::kRunsScript;

constexpr Spec kScriptSubcommands[] = {
    Spec({.syntax = "SCRIPT DEBUG <YES | SYNC | NO>",
          .since = "3.2.0",
          .group = Group::kScripting,
          .flags = command::kNoScript,
          .complexity = "O(1)",
          .summary = "Sets the mode of the debugger for scripts; there is none.",
          .run = &ScriptDebug}),
    Spec({.syntax = "SCRIPT EXISTS sha1 [sha1 ...]",
          .since = "2.6.0",
          .group = Group::kScripting,
          .flags = command::kNoScript,
          .complexity = "O(N) with N the number of scripts asked for",
          .summary = "Tells which scripts are cached.",
          .tips = "request_policy:all_shards response_policy:agg_logical_and",
          .run = &ScriptExists}),
    Spec({.syntax = "SCRIPT FLUSH [ASYNC | SYNC]",
          .since = "2.6.0",
          .group = Group::kScripting,
          .flags = command::kNoScript,
          .complexity = "O(N) with N the number of cached scripts",
          .summary = "Forgets all cached scripts.",
          .history = "6.2.0: Added the ASYNC and SYNC modes.",
          .tips = "request_policy:all_nodes response_policy:all_succeeded",
          .run = &ScriptFlush}),
    Spec({.syntax = "SCRIPT HELP",
          .since = "5.0.0",
          .group = Group::kScripting,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Shows what SCRIPT can do.",
          .run = &command::ReplyHelp}),
    Spec({.syntax = "SCRIPT KILL",
          .since = "2.6.0",
          .group = Group::kScripting,
          .flags = command::kNoScript | command::kAllowBusy,
          .complexity = "O(1)",
          .summary = "Ends the script that runs, if it has not written.",
          .tips = "request_policy:all_shards response_policy:one_succeeded",
          .run = &ScriptKill}),
    Spec({.syntax = "SCRIPT LOAD script",
          .since = "2.6.0",
          .group = Group::kScripting,
          .flags = command::kNoScript | command::kStale,
          .complexity = "O(N) with N the length of the script",
          .summary = "Puts a script into the cache, where EVALSHA finds it.",
          .tips = "request_policy:all_nodes response_policy:all_succeeded",
          .run = &ScriptLoad}),
};

constexpr std::string_view kMayWrite =
    "RW ACCESS UPDATE: We cannot tell how the keys will be used so we assume the worst, RW and "
    "UPDATE";
constexpr std::string_view kMayRead =
    "RO ACCESS: We cannot tell how the keys will be used so we assume the worst, RO and ACCESS";

constexpr Spec kSpecs[] = {
    Spec({.syntax = "EVAL script numkeys [key [key ...]] [arg [arg ...]]",
          .access = kMayWrite,
          .since = "2.6.0",
          .group = Group::kScripting,
          .flags = kEvalFlags,
          .complexity = "Depends on the script",
          .summary = "Runs a Lua script.",
          .run = &Eval,
          .flags_of = &FlagsOfEval}),
    Spec({.syntax = "EVALSHA sha1 numkeys [key [key ...]] [arg [arg ...]]",
          .access = "RW ACCESS UPDATE",
          .since = "2.6.0",
          .group = Group::kScripting,
          .flags = kEvalFlags,
          .complexity = "Depends on the script",
          .summary = "Runs a cached Lua script.",
          .run = &Eval,
          .flags_of = &FlagsOfEval}),
    Spec({.syntax = "EVALSHA_RO sha1 numkeys [key [key ...]] [arg [arg ...]]",
          .access = "RO ACCESS",
          .since = "7.0.0",
          .group = Group::kScripting,
          .flags = kEvalFlags | command::kReadonly,
          .complexity = "Depends on the script",
          .summary = "Runs a cached Lua script that only reads.",
          .run = &Eval,
          .flags_of = &FlagsOfEval}),
    Spec({.syntax = "EVAL_RO script numkeys [key [key ...]] [arg [arg ...]]",
          .access = kMayRead,
          .since = "7.0.0",
          .group = Group::kScripting,
          .flags = kEvalFlags | command::kReadonly,
          .complexity = "Depends on the script",
          .summary = "Runs a Lua script that only reads.",
          .run = &Eval,
          .flags_of = &FlagsOfEval}),
    Spec({.syntax = "SCRIPT",
          .since = "2.6.0",
          .group = Group::kScripting,
          .complexity = "Depends on the subcommand",
          .summary = "Commands about the cache of Lua scripts.",
          .subcommands = kScriptSubcommands}),
};

}  // namespace

std::span<const Spec> ScriptFamily() { return kSpecs; }

}  // namespace cairn::scripting
