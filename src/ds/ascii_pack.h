// SPDX-License-Identifier: BSD-3-Clause
// ASCII text with seven bits a character.
//
// The text is cut into eight stretches of equal length. The first seven stay where they are, and
// into the top bits of the i-th character of each, which ASCII leaves free, go the seven bits of
// the i-th character of the eighth:
//
//     text     | a0 a1 .. | b0 b1 .. | ... | g0 g1 .. | h0 h1 .. |
//     packed   | a0 a1 .. | b0 b1 .. | ... | g0 g1 .. |             bit 6 of h0 on top of a0,
//                                                                   bit 5 on top of b0, ...
//
// So packing moves nothing across lanes: sixteen characters of each stretch are done at once by any
// instruction set, at four instructions each. And any part of a text is read without the rest:
// seven eighths of it are a copy with the top bits off.
//
// Pure functions. Nothing is read or written but what is handed in.
#ifndef CAIRN_DS_ASCII_PACK_H_
#define CAIRN_DS_ASCII_PACK_H_

#include <cstddef>
#include <span>
#include <string_view>

namespace cairn::ds {

inline constexpr std::size_t kAsciiStretches = 8;

// The length of a text that is packed must be a multiple of eight: it is filled up with anything
// that is ASCII.
constexpr std::size_t AsciiFilledBytes(std::size_t text_bytes) {
  return (text_bytes + kAsciiStretches - 1) / kAsciiStretches * kAsciiStretches;
}
constexpr std::size_t AsciiPackedBytes(std::size_t text_bytes) {
  return AsciiFilledBytes(text_bytes) / kAsciiStretches * (kAsciiStretches - 1);
}

bool IsAscii(std::string_view text);

// False, and anything in `packed`, if the text is not ASCII. REQUIRES: text.size() is a multiple of
// eight; packed.size() == AsciiPackedBytes(text.size()); the two do not overlap.
[[nodiscard]] bool PackAscii(std::span<const char> text, std::span<char> packed);

// The characters [at, at + text.size()) of what PackAscii made `packed` of. REQUIRES: it had them;
// the two do not overlap.
void UnpackAscii(std::span<const char> packed, std::size_t at, std::span<char> text);

}  // namespace cairn::ds

#endif  // CAIRN_DS_ASCII_PACK_H_
