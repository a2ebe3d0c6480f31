// SPDX-License-Identifier: BSD-3-Clause
// Strong ids: integers that cannot be mistaken for one another.
//
// A log position and a stripe are both numbers, and a function that takes the two in the wrong
// order compiles if they are plain integers. These wrappers cost nothing and order, compare and
// hash as their number does.
#ifndef CAIRN_BASE_IDS_H_
#define CAIRN_BASE_IDS_H_

#include <compare>
#include <cstdint>

namespace cairn {

template <class Tag, class Number>
struct StrongId {
  Number value{};
  constexpr StrongId() = default;
  constexpr explicit StrongId(Number number) : value(number) {}
  constexpr auto operator<=>(const StrongId&) const = default;
};

using Lsn = StrongId<struct LsnTag, std::uint64_t>;          // position in the command log
using SlotId = StrongId<struct SlotTag, std::uint16_t>;      // cluster slot, 0..16383
using StripeId = StrongId<struct StripeTag, std::uint16_t>;  // 0..kStripeCountMax-1
using DbId = StrongId<struct DbTag, std::uint32_t>;          // SELECT's number
using ClientId = StrongId<struct ClientTag, std::uint64_t>;  // CLIENT ID, from 1

// Milliseconds since the Unix epoch. Plain, since all its arithmetic is wanted; named, so that
// units are visible.
using UnixMs = std::int64_t;
using MonotonicUs = std::int64_t;

inline constexpr UnixMs kNever = INT64_MAX;  // "no expiry"; no stored expiry equals it

}  // namespace cairn

#endif  // CAIRN_BASE_IDS_H_
