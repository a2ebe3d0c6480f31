// SPDX-License-Identifier: BSD-3-Clause
// The code points of a packed list: how an element begins and ends.
//
// An element begins with one of these, most significant bits first:
//     0nnnnnnn                 the number n, 0..127
//     10nnnnnn                 a text of n bytes follows
//     110nnnnn nnnnnnnn        the number n, 13 bits, two's complement
//     1110nnnn nnnnnnnn        a text of n bytes follows
//     11110000 n:4             a text of n bytes follows
//     11110001 n:2 | 11110010 n:3 | 11110011 n:4 | 11110100 n:8     the number n
//     11111111                 no element: the end
// It ends with its length so far, seven bits a byte, the least significant ones last; every byte
// but the first carries 0x80, which tells a reader who comes from behind to go on.
//
// For packed_list.cc, which changes such lists, narrow_list.cc, which keeps them smaller, and the
// nodes of streams, which become such lists (value/stream_element.h). Who calls vouches for the
// bytes.
#ifndef CAIRN_DS_PACKED_ELEMENT_H_
#define CAIRN_DS_PACKED_ELEMENT_H_

#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/load_store.h"

namespace cairn::ds::packed_element {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they are");

inline constexpr std::size_t kHeaderBytes = 6;
inline constexpr std::size_t kEmptyBytes = kHeaderBytes + 1;
inline constexpr std::uint16_t kCountUnknown = 65535;
inline constexpr std::uint8_t kEnd = 0xff;

inline constexpr std::uint8_t kText32 = 0xf0;
inline constexpr std::uint8_t kInt16 = 0xf1;
inline constexpr std::uint8_t kInt24 = 0xf2;
inline constexpr std::uint8_t kInt32 = 0xf3;
inline constexpr std::uint8_t kInt64 = 0xf4;

inline std::uint8_t ByteAt(const char* at) { return static_cast<std::uint8_t>(*at); }

// Bytes of the backward length of an element of `length` bytes. The bounds are one short of what
// seven bits a byte would allow; Redis has them so, and both directions depend on it.
constexpr std::size_t BackBytes(std::size_t length) {
  if (length <= 127) return 1;
  if (length < 16383) return 2;
  if (length < 2097151) return 3;
  if (length < 268435455) return 4;
  return 5;
}

inline char* WriteBack(char* to, std::size_t length) {
  if (length <= 127) [[likely]] {
    *to = static_cast<char>(length);
    return to + 1;
  }
  const std::size_t bytes = BackBytes(length);
  for (std::size_t i = bytes; i-- > 0; length >>= 7) {
    to[i] = static_cast<char>((length & 127) | (i == 0 ? 0 : 128));
  }
  return to + bytes;
}

// Bytes before an element's text, or all of a number; 0 where no element begins so.
constexpr std::size_t HeadBytes(std::uint8_t first) {
  if (first < 0xc0) return 1;
  if (first < 0xf0) return 2;
  switch (first) {
    case kText32:
      return 5;
    case kInt16:
      return 3;
    case kInt24:
      return 4;
    case kInt32:
      return 5;
    case kInt64:
      return 9;
    default:
      return 0;
  }
}

// Bytes of the text that follows the head; 0 for numbers.
inline std::size_t TextBytes(const char* element) {
  const std::uint8_t first = ByteAt(element);
  if ((first & 0xc0) == 0x80) return first & 0x3f;
  if ((first & 0xf0) == 0xe0) return std::size_t{first & 0xfU} << 8 | ByteAt(element + 1);
  if (first == kText32) return Load<std::uint32_t>(element + 1);
  return 0;
}

inline bool IsText(std::uint8_t first) {
  return (first & 0xc0) == 0x80 || (first & 0xf0) == 0xe0 || first == kText32;
}

// REQUIRES: the element is a number.
inline std::int64_t ReadNumber(const char* element) {
  const std::uint8_t first = ByteAt(element);
  if (first < 0x80) return first;
  if (first < 0xe0) {
    const std::int64_t bits = std::int64_t{first & 0x1fU} << 8 | ByteAt(element + 1);
    return bits < 4096 ? bits : bits - 8192;
  }
  switch (first) {
    case kInt16:
      return Load<std::int16_t>(element + 1);
    case kInt24: {
      const std::int64_t bits = Load<std::uint16_t>(element + 1) | std::int64_t{ByteAt(element + 3)}
                                                                       << 16;
      return bits < (1 << 23) ? bits : bits - (1 << 24);
    }
    case kInt32:
      return Load<std::int32_t>(element + 1);
    default:
      return Load<std::int64_t>(element + 1);
  }
}

}  // namespace cairn::ds::packed_element

#endif  // CAIRN_DS_PACKED_ELEMENT_H_
