// SPDX-License-Identifier: BSD-3-Clause
// Limits: the three laws by which a limiter lets requests through, and the text that is kept of
// one.
//
//   kGcra     a bucket of `burst` tokens that fills at `limit` tokens a period. Kept is one moment:
//             when the bucket will be full again (the theoretical arrival time).
//   kFixed    at most `limit` in a window; a window begins with the first request that is let
//             through after the one before has ended, and lasts a period.
//   kSliding  at most `limit` in any stretch of a period, wherever it begins. Kept are counts of
//             the last kSteps + 1 sixteenths of a period, so a request counts for a period at least
//             and for a sixteenth more at most: never too many, sometimes a little late.
//
// Each law is one pure function: Ask(rule, now, cost, charge, state). A request that is refused, or
// only peeks, changes nothing; the caller has nothing to store then.
//
//     state   = gcra | fixed | sliding             ASCII, so that GET shows it
//     gcra    = "G1:" tat ":" part "/" of          full again at tat + part/of microseconds
//     fixed   = "F1:" end ":" count                the window's end, what was let through in it
//     sliding = "S1:" step ":" head ":" count {"," count}
//                                                  sub-windows of `step` microseconds, number
//                                                  `head` (since the epoch) first, then those
//                                                  before it
//
// Times are whole microseconds since the Unix epoch. GCRA is exact all the same: 7 a second is one
// in 142857 1/7 us, and the part of a microsecond is kept as a fraction. Products are made in 128
// bits, of factors that the rule's bounds keep below 2^63, so nothing overflows (see kFillUsMax).
//
// A clock that goes back gives nothing away: moments that lie ahead stay where they are, and
// whoever has to wait for them is told so.
#ifndef CAIRN_VALUE_LIMITS_H_
#define CAIRN_VALUE_LIMITS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/ids.h"

namespace cairn::value {

enum class Law : std::uint8_t { kGcra, kFixed, kSliding };

// How much a rule may say. A bucket is full again within kFillUsMax (317 years): the sum of that
// and of any clock we live to see stays far below 2^63.
inline constexpr std::int64_t kLimitCountMax = 1'000'000'000'000;
inline constexpr std::int64_t kLimitPeriodMsMax = 1'000'000'000'000;
inline constexpr std::int64_t kFillUsMax = 10'000'000'000'000'000;

struct LimitRule {
  Law law = Law::kGcra;
  std::int64_t limit = 1;  // requests in a period
  std::int64_t period_us = 1;
  std::int64_t burst = 1;  // what can be taken at once: the bucket's size; of the others, the limit
};

// Whether the numbers are within the bounds above.
bool IsSound(const LimitRule& rule);

struct GcraState {
  std::int64_t tat_us = 0;
  std::int64_t part = 0;  // of a microsecond: part / of, less than one
  std::int64_t of = 1;
};

struct FixedState {
  std::int64_t end_us = 0;
  std::int64_t count = 0;
};

struct SlidingState {
  static constexpr std::int64_t kSteps = 16;

  std::int64_t step_us = 1;
  std::int64_t head = 0;
  std::array<std::int64_t, kSteps + 1> counts = {};  // of sub-windows head, head - 1, ...
};

using LimitState = std::variant<GcraState, FixedState, SlidingState>;

enum class Charge : std::uint8_t { kTake, kPeek };

struct LimitAnswer {
  bool allowed = false;
  std::int64_t remaining = 0;       // what could still be taken now
  std::int64_t retry_after_us = 0;  // until this request would be let through, if no other comes
  std::int64_t reset_after_us = 0;  // until the state is as if there had been no request
};

// REQUIRES: IsSound(rule); 1 <= cost <= rule.burst (GCRA: 0 is allowed, and takes nothing).
LimitAnswer AskGcra(const LimitRule& rule, std::int64_t now_us, std::int64_t cost, Charge charge,
                    GcraState& state);
LimitAnswer AskFixed(const LimitRule& rule, std::int64_t now_us, std::int64_t cost, Charge charge,
                     FixedState& state);
LimitAnswer AskSliding(const LimitRule& rule, std::int64_t now_us, std::int64_t cost, Charge charge,
                       SlidingState& state);
// The one that the rule names. REQUIRES: the state is of its law, too.
LimitAnswer Ask(const LimitRule& rule, std::int64_t now_us, std::int64_t cost, Charge charge,
                LimitState& state);

// What a limiter starts with.
LimitState FreshState(Law law);
// Nothing if the text is no state of that law.
std::optional<LimitState> ParseLimitState(Law law, std::string_view text);

// Room for the longest text: a sliding one, of 2 + kSteps + 1 numbers.
inline constexpr std::size_t kLimitTextMax = 3 + (3 + SlidingState::kSteps) * 21;
// Writes the text to `out` and returns its end.
char* FormatLimitState(char* out, const LimitState& state);
// From this moment on the state means the same as none.
UnixMs ForgottenAtMs(const LimitState& state);

// Times of replies are whole milliseconds, upwards: whoever waits so long has waited long enough.
constexpr std::int64_t CeilMs(std::int64_t us) { return us / 1000 + (us % 1000 > 0 ? 1 : 0); }

}  // namespace cairn::value

#endif  // CAIRN_VALUE_LIMITS_H_
