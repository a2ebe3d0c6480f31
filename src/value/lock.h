// SPDX-License-Identifier: BSD-3-Clause
// What is kept of a lock that is held: its fence and its owner, as the text of a string key. When
// it ends is the key's expiry.
//
//     lock = "L1:" fence ":" owner          the owner's bytes are any
#ifndef CAIRN_VALUE_LOCK_H_
#define CAIRN_VALUE_LOCK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cairn::value {

struct LockState {
  std::int64_t fence = 0;
  std::string_view owner;
};

// Far above any clock in microseconds, and far below where numbers end.
inline constexpr std::int64_t kFenceMax = std::int64_t{1} << 60;
inline constexpr std::size_t kLockOwnerMax = 1024;

// Nothing if the text is none. The owner is a view of it.
std::optional<LockState> ParseLock(std::string_view text);
std::string FormatLock(const LockState& lock);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_LOCK_H_
