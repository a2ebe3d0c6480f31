// SPDX-License-Identifier: BSD-3-Clause
// Strict: what is not exactly what FormatLock writes is somebody else's string.
#include "value/lock.h"

#include "base/text.h"

namespace cairn::value {
namespace {

constexpr std::string_view kPrefix = "L1:";

}  // namespace

std::optional<LockState> ParseLock(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const std::size_t colon = text.find(':');
  if (colon == text.npos) return std::nullopt;
  const std::optional<std::int64_t> fence = ParseInt64(text.substr(0, colon));
  const std::string_view owner = text.substr(colon + 1);
  if (!fence || *fence < 1 || *fence > kFenceMax) return std::nullopt;
  if (owner.empty() || owner.size() > kLockOwnerMax) return std::nullopt;
  return LockState{.fence = *fence, .owner = owner};
}

std::string FormatLock(const LockState& lock) {
  std::string text(kPrefix);
  text += Int64ToString(lock.fence);
  text += ':';
  text += lock.owner;
  return text;
}

}  // namespace cairn::value
