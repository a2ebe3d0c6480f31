// SPDX-License-Identifier: BSD-3-Clause
// The sparse form of a HyperLogLog's registers: runs of equal ranks, as Redis writes them.
//
//     ZERO   00nnnnnn             n + 1 registers (1..64) of rank 0
//     XZERO  01nnnnnn nnnnnnnn    n + 1 registers (1..16384) of rank 0, high byte first
//     VAL    1rrrrrnn             n + 1 registers (1..4) of rank r + 1 (1..32)
//
// The runs together cover all 16384 registers, in order. The same registers can be written in many
// ways; which one comes out of a given sequence of PFADDs is part of the format here, since values
// are compared byte for byte. hll_sparse.cc tells the rule.
//
// Bytes come from clients, so nothing is trusted: a run that is cut off, that goes beyond the last
// register or that is missing makes the value corrupt. `runs` is the value without its header.
// Cost: linear in the runs; raising registers in ascending order through one HllSparseCursor is
// linear over all of them together.
#ifndef CAIRN_VALUE_HLL_SPARSE_H_
#define CAIRN_VALUE_HLL_SPARSE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "value/hll_dense.h"
#include "value/hll_estimate.h"

namespace cairn::value {

inline constexpr std::uint8_t kHllSparseRankMax = 32;
// The longest form that can be valid: every register alone, and in two bytes.
inline constexpr std::size_t kHllSparseRunBytesMax = 2 * kHllRegisters;

// All registers zero: one XZERO.
std::string_view HllSparseEmpty();

// A place to start looking from. Valid for one string and for indexes that strictly ascend.
struct HllSparseCursor {
  std::size_t at = 0;             // where a run begins, counted from the first run
  std::uint32_t first_index = 0;  // the register it begins with
};

enum class HllSparseRaise {
  kUnchanged,  // the register was as high already
  kRaised,
  kTooBig,  // this form cannot hold it within its limits: nothing was changed, go dense
  kCorrupt
};

// Raises one register. The runs are bytes [runs_begin, end) of `value`, which may grow by at most
// three bytes; kTooBig if it grew beyond `value_bytes_max`, or if the rank is above
// kHllSparseRankMax.
HllSparseRaise HllSparseRaiseRegister(std::string& value, std::size_t runs_begin, HllSpot spot,
                                      std::size_t value_bytes_max, HllSparseCursor& cursor);

// Raises each of `registers` to its counterpart; false, with `registers` in any state, on
// corruption.
bool HllSparseUnite(std::string_view runs, HllRegisters& registers);

std::optional<HllHistogram> HllSparseHistogram(std::string_view runs);

// "z:3 Z:12000 v:2,1": zeros in one byte, in two, and rank,length. Stops where the runs do.
std::string HllSparseText(std::string_view runs);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_HLL_SPARSE_H_
