// SPDX-License-Identifier: BSD-3-Clause
// Ranges of sorted sets, by rank, by score and by member: read, stored, counted, removed.
//
// ZRANGE says in words what the older commands have in their names, so all of them are one: a
// RangeForm is what the name fixes, the words fill in the rest. Words and ends are checked, in
// Redis's order, before the key is looked at.
#include <optional>
#include <string_view>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/sorted_sets.h"
#include "value/scored_members.h"
#include "value/sorted_set.h"

namespace cairn::commands {
namespace {

using value::Direction;
using value::RankRange;
using value::SortedSet;

enum class RangeBy : std::uint8_t { kRank, kScore, kMember };

// What a command's name says; nothing where its words may.
struct RangeForm {
  std::optional<RangeBy> by;
  std::optional<Direction> direction;
  std::size_t source = 0;  // which of the keys
  bool stores = false;
};

class RangeRequest {
 public:
  explicit RangeRequest(const RangeForm& form)
      : form_(form), by_(form.by), direction_(form.direction) {}

  Direction direction() const { return direction_.value_or(Direction::kUp); }
  Emit emit() const { return emit_; }

  // False with the error replied.
  bool Parse(Call& call) {
    const std::size_t first = form_.source + 2;
    for (std::size_t i = first + 2; i < call.argc();) {
      const std::string_view error = ParseWord(call, &i);
      if (!error.empty()) return Refuse(call, error);
    }
    if (limit_ != -1 && by() == RangeBy::kRank)
      return Refuse(call,
                    "ERR syntax error, LIMIT is only supported in combination with either BYSCORE "
                    "or BYLEX");
    if (emit_ == Emit::kPairs && by() == RangeBy::kMember)
      return Refuse(call, "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return ParseEnds(call, call.arg(first), call.arg(first + 1));
  }

  RankRange Select(const SortedSet& set) const {
    switch (by()) {
      case RangeBy::kRank:
        return Ranks(set.size());
      case RangeBy::kScore:
        return Limited(set.FindScores(scores_));
      case RangeBy::kMember:
        return Limited(set.FindMembers(members_));
    }
    return {};
  }

 private:
  RangeBy by() const { return by_.value_or(RangeBy::kRank); }

  static bool Refuse(Call& call, std::string_view error) {
    call.Error(error);
    return false;
  }

  // Takes the word at `i`, and what belongs to it. The error; empty if there is none.
  std::string_view ParseWord(Call& call, std::size_t* i) {
    const std::string_view word = call.arg((*i)++);
    if (!form_.stores && EqualsIgnoreCase(word, "WITHSCORES")) {
      emit_ = Emit::kPairs;
    } else if (EqualsIgnoreCase(word, "LIMIT") && *i + 2 <= call.argc()) {
      const auto offset = ParseInt64(call.arg(*i));
      const auto limit = ParseInt64(call.arg(*i + 1));
      if (!offset || !limit) return command::errors::kNotAnInteger;
      offset_ = *offset;
      limit_ = *limit;
      *i += 2;
    } else if (!direction_ && EqualsIgnoreCase(word, "REV")) {
      direction_ = Direction::kDown;
    } else if (!by_ && EqualsIgnoreCase(word, "BYLEX")) {
      by_ = RangeBy::kMember;
    } else if (!by_ && EqualsIgnoreCase(word, "BYSCORE")) {
      by_ = RangeBy::kScore;
    } else {
      return command::errors::kSyntax;
    }
    return {};
  }

  bool ParseEnds(Call& call, std::string_view from, std::string_view to) {
    // A range that runs down is named from its top.
    const bool swapped = direction() == Direction::kDown && by() != RangeBy::kRank;
    const std::string_view min = swapped ? to : from;
    const std::string_view max = swapped ? from : to;
    switch (by()) {
      case RangeBy::kRank: {
        const auto start = ParseInt64(min);
        const auto stop = ParseInt64(max);
        if (!start || !stop) return Refuse(call, command::errors::kNotAnInteger);
        start_ = *start;
        stop_ = *stop;
        return true;
      }
      case RangeBy::kScore: {
        const auto scores = ParseScoreRange(min, max);
        if (!scores) return Refuse(call, command::errors::kMinOrMaxNotAFloat);
        scores_ = *scores;
        return true;
      }
      case RangeBy::kMember: {
        const auto members = ParseMemberRange(min, max);
        if (!members) return Refuse(call, command::errors::kMinOrMaxNotAMember);
        members_ = *members;
        return true;
      }
    }
    return false;
  }

  RankRange Ranks(std::size_t size) const {
    const RankRange range = RanksBetween(start_, stop_, size);
    if (direction() == Direction::kUp) return range;
    return {.begin = size - range.end, .end = size - range.begin};
  }

  RankRange Limited(const RankRange& range) const {
    const std::uint64_t offset = offset_ < 0 ? range.size() : static_cast<std::uint64_t>(offset_);
    const std::uint64_t limit = limit_ < 0 ? range.size() : static_cast<std::uint64_t>(limit_);
    return range.Limit(offset, limit, direction());
  }

  const RangeForm form_;
  std::optional<RangeBy> by_;
  std::optional<Direction> direction_;
  Emit emit_ = Emit::kMembers;
  std::int64_t offset_ = 0;
  std::int64_t limit_ = -1;
  std::int64_t start_ = 0;
  std::int64_t stop_ = 0;
  value::ScoreRange scores_;
  value::MemberRange members_;
};

void Range(Call& call, const RangeForm& form) {
  RangeRequest request(form);
  if (!request.Parse(call)) return;
  Found found;
  if (!FindAs<SortedSet>(call, form.source, Access::kRead, &found)) return;
  if (!found) return call.reply().Array(0);
  const SortedSet& set = SortedSetOf(found);
  const RankRange range = request.Select(set);
  if (call.Defer(range.size())) return;
  ReplyRange(call, set, range, request.direction(), request.emit());
}

void ZRange(Call& call) { Range(call, {}); }
void ZRevRange(Call& call) { Range(call, {.by = RangeBy::kRank, .direction = Direction::kDown}); }
void ZRangeByScore(Call& call) {
  Range(call, {.by = RangeBy::kScore, .direction = Direction::kUp});
}
void ZRevRangeByScore(Call& call) {
  Range(call, {.by = RangeBy::kScore, .direction = Direction::kDown});
}
void ZRangeByLex(Call& call) { Range(call, {.by = RangeBy::kMember, .direction = Direction::kUp}); }
void ZRevRangeByLex(Call& call) {
  Range(call, {.by = RangeBy::kMember, .direction = Direction::kDown});
}

void ZRangeStore(Call& call) {
  const RangeForm form = {.by = {}, .direction = {}, .source = 1, .stores = true};
  RangeRequest request(form);
  if (!request.Parse(call)) return;
  Found source;
  if (!FindAs<SortedSet>(call, form.source, Access::kRead, &source)) return;
  value::ScoredMembers members;
  if (source) {
    const SortedSet& set = SortedSetOf(source);
    const RankRange range = request.Select(set);
    if (call.Defer(ElementsTaken(set, 2 * range.size()))) return;
    set.ForEachIn(range, Direction::kUp,
                  [&](std::string_view member, double score) { members.Add(member, score); });
  }
  StoreMembers(call, 0, members.entries(), "zrangestore");
  call.reply().Integer(static_cast<std::int64_t>(members.size()));
}

// --- counting and removing ---

void ZCount(Call& call) {
  const auto scores = ParseScoreRange(call.arg(2), call.arg(3));
  if (!scores) return call.Error(command::errors::kMinOrMaxNotAFloat);
  Found found;
  if (!FindAs<SortedSet>(call, 0, Access::kRead, &found)) return;
  const std::uint64_t count = found ? SortedSetOf(found).FindScores(*scores).size() : 0;
  call.reply().Integer(static_cast<std::int64_t>(count));
}

void ZLexCount(Call& call) {
  const auto members = ParseMemberRange(call.arg(2), call.arg(3));
  if (!members) return call.Error(command::errors::kMinOrMaxNotAMember);
  Found found;
  if (!FindAs<SortedSet>(call, 0, Access::kRead, &found)) return;
  const std::uint64_t count = found ? SortedSetOf(found).FindMembers(*members).size() : 0;
  call.reply().Integer(static_cast<std::int64_t>(count));
}

// The last part of ZREMRANGEBY...: `select` finds the ranks.
template <class Select>
void RemoveRange(Call& call, std::string_view event, Select select) {
  Found found;
  if (!FindAs<SortedSet>(call, 0, Access::kWrite, &found)) return;
  const RankRange range = found ? select(SortedSetOf(found)) : RankRange{};
  if (found && call.Defer(ElementsTaken(SortedSetOf(found), range.size()))) return;
  call.reply().Integer(static_cast<std::int64_t>(range.size()));
  if (range.empty()) return;
  call.txn().Edit<SortedSet>(call.key(0), found)->RemoveRange(range, [](std::string_view, double) {
  });
  call.LogVerbatim();
  call.txn().CountAs(static_cast<std::int64_t>(range.size()));
  NotifyTaken(call, call.key(0), event, found);
}

void ZRemRangeByRank(Call& call) {
  const auto start = ParseInt64(call.arg(2));
  const auto stop = ParseInt64(call.arg(3));
  if (!start || !stop) return call.Error(command::errors::kNotAnInteger);
  RemoveRange(call, "zremrangebyrank",
              [&](const SortedSet& set) { return RanksBetween(*start, *stop, set.size()); });
}

void ZRemRangeByScore(Call& call) {
  const auto scores = ParseScoreRange(call.arg(2), call.arg(3));
  if (!scores) return call.Error(command::errors::kMinOrMaxNotAFloat);
  RemoveRange(call, "zremrangebyscore",
              [&](const SortedSet& set) { return set.FindScores(*scores); });
}

void ZRemRangeByLex(Call& call) {
  const auto members = ParseMemberRange(call.arg(2), call.arg(3));
  if (!members) return call.Error(command::errors::kMinOrMaxNotAMember);
  RemoveRange(call, "zremrangebylex",
              [&](const SortedSet& set) { return set.FindMembers(*members); });
}

// --- rows ---

constexpr std::string_view kRangeCost =
    "O(log(N)+M) where N is the number of members in the set and M of those in the range";

constexpr Spec kSpecs[] = {
    Spec({.syntax = "ZRANGE key start:string stop:string [BYSCORE | BYLEX] [REV] [LIMIT offset "
                    "count] [WITHSCORES]",
          .access = "RO ACCESS",
          .since = "1.2.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = kRangeCost,
          .summary = "Returns a range of members, by rank, score or the members themselves.",
          .history = "6.2.0: Added REV, BYSCORE, BYLEX and LIMIT.",
          .run = &ZRange}),
    Spec({.syntax = "ZRANGESTORE dst src min:string max:string [BYSCORE | BYLEX] [REV] [LIMIT "
                    "offset count]",
          .access = "OW UPDATE; RO ACCESS",
          .since = "6.2.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = kRangeCost,
          .summary = "Stores a range of members as a sorted set.",
          .run = &ZRangeStore}),
    Spec({.syntax = "ZREVRANGE key start stop [WITHSCORES]",
          .access = "RO ACCESS",
          .since = "1.2.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = kRangeCost,
          .summary = "Returns a range of members by rank, highest scores first.",
          .deprecated = "6.2.0|`ZRANGE` with the `REV` argument",
          .run = &ZRevRange}),
    Spec({.syntax = "ZRANGEBYSCORE key min:double max:double [WITHSCORES] [LIMIT offset count]",
          .access = "RO ACCESS",
          .since = "1.0.5",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = kRangeCost,
          .summary = "Returns the members whose scores are in a range.",
          .history = "2.0.0: Added WITHSCORES.",
          .deprecated = "6.2.0|`ZRANGE` with the `BYSCORE` argument",
          .run = &ZRangeByScore}),
    Spec({.syntax = "ZREVRANGEBYSCORE key max:double min:double [WITHSCORES] [LIMIT offset count]",
          .access = "RO ACCESS",
          .since = "2.2.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = kRangeCost,
          .summary = "Returns the members whose scores are in a range, highest first.",
          .history = "2.1.6: The ends may be exclusive.",
          .deprecated = "6.2.0|`ZRANGE` with the `REV` and `BYSCORE` arguments",
          .run = &ZRevRangeByScore}),
    Spec({.syntax = "ZRANGEBYLEX key min:string max:string [LIMIT offset count]",
          .access = "RO ACCESS",
          .since = "2.8.9",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = kRangeCost,
          .summary = "Returns the members between two texts, where all scores are equal.",
          .deprecated = "6.2.0|`ZRANGE` with the `BYLEX` argument",
          .run = &ZRangeByLex}),
    Spec({.syntax = "ZREVRANGEBYLEX key max:string min:string [LIMIT offset count]",
          .access = "RO ACCESS",
          .since = "2.8.9",
          .group = Group::kSortedSet,
          .flags = command::kReadonly,
          .complexity = kRangeCost,
          .summary = "Returns the members between two texts, last first, where all scores are "
                     "equal.",
          .deprecated = "6.2.0|`ZRANGE` with the `REV` and `BYLEX` arguments",
          .run = &ZRevRangeByLex}),
    Spec({.syntax = "ZCOUNT key min:double max:double",
          .access = "RO ACCESS",
          .since = "2.0.0",
          .group = Group::kSortedSet,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(log(N)) where N is the number of members in the set",
          .summary = "Counts the members whose scores are in a range.",
          .run = &ZCount}),
    Spec({.syntax = "ZLEXCOUNT key min:string max:string",
          .access = "RO ACCESS",
          .since = "2.8.9",
          .group = Group::kSortedSet,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(log(N)) where N is the number of members in the set",
          .summary = "Counts the members between two texts, where all scores are equal.",
          .run = &ZLexCount}),
    Spec({.syntax = "ZREMRANGEBYRANK key start:integer stop:integer",
          .access = "RW DELETE",
          .since = "2.0.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite,
          .complexity = kRangeCost,
          .summary = "Removes the members in a range of ranks.",
          .run = &ZRemRangeByRank}),
    Spec({.syntax = "ZREMRANGEBYSCORE key min:double max:double",
          .access = "RW DELETE",
          .since = "1.2.0",
          .group = Group::kSortedSet,
          .flags = command::kWrite,
          .complexity = kRangeCost,
          .summary = "Removes the members whose scores are in a range.",
          .run = &ZRemRangeByScore}),
    Spec({.syntax = "ZREMRANGEBYLEX key min:string max:string",
          .access = "RW DELETE",
          .since = "2.8.9",
          .group = Group::kSortedSet,
          .flags = command::kWrite,
          .complexity = kRangeCost,
          .summary = "Removes the members between two texts, where all scores are equal.",
          .run = &ZRemRangeByLex}),
};

}  // namespace

std::span<const Spec> SortedSetRangeFamily() { return kSpecs; }

}  // namespace cairn::commands
