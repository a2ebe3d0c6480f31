// SPDX-License-Identifier: BSD-3-Clause
// The allocator's door for this folder.
#include "ds/raw_memory.h"

#include <cstdlib>

#include "base/check.h"

namespace cairn::ds {

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
