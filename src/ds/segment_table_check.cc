// SPDX-License-Identifier: BSD-3-Clause
// CheckInvariants: everything segment.h, segment_directory.h and segment_table_base.h promise,
// computed anew from the entries and compared. Linear; for tests and DEBUG.
#include <vector>

#include "base/check.h"
#include "ds/segment_table_base.h"

namespace cairn::ds {
namespace {

struct Totals {
  std::size_t entries = 0;
  std::size_t volatile_entries = 0;
  std::size_t segments = 0;
  std::size_t bytes = 0;
};

void CheckOverflow(const Segment& segment, const std::vector<std::uint32_t>& passed) {
  for (std::uint32_t b = 0; b < segment.bucket_count; ++b) {
    const std::uint32_t overflow = segment.buckets()[b].overflow();
    if (overflow != Bucket::kOverflowMax) CHECK(overflow == passed[b]);
    // Nobody has passed a bucket that has room.
    if (passed[b] != 0) CHECK(segment.buckets()[b].Free() == 0);
  }
}

// Returns the number of entries.
std::uint32_t CheckSlots(const Segment& segment, const HashSeed& seed,
                         SegmentTableBase::HashNode hash_node) {
  const int window = WindowOf(static_cast<int>(segment.depth));
  std::vector<std::uint32_t> passed(segment.bucket_count, 0);
  std::uint32_t count = 0;
  for (std::uint32_t i = segment.NextOccupied(0); i < segment.slot_count();
       i = segment.NextOccupied(i + 1)) {
    const std::uint64_t slot = segment.SlotAt(i);
    const std::uint64_t hash = hash_node(SlotNode(slot), seed);
    const std::uint32_t at = i / Bucket::kSlots;
    CHECK(slot == MakeSlot(SlotNode(slot), hash, window));
    CHECK(segment.buckets()[at].tag(i % Bucket::kSlots) == TagOf(hash));
    CHECK(((DirectoryBitsOf(hash) ^ segment.prefix) >> (kDirectoryBits - segment.depth)) == 0);
    std::uint32_t b = HomeBucket(BucketBitsOf(hash), segment.bucket_count);
    for (; b != at; b = (b + 1) % segment.bucket_count) ++passed[b];
    ++count;
  }
  CheckOverflow(segment, passed);
  return count;
}

// Returns the number of volatile entries.
std::uint32_t CheckTimes(const Segment& segment) {
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < segment.slot_count(); ++i) {
    const UnixMs at = segment.ExpiryAt(i);
    if (at == kNever) continue;
    CHECK(segment.IsOccupied(i));
    CHECK(segment.min_expiry <= at);
    ++count;
  }
  if (count == 0) CHECK(!segment.expiry.allocated());
  return count;
}

}  // namespace

void SegmentTableBase::CheckInvariants() const {
  CHECK(freeze_ == Freeze::kNothing);
  Totals totals;
  for (std::size_t i = 0; i < directory_.size(); i = NextIndex(i)) {
    const Segment& segment = *directory_.SegmentAt(i);
    CHECK(directory_.FirstIndex(segment) == i);
    for (std::size_t j = i; j < NextIndex(i); ++j) CHECK(directory_.SegmentAt(j) == &segment);
    if (&segment == SegmentDirectory::EmptySegment()) continue;
    CHECK(CheckSlots(segment, seed_, hash_node_) == segment.count);
    CHECK(CheckTimes(segment) == segment.volatile_count);
    CHECK(segment.count <= segment.grow_at);
    CHECK(segment.count >= segment.shrink_below);
    if (segment.volatile_count != 0) {
      CHECK(bounds_[GroupOf(segment)] <= segment.min_expiry);
      CHECK(min_expiry_ <= segment.min_expiry);
    }
    totals.entries += segment.count;
    totals.volatile_entries += segment.volatile_count;
    totals.bytes += segment.MemoryBytes();
    ++totals.segments;
  }
  CHECK(totals.entries == size_);
  CHECK(totals.volatile_entries == volatile_count_);
  CHECK(totals.bytes == segment_bytes_);
  CHECK(totals.segments == segment_count_);
  if (bounds_ != nullptr) CHECK(bounds_depth_ == directory_.depth());
}

}  // namespace cairn::ds
