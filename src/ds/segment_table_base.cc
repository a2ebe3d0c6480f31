// SPDX-License-Identifier: BSD-3-Clause
// Growth, times and walks of a table.
//
// A full segment of less than kSplitBuckets buckets is rebuilt one size larger; a full one of that
// size splits, if the directory has a bit for it, may get one, and has finished getting it; else
// it is rebuilt larger after all and splits when it is full the next time. So every insert does at
// most one rebuild, whatever the keys are.
//
// Flooding. Keys whose hashes share many leading bits would double the directory with every split
// and leave it empty. The directory therefore may have at most kDirectoryEntriesPerShare entries
// for every kShareEntries entries of the table (random keys need about one), and what cannot split
// becomes one large segment: slow if the hashes are all alike, but correct and small.
//
// Segments never merge: a scan's cursor would have to go back. An emptied table gives everything
// back if that is a short step; one that was very large keeps a minimal segment for each old one.
#include "ds/segment_table_base.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/prefetch.h"

namespace cairn::ds {
namespace {

constexpr std::size_t kShareEntries = 200;
constexpr std::size_t kDirectoryEntriesPerShare = 16;
// Random probes for an entry before walking on to the next one.
constexpr int kRandomProbes = 64;
// A sample that has something ends after this many segments, full or not.
constexpr std::size_t kSampleSegmentsMax = 64;

template <class Fn>  // void(std::uint32_t index)
void ForEachOccupied(const Segment& segment, Fn fn) {
  for (std::uint32_t b = 0; b < segment.bucket_count; ++b) {
    for (std::uint64_t mask = segment.buckets()[b].Occupied(); mask != 0; mask &= mask - 1) {
      fn(b * Bucket::kSlots + Bucket::FirstOf(mask));
    }
  }
}

// A uniform 32-bit number scaled to [0, bound).
std::uint32_t ScaleTo(std::uint64_t random, std::uint32_t bound) {
  return static_cast<std::uint32_t>((random & 0xffffffff) * bound >> 32);
}

}  // namespace

SegmentTableBase::SegmentTableBase(const HashSeed& seed, HashNode hash_node)
    : seed_(seed), hash_node_(hash_node) {}

SegmentTableBase::~SegmentTableBase() {
  FreeSegments();
  ReleaseBounds();
}

// ---- Entries -----------------------------------------------------------------------------------

TablePosition SegmentTableBase::InsertNode(std::uint64_t hash, const void* node) {
  DCHECK(freeze_ == Freeze::kNothing);
  DCHECK((reinterpret_cast<std::uintptr_t>(node) & ~kPointerMask) == 0);
  Segment* segment = directory_.Find(hash).segment;
  if (is_cutting()) [[unlikely]]
    PreservePoint(*segment, BucketBitsOf(hash));
  if (segment->count >= segment->grow_at) [[unlikely]] {
    MakeRoom(hash);
    segment = directory_.Find(hash).segment;
  }
  ++size_;
  const std::uint64_t slot = MakeSlot(node, hash, WindowOf(static_cast<int>(segment->depth)));
  if (is_cutting()) [[unlikely]]
    Mark(*segment, SlotBucketBits(slot));  // it may be a new segment
  return {segment, segment->Place(slot, TagOf(hash))};
}

void SegmentTableBase::EraseEntry(TablePosition at) {
  DCHECK(at.segment->IsOccupied(at.slot));
  Preserve(at);
  ClearExpiry(at);
  at.segment->Remove(at.slot);
  --size_;
  if (freeze_ == Freeze::kEntries) {
    untidy_ = true;
    return VoidHints();
  }
  at.segment->FillHole(at.slot);
  VoidHints();
  if (freeze_ == Freeze::kSegments) return;
  Settle(at.segment);
  ResetIfEmpty();
}

void SegmentTableBase::SetExpiry(TablePosition at, UnixMs when) {
  Segment& segment = *at.segment;
  DCHECK(segment.IsOccupied(at.slot));
  Preserve(at);
  const std::uint32_t volatile_before = segment.volatile_count;
  const UnixMs min_before = segment.min_expiry;
  const int blocks_before = segment.expiry.block_count();
  const std::size_t bytes_before =
      blocks_before == 2 ? 0 : segment.expiry.MemoryBytes(segment.slot_count());
  segment.SetExpiry(at.slot, when);
  if (segment.expiry.block_count() != blocks_before) {
    segment_bytes_ += segment.expiry.MemoryBytes(segment.slot_count()) - bytes_before;
  }
  volatile_count_ += segment.volatile_count - volatile_before;
  if (segment.min_expiry != min_before) LowerBound(segment);
}

bool SegmentTableBase::ClearExpiry(TablePosition at) {
  Segment& segment = *at.segment;
  Preserve(at);
  if (!segment.ClearExpiry(at.slot)) return false;
  if (--volatile_count_ == 0) min_expiry_ = kNever;
  if (segment.volatile_count == 0 && freeze_ == Freeze::kNothing) {
    segment_bytes_ -= segment.expiry.MemoryBytes(segment.slot_count());
    segment.expiry.Release();
  }
  return true;
}

// The entry had to pass its full home bucket, or there is none.
void SegmentTableBase::PrefetchPasser(std::uint64_t hash, TableHint& hint) const {
  const std::uint32_t bucket_count = hint.segment->bucket_count;
  for (int probe = 1; probe < kPrefetchProbes; ++probe) {
    if (hint.segment->buckets()[hint.bucket].overflow() == 0) return;
    if (++hint.bucket == bucket_count) hint.bucket = 0;
    const Bucket& bucket = hint.segment->buckets()[hint.bucket];
    if (const std::uint64_t match = bucket.MatchTag(TagOf(hash)); match != 0) {
      return PrefetchSlot(bucket, Bucket::FirstOf(match), hint);
    }
  }
}

// ---- Growth ------------------------------------------------------------------------------------

void SegmentTableBase::MakeRoom(std::uint64_t hash) {
  if (directory_.is_growing()) GrowDirectory();
  Segment* segment = directory_.Find(hash).segment;
  if (segment == SegmentDirectory::EmptySegment()) {
    Adopt(*Segment::Create(1, 0, 0));
  } else if (segment->bucket_count >= kSplitBuckets && MaySplit(*segment)) {
    Split(segment);
  } else {
    Rebuild(segment, NextBucketCount(segment->bucket_count));
  }
}

bool SegmentTableBase::MaySplit(const Segment& segment) {
  const int depth = static_cast<int>(segment.depth);
  if (depth == kDirectoryBits) return false;
  if (depth < directory_.depth()) return true;
  const std::size_t entries_max = kDirectoryEntriesPerShare * (size_ / kShareEntries + 1);
  if (!directory_.is_growing() && 2 * directory_.size() > entries_max) return false;
  return GrowDirectory();
}

bool SegmentTableBase::GrowDirectory() {
  if (!directory_.GrowStep()) return false;
  if (bounds_ != nullptr) GrowBounds();
  return true;
}

void SegmentTableBase::Rebuild(Segment* segment, std::uint32_t bucket_count) {
  Segment* rebuilt = Segment::Create(bucket_count, segment->depth, segment->prefix);
  MoveEntries(*segment, *rebuilt);
  ++stats_.rebuilds;
  stats_.moved_max = std::max(stats_.moved_max, rebuilt->count);
  Adopt(*rebuilt);
  Discard(segment);
  VoidHints();
}

void SegmentTableBase::Split(Segment* segment) {
  const std::uint32_t depth = segment->depth + 1;
  const std::uint32_t high_count = CountHighHalf(*segment);
  const std::uint32_t high_prefix = segment->prefix | 1u << (kDirectoryBits - depth);
  Segment* low =
      Segment::Create(FittingBucketCount(segment->count - high_count), depth, segment->prefix);
  Segment* high = Segment::Create(FittingBucketCount(high_count), depth, high_prefix);
  SplitEntries(*segment, high_count, *low, *high);
  if (WindowOf(static_cast<int>(depth)) != WindowOf(static_cast<int>(depth - 1))) {
    Rebase(*low);
    Rebase(*high);
    ++stats_.rebases;
  }
  ++stats_.splits;
  stats_.moved_max = std::max(stats_.moved_max, segment->count);
  Adopt(*low);
  Adopt(*high);
  Discard(segment);
  VoidHints();
}

// Asks every node for its hash: once in six splits of a segment's life, the only step of growth
// that touches nodes. They are prefetched, since each is a cache miss.
void SegmentTableBase::Rebase(Segment& segment) {
  const int window = WindowOf(static_cast<int>(segment.depth));
  ForEachOccupied(
      segment, [&segment](std::uint32_t index) { PrefetchLine(SlotNode(segment.SlotAt(index))); });
  ForEachOccupied(segment, [this, &segment, window](std::uint32_t index) {
    std::uint64_t& slot = segment.SlotAt(index);
    void* node = SlotNode(slot);
    slot = MakeSlot(node, hash_node_(node, seed_), window);
  });
}

// After erasing: what has become superfluous is given back, and holes are closed.
void SegmentTableBase::Settle(Segment* segment) {
  if (segment->volatile_count == 0 && segment->expiry.allocated()) {
    segment_bytes_ -= segment->expiry.MemoryBytes(segment->slot_count());
    segment->expiry.Release();
  }
  if (segment->count < segment->shrink_below) {
    Rebuild(segment, FittingBucketCount(segment->count));
  } else if (untidy_) {
    Rebuild(segment, segment->bucket_count);
  }
  untidy_ = false;
}

void SegmentTableBase::Adopt(Segment& segment) {
  segment_bytes_ += segment.MemoryBytes();
  ++segment_count_;
  directory_.Assign(segment);
  LowerBound(segment);
}

void SegmentTableBase::Discard(Segment* segment) {
  segment_bytes_ -= segment->MemoryBytes();
  --segment_count_;
  Segment::Destroy(segment);
}

void SegmentTableBase::FreeSegments() {
  while (segment_count_ > 0) {
    Segment* segment = directory_.SegmentAt(drain_index_);
    drain_index_ += directory_.RunLength(*segment);
    Discard(segment);
  }
}

void SegmentTableBase::ResetIfEmpty() {
  if (size_ != 0 || segment_count_ > kResetSegmentsMax) return;
  FreeSegments();
  Forget();
}

// Everything back to the state of a new table. REQUIRES: the segments are freed or given away.
void SegmentTableBase::Forget() {
  directory_.Reset();
  ReleaseBounds();
  size_ = 0;
  volatile_count_ = 0;
  segment_count_ = 0;
  segment_bytes_ = 0;
  min_expiry_ = kNever;
  drain_index_ = 0;
  cut_prefix_ = 0;
  cut_point_ = 0;
  VoidHints();
}

bool SegmentTableBase::DrainSome(std::size_t budget, void (*take)(void*, void*), void* context) {
  while (segment_count_ > 0) {
    Segment* segment = directory_.SegmentAt(drain_index_);
    for (std::uint32_t i = segment->NextOccupied(0); i < segment->slot_count();
         i = segment->NextOccupied(i + 1)) {
      if (budget == 0) return false;
      --budget;
      take(context, SlotNode(segment->SlotAt(i)));
      segment->Remove(i);
      --size_;
    }
    if (budget == 0) return false;
    --budget;
    volatile_count_ -= segment->volatile_count;
    drain_index_ += directory_.RunLength(*segment);
    Discard(segment);
  }
  Forget();
  return true;
}

void SegmentTableBase::MoveAllTo(SegmentTableBase& target) {
  CHECK(target.size_ == 0);
  CHECK(drain_index_ == 0);
  CHECK(freeze_ == Freeze::kNothing);
  target.FreeSegments();
  target.Forget();
  target.directory_.TakeFrom(directory_);
  target.size_ = size_;
  target.volatile_count_ = volatile_count_;
  target.segment_count_ = segment_count_;
  target.segment_bytes_ = segment_bytes_;
  target.min_expiry_ = min_expiry_;
  std::swap(target.bounds_, bounds_);
  std::swap(target.bounds_bytes_, bounds_bytes_);
  std::swap(target.bounds_depth_, bounds_depth_);
  target.cut_sink_ = std::exchange(cut_sink_, nullptr);
  target.cut_number_ = cut_number_;
  target.cut_prefix_ = cut_prefix_;
  target.cut_point_ = cut_point_;
  target.VoidHints();
  Forget();
}

// ---- Walks -------------------------------------------------------------------------------------

void SegmentTableBase::VisitAll(Visit visit, void* context) {
  for (std::size_t i = 0; i < directory_.size();) {
    Segment* segment = directory_.SegmentAt(i);
    i += directory_.RunLength(*segment);
    {
      const Freezer freezer(*this, Freeze::kEntries);
      ForEachOccupied(*segment, [&](std::uint32_t slot) { visit(context, {segment, slot}); });
    }
    if (freeze_ == Freeze::kNothing) Settle(segment);
  }
  if (freeze_ == Freeze::kNothing) ResetIfEmpty();
}

SegmentTableBase::ScanRange SegmentTableBase::RangeFrom(std::uint64_t cursor,
                                                        std::uint32_t homes) const {
  const auto prefix = static_cast<std::uint32_t>(cursor >> kBucketBits);
  const std::uint32_t begin_bits = static_cast<std::uint32_t>(cursor) & (kBucketPoints - 1);
  Segment* segment = directory_.SegmentAt(prefix >> (kDirectoryBits - directory_.depth()));
  const std::uint32_t home = HomeBucket(begin_bits, segment->bucket_count);
  const std::uint32_t end_bits = FirstBucketBits(home + homes, segment->bucket_count);
  if (end_bits < kBucketPoints) {
    return {segment, begin_bits, end_bits, std::uint64_t{prefix} << kBucketBits | end_bits};
  }
  const std::uint64_t segment_end =
      std::uint64_t{segment->prefix} + (std::uint64_t{1} << (kDirectoryBits - segment->depth));
  const std::uint64_t next = segment_end >> kDirectoryBits != 0 ? 0 : segment_end << kBucketBits;
  return {segment, begin_bits, kBucketPoints, next};
}

// Entries whose bucket bits are below the cursor's were visited when the segment was smaller.
std::uint64_t SegmentTableBase::ScanBucket(std::uint64_t cursor, Visit visit, void* context) {
  if (!IsCursor(cursor)) return 0;
  const ScanRange range = RangeFrom(cursor, 1);
  {
    const Freezer freezer(*this, Freeze::kEntries);
    ForEachIn(*range.segment, range.begin_bits, range.end_bits,
              [&](std::uint32_t slot) { visit(context, {range.segment, slot}); });
  }
  if (freeze_ == Freeze::kNothing) {
    Settle(range.segment);
    ResetIfEmpty();
  }
  return range.next;
}

TablePosition SegmentTableBase::RandomEntry(Random& random) const {
  CHECK(size_ > 0);
  std::uint64_t point = 0;
  for (int probe = 0; probe < kRandomProbes; ++probe) {
    point = random.Next();
    Segment* segment = directory_.Find(point).segment;
    const std::uint32_t slot = ScaleTo(point, segment->slot_count());
    if (segment->IsOccupied(slot)) return {segment, slot};
  }
  std::size_t index = DirectoryBitsOf(point) >> (kDirectoryBits - directory_.depth());
  for (;;) {
    Segment* segment = directory_.SegmentAt(index);
    const std::uint32_t start = ScaleTo(point, segment->slot_count());
    std::uint32_t slot = segment->NextOccupied(start);
    if (slot == segment->slot_count()) slot = segment->NextOccupied(0);
    if (slot != segment->slot_count()) return {segment, slot};
    index = NextIndex(index) % directory_.size();
  }
}

std::size_t SegmentTableBase::VisitSample(Random& random, std::size_t max, SampleOf which,
                                          Visit visit, void* context) {
  const std::size_t available = which == SampleOf::kAll ? size_ : volatile_count_;
  const std::size_t goal = std::min(max, available);
  const std::uint64_t point = random.Next();
  std::size_t index = DirectoryBitsOf(point) >> (kDirectoryBits - directory_.depth());
  Segment* first = directory_.SegmentAt(index);
  const std::uint32_t start = ScaleTo(point, first->slot_count());
  const Freezer freezer(*this, Freeze::kEntries);
  std::size_t visited = 0;
  std::size_t walked = 0;  // directory entries
  SlotRange range = {start, first->slot_count()};
  for (std::size_t looked = 0; visited < goal; ++looked) {
    if (visited > 0 && looked >= kSampleSegmentsMax) break;
    Segment* segment = directory_.SegmentAt(index);
    if (walked >= directory_.size()) range = {0, start};  // round again: what lies before the start
    visited += VisitRange(*segment, range, goal - visited, which, visit, context);
    if (walked >= directory_.size()) break;
    walked += directory_.RunLength(*segment);
    index = NextIndex(index) % directory_.size();
    range = {0, directory_.SegmentAt(index)->slot_count()};
  }
  return visited;
}

std::size_t SegmentTableBase::VisitRange(Segment& segment, SlotRange range, std::size_t max,
                                         SampleOf which, Visit visit, void* context) {
  if (which == SampleOf::kVolatile && segment.volatile_count == 0) return 0;
  std::size_t visited = 0;
  for (std::uint32_t slot = range.begin; slot < range.end && visited < max; ++slot) {
    slot = which == SampleOf::kAll ? segment.NextOccupied(slot)
                                   : segment.expiry.NextTimed(segment.slot_count(), slot);
    if (slot >= range.end) break;
    visit(context, {&segment, slot});
    ++visited;
  }
  return visited;
}

std::size_t SegmentTableBase::NextIndex(std::size_t index) const {
  const Segment& segment = *directory_.SegmentAt(index);
  return directory_.FirstIndex(segment) + directory_.RunLength(segment);
}

// ---- Bounds on expiry --------------------------------------------------------------------------

int SegmentTableBase::GroupBits() const {
  return std::clamp(bounds_depth_ - kBoundGroupBits, 0, kBoundBitsMax);
}

std::size_t SegmentTableBase::GroupOf(const Segment& segment) const {
  return segment.prefix >> (kDirectoryBits - GroupBits());
}

void SegmentTableBase::LowerBound(const Segment& segment) {
  if (segment.min_expiry == kNever) return;
  if (bounds_ == nullptr) AllocateBounds();
  UnixMs& bound = bounds_[GroupOf(segment)];
  bound = std::min(bound, segment.min_expiry);
  min_expiry_ = std::min(min_expiry_, segment.min_expiry);
}

void SegmentTableBase::AllocateBounds() {
  bounds_depth_ = directory_.depth();
  const std::size_t groups = std::size_t{1} << GroupBits();
  bounds_ = static_cast<UnixMs*>(AllocateRaw(groups * sizeof(UnixMs)));
  bounds_bytes_ = AllocatedBytes(groups * sizeof(UnixMs));
  std::fill_n(bounds_, groups, kNever);
}

// The directory has doubled: each group becomes two, for which the old bound holds.
void SegmentTableBase::GrowBounds() {
  const int old_bits = GroupBits();
  if (old_bits == kBoundBitsMax) {
    bounds_depth_ = directory_.depth();
    return;
  }
  UnixMs* old = bounds_;
  AllocateBounds();
  const int added_bits = GroupBits() - old_bits;
  const std::size_t groups = std::size_t{1} << GroupBits();
  for (std::size_t g = 0; g < groups; ++g) bounds_[g] = old[g >> added_bits];
  FreeRaw(old);
}

void SegmentTableBase::ReleaseBounds() {
  FreeRaw(bounds_);
  bounds_ = nullptr;
  bounds_bytes_ = 0;
}

bool SegmentTableBase::VisitExpired(UnixMs now, std::size_t budget, Visit visit, void* context) {
  if (volatile_count_ == 0 || min_expiry_ > now) return true;
  bool finished = true;
  UnixMs earliest = kNever;
  const std::size_t groups = std::size_t{1} << GroupBits();
  for (std::size_t g = 0; finished && g < groups; ++g) {
    if (bounds_[g] <= now) finished = SweepGroup(g, now, budget, visit, context);
    earliest = std::min(earliest, bounds_[g]);
  }
  if (finished) min_expiry_ = earliest;
  if (freeze_ == Freeze::kNothing) ResetIfEmpty();
  return finished;
}

// Sweeps the segments whose run begins in the group, and tightens the group's bound if it gets to
// the end.
bool SegmentTableBase::SweepGroup(std::size_t group, UnixMs now, std::size_t& budget, Visit visit,
                                  void* context) {
  const int run_bits = directory_.depth() - GroupBits();
  const std::size_t end = (group + 1) << run_bits;
  UnixMs earliest = kNever;
  for (std::size_t i = group << run_bits; i < end; i = NextIndex(i)) {
    Segment* segment = directory_.SegmentAt(i);
    if (directory_.FirstIndex(*segment) != i) continue;
    if (segment->min_expiry <= now) {
      const bool finished = SweepSegment(*segment, now, budget, visit, context);
      if (freeze_ == Freeze::kNothing) Settle(segment);
      if (!finished) return false;
    }
    earliest = std::min(earliest, directory_.SegmentAt(i)->min_expiry);
  }
  bounds_[group] = earliest;
  return true;
}

// Erasing fills the hole with a later entry, so that slot is looked at again; where the segment's
// end wraps round, an entry may even come to lie in front, and then a second pass finds it.
bool SegmentTableBase::SweepSegment(Segment& segment, UnixMs now, std::size_t& budget, Visit visit,
                                    void* context) {
  if (budget == 0) return false;
  const Freezer freezer(*this, Freeze::kSegments);
  const std::uint32_t slots = segment.slot_count();
  bool any = false;
  bool erased = false;
  do {
    erased = false;
    for (std::uint32_t slot = segment.expiry.NextExpired(slots, 0, now); slot < slots;) {
      if (budget == 0) return false;
      --budget;
      any = true;
      const std::uint32_t count_before = segment.count;
      visit(context, {&segment, slot});
      const bool gone = segment.count < count_before;
      erased = erased || gone;
      slot = segment.expiry.NextExpired(slots, gone ? slot : slot + 1, now);
    }
    segment.min_expiry = segment.expiry.Earliest(slots);
  } while (erased && segment.min_expiry <= now);
  if (!any) --budget;
  return true;
}

}  // namespace cairn::ds
