// SPDX-License-Identifier: BSD-3-Clause
// Connection commands that need no socket: PING, ECHO, SELECT. Those about clients and
// authentication are the server's.
#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/db_index.h"
#include "commands/families.h"

namespace cairn::commands {
namespace {

void Ping(Call& call) {
  if (call.argc() > 2) return call.Error(command::errors::WrongArity("ping"));
  if (call.session().subscribed() && !call.reply().resp3()) {
    // Where messages may come at any time, everything looks like one.
    call.reply().Array(2);
    call.reply().Bulk("pong");
    return call.argc() == 2 ? call.ReplyArgument(1) : call.reply().Bulk({});
  }
  if (call.argc() == 2) return call.ReplyArgument(1);
  call.reply().Simple("PONG");
}

void Echo(Call& call) { call.ReplyArgument(1); }

void Select(Call& call) {
  const std::optional<DbId> db = ParseDbIndex(call, call.arg(1));
  if (!db) return;
  call.session().set_db(*db);
  call.reply().Ok();
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "PING [message]",
          .since = "1.0.0",
          .group = Group::kConnection,
          .flags = command::kFast,
          .complexity = "O(1)",
          .summary = "Answers PONG, or the message it was given.",
          .tips = "request_policy:all_shards response_policy:all_succeeded",
          .run = &Ping}),
    Spec({.syntax = "ECHO message",
          .since = "1.0.0",
          .group = Group::kConnection,
          .flags = command::kLoading | command::kStale | command::kFast,
          .complexity = "O(1)",
          .summary = "Answers the message it was given.",
          .run = &Echo}),
    Spec({.syntax = "SELECT index",
          .since = "1.0.0",
          .group = Group::kConnection,
          .flags = command::kLoading | command::kStale | command::kFast,
          .complexity = "O(1)",
          .summary = "Changes the database that this connection works on.",
          .run = &Select}),
};

}  // namespace

std::span<const Spec> ConnectionFamily() { return kSpecs; }

}  // namespace cairn::commands
