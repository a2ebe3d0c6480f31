// SPDX-License-Identifier: BSD-3-Clause
// The options of XADD, XTRIM, XDELEX and XACKDEL, read without looking at any key; and the texts of
// what can be wrong with the arguments of stream commands.
//
// Pure functions: arguments in (with the command's name first), a struct or the text of an error
// out. Redis reads options until something looks like an id, so the order of complaints is part of
// what clients see.
#ifndef CAIRN_COMMANDS_STREAM_ARGS_H_
#define CAIRN_COMMANDS_STREAM_ARGS_H_

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "value/stream.h"

namespace cairn::commands {

namespace stream_errors {
inline constexpr std::string_view kInvalidId =
    "ERR Invalid stream ID specified as stream command argument";
inline constexpr std::string_view kInvalidStart = "ERR invalid start ID for the interval";
inline constexpr std::string_view kInvalidEnd = "ERR invalid end ID for the interval";
inline constexpr std::string_view kXaddArity = "ERR wrong number of arguments for 'xadd' command";
inline constexpr std::string_view kIdZero = "ERR The ID specified in XADD must be greater than 0-0";
inline constexpr std::string_view kIdTooSmall =
    "ERR The ID specified in XADD is equal or smaller than the target stream top item";
inline constexpr std::string_view kExhausted =
    "ERR The stream has exhausted the last possible ID, unable to add more items";
inline constexpr std::string_view kTooLarge = "ERR Elements are too large to be stored";
inline constexpr std::string_view kTwoStrategies =
    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
inline constexpr std::string_view kMaxLenNegative = "ERR The MAXLEN argument must be >= 0.";
inline constexpr std::string_view kLimitNegative = "ERR The LIMIT argument must be >= 0.";
inline constexpr std::string_view kLimitWithoutStrategy =
    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy";
inline constexpr std::string_view kLimitWithoutTilde =
    "ERR syntax error, LIMIT cannot be used without the special ~ option";
inline constexpr std::string_view kNoStrategy =
    "ERR syntax error, XTRIM must be called with a trimming strategy";
inline constexpr std::string_view kNumIdsNotPositive =
    "ERR Number of IDs must be a positive integer";
inline constexpr std::string_view kNumIdsMismatch =
    "ERR The `numids` parameter must match the number of arguments";
}  // namespace stream_errors

// A trim without LIMIT by whole nodes goes no further than so many entries: a hundred nodes' worth,
// between these.
inline constexpr std::uint64_t kTrimLimitDefault = 10'000;
inline constexpr std::uint64_t kTrimLimitMax = 1'000'000;
inline constexpr std::uint64_t kTrimLimitNodes = 100;

struct XaddArgs {
  bool make_stream = true;
  std::optional<value::StreamTrim> trim;
  value::NewStreamId id;
  std::size_t fields_at = 0;  // the first of an even number of arguments
};

struct StreamIdsArgs {
  value::StreamReferences references = value::StreamReferences::kKeep;
  std::size_t ids_at = 0;
  std::size_t ids = 0;
};

using Args = std::span<const std::string_view>;

// XADD key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] [MAXLEN | MINID [= | ~] threshold [LIMIT n]]
//     <* | id> field value [field value ...]
std::expected<XaddArgs, std::string_view> ParseXadd(Args args, const value::StreamLimits& limits);

// XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT n] [KEEPREF | DELREF | ACKED]
std::expected<value::StreamTrim, std::string_view> ParseXtrim(Args args,
                                                              const value::StreamLimits& limits);

// [KEEPREF | DELREF | ACKED] IDS n id [id ...], from args[first] on and in either order. The ids
// themselves are not looked at.
std::expected<StreamIdsArgs, std::string_view> ParseStreamIds(Args args, std::size_t first);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_STREAM_ARGS_H_
