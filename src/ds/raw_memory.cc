// SPDX-License-Identifier: BSD-3-Clause
// The allocator's door for this folder.
#include "ds/raw_memory.h"

#include <cstdlib>

#include "base/check.h"

// jemalloc's size query; absent (null) where the process runs on another allocator.
extern "C" __attribute__((weak)) std::size_t nallocx(std::size_t bytes, int flags);

namespace cairn::ds {

std::size_t AllocatedBytes(std::size_t bytes) {
  DCHECK(bytes > 0);
  if (nallocx != nullptr) return nallocx(bytes, 0);
  return (bytes + 15) / 16 * 16;
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
  // Callers may use what AllocatedBytes promises: jemalloc's classes hold it anyhow, other
  // allocators must be asked for it.
  void* memory = std::malloc(nallocx != nullptr ? bytes : AllocatedBytes(bytes));
  CHECK(memory != nullptr);
  return memory;
}

void* ReallocateRaw(void* memory, std::size_t bytes) {
  DCHECK(bytes > 0);
  void* moved = std::realloc(memory, bytes);
  CHECK(moved != nullptr);
  return moved;
}

void FreeRaw(void* memory) { std::free(memory); }

}  // namespace cairn::ds
