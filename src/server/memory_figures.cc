// SPDX-License-Identifier: BSD-3-Clause
// Taking the figures and judging them. MEMORY DOCTOR's borders are the constants here: each names a
// state that an operator can do something about, and below kTooLittleToJudge nothing is judged.
#include "server/memory_figures.h"

#include <fmt/format.h>

#include "server/server.h"

namespace cairn::server {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;
// Below this, ratios say more about the process than about the data.
constexpr std::int64_t kTooLittleToJudge = 5 * kMiB;
constexpr std::int64_t kLostBytesMin = 10 * kMiB;
constexpr double kFragmentationHigh = 1.4;
constexpr double kPeakHigh = 1.5;
constexpr double kNearLimit = 0.9;

}  // namespace

MemoryFigures MemoryFigures::Take(Server& server) {
  MemoryFigures figures;
  keyspace::Keyspace& keyspace = server.engine().keyspace();
  keyspace.FoldUsedBytes();
  figures.used = server.UsedMemory();
  figures.peak = server.NotePeakMemory(figures.used);
  figures.base = server.base_bytes();
  figures.clients = server.ClientsMemory();
  figures.statistics = server.StatisticsMemory();
  figures.functions = server.persistence().libraries().memory_bytes();
  scripting::Scripts& scripts = server.engine().scripts();
  figures.scripts = static_cast<std::int64_t>(scripts.cache().memory_bytes());
  figures.eval_vm = scripts.eval_vm_bytes().value();
  figures.function_vm = scripts.function_vm_bytes().value();
  figures.tables = static_cast<std::int64_t>(keyspace.TableBytes());
  figures.leases = keyspace.leases().memory_bytes();
  figures.resident = ResidentBytes();
  figures.allocator = AllocatorStatistics::Ask();
  // The arenas' slabs are mapped from the kernel, beside the allocator.
  figures.allocator.allocated += keyspace.arena_small_bytes();
  figures.allocator.active += keyspace.arena_reserved_bytes();
  figures.allocator.resident += keyspace.arena_reserved_bytes();
  return figures;
}

double MemoryRatio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string MemoryDoctor(const MemoryFigures& figures, std::int64_t maxmemory, std::size_t keys) {
  if (keys == 0 || figures.used - figures.base < kTooLittleToJudge)
    return "There is too little data here to tell a problem from the process itself. Come back "
           "with more of it.\n";
  std::string report;
  if (maxmemory > 0 && MemoryRatio(figures.used, maxmemory) > kNearLimit) {
    report += fmt::format(
        "- Near the limit: {} of {} bytes (maxmemory) are in use. Soon keys are evicted, or writes "
        "refused, as maxmemory-policy says.\n",
        figures.used, maxmemory);
  }
  if (MemoryRatio(figures.peak, figures.used) > kPeakHigh) {
    report += fmt::format(
        "- Past peak: {} bytes were in use once, {} are now. What the peak took from the system "
        "may not all be back; MEMORY PURGE gives back what is free.\n",
        figures.peak, figures.used);
  }
  if (figures.allocator.active - figures.allocator.allocated > kLostBytesMin &&
      MemoryRatio(figures.allocator.active, figures.allocator.allocated) > kFragmentationHigh) {
    report += fmt::format(
        "- Fragmented: the allocator keeps {} bytes of pages for {} bytes that are in use. Values "
        "of very different sizes that come and go do this.\n",
        figures.allocator.active, figures.allocator.allocated);
  }
  if (figures.clients > figures.dataset()) {
    report += fmt::format(
        "- Large client buffers: they hold {} bytes, more than the data. See CLIENT LIST (tot-mem) "
        "for whose they are, and client-output-buffer-limit.\n",
        figures.clients);
  }
  if (report.empty()) return "Nothing about this server's memory looks wrong.\n";
  return "What looks wrong about this server's memory:\n\n" + report;
}

}  // namespace cairn::server
