// SPDX-License-Identifier: BSD-3-Clause
// Single members of sorted sets: ZADD and its kin, scores and ranks. Ranges are in
// sorted_set_range.cc, pops in sorted_set_pop.cc, unions in sorted_set_algebra.cc.
#include "value/sorted_set.h"

#include <optional>
#include <string_view>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/sorted_sets.h"

namespace cairn::commands {
namespace {

using value::SortedSet;

// --- ZADD ---

struct AddFlag {
  std::string_view token;
  bool value::ScoreRule::* flag;
};
constexpr AddFlag kAddFlags[] = {
    {"NX", &value::ScoreRule::only_new},     {"XX", &value::ScoreRule::only_existing},
    {"GT", &value::ScoreRule::only_greater}, {"LT", &value::ScoreRule::only_less},
    {"INCR", &value::ScoreRule::increment},
};

bool TakeAddFlag(std::string_view word, AddMode& mode) {
  for (const AddFlag& row : kAddFlags) {
    if (!EqualsIgnoreCase(word, row.token)) continue;
    mode.rule.*row.flag = true;
    return true;
  }
  if (!EqualsIgnoreCase(word, "CH")) return false;
  mode.counts_changed = true;
  return true;
}

// What is wrong with the flags, and the words behind them; empty if nothing is.
std::string_view CheckAdd(const AddMode& mode, std::size_t words) {
  const value::ScoreRule& rule = mode.rule;
  if (words == 0 || words % 2 != 0) return command::errors::kSyntax;
  if (rule.only_new && rule.only_existing)
    return "ERR XX and NX options at the same time are not compatible";
  const int exclusive = int{rule.only_new} + int{rule.only_greater} + int{rule.only_less};
  if (exclusive > 1) return "ERR GT, LT, and/or NX options at the same time are not compatible";
  if (rule.increment && words > 2)
    return "ERR INCR option supports a single increment-element pair";
  return {};
}

void Add(Call& call, AddMode mode) {
  std::size_t first = 2;
  while (first < call.argc() && TakeAddFlag(call.arg(first), mode)) ++first;
  const std::string_view error = CheckAdd(mode, call.argc() - first);
  if (!error.empty()) return call.Error(error);
  MemberList members((call.argc() - first) / 2);
  for (std::size_t i = first; i < call.argc(); i += 2) {
    const auto score = ParseDouble(call.arg(i));
    if (!score) return call.Error(command::errors::kNotAFloat);
    members.Add(call.arg(i + 1), *score);
  }
  AddMembers(call, mode, members.entries());
}

void ZAdd(Call& call) { Add(call, {}); }
// Redis takes ZADD's flags here as well, where the increment stands.
void ZIncrBy(Call& call) { Add(call, {.rule = {.increment = true}}); }

// --- the others ---

void ZRem(Call& call) {
  Found found;
  if (!FindAs<SortedSet>(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.reply().Integer(0);
  std::int64_t removed = 0;
  {
    auto edit = call.txn().Edit<SortedSet>(call.key(0), found);
    for (std::size_t i = 2; i < call.argc() && !edit->empty(); ++i)
      removed += edit->Remove(call.arg(i)) ? 1 : 0;
  }
  call.reply().Integer(removed);
  if (removed == 0) return;
  call.LogVerbatim();
  call.txn().CountAs(removed);
  NotifyTaken(call, call.key(0), "zrem", found);
}

void ZCard(Call& call) {
  Found found;
  if (!FindAs<SortedSet>(call, 0, Access::kRead, &found)) return;
  call.reply().Integer(found ? static_cast<std::int64_t>(SortedSetOf(found).size()) : 0);
}

void ReplyScore(Call& call, const Found& found, std::string_view member) {
  const auto score = found ? SortedSetOf(found).Score(member) : std::nullopt;
  score ? call.reply().Double(*score) : call.reply().Null();
}

void ZScore(Call& call) {
  Found found;
  if (!FindAs<SortedSet>(call, 0, Access::kRead, &found)) return;
  ReplyScore(call, found, call.arg(2));
}

void ZMScore(Call& call) {
  Found found;
  if (!FindAs<SortedSet>(call, 0, Access::kRead, &found)) return;
  call.reply().Array(call.argc() - 2);
  for (std::size_t i = 2; i < call.argc(); ++i) ReplyScore(call, found, call.arg(i));
}

void Rank(Call& call, value::Direction direction) {
  if (call.argc() > 4) return call.Error(command::errors::WrongArity(call.command().full_name));
  const bool with_score = call.argc() == 4;
  if (with_score && !EqualsIgnoreCase(call.arg(3), "WITHSCORE"))
    return call.Error(command::errors::kSyntax);
  Found found;
  if (!FindAs<SortedSet>(call, 0, Access::kRead, &found)) return;
  const auto place = found ? SortedSetOf(found).Rank(call.arg(2)) : std::nullopt;
  if (!place) return with_score ? call.reply().NullArray() : call.reply().Null();
  const std::uint64_t from_top = SortedSetOf(found).size() - 1 - place->rank;
  if (with_score) call.reply().Array(2);
  call.reply().Integer(
      static_cast<std::int64_t>(direction == value::Direction::kUp ? place->rank : from_top));
  if (with_score) call.reply().Double(place->score);
}

void ZRank(Call& call) { Rank(call, value::Direction::kUp); }
void ZRevRank(Call& call) { Rank(call, value::Direction::kDown); }

constexpr Spec kSpecs[] = {
    Spec({.syntax = "ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
          .access = "RW UPDATE",
          .since = "1.2.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kDenyOom | command::kFast,
          .complexity = "O(log(N)) for each member, where N is the number of members in the set",
          .summary = "Gives members of a sorted set their scores; makes the set if need be.",
          .history = "2.4.0: Takes several members.\n"
                     "3.0.2: Added XX, NX, CH and INCR.\n"
                     "6.2.0: Added GT and LT.",
          .run = &ZAdd,
          .warm = &WarmMembers<SortedSet, 3, 2>}),
    Spec({.syntax = "ZINCRBY key increment:integer member",
          .access = "RW ACCESS UPDATE",
          .since = "1.2.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kDenyOom | command::kFast,
          .complexity = "O(log(N)) where N is the number of members in the set",
          .summary = "Adds to the score of a member and returns it.",
          .run = &ZIncrBy,
          .warm = &WarmMembers<SortedSet, 3, 2>}),
    Spec({.syntax = "ZREM key member [member ...]",
          .access = "RW DELETE",
          .since = "1.2.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kFast,
          .complexity =
              "O(M*log(N)) where N is the number of members in the set and M of those to remove",
          .summary = "Removes members; a set that is empty then is deleted.",
          .history = "2.4.0: Takes several members.",
          .run = &ZRem,
          .warm = &WarmMembers<SortedSet, 2>}),
    Spec({.syntax = "ZCARD key",
          .access = "RO",
          .since = "1.2.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(1)",
          .summary = "Returns how many members a sorted set has.",
          .run = &ZCard}),
    Spec({.syntax = "ZSCORE key member",
          .access = "RO ACCESS",
          .since = "1.2.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(1)",
          .summary = "Returns the score of a member.",
          .run = &ZScore,
          .warm = &WarmMembers<SortedSet, 2>}),
    Spec({.syntax = "ZMSCORE key member [member ...]",
          .access = "RO ACCESS",
          .since = "6.2.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(N) where N is the number of members asked for",
          .summary = "Returns the scores of several members.",
          .run = &ZMScore,
          .warm = &WarmMembers<SortedSet, 2>}),
    Spec({.syntax = "ZRANK key member [WITHSCORE]",
          .access = "RO ACCESS",
          .since = "2.0.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(log(N))",
          .summary = "Returns the place of a member in the order of ascending scores.",
          .history = "7.2.0: Added WITHSCORE.",
          .run = &ZRank,
          .warm = &WarmMembers<SortedSet, 2, 2>}),
    Spec({.syntax = "ZREVRANK key member [WITHSCORE]",
          .access = "RO ACCESS",
          .since = "2.0.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(log(N))",
          .summary = "Returns the place of a member in the order of descending scores.",
          .history = "7.2.0: Added WITHSCORE.",
          .run = &ZRevRank,
          .warm = &WarmMembers<SortedSet, 2, 2>}),
};

}  // namespace

std::span<const Spec> SortedSetFamily() { return kSpecs; }

}  // namespace cairn::commands
