// SPDX-License-Identifier: BSD-3-Clause
// The arena against a model: no two objects overlap, contents stay, figures agree, memory returns.
#include "ds/slab.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <vector>

#include "base/random.h"
#include "ds/raw_memory.h"

namespace cairn::ds {
namespace {

struct Object {
  char* bytes;
  std::size_t size;
  char fill;
};

Object Make(SlabArena& arena, std::size_t size, char fill) {
  auto* bytes = static_cast<char*>(arena.Allocate(size));
  std::memset(bytes, fill, size);
  return {bytes, size, fill};
}

bool Intact(const Object& object) {
  for (std::size_t i = 0; i < object.size; ++i) {
    if (object.bytes[i] != object.fill) return false;
  }
  return true;
}

TEST(SlabArena, AllocatedSizeRoundsToEightAndBlocksToLines) {
  EXPECT_EQ(SlabArena::AllocatedSize(1), 8u);
  EXPECT_EQ(SlabArena::AllocatedSize(8), 8u);
  EXPECT_EQ(SlabArena::AllocatedSize(9), 16u);
  EXPECT_EQ(SlabArena::AllocatedSize(88), 88u);
  EXPECT_EQ(SlabArena::AllocatedSize(1023), 1024u);
  EXPECT_EQ(SlabArena::AllocatedSize(1024), 1024u);
  EXPECT_EQ(SlabArena::AllocatedSize(1025), 1088u);
  EXPECT_EQ(SlabArena::AllocatedSize(3713), 3776u);
  EXPECT_EQ(SlabArena::AllocatedSize(3776), 3776u);
  EXPECT_EQ(SlabArena::AllocatedSize(8129), 8192u);
  EXPECT_EQ(SlabArena::AllocatedSize(8192), 8192u);
  EXPECT_EQ(SlabArena::AllocatedSize(8193), AllocatedBytes(8193));
}

TEST(SlabArena, EverySizeIsAlignedWritableAndCounted) {
  SlabArena arena;
  std::vector<Object> objects;
  std::int64_t expected = 0;
  for (std::size_t size = 1; size <= kSlabBlockMax + 100; ++size) {
    objects.push_back(Make(arena, size, static_cast<char>(size)));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(objects.back().bytes) % 8, 0u) << size;
    expected += static_cast<std::int64_t>(SlabArena::AllocatedSize(size));
    EXPECT_EQ(arena.used_bytes(), expected);
  }
  for (const Object& object : objects) {
    EXPECT_TRUE(Intact(object)) << object.size;
    arena.Free(object.bytes, object.size);
  }
  EXPECT_EQ(arena.used_bytes(), 0);
}

TEST(SlabArena, LineSizedObjectsAndBlocksKeepToLines) {
  SlabArena arena;
  for (int i = 0; i < 600; ++i) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena.Allocate(64)) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena.Allocate(1025)) % 64, 0u);
  }
}

// Overhead of slabs and chunks for the entry the design counts with.
TEST(SlabArena, OverheadOfManySmallObjectsIsSmall) {
  SlabArena arena;
  constexpr std::int64_t kObjects = 1'000'000;
  for (std::int64_t i = 0; i < kObjects; ++i) arena.Allocate(88);
  EXPECT_EQ(arena.used_bytes(), kObjects * 88);
  EXPECT_LT(static_cast<double>(arena.reserved_bytes() - arena.used_bytes()) / kObjects, 0.75);
}

// What is left at the end of a slab for blocks is at most one of them in 32.
TEST(SlabArena, OverheadOfBlocksIsSmallWhateverTheirSize) {
  for (std::size_t size = kSlabObjectMax + 64; size <= kSlabBlockMax; size += 64) {
    SlabArena arena;
    const std::size_t count = 8 * SlabArena::kBlockSlabBytes / size;
    for (std::size_t i = 0; i < count; ++i) arena.Allocate(size);
    EXPECT_EQ(arena.used_bytes(), static_cast<std::int64_t>(count * size));
    EXPECT_LT(static_cast<double>(arena.reserved_bytes()),
              1.035 * static_cast<double>(arena.used_bytes()))
        << size;
  }
}

// A single block must not count, nor touch, a slab of 256 KiB.
TEST(SlabArena, PagesThatNoBlockReachedAreNotReserved) {
  SlabArena arena;
  void* block = arena.Allocate(4096);
  EXPECT_EQ(arena.reserved_bytes(), 8192);
  void* second = arena.Allocate(4096);
  EXPECT_EQ(arena.reserved_bytes(), 12288);
  arena.Free(second, 4096);
  arena.Free(block, 4096);
  EXPECT_EQ(arena.reserved_bytes(), 12288) << "the slab is spare";
  arena.Free(arena.Allocate(2048), 2048);
  EXPECT_EQ(arena.reserved_bytes(), 4096) << "the spare slab serves another class";
}

TEST(SlabArena, RandomUseMatchesModel) {
  const std::uint64_t seed = 20240607;
  SCOPED_TRACE(seed);
  Random random(seed);
  SlabArena arena;
  std::map<char*, Object> live;
  std::vector<char*> order;
  std::int64_t used = 0;
  for (int step = 0; step < 200'000; ++step) {
    // Long waves, so that slabs fill and empty.
    const bool grow = random.Below(1000) < ((step / 20'000) % 2 == 0 ? 700u : 300u);
    if (grow || order.empty()) {
      const std::size_t size = 1 + random.Below(random.Below(8) == 0 ? 9000 : 120);
      const Object object = Make(arena, size, static_cast<char>(random.Next()));
      const auto after = live.lower_bound(object.bytes);
      ASSERT_TRUE(after == live.end() || object.bytes + size <= after->first);
      ASSERT_TRUE(after == live.begin() ||
                  std::prev(after)->first + std::prev(after)->second.size <= object.bytes);
      live.emplace(object.bytes, object);
      order.push_back(object.bytes);
      used += static_cast<std::int64_t>(SlabArena::AllocatedSize(size));
    } else {
      std::swap(order[random.Below(order.size())], order.back());
      const Object object = live.at(order.back());
      ASSERT_TRUE(Intact(object));
      arena.Free(object.bytes, object.size);
      live.erase(order.back());
      order.pop_back();
      used -= static_cast<std::int64_t>(SlabArena::AllocatedSize(object.size));
    }
    ASSERT_EQ(arena.used_bytes(), used);
  }
}

TEST(SlabArena, FreedMemoryReturns) {
  SlabArena arena;
  std::vector<void*> objects;
  for (int i = 0; i < 100'000; ++i) objects.push_back(arena.Allocate(40));
  EXPECT_GE(arena.reserved_bytes(), 4'000'000);
  for (void* object : objects) arena.Free(object, 40);
  EXPECT_EQ(arena.used_bytes(), 0);
  EXPECT_LE(arena.reserved_bytes(),
            static_cast<std::int64_t>(SlabArena::kSpareSlabs * SlabArena::kSlabBytes));
}

TEST(SlabArena, FreedBlocksReturn) {
  SlabArena arena;
  std::vector<void*> blocks;
  for (int i = 0; i < 2'000; ++i) blocks.push_back(arena.Allocate(3700));
  EXPECT_GE(arena.reserved_bytes(), 7'400'000);
  for (void* block : blocks) arena.Free(block, 3700);
  EXPECT_EQ(arena.used_bytes(), 0);
  EXPECT_LE(arena.reserved_bytes(),
            static_cast<std::int64_t>(SlabArena::kSpareBlockSlabs * SlabArena::kBlockSlabBytes));
}

TEST(SlabArena, EmptySlabsServeOtherClasses) {
  SlabArena arena;
  for (std::size_t size = 8; size <= kSlabObjectMax; size += 8) {
    arena.Free(arena.Allocate(size), size);
  }
  EXPECT_EQ(arena.reserved_bytes(), static_cast<std::int64_t>(SlabArena::kSlabBytes));
}

// What active defragmentation does: after random deletes, objects in sparse slabs are moved, until
// none is in one. It must end, and get near to what the live objects need.
TEST(SlabArena, MovingSparseObjectsCompacts) {
  const std::uint64_t seed = 7;
  Random random(seed);
  SlabArena arena;
  std::vector<void*> objects;
  for (int i = 0; i < 100'000; ++i) objects.push_back(arena.Allocate(88));
  std::vector<void*> kept;
  for (void* object : objects) {
    if (random.Below(4) == 0) {
      kept.push_back(object);
    } else {
      arena.Free(object, 88);
    }
  }
  EXPECT_GT(arena.reserved_bytes(), 3 * arena.used_bytes());
  int passes = 0;
  for (std::size_t moved = 1; moved > 0 && passes < 50; ++passes) {
    moved = 0;
    for (void*& object : kept) {
      if (!arena.IsSparse(object, 88)) continue;
      void* target = arena.Allocate(88);
      std::memcpy(target, object, 88);
      arena.Free(object, 88);
      object = target;
      ++moved;
    }
  }
  EXPECT_LT(passes, 50);
  EXPECT_LT(static_cast<double>(arena.reserved_bytes()),
            1.15 * static_cast<double>(arena.used_bytes()));
}

TEST(SlabArena, LargeObjectsAreNeverSparse) {
  SlabArena arena;
  void* object = arena.Allocate(9000);
  EXPECT_FALSE(arena.IsSparse(object, 9000));
  EXPECT_GE(arena.used_bytes(), 9000);
  EXPECT_EQ(arena.reserved_bytes(), 0);
  arena.Free(object, 9000);
  EXPECT_EQ(arena.used_bytes(), 0);
}

}  // namespace
}  // namespace cairn::ds
