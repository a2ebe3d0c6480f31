// SPDX-License-Identifier: BSD-3-Clause
// The laws. The roads not taken: a log of requests, whose memory grows with the traffic that it is
// to hold down; and two counters weighted by how far the window has moved, which let up to twice
// the limit through where requests come at a window's end.
#include "value/limits.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/text.h"

namespace cairn::value {
namespace {

__extension__ using Wide = __int128;

constexpr std::int64_t kSteps = SlidingState::kSteps;
// Of moments and numbers that a text may hold: beside them nothing that is added overflows.
constexpr std::int64_t kStoredMax = std::int64_t{1} << 61;

static_assert(Wide{kLimitCountMax} * kLimitPeriodMsMax * 1000 < (Wide{1} << 126));
static_assert(Wide{kStoredMax} * kLimitCountMax < (Wide{1} << 126));

constexpr Wide CeilDiv(Wide number, Wide by) { return (number + by - 1) / by; }

// The moments that a text may hold lie below kStoredMax, so what is left until one fits 64 bits.
std::int64_t Narrow(Wide number) {
  DCHECK(number >= 0);
  DCHECK(number <= INT64_MAX);
  return static_cast<std::int64_t>(number);
}

std::int64_t StepOf(const LimitRule& rule) { return (rule.period_us + kSteps - 1) / kSteps; }

// When a sub-window counts no more: a period after it has ended, or a little later.
std::int64_t ForgottenAtUs(const SlidingState& state, std::int64_t number) {
  return (number + kSteps + 1) * state.step_us;
}

// The counts as they stand at `now_us`, in steps of `step_us`. Those of another length (the rule
// has changed) go to the sub-window of the latest moment at which they can have been made.
SlidingState AlignedTo(const SlidingState& state, std::int64_t step_us, std::int64_t now_us) {
  SlidingState aligned = {.step_us = step_us, .head = now_us / step_us, .counts = {}};
  const bool same = state.step_us == step_us;
  // The clock went back: it stands still until it has caught up.
  if (same) aligned.head = std::max(aligned.head, state.head);
  for (std::int64_t i = 0; i <= kSteps; ++i) {
    const std::int64_t count = state.counts[static_cast<std::size_t>(i)];
    if (count == 0) continue;
    const std::int64_t number = state.head - i;
    const std::int64_t at =
        same ? number : std::min((number + 1) * state.step_us - 1, now_us) / step_us;
    const std::int64_t age = aligned.head - at;
    if (age <= kSteps) aligned.counts[static_cast<std::size_t>(age)] += count;
  }
  return aligned;
}

// Until so many have been forgotten. REQUIRES: there are so many.
std::int64_t UntilForgotten(const SlidingState& state, std::int64_t wanted, std::int64_t now_us) {
  std::int64_t forgotten = 0;
  for (std::int64_t i = kSteps; i >= 0; --i) {
    forgotten += state.counts[static_cast<std::size_t>(i)];
    if (forgotten >= wanted) return ForgottenAtUs(state, state.head - i) - now_us;
  }
  CHECK(false);
  return 0;
}

// --- texts ---

// Takes the number in front of `end` (or of the text's end, if that is '\0').
bool TakeNumber(std::string_view& text, char end, std::int64_t* number) {
  const std::size_t at = end == '\0' ? text.size() : text.find(end);
  if (at == text.npos) return false;
  const std::optional<std::int64_t> parsed = ParseInt64(text.substr(0, at));
  if (!parsed || *parsed < 0 || *parsed > kStoredMax) return false;
  *number = *parsed;
  text.remove_prefix(std::min(at + 1, text.size()));
  return true;
}

bool Take(std::string_view text, GcraState& state) {
  return TakeNumber(text, ':', &state.tat_us) && TakeNumber(text, '/', &state.part) &&
         TakeNumber(text, '\0', &state.of) && state.part < state.of && state.of <= kLimitCountMax;
}

bool Take(std::string_view text, FixedState& state) {
  return TakeNumber(text, ':', &state.end_us) && TakeNumber(text, '\0', &state.count);
}

bool Take(std::string_view text, SlidingState& state) {
  if (!TakeNumber(text, ':', &state.step_us) || !TakeNumber(text, ':', &state.head)) return false;
  if (state.step_us < 1) return false;
  // The moment at which the last of them is forgotten is one, too.
  if (Wide{state.head + kSteps + 1} * state.step_us > kStoredMax) return false;
  std::int64_t sum = 0;
  for (std::int64_t& count : state.counts) {
    const bool is_last = text.find(',') == text.npos;
    if (!TakeNumber(text, is_last ? '\0' : ',', &count)) return false;
    sum += std::min(count, kLimitCountMax + 1);
    if (sum > kLimitCountMax) return false;
    if (is_last) return true;
  }
  return false;  // there are more than that
}

constexpr std::array<std::string_view, 3> kPrefixes = {"G1:", "F1:", "S1:"};

char* Put(char* out, std::string_view text) { return std::ranges::copy(text, out).out; }

char* Format(char* out, const GcraState& state) {
  out = FormatInt64(out, state.tat_us);
  *out++ = ':';
  out = FormatInt64(out, state.part);
  *out++ = '/';
  return FormatInt64(out, state.of);
}

char* Format(char* out, const FixedState& state) {
  out = FormatInt64(out, state.end_us);
  *out++ = ':';
  return FormatInt64(out, state.count);
}

// Without the zeros at the end.
char* Format(char* out, const SlidingState& state) {
  out = FormatInt64(out, state.step_us);
  *out++ = ':';
  out = FormatInt64(out, state.head);
  std::size_t size = state.counts.size();
  while (size > 1 && state.counts[size - 1] == 0) --size;
  for (std::size_t i = 0; i < size; ++i) {
    *out++ = i == 0 ? ':' : ',';
    out = FormatInt64(out, state.counts[i]);
  }
  return out;
}

// The moment, in microseconds, rounded up.
std::int64_t EndUs(const GcraState& state) { return state.tat_us + (state.part > 0 ? 1 : 0); }
std::int64_t EndUs(const FixedState& state) { return state.end_us; }
std::int64_t EndUs(const SlidingState& state) {
  const auto* newest = std::ranges::find_if(state.counts, [](std::int64_t n) { return n > 0; });
  return ForgottenAtUs(state, state.head - (newest - state.counts.begin()));
}

}  // namespace

bool IsSound(const LimitRule& rule) {
  const auto is_count = [](std::int64_t n) { return n >= 1 && n <= kLimitCountMax; };
  return is_count(rule.limit) && is_count(rule.burst) && rule.period_us >= 1 &&
         rule.period_us <= kLimitPeriodMsMax * 1000 &&
         CeilDiv(Wide{rule.burst} * rule.period_us, rule.limit) <= kFillUsMax;
}

// In units of 1/limit microseconds a token costs a period, and a microsecond gives back `limit`: so
// all of this is exact.
LimitAnswer AskGcra(const LimitRule& rule, std::int64_t now_us, std::int64_t cost, Charge charge,
                    GcraState& state) {
  GcraState tat = state;
  // Of another rule: rounded up, which gives nothing away.
  if (tat.of != rule.limit) tat = {.tat_us = EndUs(tat), .part = 0, .of = rule.limit};
  if (tat.tat_us < now_us) tat = {.tat_us = now_us, .part = 0, .of = rule.limit};
  Wide debt = Wide{tat.tat_us - now_us} * rule.limit + tat.part;
  const Wide room = Wide{rule.burst} * rule.period_us;
  const Wide price = Wide{cost} * rule.period_us;
  LimitAnswer answer = {.allowed = debt + price <= room};
  if (!answer.allowed) {
    answer.retry_after_us = Narrow(CeilDiv(debt + price - room, rule.limit));
  } else if (charge == Charge::kTake) {
    debt += price;
    state = {.tat_us = now_us + Narrow(debt / rule.limit),
             .part = Narrow(debt % rule.limit),
             .of = rule.limit};
  }
  answer.remaining = debt < room ? Narrow((room - debt) / rule.period_us) : 0;
  answer.reset_after_us = Narrow(CeilDiv(debt, rule.limit));
  return answer;
}

LimitAnswer AskFixed(const LimitRule& rule, std::int64_t now_us, std::int64_t cost, Charge charge,
                     FixedState& state) {
  FixedState window = state;
  if (window.end_us <= now_us) window = {.end_us = now_us + rule.period_us, .count = 0};
  LimitAnswer answer = {.allowed = cost <= rule.limit - std::min(window.count, rule.limit)};
  const std::int64_t left_us = window.end_us - now_us;
  if (!answer.allowed) {
    answer.retry_after_us = left_us;
  } else if (charge == Charge::kTake) {
    window.count += cost;
    state = window;
  }
  answer.remaining = std::max<std::int64_t>(0, rule.limit - window.count);
  answer.reset_after_us = window.count == 0 ? 0 : left_us;
  return answer;
}

LimitAnswer AskSliding(const LimitRule& rule, std::int64_t now_us, std::int64_t cost, Charge charge,
                       SlidingState& state) {
  SlidingState aligned = AlignedTo(state, StepOf(rule), now_us);
  std::int64_t sum = std::accumulate(aligned.counts.begin(), aligned.counts.end(), std::int64_t{0});
  LimitAnswer answer = {.allowed = sum + cost <= rule.limit};
  if (!answer.allowed) {
    answer.retry_after_us = UntilForgotten(aligned, sum + cost - rule.limit, now_us);
  } else if (charge == Charge::kTake) {
    aligned.counts[0] += cost;
    sum += cost;
    state = aligned;
  }
  answer.remaining = std::max<std::int64_t>(0, rule.limit - sum);
  answer.reset_after_us = sum == 0 ? 0 : EndUs(aligned) - now_us;
  return answer;
}

LimitAnswer Ask(const LimitRule& rule, std::int64_t now_us, std::int64_t cost, Charge charge,
                LimitState& state) {
  switch (rule.law) {
    case Law::kGcra:
      return AskGcra(rule, now_us, cost, charge, std::get<GcraState>(state));
    case Law::kFixed:
      return AskFixed(rule, now_us, cost, charge, std::get<FixedState>(state));
    case Law::kSliding:
      return AskSliding(rule, now_us, cost, charge, std::get<SlidingState>(state));
  }
  CHECK(false);
  return {};
}

LimitState FreshState(Law law) {
  switch (law) {
    case Law::kGcra:
      return GcraState();
    case Law::kFixed:
      return FixedState();
    case Law::kSliding:
      return SlidingState();
  }
  CHECK(false);
  return {};
}

std::optional<LimitState> ParseLimitState(Law law, std::string_view text) {
  const std::string_view prefix = kPrefixes[static_cast<std::size_t>(law)];
  if (!text.starts_with(prefix) || text.size() > kLimitTextMax) return std::nullopt;
  text.remove_prefix(prefix.size());
  LimitState state = FreshState(law);
  const bool whole = std::visit([&](auto& of_law) { return Take(text, of_law); }, state);
  return whole ? std::optional(state) : std::nullopt;
}

char* FormatLimitState(char* out, const LimitState& state) {
  out = Put(out, kPrefixes[state.index()]);
  return std::visit([&](const auto& of_law) { return Format(out, of_law); }, state);
}

UnixMs ForgottenAtMs(const LimitState& state) {
  return CeilMs(std::visit([](const auto& of_law) { return EndUs(of_law); }, state));
}

}  // namespace cairn::value
