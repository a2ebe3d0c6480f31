// SPDX-License-Identifier: BSD-3-Clause
// Changing: a key goes into or out of its leaf, then the path is walked upwards once, to count, to
// split full nodes and to join poor ones.
//
// A full node splits in the middle, or, if the new key comes at the very end of the tree, not at
// all: the new node then begins with that key alone. A node that falls below kKeysMin takes its
// left neighbour under the same parent (the first child: its right one); both become one if that
// leaves room, else they share evenly. Borrowing one key at a time was not tried: it would touch
// the same lines at each of the next erasures again.
#include <algorithm>
#include <cstring>
#include <new>

#include "base/check.h"
#include "ds/raw_memory.h"
#include "ds/score_tree.h"

namespace cairn::ds {
namespace {

constexpr std::uint32_t kKeysMax = ScoreNode::kKeysMax;

template <class T>
void ShiftRight(T* array, std::uint32_t at, std::uint32_t end) {
  std::memmove(array + at + 1, array + at, (end - at) * sizeof(T));
}
template <class T>
void ShiftLeft(T* array, std::uint32_t at, std::uint32_t end, std::uint32_t by) {
  std::memmove(array + at, array + at + by, (end - at - by) * sizeof(T));
}

ScoreInner* AsInner(ScoreNode* node) { return static_cast<ScoreInner*>(node); }

void SetKey(ScoreNode& node, std::uint32_t at, double score, ScoredMember* member) {
  node.scores[at] = score;
  node.members[at] = member;
}

void InsertKey(ScoreNode& node, std::uint32_t at, double score, ScoredMember* member) {
  DCHECK(node.count < kKeysMax);
  DCHECK(at <= node.count);
  ShiftRight(node.scores, at, node.count);
  ShiftRight(node.members, at, node.count);
  SetKey(node, at, score, member);
  ++node.count;
}

void InsertEntry(ScoreInner& node, std::uint32_t at, ScoreNode* child, std::uint64_t size) {
  ShiftRight(node.sizes, at, node.count);
  ShiftRight(node.children, at, node.count);
  node.sizes[at] = size;
  node.children[at] = child;
  InsertKey(node, at, child->scores[0], child->members[0]);
}

void EraseKeys(ScoreNode& node, std::uint32_t at, std::uint32_t n) {
  DCHECK(at + n <= node.count);
  ShiftLeft(node.scores, at, node.count, n);
  ShiftLeft(node.members, at, node.count, n);
  std::fill(node.scores + node.count - n, node.scores + node.count, ScoreNode::kPadding);
  node.count -= n;
}

void EraseEntry(ScoreInner& node, std::uint32_t at) {
  ShiftLeft(node.sizes, at, node.count, 1);
  ShiftLeft(node.children, at, node.count, 1);
  EraseKeys(node, at, 1);
}

enum class Kind : std::uint8_t { kLeaf, kInner };

// Moves the keys from `at` on to the front of `to`, before those it has.
void MoveTail(ScoreNode& from, std::uint32_t at, ScoreNode& to, Kind kind) {
  const std::uint32_t n = from.count - at;
  DCHECK(to.count + n <= kKeysMax);
  const auto move = [&](auto* source, auto* target) {
    std::memmove(target + n, target, to.count * sizeof(*target));
    std::memcpy(target, source + at, n * sizeof(*target));
  };
  move(from.scores, to.scores);
  move(from.members, to.members);
  if (kind == Kind::kInner) {
    move(AsInner(&from)->sizes, AsInner(&to)->sizes);
    move(AsInner(&from)->children, AsInner(&to)->children);
  }
  std::fill(from.scores + at, from.scores + from.count, ScoreNode::kPadding);
  from.count = at;
  to.count += n;
}

// Moves the first `n` keys of `from` to the end of `to`.
void MoveHead(ScoreNode& from, std::uint32_t n, ScoreNode& to, Kind kind) {
  DCHECK(to.count + n <= kKeysMax);
  const auto move = [&](auto* source, auto* target) {
    std::memcpy(target + to.count, source, n * sizeof(*target));
  };
  move(from.scores, to.scores);
  move(from.members, to.members);
  if (kind == Kind::kInner) {
    move(AsInner(&from)->sizes, AsInner(&to)->sizes);
    move(AsInner(&from)->children, AsInner(&to)->children);
    ShiftLeft(AsInner(&from)->sizes, 0, from.count, n);
    ShiftLeft(AsInner(&from)->children, 0, from.count, n);
  }
  to.count += n;
  EraseKeys(from, 0, n);
}

}  // namespace

ScoreNode* ScoreTree::NewLeaf() {
  ++leaf_count_;
  auto* leaf = new (AllocateLines(sizeof(ScoreNode))) ScoreNode;
  std::fill_n(leaf->scores, kKeysMax, ScoreNode::kPadding);
  std::fill_n(leaf->members, kKeysMax, nullptr);
  return leaf;
}

ScoreInner* ScoreTree::NewInner() {
  ++inner_count_;
  auto* inner = new (AllocateLines(sizeof(ScoreInner))) ScoreInner;
  std::fill_n(inner->scores, kKeysMax, ScoreNode::kPadding);
  return inner;
}

void ScoreTree::FreeNode(ScoreNode* node, bool is_leaf) {
  --(is_leaf ? leaf_count_ : inner_count_);
  FreeRaw(node);
}

void ScoreTree::Insert(double score, ScoredMember* member) {
  DCHECK(score == score);
  if (root_ == nullptr) root_ = NewLeaf();
  Path path;
  const Run at = Descend({.score = score, .member = member}, path);
  InsertAt(path, at, score, member);
}

void ScoreTree::InsertAt(Path& path, Run at, double score, ScoredMember* member) {
  ++size_;
  ScoreNode* const leaf = at.leaf;
  if (leaf->count < kKeysMax) {
    InsertKey(*leaf, at.begin, score, member);
    Grow(path, leaf, nullptr, at.begin == 0);
    return;
  }
  ScoreNode* const added = SplitLeaf(leaf, at.begin);
  if (at.begin <= leaf->count && leaf->count < kKeysMax) {
    InsertKey(*leaf, at.begin, score, member);
  } else {
    InsertKey(*added, at.begin - leaf->count, score, member);
  }
  Grow(path, leaf, added, at.begin == 0);
}

// A leaf behind `leaf` with its upper half, or with nothing if `at` is the end of the tree.
ScoreNode* ScoreTree::SplitLeaf(ScoreNode* leaf, std::uint32_t at) {
  ScoreNode* const added = NewLeaf();
  const bool appends = at == kKeysMax && leaf->next == nullptr;
  if (!appends) MoveTail(*leaf, kKeysMax / 2, *added, Kind::kLeaf);
  added->prev = leaf;
  added->next = leaf->next;
  if (leaf->next != nullptr) leaf->next->prev = added;
  leaf->next = added;
  return added;
}

// One more key lies below the path, whose leaf is `left`, and maybe `added` is a new leaf behind.
void ScoreTree::Grow(Path& path, ScoreNode* left, ScoreNode* added, bool first_changed) {
  for (std::uint32_t depth = height_; depth-- > 0;) {
    auto& [node, index] = path[depth];
    if (first_changed) SetKey(*node, index, left->scores[0], left->members[0]);
    if (added == nullptr) {
      ++node->sizes[index];
    } else {
      node->sizes[index] = SizeBelow(left, depth + 1);
      added = InsertChild(path, depth, added, SizeBelow(added, depth + 1));
    }
    left = node;
  }
  if (added == nullptr) return;
  CHECK(height_ < kHeightMax);
  const std::uint64_t left_size = SizeBelow(left, 0);
  const std::uint64_t added_size = SizeBelow(added, 0);
  ScoreInner* const root = NewInner();
  InsertEntry(*root, 0, left, left_size);
  InsertEntry(*root, 1, added, added_size);
  root_ = root;
  ++height_;
}

// Puts `child` behind the path's child at `depth`. Returns the node that was split off for it, or
// null.
ScoreInner* ScoreTree::InsertChild(Path& path, std::uint32_t depth, ScoreNode* child,
                                   std::uint64_t size) {
  ScoreInner* const node = path[depth].node;
  const std::uint32_t at = path[depth].index + 1;
  if (node->count < kKeysMax) {
    InsertEntry(*node, at, child, size);
    return nullptr;
  }
  ScoreInner* const added = NewInner();
  const bool appends = at == kKeysMax && IsOnRightEdge(path, depth);
  if (!appends) MoveTail(*node, kKeysMax / 2, *added, Kind::kInner);
  if (at <= node->count && node->count < kKeysMax) {
    InsertEntry(*node, at, child, size);
  } else {
    InsertEntry(*added, at - node->count, child, size);
  }
  return added;
}

bool ScoreTree::IsOnRightEdge(const Path& path, std::uint32_t depth) const {
  for (std::uint32_t above = 0; above < depth; ++above) {
    if (path[above].index + 1 != path[above].node->count) return false;
  }
  return true;
}

std::uint64_t ScoreTree::SizeBelow(const ScoreNode* node, std::uint32_t depth) const {
  if (IsLeafLevel(depth)) return node->count;
  const auto* inner = static_cast<const ScoreInner*>(node);
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < inner->count; ++i) sum += inner->sizes[i];
  return sum;
}

void ScoreTree::Erase(double score, const ScoredMember* member) {
  Path path;
  const Run behind = Descend({.score = score, .member = member}, path);
  CHECK(behind.begin != 0);
  CHECK(behind.leaf->members[behind.begin - 1] == member);
  EraseRun(path, {.leaf = behind.leaf, .begin = behind.begin - 1, .count = 1});
}

void ScoreTree::Update(double score, ScoredMember* member, NewScore to) {
  DCHECK(to.score == to.score);
  Path path;
  const Run behind = Descend({.score = score, .member = member}, path);
  CHECK(behind.begin != 0);
  ScoreNode& leaf = *behind.leaf;
  const std::uint32_t at = behind.begin - 1;
  CHECK(leaf.members[at] == member);
  const bool above_left = at > 0 && leaf.scores[at - 1] < to.score;
  const bool below_right =
      at + 1 < leaf.count ? to.score < leaf.scores[at + 1] : leaf.next == nullptr;
  if (above_left && below_right) {
    leaf.scores[at] = to.score;
    return;
  }
  EraseRun(path, {.leaf = &leaf, .begin = at, .count = 1});
  Insert(to.score, member);
}

void ScoreTree::EraseRun(Path& path, Run run) {
  size_ -= run.count;
  EraseKeys(*run.leaf, run.begin, run.count);
  for (std::uint32_t depth = 0; depth < height_; ++depth) {
    path[depth].node->sizes[path[depth].index] -= run.count;
  }
  if (run.begin == 0 && run.leaf->count != 0) FirstKeyChanged(path, height_, *run.leaf);
  if (run.leaf->count < ScoreNode::kKeysMin) Rebalance(path, run.leaf);
}

// `node`, which the path enters at `depth`, begins with another key than before.
void ScoreTree::FirstKeyChanged(Path& path, std::uint32_t depth, const ScoreNode& node) {
  while (depth-- > 0) {
    SetKey(*path[depth].node, path[depth].index, node.scores[0], node.members[0]);
    if (path[depth].index != 0) return;
  }
}

void ScoreTree::Rebalance(Path& path, ScoreNode* leaf) {
  ScoreNode* node = leaf;
  for (std::uint32_t depth = height_; depth-- > 0 && node->count < ScoreNode::kKeysMin;) {
    const auto [parent, index] = path[depth];
    if (node->count == 0) {
      RemoveEmptyChild(path, depth);
    } else if (parent->count > 1) {
      MergeOrBalance(*parent, index == 0 ? 0 : index - 1, IsLeafLevel(depth + 1));
    }
    node = parent;
  }
  ShrinkRoot();
}

void ScoreTree::RemoveEmptyChild(Path& path, std::uint32_t depth) {
  const auto [parent, index] = path[depth];
  ScoreNode* const child = parent->children[index];
  const bool is_leaf = IsLeafLevel(depth + 1);
  if (is_leaf) {
    if (child->prev != nullptr) child->prev->next = child->next;
    if (child->next != nullptr) child->next->prev = child->prev;
  }
  FreeNode(child, is_leaf);
  EraseEntry(*parent, index);
  if (index == 0 && parent->count != 0) FirstKeyChanged(path, depth, *parent);
}

void ScoreTree::MergeOrBalance(ScoreInner& parent, std::uint32_t left_index, bool are_leaves) {
  const std::uint32_t right_index = left_index + 1;
  ScoreNode& left = *parent.children[left_index];
  ScoreNode& right = *parent.children[right_index];
  const Kind kind = are_leaves ? Kind::kLeaf : Kind::kInner;
  const std::uint64_t both = parent.sizes[left_index] + parent.sizes[right_index];
  const std::uint32_t keys = left.count + right.count;
  if (keys <= ScoreNode::kMergedMax) {
    MoveHead(right, right.count, left, kind);
    parent.sizes[left_index] = both;
    if (are_leaves) {
      left.next = right.next;
      if (right.next != nullptr) right.next->prev = &left;
    }
    FreeNode(&right, are_leaves);
    EraseEntry(parent, right_index);
    return;
  }
  const std::uint32_t left_target = keys / 2;
  if (left.count > left_target) {
    MoveTail(left, left_target, right, kind);
  } else {
    MoveHead(right, left_target - left.count, left, kind);
  }
  std::uint64_t left_size = left.count;
  if (!are_leaves) {
    const ScoreInner& inner = *AsInner(&left);
    left_size = 0;
    for (std::uint32_t i = 0; i < inner.count; ++i) left_size += inner.sizes[i];
  }
  parent.sizes[left_index] = left_size;
  parent.sizes[right_index] = both - left_size;
  SetKey(parent, right_index, right.scores[0], right.members[0]);
}

void ScoreTree::ShrinkRoot() {
  while (height_ > 0 && root_->count == 1) {
    ScoreNode* const only = AsInner(root_)->children[0];
    FreeNode(root_, false);
    root_ = only;
    --height_;
  }
  if (root_->count != 0) return;
  FreeNode(root_, height_ == 0);
  root_ = nullptr;
  height_ = 0;
}

bool ScoreTree::FreeStep(std::size_t keys) {
  while (root_ != nullptr && keys != 0) {
    const std::uint64_t before = size_;
    FreeLastLeaf();
    keys -= std::min(keys, static_cast<std::size_t>(before - size_));
  }
  return root_ == nullptr;
}

// With the inner nodes that it leaves empty. Sizes and keys are not kept.
void ScoreTree::FreeLastLeaf() {
  ScoreNode* node = root_;
  Path path;
  for (std::uint32_t depth = 0; depth < height_; ++depth) {
    path[depth] = {.node = AsInner(node), .index = 0};
    node = AsInner(node)->children[node->count - 1];
  }
  size_ -= node->count;
  FreeNode(node, true);
  for (std::uint32_t depth = height_; depth-- > 0;) {
    if (--path[depth].node->count != 0) return;
    FreeNode(path[depth].node, false);
  }
  root_ = nullptr;
  height_ = 0;
}

}  // namespace cairn::ds
