// SPDX-License-Identifier: BSD-3-Clause
// SortedSetBuilder: a sorted set made at once, of members that come in any order.
//
//     Add, Add, ... --> hash table, and a list of (score, node) beside it
//     Finish        --> the list is sorted, and the tree filled from left to right
//
// An RDB file has a large set's members in no order, and in a tree of millions each of them would
// touch nodes that are in no cache. Sorted, loading two million takes two thirds of the time. The
// list takes 16 bytes a member until Finish.
#ifndef CAIRN_VALUE_SORTED_SET_BUILDER_H_
#define CAIRN_VALUE_SORTED_SET_BUILDER_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "value/scored_table.h"
#include "value/sorted_set.h"

namespace cairn::value {

class SortedSetBuilder {
 public:
  // `count`: of members that are announced, which may be a lie. What is given outlives this.
  SortedSetBuilder(std::size_t count, const SortedSetLimits& limits, const TableHome& home)
      : limits_(limits), home_(home) {
    set_.Expect(count, 0, limits, home);
    is_large_ = !set_.is_packed();
  }

  // False, and nothing is changed, if the member is there already. REQUIRES: score is no NaN.
  bool Add(std::string_view member, double score);
  // Once. O(n log n).
  SortedSet Finish();

 private:
  const SortedSetLimits& limits_;
  const TableHome& home_;
  SortedSet set_;
  bool is_large_;
  std::vector<ScoredTable::Unordered> unordered_;  // all members of a large one
};

}  // namespace cairn::value

#endif  // CAIRN_VALUE_SORTED_SET_BUILDER_H_
