// SPDX-License-Identifier: BSD-3-Clause
// Bits, sizes, buckets and single segments.
#include "ds/segment.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"
#include "ds/segment_table_testing.h"

namespace cairn::ds {
namespace {

// Trap T1 of the prototypes: tags that share bits with the bucket are all alike.
TEST(HashBits, PartsAreDisjointAndComplete) {
  std::uint64_t used = 0;
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t hash = std::uint64_t{1} << bit;
    const int parts = (DirectoryBitsOf(hash) != 0) + (BucketBitsOf(hash) != 0) +
                      (static_cast<std::uint8_t>(hash >> kTagShift) != 0);
    EXPECT_LE(parts, 1) << bit;
    if (parts == 1) used |= hash;
  }
  EXPECT_EQ(used, ~std::uint64_t{0} << kTagShift);
  EXPECT_EQ(64 - kTagShift, kDirectoryBits + kBucketBits + kTagBits);
}

TEST(HashBits, DirectoryBitsAreMonotoneAndTwiceAsDenseAtTheEnd) {
  constexpr std::uint32_t kAll = (1u << kDirectoryBits) - 1;
  EXPECT_EQ(DirectoryBitsOf(0), 0u);
  EXPECT_EQ(DirectoryBitsOf(~std::uint64_t{0}), kAll);
  std::vector<std::uint32_t> hits(16, 0);
  std::uint32_t last = 0;
  for (std::uint64_t u = 0; u <= kAll; ++u) {
    const std::uint32_t bits = DirectoryBitsOf(u << kDirectoryShift);
    ASSERT_GE(bits, last);
    ++hits[bits >> (kDirectoryBits - 4)];
    last = bits;
  }
  EXPECT_NEAR(static_cast<double>(hits[15]) / hits[0], 2.0, 0.15);
  for (std::size_t i = 1; i < hits.size(); ++i) EXPECT_GT(hits[i], hits[i - 1]);
}

TEST(HashBits, WindowsCutTheDirectoryBits) {
  for (std::uint64_t id = 0; id < 1000; ++id) {
    std::uint64_t joined = 0;
    for (int w = 0; w < kDirectoryBits / kWindowBits; ++w) {
      joined = joined << kWindowBits | WindowBitsOf(Mix(id), w);
    }
    EXPECT_EQ(joined, DirectoryBitsOf(Mix(id)));
  }
  EXPECT_EQ(WindowOf(0), 0);
  EXPECT_EQ(WindowOf(5), 0);
  EXPECT_EQ(WindowOf(6), 1);
  EXPECT_EQ(WindowOf(23), 3);
  EXPECT_EQ(WindowOf(24), 3);
}

TEST(HashBits, TagIsNeverZeroOrOne) {
  EXPECT_EQ(TagOf(0), 2);
  EXPECT_EQ(TagOf(std::uint64_t{1} << kTagShift), 3);
  EXPECT_EQ(TagOf(std::uint64_t{2} << kTagShift), 2);
  EXPECT_EQ(TagOf(std::uint64_t{0xff} << kTagShift), 255);
}

TEST(HashBits, SlotKeepsItsParts) {
  const std::uint64_t hash = Mix(5);
  void* node = reinterpret_cast<void*>(std::uintptr_t{0x7fff12345678});
  const std::uint64_t slot = MakeSlot(node, hash, 2);
  EXPECT_EQ(SlotNode(slot), node);
  EXPECT_EQ(SlotBucketBits(slot), BucketBitsOf(hash));
  EXPECT_EQ(slot >> (kPointerBits + kBucketBits), WindowBitsOf(hash, 2));
}

TEST(HashBits, HomesAreMonotoneAndInvertible) {
  for (std::uint32_t n = 1; n <= 1300; n = NextBucketCount(n)) {
    std::uint32_t last = 0;
    for (std::uint32_t bits = 0; bits < kBucketPoints; ++bits) {
      const std::uint32_t home = HomeBucket(bits, n);
      ASSERT_LT(home, n);
      ASSERT_GE(home, last);
      if (home != last || bits == 0) {
        ASSERT_EQ(FirstBucketBits(home, n), bits);
      }
      ASSERT_GT(FirstBucketBits(home + 1, n), bits);
      last = home;
    }
    EXPECT_GE(FirstBucketBits(last + 1, n), kBucketPoints);
  }
}

// Each size is a size class of jemalloc, so that nothing is lost between table and allocator.
TEST(SegmentSizes, AreSizeClasses) {
  const std::vector<std::uint32_t> expected = {1,  2,  3,  4,  5,  6,  7,  9,  11, 13,  15,  19,
                                               23, 27, 31, 39, 47, 55, 63, 79, 95, 111, 127, 159};
  std::uint32_t n = 1;
  for (const std::uint32_t size : expected) {
    EXPECT_EQ(n, size);
    EXPECT_EQ(AllocatedBytes(SegmentBytes(n)), SegmentBytes(n));
    n = NextBucketCount(n);
  }
}

TEST(SegmentSizes, GrowthAndShrinkingLeaveRoomBetween) {
  for (std::uint32_t n = 1; n < 2000; n = NextBucketCount(n)) {
    Segment* segment = Segment::Create(n, 0, 0);
    EXPECT_LT(segment->grow_at, segment->slot_count());
    EXPECT_LT(segment->shrink_below, segment->grow_at);
    // A segment that just grew does not shrink at the next erase, nor the other way round.
    Segment* larger = Segment::Create(NextBucketCount(n), 0, 0);
    EXPECT_LT(larger->shrink_below, segment->grow_at);
    EXPECT_GT(larger->grow_at, segment->grow_at);
    if (segment->shrink_below > 0) {
      const std::uint32_t smaller = FittingBucketCount(segment->shrink_below - 1);
      EXPECT_LT(smaller, n);
    }
    Segment::Destroy(segment);
    Segment::Destroy(larger);
  }
}

TEST(Bucket, MasksNameTheRightSlots) {
  Random random(11);
  for (int round = 0; round < 20000; ++round) {
    Bucket bucket{};
    std::uint64_t occupied = 0;
    for (std::uint32_t i = 0; i < Bucket::kSlots; ++i) {
      const auto tag = static_cast<std::uint8_t>(random.Below(4) == 0 ? 0 : 2 + random.Below(254));
      bucket.SetTag(i, tag);
      ASSERT_EQ(bucket.tag(i), tag);
      if (tag != 0) occupied |= std::uint64_t{0x80} << 8 * i;
    }
    for (std::uint64_t n = random.Below(300); n > 0; --n) bucket.CountOverflow();
    ASSERT_EQ(bucket.Occupied(), occupied);
    ASSERT_EQ(bucket.Free(), occupied ^ Bucket::kSlotMask);
    const auto wanted = static_cast<std::uint8_t>(2 + random.Below(254));
    std::uint64_t exact = 0;
    for (std::uint32_t i = 0; i < Bucket::kSlots; ++i) {
      if (bucket.tag(i) == wanted) exact |= std::uint64_t{0x80} << 8 * i;
    }
    const std::uint64_t match = bucket.MatchTag(wanted);
    ASSERT_EQ(match & exact, exact);
    // What it names beyond that lies above a match and is an occupied slot with a near tag.
    for (std::uint64_t extra = match & ~exact; extra != 0; extra &= extra - 1) {
      ASSERT_NE(exact, 0u);
      ASSERT_GT(extra & -extra, exact & -exact);
      ASSERT_EQ(bucket.tag(Bucket::FirstOf(extra)) ^ 1, wanted);
    }
  }
}

// The subtraction's borrow makes tag ^ 1 look like tag above a match; no tag may look like 0.
TEST(Bucket, FreeSlotNeverMatches) {
  for (std::uint32_t tag = 2; tag < 256; ++tag) {
    Bucket bucket{};
    bucket.SetTag(0, static_cast<std::uint8_t>(tag));
    EXPECT_EQ(bucket.MatchTag(static_cast<std::uint8_t>(tag)), 0x80u);
  }
}

TEST(Bucket, OverflowSticksAtItsMaximum) {
  Bucket bucket{};
  for (int i = 0; i < 254; ++i) bucket.CountOverflow();
  bucket.UncountOverflow();
  EXPECT_EQ(bucket.overflow(), 253u);
  for (int i = 0; i < 5; ++i) bucket.CountOverflow();
  EXPECT_EQ(bucket.overflow(), 255u);
  for (int i = 0; i < 5; ++i) bucket.UncountOverflow();
  EXPECT_EQ(bucket.overflow(), 255u);
  EXPECT_EQ(bucket.Occupied(), 0u);
}

TEST(Segment, ExpiryMovesWithItsEntry) {
  std::vector<TestNode> nodes;
  for (std::uint64_t id = 0; id < 100; ++id) nodes.push_back({id, Mix(id)});
  Segment* small = Segment::Create(15, 0, 0);
  for (const TestNode& node : nodes) {
    const std::uint32_t i = small->Place(MakeSlot(&node, node.hash, 0), TagOf(node.hash));
    if (node.id % 3 == 0) small->SetExpiry(i, kExpiryEpochMs + static_cast<UnixMs>(node.id));
    if (node.id % 10 == 9) small->SetExpiry(i, INT64_MAX - 1 - static_cast<UnixMs>(node.id));
  }
  Segment* low = Segment::Create(15, 1, 0);
  Segment* high = Segment::Create(15, 1, 1 << 23);
  EXPECT_EQ(CountHighHalf(*small), [&] {
    std::uint32_t count = 0;
    for (const TestNode& node : nodes) count += DirectoryBitsOf(node.hash) >> 23;
    return count;
  }());
  SplitEntries(*small, CountHighHalf(*small), *low, *high);
  EXPECT_EQ(low->count + high->count, 100u);
  EXPECT_EQ(low->volatile_count + high->volatile_count, small->volatile_count);
  for (Segment* half : {low, high}) {
    for (std::uint32_t i = half->NextOccupied(0); i < half->slot_count();
         i = half->NextOccupied(i + 1)) {
      const auto& node = *static_cast<TestNode*>(SlotNode(half->SlotAt(i)));
      EXPECT_EQ(DirectoryBitsOf(node.hash) >> 23, half == high ? 1u : 0u);
      const auto id = static_cast<UnixMs>(node.id);
      const UnixMs expected = id % 10 == 9  ? INT64_MAX - 1 - id
                              : id % 3 == 0 ? kExpiryEpochMs + id
                                            : kNever;
      EXPECT_EQ(half->ExpiryAt(i), expected);
    }
  }
  for (Segment* segment : {small, low, high}) Segment::Destroy(segment);
}

}  // namespace
}  // namespace cairn::ds
