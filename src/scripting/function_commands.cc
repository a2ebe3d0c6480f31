// SPDX-License-Identifier: BSD-3-Clause
// FCALL, FCALL_RO, FUNCTION.
//
// A change of the libraries is tried in this worker's interpreter first, with no stripe locked:
// running a library's code may take long. Then it is put on the shelf and named to the log under
// all stripes, unless the shelf has changed meanwhile: then it is tried again.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/glob.h"
#include "base/text.h"
#include "codec/dump.h"
#include "codec/rdb_format.h"
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

constexpr std::string_view kNoFunction = "ERR Function not found";
constexpr std::string_view kBadNumkeys = "ERR Bad number of keys provided";
constexpr std::string_view kNegativeNumkeys = "ERR Number of keys can't be negative";
constexpr std::string_view kNoLibrary = "ERR Library not found";
constexpr std::size_t kFirstKey = 3;

// What a library asks for while it is loaded: it may log, and may not take for ever.
class LoadingHost final : public ScriptHost {
 public:
  explicit LoadingHost(command::Call& call)
      : scripts_(Scripts::Of(call)), cycles_per_us_(call.runner().shared().cycles_per_us) {}
  std::string_view Call(std::span<const std::string_view>, int) override {
    return "-ERR redis.call can only be called inside a script invocation\r\n";
  }
  Verdict AclCheck(std::span<const std::string_view>) override { return Verdict::kDenied; }
  void Log(int level, std::string_view message) override { scripts_.Log(level, message); }
  void SetRepl(int) override {}
  bool Poll() override {
    constexpr double kLoadUsMax = 500'000;
    return static_cast<double>(CycleNow() - begin_cycles_) < kLoadUsMax * cycles_per_us_;
  }

 private:
  Scripts& scripts_;
  const double cycles_per_us_;
  const std::uint64_t begin_cycles_ = CycleNow();
};

Local& Synced(Call& call) {
  Local& local = Local::Of(call);
  LoadingHost host(call);
  local.SyncLibraries(host);
  return local;
}

}  // namespace

// Within a script its libraries stay what they are. Where there are none no interpreter is wanted.
void CountFunctions(Call& call) {
  Scripts& scripts = Scripts::Of(call);
  if (scripts.has_counted_functions() || call.in_script()) return;
  const std::uint64_t version = scripts.shelf().version();
  if (scripts.shelf().Get()->empty()) return scripts.SetFunctionCount(0, version);
  (void)Synced(call);
}

namespace {

// ---- FCALL -------------------------------------------------------------------------------------

void Fcall(Call& call) {
  call.ShowNow();
  Function* function = Synced(call).FindFunction(call.arg(1));
  if (function == nullptr) return call.Error(kNoFunction);
  const std::optional<std::int64_t> numkeys = ParseInt64(call.arg(2));
  if (!numkeys) return call.Error(kBadNumkeys);
  if (*numkeys > static_cast<std::int64_t>(call.argc() - kFirstKey))
    return call.Error(command::errors::kInvalidNumkeys);
  if (*numkeys < 0) return call.Error(kNegativeNumkeys);
  const std::span<const std::string_view> words = call.args().subspan(kFirstKey);
  const auto count = static_cast<std::size_t>(*numkeys);
  const Program program{.kind = Program::Kind::kFunction,
                        .name = function->name,
                        .library = function->library,
                        .flags = function->flags,
                        .declares = true,
                        .trust = function->trust,
                        .is_read_only = (call.command().flags & command::kReadonly) != 0,
                        .keys = words.first(count),
                        .args = words.subspan(count)};
  ScriptRun(call, program).Execute();
}

std::uint32_t FlagsOfFcall(Call& call) {
  const std::uint32_t flags = call.command().flags;
  const Function* function = Synced(call).FindFunction(call.arg(1));
  return function == nullptr ? flags : FlagsOf(flags, function->flags);
}

// ---- Changes -----------------------------------------------------------------------------------

// Puts `changed` in the place of `before` and names the call as its effect. False if there is
// another set by now; or the call is delayed.
enum class Published { kYes, kChanged, kDelayed };
Published Publish(Call& call, const std::shared_ptr<const LibrarySet>& before, LibrarySet changed) {
  bool done = false;
  const auto publish = [&](command::CallGroup& group) {
    LibraryShelf& shelf = Scripts::Of(call).shelf();
    if (shelf.Get() != before) return;
    shelf.Set(std::move(changed));
    call.runner().LogInGroup(call, group);
    done = true;
  };
  if (call.group() != nullptr) {
    publish(*call.group());
  } else if (!call.runner().HoldGroup(call, command::Runner::Stripes::kAll, publish)) {
    return Published::kDelayed;
  }
  return done ? Published::kYes : Published::kChanged;
}

// Changes a copy of the set, until nobody has come between. `change` returns an error's text.
template <class Change>
void ChangeLibraries(Call& call, Change change, FunctionRef<void()> reply) {
  while (true) {
    const std::shared_ptr<const LibrarySet> before = Scripts::Of(call).shelf().Get();
    LibrarySet changed = *before;
    if (const std::string error = change(changed); !error.empty()) return call.Error(error);
    switch (Publish(call, before, std::move(changed))) {
      case Published::kYes:
        return reply();
      case Published::kDelayed:
        return;
      case Published::kChanged:
        break;
    }
  }
}

std::string TextOf(const Status& status) { return "ERR " + std::string(status.message()); }

// Adds the library to the set if it loads beside the others of it. An error's text, or none.
std::string AddLibrary(Call& call, LibrarySet& set, std::string_view source,
                       LibrarySet::Present present, std::string* name) {
  Result<std::string> named = ReadLibraryShebang(source);
  if (!named) return std::string(named.error().message());
  *name = *std::move(named);
  const bool is_there = set.Named(*name) != nullptr;
  if (is_there && present == LibrarySet::Present::kRefuse)
    return "ERR Library '" + *name + "' already exists";
  if (Status added = set.Add(source, LibrarySet::Present::kReplace); !added.ok())
    return TextOf(added);
  for (const std::shared_ptr<const Library>& library : set.libraries()) {
    if (library->name != *name) continue;
    LoadingHost host(call);
    const Status tried = Local::Of(call).TryLibrary(library, host);
    return tried.ok() ? std::string() : std::string(tried.message());
  }
  return std::string(kNoLibrary);
}

void FunctionLoad(Call& call) {
  using Present = LibrarySet::Present;
  Present present = Present::kRefuse;
  for (std::size_t i = 2; i + 1 < call.argc(); ++i) {
    if (!EqualsIgnoreCase(call.arg(i), "replace"))
      return call.Error("ERR Unknown option given: " + std::string(call.arg(i)));
    present = Present::kReplace;
  }
  std::string name;
  const auto change = [&](LibrarySet& set) {
    Synced(call);
    return AddLibrary(call, set, call.args().back(), present, &name);
  };
  ChangeLibraries(call, change, [&] { call.reply().Bulk(name); });
}

void FunctionDelete(Call& call) {
  const auto change = [&](LibrarySet& set) -> std::string {
    const std::string_view words[] = {"delete", call.arg(2)};
    return set.Apply(words).ok() ? "" : std::string(kNoLibrary);
  };
  ChangeLibraries(call, change, [&] { call.reply().Ok(); });
}

void FunctionFlush(Call& call) {
  const bool has_mode = call.argc() == 3 && (EqualsIgnoreCase(call.arg(2), "sync") ||
                                             EqualsIgnoreCase(call.arg(2), "async"));
  if (call.argc() > 3)
    return call.Error(command::errors::SubcommandSyntax(call.arg(1), "FUNCTION"));
  if (call.argc() == 3 && !has_mode)
    return call.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
  const auto change = [&](LibrarySet& set) -> std::string {
    set = LibrarySet();
    return "";
  };
  ChangeLibraries(call, change, [&] { call.reply().Ok(); });
}

void FunctionRestore(Call& call) {
  if (call.argc() > 4)
    return call.Error(command::errors::SubcommandSyntax(call.arg(1), "FUNCTION"));
  const std::string_view policy = call.argc() == 4 ? call.arg(3) : "append";
  if (!EqualsIgnoreCase(policy, "append") && !EqualsIgnoreCase(policy, "replace") &&
      !EqualsIgnoreCase(policy, "flush")) {
    return call.Error(
        "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
  }
  if (!codec::IsDumpIntact(call.arg(2))) return call.Error(command::errors::kDumpNotIntact);
  const Result<LibrarySet> given = LibrarySet::FromDump(call.arg(2));
  if (!given) return call.Error(TextOf(given.error()));
  using Present = LibrarySet::Present;
  const Present present =
      EqualsIgnoreCase(policy, "replace") ? Present::kReplace : Present::kRefuse;
  const auto change = [&](LibrarySet& set) -> std::string {
    if (EqualsIgnoreCase(policy, "flush")) {
      set = LibrarySet();
      Local::Of(call).DropLibraries();
    } else {
      Synced(call);
    }
    std::string name;
    std::string error;
    given->ForEach([&](std::string_view source) {
      if (!error.empty()) return;
      error = AddLibrary(call, set, source, present, &name);
      if (error.starts_with("ERR Library '")) error = "ERR Library " + name + " already exists";
    });
    return error;
  };
  ChangeLibraries(call, change, [&] { call.reply().Ok(); });
}

// ---- What there is -----------------------------------------------------------------------------

void FunctionDump(Call& call) {
  codec::RdbOutput out(codec::RdbCompression::kLzf);
  Scripts::Of(call).shelf().Get()->ForEach([&](std::string_view source) {
    out.Byte(static_cast<std::uint8_t>(codec::RdbOpcode::kFunction));
    out.Text(source);
  });
  codec::EndDump(out, codec::RdbType::kString);
  call.reply().Bulk(out.TakeBytes());
}

void ReplyFlags(resp::Writer& reply, const ScriptFlags& flags) {
  const std::pair<bool, std::string_view> words[] = {
      {flags.no_writes, "no-writes"},
      {flags.allow_oom, "allow-oom"},
      {flags.allow_stale, "allow-stale"},
      {flags.no_cluster, "no-cluster"},
      {flags.allow_cross_slot_keys, "allow-cross-slot-keys"},
  };
  std::size_t count = 0;
  for (const auto& [is_set, word] : words) count += is_set ? 1 : 0;
  reply.Set(count);
  for (const auto& [is_set, word] : words) {
    if (is_set) reply.Simple(word);
  }
}

void ReplyFunctions(Call& call, const Local& local, std::string_view library) {
  std::vector<const Function*> functions;
  for (const auto& [name, function] : local.functions()) {
    if (function->library == library) functions.push_back(function.get());
  }
  resp::Writer& reply = call.reply();
  reply.Array(functions.size());
  for (const Function* function : functions) {
    reply.Map(3);
    reply.Bulk("name");
    reply.Bulk(function->name);
    reply.Bulk("description");
    function->has_description ? reply.Bulk(function->description) : reply.Null();
    reply.Bulk("flags");
    ReplyFlags(reply, function->flags);
  }
}

void ReplyLibrary(Call& call, const Local& local, const Library& library, bool with_code) {
  resp::Writer& reply = call.reply();
  reply.Map(with_code ? 4 : 3);
  reply.Bulk("library_name");
  reply.Bulk(library.name);
  reply.Bulk("engine");
  reply.Bulk("LUA");
  reply.Bulk("functions");
  ReplyFunctions(call, local, library.name);
  if (!with_code) return;
  reply.Bulk("library_code");
  reply.Bulk(library.source);
}

void FunctionList(Call& call) {
  bool with_code = false;
  std::optional<std::string_view> pattern;
  for (std::size_t i = 2; i < call.argc(); ++i) {
    if (!with_code && EqualsIgnoreCase(call.arg(i), "withcode")) {
      with_code = true;
    } else if (!pattern && EqualsIgnoreCase(call.arg(i), "libraryname")) {
      if (++i == call.argc()) return call.Error("ERR library name argument was not given");
      pattern = call.arg(i);
    } else {
      return call.Error("ERR Unknown argument " + std::string(call.arg(i)));
    }
  }
  const Local& local = Synced(call);
  const std::shared_ptr<const LibrarySet> set = Scripts::Of(call).shelf().Get();
  const std::size_t array = call.reply().BeginArray();
  std::size_t count = 0;
  for (const std::shared_ptr<const Library>& library : set->libraries()) {
    if (pattern && !GlobMatch(*pattern, library->name, GlobCase::kIgnore)) continue;
    ReplyLibrary(call, local, *library, with_code);
    ++count;
  }
  call.reply().EndArray(array, count);
}

void FunctionKill(Call& call) { ReplyKill(call, Kills::kFunctions); }

// What runs longest, as others' functions mostly end at once.
void ReplyRunning(Call& call) {
  struct Seen {
    std::string name;
    std::vector<std::string> args;
    std::int64_t ms = -1;
  } longest;
  Scripts::Of(call).ForEachRun([&](ScriptRun& run) {
    if (!run.is_function() || run.ran_ms() <= longest.ms) return;
    longest = {.name = std::string(run.name()), .args = {}, .ms = run.ran_ms()};
    for (const std::string_view arg : run.command_args()) longest.args.emplace_back(arg);
  });
  if (longest.ms < 0) return call.reply().Null();
  resp::Writer& reply = call.reply();
  reply.Map(3);
  reply.Bulk("name");
  reply.Bulk(longest.name);
  reply.Bulk("command");
  reply.Array(longest.args.size());
  for (const std::string& arg : longest.args) reply.Bulk(arg);
  reply.Bulk("duration_ms");
  reply.Integer(longest.ms);
}

void FunctionStats(Call& call) {
  bool is_busy = false;
  Scripts::Of(call).ForEachRun(
      [&](ScriptRun& run) { is_busy |= run.is_slow() && !run.is_function(); });
  if (is_busy) return call.Error(kBusyScript);
  const Local& local = Synced(call);
  resp::Writer& reply = call.reply();
  reply.Map(2);
  reply.Bulk("running_script");
  ReplyRunning(call);
  reply.Bulk("engines");
  reply.Map(1);
  reply.Bulk("LUA");
  reply.Map(2);
  reply.Bulk("libraries_count");
  reply.Integer(static_cast<std::int64_t>(Scripts::Of(call).shelf().Get()->size()));
  reply.Bulk("functions_count");
  reply.Integer(static_cast<std::int64_t>(local.functions().size()));
}

constexpr std::uint32_t kFcallFlags = command::kNoScript | command::kStale | command::kSkipMonitor |
                                      command::kMayReplicate | command::kNoMandatoryKeys |
                                      command::kOwnLocks | command::kRunsScript;
constexpr std::uint32_t kChange = command::kWrite | command::kNoScript | command::kOwnLocks;
constexpr std::string_view kToAllShards = "request_policy:all_shards response_policy:all_succeeded";

constexpr Spec kFunctionSubcommands[] = {
    Spec({.syntax = "FUNCTION DELETE library-name",
          .since = "7.0.0",
          .group = Group::kScripting,
          .flags = kChange,
          .complexity = "O(1)",
          .summary = "Deletes a library and its functions.",
          .tips = kToAllShards,
          .run = &FunctionDelete}),
    Spec({.syntax = "FUNCTION DUMP",
          .since = "7.0.0",
          .group = Group::kScripting,
          .flags = command::kNoScript,
          .complexity = "O(N) with N the number of libraries",
          .summary = "Returns all libraries as one payload.",
          .run = &FunctionDump}),
    Spec({.syntax = "FUNCTION FLUSH [ASYNC | SYNC]",
          .since = "7.0.0",
          .group = Group::kScripting,
          .flags = kChange,
          .complexity = "O(N) with N the number of functions",
          .summary = "Deletes all libraries.",
          .tips = kToAllShards,
          .run = &FunctionFlush}),
    Spec({.syntax = "FUNCTION HELP",
          .since = "7.0.0",
          .group = Group::kScripting,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Shows what FUNCTION can do.",
          .run = &command::ReplyHelp}),
    Spec({.syntax = "FUNCTION KILL",
          .since = "7.0.0",
          .group = Group::kScripting,
          .flags = command::kNoScript | command::kAllowBusy,
          .complexity = "O(1)",
          .summary = "Ends the function that runs, if it has not written.",
          .tips = "request_policy:all_shards response_policy:one_succeeded",
          .run = &FunctionKill}),
    Spec({.syntax = "FUNCTION LIST [LIBRARYNAME library-name-pattern] [WITHCODE]",
          .since = "7.0.0",
          .group = Group::kScripting,
          .flags = command::kNoScript,
          .complexity = "O(N) with N the number of functions",
          .summary = "Lists libraries and their functions.",
          .tips = "nondeterministic_output_order",
          .run = &FunctionList}),
    Spec({.syntax = "FUNCTION LOAD [REPLACE] function-code",
          .since = "7.0.0",
          .group = Group::kScripting,
          .flags = kChange | command::kDenyOom,
          .complexity = "O(1) besides running the code",
          .summary = "Adds a library of functions.",
          .tips = kToAllShards,
          .run = &FunctionLoad}),
    Spec({.syntax = "FUNCTION RESTORE serialized-value [FLUSH | APPEND | REPLACE]",
          .since = "7.0.0",
          .group = Group::kScripting,
          .flags = kChange | command::kDenyOom,
          .complexity = "O(N) with N the number of functions",
          .summary = "Adds the libraries of a payload.",
          .tips = kToAllShards,
          .run = &FunctionRestore}),
    Spec({.syntax = "FUNCTION STATS",
          .since = "7.0.0",
          .group = Group::kScripting,
          .flags = command::kNoScript | command::kAllowBusy,
          .complexity = "O(1)",
          .summary = "Tells which function runs, and how many there are.",
          .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
          .run = &FunctionStats}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "FCALL function numkeys [key [key ...]] [arg [arg ...]]",
          .access = "RW ACCESS UPDATE: We cannot tell how the keys will be used so we assume the "
                    "worst, RW and UPDATE",
          .since = "7.0.0",
          .group = Group::kScripting,
          .flags = kFcallFlags,
          .complexity = "Depends on the function",
          .summary = "Calls a function.",
          .run = &Fcall,
          .flags_of = &FlagsOfFcall}),
    Spec({.syntax = "FCALL_RO function numkeys [key [key ...]] [arg [arg ...]]",
          .access =
              "RO ACCESS: We cannot tell how the keys will be used so we assume the worst, RO "
              "and ACCESS",
          .since = "7.0.0",
          .group = Group::kScripting,
          .flags = kFcallFlags | command::kReadonly,
          .complexity = "Depends on the function",
          .summary = "Calls a function that only reads.",
          .run = &Fcall,
          .flags_of = &FlagsOfFcall}),
    Spec({.syntax = "FUNCTION",
          .since = "7.0.0",
          .group = Group::kScripting,
          .complexity = "Depends on the subcommand",
          .summary = "Commands about libraries of functions.",
          .subcommands = kFunctionSubcommands}),
};

}  // namespace

std::span<const Spec> FunctionFamily() { return kSpecs; }

}  // namespace cairn::scripting
