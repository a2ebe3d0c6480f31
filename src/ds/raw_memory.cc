// SPDX-License-Identifier: BSD-3-Clause
// The allocator's door for this folder.
#include "ds/raw_memory.h"

#include <bit>
#include <cstdlib>

#include "base/check.h"

// jemalloc's size query; absent (null) where the process runs on another allocator.
extern "C" __attribute__((weak)) std::size_t nallocx(std::size_t bytes, int flags);

namespace cairn::ds {

// jemalloc's classes, as nallocx tells them, which takes ten times as long: a write asks eight
// times. They are 8, then sixteen apart up to 128, then four to a doubling.
std::size_t AllocatedBytes(std::size_t bytes) {
  DCHECK(bytes > 0);
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

void* AllocateLines(std::size_t bytes) {
  DCHECK(bytes > 0);
  DCHECK(bytes % kCacheLineBytes == 0);
  void* memory = std::aligned_alloc(kCacheLineBytes, bytes);
  CHECK(memory != nullptr);
  return memory;
}

void* AllocateRaw(std::size_t bytes) {
  DCHECK(bytes > 0);
  // Callers may use what AllocatedBytes promises, so it is asked for: no allocator with other
  // classes gives less.
  void* memory = std::malloc(AllocatedBytes(bytes));
  CHECK(memory != nullptr);
  return memory;
}

void* ReallocateRaw(void* memory, std::size_t bytes) {
  DCHECK(bytes > 0);
  void* moved = std::realloc(memory, AllocatedBytes(bytes));
  CHECK(moved != nullptr);
  return moved;
}

void FreeRaw(void* memory) {
  if (memory != nullptr) std::free(memory);  // a list that was moved from is null, often
}

}  // namespace cairn::ds
