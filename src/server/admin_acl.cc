// SPDX-License-Identifier: BSD-3-Clause
// ACL: the commands over server/access_control.h and src/acl.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "acl/rule_words.h"
#include "base/random.h"
#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/help.h"
#include "server/access_control.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/server.h"

namespace cairn::server {
namespace {

using command::Call;
using command::CommandTable;
using command::Denial;
using command::DenialContext;
using command::DenialReason;
using command::Group;
using command::Spec;

AccessControl& AccessOf(Call& call) { return Connection::Of(call).server().access(); }

std::string Echo(std::string_view word) {
  return std::string(word.substr(0, command::errors::kEchoLimit));
}

// --- Users ---

void SetUser(Call& call) {
  AccessControl& access = AccessOf(call);
  if (!acl::IsUserName(call.arg(2)))
    return call.Error("ERR Usernames can't contain spaces or null characters");
  std::vector<acl::Change> changes;
  const Status set = access.users().Set(call.arg(2), call.args().subspan(3), &changes);
  if (!set.ok()) return call.Error("ERR " + std::string(set.message()));
  access.Spread(call, changes, [](resp::Writer& reply) { reply.Ok(); });
}

void DelUser(Call& call) {
  AccessControl& access = AccessOf(call);
  const auto names = call.args().subspan(2);
  if (std::ranges::find(names, acl::kDefaultUser) != names.end())
    return call.Error("ERR The 'default' user cannot be removed");
  std::vector<acl::Change> changes;
  std::int64_t deleted = 0;
  for (const std::string_view name : names) deleted += access.users().Delete(name, &changes);
  access.Spread(call, changes, [deleted](resp::Writer& reply) { reply.Integer(deleted); });
}

void ReplySelector(resp::Writer& reply, const acl::Selector& selector) {
  reply.Bulk("commands");
  reply.Bulk(selector.DescribeCommands());
  reply.Bulk("keys");
  reply.Bulk(selector.DescribeKeys());
  reply.Bulk("channels");
  reply.Bulk(selector.DescribeChannels());
}

void GetUser(Call& call) {
  const std::shared_ptr<const acl::Profile> profile = AccessOf(call).users().Find(call.arg(2));
  resp::Writer& reply = call.reply();
  if (profile == nullptr) return reply.Null();
  reply.Map(6);
  reply.Bulk("flags");
  const std::vector<std::string_view> flags = profile->flags();
  reply.Set(flags.size());
  for (const std::string_view flag : flags) reply.Bulk(flag);
  reply.Bulk("passwords");
  reply.Array(profile->password_hashes().size());
  for (const std::string& hash : profile->password_hashes()) reply.Bulk(hash);
  ReplySelector(reply, profile->selectors()[0]);
  reply.Bulk("selectors");
  const auto more = std::span(profile->selectors()).subspan(1);
  reply.Array(more.size());
  for (const acl::Selector& selector : more) {
    reply.Map(3);
    ReplySelector(reply, selector);
  }
}

void List(Call& call) {
  AccessOf(call).ReplyOfAll(call, [&users = AccessOf(call).users()](resp::Writer& reply) {
    const acl::Profiles all = users.All();
    reply.Array(all.size());
    for (const auto& [name, profile] : all) reply.Bulk(acl::UserLine(name, *profile));
  });
}

void Names(Call& call) {
  AccessOf(call).ReplyOfAll(call, [&users = AccessOf(call).users()](resp::Writer& reply) {
    const acl::Profiles all = users.All();
    reply.Array(all.size());
    for (const auto& [name, profile] : all) reply.Bulk(name);
  });
}

void WhoAmI(Call& call) { call.reply().Bulk(call.session().user()->name()); }

// --- Files ---

void Load(Call& call) { AccessOf(call).Load(call); }

void Save(Call& call) { AccessOf(call).Save(call); }

// --- What rules are made of ---

void Cat(Call& call) {
  resp::Writer& reply = call.reply();
  if (call.argc() > 3)
    return call.Error(command::errors::SubcommandSyntax(call.arg(1), call.arg(0)));
  if (call.argc() == 2) {
    reply.Array(command::kCategoryNames.size());
    for (const std::string_view name : command::kCategoryNames) reply.Bulk(name);
    return;
  }
  const command::Categories category = command::CategoryNamed(call.arg(2));
  if (category == 0) return call.Error("ERR Unknown category '" + Echo(call.arg(2)) + "'");
  const auto commands = AccessOf(call).users().catalog().InCategory(category);
  reply.Array(commands.size());
  for (const CommandTable::Command* command : commands) reply.Bulk(command->full_name);
}

void GenPass(Call& call) {
  constexpr std::int64_t kBitsDefault = 256;
  constexpr std::int64_t kBitsMax = 4096;
  constexpr std::int64_t kBitsOfDigit = 4;
  if (call.argc() > 3)
    return call.Error(command::errors::SubcommandSyntax(call.arg(1), call.arg(0)));
  std::optional<std::int64_t> bits = kBitsDefault;
  if (call.argc() == 3) bits = ParseInt64(call.arg(2));
  if (!bits) return call.Error(command::errors::kNotAnInteger);
  if (*bits <= 0 || *bits > kBitsMax) {
    return call.Error(
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
        "number up to 4096");
  }
  const auto digits = static_cast<std::size_t>((*bits + kBitsOfDigit - 1) / kBitsOfDigit);
  call.reply().Bulk(SecureRandomHex(digits));
}

// --- What would be, and what was refused ---

// With the name of the key or channel, unlike what the user himself would be told.
std::string FullText(const Denial& denial, const CommandTable::Command& command,
                     std::span<const std::string_view> args) {
  const bool is_command = denial.reason == DenialReason::kCommand;
  if (is_command) return command::DenialText(denial, command);
  const std::string_view what = denial.reason == DenialReason::kKey ? "key" : "channel";
  return "User " + denial.user + " has no permissions to access the '" +
         std::string(args[denial.argument]) + "' " + std::string(what);
}

void DryRun(Call& call) {
  const auto args = call.args().subspan(3);
  const std::shared_ptr<const acl::Profile> profile = AccessOf(call).users().Find(call.arg(2));
  if (profile == nullptr)
    return call.Error("ERR User '" + std::string(call.arg(2)) + "' not found");
  const CommandTable::Command* command = call.table().Resolve(args);
  if (command == nullptr) return call.Error("ERR Command '" + std::string(args[0]) + "' not found");
  if (!command->TakesCount(args.size()))
    return call.Error(command::errors::WrongArity(command->full_name));
  Denial denial = profile->Check(*command, args);
  if (!denial) return call.reply().Ok();
  denial.user = call.arg(2);
  call.reply().Bulk(FullText(denial, *command, args));
}

std::string_view NameOf(DenialReason reason) {
  switch (reason) {
    case DenialReason::kNone:
      break;
    case DenialReason::kCommand:
      return "command";
    case DenialReason::kKey:
      return "key";
    case DenialReason::kAuth:
      return "auth";
    case DenialReason::kChannel:
      return "channel";
  }
  return "unknown";
}

std::string_view NameOf(DenialContext context) {
  switch (context) {
    case DenialContext::kTopLevel:
      return "toplevel";
    case DenialContext::kTransaction:
      return "multi";
    case DenialContext::kScript:
      return "lua";
  }
  return "unknown";
}

void ReplyEntry(resp::Writer& reply, const acl::DenialEntry& entry, UnixMs now_ms) {
  reply.Map(10);
  reply.Bulk("count");
  reply.Integer(entry.count);
  reply.Bulk("reason");
  reply.Bulk(NameOf(entry.reason));
  reply.Bulk("context");
  reply.Bulk(NameOf(entry.context));
  reply.Bulk("object");
  reply.Bulk(entry.object);
  reply.Bulk("username");
  reply.Bulk(entry.user);
  reply.Bulk("age-seconds");
  reply.Double(static_cast<double>(now_ms - entry.updated_ms) / 1000);
  reply.Bulk("client-info");
  reply.Bulk(entry.client_line);
  reply.Bulk("entry-id");
  reply.Integer(entry.id);
  reply.Bulk("timestamp-created");
  reply.Integer(entry.created_ms);
  reply.Bulk("timestamp-last-updated");
  reply.Integer(entry.updated_ms);
}

void Log(Call& call) {
  constexpr std::int64_t kCountDefault = 10;
  if (call.argc() > 3)
    return call.Error(command::errors::SubcommandSyntax(call.arg(1), call.arg(0)));
  acl::DenialLog& log = AccessOf(call).log();
  std::optional<std::int64_t> count = kCountDefault;
  if (call.argc() == 3) {
    if (EqualsIgnoreCase(call.arg(2), "RESET")) {
      log.Reset();
      return call.reply().Ok();
    }
    count = ParseInt64(call.arg(2));
  }
  if (!count) return call.Error(command::errors::kNotAnInteger);
  const auto wanted = static_cast<std::size_t>(std::max<std::int64_t>(*count, 0));
  const std::vector<acl::DenialEntry> entries = log.Newest(wanted);
  const UnixMs now_ms = call.keyspace().clock().NowUnixMs();
  call.reply().Array(entries.size());
  for (const acl::DenialEntry& entry : entries) ReplyEntry(call.reply(), entry, now_ms);
}

constexpr std::uint32_t kForAll = command::kNoScript | command::kLoading | command::kStale;
constexpr std::uint32_t kAdmin = command::kAdmin | kForAll;

constexpr Spec kSubcommands[] = {
    Spec({.syntax = "ACL CAT [category]",
          .since = "6.0.0",
          .group = Group::kServer,
          .flags = kForAll,
          .complexity = "O(1), as the commands are what they are",
          .summary = "Returns the categories of commands, or the commands in one of them.",
          .run = &Cat}),
    Spec({.syntax = "ACL DELUSER username [username ...]",
          .since = "6.0.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is the number of users named, and of connected clients",
          .summary = "Deletes users and closes their connections.",
          .tips = "request_policy:all_nodes response_policy:all_succeeded",
          .run = &DelUser}),
    Spec({.syntax = "ACL DRYRUN username command [arg [arg ...]]",
          .since = "7.0.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(1)",
          .summary = "Tells whether a user may run a command, without running it.",
          .run = &DryRun}),
    Spec({.syntax = "ACL GENPASS [bits:integer]",
          .since = "6.0.0",
          .group = Group::kServer,
          .flags = kForAll,
          .complexity = "O(1)",
          .summary = "Returns a random password that nobody can guess; of 256 bits, or as many as "
                     "asked for.",
          .run = &GenPass}),
    Spec({.syntax = "ACL GETUSER username",
          .since = "6.0.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is the number of the user's rules",
          .summary = "Returns what a user is and may do.",
          .history = "6.2.0: Added the patterns of channels.\n"
                     "7.0.0: Added selectors; patterns come as the rules they are.",
          .run = &GetUser}),
    Spec({.syntax = "ACL HELP",
          .since = "6.0.0",
          .group = Group::kServer,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Returns this text.",
          .run = &command::ReplyHelp}),
    Spec({.syntax = "ACL LIST",
          .since = "6.0.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is the number of users and rules",
          .summary = "Returns the users as lines of an ACL file.",
          .run = &List}),
    Spec({.syntax = "ACL LOAD",
          .since = "6.0.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is the number of users and rules",
          .summary = "Reads the users from the ACL file, all of them or none.",
          .run = &Load}),
    Spec({.syntax = "ACL LOG [count:integer | RESET]",
          .since = "6.0.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is the number of entries returned",
          .summary = "Returns what was refused lately and to whom, the newest first; 10 entries, "
                     "or as many as asked for; RESET forgets them.",
          .history = "7.2.0: Added entry-id, timestamp-created and timestamp-last-updated.",
          .run = &Log}),
    Spec({.syntax = "ACL SAVE",
          .since = "6.0.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is the number of users and rules",
          .summary = "Writes the users into the ACL file.",
          .tips = "request_policy:all_nodes response_policy:all_succeeded",
          .run = &Save}),
    Spec({.syntax = "ACL SETUSER username [rule [rule ...]]",
          .since = "6.0.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is the number of rules given, and of connected clients",
          .summary = "Changes a user by rules, or makes a new one; all rules count or none.",
          .history = "6.2.0: Added the patterns of channels.\n"
                     "7.0.0: Added selectors, and reading and writing of keys apart.",
          .tips = "request_policy:all_nodes response_policy:all_succeeded",
          .run = &SetUser}),
    Spec({.syntax = "ACL USERS",
          .since = "6.0.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is the number of users",
          .summary = "Returns the names of the users.",
          .run = &Names}),
    Spec({.syntax = "ACL WHOAMI",
          .since = "6.0.0",
          .group = Group::kServer,
          .flags = kForAll,
          .complexity = "O(1)",
          .summary = "Returns the name of this connection's user.",
          .run = &WhoAmI}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "ACL",
          .since = "6.0.0",
          .group = Group::kServer,
          .complexity = "Depends on subcommand.",
          .summary = "A container for commands about users and their rights.",
          .subcommands = kSubcommands}),
};

}  // namespace

std::span<const Spec> AclFamily() { return kSpecs; }

}  // namespace cairn::server
