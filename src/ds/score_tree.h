// SPDX-License-Identifier: BSD-3-Clause
// ScoreTree: the members of a large sorted set in the order of score and bytes, with ranks.
//
// A B+tree whose inner nodes know how many keys lie below each child: from key to rank and from
// rank to key it is one descent.
//
//     inner   [ key, size | key, size | ... ]        score_tree_node.h has the layouts
//                 |           |
//     leaf    [k k k ..] <-> [k k k ..] <-> ...      chained both ways
//
// It owns its nodes and not the members, whose bytes it reads only where scores are equal, and
// whose own score field it never reads.
//
// Invariants
//   (1) Keys ascend strictly by (score, bytes); 0 and -0 are the same score; none is NaN.
//   (2) Key i of an inner node is the first key of its child i, exactly; size i counts the keys
//       below it. So no key of the tree outlives its member.
//   (3) All leaves lie at the same depth. Every node but the root and those on the right edge has
//       kKeysMin keys or more, and none is empty. The right edge is exempt because a full node to
//       whose end a key is added keeps its keys and starts a new one: ascending scores (time
//       stamps, bulk loads) fill leaves to the brim.
//   (4) Scores behind `count` are +inf.
//
// Guarded by the lock of the set that owns it. Cost: O(log n) per call, four nodes for a million
// keys; 16 bytes a key in a full leaf, 17 after ascending inserts and 24 after random ones;
// bench/sorted_set_bench.cc measures it.
#ifndef CAIRN_DS_SCORE_TREE_H_
#define CAIRN_DS_SCORE_TREE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "base/prefetch.h"
#include "ds/score_tree_node.h"

namespace cairn::ds {

class ScoreTree {
 public:
  // A key of the tree, or its end. Valid until the tree changes.
  struct Position {
    const ScoreNode* leaf = nullptr;
    std::uint32_t index = 0;

    bool at_end() const { return leaf == nullptr; }
    double score() const { return leaf->scores[index]; }
    ScoredMember* member() const { return leaf->members[index]; }
  };
  // The first key that is not before a bound, and how many are.
  struct Cut {
    Position position;
    std::uint64_t rank = 0;
  };

  ScoreTree() = default;
  ~ScoreTree() { FreeStep(SIZE_MAX); }
  ScoreTree(const ScoreTree&) = delete;
  ScoreTree& operator=(const ScoreTree&) = delete;

  std::uint64_t size() const { return size_; }
  // The nodes, as the allocator rounds them.
  std::size_t memory_bytes() const;

  // REQUIRES: the key is not in the tree; score is no NaN.
  void Insert(double score, ScoredMember* member);
  // REQUIRES: the key is in the tree.
  void Erase(double score, const ScoredMember* member);
  struct NewScore {
    double score;
  };
  // Moves a member from one score to another. Quick if it stays between its neighbours. REQUIRES:
  // (score, member) is in the tree.
  void Update(double score, ScoredMember* member, NewScore to);

  // How many keys are before this one. REQUIRES: it is in the tree.
  std::uint64_t RankOf(double score, const ScoredMember* member) const;
  // REQUIRES: rank < size().
  Position Select(std::uint64_t rank) const;
  Cut Find(ScoreBound bound) const { return FindCut(bound); }
  // Goes by the bytes alone. REQUIRES: all scores are equal; else the cut lies anywhere.
  Cut Find(MemberBound bound) const { return FindCut(bound); }

  // Visits `count` keys in ascending order. REQUIRES: so many there are.
  template <class Fn>  // void(double score, ScoredMember*)
  void VisitForward(Position from, std::uint64_t count, Fn&& fn) const {
    for (; count != 0; --count) {
      DCHECK(!from.at_end());
      const ScoreNode& leaf = *from.leaf;
      PrefetchLine(MemberAhead(leaf, from.index + kPrefetchKeys));
      fn(leaf.scores[from.index], leaf.members[from.index]);
      if (++from.index == leaf.count) from = {leaf.next, 0};
    }
  }
  // The same downwards, from `from` itself.
  template <class Fn>  // void(double score, ScoredMember*)
  void VisitBackward(Position from, std::uint64_t count, Fn&& fn) const {
    for (; count != 0; --count) {
      DCHECK(!from.at_end());
      const ScoreNode& leaf = *from.leaf;
      if (from.index >= kPrefetchKeys) {
        PrefetchLine(leaf.members[from.index - kPrefetchKeys]);
      }
      fn(leaf.scores[from.index], leaf.members[from.index]);
      from = from.index != 0        ? Position{from.leaf, from.index - 1}
             : leaf.prev != nullptr ? Position{leaf.prev, leaf.prev->count - 1}
                                    : Position{};
    }
  }

  // Takes the keys from rank `begin` on out of the tree and hands them to `fn`, ascending, those of
  // a leaf at a time: so the caller can fetch many of them from memory at once. REQUIRES:
  // begin + count <= size(); fn does not touch the tree, but may free the members.
  template <class Fn>  // void(std::span<const double>, std::span<ScoredMember* const>)
  void EraseRanks(std::uint64_t begin, std::uint64_t count, Fn&& fn) {
    while (count != 0) {
      Path path;
      Run run = DescendToRank(begin, path);
      if (run.count > count) run.count = static_cast<std::uint32_t>(count);
      fn(std::span<const double>(run.leaf->scores + run.begin, run.count),
         std::span<ScoredMember* const>(run.leaf->members + run.begin, run.count));
      count -= run.count;
      EraseRun(path, run);
    }
  }

  // Frees nodes with about so many keys; true once none is left. Between the first call and the
  // last, nothing else may be asked of the tree. The members are the caller's, and may be gone.
  bool FreeStep(std::size_t keys);

  // Stops the process if anything is not as it must be. Linear: for tests.
  void CheckInvariants() const;

 private:
  // A node has at least kKeysMin children but on the right edge, so eleven levels hold 2^47 keys.
  static constexpr std::uint32_t kHeightMax = 12;
  // How far VisitForward runs ahead; a range of a set out of the cache is all misses without.
  static constexpr std::uint32_t kPrefetchKeys = 8;

  struct Step {
    ScoreInner* node;
    std::uint32_t index;
  };
  // Inner nodes from the root to a leaf, and which child was entered. As long as height_.
  using Path = std::array<Step, kHeightMax>;
  struct Run {  // keys side by side
    ScoreNode* leaf;
    std::uint32_t begin;
    std::uint32_t count;
  };
  struct Totals;

  static const ScoredMember* MemberAhead(const ScoreNode& leaf, std::uint32_t index) {
    if (index < leaf.count) return leaf.members[index];
    return leaf.next == nullptr ? nullptr : leaf.next->members[index - leaf.count];
  }
  // A position behind the last key of a leaf is that of the next one's first.
  static Position Normal(const ScoreNode* leaf, std::uint32_t index) {
    if (leaf != nullptr && index == leaf->count) return {leaf->next, 0};
    return {leaf, index};
  }
  bool IsLeafLevel(std::uint32_t depth) const { return depth == height_; }

  template <class Bound>
  Cut FindCut(const Bound& bound) const;
  Run Descend(KeyBound key, Path& path) const;
  Run DescendToRank(std::uint64_t rank, Path& path) const;

  ScoreNode* NewLeaf();
  ScoreInner* NewInner();
  void FreeNode(ScoreNode* node, bool is_leaf);
  void InsertAt(Path& path, Run at, double score, ScoredMember* member);
  ScoreNode* SplitLeaf(ScoreNode* leaf, std::uint32_t at);
  void Grow(Path& path, ScoreNode* left, ScoreNode* added, bool first_changed);
  ScoreInner* InsertChild(Path& path, std::uint32_t depth, ScoreNode* child, std::uint64_t size);
  bool IsOnRightEdge(const Path& path, std::uint32_t depth) const;
  std::uint64_t SizeBelow(const ScoreNode* node, std::uint32_t depth) const;
  void EraseRun(Path& path, Run run);
  void FirstKeyChanged(Path& path, std::uint32_t depth, const ScoreNode& node);
  void Rebalance(Path& path, ScoreNode* leaf);
  void RemoveEmptyChild(Path& path, std::uint32_t depth);
  void MergeOrBalance(ScoreInner& parent, std::uint32_t left_index, bool are_leaves);
  void ShrinkRoot();
  void FreeLastLeaf();
  void CheckNode(const ScoreNode& node, std::uint32_t depth, bool on_right_edge,
                 Totals& totals) const;

  ScoreNode* root_ = nullptr;  // a leaf if height_ is 0
  std::uint32_t height_ = 0;   // levels of inner nodes
  std::uint64_t size_ = 0;
  std::size_t leaf_count_ = 0;
  std::size_t inner_count_ = 0;
};

}  // namespace cairn::ds

#endif  // CAIRN_DS_SCORE_TREE_H_
