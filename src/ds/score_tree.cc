// SPDX-License-Identifier: BSD-3-Clause
// Finding: every search goes down one path and, where it wants a rank, adds up the sizes of the
// children it leaves to the left.
#include "ds/score_tree.h"

#include "ds/raw_memory.h"

namespace cairn::ds {
namespace {

using score_tree_internal::CutOf;

// The child in which a cut lies: the last whose first key is before it.
std::uint32_t ChildOfCut(std::uint32_t cut) { return cut == 0 ? 0 : cut - 1; }

std::uint64_t SizeBefore(const ScoreInner& node, std::uint32_t child) {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < child; ++i) sum += node.sizes[i];
  return sum;
}

// The child that holds the key of a rank, which becomes its rank in there.
std::uint32_t ChildOfRank(const ScoreInner& node, std::uint64_t& rank) {
  std::uint32_t child = 0;
  while (rank >= node.sizes[child]) rank -= node.sizes[child++];
  DCHECK(child < node.count);
  return child;
}

const ScoreInner& AsInner(const ScoreNode* node) { return *static_cast<const ScoreInner*>(node); }

}  // namespace

std::size_t ScoreTree::memory_bytes() const {
  return leaf_count_ * AllocatedBytes(sizeof(ScoreNode)) +
         inner_count_ * AllocatedBytes(sizeof(ScoreInner));
}

template <class Bound>
ScoreTree::Cut ScoreTree::FindCut(const Bound& bound) const {
  if (root_ == nullptr) return {};
  const ScoreNode* node = root_;
  std::uint64_t rank = 0;
  for (std::uint32_t depth = 0; !IsLeafLevel(depth); ++depth) {
    const ScoreInner& inner = AsInner(node);
    const std::uint32_t child = ChildOfCut(CutOf(inner, bound));
    rank += SizeBefore(inner, child);
    node = inner.children[child];
  }
  const std::uint32_t cut = CutOf(*node, bound);
  return {.position = Normal(node, cut), .rank = rank + cut};
}
template ScoreTree::Cut ScoreTree::FindCut(const ScoreBound&) const;
template ScoreTree::Cut ScoreTree::FindCut(const MemberBound&) const;

std::uint64_t ScoreTree::RankOf(double score, const ScoredMember* member) const {
  const KeyBound key = {.score = score, .member = member};
  const ScoreNode* node = root_;
  std::uint64_t rank = 0;
  for (std::uint32_t depth = 0; !IsLeafLevel(depth); ++depth) {
    const ScoreInner& inner = AsInner(node);
    const std::uint32_t child = ChildOfCut(CutOf(inner, key));
    rank += SizeBefore(inner, child);
    node = inner.children[child];
  }
  // Alone with its score it must be this one: its member, another cache line, need not be read.
  const std::uint32_t first = score_tree_internal::CountBelow(*node, score);
  DCHECK(first < node->count);
  if (first + 1 == node->count || node->scores[first + 1] != score) return rank + first;
  const std::uint32_t behind = CutOf(*node, key);
  DCHECK(node->members[behind - 1] == member);
  return rank + behind - 1;
}

ScoreTree::Position ScoreTree::Select(std::uint64_t rank) const {
  DCHECK(rank < size_);
  const ScoreNode* node = root_;
  for (std::uint32_t depth = 0; !IsLeafLevel(depth); ++depth) {
    const ScoreInner& inner = AsInner(node);
    node = inner.children[ChildOfRank(inner, rank)];
  }
  return {node, static_cast<std::uint32_t>(rank)};
}

// The place behind the key, if it is there, or where it would go.
ScoreTree::Run ScoreTree::Descend(KeyBound key, Path& path) const {
  ScoreNode* node = root_;
  for (std::uint32_t depth = 0; !IsLeafLevel(depth); ++depth) {
    auto* inner = static_cast<ScoreInner*>(node);
    const std::uint32_t child = ChildOfCut(CutOf(*inner, key));
    path[depth] = {.node = inner, .index = child};
    node = inner->children[child];
  }
  return {.leaf = node, .begin = CutOf(*node, key), .count = 0};
}

// The key of that rank and all behind it in its leaf.
ScoreTree::Run ScoreTree::DescendToRank(std::uint64_t rank, Path& path) const {
  DCHECK(rank < size_);
  ScoreNode* node = root_;
  for (std::uint32_t depth = 0; !IsLeafLevel(depth); ++depth) {
    auto* inner = static_cast<ScoreInner*>(node);
    const std::uint32_t child = ChildOfRank(*inner, rank);
    path[depth] = {.node = inner, .index = child};
    node = inner->children[child];
  }
  const auto begin = static_cast<std::uint32_t>(rank);
  return {.leaf = node, .begin = begin, .count = node->count - begin};
}

}  // namespace cairn::ds
