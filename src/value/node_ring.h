// SPDX-License-Identifier: BSD-3-Clause
// NodeRing: the nodes of a long list in their order, in one ring of slots.
//
//     slots   [ n3 n4 .. .. .. n0 n1 n2 ]        begin_ points at n0
//
// A list of pointers would miss the cache at every node that is passed over; here four nodes share
// a line, so that the middle of a million elements (some 1500 nodes) is 12 KB away. Both ends grow
// in constant time. In the middle, an insertion or erasure moves the nearer side: commands that do
// so have walked over those nodes' elements anyway.
//
// Nodes are handles: the ring neither makes nor frees what they point to.
#ifndef CAIRN_VALUE_NODE_RING_H_
#define CAIRN_VALUE_NODE_RING_H_

#include <cstddef>

#include "ds/raw_memory.h"
#include "value/list_node.h"

namespace cairn::value {

class NodeRing {
 public:
  NodeRing() = default;
  ~NodeRing();
  NodeRing(const NodeRing&) = delete;
  NodeRing& operator=(const NodeRing&) = delete;

  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const {
    return capacity_ == 0 ? 0 : ds::AllocatedBytes(capacity_ * sizeof(ListNode));
  }

  // REQUIRES: i < size().
  ListNode& operator[](std::size_t i) { return slots_[(begin_ + i) & (capacity_ - 1)]; }
  const ListNode& operator[](std::size_t i) const { return slots_[(begin_ + i) & (capacity_ - 1)]; }

  // The new node becomes number `i`. REQUIRES: i <= size().
  void Insert(std::size_t i, ListNode node);
  // REQUIRES: i + count <= size().
  void Erase(std::size_t i, std::size_t count);
  // Drops the nodes without elements, which own nothing; returns how many there were.
  std::size_t DropEmpty();

 private:
  void Resize(std::size_t capacity);
  void Shrink();

  ListNode* slots_ = nullptr;
  std::size_t capacity_ = 0;  // a power of two, or 0
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
};

}  // namespace cairn::value

#endif  // CAIRN_VALUE_NODE_RING_H_
