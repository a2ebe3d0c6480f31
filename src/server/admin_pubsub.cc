// SPDX-License-Identifier: BSD-3-Clause
// SUBSCRIBE and its kin, PUBLISH, SPUBLISH, PUBSUB: the commands over src/pubsub.
//
// Subscribing is answered by one push (over RESP2: one array) for each name. They are no replies in
// the sense of CLIENT REPLY, which does not silence them.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "command/call.h"
#include "command/errors.h"
#include "command/help.h"
#include "command/owned_args.h"
#include "keyspace/trash.h"
#include "pubsub/exchange.h"
#include "server/client_subscriptions.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/pubsub_gate.h"
#include "server/server.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;
using pubsub::Kind;

// The number in the confirmations: channels and patterns together, shard channels apart.
std::size_t CountOf(const ClientSubscriptions* subscriptions, Kind kind) {
  if (subscriptions == nullptr) return 0;
  if (kind == Kind::kShard) return subscriptions->count(Kind::kShard);
  return subscriptions->count(Kind::kChannel) + subscriptions->count(Kind::kPattern);
}

// The command's own name in lower case, as confirmations begin with it: whatever rename-command
// made of it.
std::string_view Word(Kind kind, bool subscribes) {
  switch (kind) {
    case Kind::kChannel:
      return subscribes ? "subscribe" : "unsubscribe";
    case Kind::kPattern:
      return subscribes ? "psubscribe" : "punsubscribe";
    case Kind::kShard:
      return subscribes ? "ssubscribe" : "sunsubscribe";
    default:  // what is for one client is not subscribed to
      break;
  }
  return {};
}

void BeginConfirmation(Call& call, std::string_view word) {
  call.reply().Push(3);
  call.reply().Bulk(word);
}

void Subscribe(Call& call, Kind kind) {
  Connection& connection = Connection::Of(call);
  ClientSubscriptions& subscriptions = connection.EnsureSubscriptions();
  if (connection.IsNested(call)) subscriptions.Hold();
  for (const std::string_view name : call.args().subspan(1)) {
    subscriptions.Subscribe(kind, name);
    BeginConfirmation(call, Word(kind, true));
    call.reply().Bulk(name);
    call.reply().Integer(static_cast<std::int64_t>(CountOf(&subscriptions, kind)));
  }
  connection.KeepReply();
}

void UnsubscribeAll(Call& call, Kind kind, ClientSubscriptions* subscriptions) {
  bool any = false;
  if (subscriptions != nullptr) {
    subscriptions->UnsubscribeAll(kind, [&](std::string_view name) {
      any = true;
      BeginConfirmation(call, Word(kind, false));
      call.reply().Bulk(name);
      call.reply().Integer(static_cast<std::int64_t>(CountOf(subscriptions, kind)));
    });
  }
  if (any) return;
  BeginConfirmation(call, Word(kind, false));
  call.reply().Null();
  call.reply().Integer(static_cast<std::int64_t>(CountOf(subscriptions, kind)));
}

void Unsubscribe(Call& call, Kind kind) {
  Connection& connection = Connection::Of(call);
  ClientSubscriptions* subscriptions = connection.subscriptions();
  if (subscriptions != nullptr && connection.IsNested(call)) subscriptions->Hold();
  connection.KeepReply();
  if (call.argc() == 1) return UnsubscribeAll(call, kind, subscriptions);
  for (const std::string_view name : call.args().subspan(1)) {
    if (subscriptions != nullptr) subscriptions->Unsubscribe(kind, name);
    BeginConfirmation(call, Word(kind, false));
    call.reply().Bulk(name);
    call.reply().Integer(static_cast<std::int64_t>(CountOf(subscriptions, kind)));
  }
}

void SubscribeChannels(Call& call) { Subscribe(call, Kind::kChannel); }
void SubscribePatterns(Call& call) { Subscribe(call, Kind::kPattern); }
void SubscribeShards(Call& call) { Subscribe(call, Kind::kShard); }
void UnsubscribeChannels(Call& call) { Unsubscribe(call, Kind::kChannel); }
void UnsubscribePatterns(Call& call) { Unsubscribe(call, Kind::kPattern); }
void UnsubscribeShards(Call& call) { Unsubscribe(call, Kind::kShard); }

pubsub::Exchange& ExchangeOf(Call& call) { return Connection::Of(call).server().exchange(); }

// The message in the form in which it goes out, which is that in which it came in. Whoever sends it
// last leaves it to the keeper.
Blob* TakeMessage(Call& call) {
  Blob* tail =
      call.arg(2).size() < command::OwnedArgs::kGivenBytesMin ? nullptr : call.TakeBulksFrom(1);
  if (tail != nullptr) call.keyspace().trash().AddWhenSpare(tail);
  return tail;
}

void Publish(Call& call) {
  const std::size_t receivers =
      ExchangeOf(call).Publish(call.arg(1), call.arg(2), [&call] { return TakeMessage(call); });
  call.reply().Integer(static_cast<std::int64_t>(receivers));
}

void PublishToShard(Call& call) {
  const std::size_t receivers = ExchangeOf(call).PublishToShard(
      call.arg(1), call.arg(2), [&call] { return TakeMessage(call); });
  call.reply().Integer(static_cast<std::int64_t>(receivers));
}

// --- PUBSUB ---

void ReplyNames(Call& call, Kind kind) {
  if (call.argc() > 3)
    return call.Error(command::errors::SubcommandSyntax(call.arg(1), call.arg(0)));
  const bool all = call.argc() == 2;
  const std::vector<std::string> names =
      ExchangeOf(call).Names(kind, all ? std::string_view() : call.arg(2), all);
  call.reply().Array(names.size());
  for (const std::string& name : names) call.reply().Bulk(name);
}

void ReplyCounts(Call& call, Kind kind) {
  call.reply().Array((call.argc() - 2) * 2);
  for (const std::string_view name : call.args().subspan(2)) {
    call.reply().Bulk(name);
    call.reply().Integer(static_cast<std::int64_t>(ExchangeOf(call).SubscriberCount(kind, name)));
  }
}

void Channels(Call& call) { ReplyNames(call, Kind::kChannel); }
void ShardChannels(Call& call) { ReplyNames(call, Kind::kShard); }
void NumSub(Call& call) { ReplyCounts(call, Kind::kChannel); }
void ShardNumSub(Call& call) { ReplyCounts(call, Kind::kShard); }
void NumPat(Call& call) {
  call.reply().Integer(static_cast<std::int64_t>(ExchangeOf(call).NameCount(Kind::kPattern)));
}

constexpr std::uint32_t kListens =
    command::kPubsub | command::kNoScript | command::kLoading | command::kStale;
constexpr std::uint32_t kPublishes = command::kPubsub | command::kLoading | command::kStale |
                                     command::kFast | command::kMayReplicate;
constexpr std::uint32_t kTells = command::kPubsub | command::kLoading | command::kStale;

constexpr Spec kSubcommands[] = {
    Spec({.syntax = "PUBSUB CHANNELS [pattern]",
          .since = "2.8.0",
          .group = Group::kPubsub,
          .flags = kTells,
          .complexity = "O(N) where N is the number of channels with subscribers, for a short "
                        "pattern and short names",
          .summary = "Returns the channels that have subscribers.",
          .run = &Channels}),
    Spec({.syntax = "PUBSUB HELP",
          .since = "6.2.0",
          .group = Group::kPubsub,
          .flags = command::kLoading | command::kStale,
          .categories = "-pubsub",
          .complexity = "O(1)",
          .summary = "Returns this text.",
          .run = &command::ReplyHelp}),
    Spec({.syntax = "PUBSUB NUMPAT",
          .since = "2.8.0",
          .group = Group::kPubsub,
          .flags = kTells,
          .complexity = "O(1)",
          .summary = "Returns how many different patterns are subscribed to.",
          .run = &NumPat}),
    Spec({.syntax = "PUBSUB NUMSUB [channel [channel ...]]",
          .since = "2.8.0",
          .group = Group::kPubsub,
          .flags = kTells,
          .complexity = "O(N) where N is the number of channels asked for",
          .summary = "Returns how many clients subscribe to each channel, patterns not counted.",
          .run = &NumSub}),
    Spec({.syntax = "PUBSUB SHARDCHANNELS [pattern]",
          .since = "7.0.0",
          .group = Group::kPubsub,
          .flags = kTells,
          .complexity = "O(N) where N is the number of shard channels with subscribers, for a "
                        "short pattern and short names",
          .summary = "Returns the shard channels that have subscribers.",
          .run = &ShardChannels}),
    Spec({.syntax = "PUBSUB SHARDNUMSUB [shardchannel:string [shardchannel:string ...]]",
          .since = "7.0.0",
          .group = Group::kPubsub,
          .flags = kTells,
          .complexity = "O(N) where N is the number of shard channels asked for",
          .summary = "Returns how many clients subscribe to each shard channel.",
          .run = &ShardNumSub}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "SUBSCRIBE channel [channel ...]",
          .since = "2.0.0",
          .group = Group::kPubsub,
          .flags = kListens,
          .complexity = "O(N) where N is the number of channels",
          .summary = "Listens to channels.",
          .run = &SubscribeChannels}),
    Spec({.syntax = "UNSUBSCRIBE [channel [channel ...]]",
          .since = "2.0.0",
          .group = Group::kPubsub,
          .flags = kListens,
          .complexity = "O(N) where N is the number of channels",
          .summary = "Stops listening to channels, to all if none is named.",
          .run = &UnsubscribeChannels}),
    Spec({.syntax = "PSUBSCRIBE pattern [pattern ...]",
          .since = "2.0.0",
          .group = Group::kPubsub,
          .flags = kListens,
          .complexity = "O(N) where N is the number of patterns",
          .summary = "Listens to all channels that fit patterns.",
          .run = &SubscribePatterns}),
    Spec({.syntax = "PUNSUBSCRIBE [pattern [pattern ...]]",
          .since = "2.0.0",
          .group = Group::kPubsub,
          .flags = kListens,
          .complexity = "O(N) where N is the number of patterns",
          .summary = "Stops listening to patterns, to all if none is named.",
          .run = &UnsubscribePatterns}),
    Spec({.syntax = "SSUBSCRIBE shardchannel [shardchannel ...]",
          .access = "NOT_KEY",
          .since = "7.0.0",
          .group = Group::kPubsub,
          .flags = kListens | command::kOwnLocks,
          .complexity = "O(N) where N is the number of shard channels",
          .summary = "Listens to shard channels.",
          .run = &SubscribeShards}),
    Spec({.syntax = "SUNSUBSCRIBE [shardchannel [shardchannel ...]]",
          .access = "NOT_KEY",
          .since = "7.0.0",
          .group = Group::kPubsub,
          .flags = kListens | command::kOwnLocks,
          .complexity = "O(N) where N is the number of shard channels",
          .summary = "Stops listening to shard channels, to all if none is named.",
          .run = &UnsubscribeShards}),
    Spec({.syntax = "PUBLISH channel message",
          .since = "2.0.0",
          .group = Group::kPubsub,
          .flags = kPublishes,
          .complexity = "O(N+M) where N is the number of workers with subscribers of the channel "
                        "and M the number of patterns",
          .summary = "Sends a message to a channel, and returns to how many it goes.",
          .run = &Publish}),
    Spec({.syntax = "SPUBLISH shardchannel message",
          .access = "NOT_KEY",
          .since = "7.0.0",
          .group = Group::kPubsub,
          .flags = kPublishes | command::kOwnLocks,
          .complexity = "O(N) where N is the number of workers with subscribers of the channel",
          .summary = "Sends a message to a shard channel, and returns to how many it goes.",
          .run = &PublishToShard}),
    Spec({.syntax = "PUBSUB",
          .since = "2.8.0",
          .group = Group::kPubsub,
          .complexity = "Depends on subcommand.",
          .summary = "A container for commands about publish and subscribe.",
          .subcommands = kSubcommands}),
};

}  // namespace

bool PubsubGate::Admit(Call& call) {
  if (!call.session().subscribed() || call.session().protocol() != 2) return true;
  static constexpr std::array<void (*)(Call&), 6> kSubscribing = {
      &SubscribeChannels,   &SubscribePatterns,   &SubscribeShards,
      &UnsubscribeChannels, &UnsubscribePatterns, &UnsubscribeShards,
  };
  const Spec& spec = *call.command().spec;
  if (std::ranges::find(kSubscribing, spec.row.run) != kSubscribing.end()) return true;
  // By the names in the rows, which rename-command leaves alone.
  if (spec.name == "PING" || spec.name == "QUIT" || spec.name == "RESET") return true;
  call.Refuse("ERR Can't execute '" + call.command().full_name +
              "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
              "context");
  return false;
}

std::span<const Spec> PubsubFamily() { return kSpecs; }

}  // namespace cairn::server
