// SPDX-License-Identifier: BSD-3-Clause
// The allocator as the containers of this folder see it: cache-line aligned blocks, and how large a
// block really is.
//
// Memory figures must be those of the allocator, not of the request. Under
// jemalloc that is nallocx; it is bound weakly, so that sanitizer builds, which run without
// jemalloc, link as well and count requests rounded to 16 bytes. Thread safety: as malloc's.
#ifndef CAIRN_DS_RAW_MEMORY_H_
#define CAIRN_DS_RAW_MEMORY_H_

#include <bit>
#include <cstddef>

// jemalloc's size query; absent (null) where the process runs on another allocator.
extern "C" __attribute__((weak)) std::size_t nallocx(std::size_t bytes, int flags);

namespace cairn::ds {

inline constexpr std::size_t kCacheLineBytes = 64;

// What the allocator sets aside for a request of `bytes`; all of it may be used. REQUIRES: bytes >
// 0.
//
// jemalloc's classes, as nallocx tells them, which takes ten times as long: a write asks eight
// times. They are 8, then sixteen apart up to 128, then four to a doubling.
inline std::size_t AllocatedBytes(std::size_t bytes) {
  constexpr std::size_t kTiny = 8;
  constexpr std::size_t kQuantum = 16;
  constexpr std::size_t kEvenlySpacedMax = 128;
  const bool jemalloc = nallocx != nullptr;
  if (jemalloc && bytes <= kTiny) return kTiny;
  std::size_t step = kQuantum;
  if (jemalloc && bytes > kEvenlySpacedMax)
    step = std::size_t{1} << (std::bit_width(bytes - 1) - 3);
  return (bytes + step - 1) & ~(step - 1);
}

// `bytes` of uninitialised memory that begins a cache line. Never null: a store that cannot get
// memory for its own tables stops. REQUIRES: bytes is a positive multiple of kCacheLineBytes.
void* AllocateLines(std::size_t bytes);

// Plain memory, 16-byte aligned, never null. REQUIRES: bytes > 0.
void* AllocateRaw(std::size_t bytes);

// The block of AllocateRaw (or null) at another size, perhaps elsewhere, with its first bytes kept.
// REQUIRES: bytes > 0.
void* ReallocateRaw(void* memory, std::size_t bytes);

// Gives back what any of them returned; null is fine.
void FreeRaw(void* memory);

}  // namespace cairn::ds

#endif  // CAIRN_DS_RAW_MEMORY_H_
