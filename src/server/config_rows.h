// SPDX-License-Identifier: BSD-3-Clause
// All rows of the configuration as one table, and directives found in it at compile time.
//
// The rows of Redis 7.2's configuration and our own additions (cairn-*), gathered area by area. The
// position of a row here is its ConfigId.
#ifndef CAIRN_SERVER_CONFIG_ROWS_H_
#define CAIRN_SERVER_CONFIG_ROWS_H_

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "server/config_row.h"
#include "server/config_rows_memory.h"
#include "server/config_rows_network.h"
#include "server/config_rows_process.h"
#include "server/config_rows_storage.h"

namespace cairn::server {

struct ConfigArea {
  std::string_view title;
  std::span<const ConfigRow> rows;
};

inline constexpr ConfigArea kConfigAreas[] = {
    {"Network, clients, workers", rows::kNetworkRows},
    {"TLS", rows::kTlsRows},
    {"Memory", rows::kMemoryRows},
    {"Encodings", rows::kEncodingRows},
    {"Files", rows::kPersistenceRows},
    {"Replication", rows::kReplicationRows},
    {"Cluster", rows::kClusterRows},
    {"Process and log", rows::kProcessRows},
    {"Observation", rows::kObservationRows},
};

constexpr std::size_t CountConfigRows() {
  std::size_t count = 0;
  for (const ConfigArea& area : kConfigAreas) count += area.rows.size();
  return count;
}

inline constexpr std::size_t kConfigRowCount = CountConfigRows();

constexpr std::array<ConfigRow, kConfigRowCount> GatherConfigRows() {
  std::array<ConfigRow, kConfigRowCount> all{};
  std::size_t next = 0;
  for (const ConfigArea& area : kConfigAreas) {
    for (const ConfigRow& row : area.rows) all[next++] = row;
  }
  return all;
}

inline constexpr std::array<ConfigRow, kConfigRowCount> kConfigRows = GatherConfigRows();

// Position of the row with this name (not alias), kConfigRowCount if there is none.
constexpr std::size_t ConfigRowPosition(std::string_view name) {
  for (std::size_t i = 0; i < kConfigRowCount; ++i) {
    if (kConfigRows[i].name == name) return i;
  }
  return kConfigRowCount;
}

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CONFIG_ROWS_H_
