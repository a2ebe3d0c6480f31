// SPDX-License-Identifier: BSD-3-Clause
// Parsers of headers. Each goes over its input once, from the left.
#include "cairn/http/fields.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "cairn/http/message.h"
#include "http/scan.h"

namespace cairn::cache::http {
namespace {

constexpr std::size_t kEntityTagBytes = 16;  // of the digest

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void AppendTwoDigits(unsigned number, std::string& text) {
  text += static_cast<char>('0' + number / 10 % 10);
  text += static_cast<char>('0' + number % 10);
}

// Reads a date's pieces from the left; once one is missing, all that follow are.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : rest_(text) {}

  DateReader& Take(std::string_view literal) {
    if (!rest_.starts_with(literal)) return Failed();
    rest_.remove_prefix(literal.size());
    return *this;
  }
  template <std::size_t N>
  DateReader& TakeName(const std::array<std::string_view, N>& names, unsigned* index = nullptr) {
    const auto found =
        std::ranges::find_if(names, [&](std::string_view name) { return rest_.starts_with(name); });
    if (found == names.end()) return Failed();
    if (index != nullptr) *index = static_cast<unsigned>(found - names.begin());
    return Take(*found);
  }
  DateReader& TakeDigits(std::size_t count, unsigned& number) {
    if (rest_.size() < count) return Failed();
    const std::string_view digits = rest_.substr(0, count);
    if (!std::ranges::all_of(digits, IsDigit)) return Failed();
    std::from_chars(digits.data(), digits.data() + count, number);
    rest_.remove_prefix(count);
    return *this;
  }
  DateReader& TakeTime() {
    return TakeDigits(2, hour_).Take(":").TakeDigits(2, minute_).Take(":").TakeDigits(2, second_);
  }
  // asctime has a blank in place of a leading zero.
  DateReader& TakePaddedDay() {
    if (!rest_.starts_with(' ')) return TakeDigits(2, day_);
    return Take(" ").TakeDigits(1, day_);
  }
  DateReader& TakeDay() { return TakeDigits(2, day_); }
  DateReader& TakeMonth() { return TakeName(kMonths, &month_); }
  DateReader& TakeYear(std::size_t digits) { return TakeDigits(digits, year_); }
  // RFC 9110: a year that seems to be more than 50 ahead is the most recent one that ends so.
  DateReader& GuessCentury(UnixTime now) {
    const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(now));
    const auto this_year = static_cast<unsigned>(static_cast<int>(today.year()));
    year_ += this_year / 100 * 100;
    if (year_ > this_year + 50) year_ -= 100;
    return *this;
  }

  std::optional<UnixTime> Finish() const {
    using namespace std::chrono;
    const year_month_day date(year(static_cast<int>(year_)), month(month_ + 1), day(day_));
    // 60: a leap second.
    if (has_failed_ || !rest_.empty() || !date.ok() || hour_ > 23 || minute_ > 59 || second_ > 60)
      return std::nullopt;
    return UnixTime(sys_days(date)) + hours(hour_) + minutes(minute_) + seconds(second_);
  }

 private:
  DateReader& Failed() {
    has_failed_ = true;
    rest_ = {};
    return *this;
  }

  std::string_view rest_;
  bool has_failed_ = false;
  unsigned year_ = 0;
  unsigned month_ = 0;  // from 0
  unsigned day_ = 0;
  unsigned hour_ = 0;
  unsigned minute_ = 0;
  unsigned second_ = 0;
};

// A directive and its argument, without the quotes that some put around it.
struct Directive {
  std::string_view name;
  std::optional<std::string_view> argument;
};

Directive DirectiveOf(std::string_view item) {
  const std::size_t equals = item.find('=');
  if (equals == item.npos) return {.name = item, .argument = {}};
  std::string_view argument = item.substr(equals + 1);
  if (argument.size() >= 2 && argument.starts_with('"') && argument.ends_with('"'))
    argument = argument.substr(1, argument.size() - 2);
  return {.name = item.substr(0, equals), .argument = argument};
}

CacheControl::Seconds SecondsOf(std::optional<std::string_view> argument) {
  if (!argument || argument->empty() || !std::ranges::all_of(*argument, IsDigit)) return {};
  std::int64_t seconds = 0;
  const auto [end, error] =
      std::from_chars(argument->data(), argument->data() + argument->size(), seconds);
  if (error != std::errc()) return CacheControl::kSecondsMax;
  return std::min(CacheControl::Seconds(seconds), CacheControl::kSecondsMax);
}

struct FlagRow {
  std::string_view name;
  bool CacheControl::* flag;
};
constexpr FlagRow kFlags[] = {
    {"no-store", &CacheControl::no_store},
    {"no-cache", &CacheControl::no_cache},
    {"private", &CacheControl::is_private},
    {"public", &CacheControl::is_public},
    {"must-revalidate", &CacheControl::must_revalidate},
    {"proxy-revalidate", &CacheControl::must_revalidate},
    {"only-if-cached", &CacheControl::only_if_cached},
};

struct TimeRow {
  std::string_view name;
  std::optional<CacheControl::Seconds> CacheControl::* time;
  bool is_longer_stricter;
};
constexpr TimeRow kTimes[] = {
    {"max-age", &CacheControl::max_age, false},
    {"s-maxage", &CacheControl::s_maxage, false},
    {"min-fresh", &CacheControl::min_fresh, true},
    {"stale-while-revalidate", &CacheControl::stale_while_revalidate, false},
};

void Apply(const Directive& directive, CacheControl& control) {
  for (const FlagRow& row : kFlags) {
    if (EqualsIgnoringCase(directive.name, row.name)) control.*row.flag = true;
  }
  for (const TimeRow& row : kTimes) {
    if (!EqualsIgnoringCase(directive.name, row.name)) continue;
    std::optional<CacheControl::Seconds>& time = control.*row.time;
    const CacheControl::Seconds seconds = SecondsOf(directive.argument);
    if (!time) {
      time = seconds;
    } else {
      time = row.is_longer_stricter ? std::max(*time, seconds) : std::min(*time, seconds);
    }
  }
}

}  // namespace

bool EqualsIgnoringCase(std::string_view one, std::string_view other) {
  return std::ranges::equal(one, other, {}, LowerCase, LowerCase);
}

void Headers::Add(std::string_view name, std::string_view value) {
  if (!IsToken(name)) return;
  Header& header = headers_.emplace_back(std::string(name), std::string(value));
  std::ranges::replace_if(
      header.value, [](char byte) { return byte == '\r' || byte == '\n' || byte == '\0'; }, ' ');
}

std::optional<std::string> Headers::List(std::string_view name) const {
  std::optional<std::string> list;
  for (const Header& header : headers_) {
    if (!EqualsIgnoringCase(header.name, name)) continue;
    if (!list) {
      list.emplace(header.value);
    } else {
      *list += ", ";
      *list += header.value;
    }
  }
  return list;
}

std::optional<std::vector<std::string_view>> SplitList(std::string_view field) {
  if (field.size() > kFieldBytesMax) return std::nullopt;
  return SplitOutsideQuotes(field, ',');
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, IsTokenByte);
}

std::optional<EntityTag> EntityTag::Parse(std::string_view text) {
  EntityTag tag;
  // "W/" is case-sensitive.
  if (text.starts_with("W/")) {
    tag.is_weak = true;
    text.remove_prefix(2);
  }
  if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return std::nullopt;
  const std::string_view opaque = text.substr(1, text.size() - 2);
  const bool is_readable = std::ranges::all_of(opaque, [](char byte) {
    const auto code = static_cast<unsigned char>(byte);
    return code == 0x21 || (code >= 0x23 && code != 0x7F);
  });
  if (!is_readable) return std::nullopt;
  tag.opaque = opaque;
  return tag;
}

EntityTag EntityTag::Of(std::string_view kind, std::string_view body) {
  // The digest of two digests: where `kind` ends cannot be forged.
  std::array<unsigned char, 2 * SHA256_DIGEST_LENGTH> parts;
  SHA256(reinterpret_cast<const unsigned char*>(kind.data()), kind.size(), parts.data());
  SHA256(reinterpret_cast<const unsigned char*>(body.data()), body.size(),
         parts.data() + SHA256_DIGEST_LENGTH);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(parts.data(), parts.size(), digest.data());
  EntityTag tag;
  for (std::size_t i = 0; i < kEntityTagBytes; ++i) {
    constexpr std::string_view kHexDigits = "0123456789abcdef";
    tag.opaque += kHexDigits[digest[i] >> 4];
    tag.opaque += kHexDigits[digest[i] & 15];
  }
  return tag;
}

std::string EntityTag::text() const {
  std::string text = is_weak ? "W/\"" : "\"";
  text += opaque;
  text += '"';
  return text;
}

std::optional<EntityTagList> EntityTagList::Parse(std::string_view field) {
  EntityTagList list;
  if (TrimBlanks(field) == "*") {
    list.is_any = true;
    return list;
  }
  // Not SplitList: in an entity-tag a backslash escapes nothing.
  if (field.size() > kFieldBytesMax) return std::nullopt;
  while (true) {
    const std::size_t begin = field.find_first_not_of(" \t,");
    if (begin == field.npos) break;
    field.remove_prefix(begin);
    const std::size_t open = field.find('"');
    const std::size_t close = open == field.npos ? open : field.find('"', open + 1);
    if (close == field.npos || list.tags.size() == kListItemsMax) return std::nullopt;
    std::optional<EntityTag> tag = EntityTag::Parse(field.substr(0, close + 1));
    field = TrimBlanks(field.substr(close + 1));
    if (!tag || (!field.empty() && field.front() != ',')) return std::nullopt;
    list.tags.push_back(std::move(*tag));
  }
  return list;
}

std::optional<UnixTime> ParseDate(std::string_view text, UnixTime now) {
  // Sun, 06 Nov 1994 08:49:37 GMT
  DateReader fixed(text);
  fixed.TakeName(kDays).Take(", ").TakeDay().Take(" ").TakeMonth().Take(" ").TakeYear(4).Take(" ");
  if (const auto moment = fixed.TakeTime().Take(" GMT").Finish()) return moment;
  // Sunday, 06-Nov-94 08:49:37 GMT
  DateReader rfc850(text);
  rfc850.TakeName(kLongDays).Take(", ").TakeDay().Take("-").TakeMonth().Take("-").TakeYear(2);
  if (const auto moment = rfc850.GuessCentury(now).Take(" ").TakeTime().Take(" GMT").Finish())
    return moment;
  // Sun Nov  6 08:49:37 1994
  DateReader asctime(text);
  asctime.TakeName(kDays).Take(" ").TakeMonth().Take(" ").TakePaddedDay().Take(" ");
  return asctime.TakeTime().Take(" ").TakeYear(4).Finish();
}

std::string FormatDate(UnixTime moment) {
  using namespace std::chrono;
  const auto midnight = floor<days>(moment);
  const year_month_day date(midnight);
  const hh_mm_ss time(floor<seconds>(moment) - midnight);
  std::string text(kDays[weekday(midnight).c_encoding()]);
  text += ", ";
  AppendTwoDigits(static_cast<unsigned>(date.day()), text);
  text += ' ';
  text += kMonths[static_cast<unsigned>(date.month()) - 1];
  text += ' ';
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  AppendTwoDigits(year / 100, text);
  AppendTwoDigits(year % 100, text);
  text += ' ';
  AppendTwoDigits(static_cast<unsigned>(time.hours().count()), text);
  text += ':';
  AppendTwoDigits(static_cast<unsigned>(time.minutes().count()), text);
  text += ':';
  AppendTwoDigits(static_cast<unsigned>(time.seconds().count()), text);
  text += " GMT";
  return text;
}

CacheControl CacheControl::Parse(std::string_view field) {
  CacheControl control;
  const auto items = SplitList(field);
  if (!items) {
    control.no_store = true;
    return control;
  }
  for (const std::string_view item : *items) Apply(DirectiveOf(item), control);
  return control;
}

}  // namespace cairn::cache::http
