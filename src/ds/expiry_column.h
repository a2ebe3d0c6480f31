// SPDX-License-Identifier: BSD-3-Clause
// ExpiryColumn: when the entry in each slot of one segment expires.
//
// Most tables hold few or no times, and most times are near, so a column costs nothing until its
// segment has a time, and 5 bytes a slot from then on: milliseconds since kExpiryEpochMs in 40 bits
// (2020 to 2054), low words and high bytes in two arrays of one block. A time outside that range
// (EXPIREAT accepts any 64-bit millisecond) adds a second block with bits 40 and up of every slot.
//
//     times_  | low 32 bits: u32 x slots | high 8 bits: u8 x slots |      all ones = no time
//     top_    | bits 40.. of (time - epoch): i32 x slots |                kNoTime  = no time
//
// Times are exact. A column belongs to a Segment and is guarded by what guards that; it does not
// know how many slots there are, so every call says it (the same number for a column's life).
// Get, Set and Clear are constant, except for the Set that allocates; the rest is linear.
#ifndef CAIRN_DS_EXPIRY_COLUMN_H_
#define CAIRN_DS_EXPIRY_COLUMN_H_

#include <cstddef>
#include <cstdint>

#include "base/ids.h"

namespace cairn::ds {

inline constexpr UnixMs kExpiryEpochMs = 1577836800000;  // 2020-01-01 00:00:00 UTC

// Trivially destructible, since it lives in raw memory: its owner calls Release.
class ExpiryColumn {
 public:
  bool allocated() const { return times_ != nullptr; }
  // Changes when MemoryBytes does.
  int block_count() const { return (times_ != nullptr) + (top_ != nullptr); }

  // kNever if the slot has no time.
  UnixMs Get(std::uint32_t slots, std::uint32_t slot) const;
  // Returns true if the slot had no time before. REQUIRES: at != kNever.
  bool Set(std::uint32_t slots, std::uint32_t slot, UnixMs at);
  // Returns true if the slot had a time.
  bool Clear(std::uint32_t slots, std::uint32_t slot);

  // The first slot, from `from` on, whose time is at most `now`; `slots` if there is none.
  std::uint32_t NextExpired(std::uint32_t slots, std::uint32_t from, UnixMs now) const;
  // The first slot, from `from` on, that has a time; `slots` if there is none.
  std::uint32_t NextTimed(std::uint32_t slots, std::uint32_t from) const;
  // The earliest time; kNever if there is none.
  UnixMs Earliest(std::uint32_t slots) const;

  // Frees the blocks; no slot has a time any more.
  void Release();
  // What the blocks take from the allocator.
  std::size_t MemoryBytes(std::uint32_t slots) const;

 private:
  std::uint64_t Near(std::uint32_t slots, std::uint32_t slot) const;
  void SetNear(std::uint32_t slots, std::uint32_t slot, std::uint64_t near);
  bool HasTime(std::uint32_t slots, std::uint32_t slot) const;
  void AllocateTimes(std::uint32_t slots);
  void AllocateTop(std::uint32_t slots);

  std::uint32_t* times_ = nullptr;
  std::int32_t* top_ = nullptr;
};

}  // namespace cairn::ds

#endif  // CAIRN_DS_EXPIRY_COLUMN_H_
