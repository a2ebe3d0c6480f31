// SPDX-License-Identifier: BSD-3-Clause
// ListChain: the large form of a list, a row of nodes of some 8 KiB each.
//
//     chain -> ring of nodes -> packed list, compressed or narrow perhaps | one huge element
//
// Where nodes are cut, joined and left alone follows Redis's quicklist step by step, because a list
// goes back to its small form when one node is left, and clients see that.
//
// Invariants
//   (1) No node is empty; size() is the sum of their counts, memory_bytes() of what they allocate.
//   (2) With a compress depth d > 0 the first and last d nodes are open, with depth 0 the first and
//       last one: so both ends can always be read in place. Behind these lies at each end one node
//       as it came; of all others every one is closed that gains by it, through LZF with d > 0,
//       narrow with depth 0 unless it is slow to widen (list_node.h). (The one between is why
//       pushes and pops in turn, at an end where a node begins, do not close and open a node with
//       every command: to do both to one takes a node's worth of pushes, or of pops, in between.)
//   (3) Fill and depth are those of the chain's making, as in Redis: options that are changed later
//       concern later chains.
//
// Owned by a List. Cost: constant at both ends; elsewhere O(nodes passed over) + O(one node).
#ifndef CAIRN_VALUE_LIST_CHAIN_H_
#define CAIRN_VALUE_LIST_CHAIN_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ds/packed_list.h"
#include "value/list_node.h"
#include "value/list_rules.h"
#include "value/node_ring.h"

namespace cairn::value {

class ListChain;

// ListFreeze: the nodes of a chain as they were at one moment, for reading while the chain changes.
//
// It copies the handles, 16 bytes a node. The chain leaves a frozen node's block as it is: before
// it changes one it takes a copy for itself, and one that it has no use for any more comes here. So
// node() needs no lock. All else is under the chain's.
class ListFreeze {
 public:
  ListFreeze(const ListFreeze&) = delete;
  ListFreeze& operator=(const ListFreeze&) = delete;

  std::size_t node_count() const { return nodes_.size(); }
  const ListNode& node(std::size_t i) const { return nodes_[i]; }

 protected:
  explicit ListFreeze(ListChain& chain);
  virtual ~ListFreeze();
  // The chain is told no more; idempotent. The blocks that came here go with this.
  void Thaw();

 private:
  friend class ListChain;
  // A block came here.
  virtual void Keeps(std::size_t bytes) = 0;
  void TakeOver(const ListNode& node) {
    kept_.push_back(node);
    Keeps(node.memory_bytes());
  }

  ListChain* chain_;  // null once it has ended, or been told
  std::vector<ListNode> nodes_;
  std::vector<ListNode> kept_;  // those of them that are the chain's no more
};

enum class ListEnd { kFront, kBack };
enum class ListSide { kBefore, kAfter };

class ListChain {
 public:
  // Where an element is.
  struct Place {
    std::size_t node;
    std::size_t offset;
  };

  explicit ListChain(const ListLimits& limits);
  ~ListChain();
  ListChain(const ListChain&) = delete;
  ListChain& operator=(const ListChain&) = delete;

  std::size_t size() const { return size_; }
  std::size_t node_count() const { return nodes_.size(); }
  const ListNode& node(std::size_t i) const { return nodes_[i]; }
  std::size_t memory_bytes() const;
  std::unique_ptr<ListChain> Clone() const;
  // Who reads it as it was, or null.
  ListFreeze* freeze() const { return freeze_; }

  // REQUIRES: index < size().
  Place Locate(std::size_t index) const;
  // The first element equal to `text`.
  std::optional<Place> Find(std::string_view text) const;

  // A ready-made node behind all others. REQUIRES: not empty.
  void AppendNode(ListNode node);
  // The only node's list, which leaves the chain. REQUIRES: one node, packed.
  ds::PackedList TakeOnlyNode();

  void Push(ListEnd end, const ListElement& element);
  void Insert(Place place, ListSide side, const ListElement& element);
  void Replace(Place place, const ListElement& element);
  // REQUIRES: start + count <= size().
  void EraseRange(std::size_t start, std::size_t count);
  // Erases up to `limit` elements equal to `text`, seen from that end; returns how many.
  std::size_t Remove(std::string_view text, std::size_t limit, ListEnd from);
  // For freeing in steps: erases nodes at the back until they had `elements` elements or nothing is
  // left. The chain must not be used for anything else any more.
  void FreeBack(std::size_t elements);

 private:
  friend class ListFreeze;
  // The node for changing.
  ListNode& Changing(std::size_t i);
  void FreeNode(std::size_t i);
  bool AllowsInsert(std::size_t i, const ListElement& element) const;
  bool AllowsMerge(std::size_t i) const;
  template <class Change>
  void Edit(std::size_t i, Change change);
  void InsertNode(std::size_t i, ListNode node);
  void InsertElementNode(std::size_t i, const ListElement& element);
  void EraseNodes(std::size_t i, std::size_t count);
  void EraseWithin(std::size_t i, std::size_t offset, std::size_t count);
  std::size_t RemoveWithin(std::size_t i, std::string_view text, std::size_t limit, ListEnd from,
                           std::string& scratch);
  void Split(std::size_t i, std::size_t count);
  void Merge(std::size_t i);
  void MergeAround(std::size_t i);
  void SplitAndInsert(Place place, ListSide side, const ListElement& element);
  // How many nodes at each end are always open.
  std::size_t open_ends() const { return std::max<std::size_t>(depth_, 1); }
  // How many nodes lie between node i and the nearer end.
  std::size_t FromEnd(std::size_t i) const { return std::min(i, nodes_.size() - 1 - i); }
  void Settle(std::size_t i);
  void CloseBehindEnds(std::size_t i);
  void OpenEnds(std::size_t count);
  void DropNodes(std::size_t i, std::size_t count);

  NodeRing nodes_;
  ListFreeze* freeze_ = nullptr;
  std::size_t size_ = 0;
  std::size_t block_bytes_ = 0;  // of the nodes' blocks
  std::int16_t fill_;
  std::uint16_t depth_;
};

}  // namespace cairn::value

#endif  // CAIRN_VALUE_LIST_CHAIN_H_
