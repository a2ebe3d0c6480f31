// SPDX-License-Identifier: BSD-3-Clause
// Limiters: LIMIT.GCRA, LIMIT.FIXED, LIMIT.SLIDING, several at once by LIMIT.ALL, and CL.THROTTLE
// as redis-cell has it. The laws are value/limits.h's; here are words, keys and replies.
//
// A limiter is a string key with an expiry. A request that is let through stores its new state,
// which is logged as SET with PXAT; one that is refused stores and logs nothing. The time is the
// server's, read once for a command when its stripes are held: so of two commands on one key the
// later has the later time, however long its worker has had it in hand.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/families.h"
#include "commands/limit_errors.h"
#include "commands/strings.h"
#include "commands/timed_string.h"
#include "value/limits.h"

namespace cairn::commands {
namespace {

using value::Charge;
using value::Law;
using value::LimitAnswer;
using value::LimitRule;
using value::LimitState;

constexpr std::string_view kOtherContent = "WRONGTYPE Key does not hold the state of such a limit";

struct Request {
  LimitRule rule;
  std::int64_t cost = 1;
};

// What a key has, and what it would have.
struct Asked {
  LimitState state;
  LimitAnswer answer;
};

bool IsCount(std::int64_t number) { return number >= 1 && number <= value::kLimitCountMax; }

// False, with the error replied, if it is no number from 1 on.
bool ParseCount(Call& call, std::string_view text, std::int64_t* number) {
  const std::optional<std::int64_t> parsed = ParseInt64(text);
  if (parsed && IsCount(*parsed)) {
    *number = *parsed;
    return true;
  }
  call.Error(parsed ? limits::kNotPositive : command::errors::kNotAnInteger);
  return false;
}

// "limit milliseconds [BURST capacity] [COST quantity]", from argument `*at` on, which is moved on.
// False with the error replied.
bool ParseRequest(Call& call, Law law, std::size_t* at, Request* request) {
  LimitRule& rule = request->rule;
  rule.law = law;
  std::int64_t period_ms = 0;
  if (*at + 2 > call.argc()) {
    call.Error(command::errors::kSyntax);
    return false;
  }
  if (!ParseCount(call, call.arg((*at)++), &rule.limit)) return false;
  if (!ParseCount(call, call.arg((*at)++), &period_ms)) return false;
  rule.period_us = period_ms * 1000;
  rule.burst = rule.limit;
  for (; *at + 1 < call.argc(); *at += 2) {
    const bool is_burst = law == Law::kGcra && EqualsIgnoreCase(call.arg(*at), "BURST");
    if (!is_burst && !EqualsIgnoreCase(call.arg(*at), "COST")) break;
    if (!ParseCount(call, call.arg(*at + 1), is_burst ? &rule.burst : &request->cost)) return false;
  }
  if (!value::IsSound(rule)) {
    call.Error(limits::kFillsTooLong);
    return false;
  }
  if (request->cost > rule.burst) call.Error(limits::kNeverAllowed);
  return request->cost <= rule.burst;
}

// "[PEEK]", the last there is. Nothing, with the error replied, if something else stands there.
std::optional<Charge> ParseCharge(Call& call, std::size_t at) {
  if (at == call.argc()) return Charge::kTake;
  if (at + 1 == call.argc() && EqualsIgnoreCase(call.arg(at), "PEEK")) return Charge::kPeek;
  call.Error(command::errors::kSyntax);
  return std::nullopt;
}

// The state of the n-th key; nothing, with the error replied, if it is something else.
std::optional<LimitState> StateOf(Call& call, std::size_t n, Law law, Found* found) {
  if (!FindString(call, n, Access::kWrite, found)) return std::nullopt;
  if (!*found) return value::FreshState(law);
  std::optional<LimitState> state = value::ParseLimitState(law, StringOf(*found));
  if (!state) call.Error(kOtherContent);
  return state;
}

void Store(Call& call, const keyspace::KeyRef& key, const Found& found, const LimitState& state) {
  char text[value::kLimitTextMax];
  const char* end = value::FormatLimitState(text, state);
  StoreTimed(call, key, found, {text, static_cast<std::size_t>(end - text)},
             value::ForgottenAtMs(state));
}

void ReplyNumbers(Call& call, const LimitAnswer& answer, std::int64_t limit) {
  call.reply().Integer(answer.allowed ? 1 : 0);
  call.reply().Integer(limit);
  call.reply().Integer(answer.remaining);
  call.reply().Integer(value::CeilMs(answer.retry_after_us));
  call.reply().Integer(value::CeilMs(answer.reset_after_us));
}

// One key, one rule: asked, and stored if that changed something. Nothing with the error replied.
std::optional<LimitAnswer> AskKey(Call& call, const Request& request, Charge charge) {
  Found found;
  std::optional<LimitState> state = StateOf(call, 0, request.rule.law, &found);
  if (!state) return std::nullopt;
  const std::int64_t now_us = call.keyspace().clock().NowUnixUs();
  const LimitAnswer answer = value::Ask(request.rule, now_us, request.cost, charge, *state);
  if (answer.allowed && charge == Charge::kTake) Store(call, call.key(0), found, *state);
  return answer;
}

void LimitOne(Call& call, Law law) {
  Request request;
  std::size_t at = 2;
  if (!ParseRequest(call, law, &at, &request)) return;
  const std::optional<Charge> charge = ParseCharge(call, at);
  if (!charge) return;
  const std::optional<LimitAnswer> answer = AskKey(call, request, *charge);
  if (!answer) return;
  call.reply().Array(5);
  ReplyNumbers(call, *answer, request.rule.burst);
}

void LimitGcra(Call& call) { LimitOne(call, Law::kGcra); }
void LimitFixed(Call& call) { LimitOne(call, Law::kFixed); }
void LimitSliding(Call& call) { LimitOne(call, Law::kSliding); }

// --- several at once ---

std::optional<Law> ParseLaw(std::string_view word) {
  if (EqualsIgnoreCase(word, "GCRA")) return Law::kGcra;
  if (EqualsIgnoreCase(word, "FIXED")) return Law::kFixed;
  if (EqualsIgnoreCase(word, "SLIDING")) return Law::kSliding;
  return std::nullopt;
}

struct Composite {
  std::array<Request, limits::kLimitsMax> requests;
  Charge charge = Charge::kTake;
};

// False with the error replied.
bool ParseComposite(Call& call, Composite* composite) {
  const std::optional<std::int64_t> count = ParseInt64(call.arg(1));
  std::string_view error;
  if (!count || *count < 1) {
    error = command::errors::kNumkeysNotPositive;
  } else if (*count > static_cast<std::int64_t>(limits::kLimitsMax)) {
    error = limits::kTooManyLimits;
  } else if (call.key_count() != static_cast<std::size_t>(*count)) {
    error = command::errors::kSyntax;
  }
  if (!error.empty()) {
    call.Error(error);
    return false;
  }
  std::size_t at = 2 + call.key_count();
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    const std::optional<Law> law = at < call.argc() ? ParseLaw(call.arg(at++)) : std::nullopt;
    if (!law) {
      call.Error(command::errors::kSyntax);
      return false;
    }
    if (!ParseRequest(call, *law, &at, &composite->requests[n])) return false;
  }
  const std::optional<Charge> charge = ParseCharge(call, at);
  if (charge) composite->charge = *charge;
  return charge.has_value();
}

bool NamesAKeyTwice(Call& call) {
  for (std::size_t n = 1; n < call.key_count(); ++n) {
    for (std::size_t before = 0; before < n; ++before) {
      if (call.key(before).name == call.key(n).name) return true;
    }
  }
  return false;
}

// The one that decides: whoever refuses for the longest time, or else has the least left.
std::size_t DecisiveOf(std::span<const Asked> asked) {
  const auto decides = [](const Asked& a, const Asked& b) {
    if (a.answer.retry_after_us != b.answer.retry_after_us)
      return a.answer.retry_after_us > b.answer.retry_after_us;
    return a.answer.remaining < b.answer.remaining;
  };
  return static_cast<std::size_t>(std::ranges::min_element(asked, decides) - asked.begin());
}

void ReplyComposite(Call& call, const Composite& composite, std::span<const Asked> asked) {
  const std::size_t decisive = DecisiveOf(asked);
  call.reply().Array(6);
  ReplyNumbers(call, asked[decisive].answer, composite.requests[decisive].rule.burst);
  call.reply().Array(asked.size());
  for (std::size_t n = 0; n < asked.size(); ++n) {
    call.reply().Array(5);
    ReplyNumbers(call, asked[n].answer, composite.requests[n].rule.burst);
  }
}

// All are asked before one is charged. Storing one may move another, so that is found again.
void LimitAll(Call& call) {
  Composite composite;
  if (!ParseComposite(call, &composite)) return;
  if (NamesAKeyTwice(call)) return call.Error(limits::kKeyTwice);
  const std::int64_t now_us = call.keyspace().clock().NowUnixUs();
  std::array<Asked, limits::kLimitsMax> room;
  const std::span<Asked> asked(room.data(), call.key_count());
  const auto ask = [&](std::size_t n, Charge charge) {
    const Request& request = composite.requests[n];
    asked[n].answer = value::Ask(request.rule, now_us, request.cost, charge, asked[n].state);
  };
  for (std::size_t n = 0; n < asked.size(); ++n) {
    Found found;
    const auto state = StateOf(call, n, composite.requests[n].rule.law, &found);
    if (!state) return;
    asked[n].state = *state;
    ask(n, Charge::kPeek);
  }
  const bool allowed = std::ranges::all_of(asked, [](const Asked& a) { return a.answer.allowed; });
  if (allowed && composite.charge == Charge::kTake) {
    for (std::size_t n = 0; n < asked.size(); ++n) {
      ask(n, Charge::kTake);
      Store(call, call.key(n), call.txn().Find(call.key(n), Access::kPeek), asked[n].state);
    }
    call.txn().CountAs(static_cast<std::int64_t>(asked.size()));
  }
  ReplyComposite(call, composite, asked);
}

// --- redis-cell's ---

// "key max_burst count period [quantity]". False with the error replied.
bool ParseThrottle(Call& call, Request* request) {
  std::array<std::int64_t, 4> numbers = {0, 0, 0, 1};
  for (std::size_t i = 0; i + 2 < call.argc(); ++i) {
    const std::optional<std::int64_t> number = ParseInt64(call.arg(i + 2));
    if (!number) {
      call.Error(command::errors::kNotAnInteger);
      return false;
    }
    numbers[i] = *number;
  }
  const auto [max_burst, count, period_s, quantity] = numbers;
  const bool fits = max_burst >= 0 && max_burst < value::kLimitCountMax && IsCount(count) &&
                    period_s >= 1 && period_s <= value::kLimitPeriodMsMax / 1000 && quantity >= 0 &&
                    quantity <= value::kLimitCountMax;
  if (!fits) {
    call.Error(limits::kNotThrottle);
    return false;
  }
  request->rule = {
      .law = Law::kGcra, .limit = count, .period_us = period_s * 1'000'000, .burst = max_burst + 1};
  request->cost = quantity;
  if (!value::IsSound(request->rule)) call.Error(limits::kFillsTooLong);
  return value::IsSound(request->rule);
}

constexpr std::int64_t CeilSeconds(std::int64_t us) {
  return us / 1'000'000 + (us % 1'000'000 > 0 ? 1 : 0);
}

// A quantity of 0 looks only; one beyond the bucket is refused for ever, which is a retry of -1.
void Throttle(Call& call) {
  if (call.argc() > 6) return call.Error(command::errors::WrongArity(call.command().full_name));
  Request request;
  if (!ParseThrottle(call, &request)) return;
  const bool is_too_much = request.cost > request.rule.burst;
  if (is_too_much) request.cost = 0;
  const Charge charge = request.cost == 0 ? Charge::kPeek : Charge::kTake;
  std::optional<LimitAnswer> answer = AskKey(call, request, charge);
  if (!answer) return;
  const bool allowed = answer->allowed && !is_too_much;
  call.reply().Array(5);
  call.reply().Integer(allowed ? 0 : 1);
  call.reply().Integer(request.rule.burst);
  call.reply().Integer(answer->remaining);
  call.reply().Integer(allowed || is_too_much ? -1 : CeilSeconds(answer->retry_after_us));
  call.reply().Integer(CeilSeconds(answer->reset_after_us));
}

constexpr std::uint32_t kLimits = command::kWrite | command::kDenyOom | command::kFast;

constexpr Spec kSpecs[] = {
    Spec({.syntax = "LIMIT.GCRA key limit milliseconds:integer [BURST capacity:integer] "
                    "[COST quantity:integer] [PEEK]",
          .access = "RW ACCESS UPDATE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = kLimits,
          .complexity = "O(1)",
          .summary = "Asks a token bucket whether a request may go through, and charges it if so.",
          .run = &LimitGcra}),
    Spec({.syntax = "LIMIT.FIXED key limit milliseconds:integer [COST quantity:integer] [PEEK]",
          .access = "RW ACCESS UPDATE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = kLimits,
          .complexity = "O(1)",
          .summary = "Asks a limit for each fixed window whether a request may go through, and "
                     "charges it if so.",
          .run = &LimitFixed}),
    Spec({.syntax = "LIMIT.SLIDING key limit milliseconds:integer [COST quantity:integer] [PEEK]",
          .access = "RW ACCESS UPDATE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = kLimits,
          .complexity = "O(1)",
          .summary = "Asks a limit for any stretch of a period whether a request may go through, "
                     "and charges it if so.",
          .run = &LimitSliding}),
    Spec({.syntax = "LIMIT.ALL numkeys key [key ...] <GCRA | FIXED | SLIDING> limit "
                    "milliseconds:integer [BURST capacity:integer] [COST quantity:integer] "
                    "[<GCRA | FIXED | SLIDING> limit milliseconds:integer [BURST capacity:integer] "
                    "[COST quantity:integer] ...] [PEEK]",
          .access = "RW ACCESS UPDATE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(N) where N is the number of keys, at most 8",
          .summary = "Asks several limits at once: all are charged, or none is.",
          .run = &LimitAll}),
    Spec({.syntax = "CL.THROTTLE key max-burst:integer count period:integer [quantity:integer]",
          .access = "RW ACCESS UPDATE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = kLimits,
          .complexity = "O(1)",
          .summary = "Asks a token bucket as the redis-cell module does, and answers like it.",
          .run = &Throttle}),
};

}  // namespace

std::span<const Spec> LimitFamily() { return kSpecs; }

}  // namespace cairn::commands
