// SPDX-License-Identifier: BSD-3-Clause
// The union finds a member again by a table of numbers into the result, open-addressed and at most
// half full: four bytes a slot, and the result is the only copy of the members.
//
// A sorted input is walked by ranks, a plain one by a table's cursor.
#include "value/sorted_set_algebra.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <vector>

#include "base/check.h"

namespace cairn::value {
namespace {

constexpr double kPlainScore = 1;
constexpr std::size_t kJoinedMax = UINT32_MAX - 1;

std::optional<double> ScoreIn(const ScoredInput& input, std::string_view member) {
  if (input.sorted != nullptr) return input.sorted->Score(member);
  if (input.plain == nullptr || !input.plain->Contains(member)) return std::nullopt;
  return kPlainScore;
}

double OrZero(double number) { return std::isnan(number) ? 0 : number; }

double Join(Aggregate aggregate, double a, double b) {
  switch (aggregate) {
    case Aggregate::kSum:
      return OrZero(a + b);
    case Aggregate::kMin:
      return b < a ? b : a;
    case Aggregate::kMax:
      return b > a ? b : a;
  }
  return a;
}

// Visits about `count` entries from the cursor on, and returns the next; 0 at the end. A packed one
// is visited as a whole.
std::uint64_t VisitSome(const ScoredInput& input, std::uint64_t cursor, std::size_t count,
                        SortedSet::EntryFn fn) {
  if (input.sorted == nullptr)
    return input.plain->Scan(cursor, count, [&](std::string_view m) { fn(m, kPlainScore); });
  const SortedSet& set = *input.sorted;
  const std::uint64_t left = set.size() - std::min<std::uint64_t>(cursor, set.size());
  const std::uint64_t end = set.is_packed() || count >= left ? set.size() : cursor + count;
  set.ForEachIn({.begin = std::min(cursor, end), .end = end}, Direction::kUp, fn);
  return end == set.size() ? 0 : end;
}

ScoredMembers Gather(ScoredOperation operation, std::span<const ScoredInput> inputs) {
  ScoredMembers result;
  while (!operation.done()) {
    operation.Read(inputs, SIZE_MAX, ScoredOperation::kNoLimit,
                   [&](std::string_view member, double score) { result.Add(member, score); });
  }
  return result;
}

}  // namespace

// Sorted stably: which of two equally large inputs comes first shows in the last digit of a sum.
ScoredOperation::ScoredOperation(ScoredKind kind, Aggregate aggregate,
                                 std::span<const ScoredInput> inputs)
    : kind_(kind), aggregate_(aggregate) {
  for (std::uint32_t i = 0; i < inputs.size(); ++i) order_.push_back(i);
  if (kind != ScoredKind::kDifference) {
    std::stable_sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return inputs[a].size() < inputs[b].size();
    });
  }
  if (kind == ScoredKind::kUnion) {
    std::erase_if(order_, [&](std::uint32_t i) { return inputs[i].size() == 0; });
    for (const std::uint32_t i : order_) work_ += inputs[i].size();
    turns_ = order_.size();
  } else if (!order_.empty() && inputs[order_[0]].size() > 0) {
    work_ = inputs[order_[0]].size() * order_.size();
    turns_ = 1;
  }
}

// The score in the intersection, if the member of the first input is in all others.
std::optional<double> ScoredOperation::CommonScore(std::span<const ScoredInput> inputs,
                                                   std::string_view member, double score) const {
  double joined = OrZero(inputs[order_[0]].weight * score);
  for (std::size_t i = 1; i < order_.size(); ++i) {
    const ScoredInput& input = inputs[order_[i]];
    const std::optional<double> other = ScoreIn(input, member);
    if (!other) return std::nullopt;
    joined = Join(aggregate_, joined, *other * input.weight);
  }
  return joined;
}

std::optional<double> ScoredOperation::ScoreInResult(std::span<const ScoredInput> inputs,
                                                     std::string_view member, double score) const {
  switch (kind_) {
    case ScoredKind::kUnion:
      return OrZero(inputs[order_[turn_]].weight * score);
    case ScoredKind::kIntersection:
      return CommonScore(inputs, member, score);
    case ScoredKind::kDifference:
      break;
  }
  for (std::size_t i = 1; i < order_.size(); ++i) {
    if (ScoreIn(inputs[order_[i]], member)) return std::nullopt;
  }
  return score;
}

void ScoredOperation::Read(std::span<const ScoredInput> inputs, std::size_t work, std::size_t limit,
                           SortedSet::EntryFn fn) {
  DCHECK(!done());
  const std::size_t asked = kind_ == ScoredKind::kUnion ? 1 : order_.size();
  const std::size_t count = std::max<std::size_t>(work / asked, 1);
  cursor_ =
      VisitSome(inputs[order_[turn_]], cursor_, count, [&](std::string_view member, double score) {
        if (limit == 0) return;
        const std::optional<double> result = ScoreInResult(inputs, member, score);
        if (!result) return;
        fn(member, *result);
        --limit;
      });
  if (limit == 0) turn_ = turns_;
  if (cursor_ == 0 && !done()) ++turn_;
}

void ScoredJoin::Add(std::string_view member, double score) {
  const std::uint64_t hash = seed_.Hash(member);
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  std::size_t at = hash & (slots_.size() - 1);
  for (; slots_[at].entry != 0; at = (at + 1) & (slots_.size() - 1)) {
    MemberScore& entry = members_.entries()[slots_[at].entry - 1];
    if (slots_[at].tag != tag || entry.member != member) continue;
    entry.score = Join(aggregate_, entry.score, score);
    return;
  }
  CHECK(members_.size() < kJoinedMax);
  members_.Add(member, score);
  slots_[at] = {.entry = static_cast<std::uint32_t>(members_.size()), .tag = tag};
  if (members_.size() * 2 > slots_.size()) Grow();
}

void ScoredJoin::Grow() {
  slots_.assign(slots_.size() * 2, {});
  std::uint32_t number = 0;
  for (const MemberScore& entry : members_.entries()) {
    const std::uint64_t hash = seed_.Hash(entry.member);
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at].entry != 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {.entry = ++number, .tag = static_cast<std::uint32_t>(hash >> 32)};
  }
}

ScoredMembers ScoredUnion(std::span<const ScoredInput> inputs, Aggregate aggregate,
                          const HashSeed& seed) {
  ScoredOperation operation(ScoredKind::kUnion, aggregate, inputs);
  ScoredJoin join(aggregate, seed);
  while (!operation.done()) {
    operation.Read(inputs, SIZE_MAX, ScoredOperation::kNoLimit,
                   [&](std::string_view member, double score) { join.Add(member, score); });
  }
  return std::move(join.members());
}

ScoredMembers ScoredIntersection(std::span<const ScoredInput> inputs, Aggregate aggregate) {
  return Gather({ScoredKind::kIntersection, aggregate, inputs}, inputs);
}

ScoredMembers ScoredDifference(std::span<const ScoredInput> inputs) {
  return Gather({ScoredKind::kDifference, Aggregate::kSum, inputs}, inputs);
}

// In steps, so that it stops soon after its limit.
std::size_t IntersectionSize(std::span<const ScoredInput> inputs, std::size_t limit) {
  constexpr std::size_t kStep = 256;
  ScoredOperation operation(ScoredKind::kIntersection, Aggregate::kMin, inputs);
  std::size_t count = 0;
  while (!operation.done()) {
    operation.Read(inputs, kStep * inputs.size(),
                   limit == 0 ? ScoredOperation::kNoLimit : limit - count,
                   [&](std::string_view, double) { ++count; });
  }
  return count;
}

}  // namespace cairn::value
