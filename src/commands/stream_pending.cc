// SPDX-License-Identifier: BSD-3-Clause
// XPENDING, XCLAIM and XAUTOCLAIM: what the consumers of a group have not acknowledged, and handing
// it to another.
#include <algorithm>
#include <limits>
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
using value::StreamGroup;
using value::StreamId;

// The group in the second argument, of the stream in the first; null with the error replied.
StreamGroup* FindGroup(Call& call, Access access, Found* found) {
  if (!FindAs<Stream>(call, 0, access, found)) return nullptr;
  StreamGroup* group = *found ? found->entry->as<Stream>().FindGroup(call.arg(2)) : nullptr;
  if (group == nullptr) call.Error(NoKeyOrGroup(call.arg(1), call.arg(2)));
  return group;
}

std::string_view TextOf(value::StreamBoundError error, std::string_view out_of_range) {
  return error == value::StreamBoundError::kInvalid ? stream_errors::kInvalidId : out_of_range;
}

// --- XPENDING ---

struct PendingArgs {
  std::int64_t min_idle_ms = 0;
  StreamId start{};
  StreamId end{};
  std::int64_t count = 0;
  std::optional<std::string_view> consumer;
};

// XPENDING key group [IDLE ms] start end count [consumer]. A word more than that is ignored, as
// Redis does.
std::expected<PendingArgs, std::string_view> ParsePending(Args words) {
  if (words.size() < 6 || words.size() > 9) return std::unexpected(command::errors::kSyntax);
  PendingArgs args;
  std::size_t at = 3;
  if (EqualsIgnoreCase(words[3], "IDLE")) {
    const auto idle = ParseInt64(words[4]);
    if (!idle) return std::unexpected(command::errors::kNotAnInteger);
    if (words.size() < 8) return std::unexpected(command::errors::kSyntax);
    args.min_idle_ms = *idle;
    at = 5;
  }
  const auto count = ParseInt64(words[at + 2]);
  if (!count) return std::unexpected(command::errors::kNotAnInteger);
  args.count = std::max<std::int64_t>(*count, 0);
  const auto start = value::ParseStreamStart(words[at]);
  if (!start) return std::unexpected(TextOf(start.error(), stream_errors::kInvalidStart));
  const auto end = value::ParseStreamEnd(words[at + 1]);
  if (!end) return std::unexpected(TextOf(end.error(), stream_errors::kInvalidEnd));
  args.start = *start;
  args.end = *end;
  if (at + 3 < words.size()) args.consumer = words[at + 3];
  return args;
}

void ReplySummary(resp::Writer& reply, const StreamGroup& group) {
  const StreamGroup::Pending& pending = group.pending();
  reply.Array(4);
  reply.Integer(static_cast<std::int64_t>(pending.size()));
  if (pending.empty()) {
    reply.Null();
    reply.Null();
    return reply.NullArray();
  }
  ReplyStreamId(reply, pending.At(pending.Begin()).key);
  ReplyStreamId(reply, pending.At(pending.Last()).key);
  const std::size_t array = reply.BeginArray();
  std::size_t shown = 0;
  for (const auto& consumer : group.consumers()) {
    if (consumer->pending().empty()) continue;
    reply.Array(2);
    reply.Bulk(consumer->name());
    reply.StringFromInteger(static_cast<std::int64_t>(consumer->pending().size()));
    ++shown;
  }
  reply.EndArray(array, shown);
}

void ReplyPending(Call& call, const StreamGroup& group, const PendingArgs& args) {
  const value::StreamConsumer* consumer = nullptr;
  if (args.consumer) {
    consumer = group.FindConsumer(*args.consumer);
    if (consumer == nullptr) return call.reply().Array(0);
  }
  resp::Writer& reply = call.reply();
  const std::size_t array = reply.BeginArray();
  std::int64_t shown = 0;
  group.ForEachPending(args.start, args.end, consumer,
                       [&](StreamId id, const value::StreamDelivery& delivery) {
                         if (shown == args.count) return false;
                         const std::int64_t idle = call.now_ms() - delivery.time;
                         if (args.min_idle_ms != 0 && idle < args.min_idle_ms) return true;
                         reply.Array(4);
                         ReplyStreamId(reply, id);
                         reply.Bulk(delivery.consumer->name());
                         reply.Integer(std::max<std::int64_t>(idle, 0));
                         reply.Integer(static_cast<std::int64_t>(delivery.count));
                         ++shown;
                         return true;
                       });
  reply.EndArray(array, static_cast<std::size_t>(shown));
}

void Xpending(Call& call) {
  const bool summary = call.argc() == 3;
  PendingArgs args;
  if (!summary) {
    const auto parsed = ParsePending(call.args());
    if (!parsed) return call.Error(parsed.error());
    args = *parsed;
  }
  Found found;
  const StreamGroup* group = FindGroup(call, Access::kRead, &found);
  if (group == nullptr) return;
  const std::uint64_t pending = group->pending().size();
  const bool walks = args.min_idle_ms != 0;
  if (!summary && call.Defer(walks ? pending
                                   : std::min<std::uint64_t>(
                                         pending, static_cast<std::uint64_t>(args.count)))) {
    return;
  }
  summary ? ReplySummary(call.reply(), *group) : ReplyPending(call, *group, args);
}

// --- XCLAIM ---

struct ClaimArgs {
  value::StreamClaim claim;
  std::vector<StreamId> ids;
  StreamId last_id{};
};

// The options that stand behind the ids.
class ClaimOptions {
 public:
  explicit ClaimOptions(ClaimArgs& args) : args_(args) {}

  std::expected<void, std::string> Read(Args words) {
    for (std::size_t i = 0; i < words.size() && error_.empty(); ++i) {
      if (Flag(words[i])) continue;
      if (i + 1 == words.size() || !Setting(words[i], words[i + 1])) {
        error_ = std::string("ERR Unrecognized XCLAIM option '")
                     .append(words[i].substr(0, words[i].find('\0')))
                     .append("'");
      }
      ++i;
    }
    if (!error_.empty()) return std::unexpected(error_);
    if (delivery_time_ >= 0 && delivery_time_ <= args_.claim.now) {
      args_.claim.delivery_time = delivery_time_;
    }
    return {};
  }

 private:
  bool Flag(std::string_view word) {
    if (EqualsIgnoreCase(word, "FORCE")) {
      args_.claim.force = true;
    } else if (EqualsIgnoreCase(word, "JUSTID")) {
      args_.claim.just_id = true;
    } else {
      return false;
    }
    return true;
  }

  bool Setting(std::string_view word, std::string_view text) {
    if (EqualsIgnoreCase(word, "IDLE")) {
      const std::int64_t idle = Number(text, "IDLE");
      // Beyond the range of times it is bogus like any time before 1970.
      if (__builtin_sub_overflow(args_.claim.now, idle, &delivery_time_)) delivery_time_ = -1;
    } else if (EqualsIgnoreCase(word, "TIME")) {
      delivery_time_ = Number(text, "TIME");
    } else if (EqualsIgnoreCase(word, "RETRYCOUNT")) {
      const std::int64_t count = Number(text, "RETRYCOUNT");
      args_.claim.retry_count = std::nullopt;
      if (count >= 0) args_.claim.retry_count = static_cast<std::uint64_t>(count);
    } else if (EqualsIgnoreCase(word, "LASTID")) {
      const auto id = value::ParseStreamId(text, 0, value::StreamIdForm::kStrict);
      if (!id) error_ = stream_errors::kInvalidId;
      args_.last_id = id.value_or(StreamId{});
    } else {
      return false;
    }
    return true;
  }

  std::int64_t Number(std::string_view text, std::string_view option) {
    const std::optional<std::int64_t> number = ParseInt64(text);
    if (!number) {
      error_ = std::string("ERR Invalid ").append(option).append(" option argument for XCLAIM");
    }
    return number.value_or(0);
  }

  ClaimArgs& args_;
  std::int64_t delivery_time_ = -1;  // as given; bogus ones are the present moment
  std::string error_;
};

std::expected<ClaimArgs, std::string> ParseClaim(Args words, UnixMs now) {
  ClaimArgs args;
  const auto min_idle = ParseInt64(words[4]);
  if (!min_idle) return std::unexpected("ERR Invalid min-idle-time argument for XCLAIM");
  args.claim.now = now;
  args.claim.delivery_time = now;
  args.claim.min_idle_ms = std::max<std::int64_t>(*min_idle, 0);
  std::size_t at = 5;
  for (; at < words.size(); ++at) {
    const auto id = value::ParseStreamId(words[at], 0, value::StreamIdForm::kStrict);
    if (!id) break;
    args.ids.push_back(*id);
  }
  if (const auto read = ClaimOptions(args).Read(words.subspan(at)); !read) {
    return std::unexpected(read.error());
  }
  return args;
}

// What a claim came to, for the log.
class Claims {
 public:
  void Claimed(const StreamGroup& group, StreamId id) {
    claims_.push_back({id, group.FindPending(id)->count});
  }
  // Named like a claim: where it is replayed, the entry is missing, too.
  void Vanished(StreamId id) {
    claims_.push_back({id, claims_.empty() ? 1 : claims_.back().count});
  }
  std::span<const StreamClaimed> all() const { return claims_; }

 private:
  std::vector<StreamClaimed> claims_;
};

void ReplyClaimed(Call& call, const Stream& stream, StreamId id, bool just_id) {
  just_id ? ReplyStreamId(call.reply(), id) : ReplyStreamEntryAt(call.reply(), stream, id);
}

void Xclaim(Call& call) {
  Found found;
  StreamGroup* group = FindGroup(call, Access::kRead, &found);
  if (group == nullptr) return;
  const auto args = ParseClaim(call.args(), call.now_ms());
  if (!args) return call.Error(args.error());
  if (call.Defer(ElementsTaken(found.entry->as<Stream>(), args->ids.size()))) return;
  call.txn().TellNobody();
  auto stream = call.txn().Edit<Stream>(call.key(0), found);
  const GroupOfKey at{call.key(0), *stream, *group};
  const bool moves_on = group->last_id() < args->last_id;
  if (moves_on) group->SetLastId(args->last_id, group->entries_read());
  value::StreamConsumer& consumer = ConsumerNamed(call, at, call.arg(3));
  consumer.set_seen_time(call.now_ms());
  const std::int64_t made = call.txn().changes();
  Claims claims;
  const std::size_t array = call.reply().BeginArray();
  std::size_t shown = 0;
  for (const StreamId id : args->ids) {
    const value::StreamClaimResult result = stream->Claim(*group, consumer, id, args->claim);
    if (result == value::StreamClaimResult::kVanished) claims.Vanished(id);
    if (result != value::StreamClaimResult::kClaimed) continue;
    claims.Claimed(*group, id);
    ReplyClaimed(call, *stream, id, args->claim.just_id);
    ++shown;
  }
  call.reply().EndArray(array, shown);
  LogClaims(call, at, consumer.name(), claims.all(), args->claim.delivery_time);
  if (moves_on && claims.all().empty()) LogGroupPosition(call, at);
  call.txn().CountAs(std::max<std::int64_t>(call.txn().changes(),
                                            made + static_cast<std::int64_t>(claims.all().size())));
}

// --- XAUTOCLAIM ---

// So many entries may be asked for that the attempts for them can be counted.
constexpr std::int64_t kAutoClaimCountMax = std::numeric_limits<std::int64_t>::max() / 16;

std::expected<value::StreamAutoClaim, std::string_view> ParseAutoClaim(Args words, UnixMs now) {
  const auto min_idle = ParseInt64(words[4]);
  if (!min_idle) return std::unexpected("ERR Invalid min-idle-time argument for XAUTOCLAIM");
  const auto start = value::ParseStreamStart(words[5]);
  if (!start) return std::unexpected(TextOf(start.error(), stream_errors::kInvalidStart));
  value::StreamAutoClaim claim{
      .now = now, .min_idle_ms = std::max<std::int64_t>(*min_idle, 0), .start = *start};
  for (std::size_t i = 6; i < words.size(); ++i) {
    if (EqualsIgnoreCase(words[i], "COUNT") && i + 1 < words.size()) {
      const auto count = ParseInt64(words[++i]);
      if (!count || *count < 1 || *count > kAutoClaimCountMax) {
        return std::unexpected("ERR COUNT must be > 0");
      }
      claim.count = static_cast<std::size_t>(*count);
    } else if (EqualsIgnoreCase(words[i], "JUSTID")) {
      claim.just_id = true;
    } else {
      return std::unexpected(command::errors::kSyntax);
    }
  }
  return claim;
}

void Xautoclaim(Call& call) {
  const auto args = ParseAutoClaim(call.args(), call.now_ms());
  if (!args) return call.Error(args.error());
  Found found;
  StreamGroup* group = FindGroup(call, Access::kRead, &found);
  if (group == nullptr) return;
  // It looks at ten times as many as it claims.
  const std::uint64_t looks = std::min<std::uint64_t>(group->pending().size(), 10 * args->count);
  if (call.Defer(ElementsTaken(found.entry->as<Stream>(), looks))) return;
  call.txn().TellNobody();
  auto stream = call.txn().Edit<Stream>(call.key(0), found);
  const GroupOfKey at{call.key(0), *stream, *group};
  value::StreamConsumer& consumer = ConsumerNamed(call, at, call.arg(3));
  consumer.set_seen_time(call.now_ms());
  const std::int64_t made = call.txn().changes();
  const value::StreamAutoClaimed result = stream->AutoClaim(*group, consumer, *args);
  call.reply().Array(3);
  ReplyStreamId(call.reply(), result.next);
  call.reply().Array(result.claimed.size());
  Claims claims;
  for (const StreamId id : result.claimed) {
    ReplyClaimed(call, *stream, id, args->just_id);
    claims.Claimed(*group, id);
  }
  call.reply().Array(result.vanished.size());
  for (const StreamId id : result.vanished) {
    ReplyStreamId(call.reply(), id);
    claims.Vanished(id);
  }
  LogClaims(call, at, consumer.name(), claims.all(), call.now_ms());
  call.txn().CountAs(made + static_cast<std::int64_t>(claims.all().size()));
}

constexpr Spec kSpecs[] = {
    Spec({.syntax =
              "XPENDING key group [[IDLE min-idle-time] start:string end:string count [consumer]]",
          .access = "RO ACCESS",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of entries looked at, or of consumers",
          .summary = "Returns what the consumers of a group have not acknowledged.",
          .history = "6.2.0: Added `IDLE` and exclusive ranges.",
          .tips = "nondeterministic_output",
          .run = &Xpending}),
    Spec({.syntax = "XCLAIM key group consumer min-idle-time:string id [id ...] [IDLE ms] [TIME "
                    "unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
          .access = "RW UPDATE",
          .since = "5.0.0",
          .group = Group::kStream,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(log N) for each id where N is the number of pending entries",
          .summary = "Hands pending entries to a consumer, whoever had them.",
          .tips = "nondeterministic_output",
          .run = &Xclaim}),
    Spec({.syntax = "XAUTOCLAIM key group consumer min-idle-time:string start:string [COUNT count] "
                    "[JUSTID]",
          .access = "RW DELETE",
          .since = "6.2.0",
          .group = Group::kStream,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(1) if COUNT is small",
          .summary = "Hands entries that have been pending for long to a consumer.",
          .history = "7.0.0: Also returns the entries that are gone from the stream.",
          .tips = "nondeterministic_output",
          .run = &Xautoclaim}),
};

}  // namespace

std::span<const Spec> StreamPendingFamily() { return kSpecs; }

}  // namespace cairn::commands
