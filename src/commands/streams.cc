// SPDX-License-Identifier: BSD-3-Clause
// Effects are put together only where somebody reads the log.
#include "commands/streams.h"

#include "base/check.h"
#include "base/text.h"
#include "commands/stream_args.h"

namespace cairn::commands {
namespace {

using command::Call;
using value::StreamEntry;
using value::StreamId;

// What Redis echoes of a name: it passes through a C string.
std::string_view Echo(std::string_view name) { return name.substr(0, name.find('\0')); }

}  // namespace

std::string_view AppendErrorText(value::StreamAppendError error) {
  switch (error) {
    case value::StreamAppendError::kExhausted:
      return stream_errors::kExhausted;
    case value::StreamAppendError::kIdTooSmall:
      return stream_errors::kIdTooSmall;
    case value::StreamAppendError::kTooLarge:
      return stream_errors::kTooLarge;
  }
  return {};
}

void ReplyStreamId(resp::Writer& reply, StreamId id) {
  char text[value::kStreamIdTextMax];
  const char* end = value::FormatStreamId(text, id);
  reply.Bulk({text, static_cast<std::size_t>(end - text)});
}

void ReplyStreamEntry(resp::Writer& reply, const StreamEntry& entry) {
  reply.Array(2);
  ReplyStreamId(reply, entry.id());
  reply.Array(std::size_t{entry.size()} * 2);
  entry.ForEach([&](std::string_view field, std::string_view value) {
    reply.Bulk(field);
    reply.Bulk(value);
  });
}

void ReplyStreamRange(resp::Writer& reply, const value::Stream& stream, StreamId start,
                      StreamId end, value::StreamOrder order, std::size_t count) {
  const std::size_t array = reply.BeginArray();
  value::StreamRange range(stream, start, end, order);
  StreamEntry entry;
  std::size_t shown = 0;
  while ((count == 0 || shown < count) && range.Next(&entry)) {
    ReplyStreamEntry(reply, entry);
    ++shown;
  }
  reply.EndArray(array, shown);
}

void ReplyStreamEntryAt(resp::Writer& reply, const value::Stream& stream, StreamId id) {
  const std::optional<StreamEntry> entry = stream.Find(id);
  CHECK(entry.has_value());
  ReplyStreamEntry(reply, *entry);
}

std::string NoKeyOrGroup(std::string_view key, std::string_view group, std::string_view where) {
  std::string text("NOGROUP No such key '");
  return text.append(Echo(key))
      .append("' or consumer group '")
      .append(Echo(group))
      .append("'")
      .append(where);
}

std::string NoGroupForKey(std::string_view key, std::string_view group) {
  std::string text("NOGROUP No such consumer group '");
  return text.append(Echo(group)).append("' for key name '").append(Echo(key)).append("'");
}

bool ReadStreamIds(Call& call, std::size_t first, std::size_t count, std::vector<StreamId>* ids) {
  ids->reserve(count);
  for (std::size_t i = first; i < first + count; ++i) {
    const auto id = value::ParseStreamId(call.arg(i), 0, value::StreamIdForm::kStrict);
    if (!id) {
      call.Error(stream_errors::kInvalidId);
      return false;
    }
    ids->push_back(*id);
  }
  return true;
}

value::StreamConsumer& ConsumerNamed(Call& call, const GroupOfKey& at, std::string_view name) {
  value::StreamConsumer* consumer = at.group.FindConsumer(name);
  if (consumer == nullptr) {
    consumer = at.group.AddConsumer(name, call.now_ms());
    call.txn().Log({"XGROUP", "CREATECONSUMER", at.key.name, at.group.name(), name});
    call.txn().Notify(keyspace::kEventStream, "xgroup-createconsumer", at.key);
  }
  return *consumer;
}

bool IsLogged(Call& call) { return call.keyspace().log().active(); }

void LogWords(Call& call, const std::vector<std::string>& words) {
  const std::vector<std::string_view> views(words.begin(), words.end());
  call.txn().Log(views);
}

void LogClaims(Call& call, const GroupOfKey& at, std::string_view consumer,
               std::span<const StreamClaimed> claims, UnixMs delivery_time) {
  while (!claims.empty()) {
    const std::uint64_t count = claims[0].count;
    std::vector<std::string> words = {"XCLAIM", std::string(at.key.name),
                                      std::string(at.group.name()), std::string(consumer), "0"};
    std::size_t same = 0;
    while (same < claims.size() && claims[same].count == count) {
      words.push_back(value::StreamIdToString(claims[same++].id));
    }
    for (const std::string_view word : {"TIME", "RETRYCOUNT", "FORCE", "JUSTID", "LASTID"}) {
      words.emplace_back(word);
      if (word == "TIME") words.push_back(Int64ToString(delivery_time));
      if (word == "RETRYCOUNT") words.push_back(Int64ToString(static_cast<std::int64_t>(count)));
    }
    words.push_back(value::StreamIdToString(at.group.last_id()));
    LogWords(call, words);
    claims = claims.subspan(same);
  }
}

void LogGroupPosition(Call& call, const GroupOfKey& at) {
  call.txn().Log({"XGROUP", "SETID", at.key.name, at.group.name(),
                  value::StreamIdToString(at.group.last_id()), "ENTRIESREAD",
                  Int64ToString(at.group.entries_read())});
}

}  // namespace cairn::commands
