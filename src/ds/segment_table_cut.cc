// SPDX-License-Identifier: BSD-3-Clause
// A cut of a table: every entry handed out once, as it was when the cut began.
//
// Each segment has a bit for each of kCutRanges ranges of bucket bits. A range is handed out as a
// whole, before anything in it changes, and marked; what comes in later comes into a marked range.
// So a change costs at most one range, which is a bucket or two (some fourteen entries) in a
// segment that has not split yet.
//
//     segment   marks 1 1 0 1 0 0 ...         walk: prefix by prefix, and in a segment
//                     ^   ^                         range by range
//                     range 0 was handed out
//
// A range is known by bits of the hash, so marks go with the entries through growth and splits. An
// older cut's marks are told by its number and count as none. A table that was emptied may begin
// anew with a segment that has no marks; there is nothing in it then, and who inserts marks.
#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "ds/segment_table_base.h"

namespace cairn::ds {
namespace {

constexpr std::uint32_t kRangeShift = kBucketBits - kCutRangeBits;

}  // namespace

void SegmentTableBase::BeginCut(CutSink* sink) {
  CHECK(!is_cutting());
  cut_sink_ = sink;
  ++cut_number_;
  cut_prefix_ = 0;
  cut_range_ = 0;
}

bool SegmentTableBase::WalkCut(std::size_t budget) {
  DCHECK(is_cutting());
  while (size_ != 0) {
    Segment* segment = directory_.SegmentAt(cut_prefix_ >> (kDirectoryBits - directory_.depth()));
    for (; cut_range_ < kCutRanges; ++cut_range_) {
      if (budget == 0) return false;
      // One for looking, and for what it finds.
      const std::size_t cost = 1 + segment->count / kCutRanges;
      budget -= std::min(budget, cost);
      PreserveRange(*segment, cut_range_);
    }
    cut_range_ = 0;
    const std::uint64_t end =
        std::uint64_t{segment->prefix} + (std::uint64_t{1} << (kDirectoryBits - segment->depth));
    if (end >> kDirectoryBits != 0) break;
    cut_prefix_ = static_cast<std::uint32_t>(end);
  }
  cut_sink_ = nullptr;
  return true;
}

void SegmentTableBase::EndCut() {
  if (!is_cutting()) return;
  CutSink* sink = cut_sink_;
  WalkCut(SIZE_MAX);
  sink->TableEnds();
}

void SegmentTableBase::Mark(Segment& segment, std::uint32_t range) {
  if (segment.cut_number != cut_number_) {
    segment.cut_number = cut_number_;
    segment.cut_marks = 0;
  }
  segment.cut_marks |= std::uint64_t{1} << range;
}

void SegmentTableBase::PreserveRange(Segment& segment, std::uint32_t range) {
  if (IsMarked(segment, range) || segment.count == 0) return;
  HandOut(segment, range);
  Mark(segment, range);
}

void SegmentTableBase::PreserveHome(Segment& segment, std::uint64_t hash) {
  PreserveRange(segment, BucketBitsOf(hash) >> kRangeShift);
}

void SegmentTableBase::HandOut(Segment& segment, std::uint32_t range) {
  const std::uint32_t begin_bits = range << kRangeShift;
  const std::uint32_t end_bits = begin_bits + (1u << kRangeShift);
  // Nodes are cache misses, which may as well overlap.
  ForEachIn(segment, begin_bits, end_bits,
            [&](std::uint32_t at) { __builtin_prefetch(SlotNode(segment.SlotAt(at))); });
  ForEachIn(segment, begin_bits, end_bits, [&](std::uint32_t at) {
    cut_sink_->Take({&segment, at}, SlotNode(segment.SlotAt(at)));
  });
}

}  // namespace cairn::ds
