// SPDX-License-Identifier: BSD-3-Clause
// Slabs and the chunks they come from.
//
// Chunks are mapped from the kernel, not taken from malloc: jemalloc keeps 128 bytes of its own for
// every block of this size and colours large ones with an extra page. What is mapped and never
// touched costs nothing, so a chunk counts by its slabs.
//
// A slab's objects are laid against its end, so that those whose size divides a cache line keep to
// lines. In builds with AddressSanitizer free objects are poisoned.
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

constexpr std::size_t kSlabsPerChunk = SlabArena::kChunkBytes / SlabArena::kSlabBytes;
constexpr std::uint64_t kAllFree = ~std::uint64_t{0};
static_assert(kSlabsPerChunk == 64, "a chunk's free slabs are the bits of one word");
static_assert(std::has_single_bit(SlabArena::kSlabBytes));

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
char* MapAligned() {
  constexpr std::size_t kBytes = SlabArena::kChunkBytes;
  constexpr std::size_t kAlign = SlabArena::kSlabBytes;
  const auto map = [](std::size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return static_cast<char*>(memory);
  };
  char* memory = map(kBytes);
  if (reinterpret_cast<std::uintptr_t>(memory) % kAlign == 0) return memory;
  // Where an unmapping fails, address space is lost and nothing else.
  (void)munmap(memory, kBytes);
  memory = map(kBytes + kAlign);
  const std::size_t before = kAlign - reinterpret_cast<std::uintptr_t>(memory) % kAlign;
  (void)munmap(memory, before);
  if (before != kAlign) (void)munmap(memory + before + kBytes, kAlign - before);
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
  std::uint16_t free_head;  // offset of the first freed object, 0 if none
  std::uint16_t first;      // offset of the first object

  bool full() const { return live == capacity; }
  std::size_t bin() const { return live * std::size_t{bin_scale} >> 16; }
  char* bytes() { return reinterpret_cast<char*>(this); }

  void* Pop() {
    ++live;
    if (free_head == 0) {
      void* object = bytes() + first + std::size_t{object_bytes} * fresh++;
      Unpoison(object, object_bytes);
      return object;
    }
    void* object = bytes() + free_head;
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
    free_head = static_cast<std::uint16_t>(offset);
    --live;
  }
};

SlabArena::~SlabArena() {
  const MutexLock hold(mu_);
  for (Chunk* list : {roomy_chunks_, full_chunks_}) {
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
  if (bytes > kSlabObjectMax) return AllocatedBytes(bytes);
  return (bytes + kClassBytes - 1) / kClassBytes * kClassBytes;
}

SlabArena::Slab* SlabArena::SlabOf(const void* object) {
  return reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(object) & ~(kSlabBytes - 1));
}

void* SlabArena::Allocate(std::size_t bytes) {
  DCHECK(bytes > 0);
  if (bytes > kSlabObjectMax) return AllocateLarge(bytes);
  const std::size_t class_index = ClassOf(bytes);
  const MutexLock hold(mu_);
  Class& cls = classes_[class_index];
  if (cls.current == nullptr || cls.current->full()) [[unlikely]] {
    cls.current = NextSlab(class_index);
  }
  ++cls.objects;
  small_bytes_.Add(cls.current->object_bytes);
  return cls.current->Pop();
}

void SlabArena::Free(void* object, std::size_t bytes) {
  if (bytes > kSlabObjectMax) return FreeLarge(object, bytes);
  const MutexLock hold(mu_);
  Class& cls = classes_[ClassOf(bytes)];
  Slab& slab = *SlabOf(object);
  DCHECK(slab.object_bytes == AllocatedSize(bytes));
  const bool in_bin = &slab != cls.current && !slab.full();
  const std::size_t bin_before = slab.bin();
  slab.Push(object);
  --cls.objects;
  small_bytes_.Add(-static_cast<std::int64_t>(slab.object_bytes));
  if (slab.live != 0 && (&slab == cls.current || (in_bin && slab.bin() == bin_before))) return;
  if (in_bin) Unlink(cls.bins[bin_before], slab);
  if (slab.live == 0) {
    RetireSlab(slab, cls);
  } else {
    Link(cls.bins[slab.bin()], slab);
  }
}

bool SlabArena::IsSparse(const void* object, std::size_t bytes) const {
  if (bytes > kSlabObjectMax) return false;
  const MutexLock hold(mu_);
  const Class& cls = classes_[ClassOf(bytes)];
  const Slab& slab = *SlabOf(object);
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
  Chunk* chunk = nullptr;
  void* memory = PagesOfNewSlab(&chunk);
  const std::size_t object_bytes = (class_index + 1) * kClassBytes;
  const std::size_t capacity = (kSlabBytes - sizeof(Slab)) / object_bytes;
  const std::size_t first = kSlabBytes - capacity * object_bytes;
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
  Poison(slab->bytes() + first, kSlabBytes - first);
  return slab;
}

// An empty slab leaves its class; it is in no bin.
void SlabArena::RetireSlab(Slab& slab, Class& cls) {
  if (cls.current == &slab) cls.current = nullptr;
  --cls.slabs;
  if (spare_count_ < kSpareSlabs) {
    Link(spare_, slab);
    ++spare_count_;
  } else {
    ReturnPages(slab);
  }
}

void* SlabArena::PagesOfNewSlab(Chunk** chunk) {
  if (spare_ != nullptr) {
    Slab* slab = spare_;
    Unlink(spare_, *slab);
    --spare_count_;
    *chunk = slab->chunk;
    return slab;
  }
  if (roomy_chunks_ == nullptr) MapChunk();
  Chunk& from = *roomy_chunks_;
  const auto place = static_cast<std::size_t>(std::countr_zero(from.free));
  from.free &= from.free - 1;
  if (from.free == 0) {
    Unlink(roomy_chunks_, from);
    Link(full_chunks_, from);
  }
  reserved_bytes_.Add(static_cast<std::int64_t>(kSlabBytes));
  *chunk = &from;
  return from.base + place * kSlabBytes;
}

void SlabArena::ReturnPages(Slab& slab) {
  Chunk& chunk = *slab.chunk;
  const auto place = static_cast<std::size_t>(slab.bytes() - chunk.base) / kSlabBytes;
  reserved_bytes_.Add(-static_cast<std::int64_t>(kSlabBytes));
  if (chunk.free == 0) {
    Unlink(full_chunks_, chunk);
    Link(roomy_chunks_, chunk);
  }
  chunk.free |= std::uint64_t{1} << place;
  Unpoison(slab.bytes(), kSlabBytes);
  if (chunk.free != kAllFree || !UnmapChunk(chunk)) {
    // Fails for locked memory only, which then stays resident: all the same to us.
    (void)madvise(slab.bytes(), kSlabBytes, MADV_DONTNEED);
  }
}

// Returns false if the kernel will not cut another hole (it limits the number of mappings); the
// chunk is then kept for later.
bool SlabArena::UnmapChunk(Chunk& chunk) {
  RemoveRoot(chunk.base, kChunkBytes);
  if (munmap(chunk.base, kChunkBytes) != 0) {
    AddRoot(chunk.base, kChunkBytes);
    return false;
  }
  Unlink(roomy_chunks_, chunk);
  FreeRaw(&chunk);
  return true;
}

void SlabArena::MapChunk() {
  char* base = MapAligned();
  AddRoot(base, kChunkBytes);
  auto* chunk = new (AllocateRaw(sizeof(Chunk)))
      Chunk{.next = nullptr, .previous = nullptr, .base = base, .free = kAllFree};
  Link(roomy_chunks_, *chunk);
}

}  // namespace cairn::ds
