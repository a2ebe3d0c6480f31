// SPDX-License-Identifier: BSD-3-Clause
// Sets: members added, removed, counted, looked for, moved and walked. What draws members at random
// is in set_random.cc, what combines sets in set_combine.cc.
//
// Effects are logged as they came, once something changed: which members were new follows from the
// data alone.
#include "value/set.h"

#include <cstdint>

#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/scan_args.h"

namespace cairn::commands {
namespace {

using value::Set;

void Sadd(Call& call) {
  Found found;
  if (!FindAs<Set>(call, 0, Access::kWrite, &found)) return;
  const value::SetLimits limits = LimitsOf<Set>(call);
  const value::TableHome home = HomeOf(call, call.key(0));
  std::int64_t added = 0;
  {
    auto edit = call.txn().Edit<Set>(call.key(0), found);
    edit->Expect(call.arg(2), call.argc() - 2, limits, home);
    for (const std::string_view member : call.args().subspan(2)) {
      if (edit->Add(member, limits, home)) ++added;
    }
  }
  if (added > 0) {
    call.LogVerbatim();
    call.txn().CountAs(added);
    call.txn().Notify(keyspace::kEventSet, "sadd", call.key(0));
  }
  call.reply().Integer(added);
}

// What a removal that changed something tells: its own event, and that of the key if it went.
void NotifyRemoval(Call& call, std::string_view event, const keyspace::KeyRef& key,
                   const Found& found) {
  call.txn().Notify(keyspace::kEventSet, event, key);
  if (!found) call.txn().Notify(keyspace::kEventGeneric, "del", key);
}

void Srem(Call& call) {
  Found found;
  if (!FindAs<Set>(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.reply().Integer(0);
  std::int64_t removed = 0;
  {
    auto edit = call.txn().Edit<Set>(call.key(0), found);
    for (const std::string_view member : call.args().subspan(2)) {
      if (edit->Remove(member)) ++removed;
    }
  }
  if (removed > 0) {
    call.LogVerbatim();
    call.txn().CountAs(removed);
    NotifyRemoval(call, "srem", call.key(0), found);
  }
  call.reply().Integer(removed);
}

void Scard(Call& call) {
  Found found;
  if (!FindAs<Set>(call, 0, Access::kRead, &found)) return;
  call.reply().Integer(found ? static_cast<std::int64_t>(found.entry->as<Set>().size()) : 0);
}

void Sismember(Call& call) {
  Found found;
  if (!FindAs<Set>(call, 0, Access::kRead, &found)) return;
  call.reply().Integer(found && found.entry->as<Set>().Contains(call.arg(2)) ? 1 : 0);
}

void Smismember(Call& call) {
  Found found;
  if (!FindAs<Set>(call, 0, Access::kRead, &found)) return;
  call.reply().Array(call.argc() - 2);
  for (const std::string_view member : call.args().subspan(2)) {
    call.reply().Integer(found && found.entry->as<Set>().Contains(member) ? 1 : 0);
  }
}

void Smembers(Call& call) {
  Found found;
  if (!FindAs<Set>(call, 0, Access::kRead, &found)) return;
  if (!found) return call.reply().Set(0);
  const Set& set = found.entry->as<Set>();
  if (call.Defer(set.size())) return;
  call.reply().Set(set.size());
  set.ForEach([&](std::string_view member) { call.reply().Bulk(member); });
}

// The member is in the source and leaves it for another set.
void MoveMember(Call& call, Found& source) {
  const std::string_view member = call.arg(3);
  call.txn().Edit<Set>(call.key(0), source)->Remove(member);
  NotifyRemoval(call, "srem", call.key(0), source);
  // Found anew: a change may have moved what lies in the same stripe.
  Found destination = call.txn().Find(call.key(1), Access::kPeek);
  call.LogVerbatim();
  if (destination && destination.entry->as<Set>().Contains(member)) return;
  const value::SetLimits limits = LimitsOf<Set>(call);
  const value::TableHome home = HomeOf(call, call.key(1));
  {
    auto edit = call.txn().Edit<Set>(call.key(1), destination);
    edit->Expect(member, 1, limits, home);
    edit->Add(member, limits, home);
  }
  call.txn().CountAs(2);
  call.txn().Notify(keyspace::kEventSet, "sadd", call.key(1));
}

// A source that does not exist is an answer before the destination's type is looked at.
void Smove(Call& call) {
  Found source = call.txn().Find(call.key(0), Access::kWrite);
  const Found destination = call.txn().Find(call.key(1), Access::kWrite);
  if (!source) return call.reply().Integer(0);
  if (source.entry->type() != keyspace::Type::kSet ||
      (destination && destination.entry->type() != keyspace::Type::kSet)) {
    return call.Error(command::errors::kWrongType);
  }
  if (DeferLargeElements(call, source.entry->as<Set>())) return;
  const bool contains = source.entry->as<Set>().Contains(call.arg(3));
  if (contains && source.entry != destination.entry) MoveMember(call, source);
  call.reply().Integer(contains ? 1 : 0);
}

// An absent set is answered before the options are looked at.
void Sscan(Call& call) {
  const std::optional<std::uint64_t> cursor = ParseCursor(call.arg(2));
  if (!cursor) return call.Error(command::errors::kInvalidCursor);
  Found found;
  if (!FindAs<Set>(call, 0, Access::kRead, &found)) return;
  ScanOptions options;
  if (found && !ParseScanOptions(call, 3, ScanKind::kMembers, &options)) return;
  if (found && call.Defer(ElementsUpTo(found.entry->as<Set>(), options.count))) return;
  ScanReply reply(call);
  if (!found) return reply.Finish(0);
  reply.Finish(found.entry->as<Set>().Scan(*cursor, static_cast<std::size_t>(options.count),
                                           [&](std::string_view member) {
                                             if (options.Matches(member)) reply.Add(member);
                                           }));
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "SADD key member [member ...]",
          .access = "RW INSERT",
          .since = "1.0.0",
          .group = Group::kSet,
          .flags = command::kWrite | command::kDenyOom | command::kFast,
          .complexity = "O(N) where N is the number of members given",
          .summary = "Adds members to a set, which is made if there is none.",
          .history = "2.4.0: Accepts multiple `member` arguments.",
          .run = &Sadd,
          .warm = &WarmMembers<Set, 2>}),
    Spec({.syntax = "SREM key member [member ...]",
          .access = "RW DELETE",
          .since = "1.0.0",
          .group = Group::kSet,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of members given",
          .summary = "Removes members from a set; one that is left empty goes with its key.",
          .history = "2.4.0: Accepts multiple `member` arguments.",
          .run = &Srem,
          .warm = &WarmMembers<Set, 2>}),
    Spec({.syntax = "SCARD key",
          .access = "RO",
          .since = "1.0.0",
          .group = Group::kSet,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(1)",
          .summary = "Returns the number of members of a set.",
          .run = &Scard}),
    Spec({.syntax = "SISMEMBER key member",
          .access = "RO",
          .since = "1.0.0",
          .group = Group::kSet,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(1)",
          .summary = "Tells whether a set has a member.",
          .run = &Sismember,
          .warm = &WarmMembers<Set, 2>}),
    Spec({.syntax = "SMISMEMBER key member [member ...]",
          .access = "RO ACCESS",
          .since = "6.2.0",
          .group = Group::kSet,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(N) where N is the number of members given",
          .summary = "Tells of several members whether a set has them.",
          .run = &Smismember,
          .warm = &WarmMembers<Set, 2>}),
    Spec({.syntax = "SMEMBERS key",
          .access = "RO ACCESS",
          .since = "1.0.0",
          .group = Group::kSet,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of members",
          .summary = "Returns all members of a set.",
          .tips = "nondeterministic_output_order",
          .run = &Smembers}),
    Spec({.syntax = "SMOVE source destination member",
          .access = "RW ACCESS DELETE; RW INSERT",
          .since = "1.0.0",
          .group = Group::kSet,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(1)",
          .summary = "Moves a member from one set to another.",
          .run = &Smove}),
    Spec({.syntax = "SSCAN key cursor [MATCH pattern] [COUNT count]",
          .access = "RO ACCESS",
          .since = "2.8.0",
          .group = Group::kSet,
          .flags = command::kReadonly,
          .complexity = "O(1) for every call, O(N) for a whole iteration",
          .summary = "Iterates over the members of a set, some at a call.",
          .tips = "nondeterministic_output",
          .run = &Sscan}),
};

}  // namespace

std::span<const Spec> SetFamily() { return kSpecs; }

}  // namespace cairn::commands
