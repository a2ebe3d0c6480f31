// SPDX-License-Identifier: BSD-3-Clause
// SetWalk: the members of a set, some at a time, for who wants to stop or to look ahead.
//
//   SetWalk walk(set);
//   while (walk.Next()) for (const ds::PackedValue& member : walk.batch()) ...
//
// The nodes of a large set lie anywhere in memory, so a batch's are all asked for before the first
// is read. Batches of a table end at a bucket: with hashes that are all alike they are as long as
// the table. The set must not change meanwhile. Lives on the stack of one call.
#ifndef CAIRN_VALUE_SET_WALK_H_
#define CAIRN_VALUE_SET_WALK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "value/set.h"

namespace cairn::value {

class SetWalk {
 public:
  static constexpr std::size_t kBatch = 16;

  // `cursor`: where a walk through the same set left off, or 0 to begin. Of a small form that has
  // changed since it is of no use.
  explicit SetWalk(const Set& set, std::uint64_t cursor = 0);

  // Reads the next members; false at the end.
  bool Next();
  // Where to go on after what was read; 0 at the end.
  std::uint64_t cursor() const { return ended_ ? 0 : cursor_; }
  // What is left of what was read: filters may take members out.
  std::vector<ds::PackedValue>& batch() { return batch_; }

  // Takes out of `batch` what is not (or what is) in the set.
  enum class Keep : std::uint8_t { kContained, kMissing };
  static void Filter(const Set& set, Keep keep, std::vector<ds::PackedValue>& batch);

 private:
  void ReadInts();
  void ReadPacked();
  void ReadTable();
  static bool ContainsInSmall(const Set& set, const ds::PackedValue& member);
  static void FilterByTable(const Set::Table& table, Keep keep,
                            std::vector<ds::PackedValue>& batch);

  const Set& set_;
  std::vector<ds::PackedValue> batch_;
  std::vector<const SetNode*> nodes_;
  std::uint64_t cursor_ = 0;  // an index, a position or a table's cursor
  bool ended_ = false;
};

}  // namespace cairn::value

#endif  // CAIRN_VALUE_SET_WALK_H_
