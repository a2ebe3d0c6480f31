// SPDX-License-Identifier: BSD-3-Clause
// NodeTable: the large form of hash and set, a SegmentTable with the nodes it points to.
//
// Nodes come from a slab arena, one allocation each: its classes lie eight bytes apart where the
// allocator's lie sixteen, which for short members is a quarter of what an element takes. (Valkey
// 8.0 takes 46 bytes for a member of 16; this takes 36, and would take 44 from the allocator.)
// The arena is the keyspace's, shared by many collections: one of its own would keep half-empty
// slabs for every size in use. It locks itself, so a table may be freed on any thread.
//
// A Node is | sizes | key | maybe more | and says
//   std::string_view key() const;
//   std::size_t bytes() const;                              what it was allocated with
//
// Thread safety: as the collection's. Everything is constant but for growth (segment_table.h).
#ifndef CAIRN_VALUE_NODE_TABLE_H_
#define CAIRN_VALUE_NODE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/hash.h"
#include "ds/raw_memory.h"
#include "ds/segment_table.h"
#include "ds/slab.h"

namespace cairn::value {

// Where a collection that becomes large lives from then on. The arena outlives it.
struct TableHome {
  ds::SlabArena* arena;
  HashSeed seed;
};

template <class NodeType>
class NodeTable {
  struct Traits {
    using Node = NodeType;
    static bool Matches(const Node* node, std::string_view key) {
      const std::string_view own = node->key();
      return own.size() == key.size() && std::memcmp(own.data(), key.data(), key.size()) == 0;
    }
    static std::uint64_t Hash(const Node* node, const HashSeed& seed) {
      return seed.Hash(node->key());
    }
  };

 public:
  using Node = NodeType;
  using Table = ds::SegmentTable<Traits>;
  using Position = ds::TablePosition;

  explicit NodeTable(const TableHome& home) : home_(home), table_(home.seed) {}
  ~NodeTable() {
    table_.EndCut();
    while (!Drain(SIZE_MAX)) continue;
  }
  NodeTable(const NodeTable&) = delete;
  NodeTable& operator=(const NodeTable&) = delete;

  const TableHome& home() const { return home_; }
  ds::SlabArena& arena() const { return *home_.arena; }
  // For walks, times and random entries; entries are added and erased here.
  Table& table() { return table_; }
  const Table& table() const { return table_; }

  std::size_t size() const { return table_.size(); }
  std::size_t memory_bytes() const {
    return ds::AllocatedBytes(sizeof(*this)) - sizeof(ds::SegmentTableBase) +
           table_.memory_bytes() + node_bytes_;
  }

  std::uint64_t HashOf(std::string_view key) const { return home_.seed.Hash(key); }
  Position Find(std::string_view key) const { return table_.Find(HashOf(key), key); }
  void PrefetchBucket(std::string_view key) const { table_.PrefetchBucket(HashOf(key)); }
  void PrefetchNode(std::string_view key) const { table_.PrefetchNode(HashOf(key)); }
  Node* At(Position at) const { return table_.At(at); }

  // Takes over a node from arena(). REQUIRES: no node with its key is here; `hash` is the key's.
  Position Insert(std::uint64_t hash, Node* node) {
    Charge(*node);
    return table_.Insert(hash, node);
  }
  // Takes over `node` in the place of the one with its key, which is freed. Keeps the time.
  void Replace(Position at, Node* node) {
    Node* old = table_.At(at);
    Charge(*node);
    table_.Replace(at, node);
    Free(old);
  }
  void Erase(Position at) { Free(table_.Erase(at)); }
  // The node there is about to change in place.
  void Preserve(Position at) { table_.Preserve(at); }

  // Frees about `budget` nodes; true once there is none. Nothing else may be asked in between.
  bool Drain(std::size_t budget) {
    return table_.Drain(budget, [this](Node* node) { Free(node); });
  }

 private:
  void Charge(const Node& node) { node_bytes_ += ds::SlabArena::AllocatedSize(node.bytes()); }
  void Free(Node* node) {
    const std::size_t bytes = node->bytes();
    node_bytes_ -= ds::SlabArena::AllocatedSize(bytes);
    home_.arena->Free(node, bytes);
  }

  TableHome home_;
  Table table_;
  std::size_t node_bytes_ = 0;
};

}  // namespace cairn::value

#endif  // CAIRN_VALUE_NODE_TABLE_H_
