// SPDX-License-Identifier: BSD-3-Clause
// The one file that knows whether jemalloc is linked.
#include "server/memory.h"

#include <malloc.h>
#include <unistd.h>

#include <charconv>

#include "base/byte_buffer.h"
#include "io/file.h"

#ifdef CAIRN_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

namespace cairn::server {

#ifdef CAIRN_JEMALLOC

namespace {

std::int64_t Read(const char* name) {
  std::size_t value = 0;
  std::size_t size = sizeof(value);
  return ::mallctl(name, &value, &size, nullptr, 0) == 0 ? static_cast<std::int64_t>(value) : 0;
}

}  // namespace

AllocatorStatistics AllocatorStatistics::Ask() {
  std::uint64_t epoch = 1;  // statistics are refreshed by writing the epoch
  std::size_t size = sizeof(epoch);
  ::mallctl("epoch", &epoch, &size, &epoch, size);
  const std::int64_t mapped = ByteBuffer::mapped_bytes();  // which it does not know of
  return {Read("stats.allocated") + mapped, Read("stats.active") + mapped,
          Read("stats.resident") + mapped};
}

std::string AllocatorName() {
  return "jemalloc-" +
         std::string(JEMALLOC_VERSION).substr(0, std::string_view(JEMALLOC_VERSION).find('-'));
}

void PurgeAllocator() { ::mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0); }

// jemalloc's own default of ten seconds spares programs that free and allocate the same pages in
// turn. Here keys lie in slabs of our own; what comes from jemalloc is tables and large values.
void SetBackgroundPurge(bool on) {
  ssize_t decay_ms = kDecayMs;
  ::mallctl("arenas.dirty_decay_ms", nullptr, nullptr, &decay_ms, sizeof(decay_ms));
  unsigned arenas = 0;
  std::size_t size = sizeof(arenas);
  ::mallctl("arenas.narenas", &arenas, &size, nullptr, 0);
  for (unsigned i = 0; i < arenas; ++i) {
    // Fails for arenas that are not made yet, which will get the default above.
    const std::string name = "arena." + std::to_string(i) + ".dirty_decay_ms";
    ::mallctl(name.c_str(), nullptr, nullptr, &decay_ms, sizeof(decay_ms));
  }
  ::mallctl("background_thread", nullptr, nullptr, &on, sizeof(on));
}

std::string AllocatorReport() {
  std::string report;
  ::malloc_stats_print([](void* out, const char* text) { *static_cast<std::string*>(out) += text; },
                       &report, nullptr);
  return report;
}

#else

AllocatorStatistics AllocatorStatistics::Ask() {
  const struct mallinfo2 info = ::mallinfo2();
  const auto used = static_cast<std::int64_t>(info.uordblks + info.hblkhd);
  return {used, used, used};
}

std::string AllocatorName() { return "libc"; }

void PurgeAllocator() { ::malloc_trim(0); }

void SetBackgroundPurge(bool) {}

std::string AllocatorReport() { return "Stats not supported for the current allocator"; }

#endif

std::int64_t ResidentBytes() {
  const Result<std::string> statm = io::ReadFile("/proc/self/statm");
  if (!statm) return 0;
  // "size resident shared ...", in pages
  const std::size_t space = statm->find(' ');
  if (space == std::string::npos) return 0;
  std::int64_t pages = 0;
  std::from_chars(statm->data() + space + 1, statm->data() + statm->size(), pages);
  return pages * ::sysconf(_SC_PAGESIZE);
}

std::int64_t TotalSystemBytes() {
  return static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
}

}  // namespace cairn::server
