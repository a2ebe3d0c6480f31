// SPDX-License-Identifier: BSD-3-Clause
// CACHE.PURGE: the delete of a group of keys by pattern, in the background; see keyspace/purges.h.
// The commands only order, tell and cancel: what is deleted is logged as it goes.
//
// A user may order it if a pattern of his rights covers the purge's (acl/selector.cc); others'
// purges he sees, and cancels, by the same rule.
#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/help.h"
#include "command/rights.h"
#include "commands/families.h"
#include "keyspace/purges.h"

namespace cairn::commands {
namespace {

using command::ScopeAt;
using keyspace::PurgeKind;
using keyspace::PurgeOrder;
using keyspace::PurgeReport;
using keyspace::Purges;
using keyspace::PurgeState;
using keyspace::Type;

constexpr ScopeAt kPurgedKeys = {
    .index = 2, .kind = command::ScopeKind::kPattern, .flags = command::kKeyDelete};

void FindPurgedKeys(std::span<const std::string_view> args, std::vector<ScopeAt>& scopes) {
  if (args.size() > kPurgedKeys.index) scopes.push_back(kPurgedKeys);
}

std::optional<Type> TypeNamed(std::string_view name) {
  for (const Type type :
       {Type::kString, Type::kList, Type::kSet, Type::kSortedSet, Type::kHash, Type::kStream}) {
    if (EqualsIgnoreCase(name, keyspace::NameOf(type))) return type;
  }
  return std::nullopt;
}

// False with the error replied.
bool ParseOrder(Call& call, PurgeOrder* order) {
  order->pattern = call.arg(2);
  for (std::size_t at = 3; at < call.argc(); ++at) {
    const std::string_view word = call.arg(at);
    const bool has_value = at + 1 < call.argc();
    if (EqualsIgnoreCase(word, "SOFT") && order->kind == PurgeKind::kDelete) {
      order->kind = PurgeKind::kMakeStale;
    } else if (EqualsIgnoreCase(word, "TYPE") && has_value && !order->type) {
      order->type = TypeNamed(call.arg(++at));
      if (!order->type) return call.Error("ERR unknown type name"), false;
    } else if (EqualsIgnoreCase(word, "RATE") && has_value && order->rate == 0) {
      const std::optional<std::int64_t> rate = ParseInt64(call.arg(++at));
      if (!rate || *rate < 1 || *rate > Purges::kRateMax)
        return call.Error("ERR RATE must be an integer from 1 to 1000000000"), false;
      order->rate = *rate;
    } else {
      return call.Error(command::errors::kSyntax), false;
    }
  }
  return true;
}

void Start(Call& call) {
  if (call.arg(2).size() > Purges::kPatternBytesMax)
    return call.Error("ERR a purge's pattern has at most 1024 bytes");
  PurgeOrder order;
  if (!ParseOrder(call, &order)) return;
  const std::uint64_t id =
      call.keyspace().purges().Start(std::move(order), call.session().db(), call.now_ms());
  if (id == 0) return call.Error("ERR 16 purges are running already");
  call.reply().Integer(static_cast<std::int64_t>(id));
}

std::string_view NameOf(PurgeState state) {
  switch (state) {
    case PurgeState::kRunning:
      return "running";
    case PurgeState::kDone:
      return "done";
    case PurgeState::kCancelled:
      return "cancelled";
  }
  return "";
}

// Those that concern the caller.
std::vector<PurgeReport> ReportsFor(Call& call) {
  std::vector<PurgeReport> reports = call.keyspace().purges().Reports(call.now_ms());
  std::erase_if(reports, [&](const PurgeReport& report) {
    return !command::MayTouch(call.session(), call.command(), call.args(), kPurgedKeys,
                              report.order->pattern);
  });
  return reports;
}

void ReplyReport(resp::Writer& reply, const PurgeReport& report) {
  const PurgeOrder& order = *report.order;
  const auto integer = [&](std::string_view name, std::int64_t value) {
    reply.Bulk(name);
    reply.Integer(value);
  };
  reply.Map(11);
  integer("id", static_cast<std::int64_t>(report.id));
  reply.Bulk("pattern");
  reply.Bulk(order.pattern);
  integer("database", report.db.value);
  reply.Bulk("type");
  reply.Bulk(order.type ? keyspace::NameOf(*order.type) : "any");
  integer("soft", order.kind == PurgeKind::kMakeStale ? 1 : 0);
  integer("rate", order.rate);
  reply.Bulk("state");
  reply.Bulk(NameOf(report.state));
  integer("looked-at", report.looked_at);
  integer("removed", report.removed);
  integer("percent", report.percent);
  integer("elapsed-ms", report.elapsed_ms);
}

// Nothing if it is no number: the error is replied.
std::optional<std::uint64_t> ParseId(Call& call) {
  const std::optional<std::int64_t> id = ParseInt64(call.arg(2));
  if (id && *id >= 1) return static_cast<std::uint64_t>(*id);
  call.Error(command::errors::kNotAnInteger);
  return std::nullopt;
}

void Status(Call& call) {
  std::optional<std::uint64_t> id;
  if (call.argc() == 3) {
    id = ParseId(call);
    if (!id) return;
  }
  const std::vector<PurgeReport> reports = ReportsFor(call);
  if (!id) {
    call.reply().Array(reports.size());
    for (const PurgeReport& report : reports) ReplyReport(call.reply(), report);
    return;
  }
  const auto report = std::ranges::find(reports, *id, &PurgeReport::id);
  report == reports.end() ? call.reply().Null() : ReplyReport(call.reply(), *report);
}

void Cancel(Call& call) {
  const std::optional<std::uint64_t> id = ParseId(call);
  if (!id) return;
  const std::vector<PurgeReport> reports = ReportsFor(call);
  const bool is_known = std::ranges::find(reports, *id, &PurgeReport::id) != reports.end();
  const bool was_running = is_known && call.keyspace().purges().Cancel(*id, call.now_ms());
  call.reply().Integer(was_running ? 1 : 0);
}

constexpr Spec kSubcommands[] = {
    Spec({.syntax = "CACHE.PURGE CANCEL id:integer",
          .since = "0.1.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kFast,
          .categories = "keyspace dangerous",
          .complexity = "O(1)",
          .summary = "Ends a purge that is under way. What has gone is gone.",
          .run = &Cancel}),
    Spec({.syntax = "CACHE.PURGE HELP",
          .since = "0.1.0",
          .group = Group::kGeneric,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Returns this text.",
          .run = &command::ReplyHelp}),
    Spec({.syntax = "CACHE.PURGE START pattern:pattern [TYPE type:string] [RATE rate:integer] "
                    "[SOFT]",
          .since = "0.1.0",
          .group = Group::kGeneric,
          .flags = command::kWrite,
          .categories = "keyspace dangerous",
          .complexity = "O(1) for the caller, O(N) with the keys of the database in the background",
          .summary = "Begins to delete all keys that match a pattern, or to make them stale.",
          .tips = "request_policy:all_shards nondeterministic_output",
          .run = &Start,
          .find_scopes = &FindPurgedKeys}),
    Spec({.syntax = "CACHE.PURGE STATUS [id:integer]",
          .since = "0.1.0",
          .group = Group::kGeneric,
          .flags = command::kReadonly,
          .categories = "keyspace dangerous",
          .complexity = "O(N) where N is the number of purges, 80 at most",
          .summary = "Returns how far purges have come, also of those that have ended of late.",
          .tips = "request_policy:all_shards nondeterministic_output",
          .run = &Status}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "CACHE.PURGE",
          .since = "0.1.0",
          .group = Group::kGeneric,
          .complexity = "Depends on subcommand.",
          .summary = "A container for commands about deletes by pattern in the background.",
          .subcommands = kSubcommands}),
};

}  // namespace

std::span<const Spec> PurgeFamily() { return kSpecs; }

}  // namespace cairn::commands
