// SPDX-License-Identifier: BSD-3-Clause
// What the tests of the segment table share: nodes whose hash the test chooses, and a table with
// its model.
#ifndef CAIRN_DS_SEGMENT_TABLE_TESTING_H_
#define CAIRN_DS_SEGMENT_TABLE_TESTING_H_

#include <cstdint>
#include <cstring>
#include <deque>
#include <string_view>

#include "ds/segment_table.h"

namespace cairn::ds {

struct TestNode {
  std::uint64_t id;
  std::uint64_t hash;

  std::string_view key() const { return {reinterpret_cast<const char*>(&id), sizeof(id)}; }
};

struct TestTraits {
  using Node = TestNode;
  static bool Matches(const TestNode* node, std::string_view key) { return node->key() == key; }
  static std::uint64_t Hash(const TestNode* node, const HashSeed&) { return node->hash; }
};

using TestTable = SegmentTable<TestTraits>;

// A well-mixed 64-bit number for each input (the finalizer of splitmix64).
inline std::uint64_t Mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

// Nodes with ids 0, 1, 2, ... and a table they go into. `shape` bends hashes: mask then set bits.
class TableFixture {
 public:
  struct Shape {
    std::uint64_t keep = ~std::uint64_t{0};
    std::uint64_t set = 0;
  };
  TableFixture() = default;
  explicit TableFixture(Shape shape) : shape_(shape) {}

  TestTable& table() { return table_; }
  std::uint64_t HashOf(std::uint64_t id) const { return (Mix(id) & shape_.keep) | shape_.set; }
  TestTable::Position Find(std::uint64_t id) const {
    return table_.Find(HashOf(id), TestNode{id, 0}.key());
  }
  TestTable::Position Insert(std::uint64_t id) {
    nodes_.push_back({id, HashOf(id)});
    return table_.Insert(nodes_.back().hash, &nodes_.back());
  }
  void InsertRange(std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t id = begin; id < end; ++id) Insert(id);
  }
  void Erase(std::uint64_t id) { table_.Erase(Find(id)); }
  // A copy of the node, as if it had been moved in memory.
  TestNode* Copy(const TestNode& node) {
    nodes_.push_back(node);
    return &nodes_.back();
  }

 private:
  Shape shape_;
  std::deque<TestNode> nodes_;
  TestTable table_{HashSeed(1)};
};

}  // namespace cairn::ds

#endif  // CAIRN_DS_SEGMENT_TABLE_TESTING_H_
