// SPDX-License-Identifier: BSD-3-Clause
// What objects with a key a period share. A script is told the keys of the periods around the one
// that this machine takes for the present, and the number of the first; the server's clock decides
// which are meant (kPeriodScript), and in a cluster they are in one slot.
#ifndef CAIRN_TOOLKIT_OBJECTS_PERIODS_H_
#define CAIRN_TOOLKIT_OBJECTS_PERIODS_H_

#include <cstdint>
#include <string>

#include "cairn/clock.h"
#include "cairn/key.h"
#include "cairn/period.h"

namespace cairn::cache::internal {

constexpr std::int64_t kDayMs = 86'400'000;

inline std::int64_t PeriodMs(Period period) {
  if (period == Period::kAllTime) return 0;
  return period == Period::kWeek ? 7 * kDayMs : kDayMs;
}
// The epoch was a Thursday: what makes weeks begin on Monday.
inline std::int64_t PeriodOffsetMs(Period period) {
  return period == Period::kWeek ? 3 * kDayMs : 0;
}
inline std::int64_t PeriodNumber(Period period, UnixTime now) {
  return (now.time_since_epoch().count() + PeriodOffsetMs(period)) / PeriodMs(period);
}

// In braces, unless it has a hash tag.
inline std::string Braced(const std::string& prefix) {
  return HashTag(prefix).size() < prefix.size() ? prefix : "{" + prefix + "}";
}

// Whether these are among the present period and the `keep` before it.
inline bool IsKept(PeriodSpan span, int keep) {
  return span.ago >= 0 && span.periods >= 1 && keep >= 0 &&
         std::int64_t{span.ago} + span.periods <= std::int64_t{keep} + 1;
}

// number(): the present period's; ends(number, keep): when what belongs to it goes, in Unix ms.
// REQUIRES: period_ms and offset_ms
constexpr const char* kPeriodScript = R"(
local function number()
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  return math.floor((now + offset_ms) / period_ms)
end
local function ends(number, keep)
  return string.format('%.0f', (number + 1 + keep) * period_ms - offset_ms)
end
local apart = redis.error_reply('CLOCK the clocks of client and server differ')
)";

}  // namespace cairn::cache::internal

#endif  // CAIRN_TOOLKIT_OBJECTS_PERIODS_H_
