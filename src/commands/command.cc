// SPDX-License-Identifier: BSD-3-Clause
// COMMAND: the server tells about its own commands, all of it from their rows.
//
// Commands come in the order of the table, which Redis leaves open (it walks a hash table).
#include <algorithm>
#include <vector>

#include "base/glob.h"
#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/help.h"
#include "command/key_finder.h"
#include "commands/command_info.h"
#include "commands/families.h"

namespace cairn::commands {
namespace {

using command::CommandTable;

void WriteAllInfo(Call& call) {
  call.reply().Array(call.table().top_level().size());
  for (const CommandTable::Command& command : call.table().top_level()) {
    WriteCommandInfo(command, call.reply());
  }
}

void Command(Call& call) { WriteAllInfo(call); }

void CommandCount(Call& call) {
  call.reply().Integer(static_cast<std::int64_t>(call.table().top_level().size()));
}

void CommandInfo(Call& call) {
  if (call.argc() == 2) return WriteAllInfo(call);
  call.reply().Array(call.argc() - 2);
  for (const std::string_view name : call.args().subspan(2)) {
    const CommandTable::Command* command = call.table().FindFull(name);
    if (command == nullptr) {
      call.reply().Null();
    } else {
      WriteCommandInfo(*command, call.reply());
    }
  }
}

void CommandDocs(Call& call) {
  if (call.argc() == 2) {
    call.reply().Map(call.table().top_level().size());
    for (const CommandTable::Command& command : call.table().top_level()) {
      WriteCommandDocs(command, call.reply());
    }
    return;
  }
  // Names that are not known are left out.
  std::size_t count = 0;
  const std::size_t handle = call.reply().BeginArray();
  for (const std::string_view name : call.args().subspan(2)) {
    const CommandTable::Command* command = call.table().FindFull(name);
    if (command == nullptr) continue;
    WriteCommandDocs(*command, call.reply());
    ++count;
  }
  call.reply().EndMap(handle, count);
}

template <class Wanted>
void WriteNamesThat(Call& call, Wanted wanted) {
  std::size_t count = 0;
  const std::size_t handle = call.reply().BeginArray();
  for (const CommandTable::Command& command : call.table().all()) {
    if (!wanted(command)) continue;
    call.reply().Bulk(command.full_name);
    ++count;
  }
  call.reply().EndArray(handle, count);
}

void CommandList(Call& call) {
  if (call.argc() == 2) {
    return WriteNamesThat(call, [](const CommandTable::Command&) { return true; });
  }
  if (call.argc() != 5 || !EqualsIgnoreCase(call.arg(2), "FILTERBY")) {
    return call.Error(command::errors::kSyntax);
  }
  const std::string_view filter = call.arg(4);
  if (EqualsIgnoreCase(call.arg(3), "MODULE")) return call.reply().Array(0);  // there are none
  if (EqualsIgnoreCase(call.arg(3), "ACLCAT")) {
    const command::Categories category = command::CategoryNamed(filter);
    return WriteNamesThat(call, [&](const CommandTable::Command& command) {
      return (command.categories & category) != 0;
    });
  }
  if (EqualsIgnoreCase(call.arg(3), "PATTERN")) {
    return WriteNamesThat(call, [&](const CommandTable::Command& command) {
      return GlobMatch(filter, command.full_name, GlobCase::kIgnore);
    });
  }
  call.Error(command::errors::kSyntax);
}

// The keys of the command that the arguments from the third on call; false if an error was replied.
bool FindKeysOfCalled(Call& call, std::vector<command::KeyAt>& keys) {
  namespace errors = command::errors;
  const std::span<const std::string_view> args = call.args().subspan(2);
  const CommandTable::Command* called = call.table().Resolve(args);
  const auto fail = [&](std::string_view text) {
    call.Error(text);
    return false;
  };
  if (called == nullptr) return fail(errors::kInvalidCommand);
  const Spec& spec = *called->spec;
  // Shard channels have the place of keys, but are none.
  const auto specs = std::span(spec.key_specs.specs).first(spec.key_specs.count);
  if (std::ranges::all_of(specs, [](const command::KeySpec& key) {
        return (key.flags & command::kKeyNotKey) != 0;
      })) {
    return fail(errors::kNoKeyArguments);
  }
  if (!called->TakesCount(args.size())) return fail(errors::kInvalidArgumentCount);
  const bool fits = command::FindKeysWithFlags(spec, args, keys);
  if (fits && !keys.empty()) return true;
  if ((spec.row.flags & command::kNoMandatoryKeys) != 0) return true;
  return fail(errors::kInvalidArguments);
}

void CommandGetKeys(Call& call) {
  std::vector<command::KeyAt> keys;
  if (!FindKeysOfCalled(call, keys)) return;
  call.reply().Array(keys.size());
  for (const command::KeyAt& key : keys) call.reply().Bulk(call.arg(key.index + 2));
}

void CommandGetKeysAndFlags(Call& call) {
  std::vector<command::KeyAt> keys;
  if (!FindKeysOfCalled(call, keys)) return;
  call.reply().Array(keys.size());
  for (const command::KeyAt& key : keys) {
    call.reply().Array(2);
    call.reply().Bulk(call.arg(key.index + 2));
    WriteKeyFlags(key.flags, call.reply());
  }
}

constexpr std::uint32_t kAlways = command::kLoading | command::kStale;

constexpr Spec kSubcommands[] = {
    Spec({.syntax = "COMMAND COUNT",
          .since = "2.8.13",
          .group = Group::kServer,
          .flags = kAlways,
          .categories = "connection",
          .complexity = "O(1)",
          .summary = "Returns how many commands there are.",
          .run = &CommandCount}),
    Spec({.syntax = "COMMAND DOCS [command-name [command-name ...]]",
          .since = "7.0.0",
          .group = Group::kServer,
          .flags = kAlways,
          .categories = "connection",
          .complexity = "O(N) where N is the number of commands to look up",
          .summary = "Returns the documentation of some commands, or of all.",
          .tips = "nondeterministic_output_order",
          .run = &CommandDocs}),
    Spec({.syntax = "COMMAND GETKEYS command [arg [arg ...]]",
          .since = "2.8.13",
          .group = Group::kServer,
          .flags = kAlways,
          .categories = "connection",
          .complexity = "O(N) where N is the number of arguments to the command",
          .summary = "Finds the key names in a call.",
          .run = &CommandGetKeys}),
    Spec({.syntax = "COMMAND GETKEYSANDFLAGS command [arg [arg ...]]",
          .since = "7.0.0",
          .group = Group::kServer,
          .flags = kAlways,
          .categories = "connection",
          .complexity = "O(N) where N is the number of arguments to the command",
          .summary = "Finds the key names in a call and what it does with each.",
          .run = &CommandGetKeysAndFlags}),
    Spec({.syntax = "COMMAND HELP",
          .since = "5.0.0",
          .group = Group::kServer,
          .flags = kAlways,
          .categories = "connection",
          .complexity = "O(1)",
          .summary = "Returns what the subcommands are for.",
          .run = &command::ReplyHelp}),
    Spec({.syntax = "COMMAND INFO [command-name [command-name ...]]",
          .since = "2.8.13",
          .group = Group::kServer,
          .flags = kAlways,
          .categories = "connection",
          .complexity = "O(N) where N is the number of commands to look up",
          .summary = "Returns arity, flags and keys of some commands, or of all.",
          .history = "7.0.0: Without names it tells of all commands.",
          .tips = "nondeterministic_output_order",
          .run = &CommandInfo}),
    Spec({.syntax =
              "COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
          .since = "7.0.0",
          .group = Group::kServer,
          .flags = kAlways,
          .categories = "connection",
          .complexity = "O(N) where N is the total number of commands",
          .summary = "Returns the names of all commands, or of those a filter admits.",
          .tips = "nondeterministic_output_order",
          .run = &CommandList}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "COMMAND",
          .since = "2.8.13",
          .group = Group::kServer,
          .flags = kAlways,
          .categories = "connection",
          .complexity = "O(N) where N is the total number of commands",
          .summary = "Returns arity, flags and keys of all commands.",
          .tips = "nondeterministic_output_order",
          .run = &Command,
          .subcommands = kSubcommands}),
};

}  // namespace

std::span<const Spec> CommandFamily() { return kSpecs; }

}  // namespace cairn::commands
