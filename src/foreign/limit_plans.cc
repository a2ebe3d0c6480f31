// SPDX-License-Identifier: BSD-3-Clause
// LIMIT.* and CL.THROTTLE. Words are read as commands/limit.cc reads them, and the answer is made
// by the server's own laws (value/limits.h) from the time and the state that the script has seen:
// only what decides and what is stored is in Lua.
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"
#include "command/errors.h"
#include "commands/limit_errors.h"
#include "foreign/plan.h"
#include "value/limits.h"

namespace cairn::foreign {
namespace {

using cache::Errc;
using cache::Fail;
using cache::Reply;
using cache::Result;
using value::Charge;
using value::Law;
using value::LimitAnswer;
using value::LimitRule;
using value::LimitState;

__extension__ using Wide = __int128;

// In which a bucket is full again: with a clock of ours the moment stays below 2^53.
constexpr std::int64_t kFillUsMax = 4'000'000'000'000'000;

struct Request {
  LimitRule rule;
  std::int64_t cost = 1;
};

bool IsCount(std::int64_t number) { return number >= 1 && number <= value::kLimitCountMax; }

bool FitsDoubles(const LimitRule& rule) {
  return value::IsSound(rule) && Wide{rule.burst} * rule.period_us / rule.limit <= kFillUsMax;
}

// Empty: it is a count.
std::string_view TakeCount(std::string_view text, std::int64_t* number) {
  const std::optional<std::int64_t> parsed = ParseInt64(text);
  if (!parsed) return command::errors::kNotAnInteger;
  *number = *parsed;
  return IsCount(*parsed) ? std::string_view() : commands::limits::kNotPositive;
}

// "limit milliseconds [BURST capacity] [COST quantity]" from `*at` on, which is moved on. The
// error, or nothing.
std::string_view TakeRequest(Words words, Law law, std::size_t* at, Request* request) {
  LimitRule& rule = request->rule;
  rule.law = law;
  std::int64_t period_ms = 0;
  if (*at + 2 > words.size()) return command::errors::kSyntax;
  if (const auto error = TakeCount(words[(*at)++], &rule.limit); !error.empty()) return error;
  if (const auto error = TakeCount(words[(*at)++], &period_ms); !error.empty()) return error;
  rule.period_us = period_ms * 1000;
  rule.burst = rule.limit;
  for (; *at + 1 < words.size(); *at += 2) {
    const bool is_burst = law == Law::kGcra && EqualsIgnoreCase(words[*at], "BURST");
    if (!is_burst && !EqualsIgnoreCase(words[*at], "COST")) break;
    const auto error = TakeCount(words[*at + 1], is_burst ? &rule.burst : &request->cost);
    if (!error.empty()) return error;
  }
  if (!FitsDoubles(rule)) return commands::limits::kFillsTooLong;
  return request->cost > rule.burst ? commands::limits::kNeverAllowed : std::string_view();
}

std::optional<Charge> TakeCharge(Words words, std::size_t at) {
  if (at == words.size()) return Charge::kTake;
  if (at + 1 == words.size() && EqualsIgnoreCase(words[at], "PEEK")) return Charge::kPeek;
  return std::nullopt;
}

// The six words of a key that the script reads.
void AddWords(const Request& request, std::vector<std::string>* words) {
  const LimitRule& rule = request.rule;
  const auto add = [&](std::string_view law, const std::array<Wide, 4>& numbers) {
    words->emplace_back(law);
    words->push_back(std::to_string(rule.limit));
    for (const Wide number : numbers)
      words->push_back(std::to_string(static_cast<std::int64_t>(number)));
  };
  const Wide price = Wide{request.cost} * rule.period_us;
  const Wide room = Wide{rule.burst} * rule.period_us;
  constexpr std::int64_t kSteps = value::SlidingState::kSteps;
  switch (rule.law) {
    case Law::kGcra:
      return add("G",
                 {price / rule.limit, price % rule.limit, room / rule.limit, room % rule.limit});
    case Law::kFixed:
      return add("F", {rule.period_us, request.cost, 0, 0});
    case Law::kSliding:
      return add("S", {(rule.period_us + kSteps - 1) / kSteps, request.cost, 0, 0});
  }
}

// [time, state before of each key]: the answers.
Result<std::vector<LimitAnswer>> Answers(const Reply& reply, std::span<const Request> requests,
                                         Charge charge) {
  const std::span<const Reply> seen = reply.elements();
  if (seen.empty()) return Fail(Errc::kProtocol, "not what the script replies");
  const auto now_us = seen[0].AsInteger();
  if (!now_us) return Fail(Errc::kProtocol, "not what the script replies");
  std::vector<LimitState> states;
  std::vector<LimitAnswer> answers;
  bool is_allowed = true;
  for (std::size_t n = 0; n < requests.size(); ++n) {
    const Law law = requests[n].rule.law;
    std::optional<LimitState> state = value::FreshState(law);
    // States at the end of the array that are not there are cut off with it.
    if (n + 1 < seen.size() && !seen[n + 1].is_null())
      state = value::ParseLimitState(law, seen[n + 1].text());
    if (!state) return Fail(Errc::kProtocol, "the script took for a limiter what is none");
    states.push_back(*state);
    answers.push_back(
        value::Ask(requests[n].rule, *now_us, requests[n].cost, Charge::kPeek, states[n]));
    is_allowed = is_allowed && answers[n].allowed;
  }
  if (!is_allowed || charge == Charge::kPeek) return answers;
  for (std::size_t n = 0; n < requests.size(); ++n)
    answers[n] = value::Ask(requests[n].rule, *now_us, requests[n].cost, Charge::kTake, states[n]);
  return answers;
}

std::vector<Reply> Numbers(const LimitAnswer& answer, std::int64_t limit) {
  return {Reply::Integer(answer.allowed ? 1 : 0), Reply::Integer(limit),
          Reply::Integer(answer.remaining), Reply::Integer(value::CeilMs(answer.retry_after_us)),
          Reply::Integer(value::CeilMs(answer.reset_after_us))};
}
Reply AsArray(std::vector<Reply> elements) {
  return Reply::Aggregate(Reply::Type::kArray, std::move(elements));
}

Plan PlanAsking(std::vector<std::string> keys, std::span<const Request> requests, Charge charge) {
  Plan plan{.script = ScriptId::kLimit,
            .keys = std::move(keys),
            .arguments = {charge == Charge::kTake ? "take" : "peek"}};
  for (const Request& request : requests) AddWords(request, &plan.arguments);
  return plan;
}

Result<Plan> PlanOne(Words words, Law law) {
  Request request;
  std::size_t at = 2;
  if (const auto error = TakeRequest(words, law, &at, &request); !error.empty())
    return ServerSays(error);
  const std::optional<Charge> charge = TakeCharge(words, at);
  if (!charge) return ServerSays(command::errors::kSyntax);
  Plan plan = PlanAsking({std::string(words[1])}, {&request, 1}, *charge);
  plan.finish = [request, charge = *charge](const Reply& reply) -> Result<Reply> {
    auto answers = Answers(reply, {&request, 1}, charge);
    if (!answers) return Pass(std::move(answers));
    return AsArray(Numbers((*answers)[0], request.rule.burst));
  };
  return plan;
}

Result<Plan> PlanGcra(const Planner&, Words words) { return PlanOne(words, Law::kGcra); }
Result<Plan> PlanFixed(const Planner&, Words words) { return PlanOne(words, Law::kFixed); }
Result<Plan> PlanSliding(const Planner&, Words words) { return PlanOne(words, Law::kSliding); }

// --- several at once ---

std::optional<Law> LawOf(std::string_view word) {
  if (EqualsIgnoreCase(word, "GCRA")) return Law::kGcra;
  if (EqualsIgnoreCase(word, "FIXED")) return Law::kFixed;
  if (EqualsIgnoreCase(word, "SLIDING")) return Law::kSliding;
  return std::nullopt;
}

// Whoever refuses for the longest time decides, or else who has the least left.
Reply Whole(std::span<const Request> requests, std::span<const LimitAnswer> answers) {
  std::size_t decisive = 0;
  std::vector<Reply> each;
  for (std::size_t n = 0; n < answers.size(); ++n) {
    const LimitAnswer& best = answers[decisive];
    const LimitAnswer& one = answers[n];
    const bool decides = one.retry_after_us != best.retry_after_us
                             ? one.retry_after_us > best.retry_after_us
                             : one.remaining < best.remaining;
    if (decides) decisive = n;
    each.push_back(AsArray(Numbers(one, requests[n].rule.burst)));
  }
  std::vector<Reply> whole = Numbers(answers[decisive], requests[decisive].rule.burst);
  whole.push_back(AsArray(std::move(each)));
  return AsArray(std::move(whole));
}

std::string_view TakeRequests(Words words, std::size_t count, std::size_t* at,
                              std::vector<Request>* requests) {
  for (std::size_t n = 0; n < count; ++n) {
    const std::optional<Law> law = *at < words.size() ? LawOf(words[(*at)++]) : std::nullopt;
    if (!law) return command::errors::kSyntax;
    requests->emplace_back();
    if (const auto error = TakeRequest(words, *law, at, &requests->back()); !error.empty())
      return error;
  }
  return {};
}

Result<Plan> PlanAll(const Planner&, Words words) {
  const std::optional<std::int64_t> count = ParseInt64(words[1]);
  if (!count || *count < 1) return ServerSays(command::errors::kNumkeysNotPositive);
  if (*count > static_cast<std::int64_t>(commands::limits::kLimitsMax))
    return ServerSays(commands::limits::kTooManyLimits);
  const auto key_count = static_cast<std::size_t>(*count);
  if (words.size() < 2 + key_count) return ServerSays(command::errors::kSyntax);
  std::size_t at = 2 + key_count;
  std::vector<Request> requests;
  if (const auto error = TakeRequests(words, key_count, &at, &requests); !error.empty())
    return ServerSays(error);
  const std::optional<Charge> charge = TakeCharge(words, at);
  if (!charge) return ServerSays(command::errors::kSyntax);
  const Words keys = words.subspan(2, key_count);
  for (std::size_t n = 1; n < key_count; ++n) {
    for (std::size_t before = 0; before < n; ++before) {
      if (keys[before] == keys[n]) return ServerSays(commands::limits::kKeyTwice);
    }
  }
  Plan plan = PlanAsking({keys.begin(), keys.end()}, requests, *charge);
  plan.finish = [requests, charge = *charge](const Reply& reply) -> Result<Reply> {
    auto answers = Answers(reply, requests, charge);
    if (!answers) return Pass(std::move(answers));
    return Whole(requests, *answers);
  };
  return plan;
}

// --- redis-cell's ---

constexpr std::int64_t CeilSeconds(std::int64_t us) {
  return us / 1'000'000 + (us % 1'000'000 > 0 ? 1 : 0);
}

std::string_view TakeThrottle(Words words, Request* request) {
  std::array<std::int64_t, 4> numbers = {0, 0, 0, 1};
  for (std::size_t i = 0; i + 2 < words.size(); ++i) {
    const std::optional<std::int64_t> number = ParseInt64(words[i + 2]);
    if (!number) return command::errors::kNotAnInteger;
    numbers[i] = *number;
  }
  const auto [max_burst, count, period_s, quantity] = numbers;
  const bool fits = max_burst >= 0 && max_burst < value::kLimitCountMax && IsCount(count) &&
                    period_s >= 1 && period_s <= value::kLimitPeriodMsMax / 1000 && quantity >= 0 &&
                    quantity <= value::kLimitCountMax;
  if (!fits) return commands::limits::kNotThrottle;
  request->rule = {
      .law = Law::kGcra, .limit = count, .period_us = period_s * 1'000'000, .burst = max_burst + 1};
  request->cost = quantity;
  return FitsDoubles(request->rule) ? std::string_view() : commands::limits::kFillsTooLong;
}

Result<Plan> PlanThrottle(const Planner&, Words words) {
  Request request;
  if (const auto error = TakeThrottle(words, &request); !error.empty()) return ServerSays(error);
  const bool is_too_much = request.cost > request.rule.burst;
  if (is_too_much) request.cost = 0;
  const Charge charge = request.cost == 0 ? Charge::kPeek : Charge::kTake;
  Plan plan = PlanAsking({std::string(words[1])}, {&request, 1}, charge);
  plan.finish = [request, charge, is_too_much](const Reply& reply) -> Result<Reply> {
    auto answers = Answers(reply, {&request, 1}, charge);
    if (!answers) return Pass(std::move(answers));
    const LimitAnswer& answer = (*answers)[0];
    const bool allowed = answer.allowed && !is_too_much;
    const std::int64_t retry_s = allowed || is_too_much ? -1 : CeilSeconds(answer.retry_after_us);
    return AsArray({Reply::Integer(allowed ? 0 : 1), Reply::Integer(request.rule.burst),
                    Reply::Integer(answer.remaining), Reply::Integer(retry_s),
                    Reply::Integer(CeilSeconds(answer.reset_after_us))});
  };
  return plan;
}

constexpr PlanRow kRows[] = {
    {"LIMIT.GCRA", 4, 0, &PlanGcra},       {"LIMIT.FIXED", 4, 0, &PlanFixed},
    {"LIMIT.SLIDING", 4, 0, &PlanSliding}, {"LIMIT.ALL", 6, 0, &PlanAll},
    {"CL.THROTTLE", 5, 6, &PlanThrottle},
};

}  // namespace

std::span<const PlanRow> LimitPlans() { return kRows; }

}  // namespace cairn::foreign
