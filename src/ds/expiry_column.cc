// SPDX-License-Identifier: BSD-3-Clause
// The coding of times in a column.
//
// A time is split as  time - epoch = top * 2^40 + near  with 0 <= near < 2^40. Without a top block
// every top is 0, and the one near value that means "no time" cannot be a time; with it, the top
// says whether there is one.
#include "ds/expiry_column.h"

#include <cstring>
#include <limits>

#include "base/check.h"
#include "ds/raw_memory.h"

namespace cairn::ds {
namespace {

constexpr int kNearBits = 40;
constexpr std::uint64_t kNoTimeNear = (std::uint64_t{1} << kNearBits) - 1;
constexpr std::int32_t kNoTimeTop = std::numeric_limits<std::int32_t>::min();
constexpr std::size_t kTimesBytesPerSlot = sizeof(std::uint32_t) + sizeof(std::uint8_t);

struct SplitTime {
  std::int32_t top;
  std::uint64_t near;
};

// 128 bits, because a time near INT64_MIN lies further from the epoch than 64 bits can say.
SplitTime Split(UnixMs at) {
  const __int128 since = static_cast<__int128>(at) - kExpiryEpochMs;
  return {static_cast<std::int32_t>(since >> kNearBits),
          static_cast<std::uint64_t>(since) & kNoTimeNear};
}

UnixMs Join(SplitTime time) {
  return static_cast<UnixMs>(static_cast<__int128>(time.top) * (__int128{1} << kNearBits) +
                             time.near + kExpiryEpochMs);
}

const std::uint8_t* HighBytes(const std::uint32_t* times, std::uint32_t slots) {
  return reinterpret_cast<const std::uint8_t*>(times + slots);
}

}  // namespace

std::uint64_t ExpiryColumn::Near(std::uint32_t slots, std::uint32_t slot) const {
  return static_cast<std::uint64_t>(HighBytes(times_, slots)[slot]) << 32 | times_[slot];
}

void ExpiryColumn::SetNear(std::uint32_t slots, std::uint32_t slot, std::uint64_t near) {
  times_[slot] = static_cast<std::uint32_t>(near);
  reinterpret_cast<std::uint8_t*>(times_ + slots)[slot] = static_cast<std::uint8_t>(near >> 32);
}

bool ExpiryColumn::HasTime(std::uint32_t slots, std::uint32_t slot) const {
  if (top_ != nullptr) return top_[slot] != kNoTimeTop;
  return Near(slots, slot) != kNoTimeNear;
}

UnixMs ExpiryColumn::Get(std::uint32_t slots, std::uint32_t slot) const {
  DCHECK(slot < slots);
  if (times_ == nullptr) return kNever;
  if (!HasTime(slots, slot)) return kNever;
  const std::uint64_t near = Near(slots, slot);
  if (top_ == nullptr) return static_cast<UnixMs>(near) + kExpiryEpochMs;
  return Join({top_[slot], near});
}

bool ExpiryColumn::Set(std::uint32_t slots, std::uint32_t slot, UnixMs at) {
  DCHECK(slot < slots);
  DCHECK(at != kNever);
  const SplitTime time = Split(at);
  if (times_ == nullptr) AllocateTimes(slots);
  const bool needs_top = time.top != 0 || time.near == kNoTimeNear;
  if (needs_top && top_ == nullptr) AllocateTop(slots);
  const bool was_free = !HasTime(slots, slot);
  SetNear(slots, slot, time.near);
  if (top_ != nullptr) top_[slot] = time.top;
  return was_free;
}

bool ExpiryColumn::Clear(std::uint32_t slots, std::uint32_t slot) {
  DCHECK(slot < slots);
  if (times_ == nullptr || !HasTime(slots, slot)) return false;
  SetNear(slots, slot, kNoTimeNear);
  if (top_ != nullptr) top_[slot] = kNoTimeTop;
  return true;
}

std::uint32_t ExpiryColumn::NextTimed(std::uint32_t slots, std::uint32_t from) const {
  if (times_ == nullptr) return slots;
  std::uint32_t slot = from;
  while (slot < slots && !HasTime(slots, slot)) ++slot;
  return slot;
}

std::uint32_t ExpiryColumn::NextExpired(std::uint32_t slots, std::uint32_t from, UnixMs now) const {
  if (times_ == nullptr) return slots;
  std::uint32_t slot = from;
  if (top_ != nullptr) {
    while (slot < slots && (top_[slot] == kNoTimeTop || Get(slots, slot) > now)) ++slot;
    return slot;
  }
  if (now < kExpiryEpochMs) return slots;
  const std::uint64_t now_near = static_cast<std::uint64_t>(now - kExpiryEpochMs);
  // From 2054 on "no time" would compare as past, so the limit stays just below it.
  const std::uint64_t limit = now_near < kNoTimeNear ? now_near : kNoTimeNear - 1;
  while (slot < slots && Near(slots, slot) > limit) ++slot;
  return slot;
}

UnixMs ExpiryColumn::Earliest(std::uint32_t slots) const {
  if (times_ == nullptr) return kNever;
  if (top_ != nullptr) {
    UnixMs earliest = kNever;
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
      const UnixMs at = Get(slots, slot);
      if (at < earliest) earliest = at;
    }
    return earliest;
  }
  std::uint64_t nearest = kNoTimeNear;
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    const std::uint64_t near = Near(slots, slot);
    if (near < nearest) nearest = near;
  }
  return nearest == kNoTimeNear ? kNever : static_cast<UnixMs>(nearest) + kExpiryEpochMs;
}

void ExpiryColumn::AllocateTimes(std::uint32_t slots) {
  const std::size_t bytes = kTimesBytesPerSlot * slots;
  times_ = static_cast<std::uint32_t*>(AllocateRaw(bytes));
  std::memset(times_, 0xff, bytes);
}

void ExpiryColumn::AllocateTop(std::uint32_t slots) {
  auto* top = static_cast<std::int32_t*>(AllocateRaw(sizeof(std::int32_t) * slots));
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    top[slot] = HasTime(slots, slot) ? 0 : kNoTimeTop;
  }
  top_ = top;
}

void ExpiryColumn::Release() {
  FreeRaw(times_);
  FreeRaw(top_);
  times_ = nullptr;
  top_ = nullptr;
}

std::size_t ExpiryColumn::MemoryBytes(std::uint32_t slots) const {
  std::size_t bytes = 0;
  if (times_ != nullptr) bytes += AllocatedBytes(kTimesBytesPerSlot * slots);
  if (top_ != nullptr) bytes += AllocatedBytes(sizeof(std::int32_t) * slots);
  return bytes;
}

}  // namespace cairn::ds
