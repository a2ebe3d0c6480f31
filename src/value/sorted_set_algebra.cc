// SPDX-License-Identifier: BSD-3-Clause
// The union finds a member again by a table of numbers into the result, open-addressed and at most
// half full: four bytes a slot, and the result is the only copy of the members.
//
// An intersection that is only counted walks the smallest set by ranks where it is sorted, so that
// it can stop at its limit; a plain set is walked to its end.
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

template <class Fn>
void ForEachOf(const ScoredInput& input, Fn fn) {
  if (input.sorted != nullptr) return input.sorted->ForEach(fn);
  if (input.plain == nullptr) return;
  input.plain->ForEach([&](std::string_view member) { fn(member, kPlainScore); });
}

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

// Stable: which of two equally large inputs comes first shows in the last digit of a sum.
std::vector<ScoredInput> BySize(std::span<const ScoredInput> inputs) {
  std::vector<ScoredInput> sorted(inputs.begin(), inputs.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const ScoredInput& a, const ScoredInput& b) { return a.size() < b.size(); });
  return sorted;
}

class MemberIndex {
 public:
  explicit MemberIndex(const HashSeed& seed) : seed_(seed), slots_(kSlotsMin) {}

  // The entry with this member, or null after making one with it and `score`.
  MemberScore* FindOrAdd(std::string_view member, double score) {
    const std::uint64_t hash = seed_.Hash(member);
    std::size_t at = hash & (slots_.size() - 1);
    for (; slots_[at].entry != 0; at = (at + 1) & (slots_.size() - 1)) {
      MemberScore& entry = members_.entries()[slots_[at].entry - 1];
      if (slots_[at].tag == TagOf(hash) && entry.member == member) return &entry;
    }
    CHECK(members_.size() < kMembersMax);
    members_.Add(member, score);
    slots_[at] = {.entry = static_cast<std::uint32_t>(members_.size()), .tag = TagOf(hash)};
    if (members_.size() * 2 > slots_.size()) Grow();
    return nullptr;
  }
  ScoredMembers& members() { return members_; }

 private:
  static constexpr std::size_t kSlotsMin = 64;
  static constexpr std::size_t kMembersMax = UINT32_MAX - 1;
  struct Slot {
    std::uint32_t entry = 0;  // counted from 1
    std::uint32_t tag = 0;    // the hash's upper half: most misses need not look at the member
  };
  static std::uint32_t TagOf(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

  void Grow() {
    slots_.assign(slots_.size() * 2, {});
    std::uint32_t number = 0;
    for (const MemberScore& entry : members_.entries()) {
      const std::uint64_t hash = seed_.Hash(entry.member);
      std::size_t at = hash & (slots_.size() - 1);
      while (slots_[at].entry != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = {.entry = ++number, .tag = TagOf(hash)};
    }
  }

  HashSeed seed_;
  std::vector<Slot> slots_;
  ScoredMembers members_;
};

// The score in the intersection, if the member of the first input is in all others.
std::optional<double> CommonScore(std::span<const ScoredInput> inputs, Aggregate aggregate,
                                  std::string_view member, double score) {
  double joined = OrZero(inputs[0].weight * score);
  for (const ScoredInput& input : inputs.subspan(1)) {
    const std::optional<double> other = ScoreIn(input, member);
    if (!other) return std::nullopt;
    joined = Join(aggregate, joined, *other * input.weight);
  }
  return joined;
}

}  // namespace

ScoredMembers ScoredUnion(std::span<const ScoredInput> inputs, Aggregate aggregate,
                          const HashSeed& seed) {
  MemberIndex index(seed);
  for (const ScoredInput& input : BySize(inputs)) {
    ForEachOf(input, [&](std::string_view member, double score) {
      const double weighted = OrZero(input.weight * score);
      MemberScore* known = index.FindOrAdd(member, weighted);
      if (known != nullptr) known->score = Join(aggregate, known->score, weighted);
    });
  }
  return std::move(index.members());
}

ScoredMembers ScoredIntersection(std::span<const ScoredInput> inputs, Aggregate aggregate) {
  ScoredMembers result;
  const std::vector<ScoredInput> sorted = BySize(inputs);
  if (sorted.empty()) return result;
  ForEachOf(sorted[0], [&](std::string_view member, double score) {
    const std::optional<double> common = CommonScore(sorted, aggregate, member, score);
    if (common) result.Add(member, *common);
  });
  return result;
}

ScoredMembers ScoredDifference(std::span<const ScoredInput> inputs) {
  ScoredMembers result;
  if (inputs.empty()) return result;
  const auto is_in = [&](std::string_view member) {
    return std::any_of(inputs.begin() + 1, inputs.end(), [&](const ScoredInput& other) {
      return ScoreIn(other, member).has_value();
    });
  };
  ForEachOf(inputs[0], [&](std::string_view member, double score) {
    if (!is_in(member)) result.Add(member, score);
  });
  return result;
}

std::size_t IntersectionSize(std::span<const ScoredInput> inputs, std::size_t limit) {
  constexpr std::uint64_t kStep = 256;
  const std::vector<ScoredInput> sorted = BySize(inputs);
  if (sorted.empty()) return 0;
  std::size_t count = 0;
  const auto visit = [&](std::string_view member, double score) {
    if (limit != 0 && count == limit) return;
    if (CommonScore(sorted, Aggregate::kMin, member, score)) ++count;
  };
  const SortedSet* first = sorted[0].sorted;
  if (first == nullptr) {
    ForEachOf(sorted[0], visit);
    return count;
  }
  for (std::uint64_t rank = 0; rank < first->size() && (limit == 0 || count < limit);
       rank += kStep) {
    const std::uint64_t end = std::min<std::uint64_t>(rank + kStep, first->size());
    first->ForEachIn({.begin = rank, .end = end}, Direction::kUp, visit);
  }
  return count;
}

}  // namespace cairn::value
