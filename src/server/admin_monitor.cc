// SPDX-License-Identifier: BSD-3-Clause
// MONITOR, and the gate that keeps those who monitor away from the data.
//
// The filters are Cairn's own; Redis knows MONITOR without arguments only.
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/monitor_gate.h"
#include "server/monitors.h"
#include "server/server.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;

bool Refuse(Call& call, std::string_view error) {
  call.Error(error);
  return false;
}

bool ParseFilter(Call& call, MonitorFilter* filter) {
  for (std::size_t i = 1; i < call.argc(); i += 2) {
    if (i + 1 == call.argc()) return Refuse(call, command::errors::kSyntax);
    const std::string_view value = call.arg(i + 1);
    const std::optional<std::int64_t> number = ParseInt64(value);
    if (EqualsIgnoreCase(call.arg(i), "MATCH")) {
      filter->pattern = std::string(value);
    } else if (EqualsIgnoreCase(call.arg(i), "CLIENT")) {
      if (!number || *number < 1) return Refuse(call, "ERR Invalid client ID");
      filter->client = ClientId(static_cast<std::uint64_t>(*number));
    } else if (EqualsIgnoreCase(call.arg(i), "SAMPLE")) {
      if (!number || *number < 1) return Refuse(call, "ERR SAMPLE must be a positive integer");
      filter->sample = static_cast<std::uint64_t>(*number);
    } else {
      return Refuse(call, command::errors::kSyntax);
    }
  }
  return true;
}

void Monitor(Call& call) {
  Connection& connection = Connection::Of(call);
  if (connection.IsNested(call))
    return call.Error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  // As in Redis, a second one is not answered.
  if (connection.monitoring()) return;
  MonitorFilter filter;
  if (!ParseFilter(call, &filter)) return;
  connection.server().monitors().Add(connection, std::move(filter));
  call.reply().Ok();
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "MONITOR [MATCH pattern] [CLIENT client-id] [SAMPLE count]",
          .since = "1.0.0",
          .group = Group::kServer,
          .flags = command::kAdmin | command::kNoScript | command::kLoading | command::kStale,
          .complexity = "",
          .summary = "Shows every command that the server runs, or those that fit.",
          .run = &Monitor}),
};

}  // namespace

bool MonitorGate::Admit(Call& call) {
  if (!call.session().monitoring()) return true;
  constexpr std::uint32_t kOfData = command::kWrite | command::kReadonly | command::kMayReplicate;
  if ((call.command().spec->row.flags & kOfData) == 0) return true;
  return Refuse(call, "ERR Replica can't interact with the keyspace");
}

std::span<const Spec> MonitorFamily() { return kSpecs; }

}  // namespace cairn::server
