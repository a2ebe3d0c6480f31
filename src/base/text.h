// SPDX-License-Identifier: BSD-3-Clause
// Numbers as text, exactly as Redis reads and writes them.
//
// Parsing is strict: no spaces, no leading '+', no leading zeros ("01" is not a number), the whole
// text or nothing. Formatting writes into the caller's buffer and returns the end, so the hot path
// never allocates.
#ifndef CAIRN_BASE_TEXT_H_
#define CAIRN_BASE_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cairn {

inline constexpr std::size_t kInt64TextMax = 20;             // "-9223372036854775808"
inline constexpr std::size_t kDoubleTextMax = 128;           // enough for FormatDouble
inline constexpr std::size_t kLongDoubleTextMax = 5 * 1024;  // %.17Lf of the largest long double

// Strict decimal, as Redis's string2ll. nullopt if it is not the canonical text of a signed 64-bit
// number.
std::optional<std::int64_t> ParseInt64(std::string_view text);
// Same for 0..2^64-1.
std::optional<std::uint64_t> ParseUint64(std::string_view text);
// As Redis's getDoubleFromObject: strtod over the whole text, no leading space, no NaN; "inf",
// "+inf", "-inf" allowed; hex floats too.
std::optional<double> ParseDouble(std::string_view text);
// As Redis reads the ends of score ranges: C's strtod up to a NUL. Spaces may stand before it,
// nothing at all is 0, what is too large is infinite. No NaN.
std::optional<double> ParseDoubleLoosely(std::string_view text);
// As Redis's string2ld (INCRBYFLOAT): length at most 255, whole text, no leading space, no NaN, no
// overflow.
std::optional<long double> ParseLongDouble(std::string_view text);

// Writes the decimal digits of `number` to `out` (room for kInt64TextMax) and returns one past the
// last.
char* FormatInt64(char* out, std::int64_t number);
char* FormatUint64(char* out, std::uint64_t number);
std::string Int64ToString(std::int64_t number);
// As Redis 7.2 sends doubles: the shortest text that comes back as the same number; integers up to
// 2^62 plain, beyond it and for small fractions with an exponent ("1e+20", "1.5e-7"); "inf",
// "-inf", "nan", "-0". (7.0 sent %.17g.) Of the shortest texts this is the nearest one; Redis's
// Grisu2 ends in another digit for one number in seven hundred (84 of 60,000, compared with
// Valkey 8.0.1), which comes back as the same number.
char* FormatDouble(char* out, double number);
// With 17 significant digits, as %.17g: what ZSCAN sends of a large sorted set. Room for
// kDoubleTextMax.
char* FormatDoubleFully(char* out, double number);
// As Redis's ld2string in human form (INCRBYFLOAT): %.17Lf with trailing zeros and point removed;
// "-0" is "0".
std::string FormatLongDouble(long double number);

// "1gb", "100mb", "5k" (k=1000, kb=1024, m, mb, g, gb, b; any case). A missing number is 0, as it
// is for Redis: "" and "kb" are sizes. nullopt when malformed or beyond 2^63-1 (never wraps).
std::optional<std::int64_t> ParseMemorySize(std::string_view text);

// Whether two stretches of `size` bytes are the same. Inline for 8 to 16 bytes, as keys mostly are:
// two words that overlap.
inline bool EqualBytes(const char* a, const char* b, std::size_t size) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const auto load = [](const char* from) {
    std::uint64_t word;
    std::memcpy(&word, from, kWord);
    return word;
  };
  if (size - kWord > kWord) return std::memcmp(a, b, size) == 0;
  return load(a) == load(b) && load(a + size - kWord) == load(b + size - kWord);
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string ToLower(std::string_view text);
std::string ToUpper(std::string_view text);
// Splits a line into words. Quoting as in Redis's configuration files and inline commands: "..."
// with \xHH \n \r \t \b \a \\ \" escapes, '...' with \' only. nullopt on unbalanced quotes or text
// directly after a closing quote.
std::optional<std::vector<std::string>> SplitWords(std::string_view line);
// Redis's escaped form for logs and CONFIG REWRITE: "..." with \xHH for bytes that do not print.
std::string QuoteString(std::string_view bytes);

}  // namespace cairn

#endif  // CAIRN_BASE_TEXT_H_
