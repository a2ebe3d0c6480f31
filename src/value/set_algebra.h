// SPDX-License-Identifier: BSD-3-Clause
// Intersections, unions and differences of sets: SINTER, SUNION, SDIFF and what is like them.
//
// The forms that return a Set are for the commands that store: it has the encoding that Redis 7.2
// gives it. The others hand members out without making a set where they can. A null pointer among
// the sets is a key that does not exist, an empty set; a set may be named twice.
//
// Members are handed out as Set::ForEach does it, each once, in no order. Members of a large set
// are looked at in batches, so that the memory of one is fetched while others are compared. Thread
// safety: the sets are guarded by their stripes, all of which the caller holds.
#ifndef CAIRN_VALUE_SET_ALGEBRA_H_
#define CAIRN_VALUE_SET_ALGEBRA_H_

#include <cstddef>
#include <span>

#include "value/set.h"

namespace cairn::value {

using SetPointers = std::span<const Set* const>;

// Walks the smallest set: O(its size times the number of sets). Ends after `limit` members, if that
// is not 0.
void ForEachInIntersection(SetPointers sets, std::size_t limit, Set::MemberFn fn);
Set Intersection(SetPointers sets, const SetLimits& limits, const TableHome& home);

// O(all members). Asks for memory of the union's size.
Set Union(SetPointers sets, const SetLimits& limits, const TableHome& home);

// Members of the first set that are in none of the others. Either asks the others for each member
// of the first, or takes all of theirs out of a copy: what is less work by Redis's estimate.
void ForEachInDifference(SetPointers sets, const TableHome& home, Set::MemberFn fn);
Set Difference(SetPointers sets, const SetLimits& limits, const TableHome& home);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_SET_ALGEBRA_H_
