// SPDX-License-Identifier: BSD-3-Clause
// Timestamps as text, and the conversions of a column that may fail.
#include "cairn/sql/value.h"

#include <array>
#include <charconv>
#include <cstdlib>

namespace cairn::cache::sql {
namespace {

void AppendDigits(std::string& text, std::uint64_t number, std::size_t width) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  const std::size_t size = static_cast<std::size_t>(end - digits.data());
  if (size < width) text.append(width - size, '0');
  text.append(digits.data(), size);
}

// Reads a timestamp's parts from the left.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  // Between `width_min` and `width_max` digits; -1 if there are not.
  int Digits(std::size_t width_min, std::size_t width_max) {
    int number = 0;
    width_ = 0;
    while (width_ < width_max && !text_.empty() && text_[0] >= '0' && text_[0] <= '9') {
      number = number * 10 + (text_[0] - '0');
      text_.remove_prefix(1);
      ++width_;
    }
    return width_ < width_min ? -1 : number;
  }
  std::size_t width() const { return width_; }  // of the last Digits
  // One of these bytes; NUL if none follows.
  char OneOf(std::string_view bytes) {
    if (text_.empty() || bytes.find(text_[0]) == bytes.npos) return '\0';
    const char byte = text_[0];
    text_.remove_prefix(1);
    return byte;
  }
  bool is_at_end() const { return text_.empty(); }

 private:
  std::string_view text_;
  std::size_t width_ = 0;
};

std::optional<std::chrono::sys_days> ScanDate(Scanner& scan) {
  const int year = scan.Digits(4, 4);
  if (scan.OneOf("-") == '\0') return {};
  const int month = scan.Digits(2, 2);
  if (scan.OneOf("-") == '\0') return {};
  const int day = scan.Digits(2, 2);
  if (year < 0 || month < 0 || day < 0) return {};
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return {};
  return std::chrono::sys_days(date);
}

std::optional<std::chrono::microseconds> ScanTime(Scanner& scan) {
  const int hours = scan.Digits(2, 2);
  if (scan.OneOf(":") == '\0') return {};
  const int minutes = scan.Digits(2, 2);
  if (scan.OneOf(":") == '\0') return {};
  const int seconds = scan.Digits(2, 2);
  if (hours < 0 || hours > 24 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 60)
    return {};
  int micros = 0;
  if (scan.OneOf(".") != '\0') {
    micros = scan.Digits(1, 6);
    if (micros < 0) return {};
    for (std::size_t width = scan.width(); width < 6; ++width) micros *= 10;
  }
  return std::chrono::hours(hours) + std::chrono::minutes(minutes) + std::chrono::seconds(seconds) +
         std::chrono::microseconds(micros);
}

// "", "Z", "+02", "-03:30".
std::optional<std::chrono::minutes> ScanOffset(Scanner& scan) {
  if (scan.OneOf("Z") != '\0') return std::chrono::minutes(0);
  const char sign = scan.OneOf("+-");
  if (sign == '\0') return std::chrono::minutes(0);
  const int hours = scan.Digits(2, 2);
  const int minutes = scan.OneOf(":") == '\0' ? 0 : scan.Digits(2, 2);
  if (hours < 0 || minutes < 0) return {};
  const std::chrono::minutes offset(hours * 60 + minutes);
  return sign == '-' ? -offset : offset;
}

}  // namespace

std::string_view TypeName(const Value& value) {
  constexpr std::array<std::string_view, std::variant_size_v<Value>> kNames = {
      "NULL", "boolean",   "integer",          "double",       "text",
      "blob", "timestamp", "list of integers", "list of texts"};
  return kNames[value.index()];
}

std::string FormatTimestamp(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string text;
  AppendDigits(text, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
  AppendDigits(text += '-', static_cast<unsigned>(date.month()), 2);
  AppendDigits(text += '-', static_cast<unsigned>(date.day()), 2);
  AppendDigits(text += ' ', static_cast<std::uint64_t>(clock.hours().count()), 2);
  AppendDigits(text += ':', static_cast<std::uint64_t>(clock.minutes().count()), 2);
  AppendDigits(text += ':', static_cast<std::uint64_t>(clock.seconds().count()), 2);
  AppendDigits(text += '.', static_cast<std::uint64_t>(clock.subseconds().count()), 6);
  return text;
}

Result<Timestamp> ParseTimestamp(std::string_view text) {
  Scanner scan(text);
  const auto date = ScanDate(scan);
  if (date && scan.is_at_end()) return Timestamp(*date);
  if (date && scan.OneOf(" T") != '\0') {
    const auto time = ScanTime(scan);
    const auto offset = ScanOffset(scan);
    if (time && offset && scan.is_at_end()) return Timestamp(*date) + *time - *offset;
  }
  return Fail(Errc::kType, "not a timestamp: " + std::string(text.substr(0, 40)));
}

namespace internal {

std::unexpected<Error> NotA(std::string_view wanted, const Value& value) {
  return Fail(Errc::kType,
              "wanted " + std::string(wanted) + ", found " + std::string(TypeName(value)));
}

Result<std::int64_t> ToInteger(const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole;
  return NotA("an integer", value);
}

Result<double> ToDouble(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  // SQLite keeps 2.0 as 2 in some columns.
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    constexpr std::int64_t kExact = std::int64_t{1} << 53;
    if (*whole >= -kExact && *whole <= kExact) return static_cast<double>(*whole);
  }
  return NotA("a double", value);
}

Result<bool> ToBool(const Value& value) {
  if (const auto* held = std::get_if<bool>(&value)) return *held;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    if (*whole == 0 || *whole == 1) return *whole == 1;
  }
  return NotA("a boolean", value);
}

Result<Timestamp> ToTimestamp(const Value& value) {
  if (const auto* time = std::get_if<Timestamp>(&value)) return *time;
  if (const auto* text = std::get_if<std::string>(&value)) return ParseTimestamp(*text);
  return NotA("a timestamp", value);
}

}  // namespace internal
}  // namespace cairn::cache::sql
