// SPDX-License-Identifier: BSD-3-Clause
// Slabs and the chunks they come from.
//
// Chunks are mapped from the kernel, not taken from malloc: jemalloc keeps 128 bytes of its own for
// every block of this size and colours large ones with an extra page. What is mapped and never
// touched costs nothing, so a chunk counts by its slabs.
//
// A slab's small objects are laid against its end, so that those whose size divides a cache line
// keep to lines; blocks begin at its second line. In builds with AddressSanitizer free objects are
// poisoned.
#include "ds/slab.h"

#include <sys/mman.h>

#include <bit>
#include <new>

#include "base/check.h"
#include "ds/raw_memory.h"

#if defined(__SANITIZE_ADDRESS__)
#define CAIRN_DS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CAIRN_DS_ASAN 1
#endif
#endif

#ifdef CAIRN_DS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

namespace cairn::ds {
namespace {

#ifdef CAIRN_DS_ASAN
void Poison(void* memory, std::size_t bytes) { ASAN_POISON_MEMORY_REGION(memory, bytes); }
void Unpoison(void* memory, std::size_t bytes) { ASAN_UNPOISON_MEMORY_REGION(memory, bytes); }
// Entries point to malloc's blocks, which the leak checker would not find from mapped memory.
void AddRoot(void* memory, std::size_t bytes) { __lsan_register_root_region(memory, bytes); }
void RemoveRoot(void* memory, std::size_t bytes) { __lsan_unregister_root_region(memory, bytes); }
#else
void Poison(void*, std::size_t) {}
void Unpoison(void*, std::size_t) {}
void AddRoot(void*, std::size_t) {}
void RemoveRoot(void*, std::size_t) {}
#endif

static_assert(SlabArena::kChunkBytes / SlabArena::kSlabBytes == 64,
              "a chunk's free slabs are the bits of one word");
static_assert(std::has_single_bit(SlabArena::kSlabBytes));
static_assert(std::has_single_bit(SlabArena::kBlockSlabBytes));

constexpr std::size_t kPageBytes = 4096;
// Offsets in a slab are kept in 16 bits, in units of this.
constexpr std::size_t kOffsetUnit = 8;
static_assert(SlabArena::kBlockSlabBytes / kOffsetUnit <= 65536);

std::uint64_t AllFree(std::size_t slab_bytes) {
  const std::size_t slabs = SlabArena::kChunkBytes / slab_bytes;
  return slabs == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << slabs) - 1;
}

template <class Node>
void Link(Node*& head, Node& node) {
  node.previous = nullptr;
  node.next = head;
  if (head != nullptr) head->previous = &node;
  head = &node;
}

template <class Node>
void Unlink(Node*& head, Node& node) {
  if (node.previous != nullptr) {
    node.previous->next = node.next;
  } else {
    head = node.next;
  }
  if (node.next != nullptr) node.next->previous = node.previous;
}

// Address space of one chunk, at a slab boundary. Neighbouring chunks mostly come out adjacent, and
// the kernel then keeps them as one mapping.
char* MapAligned(std::size_t align) {
  constexpr std::size_t kBytes = SlabArena::kChunkBytes;
  const auto map = [](std::size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return static_cast<char*>(memory);
  };
  char* memory = map(kBytes);
  if (reinterpret_cast<std::uintptr_t>(memory) % align == 0) return memory;
  // Where an unmapping fails, address space is lost and nothing else.
  (void)munmap(memory, kBytes);
  memory = map(kBytes + align);
  const std::size_t before = align - reinterpret_cast<std::uintptr_t>(memory) % align;
  (void)munmap(memory, before);
  if (before != align) (void)munmap(memory + before + kBytes, align - before);
  return memory + before;
}

}  // namespace

struct SlabArena::Chunk {
  Chunk* next;
  Chunk* previous;
  char* base;
  std::uint64_t free;  // slabs whose pages the kernel has
};

struct SlabArena::Slab {
  Slab* next;  // in a bin or among the spare ones
  Slab* previous;
  Chunk* chunk;
  std::uint32_t bin_scale;  // live * bin_scale >> 16 is the bin
  std::uint16_t object_bytes;
  std::uint16_t capacity;
  std::uint16_t live;
  std::uint16_t fresh;      // objects from the front that have been used at least once
  std::uint16_t free_head;  // offset of the first freed object in units of 8, 0 if none
  std::uint16_t first;      // offset of the first object

  bool full() const { return live == capacity; }
  std::size_t bin() const { return live * std::size_t{bin_scale} >> 16; }
  char* bytes() { return reinterpret_cast<char*>(this); }
  bool is_small() const { return object_bytes <= kSlabObjectMax; }
  // Bytes of the pages that were used at least once. Small objects' slabs are used up quickly.
  std::size_t touched() const {
    if (is_small()) return kSlabBytes;
    const std::size_t bytes = first + std::size_t{object_bytes} * fresh;
    return (bytes + kPageBytes - 1) & ~(kPageBytes - 1);
  }

  void* Pop() {
    ++live;
    if (free_head == 0) {
      void* object = bytes() + first + std::size_t{object_bytes} * fresh++;
      Unpoison(object, object_bytes);
      return object;
    }
    void* object = bytes() + free_head * kOffsetUnit;
    Unpoison(object, object_bytes);
    free_head = *static_cast<std::uint16_t*>(object);
    return object;
  }

  void Push(void* object) {
    DCHECK(live > 0);
    const auto offset = static_cast<std::size_t>(static_cast<char*>(object) - bytes());
    DCHECK((offset - first) % object_bytes == 0);
    *static_cast<std::uint16_t*>(object) = free_head;
    Poison(object, object_bytes);
    free_head = static_cast<std::uint16_t>(offset / kOffsetUnit);
    --live;
  }
};

SlabArena::~SlabArena() {
  const MutexLock hold(mu_);
  for (Chunk* list : {small_.roomy, small_.full, blocks_.roomy, blocks_.full}) {
    while (list != nullptr) {
      Chunk* next = list->next;
      Unpoison(list->base, kChunkBytes);
      RemoveRoot(list->base, kChunkBytes);
      (void)munmap(list->base, kChunkBytes);
      FreeRaw(list);
      list = next;
    }
  }
}

std::size_t SlabArena::AllocatedSize(std::size_t bytes) {
  if (bytes > kSlabBlockMax) return AllocatedBytes(bytes);
  return ObjectBytesOf(ClassOf(bytes));
}

SlabArena::Slab* SlabArena::SlabOf(const void* object, std::size_t bytes) {
  const std::size_t slab_bytes = bytes <= kSlabObjectMax ? kSlabBytes : kBlockSlabBytes;
  return reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(object) & ~(slab_bytes - 1));
}

void* SlabArena::Allocate(std::size_t bytes) {
  DCHECK(bytes > 0);
  if (bytes > kSlabBlockMax) return AllocateLarge(bytes);
  const std::size_t class_index = ClassOf(bytes);
  const MutexLock hold(mu_);
  Class& cls = classes_[class_index];
  if (cls.current == nullptr || cls.current->full()) [[unlikely]] {
    cls.current = NextSlab(class_index);
  }
  Slab& slab = *cls.current;
  ++cls.objects;
  small_bytes_.Add(slab.object_bytes);
  if (bytes <= kSlabObjectMax) return slab.Pop();
  const std::size_t touched = slab.touched();
  void* block = slab.Pop();
  reserved_bytes_.Add(static_cast<std::int64_t>(slab.touched() - touched));
  return block;
}

void SlabArena::Free(void* object, std::size_t bytes) {
  if (bytes > kSlabBlockMax) return FreeLarge(object, bytes);
  const std::size_t class_index = ClassOf(bytes);
  const MutexLock hold(mu_);
  Class& cls = classes_[class_index];
  Slab& slab = *SlabOf(object, bytes);
  DCHECK(slab.object_bytes == AllocatedSize(bytes));
  const bool in_bin = &slab != cls.current && !slab.full();
  const std::size_t bin_before = slab.bin();
  slab.Push(object);
  --cls.objects;
  small_bytes_.Add(-static_cast<std::int64_t>(slab.object_bytes));
  if (slab.live != 0 && (&slab == cls.current || (in_bin && slab.bin() == bin_before))) return;
  if (in_bin) Unlink(cls.bins[bin_before], slab);
  if (slab.live == 0) {
    RetireSlab(slab, class_index);
  } else {
    Link(cls.bins[slab.bin()], slab);
  }
}

bool SlabArena::IsSparse(const void* object, std::size_t bytes) const {
  if (bytes > kSlabBlockMax) return false;
  const MutexLock hold(mu_);
  const Class& cls = classes_[ClassOf(bytes)];
  const Slab& slab = *SlabOf(object, bytes);
  if (&slab == cls.current) return false;
  const std::uint64_t room_elsewhere =
      std::uint64_t{cls.slabs - 1} * slab.capacity - (cls.objects - slab.live);
  return std::uint64_t{slab.live} * cls.slabs < cls.objects && room_elsewhere >= slab.live;
}

void* SlabArena::AllocateLarge(std::size_t bytes) {
  large_bytes_.Add(static_cast<std::int64_t>(AllocatedBytes(bytes)));
  return AllocateRaw(bytes);
}

void SlabArena::FreeLarge(void* object, std::size_t bytes) {
  large_bytes_.Add(-static_cast<std::int64_t>(AllocatedBytes(bytes)));
  FreeRaw(object);
}

// The slab to allocate from next: the fullest that has room, out of its bin, or an empty one.
SlabArena::Slab* SlabArena::NextSlab(std::size_t class_index) {
  Class& cls = classes_[class_index];
  for (std::size_t bin = kBins; bin-- > 0;) {
    if (cls.bins[bin] == nullptr) continue;
    Slab* slab = cls.bins[bin];
    Unlink(cls.bins[bin], *slab);
    return slab;
  }
  ++cls.slabs;
  return NewSlab(class_index);
}

SlabArena::Slab* SlabArena::NewSlab(std::size_t class_index) {
  Source& source = SourceOf(class_index);
  Chunk* chunk = nullptr;
  void* memory = PagesOfNewSlab(source, &chunk);
  const std::size_t object_bytes = ObjectBytesOf(class_index);
  const bool is_small = object_bytes <= kSlabObjectMax;
  const std::size_t header_bytes = is_small ? sizeof(Slab) : kCacheLineBytes;
  static_assert(sizeof(Slab) <= kCacheLineBytes);
  const std::size_t capacity = (source.slab_bytes - header_bytes) / object_bytes;
  const std::size_t first = is_small ? kSlabBytes - capacity * object_bytes : header_bytes;
  auto* slab = new (memory) Slab{
      .next = nullptr,
      .previous = nullptr,
      .chunk = chunk,
      .bin_scale = static_cast<std::uint32_t>((kBins << 16) / capacity),
      .object_bytes = static_cast<std::uint16_t>(object_bytes),
      .capacity = static_cast<std::uint16_t>(capacity),
      .live = 0,
      .fresh = 0,
      .free_head = 0,
      .first = static_cast<std::uint16_t>(first),
  };
  reserved_bytes_.Add(static_cast<std::int64_t>(slab->touched()));
  Poison(slab->bytes() + first, source.slab_bytes - first);
  return slab;
}

// An empty slab leaves its class; it is in no bin.
void SlabArena::RetireSlab(Slab& slab, std::size_t class_index) {
  Class& cls = classes_[class_index];
  Source& source = SourceOf(class_index);
  if (cls.current == &slab) cls.current = nullptr;
  --cls.slabs;
  if (source.spare_count < source.spare_max) {
    Link(source.spare, slab);
    ++source.spare_count;
  } else {
    ReturnPages(source, slab);
  }
}

// A spare slab counts as reserved by what it was before.
void* SlabArena::PagesOfNewSlab(Source& source, Chunk** chunk) {
  if (source.spare != nullptr) {
    Slab* slab = source.spare;
    Unlink(source.spare, *slab);
    --source.spare_count;
    reserved_bytes_.Add(-static_cast<std::int64_t>(slab->touched()));
    *chunk = slab->chunk;
    return slab;
  }
  if (source.roomy == nullptr) MapChunk(source);
  Chunk& from = *source.roomy;
  const auto place = static_cast<std::size_t>(std::countr_zero(from.free));
  from.free &= from.free - 1;
  if (from.free == 0) {
    Unlink(source.roomy, from);
    Link(source.full, from);
  }
  *chunk = &from;
  return from.base + place * source.slab_bytes;
}

void SlabArena::ReturnPages(Source& source, Slab& slab) {
  Chunk& chunk = *slab.chunk;
  const auto place = static_cast<std::size_t>(slab.bytes() - chunk.base) / source.slab_bytes;
  reserved_bytes_.Add(-static_cast<std::int64_t>(slab.touched()));
  if (chunk.free == 0) {
    Unlink(source.full, chunk);
    Link(source.roomy, chunk);
  }
  chunk.free |= std::uint64_t{1} << place;
  Unpoison(slab.bytes(), source.slab_bytes);
  if (chunk.free != AllFree(source.slab_bytes) || !UnmapChunk(source, chunk)) {
    // Fails for locked memory only, which then stays resident: all the same to us.
    (void)madvise(slab.bytes(), source.slab_bytes, MADV_DONTNEED);
  }
}

// Returns false if the kernel will not cut another hole (it limits the number of mappings); the
// chunk is then kept for later.
bool SlabArena::UnmapChunk(Source& source, Chunk& chunk) {
  RemoveRoot(chunk.base, kChunkBytes);
  if (munmap(chunk.base, kChunkBytes) != 0) {
    AddRoot(chunk.base, kChunkBytes);
    return false;
  }
  Unlink(source.roomy, chunk);
  FreeRaw(&chunk);
  return true;
}

void SlabArena::MapChunk(Source& source) {
  char* base = MapAligned(source.slab_bytes);
  AddRoot(base, kChunkBytes);
  auto* chunk = new (AllocateRaw(sizeof(Chunk)))
      Chunk{.next = nullptr, .previous = nullptr, .base = base, .free = AllFree(source.slab_bytes)};
  Link(source.roomy, *chunk);
}

}  // namespace cairn::ds
