// SPDX-License-Identifier: BSD-3-Clause
// The desk does the work; here the figures are kept.
#include "server/client_subscriptions.h"

#include <algorithm>

#include "server/connection.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {

using pubsub::Kind;

void ClientSubscriptions::Subscribe(Kind kind, std::string_view name) {
  if (connection_.worker().desk().Subscribe(*this, kind, name)) Publish();
}

void ClientSubscriptions::Unsubscribe(Kind kind, std::string_view name) {
  if (connection_.worker().desk().Unsubscribe(*this, kind, name)) Publish();
}

bool ClientSubscriptions::AreAllowed(const acl::ChannelsLeft& channels) const {
  const auto are_allowed = [&](pubsub::Kind kind, acl::ChannelUse use) {
    return std::ranges::all_of(Names(kind), [&](std::string_view name) {
      return acl::AllowsChannel(channels, name, use);
    });
  };
  return are_allowed(pubsub::Kind::kPattern, acl::ChannelUse::kPattern) &&
         are_allowed(pubsub::Kind::kChannel, acl::ChannelUse::kName) &&
         are_allowed(pubsub::Kind::kShard, acl::ChannelUse::kName);
}

void ClientSubscriptions::Reset() {
  for (const Kind kind : {Kind::kChannel, Kind::kPattern, Kind::kShard})
    UnsubscribeAll(kind, [](std::string_view) {});
}

void ClientSubscriptions::Publish() {
  ClientInfo& info = connection_.info();
  info.channels.store(count(Kind::kChannel), std::memory_order_relaxed);
  info.patterns.store(count(Kind::kPattern), std::memory_order_relaxed);
  info.shard_channels.store(count(Kind::kShard), std::memory_order_relaxed);
  connection_.SetListening(!empty());
}

void ClientSubscriptions::Deliver(std::string_view header, const BlobRef& tail) {
  if (holds_) {
    held_.push_back({.header = std::string(header), .tail = tail.Share()});
    return;
  }
  connection_.Push(header, tail);
}

void ClientSubscriptions::Release() {
  holds_ = false;
  for (const Held& held : held_) connection_.Push(held.header, held.tail);
  held_.clear();
}

void ClientSubscriptions::OnLost() {
  connection_.server().log().Warning("Client closed: its worker's inbox of messages is full");
  connection_.server().counters().output_limit_disconnections.Add(1);
  connection_.CloseNow();
}

}  // namespace cairn::server
