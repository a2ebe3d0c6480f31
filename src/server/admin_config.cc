// SPDX-License-Identifier: BSD-3-Clause
// CONFIG: the commands over server/config.h.
#include <vector>

#include "command/call.h"
#include "command/errors.h"
#include "command/help.h"
#include "server/config_rewrite.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/server.h"
#include "server/statistics.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;

void Get(Call& call) {
  const std::vector<ConfigEntry> entries =
      Connection::Of(call).server().config().Get(call.args().subspan(2));
  call.reply().Map(entries.size());
  for (const ConfigEntry& entry : entries) {
    call.reply().Bulk(entry.name);
    call.reply().Bulk(entry.value);
  }
}

void Set(Call& call) {
  if (call.argc() % 2 != 0) return call.Error(command::errors::kSyntax);
  std::vector<ConfigAssignment> assignments;
  for (std::size_t i = 2; i < call.argc(); i += 2)
    assignments.push_back({call.arg(i), call.arg(i + 1)});
  Connection& connection = Connection::Of(call);
  const ConfigCaller caller =
      connection.info().is_local ? ConfigCaller::kLocal : ConfigCaller::kRemote;
  const Status set = connection.server().config().Set(assignments, caller);
  if (!set.ok()) return call.Error(set.message());
  call.reply().Ok();
}

void Rewrite(Call& call) {
  Server& server = Connection::Of(call).server();
  const std::vector<std::string> users = server.access().UserLines();
  const Status rewritten = RewriteConfig(server.config(), RewriteScope::kChanged, &users);
  if (!rewritten.ok()) return call.Error(rewritten.message());
  server.log().Notice("CONFIG REWRITE executed with success.");
  call.reply().Ok();
}

void ResetStat(Call& call) {
  ResetStatistics(Connection::Of(call).server());
  call.reply().Ok();
}

constexpr std::uint32_t kAdmin =
    command::kAdmin | command::kNoScript | command::kLoading | command::kStale;

constexpr Spec kSubcommands[] = {
    Spec({.syntax = "CONFIG GET parameter [parameter ...]",
          .since = "2.0.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is the number of directives",
          .summary = "Returns the directives that match the patterns, with their values.",
          .history = "7.0.0: Accepts several patterns.",
          .run = &Get}),
    Spec({.syntax = "CONFIG SET parameter value [parameter value ...]",
          .since = "2.0.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is the number of directives given",
          .summary = "Changes directives while the server runs, all of them or none.",
          .history = "7.0.0: Accepts several directives.",
          .tips = "request_policy:all_nodes response_policy:all_succeeded",
          .run = &Set}),
    Spec({.syntax = "CONFIG REWRITE",
          .since = "2.8.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(N) where N is the length of the configuration file",
          .summary = "Writes the running configuration into its file, keeping comments and order.",
          .tips = "request_policy:all_nodes response_policy:all_succeeded",
          .run = &Rewrite}),
    Spec({.syntax = "CONFIG RESETSTAT",
          .since = "2.0.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(1)",
          .summary = "Sets the statistics of INFO back to zero.",
          .tips = "request_policy:all_nodes response_policy:all_succeeded",
          .run = &ResetStat}),
    Spec({.syntax = "CONFIG HELP",
          .since = "5.0.0",
          .group = Group::kServer,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Returns this text.",
          .run = &command::ReplyHelp}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "CONFIG",
          .since = "2.0.0",
          .group = Group::kServer,
          .complexity = "Depends on subcommand.",
          .summary = "A container for commands about the configuration.",
          .subcommands = kSubcommands}),
};

}  // namespace

std::span<const Spec> ConfigFamily() { return kSpecs; }

}  // namespace cairn::server
