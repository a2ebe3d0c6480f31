// SPDX-License-Identifier: BSD-3-Clause
// The value as a whole: its header, and which of the two forms to call. A union is made in an array
// of one byte a register, which both forms can be read into.
#include "value/hyperloglog.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/text.h"
#include "value/hll_sparse.h"

namespace cairn::value {
namespace {

constexpr std::string_view kMagic = "HYLL";
constexpr std::size_t kEncodingAt = 4;
constexpr std::size_t kCountAt = 8;
constexpr std::size_t kStaleAt = kHllHeaderBytes - 1;
constexpr unsigned kStaleBit = 0x80;

std::string_view RegisterBytes(std::string_view bytes) { return bytes.substr(kHllHeaderBytes); }
std::span<char> RegisterBytes(std::span<char> bytes) { return bytes.subspan(kHllHeaderBytes); }

// The header of `bytes` with dense encoding, and the registers.
std::string DenseFrom(std::string_view bytes, const HllRegisters& registers) {
  std::string dense(kHllDenseBytes, '\0');
  std::memcpy(dense.data(), bytes.data(), kHllHeaderBytes);
  dense[kEncodingAt] = static_cast<char>(HllEncoding::kDense);
  HllDensePack(registers, RegisterBytes(std::span<char>(dense)));
  return dense;
}

HllResult<HllHistogram> HistogramOf(std::string_view bytes) {
  const HllResult<HllEncoding> encoding = HllEncodingOf(bytes);
  if (!encoding) return std::unexpected(encoding.error());
  if (*encoding == HllEncoding::kDense) return HllDenseHistogram(RegisterBytes(bytes));
  if (auto histogram = HllSparseHistogram(RegisterBytes(bytes))) return *histogram;
  return std::unexpected(HllError::kCorrupt);
}

// Adds to a sparse value the elements from `next` on, and stops early when it has become dense.
struct SparseProgress {
  std::size_t raised = 0;
  std::size_t next = 0;
};

HllResult<SparseProgress> AddSparse(std::string& value, std::span<const std::string_view> elements,
                                    std::size_t sparse_bytes_max) {
  SparseProgress progress;
  for (; progress.next < elements.size(); ++progress.next) {
    HllSparseCursor begin;
    switch (HllSparseRaiseRegister(value, kHllHeaderBytes, HllLocate(elements[progress.next]),
                                   sparse_bytes_max, begin)) {
      case HllSparseRaise::kUnchanged:
        break;
      case HllSparseRaise::kRaised:
        ++progress.raised;
        break;
      case HllSparseRaise::kTooBig: {
        HllResult<std::string> dense = HllToDense(value);
        if (!dense) return std::unexpected(dense.error());
        value = *std::move(dense);
        return progress;
      }
      case HllSparseRaise::kCorrupt:
        return std::unexpected(HllError::kCorrupt);
    }
  }
  return progress;
}

std::string CountText(std::uint64_t number) {
  std::array<char, kInt64TextMax> digits;
  return {digits.data(), FormatUint64(digits.data(), number)};
}

}  // namespace

HllResult<HllEncoding> HllEncodingOf(std::string_view bytes) {
  if (bytes.size() < kHllHeaderBytes) return std::unexpected(HllError::kNotHll);
  if (!bytes.starts_with(kMagic)) return std::unexpected(HllError::kNotHll);
  switch (static_cast<unsigned char>(bytes[kEncodingAt])) {
    case static_cast<unsigned char>(HllEncoding::kDense):
      if (bytes.size() != kHllDenseBytes) return std::unexpected(HllError::kNotHll);
      return HllEncoding::kDense;
    case static_cast<unsigned char>(HllEncoding::kSparse):
      return HllEncoding::kSparse;
    default:
      return std::unexpected(HllError::kNotHll);
  }
}

std::string NewHll() {
  std::string value(kHllHeaderBytes, '\0');
  value.replace(0, kMagic.size(), kMagic);
  value[kEncodingAt] = static_cast<char>(HllEncoding::kSparse);
  value += HllSparseEmpty();
  return value;
}

void HllMarkStale(std::span<char> bytes) {
  bytes[kStaleAt] = static_cast<char>(static_cast<unsigned char>(bytes[kStaleAt]) | kStaleBit);
}

HllResult<std::size_t> HllAdd(std::string& value, std::span<const std::string_view> elements,
                              std::size_t sparse_bytes_max) {
  const HllResult<HllEncoding> encoding = HllEncodingOf(value);
  if (!encoding) return std::unexpected(encoding.error());
  if (*encoding == HllEncoding::kDense) return HllAddDense(value, elements);
  const HllResult<SparseProgress> sparse = AddSparse(value, elements, sparse_bytes_max);
  if (!sparse) return std::unexpected(sparse.error());
  if (sparse->raised > 0) HllMarkStale(value);
  if (sparse->next == elements.size()) return sparse->raised;
  // The element that did not fit raises its register, so that the answer is never zero here.
  return HllAddDense(value, elements.subspan(sparse->next)) + sparse->raised;
}

std::size_t HllAddDense(std::span<char> bytes, std::span<const std::string_view> elements) {
  CHECK(bytes.size() == kHllDenseBytes);
  std::size_t raised = 0;
  for (const std::string_view element : elements) {
    if (HllDenseRaise(RegisterBytes(bytes), HllLocate(element))) ++raised;
  }
  if (raised > 0) HllMarkStale(bytes);
  return raised;
}

std::optional<std::uint64_t> HllCachedCount(std::string_view bytes) {
  DCHECK(HllEncodingOf(bytes).has_value());
  if (static_cast<unsigned char>(bytes[kStaleAt]) & kStaleBit) return std::nullopt;
  std::uint64_t count;
  std::memcpy(&count, bytes.data() + kCountAt, sizeof(count));
  return count;
}

void HllCacheCount(std::span<char> bytes, std::uint64_t count) {
  CHECK(bytes.size() >= kHllHeaderBytes);
  std::memcpy(bytes.data() + kCountAt, &count, sizeof(count));
}

HllResult<std::uint64_t> HllCount(std::string_view bytes) {
  const HllResult<HllHistogram> histogram = HistogramOf(bytes);
  if (!histogram) return std::unexpected(histogram.error());
  return HllEstimate(*histogram);
}

HllResult<HllRegisters> HllRegistersOf(std::string_view bytes) {
  const HllResult<HllEncoding> encoding = HllEncodingOf(bytes);
  if (!encoding) return std::unexpected(encoding.error());
  HllRegisters registers = {};
  if (*encoding == HllEncoding::kDense) {
    HllDenseUnite(RegisterBytes(bytes), registers);
  } else if (!HllSparseUnite(RegisterBytes(bytes), registers)) {
    return std::unexpected(HllError::kCorrupt);
  }
  return registers;
}

HllResult<std::string> HllToDense(std::string_view bytes) {
  const HllResult<HllRegisters> registers = HllRegistersOf(bytes);
  if (!registers) return std::unexpected(registers.error());
  return DenseFrom(bytes, *registers);
}

std::string HllRunsText(std::string_view bytes) { return HllSparseText(RegisterBytes(bytes)); }

std::expected<void, HllError> HllUnion::Add(std::string_view bytes) {
  const HllResult<HllEncoding> encoding = HllEncodingOf(bytes);
  if (!encoding) return std::unexpected(encoding.error());
  if (*encoding == HllEncoding::kDense) {
    any_dense_ = true;
    HllDenseUnite(RegisterBytes(bytes), registers_);
    return {};
  }
  // Into a copy, so that a corrupt value leaves no trace in the union.
  HllRegisters united = registers_;
  if (!HllSparseUnite(RegisterBytes(bytes), united)) return std::unexpected(HllError::kCorrupt);
  registers_ = united;
  return {};
}

std::uint64_t HllUnion::Count() const {
  HllHistogram histogram = {};
  for (const std::uint8_t rank : registers_) ++histogram[rank];
  return HllEstimate(histogram);
}

HllResult<std::string> HllUnion::MergedInto(std::string destination,
                                            std::size_t sparse_bytes_max) const {
  if (destination.empty()) destination = NewHll();
  const HllResult<HllEncoding> encoding = HllEncodingOf(destination);
  if (!encoding) return std::unexpected(encoding.error());
  HllMarkStale(destination);
  if (any_dense_) return DenseFrom(destination, registers_);
  HllSparseCursor cursor;
  for (std::size_t i = 0; i < kHllRegisters; ++i) {
    if (registers_[i] == 0) continue;
    const HllSpot spot{static_cast<std::uint16_t>(i), registers_[i]};
    switch (HllSparseRaiseRegister(destination, kHllHeaderBytes, spot, sparse_bytes_max, cursor)) {
      case HllSparseRaise::kUnchanged:
      case HllSparseRaise::kRaised:
        break;
      case HllSparseRaise::kTooBig:
        return DenseFrom(destination, registers_);
      case HllSparseRaise::kCorrupt:
        return std::unexpected(HllError::kCorrupt);
    }
  }
  return destination;
}

Status HllSelfTest(std::uint64_t seed) {
  HllRegisters stored;
  for (std::size_t i = 0; i < kHllRegisters; ++i) {
    stored[i] = static_cast<std::uint8_t>(MurmurHash64A(CountText(i), seed) % 64);
  }
  std::string dense = DenseFrom(NewHll(), stored);
  for (std::size_t i = 0; i < kHllRegisters; ++i) {
    const std::uint8_t got =
        HllDenseGet(RegisterBytes(std::string_view(dense)), static_cast<std::uint16_t>(i));
    if (got == stored[i]) continue;
    return {StatusCode::kCorrupt, "Register " + CountText(i) + " should be " +
                                      CountText(stored[i]) + " but is " + CountText(got)};
  }

  constexpr std::uint64_t kElementsMax = 100'000;
  constexpr double kStandardErrorsMax = 6;  // a wrong alarm once in 10^8 runs
  std::string value = NewHll();
  for (std::uint64_t added = 1, checkpoint = 1; added <= kElementsMax; ++added) {
    const std::string element = CountText(seed) + ':' + CountText(added);
    const std::string_view view = element;
    if (!HllAdd(value, {&view, 1}, kHllSparseBytesMaxDefault)) {
      return {StatusCode::kCorrupt, "Addition number " + CountText(added) + " failed"};
    }
    if (added != checkpoint) continue;
    checkpoint *= 10;
    const std::uint64_t count = HllCount(value).value_or(0);
    const double error = std::abs(static_cast<double>(count) - static_cast<double>(added));
    // Small counts miss by whole elements, so one is always granted.
    const double bound = std::max(1.0, kStandardErrorsMax * 0.0081 * static_cast<double>(added));
    if (error <= bound) continue;
    return {StatusCode::kCorrupt,
            "Too big error. card:" + CountText(added) + " count:" + CountText(count)};
  }
  return {};
}

}  // namespace cairn::value
