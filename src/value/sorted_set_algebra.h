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
#include <span>

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

// O(all members). `seed` is of the table that finds members again.
ScoredMembers ScoredUnion(std::span<const ScoredInput> inputs, Aggregate aggregate,
                          const HashSeed& seed);
// O(members of the smallest, times inputs).
ScoredMembers ScoredIntersection(std::span<const ScoredInput> inputs, Aggregate aggregate);
// Members of the first that are in no other, with their scores; weights do not count. O(members of
// the first, times inputs).
ScoredMembers ScoredDifference(std::span<const ScoredInput> inputs);
// How many members all have in common; at most `limit`, if that is not 0.
std::size_t IntersectionSize(std::span<const ScoredInput> inputs, std::size_t limit);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_SORTED_SET_ALGEBRA_H_
