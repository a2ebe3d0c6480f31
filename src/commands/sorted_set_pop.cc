// SPDX-License-Identifier: BSD-3-Clause
// Taking members from an end of a sorted set, at once or once there are some.
//
// The pops differ in where they look, whether they name the key, and whether pairs are nested: the
// reply of ZPOPMIN is flat over RESP2, and over RESP3 without a count. The effect of a pop from
// several keys is a ZPOPMIN or ZPOPMAX of the one that had something.
#include <algorithm>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/lists.h"
#include "commands/sorted_sets.h"
#include "value/sorted_set.h"

namespace cairn::commands {
namespace {

using value::Direction;
using value::SortedSet;

// kUp takes the lowest.
struct PopForm {
  Direction direction = Direction::kUp;
  std::int64_t count = 1;
  bool names_key = false;
  bool nests_pairs = false;
};

void ReplyPopHead(Call& call, const keyspace::KeyRef& key, const PopForm& form,
                  std::size_t members) {
  if (form.names_key && form.nests_pairs) {
    call.reply().Array(2);
    call.reply().Bulk(key.name);
    return call.reply().Array(members);
  }
  if (form.nests_pairs) return call.reply().Array(members);
  call.reply().Array(2 * members + (form.names_key ? 1 : 0));
  if (form.names_key) call.reply().Bulk(key.name);
}

// REQUIRES: found, form.count > 0.
void PopFrom(Call& call, std::size_t n, Found& found, const PopForm& form) {
  const keyspace::KeyRef& key = call.key(n);
  const std::size_t popped =
      std::min(static_cast<std::size_t>(form.count), SortedSetOf(found).size());
  ReplyPopHead(call, key, form, popped);
  const auto reply_pair = [&](std::string_view member, double score) {
    if (form.nests_pairs) call.reply().Array(2);
    call.reply().Bulk(member);
    call.reply().Double(score);
  };
  call.txn().Edit<SortedSet>(key, found)->Pop(popped, form.direction, reply_pair);
  const bool up = form.direction == Direction::kUp;
  char digits[kInt64TextMax];
  const char* end = FormatUint64(digits, popped);
  call.txn().Log(
      {up ? "ZPOPMIN" : "ZPOPMAX", key.name, {digits, static_cast<std::size_t>(end - digits)}});
  call.txn().CountAs(static_cast<std::int64_t>(popped));
  NotifyTaken(call, key, up ? "zpopmin" : "zpopmax", found);
}

bool DeferPop(Call& call, const Found& found, const PopForm& form) {
  return call.Defer(ElementsUpTo(SortedSetOf(found), form.count));
}

enum class PopOutcome : std::uint8_t { kPopped, kNothing, kRefused };

// Takes from the first key that has something; replies unless there is nothing.
PopOutcome PopFirst(Call& call, const PopForm& form) {
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    Found found;
    if (!FindAs<SortedSet>(call, n, Access::kWrite, &found)) return PopOutcome::kRefused;
    if (!found) continue;
    if (!DeferPop(call, found, form)) PopFrom(call, n, found, form);
    return PopOutcome::kPopped;
  }
  return PopOutcome::kNothing;
}

void Pop(Call& call, Direction direction) {
  if (call.argc() > 3) return call.Error(command::errors::kSyntax);
  PopForm form = {.direction = direction};
  if (call.argc() == 3) {
    const auto count = ParseInt64(call.arg(2));
    if (!count || *count < 0) return call.Error(command::errors::kMustBePositive);
    form.count = *count;
    form.nests_pairs = call.reply().resp3();
  }
  Found found;
  if (!FindAs<SortedSet>(call, 0, Access::kWrite, &found)) return;
  if (!found || form.count == 0) return call.reply().Array(0);
  if (DeferPop(call, found, form)) return;
  PopFrom(call, 0, found, form);
}

void ZPopMin(Call& call) { Pop(call, Direction::kUp); }
void ZPopMax(Call& call) { Pop(call, Direction::kDown); }

// "numkeys key [key ...] MIN|MAX [COUNT count]" from argument `first` on. Nothing, with the error
// replied, if it is not that.
std::optional<PopForm> ParseMultiPop(Call& call, std::size_t first) {
  const auto refuse = [&](std::string_view error) {
    call.Error(error);
    return std::nullopt;
  };
  const auto keys = ParseInt64(call.arg(first));
  if (!keys || *keys < 1) return refuse(command::errors::kNumkeysNotPositive);
  if (static_cast<std::uint64_t>(*keys) + 1 >= call.argc() - first)
    return refuse(command::errors::kSyntax);
  const std::size_t where = first + 1 + static_cast<std::size_t>(*keys);
  PopForm form = {.names_key = true, .nests_pairs = true};
  if (EqualsIgnoreCase(call.arg(where), "MAX")) {
    form.direction = Direction::kDown;
  } else if (!EqualsIgnoreCase(call.arg(where), "MIN")) {
    return refuse(command::errors::kSyntax);
  }
  if (where + 1 == call.argc()) return form;
  // COUNT's number is judged before words that are too many.
  if (!EqualsIgnoreCase(call.arg(where + 1), "COUNT") || where + 2 == call.argc())
    return refuse(command::errors::kSyntax);
  const auto count = ParseInt64(call.arg(where + 2));
  if (!count || *count < 1) return refuse(command::errors::kCountNotPositive);
  if (where + 3 != call.argc()) return refuse(command::errors::kSyntax);
  form.count = *count;
  return form;
}

void ZMPop(Call& call) {
  const auto form = ParseMultiPop(call, 1);
  if (!form) return;
  if (PopFirst(call, *form) == PopOutcome::kNothing) call.reply().NullArray();
}

// --- waiting for something to pop ---

void PopOrWait(Call& call, const PopForm& form, std::string_view timeout) {
  const auto timeout_ms = ParseTimeoutSeconds(call, timeout);
  if (!timeout_ms) return;
  if (PopFirst(call, form) == PopOutcome::kNothing)
    call.Block(keyspace::Type::kSortedSet, *timeout_ms, command::TimeoutReply::kNullArray);
}

void BZPopMin(Call& call) {
  PopOrWait(call, {.direction = Direction::kUp, .names_key = true}, call.arg(call.argc() - 1));
}
void BZPopMax(Call& call) {
  PopOrWait(call, {.direction = Direction::kDown, .names_key = true}, call.arg(call.argc() - 1));
}

void BZMPop(Call& call) {
  const auto form = ParseMultiPop(call, 2);
  if (form) PopOrWait(call, *form, call.arg(1));
}

constexpr std::string_view kPopCost =
    "O(log(N)*M) where N is the number of members in the set and M of those popped";

constexpr Spec kSpecs[] = {
    Spec({.syntax = "ZPOPMIN key [count]",
          .access = "RW ACCESS DELETE",
          .since = "5.0.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kFast,
          .complexity = kPopCost,
          .summary = "Removes and returns the members with the lowest scores.",
          .run = &ZPopMin}),
    Spec({.syntax = "ZPOPMAX key [count]",
          .access = "RW ACCESS DELETE",
          .since = "5.0.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kFast,
          .complexity = kPopCost,
          .summary = "Removes and returns the members with the highest scores.",
          .run = &ZPopMax}),
    Spec({.syntax = "ZMPOP numkeys key [key ...] <MIN | MAX> [COUNT count]",
          .access = "RW ACCESS DELETE",
          .since = "7.0.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite,
          .complexity = kPopCost,
          .summary = "Pops from the first of several sorted sets that has members.",
          .run = &ZMPop}),
    Spec({.syntax = "BZPOPMIN key [key ...] timeout:double",
          .access = "RW ACCESS DELETE",
          .since = "5.0.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kFast | command::kBlocking,
          .complexity = "O(log(N)) where N is the number of members in the set",
          .summary = "Pops the lowest member of the first set that has any, or waits for one.",
          .history = "6.0.0: The timeout may have a fraction.",
          .run = &BZPopMin}),
    Spec({.syntax = "BZPOPMAX key [key ...] timeout:double",
          .access = "RW ACCESS DELETE",
          .since = "5.0.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kFast | command::kBlocking,
          .complexity = "O(log(N)) where N is the number of members in the set",
          .summary = "Pops the highest member of the first set that has any, or waits for one.",
          .history = "6.0.0: The timeout may have a fraction.",
          .run = &BZPopMax}),
    Spec({.syntax = "BZMPOP timeout:double numkeys key [key ...] <MIN | MAX> [COUNT count]",
          .access = "RW ACCESS DELETE",
          .since = "7.0.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kBlocking,
          .complexity = kPopCost,
          .summary = "Pops from the first set that has members, or waits for one that has.",
          .run = &BZMPop}),
};

}  // namespace

std::span<const Spec> SortedSetPopFamily() { return kSpecs; }

}  // namespace cairn::commands
