// SPDX-License-Identifier: BSD-3-Clause
// What the allocator and the kernel say of this process's memory. All figures in bytes.
#ifndef CAIRN_SERVER_MEMORY_H_
#define CAIRN_SERVER_MEMORY_H_

#include <cstdint>
#include <string>

namespace cairn::server {

struct AllocatorStatistics {
  std::int64_t allocated = 0;  // asked for and not given back
  std::int64_t active = 0;     // in pages that hold any of it
  std::int64_t resident = 0;   // in pages that the allocator holds in memory
  // From jemalloc; without it (sanitizer builds) the C library's mallinfo2 serves for all three.
  // Takes some microseconds.
  static AllocatorStatistics Ask();
};

// "jemalloc-5.3.0" or "libc".
std::string AllocatorName();
// Gives pages that hold nothing back to the kernel (MEMORY PURGE).
void PurgeAllocator();
// Whether the allocator gives back by itself, in a thread of its own and in small steps, pages that
// have held nothing for about kDecayMs. If not, threads that allocate do it by the way, and pages
// that were freed last stay until somebody does. Any thread; not before a fork.
void SetBackgroundPurge(bool on);
inline constexpr std::int64_t kDecayMs = 1000;
// The allocator's own report (MEMORY MALLOC-STATS).
std::string AllocatorReport();

// Resident set size, from /proc/self/statm. 0 if it cannot be read.
std::int64_t ResidentBytes();
// Memory of the machine.
std::int64_t TotalSystemBytes();

}  // namespace cairn::server

#endif  // CAIRN_SERVER_MEMORY_H_
