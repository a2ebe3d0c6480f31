// SPDX-License-Identifier: BSD-3-Clause
// Lists: pushing, and looking at or changing what lies between the ends. Popping is list_pop.cc,
// moving from list to list list_move.cc.
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/lists.h"

namespace cairn::commands {
namespace {

using value::List;
using value::ListEnd;
using value::ListSide;

// For a number whose sign says from which end to look.
constexpr std::string_view kCannotBeNegated =
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";

enum class IfAbsent : std::uint8_t { kCreate, kRefuse };

void PushTo(Call& call, ListEnd end, IfAbsent if_absent) {
  const std::span<const std::string_view> elements = call.args().subspan(2);
  if (!FitInList(call, elements)) return;
  Found found;
  if (!FindAs<List>(call, 0, Access::kWrite, &found)) return;
  if (!found && if_absent == IfAbsent::kRefuse) return call.reply().Integer(0);
  {
    auto edit = call.txn().Edit<List>(call.key(0), found);
    edit->Push(end, elements, LimitsOf<List>(call));
    call.reply().Integer(static_cast<std::int64_t>(edit->size()));
  }
  call.txn().Notify(keyspace::kEventList, PushName(end), call.key(0));
  call.LogVerbatim();
  call.txn().CountAs(static_cast<std::int64_t>(elements.size()));
}

void LPush(Call& call) { PushTo(call, ListEnd::kFront, IfAbsent::kCreate); }
void RPush(Call& call) { PushTo(call, ListEnd::kBack, IfAbsent::kCreate); }
void LPushX(Call& call) { PushTo(call, ListEnd::kFront, IfAbsent::kRefuse); }
void RPushX(Call& call) { PushTo(call, ListEnd::kBack, IfAbsent::kRefuse); }

void ReadLength(const keyspace::Entry* entry, resp::Writer& reply) {
  if (entry == nullptr) return reply.Integer(0);
  if (entry->type() != keyspace::Type::kList) return reply.Error(command::errors::kWrongType);
  reply.Integer(static_cast<std::int64_t>(entry->as<List>().size()));
}

void LLen(Call& call) {
  ReadLength(call.txn().Find(call.key(0), Access::kRead).entry, call.reply());
}

void LIndex(Call& call) {
  Found found;
  if (!FindAs<List>(call, 0, Access::kRead, &found)) return;
  // An absent key answers before the index is looked at.
  if (!found) return call.reply().Null();
  const std::optional<std::int64_t> index = ParseInt64(call.arg(2));
  if (!index) return call.Error(command::errors::kNotAnInteger);
  const List& list = found.entry->as<List>();
  const auto size = static_cast<std::int64_t>(list.size());
  const std::int64_t from_front = *index < 0 ? *index + size : *index;
  if (from_front < 0 || from_front >= size) return call.reply().Null();
  std::string scratch;
  ReplyElement(call.reply(), list.At(static_cast<std::size_t>(from_front), scratch));
}

void LSet(Call& call) {
  if (!FitInList(call, call.args().subspan(3))) return;
  Found found;
  if (!FindAs<List>(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.Error(command::errors::kNoSuchKey);
  const std::optional<std::int64_t> index = ParseInt64(call.arg(2));
  if (!index) return call.Error(command::errors::kNotAnInteger);
  const bool is_set =
      call.txn().Edit<List>(call.key(0), found)->Set(*index, call.arg(3), LimitsOf<List>(call));
  if (!is_set) return call.Error(command::errors::kIndexOutOfRange);
  call.txn().Notify(keyspace::kEventList, "lset", call.key(0));
  call.LogVerbatim();
  call.reply().Ok();
}

void LRange(Call& call) {
  const std::optional<std::int64_t> first = ParseInt64(call.arg(2));
  const std::optional<std::int64_t> last = ParseInt64(call.arg(3));
  if (!first || !last) return call.Error(command::errors::kNotAnInteger);
  Found found;
  if (!FindAs<List>(call, 0, Access::kRead, &found)) return;
  if (!found) return call.reply().Array(0);
  const List& list = found.entry->as<List>();
  const ListRange range = RangeWithin(list.size(), *first, *last);
  if (call.Defer(range.count)) return;
  ReplyRange(call.reply(), list, range, ListEnd::kBack);
}

void LTrim(Call& call) {
  const std::optional<std::int64_t> first = ParseInt64(call.arg(2));
  const std::optional<std::int64_t> last = ParseInt64(call.arg(3));
  if (!first || !last) return call.Error(command::errors::kNotAnInteger);
  Found found;
  if (!FindAs<List>(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.reply().Ok();
  const std::size_t size = found.entry->as<List>().size();
  const ListRange kept = RangeWithin(size, *first, *last);
  if (call.Defer(ElementsPassed(size - kept.count))) return;
  call.txn().Edit<List>(call.key(0), found)->Trim(kept.start, kept.count, LimitsOf<List>(call));
  // Redis tells of a change even where nothing was cut off.
  kept.count < size ? call.LogVerbatim() : call.txn().TellOf(call.key(0), found);
  NotifyTaken(call, call.key(0), found, "ltrim");
  call.txn().CountAs(static_cast<std::int64_t>(size - kept.count));
  call.reply().Ok();
}

void LRem(Call& call) {
  const std::optional<std::int64_t> count = ParseInt64(call.arg(2));
  if (!count) return call.Error(command::errors::kNotAnInteger);
  if (*count == INT64_MIN) return call.Error(kCannotBeNegated);
  Found found;
  if (!FindAs<List>(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.reply().Integer(0);
  if (call.Defer(ElementsPassed(found.entry->as<List>().size()))) return;
  const std::size_t removed =
      call.txn().Edit<List>(call.key(0), found)->Remove(call.arg(3), *count, LimitsOf<List>(call));
  if (removed > 0) {
    NotifyTaken(call, call.key(0), found, "lrem");
    call.LogVerbatim();
  }
  call.txn().CountAs(static_cast<std::int64_t>(removed));
  call.reply().Integer(static_cast<std::int64_t>(removed));
}

void LInsert(Call& call) {
  const bool is_after = EqualsIgnoreCase(call.arg(2), "AFTER");
  if (!is_after && !EqualsIgnoreCase(call.arg(2), "BEFORE")) {
    return call.Error(command::errors::kSyntax);
  }
  if (!FitInList(call, call.args().subspan(4))) return;
  Found found;
  if (!FindAs<List>(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.reply().Integer(0);
  if (call.Defer(ElementsPassed(found.entry->as<List>().size()))) return;
  const ListSide side = is_after ? ListSide::kAfter : ListSide::kBefore;
  std::size_t size = 0;
  {
    auto edit = call.txn().Edit<List>(call.key(0), found);
    if (edit->Insert(call.arg(3), side, call.arg(4), LimitsOf<List>(call))) size = edit->size();
  }
  if (size == 0) return call.reply().Integer(-1);
  call.txn().Notify(keyspace::kEventList, "linsert", call.key(0));
  call.LogVerbatim();
  call.reply().Integer(static_cast<std::int64_t>(size));
}

// --- LPOS ---

constexpr std::string_view kRankIsZero =
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use "
    "negative to start from the end of the list";
constexpr std::string_view kCountNegative = "ERR COUNT can't be negative";
constexpr std::string_view kMaxLenNegative = "ERR MAXLEN can't be negative";

struct PositionOptions {
  value::ListSearch search;
  bool is_counted = false;  // COUNT was given: the reply is an array
};

bool ParseRank(Call& call, std::string_view text, std::int64_t& rank) {
  const std::optional<std::int64_t> number = ParseInt64(text);
  if (number && *number != 0 && *number != INT64_MIN) {
    rank = *number;
    return true;
  }
  call.Error(!number        ? command::errors::kNotAnInteger
             : *number == 0 ? kRankIsZero
                            : kCannotBeNegated);
  return false;
}

bool ParseNotNegative(Call& call, std::string_view text, std::string_view error,
                      std::uint64_t& result) {
  const std::optional<std::int64_t> number = ParseInt64(text);
  if (!number || *number < 0) {
    call.Error(error);
    return false;
  }
  result = static_cast<std::uint64_t>(*number);
  return true;
}

bool ParsePositionOptions(Call& call, PositionOptions& options) {
  for (std::size_t i = 3; i < call.argc(); i += 2) {
    const std::string_view name = call.arg(i);
    const std::string_view text = i + 1 < call.argc() ? call.arg(i + 1) : std::string_view();
    if (i + 1 == call.argc()) {
      call.Error(command::errors::kSyntax);
      return false;
    }
    if (EqualsIgnoreCase(name, "RANK")) {
      if (!ParseRank(call, text, options.search.rank)) return false;
    } else if (EqualsIgnoreCase(name, "COUNT")) {
      if (!ParseNotNegative(call, text, kCountNegative, options.search.count)) return false;
      options.is_counted = true;
    } else if (EqualsIgnoreCase(name, "MAXLEN")) {
      if (!ParseNotNegative(call, text, kMaxLenNegative, options.search.elements)) return false;
    } else {
      call.Error(command::errors::kSyntax);
      return false;
    }
  }
  return true;
}

void LPos(Call& call) {
  PositionOptions options;
  if (!ParsePositionOptions(call, options)) return;
  Found found;
  if (!FindAs<List>(call, 0, Access::kRead, &found)) return;
  if (found) {
    const std::uint64_t size = found.entry->as<List>().size();
    const std::uint64_t most = options.search.elements;
    if (call.Defer(ElementsPassed(most == 0 ? size : std::min(size, most)))) return;
  }
  std::vector<std::size_t> positions;
  if (found) positions = found.entry->as<List>().Positions(call.arg(2), options.search);
  if (!options.is_counted) {
    if (positions.empty()) return call.reply().Null();
    return call.reply().Integer(static_cast<std::int64_t>(positions.front()));
  }
  call.reply().Array(positions.size());
  for (const std::size_t position : positions) {
    call.reply().Integer(static_cast<std::int64_t>(position));
  }
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "LPUSH key element [element ...]",
          .access = "RW INSERT",
          .since = "1.0.0",
          .group = Group::kList,
          .flags = command::kWrite | command::kDenyOom | command::kFast,
          .complexity = "O(N) where N is the number of elements given",
          .summary = "Puts elements in front of a list, one after the other; makes the list if "
                     "the key is absent.",
          .history = "2.4.0: Accepts several elements.",
          .run = &LPush}),
    Spec({.syntax = "RPUSH key element [element ...]",
          .access = "RW INSERT",
          .since = "1.0.0",
          .group = Group::kList,
          .flags = command::kWrite | command::kDenyOom | command::kFast,
          .complexity = "O(N) where N is the number of elements given",
          .summary = "Puts elements behind a list; makes the list if the key is absent.",
          .history = "2.4.0: Accepts several elements.",
          .run = &RPush}),
    Spec({.syntax = "LPUSHX key element [element ...]",
          .access = "RW INSERT",
          .since = "2.2.0",
          .group = Group::kList,
          .flags = command::kWrite | command::kDenyOom | command::kFast,
          .complexity = "O(N) where N is the number of elements given",
          .summary = "Puts elements in front of a list if there is one.",
          .history = "4.0.0: Accepts several elements.",
          .run = &LPushX}),
    Spec({.syntax = "RPUSHX key element [element ...]",
          .access = "RW INSERT",
          .since = "2.2.0",
          .group = Group::kList,
          .flags = command::kWrite | command::kDenyOom | command::kFast,
          .complexity = "O(N) where N is the number of elements given",
          .summary = "Puts elements behind a list if there is one.",
          .history = "4.0.0: Accepts several elements.",
          .run = &RPushX}),
    Spec({.syntax = "LLEN key",
          .access = "RO",
          .since = "1.0.0",
          .group = Group::kList,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(1)",
          .summary = "Returns the length of a list.",
          .run = &LLen,
          .read = &ReadLength}),
    Spec({.syntax = "LINDEX key index",
          .access = "RO ACCESS",
          .since = "1.0.0",
          .group = Group::kList,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of nodes passed over from the nearer end; O(1) "
                        "at the ends",
          .summary = "Returns the element of a list at an index.",
          .run = &LIndex}),
    Spec({.syntax = "LSET key index element",
          .access = "RW UPDATE",
          .since = "1.0.0",
          .group = Group::kList,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(N) where N is the number of nodes passed over from the nearer end; O(1) "
                        "at the ends",
          .summary = "Replaces the element of a list at an index.",
          .run = &LSet}),
    Spec({.syntax = "LRANGE key start stop",
          .access = "RO ACCESS",
          .since = "1.0.0",
          .group = Group::kList,
          .flags = command::kReadonly,
          .complexity = "O(S+N) where S is the number of nodes before the range and N the number "
                        "of elements in it",
          .summary = "Returns the elements of a list from one index to another.",
          .run = &LRange}),
    Spec({.syntax = "LTRIM key start stop",
          .access = "RW DELETE",
          .since = "1.0.0",
          .group = Group::kList,
          .flags = command::kWrite,
          .complexity = "O(N) where N is the number of elements removed",
          .summary = "Keeps the elements of a list from one index to another and removes the "
                     "others.",
          .run = &LTrim}),
    Spec({.syntax = "LREM key count element",
          .access = "RW DELETE",
          .since = "1.0.0",
          .group = Group::kList,
          .flags = command::kWrite,
          .complexity = "O(N) where N is the length of the list",
          .summary = "Removes the first, the last, or all elements equal to the given one.",
          .run = &LRem}),
    Spec({.syntax = "LINSERT key <BEFORE | AFTER> pivot element",
          .access = "RW INSERT",
          .since = "2.2.0",
          .group = Group::kList,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(N) where N is the number of elements before the pivot",
          .summary = "Puts an element beside the first one equal to the pivot.",
          .run = &LInsert}),
    Spec({.syntax = "LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
          .access = "RO ACCESS",
          .since = "6.0.6",
          .group = Group::kList,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of elements looked at, MAXLEN at most",
          .summary = "Returns the indexes of elements equal to the given one.",
          .run = &LPos}),
};

}  // namespace

std::span<const Spec> ListFamily() { return kSpecs; }

}  // namespace cairn::commands
