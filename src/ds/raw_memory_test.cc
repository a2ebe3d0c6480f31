// SPDX-License-Identifier: BSD-3-Clause
// Raw memory: what AllocatedBytes promises is there to be used, whichever allocator serves.
#include "ds/raw_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

extern "C" __attribute__((weak)) std::size_t nallocx(std::size_t bytes, int flags);

namespace cairn::ds {
namespace {

// Entries grow in place into the rest of their block; where the allocator had given less, they
// wrote over their neighbour. AddressSanitizer says so here.
TEST(RawMemory, EveryByteCountedMayBeWritten) {
  for (std::size_t bytes = 1; bytes < 5000; ++bytes) {
    const std::size_t allocated = AllocatedBytes(bytes);
    ASSERT_GE(allocated, bytes);
    void* memory = AllocateRaw(bytes);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 8, 0u) << bytes;
    std::memset(memory, 0x5a, allocated);
    FreeRaw(memory);
  }
}

TEST(RawMemory, TheClassesAreTheAllocators) {
  if (nallocx == nullptr) GTEST_SKIP() << "without jemalloc there is nobody to ask";
  for (std::size_t bytes = 1; bytes <= std::size_t{1} << 18; ++bytes)
    ASSERT_EQ(AllocatedBytes(bytes), nallocx(bytes, 0)) << bytes;
  for (std::size_t power = 18; power < 40; ++power) {
    const std::size_t whole = std::size_t{1} << power;
    for (const std::size_t bytes : {whole - 1, whole, whole + 1, whole + whole / 4, 2 * whole - 1})
      ASSERT_EQ(AllocatedBytes(bytes), nallocx(bytes, 0)) << bytes;
  }
}

}  // namespace
}  // namespace cairn::ds
