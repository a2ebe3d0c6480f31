// SPDX-License-Identifier: BSD-3-Clause
// Numbers: integers are written from a table of two-digit pairs, into place, from the back; doubles
// are read by std::from_chars and only what it refuses or cannot settle (hexadecimal, "+1",
// overflow, underflow) goes to strtod, whose verdict is the one that clients know.
//
// Words: one pass, with the quote that is open as the only state.
#include "base/text.h"

#include <errno.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace cairn {
namespace {

constexpr std::uint64_t kInt64MinMagnitude = std::uint64_t{1} << 63;
// Redis reads a size's digits into 128 bytes, and a long double into 5 KiB.
constexpr std::size_t kMemoryDigitsMax = 127;
constexpr std::size_t kLongDoubleInputMax = kLongDoubleTextMax - 1;
constexpr std::size_t kDoubleCopyMax = 127;     // longer numbers are legal, but copied to the heap
constexpr std::size_t kShortestDigitsMax = 17;  // that any double needs to come back
constexpr int kTrailingZerosEnd = 7;
constexpr int kDecimalPlacesEnd = 7;

constexpr bool IsDigit(char byte) { return byte >= '0' && byte <= '9'; }
// isspace and isprint of the C locale, whatever locale the process was started in.
constexpr bool IsSpace(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }
constexpr bool IsPrint(char byte) { return byte >= ' ' && byte <= '~'; }
constexpr char LowerByte(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
}
constexpr char UpperByte(char byte) {
  return byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 'a' + 'A') : byte;
}

// The value of a hexadecimal digit, or -1.
constexpr int HexValue(char byte) {
  if (IsDigit(byte)) return byte - '0';
  const char lower = LowerByte(byte);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

struct Digits {
  std::uint64_t number;
  bool ok;
};

// Decimal digits without leading zero, at most 20 of them. Inlined, and no std::optional, which
// g++ 12 returns through memory: together that is a third of an INCR's parsing.
[[gnu::always_inline]] inline Digits ParseDigits(const char* at, const char* end) {
  constexpr Digits kMalformed = {.number = 0, .ok = false};
  const std::ptrdiff_t size = end - at;
  if (size <= 0 || size > 20) return kMalformed;
  if (*at == '0') return {.number = 0, .ok = size == 1};
  // 19 digits always fit; only a twentieth can overflow.
  const char* const safe_end = size == 20 ? end - 1 : end;
  std::uint64_t number = 0;
  for (; at != safe_end; ++at) {
    const unsigned digit = static_cast<unsigned char>(*at) - unsigned{'0'};
    if (digit > 9) return kMalformed;
    number = number * 10 + digit;
  }
  if (at == end) return {.number = number, .ok = true};
  if (!IsDigit(*at)) return kMalformed;
  if (__builtin_mul_overflow(number, 10, &number)) return kMalformed;
  if (__builtin_add_overflow(number, *at - '0', &number)) return kMalformed;
  return {.number = number, .ok = true};
}

// strtod reports overflow as infinity and
// underflow as zero, both with ERANGE. A subnormal result also says ERANGE and is welcome.
template <class Float>
bool IsOutOfRange(Float number) {
  return errno == ERANGE && (std::isinf(number) || number == 0);
}

// `text` is not empty.
std::optional<double> ParseDoubleSlowly(std::string_view text) {
  if (IsSpace(text.front())) return std::nullopt;
  char near[kDoubleCopyMax + 1];
  std::string far;
  const char* terminated = near;
  if (text.size() <= kDoubleCopyMax) {
    std::memcpy(near, text.data(), text.size());
    near[text.size()] = '\0';
  } else {
    far = text;
    terminated = far.c_str();
  }
  char* end;
  errno = 0;
  const double number = std::strtod(terminated, &end);
  if (end != terminated + text.size()) return std::nullopt;
  if (IsOutOfRange(number)) return std::nullopt;
  if (std::isnan(number)) return std::nullopt;
  return number;
}

constexpr std::array<char, 200> MakeDigitPairs() {
  std::array<char, 200> pairs{};
  for (std::size_t number = 0; number < 100; ++number) {
    pairs[2 * number] = static_cast<char>('0' + number / 10);
    pairs[2 * number + 1] = static_cast<char>('0' + number % 10);
  }
  return pairs;
}
constexpr std::array<char, 200> kDigitPairs = MakeDigitPairs();

constexpr std::array<std::uint64_t, 20> MakePowersOfTen() {
  std::array<std::uint64_t, 20> powers{};
  std::uint64_t power = 1;
  for (std::uint64_t& entry : powers) {
    entry = power;
    power *= 10;
  }
  return powers;
}
constexpr std::array<std::uint64_t, 20> kPowersOfTen = MakePowersOfTen();

inline std::size_t CountDigits(std::uint64_t number) {
  number |= 1;  // zero has one digit too; no other number gains or loses one by this
  // log10(2) is about 1233 / 4096, which for 64 bits errs by one at most, and only downwards.
  const unsigned bits = 64 - static_cast<unsigned>(__builtin_clzll(number));
  const unsigned guess = bits * 1233 >> 12;
  return guess + (number >= kPowersOfTen[guess] ? 1 : 0);
}

inline void FormatEightDigits(char* out, std::uint32_t number) {
  const std::uint32_t high = number / 10'000;
  const std::uint32_t low = number - high * 10'000;
  std::memcpy(out, &kDigitPairs[2 * (high / 100)], 2);
  std::memcpy(out + 2, &kDigitPairs[2 * (high % 100)], 2);
  std::memcpy(out + 4, &kDigitPairs[2 * (low / 100)], 2);
  std::memcpy(out + 6, &kDigitPairs[2 * (low % 100)], 2);
}

// A number as digits and the power of ten of the last of them: 0.0125 is 125, -4.
struct Decimal {
  char digits[kShortestDigitsMax];
  int count;
  int exponent;
};

// The fewest digits that come back as `number`, and of these the nearest. REQUIRES: it is positive
// and finite.
Decimal DecimalOf(double number) {
  char text[kShortestDigitsMax + 8];  // d.ddddde-308
  const auto [end, error] =
      std::to_chars(text, text + sizeof(text), number, std::chars_format::scientific);
  CHECK(error == std::errc());
  const char* const mark = std::find(text, end, 'e');
  int exponent = 0;
  // from_chars takes '-', but no '+'.
  std::from_chars(mark + (mark[1] == '+' ? 2 : 1), end, exponent);
  Decimal decimal;
  decimal.digits[0] = text[0];
  decimal.count = 1;
  for (const char* at = text + 2; at < mark; ++at) decimal.digits[decimal.count++] = *at;
  decimal.exponent = exponent - (decimal.count - 1);
  return decimal;
}

// Lays digits out as Redis 7.2 does: zeros up to seven places after an integer or six before a
// fraction, beyond that an exponent of as many digits as it needs.
char* FormatDecimal(char* out, const Decimal& decimal) {
  const int power = decimal.count - 1 + decimal.exponent;  // of the first digit
  if (decimal.exponent >= 0 && power < decimal.count + kTrailingZerosEnd) {
    out = std::copy_n(decimal.digits, decimal.count, out);
    return std::fill_n(out, decimal.exponent, '0');
  }
  if (decimal.exponent < 0 && (decimal.exponent > -kDecimalPlacesEnd || std::abs(power) < 4)) {
    const int before_point = decimal.count + decimal.exponent;
    if (before_point > 0) {
      out = std::copy_n(decimal.digits, before_point, out);
      *out++ = '.';
      return std::copy_n(decimal.digits + before_point, -decimal.exponent, out);
    }
    out = std::copy_n("0.", 2, out);
    out = std::fill_n(out, -before_point, '0');
    return std::copy_n(decimal.digits, decimal.count, out);
  }
  *out++ = decimal.digits[0];
  if (decimal.count > 1) *out++ = '.';
  out = std::copy_n(decimal.digits + 1, decimal.count - 1, out);
  *out++ = 'e';
  *out++ = power < 0 ? '-' : '+';
  return FormatInt64(out, std::abs(power));
}

// What a size is multiplied by; 0 for an unknown unit.
std::uint64_t MemoryUnit(std::string_view unit) {
  struct Row {
    std::string_view name;
    std::uint64_t bytes;
  };
  static constexpr Row kUnits[] = {{"", 1},
                                   {"b", 1},
                                   {"k", 1000},
                                   {"kb", 1024},
                                   {"m", 1'000'000},
                                   {"mb", 1024 * 1024},
                                   {"g", 1'000'000'000},
                                   {"gb", 1024 * 1024 * 1024}};
  for (const Row& row : kUnits) {
    if (EqualsIgnoreCase(unit, row.name)) return row.bytes;
  }
  return 0;
}

// What `\name` stands for between double quotes.
char Unescape(char name) {
  switch (name) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
  }
  return name;
}

// The letter that stands for `byte` after a backslash; 0 if it has none.
char EscapeName(char byte) {
  switch (byte) {
    case '\\':
    case '"':
      return byte;
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\a':
      return 'a';
    case '\b':
      return 'b';
  }
  return 0;
}

// Appends what stands between double quotes to `word`. `rest` begins after the opening quote; its
// length after the closing one is returned as what is left, nullopt if there is none.
std::optional<std::string_view> TakeDoubleQuoted(std::string_view rest, std::string& word) {
  std::size_t at = 0;
  while (at < rest.size()) {
    const std::size_t left = rest.size() - at;
    if (rest[at] == '"') return rest.substr(at + 1);
    if (rest[at] != '\\' || left < 2) {
      word += rest[at];
      ++at;
    } else if (rest[at + 1] == 'x' && left >= 4 && HexValue(rest[at + 2]) >= 0 &&
               HexValue(rest[at + 3]) >= 0) {
      word += static_cast<char>(HexValue(rest[at + 2]) * 16 + HexValue(rest[at + 3]));
      at += 4;
    } else {
      word += Unescape(rest[at + 1]);
      at += 2;
    }
  }
  return std::nullopt;
}

// The same for single quotes, which know one escape: \'.
std::optional<std::string_view> TakeSingleQuoted(std::string_view rest, std::string& word) {
  std::size_t at = 0;
  while (at < rest.size()) {
    if (rest[at] == '\'') return rest.substr(at + 1);
    if (rest[at] == '\\' && at + 1 < rest.size() && rest[at + 1] == '\'') ++at;
    word += rest[at];
    ++at;
  }
  return std::nullopt;
}

// One word from the front of `rest`, which begins with no space. Quotes may open in the midst of a
// word, but a closing quote ends it. Vertical tab and form feed separate words only where a new
// word is awaited, as they do for Redis.
std::optional<std::string_view> TakeWord(std::string_view rest, std::string& word) {
  const std::size_t stop = rest.find_first_of(" \n\r\t\"'");
  if (stop == std::string_view::npos) {
    word = rest;
    return std::string_view();
  }
  word = rest.substr(0, stop);
  const char stopper = rest[stop];
  rest.remove_prefix(stop + 1);
  if (stopper != '"' && stopper != '\'') return rest;
  const auto left = stopper == '"' ? TakeDoubleQuoted(rest, word) : TakeSingleQuoted(rest, word);
  if (left && !left->empty() && !IsSpace(left->front())) return std::nullopt;
  return left;
}

}  // namespace

std::optional<std::int64_t> ParseInt64(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  const char* const begin = text.data() + (negative ? 1 : 0);
  const Digits magnitude = ParseDigits(begin, text.data() + text.size());
  // "-0" is not canonical. One more number lies below zero than above.
  const bool fits =
      negative ? magnitude.number - 1 < kInt64MinMagnitude : magnitude.number < kInt64MinMagnitude;
  if (!magnitude.ok || !fits) return std::nullopt;
  return static_cast<std::int64_t>(negative ? -magnitude.number : magnitude.number);
}

std::optional<std::uint64_t> ParseUint64(std::string_view text) {
  const Digits digits = ParseDigits(text.data(), text.data() + text.size());
  if (!digits.ok) return std::nullopt;
  return digits.number;
}

std::optional<double> ParseDouble(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double number;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && stop == end && std::isfinite(number) && number != 0) return number;
  return ParseDoubleSlowly(text);
}

std::optional<double> ParseDoubleLoosely(std::string_view text) {
  if (const std::optional<double> number = ParseDouble(text)) return number;
  const std::string terminated(text);
  char* end;
  const double number = std::strtod(terminated.c_str(), &end);
  if (*end != '\0' || std::isnan(number)) return std::nullopt;
  return number;
}

std::optional<long double> ParseLongDouble(std::string_view text) {
  if (text.empty() || text.size() > kLongDoubleInputMax) return std::nullopt;
  if (IsSpace(text.front())) return std::nullopt;
  char terminated[kLongDoubleInputMax + 1];
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  char* end;
  errno = 0;
  const long double number = std::strtold(terminated, &end);
  if (end != terminated + text.size()) return std::nullopt;
  if (IsOutOfRange(number)) return std::nullopt;
  if (std::isnan(number)) return std::nullopt;
  return number;
}

char* FormatUint64(char* out, std::uint64_t number) {
  char* const end = out + CountDigits(number);
  char* at = end;
  // Eight digits at a time, so that the pairs are divided in 32 bits: a 64-bit division by a
  // constant is twice as long.
  while (number >= 100'000'000) {
    const std::uint64_t rest = number / 100'000'000;
    at -= 8;
    FormatEightDigits(at, static_cast<std::uint32_t>(number - rest * 100'000'000));
    number = rest;
  }
  auto head = static_cast<std::uint32_t>(number);
  while (head >= 100) {
    const std::uint32_t rest = head / 100;
    at -= 2;
    std::memcpy(at, &kDigitPairs[2 * (head - rest * 100)], 2);
    head = rest;
  }
  if (head >= 10) {
    std::memcpy(at - 2, &kDigitPairs[2 * head], 2);
  } else {
    at[-1] = static_cast<char>('0' + head);
  }
  return end;
}

char* FormatInt64(char* out, std::int64_t number) {
  auto magnitude = static_cast<std::uint64_t>(number);
  if (number < 0) {
    *out++ = '-';
    magnitude = -magnitude;
  }
  return FormatUint64(out, magnitude);
}

std::string Int64ToString(std::int64_t number) {
  char text[kInt64TextMax];
  return {text, FormatInt64(text, number)};
}

char* FormatDouble(char* out, double number) {
  // Redis goes by way of an integer up to here, where doubles have long been all integers.
  constexpr double kIntegerMax = 0x1p62;
  if (std::isnan(number)) return std::copy_n("nan", 3, out);
  if (std::isinf(number)) {
    return number < 0 ? std::copy_n("-inf", 4, out) : std::copy_n("inf", 3, out);
  }
  if (number == 0) {
    return std::signbit(number) ? std::copy_n("-0", 2, out) : std::copy_n("0", 1, out);
  }
  if (std::abs(number) <= kIntegerMax && number == std::trunc(number)) {
    return FormatInt64(out, static_cast<std::int64_t>(number));
  }
  if (number < 0) *out++ = '-';
  return FormatDecimal(out, DecimalOf(std::abs(number)));
}

char* FormatDoubleFully(char* out, double number) {
  return std::to_chars(out, out + kDoubleTextMax, number, std::chars_format::general, 17).ptr;
}

std::string FormatLongDouble(long double number) {
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  if (std::isnan(number)) return "nan";
  char text[kLongDoubleTextMax];
  const int size = std::snprintf(text, sizeof(text), "%.17Lf", number);
  CHECK(size > 0);
  CHECK(static_cast<std::size_t>(size) < sizeof(text));
  std::string_view shown(text, static_cast<std::size_t>(size));
  // There always is a point, so zeros before it are safe.
  shown.remove_suffix(shown.size() - 1 - shown.find_last_not_of('0'));
  if (shown.back() == '.') shown.remove_suffix(1);
  return shown == "-0" ? "0" : std::string(shown);
}

std::optional<std::int64_t> ParseMemorySize(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits > kMemoryDigitsMax) return std::nullopt;
  const std::uint64_t unit = MemoryUnit(text.substr(digits));
  if (unit == 0) return std::nullopt;
  std::int64_t size = 0;
  // Leading zeros are legal here, unlike in ParseInt64.
  for (const char digit : text.substr(0, digits)) {
    if (__builtin_mul_overflow(size, 10, &size)) return std::nullopt;
    if (__builtin_add_overflow(size, digit - '0', &size)) return std::nullopt;
  }
  if (__builtin_mul_overflow(size, unit, &size)) return std::nullopt;
  return size;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (LowerByte(a[i]) != LowerByte(b[i])) return false;
  }
  return true;
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& byte : lower) byte = LowerByte(byte);
  return lower;
}

std::string ToUpper(std::string_view text) {
  std::string upper(text);
  for (char& byte : upper) byte = UpperByte(byte);
  return upper;
}

std::optional<std::vector<std::string>> SplitWords(std::string_view line) {
  std::vector<std::string> words;
  // A zero byte ends the line: Redis reads it as a C string, and so answers only to what precedes.
  line = line.substr(0, line.find('\0'));
  while (true) {
    while (!line.empty() && IsSpace(line.front())) line.remove_prefix(1);
    if (line.empty()) return words;
    std::string word;
    const auto rest = TakeWord(line, word);
    if (!rest) return std::nullopt;
    words.push_back(std::move(word));
    line = *rest;
  }
}

std::string QuoteString(std::string_view bytes) {
  std::string quoted;
  quoted.reserve(bytes.size() + 2);
  quoted += '"';
  for (const char byte : bytes) {
    if (const char name = EscapeName(byte); name != 0) {
      quoted += '\\';
      quoted += name;
    } else if (IsPrint(byte)) {
      quoted += byte;
    } else {
      const auto number = static_cast<unsigned char>(byte);
      quoted += "\\x";
      quoted += "0123456789abcdef"[number >> 4];
      quoted += "0123456789abcdef"[number & 0xf];
    }
  }
  quoted += '"';
  return quoted;
}

}  // namespace cairn
