// SPDX-License-Identifier: BSD-3-Clause
// Ranges of a sorted set: by score, by member, by rank. Values without behaviour of their own.
#ifndef CAIRN_VALUE_SORTED_SET_RANGE_H_
#define CAIRN_VALUE_SORTED_SET_RANGE_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>

#include "ds/score_tree.h"

namespace cairn::value {

enum class Direction : std::uint8_t { kUp, kDown };

// An empty range, or one whose ends are the wrong way round, finds nothing.
struct ScoreRange {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool exclude_min = false;
  bool exclude_max = false;
};

// "-", "+", "[member" or "(member".
struct MemberEnd {
  enum class Kind : std::uint8_t { kBelowAll, kAboveAll, kInclusive, kExclusive };
  Kind kind;
  std::string_view member = {};
};
struct MemberRange {
  MemberEnd min = {MemberEnd::Kind::kBelowAll};
  MemberEnd max = {MemberEnd::Kind::kAboveAll};
};

// The members with ranks from begin to before end. Where a search made it, it remembers the place
// it found, which saves the visit a search of its own.
struct RankRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  ds::ScoreTree::Position found = {};
  std::uint64_t found_rank = 0;

  std::uint64_t size() const { return end - begin; }
  bool empty() const { return begin == end; }
  // What LIMIT leaves of it, counted from where `direction` begins.
  RankRange Limit(std::uint64_t offset, std::uint64_t count, Direction direction) const {
    RankRange limited = *this;
    offset = std::min(offset, size());
    count = std::min(count, size() - offset);
    limited.begin = direction == Direction::kUp ? begin + offset : end - offset - count;
    limited.end = limited.begin + count;
    return limited;
  }
};

}  // namespace cairn::value

#endif  // CAIRN_VALUE_SORTED_SET_RANGE_H_
