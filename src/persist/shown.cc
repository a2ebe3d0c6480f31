// SPDX-License-Identifier: BSD-3-Clause
// Nothing here believes what it shows: any bytes, any number.
#include "persist/shown.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"

namespace cairn::persist {
namespace {

bool IsPlain(std::string_view bytes) {
  return !bytes.empty() && std::all_of(bytes.begin(), bytes.end(), [](char byte) {
    return byte > ' ' && byte <= '~' && byte != '"' && byte != '\'' && byte != '\\';
  });
}

}  // namespace

std::string Shown(std::string_view bytes, std::size_t bytes_max) {
  if (bytes.size() > bytes_max)
    return fmt::format("{}...({} bytes)", QuoteString(bytes.substr(0, bytes_max)), bytes.size());
  return IsPlain(bytes) ? std::string(bytes) : QuoteString(bytes);
}

std::string ShownTime(std::int64_t unix_s) {
  constexpr std::int64_t kYear10000 = 253'402'300'800;
  if (unix_s < 0 || unix_s >= kYear10000) return Int64ToString(unix_s);
  const std::chrono::sys_seconds moment{std::chrono::seconds(unix_s)};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(moment - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

std::string ShownBehindRdb(std::uint64_t end, std::uint64_t file_bytes) {
  return fmt::format(
      "{} bytes follow the end of the RDB, from offset {} on: a server passes over them",
      file_bytes - end, end);
}

RdbTypeWords WordsOf(codec::RdbType type) {
  using codec::RdbType;
  switch (type) {
    case RdbType::kString:
      return {"string", "text"};
    case RdbType::kList:
      return {"list", "elements"};
    case RdbType::kSet:
      return {"set", "members"};
    case RdbType::kSortedSetText:
      return {"zset", "members, scores as text"};
    case RdbType::kHash:
      return {"hash", "fields"};
    case RdbType::kSortedSet:
      return {"zset", "members"};
    case RdbType::kModulePreRelease:
      return {"module", "of a pre-release"};
    case RdbType::kModule:
      return {"module", "self-describing"};
    case RdbType::kHashZipmap:
      return {"hash", "zipmap"};
    case RdbType::kListZiplist:
      return {"list", "ziplist"};
    case RdbType::kSetInts:
      return {"set", "intset"};
    case RdbType::kSortedSetZiplist:
      return {"zset", "ziplist"};
    case RdbType::kHashZiplist:
      return {"hash", "ziplist"};
    case RdbType::kListOfZiplists:
      return {"list", "quicklist of ziplists"};
    case RdbType::kStream1:
      return {"stream", "first form"};
    case RdbType::kHashPacked:
      return {"hash", "listpack"};
    case RdbType::kSortedSetPacked:
      return {"zset", "listpack"};
    case RdbType::kListNodes:
      return {"list", "quicklist"};
    case RdbType::kStream2:
      return {"stream", "second form"};
    case RdbType::kSetPacked:
      return {"set", "listpack"};
    case RdbType::kStream3:
      return {"stream", "third form"};
    case RdbType::kHashTimesPreRelease:
      return {"hash", "fields with times, of a pre-release"};
    case RdbType::kHashPackedTimesPreRelease:
      return {"hash", "listpack with times, of a pre-release"};
    case RdbType::kHashTimes:
      return {"hash", "fields with times"};
    case RdbType::kHashPackedTimes:
      return {"hash", "listpack with times"};
  }
  return {"unknown", "unknown"};
}

}  // namespace cairn::persist
