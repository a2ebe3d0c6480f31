// SPDX-License-Identifier: BSD-3-Clause
// Bits in segments. A count over days is made of BITOP into a key that the same script deletes.
#include "cairn/bitmaps.h"

#include <algorithm>
#include <utility>

#include "objects/periods.h"

namespace cairn::cache {
namespace {

using internal::Braced;
using internal::kDayMs;
using internal::PeriodNumber;

Result<void> CheckId(DenseId id, std::uint64_t ids_max) {
  if (id.value < std::min(ids_max, kDenseIdsMax)) return {};
  return Fail(Errc::kLimit, "id " + std::to_string(id.value) + " is not below ids_max (" +
                                std::to_string(ids_max) +
                                "): a bitmap is as long as its highest bit, so ids are to be "
                                "dense; see DenseIds");
}

std::uint64_t SegmentsOf(std::uint64_t ids_max) {
  return (std::min(ids_max, kDenseIdsMax) + kSegmentBits - 1) / kSegmentBits;
}

Result<bool> ReadBit(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  return reply->AsInteger().value_or(0) == 1;
}

Result<std::uint64_t> ReadCount(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  return static_cast<std::uint64_t>(reply->AsInteger().value_or(0));
}

// KEYS numbers, ARGV id ids_max
const Script& DenseIdScript() {
  static const Script script(R"(
local number = redis.call('HGET', KEYS[1], ARGV[1])
if number then return tonumber(number) end
number = redis.call('HLEN', KEYS[1])
if number >= tonumber(ARGV[2]) then return -1 end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', number))
return number)");
  return script;
}

Script MakeDaily(const char* body) {
  return Script("local period_ms, offset_ms = 86400000, 0" + std::string(internal::kPeriodScript) +
                body);
}

// KEYS of three days, ARGV first keep offset
const Script& MarkScript() {
  static const Script script = MakeDaily(R"(
local present = number()
local key = KEYS[present - tonumber(ARGV[1]) + 1]
if not key then return apart end
local before = redis.call('SETBIT', key, ARGV[3], 1)
redis.call('PEXPIREAT', key, ends(present, tonumber(ARGV[2])))
return before)");
  return script;
}

// KEYS temporary, then of each day its segments; ARGV first segments ago days operation
const Script& CountScript() {
  static const Script script = MakeDaily(R"(
local segments, days = tonumber(ARGV[2]), tonumber(ARGV[4])
local first = number() - tonumber(ARGV[3]) - days + 1 - tonumber(ARGV[1])
local sum = 0
for segment = 1, segments do
  local step = {'BITOP', ARGV[5], KEYS[1]}
  for day = first, first + days - 1 do
    local key = KEYS[1 + day * segments + segment]
    if day < 0 or not key then return apart end
    step[#step + 1] = key
  end
  redis.call(unpack(step))
  sum = sum + redis.call('BITCOUNT', KEYS[1])
end
redis.call('DEL', KEYS[1])
return sum)");
  return script;
}

}  // namespace

DenseIds::DenseIds(Store store, BitmapOptions options)
    : store_(std::move(store)), options_(std::move(options)) {}

Result<DenseId> DenseIds::Of(std::string_view id) const { return SyncWait(CoOf(std::string(id))); }
Task<Result<DenseId>> DenseIds::CoOf(std::string id) const {
  std::vector<std::string> keys(1, Braced(options_.prefix) + ":numbers");
  std::vector<std::string> arguments = {std::move(id), std::to_string(options_.ids_max)};
  const CallOptions call{.idempotence = Idempotence::kYes};
  const Result<Reply> reply =
      co_await store_.client().CoEval(DenseIdScript(), std::move(keys), std::move(arguments), call);
  if (!reply) co_return std::unexpected(reply.error());
  const std::int64_t number = reply->AsInteger().value_or(-1);
  if (number < 0) co_return Fail(Errc::kLimit, "ids_max ids have numbers");
  co_return DenseId{static_cast<std::uint64_t>(number)};
}

FeatureFlags::FeatureFlags(Store store, BitmapOptions options)
    : store_(std::move(store)), options_(std::move(options)) {
  options_.prefix = Braced(options_.prefix);
}

std::string FeatureFlags::Key(std::string_view flag, std::uint64_t segment) const {
  return options_.prefix + ":flag:" + std::string(flag) + ":" + std::to_string(segment);
}

Result<Command> FeatureFlags::BitCommand(std::string_view name, std::string_view flag,
                                         DenseId user) const {
  if (Result<void> checked = CheckId(user, options_.ids_max); !checked)
    return Pass(std::move(checked));
  return Command(name, Key(flag, user.value / kSegmentBits), user.value % kSegmentBits);
}

Result<bool> FeatureFlags::Set(std::string_view flag, DenseId user, bool is_on) const {
  return SyncWait(CoSet(std::string(flag), user, is_on));
}
Task<Result<bool>> FeatureFlags::CoSet(std::string flag, DenseId user, bool is_on) const {
  Result<Command> command = BitCommand("SETBIT", flag, user);
  if (!command) co_return Pass(std::move(command));
  command->Add(is_on ? 1 : 0);
  co_return ReadBit(co_await store_.client().CoCall(std::move(*command)));
}

Result<bool> FeatureFlags::IsOn(std::string_view flag, DenseId user) const {
  return SyncWait(CoIsOn(std::string(flag), user));
}
Task<Result<bool>> FeatureFlags::CoIsOn(std::string flag, DenseId user) const {
  Result<Command> command = BitCommand("GETBIT", flag, user);
  if (!command) co_return Pass(std::move(command));
  co_return ReadBit(co_await store_.client().CoCall(std::move(*command)));
}

Result<std::vector<bool>> FeatureFlags::AreOn(std::vector<std::string> flags, DenseId user) const {
  return SyncWait(CoAreOn(std::move(flags), user));
}
Task<Result<std::vector<bool>>> FeatureFlags::CoAreOn(std::vector<std::string> flags,
                                                      DenseId user) const {
  std::vector<Command> commands;
  for (const std::string& flag : flags) {
    Result<Command> command = BitCommand("GETBIT", flag, user);
    if (!command) co_return Pass(std::move(command));
    commands.push_back(std::move(*command));
  }
  Replies replies = co_await store_.client().CoPipeline(std::move(commands));
  std::vector<bool> bits;
  for (Result<Reply>& reply : replies) {
    const Result<bool> bit = ReadBit(std::move(reply));
    if (!bit) co_return std::unexpected(bit.error());
    bits.push_back(*bit);
  }
  co_return bits;
}

Result<std::uint64_t> FeatureFlags::Count(std::string_view flag) const {
  return SyncWait(CoCount(std::string(flag)));
}
Task<Result<std::uint64_t>> FeatureFlags::CoCount(std::string flag) const {
  std::vector<Command> commands;
  commands.reserve(SegmentsOf(options_.ids_max));
  for (std::uint64_t i = 0; i < SegmentsOf(options_.ids_max); ++i)
    commands.emplace_back("BITCOUNT", Key(flag, i));
  Replies replies = co_await store_.client().CoPipeline(std::move(commands));
  std::uint64_t sum = 0;
  for (Result<Reply>& reply : replies) {
    const Result<std::uint64_t> count = ReadCount(std::move(reply));
    if (!count) co_return std::unexpected(count.error());
    sum += *count;
  }
  co_return sum;
}

Result<void> FeatureFlags::Clear(std::string_view flag) const {
  return SyncWait(CoClear(std::string(flag)));
}
Task<Result<void>> FeatureFlags::CoClear(std::string flag) const {
  Command remove("UNLINK");
  for (std::uint64_t i = 0; i < SegmentsOf(options_.ids_max); ++i) remove.Add(Key(flag, i));
  Result<Reply> reply = co_await store_.client().CoCall(std::move(remove));
  if (!reply) co_return Pass(std::move(reply));
  co_return Result<void>();
}

DailyActives::DailyActives(Store store, ActivesOptions options)
    : store_(std::move(store)), options_(std::move(options)) {
  options_.prefix = Braced(options_.prefix);
  options_.keep = std::clamp(options_.keep, 0, kDaysMax);
}

std::string DailyActives::Key(std::int64_t day, std::uint64_t segment) const {
  return options_.prefix + ":day:" + std::to_string(day) + ":" + std::to_string(segment);
}

Result<bool> DailyActives::Mark(DenseId user) const { return SyncWait(CoMark(user)); }
Task<Result<bool>> DailyActives::CoMark(DenseId user) const {
  if (Result<void> checked = CheckId(user, options_.ids_max); !checked)
    co_return Pass(std::move(checked));
  const std::int64_t first = PeriodNumber(Period::kDay, store_.clock().UnixNow()) - 1;
  std::vector<std::string> keys;
  for (std::int64_t day = first; day < first + 3; ++day)
    keys.push_back(Key(day, user.value / kSegmentBits));
  std::vector<std::string> arguments = {std::to_string(first), std::to_string(options_.keep),
                                        std::to_string(user.value % kSegmentBits)};
  const CallOptions call{.idempotence = Idempotence::kYes};
  Result<bool> before = ReadBit(
      co_await store_.client().CoEval(MarkScript(), std::move(keys), std::move(arguments), call));
  if (!before) co_return before;
  co_return !*before;
}

Task<Result<std::uint64_t>> DailyActives::CoCount(std::string operation, PeriodSpan days) const {
  if (!internal::IsKept(days, options_.keep))
    co_return Fail(Errc::kInvalid, "days within those that are kept");
  const std::int64_t today = PeriodNumber(Period::kDay, store_.clock().UnixNow());
  const std::int64_t first = today - days.ago - days.periods;
  const std::uint64_t segments = SegmentsOf(options_.ids_max);
  std::vector<std::string> keys(1, options_.prefix + ":count");
  for (std::int64_t day = first; day <= today - days.ago + 1; ++day) {
    for (std::uint64_t i = 0; i < segments; ++i) keys.push_back(Key(day, i));
  }
  std::vector<std::string> arguments = {std::to_string(first), std::to_string(segments),
                                        std::to_string(days.ago), std::to_string(days.periods),
                                        std::move(operation)};
  co_return ReadCount(
      co_await store_.client().CoEval(CountScript(), std::move(keys), std::move(arguments)));
}

Result<std::uint64_t> DailyActives::CountAny(PeriodSpan days) const {
  return SyncWait(CoCountAny(days));
}
Task<Result<std::uint64_t>> DailyActives::CoCountAny(PeriodSpan days) const {
  return CoCount("OR", days);
}
Result<std::uint64_t> DailyActives::CountAll(PeriodSpan days) const {
  return SyncWait(CoCountAll(days));
}
Task<Result<std::uint64_t>> DailyActives::CoCountAll(PeriodSpan days) const {
  return CoCount("AND", days);
}

}  // namespace cairn::cache
