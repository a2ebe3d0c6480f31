// SPDX-License-Identifier: BSD-3-Clause
// A cut of a table: every entry handed out once, as it was when the cut began.
//
// Each segment has a mark for each of its points, the values of the bucket bits. The entries of a
// point, one or two, are handed out before any of them changes, and marked; what comes in later
// comes into a marked point. The walk goes prefix by prefix, in a segment some points at a time,
// leaves out what is marked, and marks what it has handed out.
//
//     segment   marks 1 1 1 1 0 0 1 0 ...
//                           ^     ^
//                  the walk is here,  a writer was there
//
// A point is known by bits of the hash, so marks go with the entries through growth and splits. An
// older cut's marks are told by its number and count as none. A table that was emptied may begin
// anew with a segment that has no marks; there is nothing in it then, and who inserts marks.
#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "base/prefetch.h"
#include "ds/segment_table_base.h"

namespace cairn::ds {
namespace {

// What the walk hands out between two looks at its budget: five entries, a bucket or two.
constexpr std::uint32_t kWalkPoints = 16;
constexpr std::uint32_t kWalkSteps = kBucketPoints / kWalkPoints;

}  // namespace

void SegmentTableBase::BeginCut(CutSink* sink) {
  CHECK(!is_cutting());
  cut_sink_ = sink;
  ++cut_number_;
  cut_prefix_ = 0;
  cut_point_ = 0;
}

bool SegmentTableBase::WalkCut(std::size_t budget) {
  DCHECK(is_cutting());
  while (size_ != 0) {
    Segment* segment = directory_.SegmentAt(cut_prefix_ >> (kDirectoryBits - directory_.depth()));
    if (!WalkSegment(*segment, &budget)) return false;
    cut_point_ = 0;
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

// From where the walk is; false if the budget ended before the segment.
bool SegmentTableBase::WalkSegment(Segment& segment, std::size_t* budget) {
  for (; cut_point_ < kBucketPoints; cut_point_ += kWalkPoints) {
    if (*budget == 0) return false;
    // One for looking, and for what it finds.
    *budget -= std::min<std::size_t>(*budget, 1 + segment.count / kWalkSteps);
    if (segment.count == 0) continue;
    const std::uint32_t end = cut_point_ + kWalkPoints;
    PrefetchNodes(segment, end, end + kWalkPoints);
    HandOut(segment, cut_point_, end);
    MarksOf(segment).Add(cut_point_, end);
  }
  if (segment.count != 0) MarksOf(segment).AddAll();
  return true;
}

// Of this cut.
CutMarks& SegmentTableBase::MarksOf(Segment& segment) const {
  if (segment.cut_number != cut_number_) {
    segment.cut_number = cut_number_;
    segment.cut_marks.Clear();
  }
  return segment.cut_marks;
}

void SegmentTableBase::PreservePoint(Segment& segment, std::uint32_t point) {
  if (IsMarked(segment, point) || segment.count == 0) return;
  HandOut(segment, point, point + 1);
  Mark(segment, point);
}

// Nodes are cache misses, which may as well overlap with what is done with those before.
void SegmentTableBase::PrefetchNodes(Segment& segment, std::uint32_t begin_bits,
                                     std::uint32_t end_bits) {
  if (begin_bits == kBucketPoints) return;
  ForEachIn(segment, begin_bits, end_bits,
            [&](std::uint32_t at) { PrefetchLine(SlotNode(segment.SlotAt(at))); });
}

void SegmentTableBase::HandOut(Segment& segment, std::uint32_t begin_bits, std::uint32_t end_bits) {
  ForEachIn(segment, begin_bits, end_bits, [&](std::uint32_t at) {
    const std::uint64_t slot = segment.SlotAt(at);
    if (!IsMarked(segment, SlotBucketBits(slot))) cut_sink_->Take({&segment, at}, SlotNode(slot));
  });
}

}  // namespace cairn::ds
