// SPDX-License-Identifier: BSD-3-Clause
// What limiters refuse, and how they say it: for the commands, and for who answers them in front of
// a Redis (src/foreign), so that a client reads the same.
#ifndef CAIRN_COMMANDS_LIMIT_ERRORS_H_
#define CAIRN_COMMANDS_LIMIT_ERRORS_H_

#include <cstddef>
#include <string_view>

namespace cairn::commands::limits {

// That one LIMIT.ALL may name: each may be a record in the log, for which there is room.
inline constexpr std::size_t kLimitsMax = 8;

inline constexpr std::string_view kNotPositive =
    "ERR limit, milliseconds, BURST and COST must be from 1 to 1000000000000";
inline constexpr std::string_view kFillsTooLong =
    "ERR the bucket would take more than 317 years to fill: BURST is too large for that rate";
inline constexpr std::string_view kNeverAllowed = "ERR COST is more than is ever allowed at once";
inline constexpr std::string_view kTooManyLimits = "ERR too many limits at once, at most 8";
inline constexpr std::string_view kKeyTwice = "ERR a key can have only one of the limits";
inline constexpr std::string_view kNotThrottle =
    "ERR max_burst and quantity must not be negative, count and period must be positive, and none "
    "of them more than 1000000000000";

}  // namespace cairn::commands::limits

#endif  // CAIRN_COMMANDS_LIMIT_ERRORS_H_
