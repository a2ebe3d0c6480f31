// SPDX-License-Identifier: BSD-3-Clause
// CheckInvariants: everything score_tree.h and score_tree_node.h promise, computed anew and
// compared. Linear; for tests and DEBUG.
#include "base/check.h"
#include "ds/score_tree.h"

namespace cairn::ds {

struct ScoreTree::Totals {
  std::uint64_t keys = 0;
  std::size_t leaves = 0;
  std::size_t inners = 0;
  const ScoreNode* last_leaf = nullptr;
};

namespace {

bool IsBelow(const ScoreNode& a, std::uint32_t i, const ScoreNode& b, std::uint32_t j) {
  if (a.scores[i] != b.scores[j]) return a.scores[i] < b.scores[j];
  return CompareMembers(a.members[i]->key(), b.members[j]->key()) < 0;
}

void CheckKeys(const ScoreNode& node) {
  for (std::uint32_t i = 0; i < node.count; ++i) {
    CHECK(node.scores[i] == node.scores[i]);
    if (i != 0) CHECK(IsBelow(node, i - 1, node, i));
  }
  for (std::uint32_t i = node.count; i < ScoreNode::kKeysMax; ++i) {
    CHECK(node.scores[i] == ScoreNode::kPadding);
  }
}

}  // namespace

void ScoreTree::CheckNode(const ScoreNode& node, std::uint32_t depth, bool on_right_edge,
                          Totals& totals) const {
  CHECK(node.count >= (on_right_edge ? 1 : ScoreNode::kKeysMin));
  CHECK(node.count <= ScoreNode::kKeysMax);
  CheckKeys(node);
  if (IsLeafLevel(depth)) {
    CHECK(node.prev == totals.last_leaf);
    if (node.prev != nullptr) {
      CHECK(node.prev->next == &node);
      CHECK(IsBelow(*node.prev, node.prev->count - 1, node, 0));
    }
    totals.last_leaf = &node;
    totals.keys += node.count;
    ++totals.leaves;
    return;
  }
  ++totals.inners;
  const auto& inner = static_cast<const ScoreInner&>(node);
  for (std::uint32_t i = 0; i < inner.count; ++i) {
    const ScoreNode& child = *inner.children[i];
    const std::uint64_t before = totals.keys;
    CheckNode(child, depth + 1, on_right_edge && i + 1 == inner.count, totals);
    CHECK(totals.keys - before == inner.sizes[i]);
    CHECK(child.scores[0] == inner.scores[i]);
    CHECK(child.members[0] == inner.members[i]);
  }
}

void ScoreTree::CheckInvariants() const {
  Totals totals;
  if (root_ != nullptr) {
    CheckNode(*root_, 0, true, totals);
    CHECK(totals.last_leaf->next == nullptr);
    if (height_ > 0) CHECK(root_->count > 1);
  }
  CHECK(totals.keys == size_);
  CHECK(totals.leaves == leaf_count_);
  CHECK(totals.inners == inner_count_);
}

}  // namespace cairn::ds
