// SPDX-License-Identifier: BSD-3-Clause
// SLOWLOG: the commands over server/slow_log.h.
#include <optional>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/help.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/server.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;

constexpr std::int64_t kCountDefault = 10;

void ReplyEntry(resp::Writer& reply, const SlowEntry& entry) {
  reply.Array(6);
  reply.Integer(entry.id);
  reply.Integer(entry.unix_seconds);
  reply.Integer(entry.duration_us);
  reply.Array(entry.args.size());
  for (const std::string& arg : entry.args) reply.Bulk(arg);
  reply.Bulk(entry.client_address);
  reply.Bulk(entry.client_name);
}

void Get(Call& call) {
  if (call.argc() > 3)
    return call.Error(command::errors::SubcommandSyntax(call.arg(1), call.arg(0)));
  std::optional<std::int64_t> count = kCountDefault;
  if (call.argc() == 3) count = ParseInt64(call.arg(2));
  if (!count || *count < -1) return call.Error("ERR count should be greater than or equal to -1");
  // -1 as an unsigned number is all of them.
  const std::vector<SlowEntry> entries =
      Connection::Of(call).server().slow_log().Newest(static_cast<std::size_t>(*count));
  call.reply().Array(entries.size());
  for (const SlowEntry& entry : entries) ReplyEntry(call.reply(), entry);
}

void Len(Call& call) {
  call.reply().Integer(
      static_cast<std::int64_t>(Connection::Of(call).server().slow_log().length()));
}

void Reset(Call& call) {
  Connection::Of(call).server().slow_log().Reset();
  call.reply().Ok();
}

constexpr std::uint32_t kAdmin = command::kAdmin | command::kLoading | command::kStale;

constexpr Spec kSubcommands[] = {
    Spec({.syntax = "SLOWLOG GET [count]",
          .since = "2.2.12",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is the number of entries returned",
          .summary = "Returns the newest entries of the slow log; 10 of them, or all for -1.",
          .history = "4.0.0: Added the client's address and name.",
          .tips = "request_policy:all_nodes nondeterministic_output",
          .run = &Get}),
    Spec({.syntax = "SLOWLOG HELP",
          .since = "6.2.0",
          .group = Group::kServer,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Returns this text.",
          .run = &command::ReplyHelp}),
    Spec({.syntax = "SLOWLOG LEN",
          .since = "2.2.12",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(1)",
          .summary = "Returns the number of entries in the slow log.",
          .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
          .run = &Len}),
    Spec({.syntax = "SLOWLOG RESET",
          .since = "2.2.12",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is the number of entries in the slowlog",
          .summary = "Empties the slow log.",
          .tips = "request_policy:all_nodes response_policy:all_succeeded",
          .run = &Reset}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "SLOWLOG",
          .since = "2.2.12",
          .group = Group::kServer,
          .complexity = "Depends on subcommand.",
          .summary = "A container for commands about the slow log.",
          .subcommands = kSubcommands}),
};

}  // namespace

std::span<const Spec> SlowLogFamily() { return kSpecs; }

}  // namespace cairn::server
