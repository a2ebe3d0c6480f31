// SPDX-License-Identifier: BSD-3-Clause
// PFADD with the key's end, and PFCOUNT over several keys, which merges without storing.
#include "cairn/unique_counter.h"

#include <utility>

#include "objects/periods.h"

namespace cairn::cache {
namespace {

using internal::PeriodMs;
using internal::PeriodNumber;
using internal::PeriodOffsetMs;

Script MakePeriodic(const char* body) {
  return Script("local period_ms, offset_ms = tonumber(ARGV[1]), tonumber(ARGV[2])" +
                std::string(internal::kPeriodScript) + body);
}

// KEYS of three periods, ARGV period_ms offset_ms first keep item...
const Script& AddScript() {
  static const Script script = MakePeriodic(R"(
local present = number()
local key = KEYS[present - tonumber(ARGV[3]) + 1]
if not key then return apart end
local step = {'PFADD', key}
for i = 5, #ARGV do step[#step + 1] = ARGV[i] end
local changed = redis.call(unpack(step))
redis.call('PEXPIREAT', key, ends(present, tonumber(ARGV[4])))
return changed)");
  return script;
}

// KEYS of the periods, ARGV period_ms offset_ms first ago periods
const Script& CountScript() {
  static const Script script = MakePeriodic(R"(
local first = number() - tonumber(ARGV[4]) - tonumber(ARGV[5]) + 1 - tonumber(ARGV[3])
local step = {'PFCOUNT'}
for i = first, first + tonumber(ARGV[5]) - 1 do
  if not KEYS[i + 1] then return apart end
  step[#step + 1] = KEYS[i + 1]
end
return redis.call(unpack(step)))");
  return script;
}

Result<void> CheckOptions(const UniqueCounterOptions& options) {
  if (options.period == Period::kAllTime)
    return Fail(Errc::kInvalid, "unique ones are counted by the day or the week");
  if (options.keep < 0) return Fail(Errc::kInvalid, "a counter keeps 0 past periods or more");
  return {};
}

}  // namespace

UniqueCounter::UniqueCounter(Store store, UniqueCounterOptions options)
    : store_(std::move(store)), options_(std::move(options)) {
  options_.prefix = internal::Braced(options_.prefix);
}

std::string UniqueCounter::Key(std::int64_t number) const {
  return options_.prefix + (options_.period == Period::kWeek ? ":week:" : ":day:") +
         std::to_string(number);
}

Result<bool> UniqueCounter::Add(std::vector<std::string> items) const {
  return SyncWait(CoAdd(std::move(items)));
}
Task<Result<bool>> UniqueCounter::CoAdd(std::vector<std::string> items) const {
  if (Result<void> valid = CheckOptions(options_); !valid) co_return Pass(std::move(valid));
  if (items.size() > kItemsMax)
    co_return Fail(Errc::kInvalid, "one call adds " + std::to_string(kItemsMax) + " items at most");
  const Period period = options_.period;
  const std::int64_t first = PeriodNumber(period, store_.clock().UnixNow()) - 1;
  std::vector<std::string> keys;
  for (std::int64_t number = first; number < first + 3; ++number) keys.push_back(Key(number));
  std::vector<std::string> arguments = {std::to_string(PeriodMs(period)),
                                        std::to_string(PeriodOffsetMs(period)),
                                        std::to_string(first), std::to_string(options_.keep)};
  arguments.insert(arguments.end(), items.begin(), items.end());
  const CallOptions call{.idempotence = Idempotence::kYes};
  Result<Reply> reply =
      co_await store_.client().CoEval(AddScript(), std::move(keys), std::move(arguments), call);
  if (!reply) co_return Pass(std::move(reply));
  co_return reply->AsInteger().value_or(0) == 1;
}

Result<std::uint64_t> UniqueCounter::Count(PeriodSpan span) const {
  return SyncWait(CoCount(span));
}
Task<Result<std::uint64_t>> UniqueCounter::CoCount(PeriodSpan span) const {
  if (Result<void> valid = CheckOptions(options_); !valid) co_return Pass(std::move(valid));
  if (!internal::IsKept(span, options_.keep))
    co_return Fail(Errc::kInvalid, "periods are counted within those that are kept");
  if (span.periods > kPeriodsMax)
    co_return Fail(Errc::kInvalid,
                   "one count is of " + std::to_string(kPeriodsMax) + " periods at most");
  const Period period = options_.period;
  const std::int64_t present = PeriodNumber(period, store_.clock().UnixNow());
  const std::int64_t first = present - span.ago - span.periods;
  std::vector<std::string> keys;
  for (std::int64_t number = first; number <= present - span.ago + 1; ++number)
    keys.push_back(Key(number));
  std::vector<std::string> arguments = {
      std::to_string(PeriodMs(period)), std::to_string(PeriodOffsetMs(period)),
      std::to_string(first), std::to_string(span.ago), std::to_string(span.periods)};
  Result<Reply> reply =
      co_await store_.client().CoEval(CountScript(), std::move(keys), std::move(arguments));
  if (!reply) co_return Pass(std::move(reply));
  co_return static_cast<std::uint64_t>(reply->AsInteger().value_or(0));
}

}  // namespace cairn::cache
