// SPDX-License-Identifier: BSD-3-Clause
// The dense form of a HyperLogLog's registers: 16384 fields of six bits, the first in the low bits.
//
//     byte   0        1        2
//     bits   11000000 22221111 33333322      register 0 lies in the low six bits of byte 0
//
// Four registers fill three bytes; that is the step of all loops. The views are exactly
// kHllDenseRegisterBytes long: the header is hyperloglog.h's. Pure functions.
#ifndef CAIRN_VALUE_HLL_DENSE_H_
#define CAIRN_VALUE_HLL_DENSE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "value/hll_estimate.h"

namespace cairn::value {

inline constexpr std::size_t kHllRegisterBits = 6;
inline constexpr std::size_t kHllDenseRegisterBytes = kHllRegisters * kHllRegisterBits / 8;

// One byte a register: what sums and unions are made in.
using HllRegisters = std::array<std::uint8_t, kHllRegisters>;

std::uint8_t HllDenseGet(std::string_view dense, std::uint16_t index);

// Raises the register to the spot's rank; false when it was as high already.
bool HllDenseRaise(std::span<char> dense, HllSpot spot);

// Raises each of `registers` to its counterpart.
void HllDenseUnite(std::string_view dense, HllRegisters& registers);

void HllDensePack(const HllRegisters& registers, std::span<char> dense);

HllHistogram HllDenseHistogram(std::string_view dense);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_HLL_DENSE_H_
