// SPDX-License-Identifier: BSD-3-Clause
// Unions, intersections and differences of sorted sets, and of sets, whose members all have the
// score 1: ZUNION, ZINTER, ZDIFF and what is like them.
//
// An input without a set is a key that does not exist, an empty one; a set may be named twice. A
// score counts with the input's weight; where that would be NaN (infinity times 0, infinities that
// cancel out) it is 0, as in Redis. Sums are formed from the smallest input to the largest, as in
// Redis, since their last digit depends on it.
//
// Results are in no order. Thread safety: the sets are guarded by their stripes, all of which the
// caller holds.
#ifndef CAIRN_VALUE_SORTED_SET_ALGEBRA_H_
#define CAIRN_VALUE_SORTED_SET_ALGEBRA_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "value/scored_members.h"
#include "value/set.h"
#include "value/sorted_set.h"

namespace cairn::value {

// At most one of the pointers is set.
struct ScoredInput {
  const SortedSet* sorted = nullptr;
  const Set* plain = nullptr;
  double weight = 1;

  std::size_t size() const {
    if (sorted != nullptr) return sorted->size();
    return plain != nullptr ? plain->size() : 0;
  }
};

enum class Aggregate : std::uint8_t { kSum, kMin, kMax };

enum class ScoredKind : std::uint8_t { kUnion, kIntersection, kDifference };

// One of them on its way, so that it can be done in parts and the locks of the inputs let go in
// between; see set_operation.h, whose rules are the same. Weights do not count in a difference.
class ScoredOperation {
 public:
  static constexpr std::size_t kNoLimit = SIZE_MAX;

  ScoredOperation(ScoredKind kind, Aggregate aggregate, std::span<const ScoredInput> inputs);

  // How many members all the Reads together will look at, lookups in other inputs among them.
  std::size_t work() const { return work_; }
  bool done() const { return turn_ == turns_; }
  // Goes on with about so many members looked at. Hands out at most `limit`: of a union what the
  // inputs have, weighted, to be joined; else what belongs to the result. REQUIRES: !done().
  void Read(std::span<const ScoredInput> inputs, std::size_t work, std::size_t limit,
            SortedSet::EntryFn fn);

 private:
  std::optional<double> CommonScore(std::span<const ScoredInput> inputs, std::string_view member,
                                    double score) const;
  std::optional<double> ScoreInResult(std::span<const ScoredInput> inputs, std::string_view member,
                                      double score) const;

  ScoredKind kind_;
  Aggregate aggregate_;
  std::vector<std::uint32_t> order_;  // places among the inputs
  std::size_t turns_ = 0;             // how many of `order_` are walked; others are only asked
  std::size_t turn_ = 0;
  std::uint64_t cursor_ = 0;
  std::size_t work_ = 0;
};

// What members of several inputs come to: a member that is known gets both scores joined.
class ScoredJoin {
 public:
  // `seed` is of the table that finds members again.
  ScoredJoin(Aggregate aggregate, const HashSeed& seed)
      : aggregate_(aggregate), seed_(seed), slots_(kSlotsMin) {}

  void Add(std::string_view member, double score);
  ScoredMembers& members() { return members_; }

 private:
  static constexpr std::size_t kSlotsMin = 64;
  struct Slot {
    std::uint32_t entry = 0;  // counted from 1
    std::uint32_t tag = 0;    // the hash's upper half: most misses need not look at the member
  };
  void Grow();

  Aggregate aggregate_;
  HashSeed seed_;
  std::vector<Slot> slots_;
  ScoredMembers members_;
};

// Whole operations. O(all members):
ScoredMembers ScoredUnion(std::span<const ScoredInput> inputs, Aggregate aggregate,
                          const HashSeed& seed);
// O(members of the smallest, times inputs).
ScoredMembers ScoredIntersection(std::span<const ScoredInput> inputs, Aggregate aggregate);
// Members of the first that are in no other, with their scores. O(members of the first, times
// inputs).
ScoredMembers ScoredDifference(std::span<const ScoredInput> inputs);
// How many members all have in common; at most `limit`, if that is not 0.
std::size_t IntersectionSize(std::span<const ScoredInput> inputs, std::size_t limit);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_SORTED_SET_ALGEBRA_H_
