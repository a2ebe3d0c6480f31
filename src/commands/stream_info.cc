// SPDX-License-Identifier: BSD-3-Clause
// XINFO: a stream, its groups and their consumers laid open.
#include <algorithm>
#include <optional>

#include "base/text.h"
#include "command/errors.h"
#include "command/help.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/streams.h"

namespace cairn::commands {
namespace {

using resp::Writer;
using value::Stream;
using value::StreamConsumer;
using value::StreamGroup;
using value::StreamId;

// How many entries FULL shows of each list unless told.
constexpr std::int64_t kFullCountDefault = 10;

std::int64_t Signed(std::uint64_t number) { return static_cast<std::int64_t>(number); }

void ReplyNumber(Writer& reply, std::string_view name, std::int64_t number) {
  reply.Bulk(name);
  reply.Integer(number);
}

void ReplyId(Writer& reply, std::string_view name, StreamId id) {
  reply.Bulk(name);
  ReplyStreamId(reply, id);
}

// Null where the number is not known.
void ReplyMaybe(Writer& reply, std::string_view name, std::optional<std::int64_t> number) {
  reply.Bulk(name);
  number ? reply.Integer(*number) : reply.Null();
}

std::optional<std::int64_t> EntriesRead(const StreamGroup& group) {
  if (group.entries_read() == value::kEntriesReadUnknown) return std::nullopt;
  return group.entries_read();
}

// False, with the error replied, unless the key holds a stream.
bool FindStream(Call& call, Found* found) {
  if (!FindAs<Stream>(call, 0, Access::kRead, found)) return false;
  if (!*found) call.Error(command::errors::kNoSuchKey);
  return static_cast<bool>(*found);
}

// --- XINFO STREAM ---

void ReplyCounters(Writer& reply, const Stream& stream) {
  ReplyNumber(reply, "length", Signed(stream.size()));
  ReplyNumber(reply, "radix-tree-keys", Signed(stream.node_count()));
  ReplyNumber(reply, "radix-tree-nodes", Signed(stream.RadixTreeNodes()));
  ReplyId(reply, "last-generated-id", stream.last_id());
  ReplyId(reply, "max-deleted-entry-id", stream.max_deleted_id());
  ReplyNumber(reply, "entries-added", Signed(stream.entries_added()));
  ReplyId(reply, "recorded-first-entry-id", stream.first_id());
}

void ReplyEnd(Writer& reply, const Stream& stream, value::StreamOrder order) {
  value::StreamRange range(stream, value::kStreamIdMin, value::kStreamIdMax, order);
  value::StreamEntry entry;
  range.Next(&entry) ? ReplyStreamEntry(reply, entry) : reply.Null();
}

void ReplyStreamInfo(Writer& reply, const Stream& stream) {
  reply.Map(10);
  ReplyCounters(reply, stream);
  ReplyNumber(reply, "groups", Signed(stream.groups().size()));
  reply.Bulk("first-entry");
  ReplyEnd(reply, stream, value::StreamOrder::kForward);
  reply.Bulk("last-entry");
  ReplyEnd(reply, stream, value::StreamOrder::kBackward);
}

// At most `count` (0: all) of what is pending at a consumer, or at all with their names.
void ReplyPendingList(Writer& reply, const StreamGroup& group, const StreamConsumer* consumer,
                      std::size_t count) {
  reply.Bulk("pending");
  const std::size_t array = reply.BeginArray();
  std::size_t shown = 0;
  group.ForEachPending(value::kStreamIdMin, value::kStreamIdMax, consumer,
                       [&](StreamId id, const value::StreamDelivery& delivery) {
                         if (count != 0 && shown == count) return false;
                         reply.Array(consumer == nullptr ? 4 : 3);
                         ReplyStreamId(reply, id);
                         if (consumer == nullptr) reply.Bulk(delivery.consumer->name());
                         reply.Integer(delivery.time);
                         reply.Integer(Signed(delivery.count));
                         ++shown;
                         return true;
                       });
  reply.EndArray(array, shown);
}

void ReplyFullConsumer(Writer& reply, const StreamGroup& group, const StreamConsumer& consumer,
                       std::size_t count) {
  reply.Map(5);
  reply.Bulk("name");
  reply.Bulk(consumer.name());
  ReplyNumber(reply, "seen-time", consumer.seen_time());
  ReplyNumber(reply, "active-time", consumer.active_time());
  ReplyNumber(reply, "pel-count", Signed(consumer.pending().size()));
  ReplyPendingList(reply, group, &consumer, count);
}

void ReplyFullGroup(Writer& reply, const Stream& stream, const StreamGroup& group,
                    std::size_t count) {
  reply.Map(7);
  reply.Bulk("name");
  reply.Bulk(group.name());
  ReplyId(reply, "last-delivered-id", group.last_id());
  ReplyMaybe(reply, "entries-read", EntriesRead(group));
  ReplyMaybe(reply, "lag", stream.Lag(group));
  ReplyNumber(reply, "pel-count", Signed(group.pending().size()));
  ReplyPendingList(reply, group, nullptr, count);
  reply.Bulk("consumers");
  reply.Array(group.consumers().size());
  for (const auto& consumer : group.consumers()) {
    ReplyFullConsumer(reply, group, *consumer, count);
  }
}

void ReplyFullStreamInfo(Writer& reply, const Stream& stream, std::size_t count) {
  reply.Map(9);
  ReplyCounters(reply, stream);
  reply.Bulk("entries");
  ReplyStreamRange(reply, stream, value::kStreamIdMin, value::kStreamIdMax,
                   value::StreamOrder::kForward, count);
  reply.Bulk("groups");
  reply.Array(stream.groups().size());
  for (const auto& group : stream.groups()) ReplyFullGroup(reply, stream, *group, count);
}

// Entries, and what is pending, in all groups and again at their consumers; 0: all of them.
std::uint64_t ElementsShown(const Stream& stream, std::uint64_t count) {
  const auto shown = [count](std::uint64_t size) {
    return count == 0 ? size : std::min(count, size);
  };
  std::uint64_t elements = shown(stream.size());
  for (const auto& group : stream.groups()) {
    elements += shown(group->pending().size());
    for (const auto& consumer : group->consumers()) elements += shown(consumer->pending().size());
  }
  return elements;
}

// XINFO STREAM key [FULL [COUNT count]]
void XinfoStream(Call& call) {
  Found found;
  if (!FindStream(call, &found)) return;
  const Stream& stream = found.entry->as<Stream>();
  if (call.argc() == 3) return ReplyStreamInfo(call.reply(), stream);
  const bool with_count = call.argc() == 6;
  if ((call.argc() != 4 && !with_count) || !EqualsIgnoreCase(call.arg(3), "FULL") ||
      (with_count && !EqualsIgnoreCase(call.arg(4), "COUNT"))) {
    return call.Error(command::errors::SubcommandSyntax(call.arg(1), call.arg(0)));
  }
  std::int64_t count = kFullCountDefault;
  if (with_count) {
    const std::optional<std::int64_t> number = ParseInt64(call.arg(5));
    if (!number) return call.Error(command::errors::kNotAnInteger);
    if (*number >= 0) count = *number;
  }
  if (call.Defer(ElementsShown(stream, static_cast<std::uint64_t>(count)))) return;
  ReplyFullStreamInfo(call.reply(), stream, static_cast<std::size_t>(count));
}

// --- XINFO GROUPS and CONSUMERS ---

void XinfoGroups(Call& call) {
  Found found;
  if (!FindStream(call, &found)) return;
  const Stream& stream = found.entry->as<Stream>();
  Writer& reply = call.reply();
  reply.Array(stream.groups().size());
  for (const auto& group : stream.groups()) {
    reply.Map(6);
    reply.Bulk("name");
    reply.Bulk(group->name());
    ReplyNumber(reply, "consumers", Signed(group->consumers().size()));
    ReplyNumber(reply, "pending", Signed(group->pending().size()));
    ReplyId(reply, "last-delivered-id", group->last_id());
    ReplyMaybe(reply, "entries-read", EntriesRead(*group));
    ReplyMaybe(reply, "lag", stream.Lag(*group));
  }
}

void XinfoConsumers(Call& call) {
  Found found;
  if (!FindStream(call, &found)) return;
  const StreamGroup* group = found.entry->as<Stream>().FindGroup(call.arg(3));
  if (group == nullptr) return call.Error(NoGroupForKey(call.arg(2), call.arg(3)));
  Writer& reply = call.reply();
  const auto since = [&](UnixMs time) { return std::max<std::int64_t>(call.now_ms() - time, 0); };
  reply.Array(group->consumers().size());
  for (const auto& consumer : group->consumers()) {
    reply.Map(4);
    reply.Bulk("name");
    reply.Bulk(consumer->name());
    ReplyNumber(reply, "pending", Signed(consumer->pending().size()));
    ReplyNumber(reply, "idle", since(consumer->seen_time()));
    const bool never = consumer->active_time() == value::kNeverActive;
    ReplyNumber(reply, "inactive", never ? -1 : since(consumer->active_time()));
  }
}

constexpr Spec kSubcommands[] = {
    Spec({.syntax = "XINFO CONSUMERS key group",
          .access = "RO ACCESS",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of consumers",
          .summary = "Returns the consumers of a group.",
          .history = "7.2.0: Added `inactive`, and `idle` is since the last attempt to read.",
          .tips = "nondeterministic_output",
          .run = &XinfoConsumers}),
    Spec({.syntax = "XINFO GROUPS key",
          .access = "RO ACCESS",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of groups",
          .summary = "Returns the groups of a stream.",
          .history = "7.0.0: Added `entries-read` and `lag`.",
          .run = &XinfoGroups}),
    Spec({.syntax = "XINFO STREAM key [FULL [COUNT count]]",
          .access = "RO ACCESS",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kReadonly,
          .complexity = "O(1), and O(N) with FULL, where N is the number of entries shown",
          .summary = "Returns the counters of a stream, and in full its groups, too.",
          .history = "6.0.0: Added `FULL`.\n"
                     "7.0.0: Added `max-deleted-entry-id`, `entries-added`, "
                     "`recorded-first-entry-id`, `entries-read` and `lag`.\n"
                     "7.2.0: Added `active-time`, and `seen-time` is the last attempt to read.",
          .run = &XinfoStream}),
    Spec({.syntax = "XINFO HELP",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Returns what the subcommands are for.",
          .run = &command::ReplyHelp}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "XINFO",
          .since = "5.0.0",
          .group = Group::kStream,
          .complexity = "Depends on subcommand.",
          .summary = "A container for commands that look into streams.",
          .subcommands = kSubcommands}),
};

}  // namespace

std::span<const Spec> StreamInfoFamily() { return kSpecs; }

}  // namespace cairn::commands
