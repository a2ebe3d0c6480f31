// SPDX-License-Identifier: BSD-3-Clause
// Where the server's memory is: the sums behind INFO memory, MEMORY STATS and MEMORY DOCTOR.
#ifndef CAIRN_SERVER_MEMORY_FIGURES_H_
#define CAIRN_SERVER_MEMORY_FIGURES_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "server/memory.h"

namespace cairn::server {

class Server;

// Bytes, all of them. As in Redis, `used` is what maxmemory is held against: what a server takes
// before it holds anything counts too.
struct MemoryFigures {
  std::int64_t used = 0;  // keyspace, clients, functions, statistics and base
  std::int64_t peak = 0;
  std::int64_t base = 0;        // in use when the server had started
  std::int64_t clients = 0;     // buffers
  std::int64_t functions = 0;   // libraries' sources
  std::int64_t statistics = 0;  // of hot keys, big keys and prefixes
  std::int64_t scripts = 0;     // cached
  std::int64_t eval_vm = 0;     // of the workers' interpreters, all together
  std::int64_t function_vm = 0;
  std::int64_t tables = 0;  // of all databases
  std::int64_t leases = 0;  // of keys that are being loaded
  std::int64_t resident = 0;
  AllocatorStatistics allocator;

  std::int64_t overhead() const {
    return base + clients + functions + statistics + scripts + tables + leases;
  }
  // The parts are asked for one after the other: between them, others free or add.
  std::int64_t dataset() const { return std::max<std::int64_t>(0, used - overhead()); }

  // Raises the server's peak. Takes each stripe's lock in turn.
  static MemoryFigures Take(Server& server);
};

// part / whole, 0 if there is no whole.
double MemoryRatio(std::int64_t part, std::int64_t whole);

// What the figures mean and what to do about them. `keys` in all databases.
std::string MemoryDoctor(const MemoryFigures& figures, std::int64_t maxmemory, std::size_t keys);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_MEMORY_FIGURES_H_
