// SPDX-License-Identifier: BSD-3-Clause
// A small set keeps its order by itself, and may grow large on the way, if a member is long.
#include "value/sorted_set_builder.h"

#include <utility>

namespace cairn::value {

bool SortedSetBuilder::Add(std::string_view member, double score) {
  if (!is_large_) {
    const ScoreRule only_new = {.only_new = true};
    return set_.Add(member, score, only_new, limits_, home_).outcome == ScoreOutcome::kAdded;
  }
  ScoredTable& table = set_.table();
  const std::uint64_t hash = table.HashOf(member);
  if (table.PositionOf(hash, member).found()) return false;
  unordered_.push_back(table.InsertUnordered(hash, member, score));
  return true;
}

SortedSet SortedSetBuilder::Finish() {
  if (is_large_) set_.table().Order(unordered_);
  return std::move(set_);
}

}  // namespace cairn::value
