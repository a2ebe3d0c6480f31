// SPDX-License-Identifier: BSD-3-Clause
// The steps of a leaderboard: a script each, over the keys of periods.h.
#include "cairn/leaderboard.h"

#include <algorithm>
#include <cmath>

#include "objects/periods.h"

namespace cairn::cache::internal {
namespace {

// ARGV first period_ms offset_ms keep ago ...
constexpr const char* kShared = R"(
local key, goes = KEYS[1], nil
if period_ms > 0 then
  local present = number()
  key = KEYS[present - tonumber(ARGV[5]) - tonumber(ARGV[1]) + 1]
  if not key then return apart end
  goes = ends(present, tonumber(ARGV[4]))
end
local function limit()
  if goes then redis.call('PEXPIREAT', key, goes) end
end
local function rows(first, count)
  local found = redis.call('ZREVRANGE', key, first, first + count - 1, 'WITHSCORES')
  table.insert(found, 1, first)
  return found
end
)";

Script Make(const char* body) {
  constexpr const char* kArguments =
      "local period_ms, offset_ms = tonumber(ARGV[2]), tonumber(ARGV[3])";
  return Script(std::string(kArguments) + kPeriodScript + kShared + body);
}

const Script& AddScript() {
  static const Script script = Make(R"(
local score = redis.call('ZINCRBY', key, ARGV[7], ARGV[6])
limit()
return score)");
  return script;
}

const Script& SetScript() {
  static const Script script = Make(R"(
local changed
if ARGV[8] == 'GT' then
  changed = redis.call('ZADD', key, 'GT', 'CH', ARGV[7], ARGV[6])
else
  changed = redis.call('ZADD', key, 'CH', ARGV[7], ARGV[6])
end
limit()
return changed)");
  return script;
}

const Script& RemoveScript() {
  static const Script script = Make("return redis.call('ZREM', key, ARGV[6])");
  return script;
}

const Script& TopScript() {
  static const Script script = Make(R"(
local count = tonumber(ARGV[6])
if count == 0 then return {0} end
return rows(0, count))");
  return script;
}

const Script& AroundScript() {
  static const Script script = Make(R"(
local rank = redis.call('ZREVRANK', key, ARGV[6])
local count = tonumber(ARGV[7])
if not rank or count == 0 then return {0} end
local last_first = math.max(redis.call('ZCARD', key) - count, 0)
return rows(math.min(math.max(rank - math.floor(count / 2), 0), last_first), count))");
  return script;
}

const Script& SizeScript() {
  static const Script script = Make("return redis.call('ZCARD', key)");
  return script;
}

Result<void> CheckScore(double score) {
  if (std::isnan(score)) return Fail(Errc::kInvalid, "a score is a number");
  return {};
}

std::string ScoreText(double score) { return std::string(Command("x", score)[1]); }

}  // namespace

Board::Board(Store store, LeaderboardOptions options)
    : store_(std::move(store)), options_(std::move(options)) {
  options_.prefix = Braced(options_.prefix);
}

Result<void> Board::Check(PeriodsAgo ago) const {
  const bool is_periodic = options_.period != Period::kAllTime;
  if (is_periodic && options_.keep < 0)
    return Fail(Errc::kInvalid, "a leaderboard keeps 0 past periods or more");
  if (!IsKept({.ago = ago.value}, is_periodic ? options_.keep : 0))
    return Fail(Errc::kInvalid, "a leaderboard of a period that is not kept");
  return {};
}

Board::Step Board::Make(const Script& script, PeriodsAgo ago) const {
  Step step{.valid = Check(ago), .script = &script};
  const Period period = options_.period;
  std::int64_t first = 0;
  if (period == Period::kAllTime) {
    step.keys.push_back(options_.prefix + ":all");
  } else {
    first = PeriodNumber(period, store_.clock().UnixNow()) - 1 - ago.value;
    for (std::int64_t number = first; number < first + 3; ++number)
      step.keys.push_back(options_.prefix + (period == Period::kWeek ? ":week:" : ":day:") +
                          std::to_string(number));
  }
  for (const std::int64_t number :
       {first, PeriodMs(period), PeriodOffsetMs(period), static_cast<std::int64_t>(options_.keep),
        static_cast<std::int64_t>(ago.value)})
    step.arguments.push_back(std::to_string(number));
  return step;
}

Board::Step Board::AddStep(std::string member, double delta) const {
  Step step = Make(AddScript(), {});
  if (step.valid) step.valid = CheckScore(delta);
  step.arguments.push_back(std::move(member));
  step.arguments.push_back(ScoreText(delta));
  return step;
}

Board::Step Board::SetStep(std::string member, double score, SetScore when) const {
  Step step = Make(SetScript(), {});
  if (step.valid) step.valid = CheckScore(score);
  step.arguments.push_back(std::move(member));
  step.arguments.push_back(ScoreText(score));
  step.arguments.emplace_back(when == SetScore::kIfHigher ? "GT" : "");
  return step;
}

Board::Step Board::RemoveStep(std::string member) const {
  Step step = Make(RemoveScript(), {});
  step.arguments.push_back(std::move(member));
  return step;
}

Board::Step Board::TopStep(std::size_t count, PeriodsAgo ago) const {
  Step step = Make(TopScript(), ago);
  step.arguments.push_back(std::to_string(std::min(count, kRowsMax)));
  return step;
}

Board::Step Board::AroundStep(std::string member, std::size_t count, PeriodsAgo ago) const {
  Step step = Make(AroundScript(), ago);
  step.arguments.push_back(std::move(member));
  step.arguments.push_back(std::to_string(std::min(count, kRowsMax)));
  return step;
}

// Its own row is the one around it.
Board::Step Board::PlaceStep(std::string member, PeriodsAgo ago) const {
  return AroundStep(std::move(member), 1, ago);
}

Board::Step Board::SizeStep(PeriodsAgo ago) const { return Make(SizeScript(), ago); }

Task<Result<Reply>> Board::Run(Step step) const {
  if (!step.valid) co_return Pass(std::move(step.valid));
  const Store store = store_;
  co_return co_await store.client().CoEval(*step.script, std::move(step.keys),
                                           std::move(step.arguments));
}

Result<double> Board::ReadScore(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  return reply->AsDouble();
}

Result<bool> Board::ReadYes(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  return reply->AsInteger().value_or(0) == 1;
}

Result<std::size_t> Board::ReadSize(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  return static_cast<std::size_t>(reply->AsInteger().value_or(0));
}

Result<std::vector<Board::Row>> Board::ReadRows(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  const auto words = reply->elements();
  if (words.empty()) return Fail(Errc::kProtocol, "not rows of a leaderboard");
  std::int64_t rank = words[0].AsInteger().value_or(0);
  std::vector<Row> rows;
  for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
    const Result<double> score = words[i + 1].AsDouble();
    if (!score) return std::unexpected(score.error());
    rows.push_back({.member = std::string(words[i].text()), .score = *score, .rank = {++rank}});
  }
  return rows;
}

}  // namespace cairn::cache::internal
