// SPDX-License-Identifier: BSD-3-Clause
// What a string value says about itself: its encoding, and its digest.
//
// Strings are kept as text whatever OBJECT ENCODING answers; the encoding follows from the bytes
// and from one flag, which says that the value was last changed in place (APPEND, SETRANGE, SETBIT,
// ...) and so is "raw" in Redis whatever it holds. Pure functions.
#ifndef CAIRN_VALUE_STRING_VALUE_H_
#define CAIRN_VALUE_STRING_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cairn::value {

inline constexpr std::size_t kEmbeddedStringMax = 44;

enum class StringEncoding {
  kInt,       // the canonical text of a signed 64-bit number
  kEmbedded,  // at most kEmbeddedStringMax bytes
  kRaw
};

// How a value came by its bytes. kFloat: it is the sum of floating-point numbers, which Redis keeps
// as text even where it is a whole number.
enum class StringOrigin { kSet, kChangedInPlace, kFloat };

StringEncoding StringEncodingOf(std::string_view bytes, StringOrigin origin);

// "int", "embstr", "raw".
std::string_view StringEncodingName(StringEncoding encoding);

inline constexpr std::size_t kDigestDigits = 16;

// XXH3 of the bytes, 64 bits, as 16 lower-case hexadecimal digits: DIGEST, and the comparisons by
// digest of SET and DELEX.
std::string Digest(std::string_view bytes);

// A digest as a client sends it: exactly 16 hexadecimal digits, in either case.
std::optional<std::uint64_t> ParseDigest(std::string_view text);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_STRING_VALUE_H_
