// SPDX-License-Identifier: BSD-3-Clause
// The limits of MIGRATE.
#ifndef CAIRN_COMMANDS_MIGRATE_H_
#define CAIRN_COMMANDS_MIGRATE_H_

#include <cstddef>
#include <cstdint>

namespace cairn::commands {

// Keys that are sent, answered and removed under one hold of their stripes: at most so many, and no
// further one once the requests have so many bytes.
inline constexpr std::size_t kMigrateKeysMax = 64;
inline constexpr std::size_t kMigrateBytesMax = 1024 * 1024;

// Milliseconds: of any one wait for the target. Zero and less stand for the default, as in Redis;
// stripes are held meanwhile, so more than the maximum is taken as that.
inline constexpr std::int64_t kMigrateTimeoutMsDefault = 1000;
inline constexpr std::int64_t kMigrateTimeoutMsMax = 600'000;
int MigrateTimeoutMs(std::int64_t asked_ms);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_MIGRATE_H_
