// SPDX-License-Identifier: BSD-3-Clause
// CutMarks: which points of a segment a cut has handed out; points are bucket bits of hashes.
//
//     nothing | all | a block of one bit a point (128 bytes)
//
// One word in the segment. The block comes with the first change in the segment during a cut, and
// goes when the walk has passed: with some 300 entries in a segment, that is half a byte for each,
// for that time. A bit for each of 64 ranges would fit the word itself; then each first change
// would hand out a whole range, five or six entries, instead of one or two, and a save could not
// keep up with writers (2026-11: 64-byte values, one core each).
//
// Plain data, so that a segment stays an aggregate: who owns it calls Clear before it goes. Guarded
// by the table's lock. Constant cost, but for a copy.
#ifndef CAIRN_DS_CUT_MARKS_H_
#define CAIRN_DS_CUT_MARKS_H_

#include <cstdint>
#include <cstring>

#include "ds/raw_memory.h"

namespace cairn::ds {

class CutMarks {
 public:
  static constexpr std::uint32_t kPoints = 1024;

  bool Has(std::uint32_t point) const {
    if (word_ <= kAll) return word_ == kAll;
    return (block()[point / kWordBits] >> point % kWordBits & 1) != 0;
  }
  // REQUIRES: begin < end, and both in one word of kWordBits.
  void Add(std::uint32_t begin, std::uint32_t end) {
    if (word_ == kAll) return;
    if (word_ == kNothing) {
      word_ = reinterpret_cast<std::uintptr_t>(AllocateLines(kBlockBytes));
      std::memset(block(), 0, kBlockBytes);
    }
    const std::uint64_t bits = ~std::uint64_t{0} >> (kWordBits - (end - begin));
    block()[begin / kWordBits] |= bits << begin % kWordBits;
  }
  void AddAll() {
    Clear();
    word_ = kAll;
  }
  void Clear() {
    if (word_ > kAll) FreeRaw(block());
    word_ = kNothing;
  }
  // REQUIRES: there are none yet.
  void CopyFrom(const CutMarks& other) {
    word_ = other.word_;
    if (word_ <= kAll) return;
    word_ = reinterpret_cast<std::uintptr_t>(AllocateLines(kBlockBytes));
    std::memcpy(block(), other.block(), kBlockBytes);
  }

 private:
  static constexpr std::uint32_t kWordBits = 64;
  static constexpr std::size_t kBlockBytes = kPoints / 8;
  static constexpr std::uintptr_t kNothing = 0;
  static constexpr std::uintptr_t kAll = 1;

  std::uint64_t* block() const { return reinterpret_cast<std::uint64_t*>(word_); }

  std::uintptr_t word_ = kNothing;  // or kAll, or where the block is
};

}  // namespace cairn::ds

#endif  // CAIRN_DS_CUT_MARKS_H_
