// SPDX-License-Identifier: BSD-3-Clause
// The ends of ranges are read as leniently as Redis reads them; see ParseDoubleLoosely.
#include "commands/sorted_sets.h"

#include <algorithm>

#include "base/text.h"

namespace cairn::commands {
namespace {

using command::Call;
using keyspace::Found;
using keyspace::KeyRef;
using value::ScoreOutcome;
using value::SortedSet;

struct ScoreEnd {
  double score;
  bool exclusive;
};

std::optional<ScoreEnd> ParseScoreEnd(std::string_view text) {
  const bool exclusive = text.starts_with('(');
  if (exclusive) text.remove_prefix(1);
  const std::optional<double> score = ParseDoubleLoosely(text);
  if (!score) return std::nullopt;
  return ScoreEnd{*score, exclusive};
}

std::optional<value::MemberEnd> ParseMemberEnd(std::string_view text) {
  using Kind = value::MemberEnd::Kind;
  if (text.starts_with('[')) return value::MemberEnd{Kind::kInclusive, text.substr(1)};
  if (text.starts_with('(')) return value::MemberEnd{Kind::kExclusive, text.substr(1)};
  if (text == "-") return value::MemberEnd{Kind::kBelowAll};
  if (text == "+") return value::MemberEnd{Kind::kAboveAll};
  return std::nullopt;
}

// --- ZADD ---

constexpr std::string_view kNotANumber = "ERR resulting score is not a number (NaN)";

struct AddTally {
  std::int64_t added = 0;
  std::int64_t updated = 0;
  value::ScoreChange last = {ScoreOutcome::kSkipped};
};

AddTally AddTo(Call& call, const value::ScoreRule& rule,
               std::span<const value::MemberScore> members, SortedSet& set) {
  const auto limits = LimitsOf<SortedSet>(call);
  const value::TableHome home = HomeOf(call, call.key(0));
  if (set.is_packed()) {
    std::size_t longest = 0;
    for (const value::MemberScore& entry : members)
      longest = std::max(longest, entry.member.size());
    set.Expect(members.size(), longest, limits, home);
  }
  AddTally tally;
  for (const value::MemberScore& entry : members) {
    tally.last = set.Add(entry.member, entry.score, rule, limits, home);
    if (tally.last.outcome == ScoreOutcome::kAdded) ++tally.added;
    if (tally.last.outcome == ScoreOutcome::kUpdated) ++tally.updated;
  }
  return tally;
}

void ReplyAdded(Call& call, const AddMode& mode, const AddTally& tally) {
  if (!mode.rule.increment)
    return call.reply().Integer(tally.added + (mode.counts_changed ? tally.updated : 0));
  switch (tally.last.outcome) {
    case ScoreOutcome::kNotANumber:
      return call.Error(kNotANumber);
    case ScoreOutcome::kSkipped:
      return call.reply().Null();
    case ScoreOutcome::kAdded:
    case ScoreOutcome::kUpdated:
    case ScoreOutcome::kUnchanged:
      call.reply().Double(tally.last.score);
  }
}

}  // namespace

void AddMembers(Call& call, const AddMode& mode, std::span<const value::MemberScore> members) {
  Found found;
  if (!FindAs<SortedSet>(call, 0, keyspace::Access::kWrite, &found)) return;
  if (!found && mode.rule.only_existing) return ReplyAdded(call, mode, {});
  AddTally tally;
  {
    auto edit = call.txn().Edit<SortedSet>(call.key(0), found);
    tally = AddTo(call, mode.rule, members, *edit);
  }
  ReplyAdded(call, mode, tally);
  if (tally.added + tally.updated == 0) return;
  call.LogVerbatim();
  call.txn().CountAs(tally.added + tally.updated);
  call.txn().Notify(keyspace::kEventSortedSet, mode.rule.increment ? "zincr" : "zadd", call.key(0));
}

std::optional<value::ScoreRange> ParseScoreRange(std::string_view min, std::string_view max) {
  const std::optional<ScoreEnd> low = ParseScoreEnd(min);
  const std::optional<ScoreEnd> high = ParseScoreEnd(max);
  if (!low || !high) return std::nullopt;
  return value::ScoreRange{.min = low->score,
                           .max = high->score,
                           .exclude_min = low->exclusive,
                           .exclude_max = high->exclusive};
}

std::optional<value::MemberRange> ParseMemberRange(std::string_view min, std::string_view max) {
  const std::optional<value::MemberEnd> low = ParseMemberEnd(min);
  const std::optional<value::MemberEnd> high = ParseMemberEnd(max);
  if (!low || !high) return std::nullopt;
  return value::MemberRange{*low, *high};
}

value::RankRange RanksBetween(std::int64_t start, std::int64_t stop, std::size_t size) {
  const auto count = static_cast<std::int64_t>(size);
  if (start < 0) start = std::max<std::int64_t>(start + count, 0);
  if (stop < 0) stop += count;
  stop = std::min(stop, count - 1);
  if (start > stop) return {};
  return {.begin = static_cast<std::uint64_t>(start), .end = static_cast<std::uint64_t>(stop) + 1};
}

void ReplyMemberCount(Call& call, std::size_t count, Emit emit) {
  call.reply().Array(emit == Emit::kPairs && !call.reply().resp3() ? count * 2 : count);
}

void ReplyMember(Call& call, std::string_view member, double score, Emit emit) {
  if (emit == Emit::kMembers) return call.reply().Bulk(member);
  if (call.reply().resp3()) call.reply().Array(2);
  call.reply().Bulk(member);
  call.reply().Double(score);
}

void ReplyRange(Call& call, const value::SortedSet& set, const value::RankRange& range,
                value::Direction direction, Emit emit) {
  ReplyMemberCount(call, range.size(), emit);
  if (emit == Emit::kMembers) {
    return set.ForEachIn(range, direction,
                         [&](std::string_view member, double) { call.reply().Bulk(member); });
  }
  set.ForEachIn(range, direction, [&](std::string_view member, double score) {
    ReplyMember(call, member, score, emit);
  });
}

void NotifyTaken(Call& call, const KeyRef& key, std::string_view event, const Found& found) {
  call.txn().Notify(keyspace::kEventSortedSet, event, key);
  if (!found) call.txn().Notify(keyspace::kEventGeneric, "del", key);
}

void StoreSortedSet(Call& call, std::size_t n, value::SortedSet&& set, std::string_view event) {
  const KeyRef& key = call.key(n);
  Found found = call.txn().Find(key, keyspace::Access::kPeek);
  if (set.empty()) {
    if (!found) return call.txn().OverruleAbsence(key);
    call.txn().Remove(key, found);
    call.txn().Log({"DEL", key.name});
    return call.txn().Notify(keyspace::kEventGeneric, "del", key);
  }
  call.txn().SetCollection(key, found, std::move(set));
  call.LogVerbatim();
  call.txn().Notify(keyspace::kEventSortedSet, event, key);
}

value::SortedSet MakeSortedSet(Call& call, std::size_t n,
                               std::span<const value::MemberScore> members) {
  return value::SortedSet::FromMembers(members, LimitsOf<value::SortedSet>(call),
                                       HomeOf(call, call.key(n)));
}

void StoreMembers(Call& call, std::size_t n, std::span<const value::MemberScore> members,
                  std::string_view event) {
  StoreSortedSet(call, n, MakeSortedSet(call, n, members), event);
}

}  // namespace cairn::commands
