// SPDX-License-Identifier: BSD-3-Clause
// Segment: a small open-addressed table, the part of a SegmentTable that grows and splits alone.
//
// One allocation: this header, then buckets of one cache line, each seven slots and their tags.
//
//     | header 64 B | bucket 0 | bucket 1 | ... | bucket n-1 |        (n + 1) * 64 = a size class
//                     meta: 7 tags, overflow count   slots[7]
//
// A 64-bit hash is cut into disjoint parts; a pointer needs 48 bits, so the slot that holds it
// keeps those parts of the hash that growth and splits ask for, and no node is touched by them:
//
//     hash  | 24 directory | 10 bucket | 8 tag | 22 unused |
//     slot  |  6 window    | 10 bucket | 48 pointer        |
//
// The bucket bits b choose the home bucket b * n >> 10: monotone in b for every n, so that growth
// by a quarter moves entries a little to the right and a scan in order of b survives it. The
// window is that quarter of the directory bits in which the segment's next split bit lies; when a
// split's depth crosses a multiple of six, the next window is computed anew from the nodes.
//
// The directory bits are bent (DirectoryBitsOf): near 1 they are twice as densely hit as near 0, by
// the curve of Martin's spiral storage (1979). Evenly hit, all segments of a table would be equally
// full and grow in step, and while they all go from one size class to the next, half of the old
// class lies free in pieces that nothing else fits (measured: 18 to 25 resident bytes a key for
// 11.6 in use). Bent, fullness is spread evenly over one doubling at every size of the table, each
// class is entered as often as it is left, and 12.0 to 12.6 bytes are resident.
//
// Invariants
//   (1) An entry lies in its home bucket or, if that and the following ones are full, in the next
//       one that is not, modulo n. Each bucket counts in `overflow` the entries that passed it;
//       at 255 the count sticks until the segment is rebuilt. So a search ends at overflow 0.
//   (2) All entries of a segment share the first `depth` directory bits, which are `prefix`.
//   (3) `min_expiry` is no later than any time in `expiry`, and kNever if there is none.
//
// Guarded by the lock of the table that owns it. Place and Remove are constant in the mean; a
// rebuild (growth, split) is linear in the entries, some hundreds: microseconds.
#ifndef CAIRN_DS_SEGMENT_H_
#define CAIRN_DS_SEGMENT_H_

#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/ids.h"
#include "ds/cut_marks.h"
#include "ds/expiry_column.h"
#include "ds/raw_memory.h"

namespace cairn::ds {

inline constexpr int kDirectoryBits = 24;
inline constexpr int kDirectoryShift = 64 - kDirectoryBits;
inline constexpr int kBucketBits = 10;
inline constexpr int kBucketShift = kDirectoryShift - kBucketBits;
inline constexpr int kTagBits = 8;
inline constexpr int kTagShift = kBucketShift - kTagBits;
inline constexpr int kWindowBits = 6;
inline constexpr int kPointerBits = 48;
inline constexpr std::uint64_t kPointerMask = (std::uint64_t{1} << kPointerBits) - 1;
inline constexpr std::uint32_t kBucketPoints = 1u << kBucketBits;
static_assert(kBucketPoints == CutMarks::kPoints);
static_assert(kTagShift >= 0);
static_assert(kPointerBits + kBucketBits + kWindowBits == 64);
static_assert(kDirectoryBits % kWindowBits == 0);

// With u the leading bits as a fraction: u + 0.344 u (1 - u), which is log2(1 + u) within 0.01.
inline std::uint32_t DirectoryBitsOf(std::uint64_t hash) {
  constexpr std::uint64_t kMax = (1u << kDirectoryBits) - 1;
  const std::uint64_t u = hash >> kDirectoryShift;
  const std::uint64_t bulge = u * (kMax - u) >> kDirectoryBits;
  return static_cast<std::uint32_t>(u + (bulge * 11 >> 5));
}
inline std::uint32_t BucketBitsOf(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> kBucketShift) & (kBucketPoints - 1);
}
// At least 2: 0 marks a free slot, and a search for 1 could be shown one (see Bucket::MatchTag).
inline std::uint8_t TagOf(std::uint64_t hash) {
  const auto tag = static_cast<std::uint8_t>(hash >> kTagShift);
  return tag < 2 ? tag + 2 : tag;
}
// The window a segment of this depth keeps. At full depth no split follows, so the last one stays.
inline int WindowOf(int depth) {
  return depth < kDirectoryBits ? depth / kWindowBits : kDirectoryBits / kWindowBits - 1;
}
inline std::uint64_t WindowBitsOf(std::uint64_t hash, int window) {
  return DirectoryBitsOf(hash) >> (kDirectoryBits - kWindowBits * (window + 1)) &
         ((1u << kWindowBits) - 1);
}

// What a slot holds: a node and the hash bits that move with it.
inline std::uint64_t MakeSlot(const void* node, std::uint64_t hash, int window) {
  return reinterpret_cast<std::uintptr_t>(node) |
         static_cast<std::uint64_t>(BucketBitsOf(hash)) << kPointerBits |
         WindowBitsOf(hash, window) << (kPointerBits + kBucketBits);
}
inline void* SlotNode(std::uint64_t slot) { return reinterpret_cast<void*>(slot & kPointerMask); }
inline std::uint32_t SlotBucketBits(std::uint64_t slot) {
  return static_cast<std::uint32_t>(slot >> kPointerBits) & (kBucketPoints - 1);
}
inline std::uint32_t HomeBucket(std::uint32_t bucket_bits, std::uint32_t bucket_count) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(bucket_bits) * bucket_count >>
                                    kBucketBits);
}
// The least bucket bits whose home is `home`; kBucketPoints or more past the last home.
inline std::uint32_t FirstBucketBits(std::uint32_t home, std::uint32_t bucket_count) {
  return static_cast<std::uint32_t>(
      ((static_cast<std::uint64_t>(home) << kBucketBits) + bucket_count - 1) / bucket_count);
}

// One cache line. The meta word is searched as a whole: byte i < 7 is the tag of slot i (0: free),
// byte 7 the overflow count. Masks have bit 8*i+7 set for slot i.
struct alignas(kCacheLineBytes) Bucket {
  static constexpr std::uint32_t kSlots = 7;
  static constexpr std::uint64_t kEveryByte = 0x0101010101010101;
  static constexpr std::uint64_t kSlotMask = 0x0080808080808080;
  static constexpr std::uint32_t kOverflowMax = 255;

  std::uint64_t meta;
  std::uint64_t slots[kSlots];

  // Slots whose tag is `tag`. May also name a slot above a match whose tag differs in the last bit
  // only (the borrow of the subtraction); callers compare keys anyway. REQUIRES: tag >= 2, so that
  // this is never a free slot.
  std::uint64_t MatchTag(std::uint8_t tag) const {
    const std::uint64_t difference = meta ^ kEveryByte * tag;
    return (difference - kEveryByte) & ~difference & kSlotMask;
  }
  std::uint64_t Occupied() const {
    constexpr std::uint64_t kLowBits = 0x007f7f7f7f7f7f7f;
    return (((meta & kLowBits) + kLowBits) | meta) & kSlotMask;
  }
  std::uint64_t Free() const { return Occupied() ^ kSlotMask; }
  static std::uint32_t FirstOf(std::uint64_t mask) {
    return static_cast<std::uint32_t>(std::countr_zero(mask)) / 8;
  }

  std::uint8_t tag(std::uint32_t i) const { return static_cast<std::uint8_t>(meta >> 8 * i); }
  void SetTag(std::uint32_t i, std::uint8_t tag) {
    meta = (meta & ~(std::uint64_t{0xff} << 8 * i)) | static_cast<std::uint64_t>(tag) << 8 * i;
  }
  std::uint32_t overflow() const { return static_cast<std::uint32_t>(meta >> 56); }
  void CountOverflow() {
    if (overflow() != kOverflowMax) meta += std::uint64_t{1} << 56;
  }
  void UncountOverflow() {
    if (overflow() != kOverflowMax) meta -= std::uint64_t{1} << 56;
  }
};
static_assert(sizeof(Bucket) == kCacheLineBytes);

struct alignas(kCacheLineBytes) Segment {
  std::uint32_t bucket_count;
  std::uint32_t count;         // entries
  std::uint32_t grow_at;       // at this count it must grow before the next entry
  std::uint32_t shrink_below;  // below this count it is rebuilt smaller
  std::uint32_t prefix;        // its first `depth` hash bits, then zeros: kDirectoryBits in all
  std::uint32_t depth;
  std::uint32_t volatile_count;  // entries with a time
  std::uint32_t cut_number;      // the cut that `cut_marks` are of: see TableCut
  UnixMs min_expiry;
  ExpiryColumn expiry;
  CutMarks cut_marks;  // by bucket bits, which growth and splits do not change

  // An empty segment. The owner calls Destroy.
  static Segment* Create(std::uint32_t bucket_count, std::uint32_t depth, std::uint32_t prefix);
  static void Destroy(Segment* segment);

  Bucket* buckets() { return reinterpret_cast<Bucket*>(this + 1); }
  const Bucket* buckets() const { return reinterpret_cast<const Bucket*>(this + 1); }
  std::uint32_t slot_count() const { return bucket_count * Bucket::kSlots; }
  std::uint64_t& SlotAt(std::uint32_t index) {
    return buckets()[index / Bucket::kSlots].slots[index % Bucket::kSlots];
  }
  std::uint64_t SlotAt(std::uint32_t index) const {
    return buckets()[index / Bucket::kSlots].slots[index % Bucket::kSlots];
  }
  bool IsOccupied(std::uint32_t index) const {
    return buckets()[index / Bucket::kSlots].tag(index % Bucket::kSlots) != 0;
  }
  // Everything this segment takes from the allocator.
  std::size_t MemoryBytes() const;

  // Puts a slot where it belongs and returns its index. REQUIRES: count < slot_count().
  std::uint32_t Place(std::uint64_t slot, std::uint8_t tag);
  // Frees the slot; its time must be gone already (ClearExpiry). Leaves a hole: entries that had to
  // pass this bucket stay where they are.
  void Remove(std::uint32_t index);
  // Fills the hole at `index` with an entry that passed it, the hole that leaves with another, and
  // so on: what inserting all entries anew would give. Without it, searches grow long with time
  // (after one replacement of all entries, a miss looked at 9.7 buckets instead of 2.2).
  void FillHole(std::uint32_t index);
  // The first occupied slot from `index` on, slot_count() if none.
  std::uint32_t NextOccupied(std::uint32_t index) const;

  UnixMs ExpiryAt(std::uint32_t index) const {
    return volatile_count == 0 ? kNever : expiry.Get(slot_count(), index);
  }
  void SetExpiry(std::uint32_t index, UnixMs at);
  // Returns true if there was a time. Keeps the column even if it is empty then.
  bool ClearExpiry(std::uint32_t index);

 private:
  std::uint32_t NextBucket(std::uint32_t b) const { return b + 1 == bucket_count ? 0 : b + 1; }
  std::uint32_t FindPasser(std::uint32_t b) const;
  void MoveSlot(std::uint32_t from, std::uint32_t to);
};
static_assert(sizeof(Segment) == kCacheLineBytes);

// Sizes. A segment of n buckets is one allocation of a size class of jemalloc (four classes a
// doubling): n = 1, 2, ... 7, 9, 11, 13, 15, 19, ... 63, 79, ...
inline constexpr std::uint32_t kSplitBuckets = 63;  // full at this size or above, it wants to split
// Bounded by the bits a directory entry has for it; far beyond what equal hashes can fill in time.
inline constexpr std::uint32_t kBucketCountMax = (1u << 22) - 1;

std::uint32_t NextBucketCount(std::uint32_t bucket_count);
// The smallest size that holds `count` entries with room to grow.
std::uint32_t FittingBucketCount(std::uint32_t count);
std::size_t SegmentBytes(std::uint32_t bucket_count);

// Moves every entry, with its time, into an empty segment; or into two, by that bit of the slot's
// window which says the half of a split it belongs to. REQUIRES: high_count = CountHighHalf(from).
void MoveEntries(Segment& from, Segment& to);
std::uint32_t CountHighHalf(const Segment& segment);
void SplitEntries(Segment& from, std::uint32_t high_count, Segment& low, Segment& high);

}  // namespace cairn::ds

#endif  // CAIRN_DS_SEGMENT_H_
