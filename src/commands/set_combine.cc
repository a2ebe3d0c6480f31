// SPDX-License-Identifier: BSD-3-Clause
// Intersections, unions and differences of sets, returned, counted or stored.
//
// Every key's type is looked at before anything is computed, absent ones among them or not. The
// forms that store replace whatever the destination holds, an empty result removes it; they are
// logged as they came, since the outcome follows from the data alone.
#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "value/set_algebra.h"

namespace cairn::commands {
namespace {

using command::Call;
using command::Group;
using command::Spec;
using keyspace::Access;
using keyspace::Found;
using value::Set;

// The sets under the keys from `first` on, null where there is none. Nothing, with WRONGTYPE
// replied, if one holds something else.
std::optional<std::vector<const Set*>> FindSets(Call& call, std::size_t first) {
  std::vector<const Set*> sets;
  sets.reserve(call.key_count() - first);
  for (std::size_t n = first; n < call.key_count(); ++n) {
    Found found;
    if (!FindAs<Set>(call, n, Access::kRead, &found)) return std::nullopt;
    sets.push_back(found ? &found.entry->as<Set>() : nullptr);
  }
  return sets;
}

// Replies with what `walk` hands out, as a set of a size that is known at the end.
template <class Walk>
void ReplySet(Call& call, Walk walk) {
  const std::size_t handle = call.reply().BeginArray();
  std::size_t count = 0;
  walk([&](std::string_view member) {
    call.reply().Bulk(member);
    ++count;
  });
  call.reply().EndSet(handle, count);
}

void Sinter(Call& call) {
  const auto sets = FindSets(call, 0);
  if (!sets) return;
  ReplySet(call, [&](Set::MemberFn fn) { value::ForEachInIntersection(*sets, 0, fn); });
}

void Sunion(Call& call) {
  const auto sets = FindSets(call, 0);
  if (!sets) return;
  const Set set = value::Union(*sets, LimitsOf<Set>(call), HomeOf(call, call.key(0)));
  ReplySet(call, [&](Set::MemberFn fn) { set.ForEach(fn); });
}

void Sdiff(Call& call) {
  const auto sets = FindSets(call, 0);
  if (!sets) return;
  const value::TableHome home = HomeOf(call, call.key(0));
  ReplySet(call, [&](Set::MemberFn fn) { value::ForEachInDifference(*sets, home, fn); });
}

void Store(Call& call, std::string_view event, Set&& result) {
  const keyspace::KeyRef& key = call.key(0);
  // Found after the sources: their lookups may have removed expired keys of its stripe.
  Found destination = call.txn().Find(key, Access::kPeek);
  const std::size_t size = result.size();
  const bool changes = size > 0 || destination;
  call.txn().SetCollection(key, destination, std::move(result));
  if (changes) {
    call.LogVerbatim();
    if (size > 0) {
      call.txn().Notify(keyspace::kEventSet, event, key);
    } else {
      call.txn().Notify(keyspace::kEventGeneric, "del", key);
    }
  }
  call.reply().Integer(static_cast<std::int64_t>(size));
}

void SinterStore(Call& call) {
  const auto sets = FindSets(call, 1);
  if (!sets) return;
  Store(call, "sinterstore",
        value::Intersection(*sets, LimitsOf<Set>(call), HomeOf(call, call.key(0))));
}

void SunionStore(Call& call) {
  const auto sets = FindSets(call, 1);
  if (!sets) return;
  Store(call, "sunionstore", value::Union(*sets, LimitsOf<Set>(call), HomeOf(call, call.key(0))));
}

void SdiffStore(Call& call) {
  const auto sets = FindSets(call, 1);
  if (!sets) return;
  Store(call, "sdiffstore",
        value::Difference(*sets, LimitsOf<Set>(call), HomeOf(call, call.key(0))));
}

// SINTERCARD's words after its keys. False with the error replied.
bool ParseLimit(Call& call, std::size_t first, std::size_t* limit) {
  for (std::size_t i = first; i < call.argc(); i += 2) {
    if (!EqualsIgnoreCase(call.arg(i), "LIMIT") || i + 1 == call.argc()) {
      call.Error(command::errors::kSyntax);
      return false;
    }
    const std::optional<std::int64_t> number = ParseInt64(call.arg(i + 1));
    if (!number || *number < 0) {
      call.Error(command::errors::kLimitNegative);
      return false;
    }
    *limit = static_cast<std::size_t>(*number);
  }
  return true;
}

void SinterCard(Call& call) {
  const std::optional<std::int64_t> numkeys = ParseInt64(call.arg(1));
  if (!numkeys || *numkeys < 1) return call.Error(command::errors::kNumkeysNotPositive);
  if (static_cast<std::size_t>(*numkeys) > call.argc() - 2)
    return call.Error(command::errors::kInvalidNumkeys);
  std::size_t limit = 0;
  if (!ParseLimit(call, 2 + static_cast<std::size_t>(*numkeys), &limit)) return;
  const auto sets = FindSets(call, 0);
  if (!sets) return;
  std::int64_t count = 0;
  value::ForEachInIntersection(*sets, limit, [&](std::string_view) { ++count; });
  call.reply().Integer(count);
}

// The rows of one operation differ in name and function only.
consteval Spec ReadRow(std::string_view syntax, std::string_view complexity,
                       std::string_view summary, void (*run)(Call&)) {
  return Spec({.syntax = syntax,
               .access = "RO ACCESS",
               .since = "1.0.0",
               .group = Group::kSet,
               .flags = command::kReadonly,
               .complexity = complexity,
               .summary = summary,
               .tips = "nondeterministic_output_order",
               .run = run});
}

// SINTERSTORE is said to read its destination, though it does not: what clients see is Redis's.
consteval Spec StoreRow(std::string_view syntax, std::string_view access,
                        std::string_view complexity, std::string_view summary, void (*run)(Call&)) {
  return Spec({.syntax = syntax,
               .access = access,
               .since = "1.0.0",
               .group = Group::kSet,
               .flags = command::kWrite | command::kDenyOom,
               .complexity = complexity,
               .summary = summary,
               .run = run});
}

constexpr std::string_view kInterCost =
    "O(N*M) where N is the size of the smallest set and M the number of sets";
constexpr std::string_view kAllCost = "O(N) where N is the number of members in all sets";

constexpr Spec kSpecs[] = {
    ReadRow("SINTER key [key ...]", kInterCost, "Returns the members that all sets have.", &Sinter),
    ReadRow("SUNION key [key ...]", kAllCost, "Returns the members that any of the sets has.",
            &Sunion),
    ReadRow("SDIFF key [key ...]", kAllCost,
            "Returns the members of the first set that no other has.", &Sdiff),
    StoreRow("SINTERSTORE destination key [key ...]", "RW UPDATE; RO ACCESS", kInterCost,
             "Stores the members that all sets have under a key.", &SinterStore),
    StoreRow("SUNIONSTORE destination key [key ...]", "OW UPDATE; RO ACCESS", kAllCost,
             "Stores the members that any of the sets has under a key.", &SunionStore),
    StoreRow("SDIFFSTORE destination key [key ...]", "OW UPDATE; RO ACCESS", kAllCost,
             "Stores the members of the first set that no other has under a key.", &SdiffStore),
    Spec({.syntax = "SINTERCARD numkeys key [key ...] [LIMIT limit]",
          .access = "RO ACCESS",
          .since = "7.0.0",
          .group = Group::kSet,
          .flags = command::kReadonly,
          .complexity = kInterCost,
          .summary = "Counts the members that all sets have, up to a limit.",
          .run = &SinterCard}),
};

}  // namespace

std::span<const Spec> SetCombineFamily() { return kSpecs; }

}  // namespace cairn::commands
