// SPDX-License-Identifier: BSD-3-Clause
// XGROUP and XACK: making groups and consumers, and acknowledging. What is pending is looked at and
// handed over in stream_pending.cc.
//
// As in Redis, groups are no part of what WATCH and client tracking see of a stream: none of these
// is told as a change of the key, but for the stream that MKSTREAM makes.
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "command/errors.h"
#include "command/help.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/stream_args.h"
#include "commands/streams.h"

namespace cairn::commands {
namespace {

using keyspace::kEventStream;
using value::Stream;
using value::StreamId;

constexpr std::string_view kKeyRequired =
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use "
    "the MKSTREAM option to create an empty stream automatically.";

// A subcommand takes no more words than these, whatever they are.
constexpr std::size_t kCreateWordsMax = 8;
constexpr std::size_t kSetIdWordsMax = 7;

enum class MayCreate : std::uint8_t { kNo, kYes };

struct GroupOptions {
  bool make_stream = false;
  std::int64_t entries_read = value::kEntriesReadUnknown;
};

std::string SyntaxError(Call& call) {
  return command::errors::SubcommandSyntax(call.arg(1), call.arg(0));
}

// What stands behind the id of CREATE and SETID. nullopt with the error replied.
std::optional<GroupOptions> ReadGroupOptions(Call& call, MayCreate may_create) {
  GroupOptions options;
  for (std::size_t i = 5; i < call.argc(); ++i) {
    if (may_create == MayCreate::kYes && EqualsIgnoreCase(call.arg(i), "MKSTREAM")) {
      options.make_stream = true;
    } else if (EqualsIgnoreCase(call.arg(i), "ENTRIESREAD") && i + 1 < call.argc()) {
      const std::optional<std::int64_t> read = ParseInt64(call.arg(++i));
      if (!read || (*read < 0 && *read != value::kEntriesReadUnknown)) {
        call.Error(read ? "ERR value for ENTRIESREAD must be positive or -1"
                        : command::errors::kNotAnInteger);
        return std::nullopt;
      }
      options.entries_read = *read;
    } else {
      call.Error(SyntaxError(call));
      return std::nullopt;
    }
  }
  return options;
}

// The id that CREATE or SETID names; `stream` may be null. nullopt with the error replied.
std::optional<StreamId> ReadGroupId(Call& call, const Stream* stream, value::StreamIdForm form) {
  if (call.arg(4) == "$") return stream == nullptr ? StreamId{} : stream->last_id();
  const auto id = value::ParseStreamId(call.arg(4), 0, form);
  if (!id) call.Error(stream_errors::kInvalidId);
  return id;
}

void XgroupCreate(Call& call) {
  const std::optional<GroupOptions> options = ReadGroupOptions(call, MayCreate::kYes);
  if (!options) return;
  Found found;
  if (!FindAs<Stream>(call, 0, Access::kWrite, &found)) return;
  if (!found && !options->make_stream) return call.Error(kKeyRequired);
  if (call.argc() > kCreateWordsMax) return call.Error(SyntaxError(call));
  const std::optional<StreamId> id =
      ReadGroupId(call, found ? &found.entry->as<Stream>() : nullptr, value::StreamIdForm::kStrict);
  if (!id) return;
  if (found) call.txn().TellNobody();
  auto stream = call.txn().Edit<Stream>(call.key(0), found);
  if (stream->CreateGroup(call.arg(3), *id, options->entries_read) == nullptr) {
    return call.Error("BUSYGROUP Consumer Group name already exists");
  }
  call.LogVerbatim();
  call.txn().Notify(kEventStream, "xgroup-create", call.key(0));
  call.reply().Ok();
}

// The group that a subcommand names; null with the error replied.
value::StreamGroup* FindGroup(Call& call, Found* found) {
  if (!FindAs<Stream>(call, 0, Access::kWrite, found)) return nullptr;
  if (!*found) {
    call.Error(kKeyRequired);
    return nullptr;
  }
  value::StreamGroup* group = found->entry->as<Stream>().FindGroup(call.arg(3));
  if (group == nullptr) call.Error(NoGroupForKey(call.arg(2), call.arg(3)));
  return group;
}

void XgroupSetId(Call& call) {
  const std::optional<GroupOptions> options = ReadGroupOptions(call, MayCreate::kNo);
  if (!options) return;
  Found found;
  value::StreamGroup* group = FindGroup(call, &found);
  if (group == nullptr) return;
  if (call.argc() > kSetIdWordsMax) return call.Error(SyntaxError(call));
  // Unlike CREATE, it takes "-" and "+".
  const std::optional<StreamId> id =
      ReadGroupId(call, &found.entry->as<Stream>(), value::StreamIdForm::kAny);
  if (!id) return;
  call.txn().Preserve(found);
  group->SetLastId(*id, options->entries_read);
  call.LogVerbatim();
  call.txn().Notify(kEventStream, "xgroup-setid", call.key(0));
  call.reply().Ok();
}

void XgroupDestroy(Call& call) {
  Found found;
  if (!FindAs<Stream>(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.Error(kKeyRequired);
  call.txn().TellNobody();
  auto stream = call.txn().Edit<Stream>(call.key(0), found);
  const bool destroyed = stream->DestroyGroup(call.arg(3));
  if (destroyed) {
    call.LogVerbatim();
    call.txn().Notify(kEventStream, "xgroup-destroy", call.key(0));
    call.txn().WakeWaiters(call.key(0));
  }
  call.reply().Integer(destroyed ? 1 : 0);
}

void XgroupCreateConsumer(Call& call) {
  Found found;
  value::StreamGroup* group = FindGroup(call, &found);
  if (group == nullptr) return;
  call.txn().TellNobody();
  auto stream = call.txn().Edit<Stream>(call.key(0), found);
  const std::size_t before = group->consumers().size();
  ConsumerNamed(call, {call.key(0), *stream, *group}, call.arg(4));
  call.reply().Integer(group->consumers().size() != before ? 1 : 0);
}

void XgroupDelConsumer(Call& call) {
  Found found;
  value::StreamGroup* group = FindGroup(call, &found);
  if (group == nullptr) return;
  call.txn().TellNobody();
  auto stream = call.txn().Edit<Stream>(call.key(0), found);
  const std::optional<std::size_t> pending = group->DeleteConsumer(call.arg(4));
  if (pending) {
    call.LogVerbatim();
    call.txn().Notify(kEventStream, "xgroup-delconsumer", call.key(0));
  }
  call.reply().Integer(static_cast<std::int64_t>(pending.value_or(0)));
}

void Xack(Call& call) {
  Found found;
  if (!FindAs<Stream>(call, 0, Access::kRead, &found)) return;
  value::StreamGroup* group = found ? found.entry->as<Stream>().FindGroup(call.arg(2)) : nullptr;
  if (group == nullptr) return call.reply().Integer(0);
  std::vector<StreamId> ids;
  if (!ReadStreamIds(call, 3, call.argc() - 3, &ids)) return;
  std::int64_t acknowledged = 0;
  call.txn().TellNobody();
  {
    auto stream = call.txn().Edit<Stream>(call.key(0), found);
    for (const StreamId id : ids) acknowledged += group->Acknowledge(id) ? 1 : 0;
  }
  if (acknowledged > 0) {
    call.LogVerbatim();
    call.txn().CountAs(acknowledged);
  }
  call.reply().Integer(acknowledged);
}

constexpr Spec kSubcommands[] = {
    Spec({.syntax = "XGROUP CREATE key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
          .access = "RW INSERT",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(1)",
          .summary = "Makes a group that reads a stream from an id on.",
          .history = "7.0.0: Added `ENTRIESREAD`.",
          .run = &XgroupCreate}),
    Spec({.syntax = "XGROUP SETID key group <id | $> [ENTRIESREAD entries-read]",
          .access = "RW UPDATE",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kWrite,
          .complexity = "O(1)",
          .summary = "Sets the id of the last entry that a group has read.",
          .history = "7.0.0: Added `ENTRIESREAD`.",
          .run = &XgroupSetId}),
    Spec({.syntax = "XGROUP DESTROY key group",
          .access = "RW DELETE",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kWrite,
          .complexity = "O(N) where N is the number of the group's pending entries",
          .summary = "Removes a group.",
          .run = &XgroupDestroy}),
    Spec({.syntax = "XGROUP CREATECONSUMER key group consumer",
          .access = "RW INSERT",
          .since = "6.2.0",
          .group = Group::kStream,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(1)",
          .summary = "Makes a consumer of a group.",
          .run = &XgroupCreateConsumer}),
    Spec({.syntax = "XGROUP DELCONSUMER key group consumer",
          .access = "RW DELETE",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kWrite,
          .complexity = "O(N) where N is the number of the consumer's pending entries",
          .summary = "Removes a consumer of a group, with what it has not acknowledged.",
          .run = &XgroupDelConsumer}),
    Spec({.syntax = "XGROUP HELP",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Returns what the subcommands are for.",
          .run = &command::ReplyHelp}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "XGROUP",
          .since = "5.0.0",
          .group = Group::kStream,
          .complexity = "Depends on subcommand.",
          .summary = "A container for commands that manage the groups of streams.",
          .subcommands = kSubcommands}),
    Spec({.syntax = "XACK key group id [id ...]",
          .access = "RW UPDATE",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of ids",
          .summary = "Acknowledges entries that a group has handed out.",
          .run = &Xack}),
};

}  // namespace

std::span<const Spec> StreamGroupFamily() { return kSpecs; }

}  // namespace cairn::commands
