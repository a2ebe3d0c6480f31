// SPDX-License-Identifier: BSD-3-Clause
// What the list commands share: the ends of a list by their names, elements and ranges in replies,
// and what a list that lost elements tells of it.
#ifndef CAIRN_COMMANDS_LISTS_H_
#define CAIRN_COMMANDS_LISTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "command/call.h"
#include "commands/collections.h"
#include "value/list.h"

namespace cairn::commands {

// "LEFT" and "RIGHT".
std::optional<value::ListEnd> ParseListEnd(std::string_view word);

// The command, and the event, of an element going in or out there.
std::string_view PushName(value::ListEnd end);
std::string_view PopName(value::ListEnd end);

// False, with the error replied, if one of `elements` is longer than a list can hold.
bool FitInList(command::Call& call, std::span<const std::string_view> elements);

inline void ReplyElement(resp::Writer& reply, const ds::PackedValue& element) {
  if (element.is_integer()) return reply.StringFromInteger(element.integer());
  reply.Bulk(element.text());
}

// A part of a list as LRANGE and LTRIM name it.
struct ListRange {
  std::size_t start = 0;
  std::size_t count = 0;
};
// Both ends may count from the back; what lies outside is cut off.
ListRange RangeWithin(std::size_t size, std::int64_t first, std::int64_t last);

// An array of `count` elements from `start` on, written while the list is walked. `towards` kFront
// walks backwards.
void ReplyRange(resp::Writer& reply, const value::List& list, ListRange range,
                value::ListEnd towards);

// The range that popping `count` elements at `end` takes.
ListRange RangeAtEnd(std::size_t size, std::size_t count, value::ListEnd end);

// To be called when elements were taken out and the edit is finished: `found` tells whether the key
// went with them. `event` as Redis names it.
void NotifyTaken(command::Call& call, const keyspace::KeyRef& key, const keyspace::Found& found,
                 std::string_view event);

// Take elements out of the list at `found` and tell of it; nothing is replied or logged. One and a
// count of one are different calls, since Redis cuts its nodes differently after them.
// REQUIRES: found; 0 < count <= the list's size.
void TakeOne(command::Call& call, const keyspace::KeyRef& key, keyspace::Found& found,
             value::ListEnd end);
void TakeRange(command::Call& call, const keyspace::KeyRef& key, keyspace::Found& found,
               std::size_t count, value::ListEnd end);

// BLPOP and its kin: seconds, with a fraction, as milliseconds; 0 waits for ever. The error is
// replied where there is no value. A fraction of a millisecond counts as one.
std::optional<std::int64_t> ParseTimeoutSeconds(command::Call& call, std::string_view text);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_LISTS_H_
