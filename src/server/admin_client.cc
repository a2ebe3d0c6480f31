// SPDX-License-Identifier: BSD-3-Clause
// CLIENT: what a connection says of itself, and what one client may see of and do to the others.
// KILL is client_kill.cc, the line of LIST and INFO client_line.cc.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/help.h"
#include "server/client_kill.h"
#include "server/client_line.h"
#include "server/client_name.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/server.h"
#include "server/tracking_commands.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;

void Id(Call& call) { call.reply().Integer(static_cast<std::int64_t>(call.session().id().value)); }

// What the running command's arguments weigh, as CLIENT LIST shows it of the caller.
std::int64_t ArgumentBytes(Call& call) {
  std::size_t bytes = 0;
  for (const std::string_view arg : call.args().subspan(1)) bytes += arg.size();
  return static_cast<std::int64_t>(bytes);
}

// The lines of those clients that `wanted` says.
template <class Wanted>
void ReplyLines(Call& call, Wanted wanted) {
  Connection& connection = Connection::Of(call);
  connection.Publish();
  const std::int64_t argument_bytes = ArgumentBytes(call);
  const auto of = [&](const ClientInfo& info) {
    return info.id == connection.id() ? argument_bytes
                                      : info.wait_argument_bytes.load(std::memory_order_relaxed);
  };
  std::string lines;
  connection.server().clients().ForEach([&](const ClientInfo& info) {
    // One that is killed is gone, though its worker may not have closed it yet.
    if (info.kill_requested.load(std::memory_order_relaxed) || !wanted(info)) return;
    lines += ClientLine(info, call.now_ms(), of(info));
  });
  call.reply().Verbatim("txt", lines);
}

void Info(Call& call) {
  ReplyLines(call, [&](const ClientInfo& info) { return info.id == call.session().id(); });
}

void ListByType(Call& call) {
  ClientClass client_class;
  if (!ParseClientClass(call.arg(3), &client_class)) {
    return call.Error("ERR Unknown client type '" +
                      std::string(call.arg(3).substr(0, command::errors::kEchoLimit)) + "'");
  }
  ReplyLines(call, [&](const ClientInfo& info) { return client_class == ClassOf(info); });
}

void ListById(Call& call) {
  std::vector<std::uint64_t> ids;
  for (const std::string_view word : call.args().subspan(3)) {
    const std::optional<std::int64_t> id = ParseInt64(word);
    if (!id) return call.Error("ERR Invalid client ID");
    ids.push_back(static_cast<std::uint64_t>(*id));
  }
  std::sort(ids.begin(), ids.end());
  ReplyLines(call, [&](const ClientInfo& info) {
    return std::binary_search(ids.begin(), ids.end(), info.id.value);
  });
}

void List(Call& call) {
  if (call.argc() == 4 && EqualsIgnoreCase(call.arg(2), "TYPE")) return ListByType(call);
  if (call.argc() > 3 && EqualsIgnoreCase(call.arg(2), "ID")) return ListById(call);
  if (call.argc() != 2) return call.Error(command::errors::kSyntax);
  ReplyLines(call, [](const ClientInfo&) { return true; });
}

void SetName(Call& call) {
  if (SetClientName(call, call.arg(2))) call.reply().Ok();
}

void GetName(Call& call) {
  std::string name;
  Connection::Of(call).server().clients().With(
      call.session().id(), [&](const ClientInfo& info) { name = info.texts.name; });
  name.empty() ? call.reply().Null() : call.reply().Bulk(name);
}

void SetInfo(Call& call) {
  const std::string option(call.arg(2).substr(0, command::errors::kEchoLimit));
  std::string ClientTexts::* text = nullptr;
  if (EqualsIgnoreCase(option, "LIB-NAME")) text = &ClientTexts::library_name;
  if (EqualsIgnoreCase(option, "LIB-VER")) text = &ClientTexts::library_version;
  if (text == nullptr) return call.Error("ERR Unrecognized option '" + option + "'");
  if (!IsClientWord(call.arg(3)))
    return call.Error("ERR " + option + " cannot contain spaces, newlines or special characters.");
  Connection::Of(call).server().clients().With(
      call.session().id(), [&](ClientInfo& info) { info.texts.*text = call.arg(3); });
  call.reply().Ok();
}

void DoPause(Call& call) {
  if (call.argc() > 4)
    return call.Error(command::errors::SubcommandSyntax(call.arg(1), call.arg(0)));
  Pause::Kind kind = Pause::Kind::kAll;
  if (call.argc() == 4 && EqualsIgnoreCase(call.arg(3), "WRITE")) {
    kind = Pause::Kind::kWrites;
  } else if (call.argc() == 4 && !EqualsIgnoreCase(call.arg(3), "ALL")) {
    return call.Error("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  const std::optional<std::int64_t> timeout_ms = ParseInt64(call.arg(2));
  if (!timeout_ms) return call.Error(command::errors::kTimeoutNotAnInteger);
  if (*timeout_ms < 0) return call.Error(command::errors::kTimeoutNegative);
  if (*timeout_ms > INT64_MAX - call.now_ms()) return call.Error("ERR timeout is out of range");
  if (*timeout_ms > 0) {
    Server& server = Connection::Of(call).server();
    server.PauseUntil(kind, call.now_ms() + *timeout_ms);
    // Once it is answered nothing changes any more: what the lane has begun is waited for.
    if (server.engine().lane()->RunsHeldBack() && call.Delay(keyspace::StripeSet())) return;
  }
  call.reply().Ok();
}

void Unpause(Call& call) {
  Connection::Of(call).server().EndPause();
  call.reply().Ok();
}

// OFF and SKIP are not answered, which is what they are about.
void Reply(Call& call) {
  Connection& connection = Connection::Of(call);
  if (EqualsIgnoreCase(call.arg(2), "ON")) {
    // After SKIP in the same EXEC: it is the command after EXEC that is skipped.
    if (connection.reply_mode() != ReplyMode::kSkipNext) connection.set_reply_mode(ReplyMode::kOn);
    call.reply().Ok();
  } else if (EqualsIgnoreCase(call.arg(2), "OFF")) {
    connection.set_reply_mode(ReplyMode::kOff);
  } else if (EqualsIgnoreCase(call.arg(2), "SKIP")) {
    if (connection.reply_mode() != ReplyMode::kOff) connection.set_reply_mode(ReplyMode::kSkipNext);
  } else {
    call.Error(command::errors::kSyntax);
  }
}

// "on" or "off", in any case; nullopt, with the error replied, if it is neither.
std::optional<bool> ParseSwitch(Call& call, std::string_view word) {
  if (EqualsIgnoreCase(word, "on")) return true;
  if (EqualsIgnoreCase(word, "off")) return false;
  call.Error(command::errors::kSyntax);
  return std::nullopt;
}

void NoEvict(Call& call) {
  const std::optional<bool> on = ParseSwitch(call, call.arg(2));
  if (!on) return;
  Connection::Of(call).info().no_evict.store(*on, std::memory_order_relaxed);
  call.reply().Ok();
}

void NoTouch(Call& call) {
  const std::optional<bool> on = ParseSwitch(call, call.arg(2));
  if (!on) return;
  call.session().set_touches_keys(!*on);
  Connection::Of(call).info().no_touch.store(*on, std::memory_order_relaxed);
  call.reply().Ok();
}

// Ends a client's wait as its time would have, or with an error. True if it was waiting. Where the
// lane is busy with one of its keys, the call is delayed.
bool EndWaitOf(Call& call, ClientId id, bool as_error) {
  Server& server = Connection::Of(call).server();
  std::shared_ptr<command::Parked> parked;
  server.clients().With(id, [&](ClientInfo& info) {
    MutexLock hold(info.waiting_mu);
    parked = info.waiting;
  });
  if (parked == nullptr) return false;
  keyspace::Keyspace& keyspace = server.engine().keyspace();
  command::Unparked end = command::TryUnpark(keyspace, *parked);
  if (end == command::Unparked::kBusy) {
    if (call.Delay(keyspace::KeyLocks::SetOf(parked->keys()))) return false;
    if (command::Unpark(keyspace, *parked)) end = command::Unparked::kDone;
  }
  if (end != command::Unparked::kDone) return false;
  if (as_error) {
    parked->ReplyError("UNBLOCKED client unblocked via CLIENT UNBLOCK");
  } else {
    parked->ReplyTimeout();
  }
  parked->on_answered(parked);
  return true;
}

void Unblock(Call& call) {
  if (call.argc() > 4)
    return call.Error(command::errors::SubcommandSyntax(call.arg(1), call.arg(0)));
  if (call.argc() == 4 && !EqualsIgnoreCase(call.arg(3), "TIMEOUT") &&
      !EqualsIgnoreCase(call.arg(3), "ERROR")) {
    return call.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  const std::optional<std::int64_t> id = ParseInt64(call.arg(2));
  if (!id) return call.Error(command::errors::kNotAnInteger);
  const bool as_error = call.argc() == 4 && EqualsIgnoreCase(call.arg(3), "ERROR");
  const bool woken = EndWaitOf(call, ClientId(static_cast<std::uint64_t>(*id)), as_error);
  call.reply().Integer(woken ? 1 : 0);
}

constexpr std::uint32_t kOwn = command::kNoScript | command::kLoading | command::kStale;
constexpr std::uint32_t kOthers = kOwn | command::kAdmin;

constexpr Spec kSubcommands[] = {
    Spec({.syntax = "CLIENT CACHING <YES | NO>",
          .since = "6.0.0",
          .group = Group::kConnection,
          .flags = kOwn,
          .complexity = "O(1)",
          .summary = "Chooses whether the next command's keys are tracked.",
          .run = &ClientCaching}),
    Spec({.syntax = "CLIENT GETNAME",
          .since = "2.6.9",
          .group = Group::kConnection,
          .flags = kOwn,
          .complexity = "O(1)",
          .summary = "Returns the name of the connection.",
          .run = &GetName}),
    Spec({.syntax = "CLIENT GETREDIR",
          .since = "6.0.0",
          .group = Group::kConnection,
          .flags = kOwn,
          .complexity = "O(1)",
          .summary = "Returns the client that invalidations are sent to, or -1.",
          .run = &ClientGetRedir}),
    Spec({.syntax = "CLIENT HELP",
          .since = "5.0.0",
          .group = Group::kConnection,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Returns this text.",
          .run = &command::ReplyHelp}),
    Spec({.syntax = "CLIENT ID",
          .since = "5.0.0",
          .group = Group::kConnection,
          .flags = kOwn,
          .complexity = "O(1)",
          .summary = "Returns the number of the connection.",
          .run = &Id}),
    Spec({.syntax = "CLIENT INFO",
          .since = "6.2.0",
          .group = Group::kConnection,
          .flags = kOwn,
          .complexity = "O(1)",
          .summary = "Returns the line of CLIENT LIST that is about this connection.",
          .tips = "nondeterministic_output",
          .run = &Info}),
    Spec({.syntax = "CLIENT KILL <ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | "
                    "REPLICA | PUBSUB>] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | "
                    "[SKIPME <yes | no>] | [MAXAGE maxage] [...]>>",
          .since = "2.4.0",
          .group = Group::kConnection,
          .flags = kOthers,
          .complexity = "O(N) where N is the number of client connections",
          .summary = "Closes the connections that fit the filters.",
          .history = "2.8.12: Added the form with filters.\n2.8.12: Added `ID`.\n"
                     "3.2.0: Added the type `master`.\n5.0.0: `replica` replaces `slave`.\n"
                     "6.2.0: Added `LADDR`.",
          .run = &KillClients}),
    Spec({.syntax = "CLIENT LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] "
                    "[ID client-id [client-id ...]]",
          .since = "2.4.0",
          .group = Group::kConnection,
          .flags = kOthers,
          .complexity = "O(N) where N is the number of client connections",
          .summary = "Returns one line about each connection.",
          .history = "2.8.12: Added the field `id`.\n5.0.0: Added the filter `TYPE`.\n"
                     "6.0.0: Added the field `user`.\n6.2.0: Added `argv-mem`, `tot-mem`, "
                     "`laddr`, `redir` and the filter `ID`.\n7.0.0: Added `resp`, `multi-mem`, "
                     "`rbs` and `rbp`.\n7.0.3: Added `ssub`.\n7.2.0: Added `lib-name` and "
                     "`lib-ver`.",
          .tips = "nondeterministic_output",
          .run = &List}),
    Spec({.syntax = "CLIENT NO-EVICT <ON | OFF>",
          .since = "7.0.0",
          .group = Group::kConnection,
          .flags = kOthers,
          .complexity = "O(1)",
          .summary = "Protects the connection from eviction for its buffers' memory.",
          .run = &NoEvict}),
    Spec({.syntax = "CLIENT NO-TOUCH <ON | OFF>",
          .since = "7.2.0",
          .group = Group::kConnection,
          .flags = kOwn,
          .complexity = "O(1)",
          .summary = "Chooses whether the connection's reads count as use of the keys.",
          .run = &NoTouch}),
    Spec({.syntax = "CLIENT PAUSE timeout [WRITE | ALL]",
          .since = "2.9.50",
          .group = Group::kConnection,
          .flags = kOthers,
          .complexity = "O(1)",
          .summary = "Holds back all commands, or those that write, for some milliseconds.",
          .history = "6.2.0: Added the modes `WRITE` and `ALL`.",
          .run = &DoPause}),
    Spec({.syntax = "CLIENT REPLY <ON | OFF | SKIP>",
          .since = "3.2.0",
          .group = Group::kConnection,
          .flags = kOwn,
          .complexity = "O(1)",
          .summary = "Chooses whether the connection's commands are answered.",
          .run = &Reply}),
    Spec({.syntax = "CLIENT SETINFO <LIB-NAME libname | LIB-VER libver>",
          .since = "7.2.0",
          .group = Group::kConnection,
          .flags = kOwn,
          .complexity = "O(1)",
          .summary = "Tells which client library the connection uses.",
          .run = &SetInfo}),
    Spec({.syntax = "CLIENT SETNAME connection-name",
          .since = "2.6.9",
          .group = Group::kConnection,
          .flags = kOwn,
          .complexity = "O(1)",
          .summary = "Names the connection.",
          .run = &SetName}),
    Spec({.syntax = "CLIENT TRACKING <ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix "
                    "...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
          .since = "6.0.0",
          .group = Group::kConnection,
          .flags = kOwn,
          .complexity = "O(1). Some options may introduce additional complexity.",
          .summary = "Chooses whether the server tells when keys change that the client caches.",
          .run = &ClientTrackingSwitch}),
    Spec({.syntax = "CLIENT TRACKINGINFO",
          .since = "6.2.0",
          .group = Group::kConnection,
          .flags = kOwn,
          .complexity = "O(1)",
          .summary = "Returns how the connection's keys are tracked.",
          .run = &ClientTrackingInfo}),
    Spec({.syntax = "CLIENT UNBLOCK client-id [TIMEOUT | ERROR]",
          .since = "5.0.0",
          .group = Group::kConnection,
          .flags = kOthers,
          .complexity = "O(log N) where N is the number of client connections",
          .summary = "Wakes a client that is blocked, by a timeout or an error.",
          .run = &Unblock}),
    Spec({.syntax = "CLIENT UNPAUSE",
          .since = "6.2.0",
          .group = Group::kConnection,
          .flags = kOthers,
          .complexity = "O(N) Where N is the number of paused clients",
          .summary = "Ends a pause.",
          .run = &Unpause}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "CLIENT",
          .since = "2.4.0",
          .group = Group::kConnection,
          .complexity = "Depends on subcommand.",
          .summary = "A container for commands about client connections.",
          .subcommands = kSubcommands}),
};

}  // namespace

std::span<const Spec> ClientFamily() { return kSpecs; }

}  // namespace cairn::server
