// SPDX-License-Identifier: BSD-3-Clause
// Arithmetic is done in 128 bits, where nothing a client can send overflows, and then brought into
// the field's range: no case analysis on the signs. A field of 64 bits at an odd offset lies in
// nine bytes; it is moved byte by byte, since a BITFIELD call is dominated by everything else.
#include "value/bitfield.h"

#include <limits>

#include "base/check.h"
#include "base/text.h"

namespace cairn::value {
namespace {

__extension__ using Wide = __int128;

struct FieldRange {
  Wide min;
  Wide max;
};

FieldRange RangeOf(FieldType type) {
  if (!type.is_signed) return {0, (Wide{1} << type.bits) - 1};
  const Wide half = Wide{1} << (type.bits - 1);
  return {-half, half - 1};
}

// The low bits of `word` as a number of this type.
std::int64_t Narrow(FieldType type, std::uint64_t word) {
  const int unused = 64 - type.bits;
  if (type.is_signed) return static_cast<std::int64_t>(word << unused) >> unused;
  return static_cast<std::int64_t>((word << unused) >> unused);
}

std::optional<std::int64_t> Fit(FieldType type, Wide number, Overflow overflow) {
  const FieldRange range = RangeOf(type);
  if (number >= range.min && number <= range.max) return static_cast<std::int64_t>(number);
  switch (overflow) {
    case Overflow::kWrap:
      return Narrow(type, static_cast<std::uint64_t>(number));
    case Overflow::kSaturate:
      return static_cast<std::int64_t>(number < range.min ? range.min : range.max);
    case Overflow::kFail:
      return std::nullopt;
  }
  return std::nullopt;
}

// A step through a field: the bits of it that lie in one byte.
struct FieldStep {
  std::uint64_t byte;
  unsigned shift;  // of these bits in the byte, from its low end
  unsigned count;
};

// The step that holds the field's first bits when `left` of them remain.
FieldStep StepAt(std::uint64_t offset, unsigned left) {
  const unsigned inside = 8 - static_cast<unsigned>(offset % 8);
  const unsigned count = left < inside ? left : inside;
  return {offset / 8, inside - count, count};
}

}  // namespace

std::optional<FieldType> ParseFieldType(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const bool is_signed = text.front() == 'i';
  if (!is_signed && text.front() != 'u') return std::nullopt;
  const std::optional<std::int64_t> bits = ParseInt64(text.substr(1));
  if (!bits) return std::nullopt;
  if (*bits < 1 || *bits > (is_signed ? 64 : 63)) return std::nullopt;
  return FieldType{is_signed, static_cast<std::uint8_t>(*bits)};
}

std::optional<std::uint64_t> ParseFieldOffset(std::string_view text, FieldType type,
                                              std::uint64_t bytes_max) {
  const bool counts_fields = text.starts_with('#');
  const std::optional<std::int64_t> number = ParseInt64(counts_fields ? text.substr(1) : text);
  if (!number || *number < 0) return std::nullopt;
  // Redis lets "#n" wrap around 2^64 and then writes somewhere else; here it is out of range.
  const Wide offset = Wide{*number} * (counts_fields ? type.bits : 1);
  if (offset > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  if (static_cast<std::uint64_t>(offset) / 8 >= bytes_max) return std::nullopt;
  return static_cast<std::uint64_t>(offset);
}

std::uint64_t BytesForField(FieldType type, std::uint64_t offset) {
  return (offset + type.bits - 1) / 8 + 1;
}

std::int64_t GetField(std::string_view bytes, FieldType type, std::uint64_t offset) {
  std::uint64_t word = 0;
  for (unsigned left = type.bits; left != 0;) {
    const FieldStep step = StepAt(offset, left);
    const unsigned byte =
        step.byte < bytes.size() ? static_cast<unsigned char>(bytes[step.byte]) : 0;
    word = (word << step.count) | ((byte >> step.shift) & ((1U << step.count) - 1));
    offset += step.count;
    left -= step.count;
  }
  return Narrow(type, word);
}

void SetField(std::span<char> bytes, FieldType type, std::uint64_t offset, std::int64_t number) {
  CHECK(bytes.size() >= BytesForField(type, offset));
  const auto word = static_cast<std::uint64_t>(number);
  for (unsigned left = type.bits; left != 0;) {
    const FieldStep step = StepAt(offset, left);
    const unsigned mask = ((1U << step.count) - 1) << step.shift;
    left -= step.count;
    const unsigned bits = static_cast<unsigned>(word >> left) << step.shift;
    const unsigned old = static_cast<unsigned char>(bytes[step.byte]);
    bytes[step.byte] = static_cast<char>((old & ~mask) | (bits & mask));
    offset += step.count;
  }
}

std::optional<std::int64_t> FitField(FieldType type, std::int64_t number, Overflow overflow) {
  if (type.is_signed) return Fit(type, number, overflow);
  return Fit(type, static_cast<Wide>(static_cast<std::uint64_t>(number)), overflow);
}

std::optional<std::int64_t> AddToField(FieldType type, std::int64_t old, std::int64_t increment,
                                       Overflow overflow) {
  return Fit(type, Wide{old} + Wide{increment}, overflow);
}

}  // namespace cairn::value
