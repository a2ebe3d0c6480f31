// SPDX-License-Identifier: BSD-3-Clause
// MappedMemory: pages from the kernel, beside the allocator. For what is large and mostly
// untouched: the allocator counts all of what it gave as resident, the kernel what was written to.
#ifndef CAIRN_DS_MAPPED_MEMORY_H_
#define CAIRN_DS_MAPPED_MEMORY_H_

#include <cstddef>
#include <memory>

namespace cairn::ds {

struct Unmapper {
  std::size_t bytes = 0;
  void operator()(char* memory) const;
};

using MappedMemory = std::unique_ptr<char[], Unmapper>;

// Zeros, at a page's boundary.
MappedMemory MapMemory(std::size_t bytes);

}  // namespace cairn::ds

#endif  // CAIRN_DS_MAPPED_MEMORY_H_
