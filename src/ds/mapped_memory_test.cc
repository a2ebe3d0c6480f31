// SPDX-License-Identifier: BSD-3-Clause
// Pages are zeros, aligned, and stay with who has them last.
#include "ds/mapped_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

namespace cairn::ds {
namespace {

TEST(MappedMemory, IsZerosThatCanBeWritten) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4096}, std::size_t{1} << 24}) {
    MappedMemory memory = MapMemory(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % 4096, 0U);
    EXPECT_EQ(memory[0] + memory[bytes - 1], 0);
    memory[0] = memory[bytes - 1] = 'x';
    const MappedMemory moved = std::move(memory);
    EXPECT_EQ(moved[bytes - 1], 'x');
    EXPECT_EQ(moved.get_deleter().bytes, bytes);
  }
}

}  // namespace
}  // namespace cairn::ds
