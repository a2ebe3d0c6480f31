// SPDX-License-Identifier: BSD-3-Clause
// Raw memory: what AllocatedBytes promises is there to be used, whichever allocator serves.
#include "ds/raw_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

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

}  // namespace
}  // namespace cairn::ds
