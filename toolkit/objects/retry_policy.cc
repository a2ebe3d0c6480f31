// SPDX-License-Identifier: BSD-3-Clause
// The jitter is a hash of the id, not a random number: who asks again gets the same pause.
#include "cairn/retry_policy.h"

#include <algorithm>

namespace cairn::cache {
namespace {

// Spreads the ids; FNV-1a.
std::uint64_t HashOf(std::string_view text, std::uint64_t hash) {
  hash ^= 0xCBF29CE484222325U;
  for (const char byte : text) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001B3U;
  }
  return hash ^ (hash >> 32);
}

}  // namespace

Millis RetryPause(const RetryPolicy& policy, std::int64_t deliveries, std::string_view id) {
  const Millis pause_max = std::clamp(policy.pause_max, Millis(0), kWaitMax);
  Millis pause = std::clamp(policy.pause_min, Millis(0), pause_max);
  for (std::int64_t i = 1; i < deliveries && Millis(0) < pause && pause < pause_max; ++i)
    pause *= 2;
  pause = std::min(pause, pause_max);
  const auto percent = std::clamp(policy.jitter_percent, 0, 100);
  const std::uint64_t part = HashOf(id, static_cast<std::uint64_t>(deliveries)) % 1024;
  return pause - pause * percent * static_cast<std::int64_t>(part) / (100 * 1024);
}

}  // namespace cairn::cache
