// SPDX-License-Identifier: BSD-3-Clause
// As with the allocator, having no memory at all is the end.
#include "ds/mapped_memory.h"

#include <sys/mman.h>

#include "base/check.h"

namespace cairn::ds {

void Unmapper::operator()(char* memory) const { CHECK(::munmap(memory, bytes) == 0); }

MappedMemory MapMemory(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return {static_cast<char*>(memory), Unmapper{bytes}};
}

}  // namespace cairn::ds
