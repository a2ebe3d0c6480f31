// SPDX-License-Identifier: BSD-3-Clause
// The 24 access bits of an entry, read and made as Redis does.
//
// Under an LFU policy: 16 bits of minutes (when the counter last decayed) and an 8-bit logarithmic
// counter that starts at 5 and is raised with probability 1 / ((counter - 5) * lfu-log-factor + 1).
// Under *-s3fifo: see s3fifo.h. Under every other policy: the second of the last access, modulo
// 2^24 (194 days).
#ifndef CAIRN_KEYSPACE_ACCESS_H_
#define CAIRN_KEYSPACE_ACCESS_H_

#include <cstdint>

#include "base/ids.h"
#include "base/random.h"
#include "keyspace/tunables.h"

namespace cairn::keyspace {

inline constexpr std::uint8_t kLfuInitial = 5;

inline std::uint32_t LruAccess(UnixMs now_ms) {
  return static_cast<std::uint32_t>(now_ms / 1000) & 0xFFFFFF;
}
inline std::uint32_t LfuAccess(UnixMs now_ms, std::uint8_t counter) {
  return (static_cast<std::uint32_t>(now_ms / 60'000) & 0xFFFF) << 8 | counter;
}

// Seconds since the access that an LRU field records.
inline std::int64_t IdleSeconds(std::uint32_t access, UnixMs now_ms) {
  return (LruAccess(now_ms) - access) & 0xFFFFFF;
}

// The LRU field of what was used so many seconds ago. What is longer ago than the clock goes back
// is as far from now as Redis makes it: half way round.
inline std::uint32_t AccessOfIdle(UnixMs now_ms, std::int64_t idle_seconds) {
  constexpr std::int64_t kClockMax = 0xFFFFFF;
  const std::int64_t clock = LruAccess(now_ms);
  const std::int64_t then = clock - idle_seconds;
  return static_cast<std::uint32_t>(then >= 0 ? then : (clock + kClockMax / 2) % kClockMax);
}

// The LFU counter, lowered by one for every `decay_minutes` gone by; 0 means that it never decays.
inline std::uint8_t DecayedFrequency(std::uint32_t access, UnixMs now_ms, int decay_minutes) {
  const std::uint32_t elapsed =
      (static_cast<std::uint32_t>(now_ms / 60'000) - (access >> 8)) & 0xFFFF;
  const std::uint32_t periods =
      decay_minutes > 0 ? elapsed / static_cast<std::uint32_t>(decay_minutes) : 0;
  const std::uint32_t counter = access & 0xFF;
  return static_cast<std::uint8_t>(periods >= counter ? 0 : counter - periods);
}

// The LFU field after one more access.
inline std::uint32_t NextLfuAccess(std::uint32_t access, UnixMs now_ms, const Tunables& tunables,
                                   Random& random) {
  std::uint8_t counter =
      DecayedFrequency(access, now_ms, tunables.lfu_decay_minutes.load(std::memory_order_relaxed));
  if (counter < 255) {
    const double base = counter > kLfuInitial ? counter - kLfuInitial : 0;
    const double factor = tunables.lfu_log_factor.load(std::memory_order_relaxed);
    if (random.NextDouble() < 1.0 / (base * factor + 1)) ++counter;
  }
  return LfuAccess(now_ms, counter);
}

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_ACCESS_H_
