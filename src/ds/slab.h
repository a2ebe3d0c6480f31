// SPDX-License-Identifier: BSD-3-Clause
// SlabArena: memory for small entries in size classes of eight bytes, and for blocks of 1 to 8 KiB
// in classes of 64.
//
// jemalloc's classes lie 16 bytes apart up to 128 and a quarter apart above, so an entry of 88
// bytes takes 96, one of 136 takes 160, and a stream's node of 3700 takes 4096. Here the waste is
// at most 7 bytes an object (63 a block), 16 to 64 bytes a slab, and what slabs leave empty.
//
//     chunk 1 MiB = 64 slabs of 16 KiB for small objects, or 4 of 256 KiB for blocks
//     slab  | header | slack | object | object | ...          found from an object by masking
//     free objects of a slab are a list of 16-bit offsets; those never used yet need no list
//
// Blocks want slabs so large because of what is left at a slab's end; they lie at its front, so
// that pages which no block has reached are not even touched, and do not count as reserved.
//
// Slabs of a class that have room stand in bins by how full they are, and Allocate takes from the
// fullest: so sparse ones drain by themselves, or with the help of whoever asks IsSparse and moves
// what lies there. An empty slab goes back to its chunk, its pages to the kernel if some others
// are empty already (kSpareSlabs, kSpareBlockSlabs), and a chunk without slabs goes back whole.
//
// Objects above kSlabBlockMax bytes come from malloc and are only counted here.
//
// Thread safety: every call locks the arena, a leaf lock: nothing is locked and nothing waits
// inside (a chunk or page goes to or comes from the kernel once in hundreds of calls). An object
// is freed at the arena it came from, with the size it was asked for. Cost: about 10 ns.
#ifndef CAIRN_DS_SLAB_H_
#define CAIRN_DS_SLAB_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/counter.h"
#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace cairn::ds {

inline constexpr std::size_t kSlabObjectMax = 1024;
inline constexpr std::size_t kSlabBlockMax = 8192;

class SlabArena {
 public:
  static constexpr std::size_t kSlabBytes = 16 * 1024;
  static constexpr std::size_t kBlockSlabBytes = 256 * 1024;
  static constexpr std::size_t kChunkBytes = 1024 * 1024;
  // Empty slabs that keep their pages, for the next class that needs one.
  static constexpr std::size_t kSpareSlabs = 8;
  static constexpr std::size_t kSpareBlockSlabs = 1;

  SlabArena() = default;
  // REQUIRES: every small object is freed, or will never be touched again.
  ~SlabArena();
  SlabArena(const SlabArena&) = delete;
  SlabArena& operator=(const SlabArena&) = delete;

  // At an 8-byte boundary, blocks at one of 64; never null. REQUIRES: bytes > 0.
  void* Allocate(std::size_t bytes) EXCLUDES(mu_);
  // REQUIRES: `object` came from Allocate(bytes') of this arena with the same AllocatedSize.
  void Free(void* object, std::size_t bytes) EXCLUDES(mu_);

  // What an object of this size takes.
  static std::size_t AllocatedSize(std::size_t bytes);

  // Whether moving the object (allocating again, copying, freeing) would help to empty a slab: its
  // slab is less full than those of its class are in the mean, and others have room. REQUIRES: as
  // for Free.
  bool IsSparse(const void* object, std::size_t bytes) const EXCLUDES(mu_);

  // Bytes in live objects, large ones included. Any thread.
  std::int64_t used_bytes() const { return small_bytes_.value() + large_bytes_.value(); }
  // Bytes in live objects that lie in slabs, and bytes of the slabs that hold them or are spare.
  // The difference is what fragmentation costs. Any thread.
  std::int64_t small_bytes() const { return small_bytes_.value(); }
  std::int64_t reserved_bytes() const { return reserved_bytes_.value(); }

 private:
  struct Chunk;
  struct Slab;
  static constexpr std::size_t kClassBytes = 8;
  static constexpr std::size_t kBlockClassBytes = 64;
  static constexpr std::size_t kSmallClasses = kSlabObjectMax / kClassBytes;
  static constexpr std::size_t kClasses =
      kSmallClasses + (kSlabBlockMax - kSlabObjectMax) / kBlockClassBytes;
  static constexpr std::size_t kBins = 8;

  // Slabs of one size, and the chunks that they are cut from.
  struct Source {
    std::size_t slab_bytes;
    std::size_t spare_max;
    Slab* spare = nullptr;  // empty slabs with their pages
    std::size_t spare_count = 0;
    Chunk* roomy = nullptr;
    Chunk* full = nullptr;
  };

  struct Class {
    Slab* current = nullptr;          // the slab that Allocate takes from; in no bin
    std::array<Slab*, kBins> bins{};  // others with room, by eighths of fullness; full ones in none
    std::uint32_t slabs = 0;          // all of the class
    std::uint64_t objects = 0;        // live ones of the class
  };

  static std::size_t ClassOf(std::size_t bytes) {
    if (bytes <= kSlabObjectMax) return (bytes - 1) / kClassBytes;
    return kSmallClasses + (bytes - kSlabObjectMax - 1) / kBlockClassBytes;
  }
  static std::size_t ObjectBytesOf(std::size_t class_index) {
    if (class_index < kSmallClasses) return (class_index + 1) * kClassBytes;
    return kSlabObjectMax + (class_index - kSmallClasses + 1) * kBlockClassBytes;
  }
  static Slab* SlabOf(const void* object, std::size_t bytes);
  Source& SourceOf(std::size_t class_index) REQUIRES(mu_) {
    return class_index < kSmallClasses ? small_ : blocks_;
  }

  void* AllocateLarge(std::size_t bytes);
  void FreeLarge(void* object, std::size_t bytes);
  Slab* NextSlab(std::size_t class_index) REQUIRES(mu_);
  Slab* NewSlab(std::size_t class_index) REQUIRES(mu_);
  void RetireSlab(Slab& slab, std::size_t class_index) REQUIRES(mu_);
  void* PagesOfNewSlab(Source& source, Chunk** chunk) REQUIRES(mu_);
  void ReturnPages(Source& source, Slab& slab) REQUIRES(mu_);
  void MapChunk(Source& source) REQUIRES(mu_);
  bool UnmapChunk(Source& source, Chunk& chunk) REQUIRES(mu_);

  mutable Mutex mu_;
  std::array<Class, kClasses> classes_ GUARDED_BY(mu_);
  Source small_ GUARDED_BY(mu_) = {.slab_bytes = kSlabBytes, .spare_max = kSpareSlabs};
  Source blocks_ GUARDED_BY(mu_) = {.slab_bytes = kBlockSlabBytes, .spare_max = kSpareBlockSlabs};
  Counter small_bytes_;     // written under mu_
  Counter reserved_bytes_;  // written under mu_
  SharedCounter large_bytes_;
};

}  // namespace cairn::ds

#endif  // CAIRN_DS_SLAB_H_
