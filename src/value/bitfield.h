// SPDX-License-Identifier: BSD-3-Clause
// Bitfield: integers of 1 to 64 bits at any bit offset of a string's bytes.
//
// A field's most significant bit comes first, as in bitmap.h. Signed fields are two's complement.
// Unsigned ones stop at 63 bits, because replies are signed 64-bit integers. The arithmetic
// (FitField, AddToField) knows no bytes, and the bytes (GetField, SetField) know no overflow:
//
//     old = GetField(...);  now = AddToField(type, old, by, overflow);  if (now) SetField(...,
//     *now)
//
// Pure functions; safe from any thread; constant cost.
#ifndef CAIRN_VALUE_BITFIELD_H_
#define CAIRN_VALUE_BITFIELD_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace cairn::value {

struct FieldType {
  bool is_signed = false;
  std::uint8_t bits = 1;

  bool operator==(const FieldType&) const = default;
};

// "i1".."i64", "u1".."u63"; lower case, no leading zeros.
std::optional<FieldType> ParseFieldType(std::string_view text);

// A bit offset, or '#' and a count of fields of this type. nullopt when malformed, negative, or
// when its byte is not below `bytes_max` (the largest string a client may make).
std::optional<std::uint64_t> ParseFieldOffset(std::string_view text, FieldType type,
                                              std::uint64_t bytes_max);

// "WRAP", "SAT", "FAIL": what becomes of a number that its field cannot hold.
enum class Overflow { kWrap, kSaturate, kFail };

// The bytes a value must have to hold the whole field.
std::uint64_t BytesForField(FieldType type, std::uint64_t offset);

// Bits beyond the end read as zero.
std::int64_t GetField(std::string_view bytes, FieldType type, std::uint64_t offset);

// Writes the low bits of `number`. REQUIRES: bytes.size() >= BytesForField(type, offset).
void SetField(std::span<char> bytes, FieldType type, std::uint64_t offset, std::int64_t number);

// What SET stores for `number`: nullopt where kFail refuses. An unsigned field takes a negative
// number as the large one with the same bits, as Redis does: under kSaturate, -1 is the maximum.
std::optional<std::int64_t> FitField(FieldType type, std::int64_t number, Overflow overflow);

// What INCRBY stores: `old` + `increment`. REQUIRES: `old` is a number the field can hold.
std::optional<std::int64_t> AddToField(FieldType type, std::int64_t old, std::int64_t increment,
                                       Overflow overflow);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_BITFIELD_H_
