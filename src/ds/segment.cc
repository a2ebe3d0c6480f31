// SPDX-License-Identifier: BSD-3-Clause
// The mechanics of one segment.
//
// Load limits. A segment is rebuilt one size class up when 0.89 of its slots are taken, and down
// when less than 0.67 are. Sizes grow by 1.14 to 1.25, so the load stays between 0.70 and 0.89
// while a table grows, where a doubling table would swing between 0.44 and 0.89. Measured over a
// table:
//
//     limits         bytes a key, filled / churned   hits at home   lines a miss looks at
//     0.89, 0.67              11.6 / 12.2                0.90              2.2
//     0.86, 0.64              12.0 / 12.7                0.91              1.8
//     0.84, 0.62              12.2 / 13.0                0.92              1.7
#include "ds/segment.h"

#include <algorithm>
#include <array>
#include <new>

#include "base/check.h"

namespace cairn::ds {
namespace {

// Load limits in 1/1024 of the slots.
constexpr std::uint64_t kGrowLoad = 912;    // 0.89
constexpr std::uint64_t kFitLoad = 870;     // 0.85, when a size is chosen anew
constexpr std::uint64_t kShrinkLoad = 690;  // 0.67

std::uint32_t Share(std::uint32_t bucket_count, std::uint64_t load) {
  return static_cast<std::uint32_t>(bucket_count * std::uint64_t{Bucket::kSlots} * load >> 10);
}

std::uint32_t PreviousBucketCount(std::uint32_t bucket_count) {
  return bucket_count - std::max(std::uint32_t{1}, std::bit_floor(bucket_count) / 4);
}

// Small sizes lie further apart: there, what fits the next smaller one decides.
std::uint32_t ShrinkBelow(std::uint32_t bucket_count) {
  if (bucket_count == 1) return 0;
  return std::min(Share(bucket_count, kShrinkLoad),
                  Share(PreviousBucketCount(bucket_count), kFitLoad));
}

// Which bit of a slot decides the next split. The window's first bit is its highest.
int SplitBit(const Segment& segment) {
  DCHECK(segment.depth < kDirectoryBits);
  return 63 - static_cast<int>(segment.depth % kWindowBits);
}

// Slots of a bucket that is filled from the front and has no holes, which a rebuild's target is.
std::uint32_t FilledSlots(const Bucket& bucket) {
  // The highest set bit of the tags, moved up by one so that no tag at all is bit 0.
  const std::uint64_t tags = bucket.meta << 8 >> 7 | 1;
  return static_cast<std::uint32_t>(std::bit_width(tags) + 6) / 8;
}

// Place for a rebuild's target. An insert costs about six moves in all (four rebuilds a doubling
// and a split), so the moves are most of its cost and this is why it is not Place: 20 instructions.
std::uint32_t Append(Segment& to, std::uint64_t slot, std::uint64_t tag) {
  std::uint32_t b = HomeBucket(SlotBucketBits(slot), to.bucket_count);
  for (;;) {
    Bucket& bucket = to.buckets()[b];
    const std::uint32_t i = FilledSlots(bucket);
    if (i != Bucket::kSlots) [[likely]] {
      bucket.meta |= tag << 8 * i;
      bucket.slots[i] = slot;
      return b * Bucket::kSlots + i;
    }
    bucket.CountOverflow();
    if (++b == to.bucket_count) b = 0;
  }
}

// With its time, if any. The target's count is the caller's.
template <class Choose>
void MoveAll(const Segment& from, Choose choose) {
  for (std::uint32_t b = 0; b < from.bucket_count; ++b) {
    const Bucket& bucket = from.buckets()[b];
    for (std::uint64_t mask = bucket.Occupied(); mask != 0; mask &= mask - 1) {
      const std::uint32_t i = Bucket::FirstOf(mask);
      Segment& to = choose(bucket.slots[i]);
      const std::uint32_t index = Append(to, bucket.slots[i], bucket.tag(i));
      if (from.volatile_count == 0) continue;
      const UnixMs at = from.expiry.Get(from.slot_count(), b * Bucket::kSlots + i);
      if (at != kNever) to.SetExpiry(index, at);
    }
  }
}

// A cut knows entries by bits of their hash, so its marks hold wherever they go.
void TakeMarks(const Segment& from, Segment& to) {
  to.cut_number = from.cut_number;
  to.cut_marks.CopyFrom(from.cut_marks);
}

}  // namespace

std::uint32_t NextBucketCount(std::uint32_t bucket_count) {
  const std::uint32_t lines = bucket_count + 1;
  return bucket_count + std::max(std::uint32_t{1}, std::bit_floor(lines) / 4);
}

std::uint32_t FittingBucketCount(std::uint32_t count) {
  std::uint32_t buckets = 1;
  while (Share(buckets, kFitLoad) <= count) buckets = NextBucketCount(buckets);
  return buckets;
}

std::size_t SegmentBytes(std::uint32_t bucket_count) {
  return sizeof(Segment) + sizeof(Bucket) * std::size_t{bucket_count};
}

Segment* Segment::Create(std::uint32_t bucket_count, std::uint32_t depth, std::uint32_t prefix) {
  CHECK(bucket_count > 0);
  CHECK(bucket_count <= kBucketCountMax);
  auto* segment = new (AllocateLines(SegmentBytes(bucket_count))) Segment();
  segment->bucket_count = bucket_count;
  segment->grow_at = Share(bucket_count, kGrowLoad);
  segment->shrink_below = ShrinkBelow(bucket_count);
  segment->depth = depth;
  segment->prefix = prefix;
  segment->min_expiry = kNever;
  for (std::uint32_t b = 0; b < bucket_count; ++b) segment->buckets()[b].meta = 0;
  return segment;
}

void Segment::Destroy(Segment* segment) {
  segment->expiry.Release();
  segment->cut_marks.Clear();
  FreeRaw(segment);
}

std::size_t Segment::MemoryBytes() const {
  return AllocatedBytes(SegmentBytes(bucket_count)) + expiry.MemoryBytes(slot_count());
}

std::uint32_t Segment::Place(std::uint64_t slot, std::uint8_t tag) {
  DCHECK(count < slot_count());
  std::uint32_t b = HomeBucket(SlotBucketBits(slot), bucket_count);
  for (;;) {
    Bucket& bucket = buckets()[b];
    const std::uint64_t free = bucket.Free();
    if (free != 0) {
      const std::uint32_t i = Bucket::FirstOf(free);
      bucket.SetTag(i, tag);
      bucket.slots[i] = slot;
      ++count;
      return b * Bucket::kSlots + i;
    }
    bucket.CountOverflow();
    b = NextBucket(b);
  }
}

void Segment::Remove(std::uint32_t index) {
  DCHECK(IsOccupied(index));
  const std::uint32_t last = index / Bucket::kSlots;
  const std::uint32_t home = HomeBucket(SlotBucketBits(SlotAt(index)), bucket_count);
  for (std::uint32_t b = home; b != last; b = NextBucket(b)) buckets()[b].UncountOverflow();
  buckets()[last].SetTag(index % Bucket::kSlots, 0);
  --count;
}

void Segment::FillHole(std::uint32_t index) {
  std::uint32_t hole = index;
  for (;;) {
    const std::uint32_t passer = FindPasser(hole / Bucket::kSlots);
    if (passer == slot_count()) return;
    MoveSlot(passer, hole);
    hole = passer;
  }
}

// The nearest entry behind bucket `b` that passed it on its way from home; slot_count() if none.
std::uint32_t Segment::FindPasser(std::uint32_t b) const {
  std::uint32_t distance = 0;  // from b to c
  for (std::uint32_t c = b; buckets()[c].overflow() != 0;) {
    c = NextBucket(c);
    if (++distance == bucket_count) break;
    const Bucket& bucket = buckets()[c];
    for (std::uint64_t mask = bucket.Occupied(); mask != 0; mask &= mask - 1) {
      const std::uint32_t i = Bucket::FirstOf(mask);
      const std::uint32_t home = HomeBucket(SlotBucketBits(bucket.slots[i]), bucket_count);
      const std::uint32_t walked = c >= home ? c - home : c + bucket_count - home;
      if (walked >= distance) return c * Bucket::kSlots + i;
    }
  }
  return slot_count();
}

// Moves an entry back to a free slot of a bucket it passed.
void Segment::MoveSlot(std::uint32_t from, std::uint32_t to) {
  const std::uint32_t last = from / Bucket::kSlots;
  for (std::uint32_t b = to / Bucket::kSlots; b != last; b = NextBucket(b)) {
    buckets()[b].UncountOverflow();
  }
  Bucket& source = buckets()[last];
  Bucket& target = buckets()[to / Bucket::kSlots];
  target.slots[to % Bucket::kSlots] = source.slots[from % Bucket::kSlots];
  target.SetTag(to % Bucket::kSlots, source.tag(from % Bucket::kSlots));
  source.SetTag(from % Bucket::kSlots, 0);
  if (volatile_count == 0) return;
  const UnixMs at = expiry.Get(slot_count(), from);
  if (at == kNever) return;
  expiry.Set(slot_count(), to, at);
  expiry.Clear(slot_count(), from);
}

std::uint32_t Segment::NextOccupied(std::uint32_t index) const {
  for (; index < slot_count(); ++index) {
    if (IsOccupied(index)) break;
  }
  return index;
}

void Segment::SetExpiry(std::uint32_t index, UnixMs at) {
  if (expiry.Set(slot_count(), index, at)) ++volatile_count;
  min_expiry = std::min(min_expiry, at);
}

bool Segment::ClearExpiry(std::uint32_t index) {
  if (volatile_count == 0) return false;
  if (!expiry.Clear(slot_count(), index)) return false;
  if (--volatile_count == 0) min_expiry = kNever;
  return true;
}

void MoveEntries(Segment& from, Segment& to) {
  DCHECK(to.count == 0);
  TakeMarks(from, to);
  MoveAll(from, [&to](std::uint64_t) -> Segment& { return to; });
  to.count = from.count;
}

std::uint32_t CountHighHalf(const Segment& segment) {
  const int bit = SplitBit(segment);
  std::uint32_t high = 0;
  for (std::uint32_t b = 0; b < segment.bucket_count; ++b) {
    const Bucket& bucket = segment.buckets()[b];
    for (std::uint64_t mask = bucket.Occupied(); mask != 0; mask &= mask - 1) {
      high += bucket.slots[Bucket::FirstOf(mask)] >> bit & 1;
    }
  }
  return high;
}

void SplitEntries(Segment& from, std::uint32_t high_count, Segment& low, Segment& high) {
  DCHECK(low.count == 0);
  DCHECK(high.count == 0);
  TakeMarks(from, low);
  TakeMarks(from, high);
  const int bit = SplitBit(from);
  const std::array<Segment*, 2> halves = {&low, &high};
  MoveAll(from,
          [&halves, bit](std::uint64_t slot) -> Segment& { return *halves[slot >> bit & 1]; });
  high.count = high_count;
  low.count = from.count - high_count;
}

}  // namespace cairn::ds
