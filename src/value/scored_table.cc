// SPDX-License-Identifier: BSD-3-Clause
// Filling the tree of a table at once.
#include "value/scored_table.h"

#include <algorithm>

namespace cairn::value {

void ScoredTable::Order(std::span<Unordered> all) {
  DCHECK(tree_.size() == 0);
  std::ranges::sort(all, [](const Unordered& a, const Unordered& b) {
    if (a.score != b.score) return a.score < b.score;
    return ds::CompareMembers(a.member->key(), b.member->key()) < 0;
  });
  for (const Unordered& one : all) tree_.Insert(one.score, one.member);
}

}  // namespace cairn::value
