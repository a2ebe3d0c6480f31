// SPDX-License-Identifier: BSD-3-Clause
// The semantics of a sorted set over its two forms. A change of one member finds it, asks the rule,
// and then writes; see packed_scores.h and scored_table.h for the forms themselves.
#include "value/sorted_set.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/prefetch.h"
#include "value/packed_scores.h"
#include "value/scored_table.h"

namespace cairn::value {
namespace {

using Side = ds::ScoreBound::Side;

// Buckets of the table that a Scan looks into for each member it is asked for, at most: Redis's
// bound for tables that are nearly empty.
constexpr std::size_t kScanBucketsPerMember = 10;

// What becomes of a member that is there with the score `now`.
ScoreChange Decide(double now, double score, const ScoreRule& rule) {
  if (rule.only_new) return {ScoreOutcome::kSkipped};
  if (rule.increment) {
    score += now;
    if (std::isnan(score)) return {ScoreOutcome::kNotANumber};
  }
  if (rule.only_less && score >= now) return {ScoreOutcome::kSkipped};
  if (rule.only_greater && score <= now) return {ScoreOutcome::kSkipped};
  // Equal includes 0 and -0: the one that was there stays, and is what a reply shows.
  if (score == now) return {ScoreOutcome::kUnchanged, score};
  return {ScoreOutcome::kUpdated, score};
}

ds::ScoreTree::Cut FindEnd(const ds::ScoreTree& tree, const MemberEnd& end, Side inclusive_side) {
  switch (end.kind) {
    case MemberEnd::Kind::kBelowAll:
      return {};
    case MemberEnd::Kind::kAboveAll:
      return {.position = {}, .rank = tree.size()};
    case MemberEnd::Kind::kInclusive:
      return tree.Find(ds::MemberBound{end.member, inclusive_side});
    case MemberEnd::Kind::kExclusive:
      return tree.Find(ds::MemberBound{
          end.member, inclusive_side == Side::kBefore ? Side::kAfter : Side::kBefore});
  }
  return {};
}

RankRange Between(const ds::ScoreTree::Cut& begin, const ds::ScoreTree::Cut& end) {
  return {.begin = begin.rank,
          .end = std::max(begin.rank, end.rank),
          .found = begin.position,
          .found_rank = begin.rank};
}

bool CanPackAll(std::span<const MemberScore> members, const SortedSetLimits& limits) {
  if (members.size() > limits.packed_entries) return false;
  std::size_t bytes = 0;
  for (const MemberScore& entry : members) {
    if (entry.member.size() > limits.packed_value_bytes) return false;
    bytes += ds::PackedList::EncodedBytesMax(entry.member.size()) +
             ds::PackedList::EncodedBytesMax(kDoubleTextMax);
  }
  return ds::PackedList().Fits(bytes);
}

}  // namespace

SortedSet& SortedSet::operator=(SortedSet&& other) noexcept {
  if (this == &other) return *this;
  Clear();
  word_ = other.word_.Take();
  return *this;
}

SortedSet SortedSet::FromMembers(std::span<const MemberScore> members,
                                 const SortedSetLimits& limits, const TableHome& home) {
  std::vector<MemberScore> sorted(members.begin(), members.end());
  std::sort(sorted.begin(), sorted.end(), [](const MemberScore& a, const MemberScore& b) {
    if (a.score != b.score) return a.score < b.score;
    return ds::CompareMembers(a.member, b.member) < 0;
  });
  SortedSet set;
  if (CanPackAll(members, limits)) {
    Borrowed<ds::PackedList, Form> list(set.word_);
    for (const MemberScore& entry : sorted) packed_scores::Append(*list, entry.member, entry.score);
    return set;
  }
  auto table = std::make_unique<ScoredTable>(home);
  for (const MemberScore& entry : sorted) {
    table->Insert(table->HashOf(entry.member), entry.member, entry.score);
  }
  set.word_.Set(Form::kTable, table.release());
  return set;
}

SortedSet SortedSet::AdoptPacked(ds::PackedList list) {
  SortedSet set;
  set.word_.Set(Form::kPacked, list.Release());
  return set;
}

std::size_t SortedSet::size() const { return is_packed() ? packed().size() / 2 : table().size(); }

std::size_t SortedSet::memory_bytes() const {
  return is_packed() ? packed().memory_bytes() : table().memory_bytes();
}

std::string_view SortedSet::encoding() const { return is_packed() ? "listpack" : "skiplist"; }

ds::SegmentTableBase* SortedSet::cut_table() const {
  return is_packed() ? nullptr : &table().cut_table();
}

SortedSet SortedSet::Clone() const {
  SortedSet copy;
  if (is_packed()) {
    auto list = ds::PackedList::Adopt(word_.pointer());
    copy.word_.Set(Form::kPacked, list.Clone().Release());
    list.Release();
  } else {
    copy.word_.Set(Form::kTable, table().Clone().release());
  }
  return copy;
}

void SortedSet::Clear() {
  const auto word = word_.Take();
  if (word.form() == Form::kPacked) {
    ds::PackedList::Adopt(word.pointer());
  } else {
    std::unique_ptr<ScoredTable>(static_cast<ScoredTable*>(word.pointer())).reset();
  }
}

bool SortedSet::FreeStep(std::size_t members) {
  if (!is_packed() && !table().FreeStep(members)) return false;
  Clear();
  return true;
}

void SortedSet::ToTable(const TableHome& home) {
  auto table = std::make_unique<ScoredTable>(home);
  packed_scores::VisitForward(packed(), 0, size(), [&](std::string_view member, double score) {
    table->Insert(table->HashOf(member), member, score);
  });
  Clear();
  word_.Set(Form::kTable, table.release());
}

void SortedSet::Expect(std::size_t count, std::size_t longest_bytes, const SortedSetLimits& limits,
                       const TableHome& home) {
  if (!is_packed()) return;
  // Redis looks at the bytes only when it creates the set.
  const bool too_long = empty() && longest_bytes > limits.packed_value_bytes;
  if (count > limits.packed_entries || too_long) ToTable(home);
}

ScoreChange SortedSet::Add(std::string_view member, double score, const ScoreRule& rule,
                           const SortedSetLimits& limits, const TableHome& home) {
  if (std::isnan(score)) return {ScoreOutcome::kNotANumber};
  const MemberScore entry = {member, score};
  return is_packed() ? AddToPacked(entry, rule, limits, home) : AddToTable(entry, rule);
}

bool SortedSet::MayPack(const MemberScore& added, const SortedSetLimits& limits) const {
  if (size() >= limits.packed_entries) return false;
  return added.member.size() <= limits.packed_value_bytes;
}

ScoreChange SortedSet::AddToPacked(const MemberScore& entry, const ScoreRule& rule,
                                   const SortedSetLimits& limits, const TableHome& home) {
  const auto at = packed_scores::Find(packed(), entry.member);
  if (at == ds::PackedList::kNone) {
    if (rule.only_existing) return {ScoreOutcome::kSkipped};
    return AddNew(entry, limits, home);
  }
  const ScoreChange change = Decide(packed_scores::ScoreOf(packed(), at), entry.score, rule);
  if (change.outcome != ScoreOutcome::kUpdated) return change;
  // A list that came from a dump may be as long as lists can be, and the new score be longer.
  if (packed_scores::Fits(packed(), entry.member)) {
    Borrowed<ds::PackedList, Form> list(word_);
    list->EraseRange(at, 2);
    packed_scores::Insert(*list, entry.member, change.score);
    return change;
  }
  ToTable(home);
  return AddToTable({entry.member, change.score}, {});
}

// REQUIRES: is_packed(), and the member is not there.
ScoreChange SortedSet::AddNew(const MemberScore& added, const SortedSetLimits& limits,
                              const TableHome& home) {
  if (MayPack(added, limits)) {
    Borrowed<ds::PackedList, Form> list(word_);
    if (packed_scores::Fits(*list, added.member)) {
      packed_scores::Insert(*list, added.member, added.score);
      return {ScoreOutcome::kAdded, added.score};
    }
  }
  ToTable(home);
  return AddToTable(added, {});
}

ScoreChange SortedSet::AddToTable(const MemberScore& entry, const ScoreRule& rule) {
  const std::uint64_t hash = table().HashOf(entry.member);
  const ds::TablePosition at = table().PositionOf(hash, entry.member);
  if (!at.found()) {
    if (rule.only_existing) return {ScoreOutcome::kSkipped};
    table().Insert(hash, entry.member, entry.score);
    return {ScoreOutcome::kAdded, entry.score};
  }
  const ScoreChange change = Decide(table().At(at)->score(), entry.score, rule);
  if (change.outcome == ScoreOutcome::kUpdated) table().SetScore(at, change.score);
  return change;
}

bool SortedSet::Remove(std::string_view member) {
  if (!is_packed()) return table().Erase(member);
  const auto at = packed_scores::Find(packed(), member);
  if (at == ds::PackedList::kNone) return false;
  Borrowed<ds::PackedList, Form>(word_)->EraseRange(at, 2);
  return true;
}

void SortedSet::PrefetchBucket(std::string_view member) const {
  if (!is_packed()) return table().PrefetchBucket(member);
  PrefetchLine(word_.pointer());
}

void SortedSet::PrefetchNode(std::string_view member) const {
  if (!is_packed()) table().PrefetchNode(member);
}

std::optional<double> SortedSet::Score(std::string_view member) const {
  if (is_packed()) {
    const auto at = packed_scores::Find(packed(), member);
    if (at == ds::PackedList::kNone) return std::nullopt;
    return packed_scores::ScoreOf(packed(), at);
  }
  const ds::ScoredMember* found = table().Find(member);
  if (found == nullptr) return std::nullopt;
  return found->score();
}

std::optional<SortedSet::Place> SortedSet::Rank(std::string_view member) const {
  if (is_packed()) {
    const auto at = packed_scores::Find(packed(), member);
    if (at == ds::PackedList::kNone) return std::nullopt;
    return Place{packed_scores::RankOf(packed(), at), packed_scores::ScoreOf(packed(), at)};
  }
  const ds::ScoredMember* found = table().Find(member);
  if (found == nullptr) return std::nullopt;
  return Place{table().tree().RankOf(found->score(), found), found->score()};
}

RankRange SortedSet::FindScores(const ScoreRange& range) const {
  if (is_packed()) return packed_scores::FindScores(packed(), range);
  const ds::ScoreTree& tree = table().tree();
  const auto begin =
      tree.Find(ds::ScoreBound{range.min, range.exclude_min ? Side::kAfter : Side::kBefore});
  const auto end =
      tree.Find(ds::ScoreBound{range.max, range.exclude_max ? Side::kBefore : Side::kAfter});
  return Between(begin, end);
}

RankRange SortedSet::FindMembers(const MemberRange& range) const {
  if (is_packed()) return packed_scores::FindMembers(packed(), range);
  const ds::ScoreTree& tree = table().tree();
  return Between(FindEnd(tree, range.min, Side::kBefore), FindEnd(tree, range.max, Side::kAfter));
}

void SortedSet::ForEachIn(const RankRange& range, Direction direction, EntryFn fn) const {
  DCHECK(range.begin <= range.end);
  DCHECK(range.end <= size());
  if (range.empty()) return;
  if (is_packed()) {
    if (direction == Direction::kUp) {
      packed_scores::VisitForward(packed(), range.begin, range.size(), fn);
    } else {
      packed_scores::VisitBackward(packed(), range.end - 1, range.size(), fn);
    }
    return;
  }
  const ds::ScoreTree& tree = table().tree();
  const auto visit = [&](double score, const ds::ScoredMember* member) {
    fn(member->key(), score);
  };
  if (direction == Direction::kDown) {
    tree.VisitBackward(tree.Select(range.end - 1), range.size(), visit);
    return;
  }
  const bool known = !range.found.at_end() && range.found_rank == range.begin;
  tree.VisitForward(known ? range.found : tree.Select(range.begin), range.size(), visit);
}

void SortedSet::RemoveRange(const RankRange& range, EntryFn removed) {
  DCHECK(range.begin <= range.end);
  DCHECK(range.end <= size());
  if (!is_packed()) {
    table().EraseRanks(range.begin, range.size(), removed);
    return;
  }
  packed_scores::VisitForward(packed(), range.begin, range.size(), removed);
  packed_scores::EraseRange(*Borrowed<ds::PackedList, Form>(word_), range.begin, range.size());
}

void SortedSet::Pop(std::size_t count, Direction direction, EntryFn popped) {
  const RankRange range = RankRange{0, size()}.Limit(0, count, direction);
  if (direction == Direction::kUp) {
    RemoveRange(range, popped);
    return;
  }
  ForEachIn(range, Direction::kDown, popped);
  RemoveRange(range, [](std::string_view, double) {});
}

void SortedSet::RandomMember(Random& random, EntryFn fn) const {
  const std::uint64_t rank = random.Below(size());
  ForEachIn({rank, rank + 1}, Direction::kUp, fn);
}

void SortedSet::RandomMembers(Random& random, std::size_t count, EntryFn fn) const {
  const std::size_t all = size();
  // Choosing while passing all of them (Knuth, 3.4.2, algorithm S) reads each member, choosing
  // ranks first reads log n nodes for each choice, and must remember it.
  constexpr std::size_t kPassShare = 16;
  if (is_packed() || count >= all / kPassShare) {
    std::size_t wanted = std::min(count, all);
    std::size_t left = all;
    ForEach([&](std::string_view member, double score) {
      if (random.Below(left--) >= wanted) return;
      --wanted;
      fn(member, score);
    });
    return;
  }
  std::vector<std::uint64_t> ranks;
  while (ranks.size() < count) {
    // At most one in sixteen is a repetition, so this ends soon.
    while (ranks.size() < count) ranks.push_back(random.Below(all));
    std::sort(ranks.begin(), ranks.end());
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  }
  for (const std::uint64_t rank : ranks) ForEachIn({rank, rank + 1}, Direction::kUp, fn);
}

std::uint64_t SortedSet::Scan(std::uint64_t cursor, std::size_t count, EntryFn fn) const {
  if (is_packed()) {
    ForEach(fn);
    return 0;
  }
  std::size_t visited = 0;
  std::size_t buckets = std::max<std::size_t>(count, 1);
  buckets = buckets > SIZE_MAX / kScanBucketsPerMember ? SIZE_MAX : buckets * kScanBucketsPerMember;
  do {
    cursor = table().Scan(cursor, [&](const ds::ScoredMember* member) {
      ++visited;
      fn(member->key(), member->score());
    });
  } while (cursor != 0 && visited < count && --buckets != 0);
  return cursor;
}

void SortedSet::CheckInvariants() const {
  if (!is_packed()) {
    table().CheckInvariants();
    return;
  }
  const ds::PackedView list = packed();
  CHECK(list.size() % 2 == 0);
  std::vector<std::pair<double, std::string>> seen;
  ForEach([&](std::string_view member, double score) { seen.emplace_back(score, member); });
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
}

}  // namespace cairn::value
