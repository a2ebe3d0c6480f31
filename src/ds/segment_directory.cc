// SPDX-License-Identifier: BSD-3-Clause
// The directory's growth.
//
// Doubling 32 Ki entries at once cost 60 to 100 µs, most of it page faults of the new block; done
// in steps beside the growth of segments it is never seen.
#include "ds/segment_directory.h"

#include <algorithm>

#include "base/check.h"

namespace cairn::ds {
namespace {

struct EmptyTable {
  Segment header;
  Bucket bucket;
};

// grow_at 0: the first entry makes a real segment before it is placed.
constinit const EmptyTable kEmptyTable = {.header = {.bucket_count = 1,
                                                     .count = 0,
                                                     .grow_at = 0,
                                                     .shrink_below = 0,
                                                     .prefix = 0,
                                                     .depth = 0,
                                                     .volatile_count = 0,
                                                     .cut_number = 0,
                                                     .min_expiry = kNever,
                                                     .expiry = {},
                                                     .cut_marks = {}},
                                          .bucket = {}};

}  // namespace

Segment* SegmentDirectory::EmptySegment() { return const_cast<Segment*>(&kEmptyTable.header); }

SegmentDirectory::SegmentDirectory() : root_(0), single_(Pack(*EmptySegment())) {
  Publish(&single_, 0);
}

SegmentDirectory::~SegmentDirectory() {
  for (Word* block : blocks_) FreeRaw(block);
}

void SegmentDirectory::Publish(Word* block, int depth) {
  root_.store(reinterpret_cast<std::uintptr_t>(block) |
                  static_cast<std::uint64_t>(kDirectoryBits - depth) << kPointerBits,
              std::memory_order_release);
}

SegmentDirectory::Word* SegmentDirectory::BlockOfDepth(int depth) {
  if (depth == 0) return &single_;
  const auto place = static_cast<std::size_t>(depth - 1);
  if (blocks_.size() <= place) blocks_.resize(place + 1, nullptr);
  if (blocks_[place] == nullptr) {
    const std::size_t entries = std::size_t{1} << depth;
    blocks_[place] = static_cast<Word*>(AllocateRaw(entries * sizeof(Word)));
    memory_bytes_ += AllocatedBytes(entries * sizeof(Word));
    // Not touched here: every entry is stored before the block is published, and filling a large
    // one step by step is the point.
  }
  return blocks_[place];
}

void SegmentDirectory::Assign(Segment& segment) {
  DCHECK(static_cast<int>(segment.depth) <= depth());
  const std::size_t first = FirstIndex(segment);
  const std::size_t end = first + RunLength(segment);
  const std::uint64_t word = Pack(segment);
  for (std::size_t i = first; i < end; ++i) Block()[i].store(word, std::memory_order_relaxed);
  if (next_ == nullptr) return;
  for (std::size_t i = 2 * first; i < 2 * std::min(end, next_filled_); ++i) {
    next_[i].store(word, std::memory_order_relaxed);
  }
}

bool SegmentDirectory::GrowStep() {
  DCHECK(depth() < kDirectoryBits);
  if (next_ == nullptr) {
    next_ = BlockOfDepth(depth() + 1);
    next_filled_ = 0;
  }
  const std::size_t end = std::min(size(), next_filled_ + kFillStep / 2);
  for (std::size_t i = next_filled_; i < end; ++i) {
    const std::uint64_t word = Block()[i].load(std::memory_order_relaxed);
    next_[2 * i].store(word, std::memory_order_relaxed);
    next_[2 * i + 1].store(word, std::memory_order_relaxed);
  }
  next_filled_ = end;
  if (next_filled_ < size()) return false;
  Publish(next_, depth() + 1);
  next_ = nullptr;
  return true;
}

void SegmentDirectory::Reset() {
  next_ = nullptr;
  single_.store(Pack(*EmptySegment()), std::memory_order_relaxed);
  Publish(&single_, 0);
}

void SegmentDirectory::TakeFrom(SegmentDirectory& other) {
  next_ = nullptr;
  Word* block = BlockOfDepth(other.depth());
  for (std::size_t i = 0; i < other.size(); ++i) {
    block[i].store(other.Block()[i].load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  Publish(block, other.depth());
  other.Reset();
}

}  // namespace cairn::ds
