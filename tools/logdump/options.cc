// SPDX-License-Identifier: BSD-3-Clause
// Options may stand in any order, before the path or behind it.
#include "logdump/options.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <utility>

#include "base/text.h"

namespace cairn::logdump {
namespace {

// Digits and nothing else, so many.
std::optional<unsigned> Digits(std::string_view text) {
  unsigned number = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = 10 * number + static_cast<unsigned>(digit - '0');
  }
  return number;
}

// "2026-11-21T17:45:29": each group of digits has its place, and what stands before it.
std::optional<std::int64_t> ParseMoment(std::string_view text) {
  struct Field {
    std::size_t begin;
    std::size_t size;
    char sign;  // behind it
  };
  constexpr std::array kFields = {Field{0, 4, '-'},  Field{5, 2, '-'},  Field{8, 2, 'T'},
                                  Field{11, 2, ':'}, Field{14, 2, ':'}, Field{17, 2, 'Z'}};
  constexpr std::size_t kDayBytes = 10;
  constexpr std::size_t kSecondBytes = 19;
  if (text.ends_with('Z')) text.remove_suffix(1);
  if (text.size() != kDayBytes && text.size() != kSecondBytes) return std::nullopt;
  std::array<unsigned, kFields.size()> values{};
  for (std::size_t i = 0; i < kFields.size() && kFields[i].begin < text.size(); ++i) {
    const Field& field = kFields[i];
    const std::optional<unsigned> value = Digits(text.substr(field.begin, field.size));
    const std::size_t end = field.begin + field.size;
    if (!value || (end < text.size() && text[end] != field.sign)) return std::nullopt;
    values[i] = *value;
  }
  const auto [year, month, day, hour, minute, second] = values;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

Status Wrong(std::string_view word) {
  return {StatusCode::kInvalid, "not understood: " + std::string(word)};
}

bool IsAnyOf(std::span<const std::string> words, std::string_view a, std::string_view b) {
  return std::ranges::any_of(words,
                             [&](const std::string& word) { return word == a || word == b; });
}

Status TakeOption(std::string_view name, const std::string& value, Options& options) {
  if (name == "--key") {
    options.key = value;
    return {};
  }
  if (name == "--db") {
    const std::optional<std::int64_t> db = ParseInt64(value);
    if (!db || *db < 0 || *db > std::numeric_limits<std::int32_t>::max()) return Wrong(value);
    options.db = static_cast<std::uint32_t>(*db);
    return {};
  }
  if (name != "--from" && name != "--to") return Wrong(name);
  const std::optional<Bound> bound = ParseBound(value);
  if (!bound) return Wrong(value);
  (name == "--from" ? options.from : options.to) = *bound;
  return {};
}

}  // namespace

std::optional<Bound> ParseBound(std::string_view text) {
  if (text.starts_with('@')) {
    const std::optional<std::int64_t> time_s = ParseInt64(text.substr(1));
    if (!time_s) return std::nullopt;
    return Bound{.offset = {}, .time_s = time_s};
  }
  if (const std::optional<std::uint64_t> offset = ParseUint64(text))
    return Bound{.offset = offset, .time_s = {}};
  const std::optional<std::int64_t> moment = ParseMoment(text);
  if (!moment) return std::nullopt;
  return Bound{.offset = {}, .time_s = moment};
}

Result<Options> ParseOptions(std::span<const std::string> words) {
  Options options;
  if (IsAnyOf(words, "-h", "--help"))
    options.action = Options::Action::kHelp;
  else if (IsAnyOf(words, "-v", "--version"))
    options.action = Options::Action::kVersion;
  if (options.action != Options::Action::kDump) return options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--full") {
      options.arg_bytes_max = std::numeric_limits<std::size_t>::max();
    } else if (words[i].starts_with('-') && !words[i].starts_with("--")) {
      return std::unexpected(Wrong(words[i]));
    } else if (words[i].starts_with("--")) {
      if (i + 1 == words.size()) return std::unexpected(Wrong(words[i]));
      const Status taken = TakeOption(words[i], words[i + 1], options);
      if (!taken.ok()) return std::unexpected(taken);
      ++i;
    } else if (options.path.empty()) {
      options.path = words[i];
    } else {
      return std::unexpected(Wrong(words[i]));
    }
  }
  if (options.path.empty()) return Fail(StatusCode::kInvalid, "which file?");
  return options;
}

}  // namespace cairn::logdump
