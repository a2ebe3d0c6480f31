// SPDX-License-Identifier: BSD-3-Clause
// LATENCY: the commands over server/latency.h and the commands' histograms.
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/help.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/latency_report.h"
#include "server/server.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;

// The event of that name; one without samples if nothing was recorded.
LatencyEvent EventNamed(Call& call, std::string_view name) {
  for (LatencyEvent& event : Connection::Of(call).server().latency().Events()) {
    if (event.name == name) return std::move(event);
  }
  return {};
}

void Latest(Call& call) {
  const std::vector<LatencyEvent> events = Connection::Of(call).server().latency().Events();
  call.reply().Array(events.size());
  for (const LatencyEvent& event : events) {
    call.reply().Array(4);
    call.reply().Bulk(event.name);
    call.reply().Integer(event.samples.back().unix_seconds);
    call.reply().Integer(event.samples.back().duration_ms);
    call.reply().Integer(event.max_ms);
  }
}

void History(Call& call) {
  const LatencyEvent event = EventNamed(call, call.arg(2));
  call.reply().Array(event.samples.size());
  for (const LatencySample& sample : event.samples) {
    call.reply().Array(2);
    call.reply().Integer(sample.unix_seconds);
    call.reply().Integer(sample.duration_ms);
  }
}

void Reset(Call& call) {
  LatencyMonitor& latency = Connection::Of(call).server().latency();
  std::size_t forgotten = call.argc() == 2 ? latency.ResetAll() : 0;
  for (const std::string_view name : call.args().subspan(2)) forgotten += latency.Reset(name);
  call.reply().Integer(static_cast<std::int64_t>(forgotten));
}

void Graph(Call& call) {
  const LatencyEvent event = EventNamed(call, call.arg(2));
  if (event.samples.empty()) {
    return call.Error("ERR No samples available for event '" +
                      std::string(call.arg(2).substr(0, command::errors::kEchoLimit)) + "'");
  }
  call.reply().Verbatim("txt", LatencyGraph(event, call.now_ms() / 1000));
}

void Doctor(Call& call) {
  Server& server = Connection::Of(call).server();
  call.reply().Verbatim(
      "txt", LatencyDoctor(server.latency().Events(), server.latency().threshold_ms(),
                           server.config().Int("slowlog-log-slower-than"), call.now_ms() / 1000));
}

struct CommandBuckets {
  std::string name;
  std::vector<std::pair<std::int64_t, std::int64_t>> buckets;  // never empty
};

// Of the named commands, a container with its subcommands; of all if none is named.
std::vector<CommandBuckets> HistogramsWanted(Call& call) {
  std::vector<CommandBuckets> wanted;
  const std::vector<CommandTotals> all = TotalsByCommand(Connection::Of(call).server());
  const auto add = [&](std::string_view name) {
    for (const CommandTotals& totals : all) {
      const std::string_view full = totals.full_name;
      const bool fits = name.empty() || full == name ||
                        (full.starts_with(name) && full.substr(name.size()).starts_with('|'));
      if (!fits) continue;
      auto buckets = CumulativeHistogram(totals);
      // Calls of a time when nothing was tracked are in no bucket.
      if (!buckets.empty()) wanted.push_back({std::string(full), std::move(buckets)});
    }
  };
  if (call.argc() == 2) add({});
  for (const std::string_view name : call.args().subspan(2)) {
    if (!name.empty()) add(ToLower(name));
  }
  return wanted;
}

void Histogram(Call& call) {
  const std::vector<CommandBuckets> wanted = HistogramsWanted(call);
  call.reply().Map(wanted.size());
  for (const auto& [name, buckets] : wanted) {
    call.reply().Bulk(name);
    call.reply().Map(2);
    call.reply().Bulk("calls");
    call.reply().Integer(buckets.back().second);
    call.reply().Bulk("histogram_usec");
    call.reply().Map(buckets.size());
    for (const auto& [microseconds, count] : buckets) {
      call.reply().Integer(microseconds);
      call.reply().Integer(count);
    }
  }
}

constexpr std::uint32_t kAdmin =
    command::kAdmin | command::kNoScript | command::kLoading | command::kStale;
constexpr std::string_view kTips =
    "nondeterministic_output request_policy:all_nodes response_policy:special";

constexpr Spec kSubcommands[] = {
    Spec({.syntax = "LATENCY DOCTOR",
          .since = "2.8.13",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(1)",
          .summary = "Returns a report about latency, for people.",
          .tips = kTips,
          .run = &Doctor}),
    Spec({.syntax = "LATENCY GRAPH event",
          .since = "2.8.13",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(1)",
          .summary = "Returns a graph of an event's samples, in letters.",
          .tips = kTips,
          .run = &Graph}),
    Spec({.syntax = "LATENCY HELP",
          .since = "2.8.13",
          .group = Group::kServer,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Returns this text.",
          .run = &command::ReplyHelp}),
    Spec({.syntax = "LATENCY HISTOGRAM [command [command ...]]",
          .since = "7.0.0",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity =
              "O(N) where N is the number of commands with latency information being retrieved.",
          .summary = "Returns how many calls of each command took how long.",
          .tips = kTips,
          .run = &Histogram}),
    Spec({.syntax = "LATENCY HISTORY event",
          .since = "2.8.13",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(1)",
          .summary = "Returns an event's samples, with their times.",
          .tips = kTips,
          .run = &History}),
    Spec({.syntax = "LATENCY LATEST",
          .since = "2.8.13",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(1)",
          .summary = "Returns the latest sample of every event.",
          .tips = kTips,
          .run = &Latest}),
    Spec({.syntax = "LATENCY RESET [event [event ...]]",
          .since = "2.8.13",
          .group = Group::kServer,
          .flags = kAdmin,
          .complexity = "O(1)",
          .summary = "Forgets the samples of some events, or of all.",
          .tips = "request_policy:all_nodes response_policy:all_succeeded",
          .run = &Reset}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "LATENCY",
          .since = "2.8.13",
          .group = Group::kServer,
          .complexity = "Depends on subcommand.",
          .summary = "A container for commands about latency.",
          .subcommands = kSubcommands}),
};

}  // namespace

std::span<const Spec> LatencyFamily() { return kSpecs; }

}  // namespace cairn::server
