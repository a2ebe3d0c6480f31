// SPDX-License-Identifier: BSD-3-Clause
// DuplicateFinder: whether a packed list that somebody sent names a field or member twice.
//
// A table of hashes and places, kept for the next list. The hash is keyed, so that nobody chooses
// what collides. Cost: O(elements), some 10 ns each; 16 bytes of memory for each of them.
#ifndef CAIRN_CODEC_DUPLICATES_H_
#define CAIRN_CODEC_DUPLICATES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "ds/packed_list.h"

namespace cairn::codec {

class DuplicateFinder {
 public:
  // Whether the first of every `stride` elements differ, all of them. A number and its text are the
  // same.
  bool AllDiffer(ds::PackedView list, std::size_t stride, const HashSeed& seed);

 private:
  struct Slot {
    std::uint32_t hash;
    ds::PackedView::Position at;  // kNone: free
  };
  bool Insert(ds::PackedView list, ds::PackedView::Position at, const HashSeed& seed);

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
};

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_DUPLICATES_H_
