// SPDX-License-Identifier: BSD-3-Clause
// What lists have in common, as the header has it.
#include "commands/lists.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "command/errors.h"

namespace cairn::commands {

using command::Call;
using keyspace::Found;
using value::List;
using value::ListCursor;
using value::ListEnd;

std::optional<ListEnd> ParseListEnd(std::string_view word) {
  if (EqualsIgnoreCase(word, "LEFT")) return ListEnd::kFront;
  if (EqualsIgnoreCase(word, "RIGHT")) return ListEnd::kBack;
  return std::nullopt;
}

std::string_view PushName(ListEnd end) { return end == ListEnd::kFront ? "lpush" : "rpush"; }
std::string_view PopName(ListEnd end) { return end == ListEnd::kFront ? "lpop" : "rpop"; }

bool FitInList(Call& call, std::span<const std::string_view> elements) {
  for (const std::string_view element : elements) {
    if (element.size() <= value::kListElementBytesMax) [[likely]]
      continue;
    call.Error(command::errors::kElementTooLarge);
    return false;
  }
  return true;
}

ListRange RangeWithin(std::size_t size, std::int64_t first, std::int64_t last) {
  const auto signed_size = static_cast<std::int64_t>(size);
  const std::int64_t begin = std::max<std::int64_t>(first < 0 ? first + signed_size : first, 0);
  const std::int64_t end = std::min(last < 0 ? last + signed_size : last, signed_size - 1);
  if (begin > end) return {};
  return {.start = static_cast<std::size_t>(begin),
          .count = static_cast<std::size_t>(end - begin + 1)};
}

void ReplyRange(resp::Writer& reply, const List& list, ListRange range, ListEnd towards) {
  reply.Array(range.count);
  if (range.count == 0) return;
  const std::size_t first = towards == ListEnd::kBack ? range.start : range.start + range.count - 1;
  ListCursor at(list, first, towards);
  for (std::size_t i = 0; i < range.count; ++i, at.Advance()) ReplyElement(reply, at.value());
}

ListRange RangeAtEnd(std::size_t size, std::size_t count, ListEnd end) {
  return {.start = end == ListEnd::kFront ? 0 : size - count, .count = count};
}

void NotifyTaken(Call& call, const keyspace::KeyRef& key, const Found& found,
                 std::string_view event) {
  call.txn().Notify(keyspace::kEventList, event, key);
  if (!found) call.txn().Notify(keyspace::kEventGeneric, "del", key);
}

void TakeOne(Call& call, const keyspace::KeyRef& key, Found& found, ListEnd end) {
  {
    auto edit = call.txn().Edit<List>(key, found);
    edit->Pop(end, LimitsOf<List>(call));
  }
  NotifyTaken(call, key, found, PopName(end));
}

void TakeRange(Call& call, const keyspace::KeyRef& key, Found& found, std::size_t count,
               ListEnd end) {
  {
    auto edit = call.txn().Edit<List>(key, found);
    const ListRange range = RangeAtEnd(edit->size(), count, end);
    edit->EraseRange(range.start, range.count, LimitsOf<List>(call));
  }
  NotifyTaken(call, key, found, PopName(end));
}

std::optional<std::int64_t> ParseTimeoutSeconds(Call& call, std::string_view text) {
  const std::optional<long double> seconds = ParseLongDouble(text);
  if (!seconds) {
    call.Error(command::errors::kTimeoutNotAFloat);
    return std::nullopt;
  }
  const long double milliseconds = std::ceil(*seconds * 1000);
  if (milliseconds < 0) {
    call.Error(command::errors::kTimeoutNegative);
    return std::nullopt;
  }
  if (milliseconds > static_cast<long double>(INT64_MAX - call.now_ms())) {
    call.Error(command::errors::kTimeoutOutOfRange);
    return std::nullopt;
  }
  return static_cast<std::int64_t>(milliseconds);
}

}  // namespace cairn::commands
