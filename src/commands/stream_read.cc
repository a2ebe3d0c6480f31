// SPDX-License-Identifier: BSD-3-Clause
// XREAD and XREADGROUP: reading on from an id, or from where a group is.
//
// All ids are read before anything is served, since an error must leave every stream as it was.
// XREADGROUP is served per stream: new entries for ">", else what the consumer has not
// acknowledged. What it is logged as stands in streams.h.
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

using value::Stream;
using value::StreamEntry;
using value::StreamId;

enum class Reader : std::uint8_t { kClient, kGroup };

struct ReadArgs {
  std::optional<std::int64_t> block_ms;
  std::size_t count = 0;  // 0: all
  value::StreamAcknowledge acknowledge = value::StreamAcknowledge::kByConsumer;
  std::optional<std::string_view> group;
  std::string_view consumer;
  std::size_t keys_at = 0;
  std::size_t streams = 0;

  std::size_t IdAt(std::size_t n) const { return keys_at + streams + n; }
};

std::string Unbalanced(Reader reader) {
  const bool group = reader == Reader::kGroup;
  return std::string("ERR Unbalanced '") + (group ? "xreadgroup" : "xread") +
         "' list of streams: for each stream key an ID or '" + (group ? ">" : "$") +
         "' must be specified.";
}

std::string OnlyXreadgroup(std::string_view option) {
  return std::string("ERR The ")
      .append(option)
      .append(" option is only supported by XREADGROUP. You called XREAD instead.");
}

// Takes the words of a call one after another.
class ReadArgsReader {
 public:
  ReadArgsReader(Args words, Reader reader, UnixMs now)
      : words_(words), reader_(reader), now_(now) {}

  std::expected<ReadArgs, std::string> Read() {
    for (std::size_t i = 1; i < words_.size() && args_.keys_at == 0;) {
      const std::size_t more = words_.size() - i - 1;
      const std::size_t taken = Option(i, more);
      if (!error_.empty()) return std::unexpected(error_);
      i += taken;
    }
    if (args_.keys_at == 0) return std::unexpected(std::string(command::errors::kSyntax));
    if (reader_ == Reader::kGroup && !args_.group) {
      return std::unexpected("ERR Missing GROUP option for XREADGROUP");
    }
    return args_;
  }

 private:
  // The option at `i`; how many words it took.
  std::size_t Option(std::size_t i, std::size_t more) {
    const std::string_view word = words_[i];
    if (EqualsIgnoreCase(word, "BLOCK") && more >= 1) return Block(words_[i + 1]);
    if (EqualsIgnoreCase(word, "COUNT") && more >= 1) return Count(words_[i + 1]);
    if (EqualsIgnoreCase(word, "STREAMS") && more >= 1) return Streams(i + 1);
    if (EqualsIgnoreCase(word, "GROUP") && more >= 2) {
      if (reader_ == Reader::kClient) return Fail(OnlyXreadgroup("GROUP"));
      args_.group = words_[i + 1];
      args_.consumer = words_[i + 2];
      return 3;
    }
    if (EqualsIgnoreCase(word, "NOACK")) {
      if (reader_ == Reader::kClient) return Fail(OnlyXreadgroup("NOACK"));
      args_.acknowledge = value::StreamAcknowledge::kAtOnce;
      return 1;
    }
    return Fail(std::string(command::errors::kSyntax));
  }

  std::size_t Fail(std::string error) {
    error_ = std::move(error);
    return 0;
  }

  std::size_t Block(std::string_view text) {
    const std::optional<std::int64_t> ms = ParseInt64(text);
    if (!ms) return Fail(std::string(command::errors::kTimeoutNotAnInteger));
    if (*ms < 0) return Fail(std::string(command::errors::kTimeoutNegative));
    if (*ms > INT64_MAX - now_) return Fail("ERR timeout is out of range");
    args_.block_ms = ms;
    return 2;
  }

  std::size_t Count(std::string_view text) {
    const std::optional<std::int64_t> count = ParseInt64(text);
    if (!count) return Fail(std::string(command::errors::kNotAnInteger));
    args_.count = *count < 0 ? 0 : static_cast<std::size_t>(*count);
    return 2;
  }

  std::size_t Streams(std::size_t keys_at) {
    const std::size_t words = words_.size() - keys_at;
    if (words % 2 != 0) return Fail(Unbalanced(reader_));
    args_.keys_at = keys_at;
    args_.streams = words / 2;
    return words;
  }

  const Args words_;
  const Reader reader_;
  const UnixMs now_;
  ReadArgs args_;
  std::string error_;
};

// nullopt with the error replied.
std::optional<ReadArgs> ReadTheArgs(Call& call, Reader reader) {
  auto args = ReadArgsReader(call.args(), reader, call.now_ms()).Read();
  if (!args) {
    call.Error(args.error());
    return std::nullopt;
  }
  // A word that only looks like STREAMS may have misled the search for keys.
  if (call.key_count() != args->streams || call.key(0).name != call.arg(args->keys_at)) {
    call.Error(command::errors::kSyntax);
    return std::nullopt;
  }
  return *args;
}

// The streams that have something, as an array of pairs or a map.
class ReadReply {
 public:
  explicit ReadReply(resp::Writer& reply) : reply_(reply) {}

  void BeginStream(std::string_view key) {
    if (streams_++ == 0) handle_ = reply_.BeginArray();
    if (!reply_.resp3()) reply_.Array(2);
    reply_.Bulk(key);
  }
  // False if there was nothing to begin with.
  bool End() {
    if (streams_ == 0) return false;
    reply_.resp3() ? reply_.EndMap(handle_, streams_) : reply_.EndArray(handle_, streams_);
    return true;
  }
  std::size_t streams() const { return streams_; }

 private:
  resp::Writer& reply_;
  std::size_t handle_ = 0;
  std::size_t streams_ = 0;
};

void Wait(Call& call, const ReadArgs& args, std::vector<std::string> rewritten) {
  call.Block(keyspace::Type::kStream, *args.block_ms, command::TimeoutReply::kNullArray,
             std::move(rewritten));
}

// --- XREAD ---

// Reads the id after which the n-th stream is wanted; false with the error replied.
bool ReadStart(Call& call, const ReadArgs& args, std::size_t n, StreamId* after) {
  Found found;
  if (!FindAs<Stream>(call, n, Access::kRead, &found)) return false;
  const std::string_view text = call.arg(args.IdAt(n));
  if (text == "$") {
    *after = found ? found.entry->as<Stream>().last_id() : StreamId{};
    return true;
  }
  if (text == ">") {
    call.Error(
        "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> "
        "<consumer> option.");
    return false;
  }
  const auto id = value::ParseStreamId(text, 0, value::StreamIdForm::kStrict);
  if (!id) {
    call.Error(stream_errors::kInvalidId);
    return false;
  }
  *after = *id;
  return true;
}

// The words of the call with "$" as the id it stood for: what comes later lies behind that one.
std::vector<std::string> WithoutDollars(Call& call, const ReadArgs& args,
                                        const std::vector<StreamId>& after) {
  std::vector<std::string> words(call.args().begin(), call.args().end());
  for (std::size_t n = 0; n < args.streams; ++n) {
    std::string& id = words[args.IdAt(n)];
    if (id == "$") id = value::StreamIdToString(after[n]);
  }
  return words;
}

bool HasBehind(const Stream& stream, StreamId after) {
  return !stream.empty() && stream.last_id() > after && stream.TopId() > after;
}

// What reading on costs. Nothing where there is nothing: who waits then would come back from the
// lane, and go there again.
std::uint64_t ElementsBehind(const Stream& stream, StreamId after, std::size_t count) {
  if (!HasBehind(stream, after)) return 0;
  const std::uint64_t heavy = Call::kHeavyElements / ElementsTaken(stream, 1) + 1;
  return ElementsTaken(stream, ElementsBetween(stream, after, value::kStreamIdMax, count, heavy));
}

// Whether what is to be read, by `elements_of(stream, n)`, is so much that the lane does it.
template <class ElementsOf>
bool DeferReading(Call& call, const ReadArgs& args, ElementsOf elements_of) {
  std::uint64_t elements = 0;
  for (std::size_t n = 0; n < args.streams; ++n) {
    const Found found = call.txn().Find(call.key(n), Access::kPeek);
    if (found) elements += elements_of(found.entry->as<Stream>(), n);
  }
  return call.Defer(elements);
}

void Xread(Call& call) {
  const std::optional<ReadArgs> args = ReadTheArgs(call, Reader::kClient);
  if (!args) return;
  std::vector<StreamId> after(args->streams);
  for (std::size_t n = 0; n < args->streams; ++n) {
    if (!ReadStart(call, *args, n, &after[n])) return;
  }
  if (DeferReading(call, *args, [&](const Stream& stream, std::size_t n) {
        return ElementsBehind(stream, after[n], args->count);
      })) {
    return;
  }
  ReadReply reply(call.reply());
  for (std::size_t n = 0; n < args->streams; ++n) {
    const Found found = call.txn().Find(call.key(n), Access::kPeek);
    if (!found) continue;
    const Stream& stream = found.entry->as<Stream>();
    if (!HasBehind(stream, after[n])) continue;
    reply.BeginStream(call.key(n).name);
    ReplyStreamRange(call.reply(), stream, *value::Successor(after[n]), value::kStreamIdMax,
                     value::StreamOrder::kForward, args->count);
  }
  if (reply.End()) return;
  args->block_ms ? Wait(call, *args, WithoutDollars(call, *args, after)) : call.reply().NullArray();
}

// --- XREADGROUP ---

constexpr std::string_view kDollarInGroup =
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of "
    "this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would "
    "just return an empty result set.";

// Where reading of one stream starts: nullopt is ">".
using GroupStart = std::optional<StreamId>;

bool ReadGroupStart(Call& call, const ReadArgs& args, std::size_t n, GroupStart* start) {
  Found found;
  if (!FindAs<Stream>(call, n, Access::kRead, &found)) return false;
  if (!found || found.entry->as<Stream>().FindGroup(*args.group) == nullptr) {
    call.Error(NoKeyOrGroup(call.key(n).name, *args.group, " in XREADGROUP with GROUP option"));
    return false;
  }
  const std::string_view text = call.arg(args.IdAt(n));
  if (text == ">") return true;
  const auto id = value::ParseStreamId(text, 0, value::StreamIdForm::kStrict);
  if (text == "$" || !id) {
    call.Error(text == "$" ? kDollarInGroup : stream_errors::kInvalidId);
    return false;
  }
  // Redis has this id mean ">", too.
  if (*id != value::kStreamIdMax) *start = *id;
  return true;
}

void ServeNew(Call& call, const ReadArgs& args, const GroupOfKey& at,
              value::StreamConsumer& consumer) {
  const StreamId before = at.group.last_id();
  const bool collects = IsLogged(call);
  std::vector<StreamClaimed> claims;
  const std::size_t array = call.reply().BeginArray();
  const std::size_t read = at.stream.ReadNew(at.group, consumer, args.count, args.acknowledge,
                                             call.now_ms(), [&](const StreamEntry& entry) {
                                               ReplyStreamEntry(call.reply(), entry);
                                               if (collects) claims.push_back({entry.id(), 1});
                                             });
  call.reply().EndArray(array, read);
  if (args.acknowledge == value::StreamAcknowledge::kByConsumer) {
    LogClaims(call, at, consumer.name(), claims, call.now_ms());
  }
  if (at.group.last_id() != before) LogGroupPosition(call, at);
}

void ServeHistory(Call& call, const ReadArgs& args, const GroupOfKey& at,
                  const value::StreamConsumer& consumer, StreamId after) {
  const bool collects = IsLogged(call);
  std::vector<StreamClaimed> claims;
  const std::size_t array = call.reply().BeginArray();
  const auto serve = [&](StreamId id, const std::optional<StreamEntry>& entry) {
    if (entry) {
      ReplyStreamEntry(call.reply(), *entry);
      if (collects) claims.push_back({id, at.group.FindPending(id)->count});
      return;
    }
    call.reply().Array(2);
    ReplyStreamId(call.reply(), id);
    call.reply().NullArray();
  };
  const std::size_t read =
      at.stream.ReadHistory(at.group, consumer, after, args.count, call.now_ms(), serve);
  call.reply().EndArray(array, read);
  LogClaims(call, at, consumer.name(), claims, call.now_ms());
}

// One stream; whether a consumer was made for it.
bool ServeGroup(Call& call, const ReadArgs& args, std::size_t n, const GroupStart& start,
                ReadReply& reply) {
  Found found = call.txn().Find(call.key(n), Access::kPeek);
  call.txn().TellNobody();
  auto stream = call.txn().Edit<Stream>(call.key(n), found);
  value::StreamGroup& group = *stream->FindGroup(*args.group);
  const GroupOfKey at{call.key(n), *stream, group};
  const std::size_t consumers = group.consumers().size();
  value::StreamConsumer& consumer = ConsumerNamed(call, at, args.consumer);
  consumer.set_seen_time(call.now_ms());
  if (start) {
    reply.BeginStream(call.key(n).name);
    ServeHistory(call, args, at, consumer, *start);
  } else if (HasBehind(*stream, group.last_id())) {
    reply.BeginStream(call.key(n).name);
    ServeNew(call, args, at, consumer);
  }
  return group.consumers().size() != consumers;
}

void Xreadgroup(Call& call) {
  const std::optional<ReadArgs> args = ReadTheArgs(call, Reader::kGroup);
  if (!args) return;
  std::vector<GroupStart> starts(args->streams);
  for (std::size_t n = 0; n < args->streams; ++n) {
    if (!ReadGroupStart(call, *args, n, &starts[n])) return;
  }
  // History is what is pending at the consumer, at most all that is pending.
  if (DeferReading(call, *args, [&](const Stream& stream, std::size_t n) -> std::uint64_t {
        const value::StreamGroup& group = *stream.FindGroup(*args->group);
        if (!starts[n]) return ElementsBehind(stream, group.last_id(), args->count);
        const std::uint64_t pending = group.pending().size();
        return ElementsTaken(
            stream, args->count == 0 ? pending : std::min<std::uint64_t>(pending, args->count));
      })) {
    return;
  }
  ReadReply reply(call.reply());
  std::int64_t made = 0;
  for (std::size_t n = 0; n < args->streams; ++n) {
    made += ServeGroup(call, *args, n, starts[n], reply) ? 1 : 0;
  }
  call.txn().CountAs(made + static_cast<std::int64_t>(reply.streams()));
  if (reply.End()) return;
  args->block_ms ? Wait(call, *args, {}) : call.reply().NullArray();
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
          .access = "RO ACCESS",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kReadonly | command::kBlocking,
          .complexity = "O(N) where N is the number of entries returned",
          .summary = "Returns the entries of streams after the given ids, or waits for one.",
          .run = &Xread}),
    Spec({.syntax = "XREADGROUP <GROUP group consumer> [COUNT count] [BLOCK milliseconds] [NOACK] "
                    "STREAMS key [key ...] id [id ...]",
          .access = "RO ACCESS",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kWrite | command::kBlocking,
          .complexity = "O(N) where N is the number of entries returned",
          .summary = "Hands a consumer of a group new entries of streams, or again those that it "
                     "has not acknowledged; may wait for one.",
          .run = &Xreadgroup}),
};

}  // namespace

std::span<const Spec> StreamReadFamily() { return kSpecs; }

}  // namespace cairn::commands
