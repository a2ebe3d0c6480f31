// SPDX-License-Identifier: BSD-3-Clause
// HyperLogLog: a string value that estimates how many different elements it was given.
//
//     "HYLL" | encoding: 1 | unused: 3 | cached count: 8, little-endian | registers
//
// The encoding is 0, dense (hll_dense.h), or 1, sparse (hll_sparse.h). The cached count is stale
// when its top bit is set. Every byte equals what Redis writes for the same commands, so that
// values travel by GET, DUMP and RDB files in both directions.
//
// Invariants
//   (1) A value only ever goes from sparse to dense.
//   (2) Whatever changes a register marks the cached count stale; nothing else in it changes then.
//   (3) Values come from clients (SET makes any string): nothing in them is trusted, and no
//       operation reads or writes beyond them.
//
// Pure functions; safe from any thread. Cost: an element costs one hash, and one register when
// dense or a walk over the runs when sparse; a count or a union costs a pass over the registers.
#ifndef CAIRN_VALUE_HYPERLOGLOG_H_
#define CAIRN_VALUE_HYPERLOGLOG_H_

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "value/hll_dense.h"

namespace cairn::value {

inline constexpr std::size_t kHllHeaderBytes = 16;
inline constexpr std::size_t kHllDenseBytes = kHllHeaderBytes + kHllDenseRegisterBytes;
// The default of hll-sparse-max-bytes, header included.
inline constexpr std::size_t kHllSparseBytesMaxDefault = 3000;

enum class HllError {
  kNotHll,  // WRONGTYPE Key is not a valid HyperLogLog string value.
  kCorrupt  // INVALIDOBJ Corrupted HLL object detected
};
template <class T>
using HllResult = std::expected<T, HllError>;

enum class HllEncoding : std::uint8_t { kDense = 0, kSparse = 1 };

// What the header says; kNotHll where it is none, or where a dense value has the wrong size. The
// runs of a sparse value are not looked at.
HllResult<HllEncoding> HllEncodingOf(std::string_view bytes);

// The empty value: sparse, and with a cached count of zero that is not stale. Redis stores it with
// a stale one, since PFADD and PFMERGE count as a change when they create.
std::string NewHll();
void HllMarkStale(std::span<char> bytes);

// Adds elements; returns how often one raised a register. The value becomes dense where it outgrows
// `sparse_bytes_max`. After kCorrupt `value` is of no use: elements may have been added already.
HllResult<std::size_t> HllAdd(std::string& value, std::span<const std::string_view> elements,
                              std::size_t sparse_bytes_max);

// The same in place. REQUIRES: HllEncodingOf(bytes) is kDense.
std::size_t HllAddDense(std::span<char> bytes, std::span<const std::string_view> elements);

// The cached count where it is not stale. REQUIRES: HllEncodingOf(bytes) succeeded.
std::optional<std::uint64_t> HllCachedCount(std::string_view bytes);
void HllCacheCount(std::span<char> bytes, std::uint64_t count);

// Counts anew from the registers. kHllUnbounded, which Redis replies as the lowest 64-bit number,
// is possible for forged values.
HllResult<std::uint64_t> HllCount(std::string_view bytes);

HllResult<std::string> HllToDense(std::string_view bytes);
HllResult<HllRegisters> HllRegistersOf(std::string_view bytes);
// The runs of a sparse value as text. REQUIRES: HllEncodingOf(bytes) is kSparse.
std::string HllRunsText(std::string_view bytes);

// The union of several values: PFCOUNT with more than one key, and PFMERGE. 16 KiB; lives on the
// stack of the command.
class HllUnion {
 public:
  std::expected<void, HllError> Add(std::string_view bytes);
  std::uint64_t Count() const;

  // PFMERGE's new value: `destination`, or a new one where that is empty, with its registers raised
  // to the union's. Dense if any source was.
  // REQUIRES: `destination`, unless empty, was added (first, as Redis reports errors in that
  // order).
  HllResult<std::string> MergedInto(std::string destination, std::size_t sparse_bytes_max) const;

 private:
  HllRegisters registers_ = {};
  bool any_dense_ = false;
};

// PFSELFTEST: registers keep what is stored in them, and estimates stay within the bound, for
// elements drawn from `seed`. Takes a few milliseconds.
Status HllSelfTest(std::uint64_t seed);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_HYPERLOGLOG_H_
