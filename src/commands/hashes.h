// SPDX-License-Identifier: BSD-3-Clause
// What the hash families share: fields written, shown and timed, the events and effects of a
// change, and FIELDS arguments.
#ifndef CAIRN_COMMANDS_HASHES_H_
#define CAIRN_COMMANDS_HASHES_H_

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "command/call.h"
#include "commands/collections.h"
#include "commands/expiry.h"
#include "value/hash.h"

namespace cairn::commands {

// What writing fields of one hash takes.
struct HashWriting {
  explicit HashWriting(command::Call& call)
      : limits(LimitsOf<value::Hash>(call)), home(HomeOf(call, call.key(0))) {}

  const value::HashLimits limits;
  const value::TableHome home;
};

// As HSET does it: a field that is written loses its time. True if it is new.
bool WriteField(value::Hash& hash, std::string_view field, std::string_view value,
                const HashWriting& writing);
// Announces `pairs` (field, value, ...) that are about to be written.
void ExpectPairs(value::Hash& hash, std::span<const std::string_view> pairs,
                 const HashWriting& writing);

// Replies with a field's value, null if there is none.
void ReplyField(command::Call& call, const keyspace::Found& found, std::string_view field);

// Tells of a change that may have emptied the hash: `event`, then "del" if the key went.
void NotifyHash(command::Call& call, std::string_view event, const keyspace::Found& found);

// Logs `command key [words...] fields...`.
void LogFields(command::Call& call, std::span<const std::string_view> words,
               std::span<const std::string_view> fields);

// The fields of "FIELDS numfields field [field ...]" that stands at argument `at` and ends the
// call. Nothing with the error replied; `not_positive` is the text for a count that is no number
// above zero.
std::optional<std::span<const std::string_view>> ParseFields(command::Call& call, std::size_t at,
                                                             std::string_view not_positive);

// The latest moment at which a field may expire: Redis keeps 46 bits of milliseconds.
inline constexpr UnixMs kFieldTimeMax = (UnixMs{1} << 46) - 1;

// The moment that an argument names. Nothing with the error replied.
std::optional<UnixMs> ParseFieldTime(command::Call& call, std::string_view amount_text,
                                     ExpiryForm form);

// What became of fields that were given a time.
struct FieldTimes {
  std::vector<std::string_view> timed;
  std::vector<std::string_view> removed;  // the moment has passed
  bool empty() const { return timed.empty() && removed.empty(); }
};
// Gives a field that is there this time, or removes it.
void TimeField(command::Call& call, value::Hash& hash, std::string_view field, UnixMs at_ms,
               const HashWriting& writing, FieldTimes* times);
// Names the effects, HPEXPIREAT and HDEL.
void LogFieldTimes(command::Call& call, const FieldTimes& times, UnixMs at_ms);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_HASHES_H_
