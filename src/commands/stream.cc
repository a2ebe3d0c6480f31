// SPDX-License-Identifier: BSD-3-Clause
// Entries of streams: adding, reading ranges, deleting, trimming, and the counters. Reading on from
// a place is stream_read.cc; groups are stream_group.cc and stream_pending.cc.
//
// Effects: XADD is logged with the id it gave. How far a trim by whole nodes goes depends on where
// nodes end, so it is logged as the exact trim with the same outcome: to the length that is left,
// or, where entries in use were passed over, up to the last one removed.
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/stream_args.h"
#include "commands/streams.h"

namespace cairn::commands {
namespace {

using keyspace::kEventStream;
using value::Stream;
using value::StreamId;
using value::StreamReferences;
using value::StreamTrim;
using value::StreamTrimmed;

// The words of an exact trim that removes from the untrimmed stream what this one removed.
void AppendTrimWords(const Stream& stream, const StreamTrim& trim, const StreamTrimmed& trimmed,
                     std::vector<std::string>& words) {
  if (trim.references == StreamReferences::kAcknowledged && trimmed.passed_over) {
    const auto bound = value::Successor(trimmed.last);
    words.insert(words.end(),
                 {"MINID", "=", value::StreamIdToString(bound.value_or(trimmed.last))});
  } else {
    const auto length = static_cast<std::int64_t>(stream.size());
    words.insert(words.end(), {"MAXLEN", "=", Int64ToString(length)});
  }
}

std::string_view NameOf(StreamReferences references) {
  switch (references) {
    case StreamReferences::kKeep:
      return {};
    case StreamReferences::kDrop:
      return "DELREF";
    case StreamReferences::kAcknowledged:
      return "ACKED";
  }
  return {};
}

// --- XADD ---

void LogXadd(Call& call, const Stream& stream, const XaddArgs& args, StreamId id,
             const StreamTrimmed& trimmed) {
  if (!IsLogged(call)) return call.LogVerbatim();
  std::vector<std::string> words = {"XADD", std::string(call.arg(1))};
  if (trimmed.deleted > 0) {
    if (const std::string_view name = NameOf(args.trim->references); !name.empty()) {
      words.emplace_back(name);
    }
    AppendTrimWords(stream, *args.trim, trimmed, words);
  }
  words.push_back(value::StreamIdToString(id));
  const auto fields = call.args().subspan(args.fields_at);
  words.insert(words.end(), fields.begin(), fields.end());
  LogWords(call, words);
}

void Xadd(Call& call) {
  const value::StreamLimits limits = LimitsOf<Stream>(call);
  const auto args = ParseXadd(call.args(), limits);
  if (!args) return call.Error(args.error());
  Found found;
  if (!FindAs<Stream>(call, 0, Access::kWrite, &found)) return;
  if (!found && !args->make_stream) return call.reply().Null();
  const bool is_new = !found;
  auto stream = call.txn().Edit<Stream>(call.key(0), found);
  const auto id = stream->Append(args->id, call.args().subspan(args->fields_at), call.now_ms(),
                                 limits, *HomeOf(call, call.key(0)).arena);
  if (!id) {
    stream.Finish();
    if (is_new) call.txn().Remove(call.key(0), found);
    return call.Error(AppendErrorText(id.error()));
  }
  ReplyStreamId(call.reply(), *id);
  call.txn().Notify(kEventStream, "xadd", call.key(0));
  StreamTrimmed trimmed;
  if (args->trim) trimmed = stream->TrimTraced(*args->trim);
  if (trimmed.deleted > 0) call.txn().Notify(kEventStream, "xtrim", call.key(0));
  LogXadd(call, *stream, *args, *id, trimmed);
}

// --- Ranges ---

void Xlen(const keyspace::Entry* entry, resp::Writer& reply) {
  if (entry == nullptr) return reply.Integer(0);
  if (entry->type() != keyspace::Type::kStream) return reply.Error(command::errors::kWrongType);
  reply.Integer(static_cast<std::int64_t>(entry->as<Stream>().size()));
}

void XlenCall(Call& call) { Xlen(call.txn().Find(call.key(0), Access::kRead).entry, call.reply()); }

std::string_view TextOf(value::StreamBoundError error, std::string_view out_of_range) {
  return error == value::StreamBoundError::kInvalid ? stream_errors::kInvalidId : out_of_range;
}

// COUNT's number, as written; -1 without it. nullopt with the error replied.
std::optional<std::int64_t> ReadRangeCount(Call& call) {
  std::int64_t count = -1;
  for (std::size_t i = 4; i < call.argc(); i += 2) {
    if (!EqualsIgnoreCase(call.arg(i), "COUNT") || i + 1 == call.argc()) {
      call.Error(command::errors::kSyntax);
      return std::nullopt;
    }
    const std::optional<std::int64_t> number = ParseInt64(call.arg(i + 1));
    if (!number) {
      call.Error(command::errors::kNotAnInteger);
      return std::nullopt;
    }
    count = std::max<std::int64_t>(*number, 0);
  }
  return count;
}

void ReplyRange(Call& call, value::StreamOrder order) {
  const bool forward = order == value::StreamOrder::kForward;
  const auto start = value::ParseStreamStart(call.arg(forward ? 2 : 3));
  if (!start) return call.Error(TextOf(start.error(), stream_errors::kInvalidStart));
  const auto end = value::ParseStreamEnd(call.arg(forward ? 3 : 2));
  if (!end) return call.Error(TextOf(end.error(), stream_errors::kInvalidEnd));
  const std::optional<std::int64_t> count = ReadRangeCount(call);
  if (!count) return;
  Found found;
  if (!FindAs<Stream>(call, 0, Access::kRead, &found)) return;
  if (!found) return call.reply().Array(0);
  if (*count == 0) return call.reply().NullArray();
  const Stream& stream = found.entry->as<Stream>();
  const std::size_t most = *count < 0 ? 0 : static_cast<std::size_t>(*count);
  if (call.Defer(ElementsBetween(stream, *start, *end, most))) return;
  ReplyStreamRange(call.reply(), stream, *start, *end, order, most);
}

void Xrange(Call& call) { ReplyRange(call, value::StreamOrder::kForward); }
void Xrevrange(Call& call) { ReplyRange(call, value::StreamOrder::kBackward); }

// --- Deleting ---

void Xdel(Call& call) {
  Found found;
  if (!FindAs<Stream>(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.reply().Integer(0);
  std::vector<StreamId> ids;
  if (!ReadStreamIds(call, 2, call.argc() - 2, &ids)) return;
  std::int64_t deleted = 0;
  {
    auto stream = call.txn().Edit<Stream>(call.key(0), found);
    for (const StreamId id : ids) {
      deleted += stream->Delete(id) == value::StreamDeleteResult::kDeleted ? 1 : 0;
    }
  }
  if (deleted > 0) {
    call.txn().Notify(kEventStream, "xdel", call.key(0));
    call.LogVerbatim();
    call.txn().CountAs(deleted);
  }
  call.reply().Integer(deleted);
}

void ReplyDeleteResult(resp::Writer& reply, value::StreamDeleteResult result) {
  switch (result) {
    case value::StreamDeleteResult::kMissing:
      return reply.Integer(-1);
    case value::StreamDeleteResult::kDeleted:
      return reply.Integer(1);
    case value::StreamDeleteResult::kReferenced:
      return reply.Integer(2);
  }
}

void ReplyAllMissing(Call& call, std::size_t count) {
  call.reply().Array(count);
  for (std::size_t i = 0; i < count; ++i) {
    ReplyDeleteResult(call.reply(), value::StreamDeleteResult::kMissing);
  }
}

void Xdelex(Call& call) {
  const auto args = ParseStreamIds(call.args(), 2);
  if (!args) return call.Error(args.error());
  std::vector<StreamId> ids;
  if (!ReadStreamIds(call, args->ids_at, args->ids, &ids)) return;
  Found found;
  if (!FindAs<Stream>(call, 0, Access::kWrite, &found)) return;
  if (!found) return ReplyAllMissing(call, ids.size());
  std::int64_t deleted = 0;
  call.reply().Array(ids.size());
  auto stream = call.txn().Edit<Stream>(call.key(0), found);
  // Pending entries may go even for an id that is no longer there.
  const bool changes_groups =
      args->references == StreamReferences::kDrop && !stream->groups().empty();
  for (const StreamId id : ids) {
    const value::StreamDeleteResult result = stream->Delete(id, args->references);
    deleted += result == value::StreamDeleteResult::kDeleted ? 1 : 0;
    ReplyDeleteResult(call.reply(), result);
  }
  deleted > 0 ? call.txn().Notify(kEventStream, "xdel", call.key(0)) : call.txn().TellNobody();
  if (deleted > 0 || changes_groups) {
    call.LogVerbatim();
    call.txn().CountAs(deleted);
  }
}

void Xackdel(Call& call) {
  const auto args = ParseStreamIds(call.args(), 3);
  if (!args) return call.Error(args.error());
  std::vector<StreamId> ids;
  if (!ReadStreamIds(call, args->ids_at, args->ids, &ids)) return;
  Found found;
  if (!FindAs<Stream>(call, 0, Access::kWrite, &found)) return;
  value::StreamGroup* group = found ? found.entry->as<Stream>().FindGroup(call.arg(2)) : nullptr;
  if (group == nullptr) return ReplyAllMissing(call, ids.size());
  std::int64_t acknowledged = 0;
  bool deleted = false;
  call.reply().Array(ids.size());
  auto stream = call.txn().Edit<Stream>(call.key(0), found);
  const std::size_t length = stream->size();
  for (const StreamId id : ids) {
    const value::StreamDeleteResult result =
        stream->AcknowledgeAndDelete(*group, id, args->references);
    acknowledged += result == value::StreamDeleteResult::kMissing ? 0 : 1;
    ReplyDeleteResult(call.reply(), result);
  }
  deleted = stream->size() != length;
  deleted ? call.txn().Notify(kEventStream, "xdel", call.key(0)) : call.txn().TellNobody();
  if (acknowledged > 0) {
    call.LogVerbatim();
    call.txn().CountAs(acknowledged);
  }
}

std::uint64_t ElementsTrimmed(const Stream& stream, const value::StreamTrim& trim) {
  if (trim.kind == value::StreamTrim::Kind::kMinId)
    return ElementsBetween(stream, value::kStreamIdMin, trim.min_id, trim.limit);
  return stream.size() - std::min<std::uint64_t>(stream.size(), trim.max_length);
}

void LogXtrim(Call& call, const Stream& stream, const value::StreamTrim& trim,
              const StreamTrimmed& trimmed) {
  if (!IsLogged(call)) return call.LogVerbatim();
  std::vector<std::string> words = {"XTRIM", std::string(call.arg(1))};
  AppendTrimWords(stream, trim, trimmed, words);
  if (const std::string_view name = NameOf(trim.references); !name.empty()) {
    words.emplace_back(name);
  }
  LogWords(call, words);
}

void Xtrim(Call& call) {
  const auto trim = ParseXtrim(call.args(), LimitsOf<Stream>(call));
  if (!trim) return call.Error(trim.error());
  Found found;
  if (!FindAs<Stream>(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.reply().Integer(0);
  if (call.Defer(ElementsTrimmed(found.entry->as<Stream>(), *trim))) return;
  auto stream = call.txn().Edit<Stream>(call.key(0), found);
  const StreamTrimmed trimmed = stream->TrimTraced(*trim);
  call.reply().Integer(static_cast<std::int64_t>(trimmed.deleted));
  if (trimmed.deleted == 0) return;
  call.txn().Notify(kEventStream, "xtrim", call.key(0));
  LogXtrim(call, *stream, *trim, trimmed);
  call.txn().CountAs(static_cast<std::int64_t>(trimmed.deleted));
}

// --- XSETID ---

struct XsetidArgs {
  StreamId last_id;
  std::optional<std::uint64_t> entries_added;
  StreamId max_deleted_id;
};

std::expected<XsetidArgs, std::string_view> ParseXsetid(Args words) {
  const auto strict = [](std::string_view text) {
    return value::ParseStreamId(text, 0, value::StreamIdForm::kStrict);
  };
  const auto last_id = strict(words[2]);
  if (!last_id) return std::unexpected(stream_errors::kInvalidId);
  XsetidArgs args{.last_id = *last_id, .entries_added = {}, .max_deleted_id = {}};
  for (std::size_t i = 3; i < words.size(); i += 2) {
    const bool more = i + 1 < words.size();
    if (more && EqualsIgnoreCase(words[i], "ENTRIESADDED")) {
      const auto added = ParseInt64(words[i + 1]);
      if (!added) return std::unexpected(command::errors::kNotAnInteger);
      if (*added < 0) return std::unexpected("ERR entries_added must be positive");
      args.entries_added = static_cast<std::uint64_t>(*added);
    } else if (more && EqualsIgnoreCase(words[i], "MAXDELETEDID")) {
      const auto id = strict(words[i + 1]);
      if (!id) return std::unexpected(stream_errors::kInvalidId);
      if (args.last_id < *id) {
        return std::unexpected(
            "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
      }
      args.max_deleted_id = *id;
    } else {
      return std::unexpected(command::errors::kSyntax);
    }
  }
  return args;
}

void Xsetid(Call& call) {
  const auto args = ParseXsetid(call.args());
  if (!args) return call.Error(args.error());
  Found found;
  if (!FindAs<Stream>(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.Error(command::errors::kNoSuchKey);
  call.txn().TellNobody();
  auto stream = call.txn().Edit<Stream>(call.key(0), found);
  if (args->last_id < stream->max_deleted_id()) {
    return call.Error(
        "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
  }
  const auto set = stream->SetId(args->last_id, args->entries_added, args->max_deleted_id);
  if (!set) {
    const bool below = set.error() == value::StreamSetIdError::kBelowTop;
    return call.Error(
        below ? "ERR The ID specified in XSETID is smaller than the target stream top item"
              : "ERR The entries_added specified in XSETID is smaller than the target stream "
                "length");
  }
  call.LogVerbatim();
  call.txn().Notify(kEventStream, "xsetid", call.key(0));
  call.reply().Ok();
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "XADD key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] [<MAXLEN | MINID> [= | ~] "
                    "threshold [LIMIT count]] <* | id> field value [field value ...]",
          .access = "RW UPDATE: UPDATE instead of INSERT because of the optional trimming feature",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kWrite | command::kDenyOom | command::kFast,
          .complexity = "O(1), and O(N) for N entries that are trimmed",
          .summary = "Appends an entry to a stream, making it if the key is absent.",
          .history = "6.2.0: Added `NOMKSTREAM`, `MINID` and `LIMIT`.\n"
                     "7.0.0: An id may be `<ms>-*`.\n"
                     "8.2.0: Added `KEEPREF`, `DELREF` and `ACKED`.",
          .tips = "nondeterministic_output",
          .run = &Xadd}),
    Spec({.syntax = "XLEN key",
          .access = "RO",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(1)",
          .summary = "Returns the number of entries in a stream.",
          .run = &XlenCall,
          .read = &Xlen}),
    Spec({.syntax = "XRANGE key start:string end:string [COUNT count]",
          .access = "RO ACCESS",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of entries returned",
          .summary = "Returns the entries of a stream between two ids.",
          .history = "6.2.0: Added exclusive ranges.",
          .run = &Xrange}),
    Spec({.syntax = "XREVRANGE key end:string start:string [COUNT count]",
          .access = "RO ACCESS",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of entries returned",
          .summary = "Returns the entries of a stream between two ids, the last first.",
          .history = "6.2.0: Added exclusive ranges.",
          .run = &Xrevrange}),
    Spec({.syntax = "XDEL key id [id ...]",
          .access = "RW DELETE",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of ids",
          .summary = "Deletes entries of a stream by their ids.",
          .run = &Xdel}),
    Spec({.syntax = "XDELEX key [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
          .access = "RW DELETE",
          .since = "8.2.0",
          .group = Group::kStream,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of ids",
          .summary = "Deletes entries of a stream, with a choice of what becomes of groups that "
                     "still hold them.",
          .run = &Xdelex}),
    Spec({.syntax = "XACKDEL key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
          .access = "RW UPDATE DELETE",
          .since = "8.2.0",
          .group = Group::kStream,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of ids",
          .summary = "Acknowledges entries for a group and deletes them from the stream.",
          .run = &Xackdel}),
    Spec({.syntax = "XTRIM key <MAXLEN | MINID> [= | ~] threshold [LIMIT count] "
                    "[KEEPREF | DELREF | ACKED]",
          .access = "RW DELETE",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kWrite,
          .complexity = "O(N) where N is the number of entries removed; whole nodes go at once",
          .summary = "Removes the oldest entries of a stream.",
          .history = "6.2.0: Added `MINID` and `LIMIT`.\n"
                     "8.2.0: Added `KEEPREF`, `DELREF` and `ACKED`.",
          .tips = "nondeterministic_output",
          .run = &Xtrim}),
    Spec({.syntax = "XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
          .access = "RW UPDATE",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kWrite | command::kDenyOom | command::kFast,
          .complexity = "O(1)",
          .summary = "Sets the counters of a stream.",
          .history = "7.0.0: Added `ENTRIESADDED` and `MAXDELETEDID`.",
          .run = &Xsetid}),
};

}  // namespace

std::span<const Spec> StreamFamily() { return kSpecs; }

}  // namespace cairn::commands
