// SPDX-License-Identifier: BSD-3-Clause
// Lists: taking elements off their ends, from one list or from the first of several that has any,
// now or when there are some.
//
// Whatever the command, the effect in the log is LPOP or RPOP of the one key: what stands in the
// other lists by then, or whether anybody waited, is nobody's business there.
#include <algorithm>
#include <cstdint>
#include <optional>

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

std::string_view PopCommand(ListEnd end) { return end == ListEnd::kFront ? "LPOP" : "RPOP"; }

// --- LPOP and RPOP ---

void PopOne(Call& call, ListEnd end) {
  Found found;
  if (!FindAs<List>(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.reply().Null();
  ReplyElement(call.reply(), found.entry->as<List>().End(end));
  TakeOne(call, call.key(0), found, end);
  call.LogVerbatim();
}

void PopCount(Call& call, ListEnd end) {
  const std::optional<std::int64_t> count = ParseInt64(call.arg(2));
  if (!count || *count < 0) return call.Error(command::errors::kMustBePositive);
  Found found;
  if (!FindAs<List>(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.reply().NullArray();
  if (*count == 0) return call.reply().Array(0);
  const List& list = found.entry->as<List>();
  const std::size_t taken = std::min(static_cast<std::size_t>(*count), list.size());
  if (call.Defer(ElementsTaken(list, taken))) return;
  // From the back the last element comes first.
  ReplyRange(call.reply(), list, RangeAtEnd(list.size(), taken, end),
             end == ListEnd::kFront ? ListEnd::kBack : ListEnd::kFront);
  TakeRange(call, call.key(0), found, taken, end);
  call.LogVerbatim();
  call.txn().CountAs(static_cast<std::int64_t>(taken));
}

void PopFrom(Call& call, ListEnd end) {
  if (call.argc() > 3) return call.Error(command::errors::WrongArity(call.command().full_name));
  call.argc() == 3 ? PopCount(call, end) : PopOne(call, end);
}

void LPop(Call& call) { PopFrom(call, ListEnd::kFront); }
void RPop(Call& call) { PopFrom(call, ListEnd::kBack); }

// --- the first of several lists that has elements ---

// kNone: all lists are empty, nothing was replied.
enum class Outcome : std::uint8_t { kReplied, kNone };

// Takes from the first of the call's keys that is there; WRONGTYPE is replied if that is no list.
template <class Take>  // void(const KeyRef&, Found&)
Outcome TakeFromFirst(Call& call, Take take) {
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    Found found;
    if (!FindAs<List>(call, n, Access::kWrite, &found)) return Outcome::kReplied;
    if (!found) continue;
    take(call.key(n), found);
    return Outcome::kReplied;
  }
  return Outcome::kNone;
}

struct MultiPop {
  ListEnd end = ListEnd::kFront;
  std::size_t count = 1;
};

// "[COUNT count]" from argument `at` on, the last there is. False: the error was replied.
bool ParsePopCount(Call& call, std::size_t at, std::size_t& count) {
  if (at == call.argc()) return true;
  const bool is_count = EqualsIgnoreCase(call.arg(at), "COUNT") && at + 1 < call.argc();
  const std::optional<std::int64_t> number = is_count ? ParseInt64(call.arg(at + 1)) : std::nullopt;
  if (is_count && (!number || *number < 1)) {
    call.Error(command::errors::kCountNotPositive);
    return false;
  }
  if (!is_count || at + 2 < call.argc()) {
    call.Error(command::errors::kSyntax);
    return false;
  }
  count = static_cast<std::size_t>(*number);
  return true;
}

// "numkeys key [key ...] LEFT | RIGHT [COUNT count]" from argument `at` on.
std::optional<MultiPop> ParseMultiPop(Call& call, std::size_t at) {
  const std::optional<std::int64_t> key_count = ParseInt64(call.arg(at));
  if (!key_count || *key_count < 1) {
    call.Error(command::errors::kNumkeysNotPositive);
    return std::nullopt;
  }
  const auto keys = static_cast<std::size_t>(*key_count);
  const std::optional<ListEnd> end =
      keys < call.argc() - at - 1 ? ParseListEnd(call.arg(at + keys + 1)) : std::nullopt;
  if (!end) {
    call.Error(command::errors::kSyntax);
    return std::nullopt;
  }
  MultiPop pop{.end = *end};
  if (!ParsePopCount(call, at + keys + 2, pop.count)) return std::nullopt;
  return pop;
}

Outcome PopSeveral(Call& call, const MultiPop& pop) {
  return TakeFromFirst(call, [&](const keyspace::KeyRef& key, Found& found) {
    const List& list = found.entry->as<List>();
    const std::size_t taken = std::min(pop.count, list.size());
    if (call.Defer(ElementsTaken(list, taken))) return;
    call.reply().Array(2);
    call.reply().Bulk(key.name);
    ReplyRange(call.reply(), list, RangeAtEnd(list.size(), taken, pop.end),
               pop.end == ListEnd::kFront ? ListEnd::kBack : ListEnd::kFront);
    TakeRange(call, key, found, taken, pop.end);
    char digits[kInt64TextMax];
    const char* end = FormatUint64(digits, taken);
    call.txn().Log({PopCommand(pop.end), key.name,
                    std::string_view(digits, static_cast<std::size_t>(end - digits))});
    call.txn().CountAs(static_cast<std::int64_t>(taken));
  });
}

void LMPop(Call& call) {
  const std::optional<MultiPop> pop = ParseMultiPop(call, 1);
  if (!pop) return;
  if (PopSeveral(call, *pop) == Outcome::kNone) call.reply().NullArray();
}

// --- or wait ---

void BlockForList(Call& call, std::int64_t timeout_ms) {
  call.Block(keyspace::Type::kList, timeout_ms, command::TimeoutReply::kNullArray);
}

void PopBlocking(Call& call, ListEnd end) {
  const std::optional<std::int64_t> timeout_ms =
      ParseTimeoutSeconds(call, call.arg(call.argc() - 1));
  if (!timeout_ms) return;
  const Outcome outcome = TakeFromFirst(call, [&](const keyspace::KeyRef& key, Found& found) {
    call.reply().Array(2);
    call.reply().Bulk(key.name);
    ReplyElement(call.reply(), found.entry->as<List>().End(end));
    TakeOne(call, key, found, end);
    call.txn().Log({PopCommand(end), key.name});
  });
  if (outcome == Outcome::kNone) BlockForList(call, *timeout_ms);
}

void BLPop(Call& call) { PopBlocking(call, ListEnd::kFront); }
void BRPop(Call& call) { PopBlocking(call, ListEnd::kBack); }

void BLMPop(Call& call) {
  const std::optional<MultiPop> pop = ParseMultiPop(call, 2);
  if (!pop) return;
  const std::optional<std::int64_t> timeout_ms = ParseTimeoutSeconds(call, call.arg(1));
  if (!timeout_ms) return;
  if (PopSeveral(call, *pop) == Outcome::kNone) BlockForList(call, *timeout_ms);
}

constexpr std::uint32_t kBlocks = command::kWrite | command::kBlocking;

constexpr Spec kSpecs[] = {
    Spec({.syntax = "LPOP key [count]",
          .access = "RW ACCESS DELETE",
          .since = "1.0.0",
          .group = Group::kList,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of elements returned",
          .summary = "Takes the first elements off a list and returns them.",
          .history = "6.2.0: Added the `count` argument.",
          .run = &LPop}),
    Spec({.syntax = "RPOP key [count]",
          .access = "RW ACCESS DELETE",
          .since = "1.0.0",
          .group = Group::kList,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of elements returned",
          .summary = "Takes the last elements off a list and returns them.",
          .history = "6.2.0: Added the `count` argument.",
          .run = &RPop}),
    Spec({.syntax = "LMPOP numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
          .access = "RW ACCESS DELETE",
          .since = "7.0.0",
          .group = Group::kList,
          .flags = command::kWrite,
          .complexity = "O(N+M) where N is the number of keys and M the number of elements "
                        "returned",
          .summary = "Takes elements off the first of several lists that has any.",
          .run = &LMPop}),
    Spec({.syntax = "BLPOP key [key ...] timeout:double",
          .access = "RW ACCESS DELETE",
          .since = "2.0.0",
          .group = Group::kList,
          .flags = kBlocks | command::kNoScript,
          .complexity = "O(N) where N is the number of keys",
          .summary = "Takes the first element off the first of several lists that has any, and "
                     "waits until one does.",
          .history = "6.0.0: `timeout` may have a fraction.",
          .run = &BLPop}),
    Spec({.syntax = "BRPOP key [key ...] timeout:double",
          .access = "RW ACCESS DELETE",
          .since = "2.0.0",
          .group = Group::kList,
          .flags = kBlocks | command::kNoScript,
          .complexity = "O(N) where N is the number of keys",
          .summary = "Takes the last element off the first of several lists that has any, and "
                     "waits until one does.",
          .history = "6.0.0: `timeout` may have a fraction.",
          .run = &BRPop}),
    Spec({.syntax = "BLMPOP timeout:double numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
          .access = "RW ACCESS DELETE",
          .since = "7.0.0",
          .group = Group::kList,
          .flags = kBlocks,
          .complexity = "O(N+M) where N is the number of keys and M the number of elements "
                        "returned",
          .summary = "Takes elements off the first of several lists that has any, and waits until "
                     "one does.",
          .run = &BLMPop}),
};

}  // namespace

std::span<const Spec> ListPopFamily() { return kSpecs; }

}  // namespace cairn::commands
