// SPDX-License-Identifier: BSD-3-Clause
// Connection commands that need no socket: PING, ECHO, SELECT; and TIME, which scripts of an
// embedded engine ask for, too. Those about clients and authentication are the server's.
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

void Time(Call& call) {
  const std::int64_t now_us = call.keyspace().clock().NowUnixUs();
  call.reply().Array(2);
  call.reply().StringFromInteger(now_us / 1'000'000);
  call.reply().StringFromInteger(now_us % 1'000'000);
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
    Spec({.syntax = "TIME",
          .since = "2.6.0",
          .group = Group::kServer,
          .flags = command::kLoading | command::kStale | command::kFast,
          .complexity = "O(1)",
          .summary = "Returns the server's time as seconds and microseconds.",
          .tips = "nondeterministic_output",
          .run = &Time}),
};

}  // namespace

std::span<const Spec> ConnectionFamily() { return kSpecs; }

}  // namespace cairn::commands
