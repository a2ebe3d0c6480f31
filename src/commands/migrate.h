// SPDX-License-Identifier: BSD-3-Clause
// The limits of MIGRATE, and how much it sends under one hold.
#ifndef CAIRN_COMMANDS_MIGRATE_H_
#define CAIRN_COMMANDS_MIGRATE_H_

#include <cstddef>
#include <cstdint>

#include "base/ids.h"

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

// For how many timeouts, in all, stripes are held for a target that lets each single wait end in
// time. A timeout is the longest silence, not the time for all (as with Redis, which bounds nothing
// else), so a target that is slow must not be refused for it: that is what MigratePace is for.
inline constexpr std::int64_t kMigrateHoldTimeoutsMax = 4;
// Redis gives a target a timeout for each so many bytes.
inline constexpr std::size_t kMigrateChunkBytes = 64 * 1024;

// MigratePace: how much goes to a target under one hold.
//
// Little at first, and twice as much after each hold that took half of a timeout at most; half as
// much after one that took longer. So whoever is served by Redis, one answer a timeout or a chunk a
// timeout, and goes on at its pace, needs no more than about a timeout a hold, and only who falls
// far behind the pace it has shown meets kMigrateHoldTimeoutsMax. A near target has the whole of
// kMigrateKeysMax after five holds, each a round trip.
class MigratePace {
 public:
  explicit MigratePace(int timeout_ms) : timeout_us_(std::int64_t{timeout_ms} * 1000) {}

  // At most so many keys; and none more once there are so many bytes.
  std::size_t keys() const { return keys_; }
  std::size_t bytes() const { return bytes_; }
  // How long a hold may last whose requests have `sent` bytes. Beyond bytes() lies what the last
  // key has of them: chunks of its own.
  MonotonicUs HoldUs(std::size_t sent) const;
  void Note(MonotonicUs took_us);

 private:
  static constexpr std::size_t kKeysFirst = 2;

  const std::int64_t timeout_us_;
  std::size_t keys_ = kKeysFirst;
  std::size_t bytes_ = kMigrateChunkBytes;
};

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_MIGRATE_H_
