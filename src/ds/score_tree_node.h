// SPDX-License-Identifier: BSD-3-Clause
// The nodes of a ScoreTree and the search within one.
//
//     leaf  1024 B | count, prev, next | scores[62] | members[62] |
//     inner 2048 B | count             | scores[62] | members[62] | sizes[62] | children[62] |
//
// Both sizes are size classes of the allocator. Scores stand alone in one array, because a search
// reads them all: counting those below a score takes no branch that could be mispredicted, the
// compiler makes it 31 vector comparisons, and its eight cache lines come from memory at once,
// where a binary search would wait for three, one after the other. For this the scores behind
// `count` are +inf, which lies below nothing.
//
// Only among equal scores members are compared, by a binary search that reads their nodes.
#ifndef CAIRN_DS_SCORE_TREE_NODE_H_
#define CAIRN_DS_SCORE_TREE_NODE_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>

#include "ds/scored_member.h"

namespace cairn::ds {

struct ScoreNode {
  static constexpr std::uint32_t kKeysMax = 62;
  // Beside the edge of the tree every node keeps so many. A third: half would let a set that
  // breathes by one split and merge all the time.
  static constexpr std::uint32_t kKeysMin = 20;
  // Neighbours merge if this holds them, so that the merged one has room.
  static constexpr std::uint32_t kMergedMax = 50;
  static constexpr double kPadding = std::numeric_limits<double>::infinity();

  std::uint32_t count = 0;
  std::uint32_t unused = 0;
  ScoreNode* prev = nullptr;  // leaves only
  ScoreNode* next = nullptr;
  std::uint64_t unused_too = 0;
  double scores[kKeysMax];
  ScoredMember* members[kKeysMax];  // behind `count`: anything, but not uninitialised
};
static_assert(sizeof(ScoreNode) == 1024);
static_assert(ScoreNode::kMergedMax / 2 >= ScoreNode::kKeysMin);
static_assert(ScoreNode::kKeysMax / 2 >= ScoreNode::kKeysMin);

// Key i is the first key of child i, for all i: also for the first, so that entries move between
// nodes as they are.
struct ScoreInner : ScoreNode {
  std::uint64_t sizes[kKeysMax];  // keys below each child
  ScoreNode* children[kKeysMax];
  std::uint64_t unused_end[4];
};
static_assert(sizeof(ScoreInner) == 2048);

// What can stand between two keys. A cut says how many keys of a node lie before it.
struct ScoreBound {
  enum class Side : std::uint8_t { kBefore, kAfter };
  double score;
  Side side;  // of all keys with this score
};
struct MemberBound {
  std::string_view member;
  ScoreBound::Side side;
};
// Behind the key itself.
struct KeyBound {
  double score;
  const ScoredMember* member;
};

namespace score_tree_internal {

inline std::uint32_t CountBelow(const ScoreNode& node, double score) {
  std::int64_t below = 0;
  for (std::uint32_t i = 0; i < ScoreNode::kKeysMax; ++i) below += node.scores[i] < score ? 1 : 0;
  return static_cast<std::uint32_t>(below);
}

inline std::uint32_t CountNotAbove(const ScoreNode& node, double score) {
  std::int64_t count = 0;
  for (std::uint32_t i = 0; i < ScoreNode::kKeysMax; ++i) count += node.scores[i] <= score ? 1 : 0;
  // The padding is not above +inf.
  return std::min(static_cast<std::uint32_t>(count), node.count);
}

inline std::uint32_t CutOf(const ScoreNode& node, ScoreBound bound) {
  return bound.side == ScoreBound::Side::kBefore ? CountBelow(node, bound.score)
                                                 : CountNotAbove(node, bound.score);
}

// Keys are in the order of their members from `begin` to `end`; how many of all lie before the cut.
inline std::uint32_t CutAmong(const ScoreNode& node, std::uint32_t begin, std::uint32_t end,
                              MemberBound bound) {
  const int limit = bound.side == ScoreBound::Side::kBefore ? -1 : 0;
  while (begin < end) {
    const std::uint32_t middle = (begin + end) / 2;
    if (CompareMembers(node.members[middle]->key(), bound.member) <= limit) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

inline std::uint32_t CutOf(const ScoreNode& node, MemberBound bound) {
  return CutAmong(node, 0, node.count, bound);
}

inline std::uint32_t CutOf(const ScoreNode& node, KeyBound bound) {
  const std::uint32_t begin = CountBelow(node, bound.score);
  if (begin == node.count || node.scores[begin] != bound.score) return begin;
  // Mostly one's own key is the only one with its score; then no other node need be read.
  const bool alone = begin + 1 == node.count || node.scores[begin + 1] != bound.score;
  if (alone && node.members[begin] == bound.member) return begin + 1;
  const std::uint32_t end = alone ? begin + 1 : CountNotAbove(node, bound.score);
  return CutAmong(node, begin, end, {bound.member->key(), ScoreBound::Side::kAfter});
}

}  // namespace score_tree_internal
}  // namespace cairn::ds

#endif  // CAIRN_DS_SCORE_TREE_NODE_H_
