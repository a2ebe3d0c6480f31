// SPDX-License-Identifier: BSD-3-Clause
// An element of a stream's node: a text or a number behind a head of one to five bytes, and what
// the same takes in a listpack.
//
// The heads are a listpack's, and an element here is its listpack's without the length behind it.
#ifndef CAIRN_VALUE_STREAM_ELEMENT_H_
#define CAIRN_VALUE_STREAM_ELEMENT_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "ds/packed_element.h"
#include "ds/packed_list.h"

namespace cairn::value {

static_assert(std::endian::native == std::endian::little);

// A head that holds a number, or the length of a text, and the largest of each kind.
inline constexpr unsigned kShortText = 0x80;   // length in the low 6 bits
inline constexpr unsigned kNumber13 = 0xc0;    // high 5 bits in it, low 8 in the next byte
inline constexpr unsigned kMiddleText = 0xe0;  // length: high 4 bits in it, low 8 in the next byte
inline constexpr unsigned kLongText = 0xf0;    // length in the next 4 bytes
inline constexpr unsigned kNumber16 = 0xf1;
inline constexpr unsigned kNumber24 = 0xf2;
inline constexpr unsigned kNumber32 = 0xf3;
inline constexpr unsigned kNumber64 = 0xf4;
inline constexpr std::size_t kShortTextMax = 63;
inline constexpr std::size_t kMiddleTextMax = 4095;
inline constexpr std::size_t kElementHeadMax = 9;

constexpr std::size_t ElementBytesMax(std::size_t text_bytes) {
  if (text_bytes <= kShortTextMax) return 1 + text_bytes;
  return (text_bytes <= kMiddleTextMax ? 2 : 5) + text_bytes;
}

constexpr bool FitsSigned(std::int64_t number, unsigned bits) {
  const std::int64_t limit = std::int64_t{1} << (bits - 1);
  return number >= -limit && number < limit;
}
constexpr std::size_t NumberBytes(std::int64_t number) {
  if (number >= 0 && number <= 127) return 1;
  if (FitsSigned(number, 13)) return 2;
  if (FitsSigned(number, 16)) return 3;
  if (FitsSigned(number, 24)) return 4;
  return FitsSigned(number, 32) ? 5 : 9;
}
constexpr std::size_t PackedNumberBytes(std::int64_t number) { return NumberBytes(number) + 1; }
inline std::size_t PackedElementBytes(const ds::PackedValue& value) {
  if (value.is_integer()) return PackedNumberBytes(value.integer());
  const std::size_t bytes = ElementBytesMax(value.text().size());
  return bytes + ds::packed_element::BackBytes(bytes);
}

inline char* PutBytes(char* out, const void* from, std::size_t size) {
  std::memcpy(out, from, size);
  return out + size;
}

inline char* PutElementNumber(char* out, std::int64_t number) {
  const std::size_t bytes = NumberBytes(number);
  if (bytes == 1) {
    *out++ = static_cast<char>(number);
    return out;
  }
  if (bytes == 2) {
    *out++ = static_cast<char>(kNumber13 | ((number >> 8) & 0x1f));
    *out++ = static_cast<char>(number);
    return out;
  }
  *out++ = static_cast<char>(bytes == 9 ? kNumber64 : kNumber16 + bytes - 3);
  return PutBytes(out, &number, bytes - 1);
}

inline char* PutElement(char* out, const ds::PackedValue& value) {
  if (value.is_integer()) return PutElementNumber(out, value.integer());
  const std::size_t size = value.text().size();
  if (size <= kShortTextMax) {
    *out++ = static_cast<char>(kShortText | size);
  } else if (size <= kMiddleTextMax) {
    *out++ = static_cast<char>(kMiddleText | (size >> 8));
    *out++ = static_cast<char>(size);
  } else {
    const auto length = static_cast<std::uint32_t>(size);
    *out++ = static_cast<char>(kLongText);
    out = PutBytes(out, &length, sizeof(length));
  }
  return size == 0 ? out : PutBytes(out, value.text().data(), size);
}

inline std::int64_t GetSigned(const char* in, unsigned bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, in, bytes);
  const unsigned shift = 64 - 8 * bytes;
  return static_cast<std::int64_t>(number << shift) >> shift;
}

// What the element at `in` takes.
inline std::size_t ElementBytes(const char* in) {
  const unsigned head = static_cast<unsigned char>(*in);
  if (head < kShortText) return 1;
  if (head < kNumber13) return 1 + (head & kShortTextMax);
  if (head < kMiddleText) return 2;
  if (head < kLongText)
    return 2 + (std::size_t{(head & 0xf) << 8} | static_cast<unsigned char>(in[1]));
  if (head != kLongText) return head == kNumber64 ? 9 : head - kNumber16 + 3;
  std::uint32_t length = 0;
  std::memcpy(&length, in + 1, sizeof(length));
  return 1 + sizeof(length) + length;
}

// Reads the element at `in` and returns where it ends.
inline const char* GetElement(const char* in, ds::PackedValue* value) {
  const unsigned head = static_cast<unsigned char>(*in++);
  std::size_t size = 0;
  if (head < kShortText) {
    *value = static_cast<long>(head);
    return in;
  }
  if (head < kNumber13) {
    size = head & kShortTextMax;
  } else if (head < kMiddleText) {
    const unsigned bits = ((head & 0x1f) << 8) | static_cast<unsigned char>(*in++);
    *value = static_cast<long>(static_cast<std::int32_t>(bits << 19) >> 19);
    return in;
  } else if (head < kLongText) {
    size = ((head & 0xf) << 8) | static_cast<unsigned char>(*in++);
  } else if (head == kLongText) {
    std::uint32_t length = 0;
    std::memcpy(&length, in, sizeof(length));
    size = length;
    in += sizeof(length);
  } else {
    const unsigned bytes = head == kNumber64 ? 8 : head - kNumber16 + 2;
    *value = static_cast<long>(GetSigned(in, bytes));
    return in + bytes;
  }
  *value = ds::PackedValue::Verbatim({in, size});
  return in + size;
}

}  // namespace cairn::value

#endif  // CAIRN_VALUE_STREAM_ELEMENT_H_
