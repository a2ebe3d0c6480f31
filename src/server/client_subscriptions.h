// SPDX-License-Identifier: BSD-3-Clause
// ClientSubscriptions: a connection's side of publish and subscribe.
//
// Made with a client's first subscription and gone with its last, so that a client without any pays
// a null pointer. It keeps the registry's figures (CLIENT LIST's sub, psub, ssub) and the session's
// subscribed state in step with what the desk knows.
//
// A push may not come in the middle of another reply. That can only be when a command subscribes
// that is itself a part of another's reply (EXEC): from Hold on, messages wait until Release.
//
// Belongs to the connection, on its worker's thread.
#ifndef CAIRN_SERVER_CLIENT_SUBSCRIPTIONS_H_
#define CAIRN_SERVER_CLIENT_SUBSCRIPTIONS_H_

#include <string>
#include <string_view>
#include <vector>

#include "acl/profile.h"
#include "pubsub/desk.h"

namespace cairn::server {

class Connection;

class ClientSubscriptions final : public pubsub::Subscriber {
 public:
  explicit ClientSubscriptions(Connection& connection) : connection_(connection) {}

  void Subscribe(pubsub::Kind kind, std::string_view name);
  void Unsubscribe(pubsub::Kind kind, std::string_view name);
  // Ends all of a kind; fn(name) is called after each.
  template <class Fn>
  void UnsubscribeAll(pubsub::Kind kind, Fn fn) {
    // Copies: a name may be gone with its last subscriber.
    const std::vector<std::string_view> names = Names(kind);
    for (const std::string& name : std::vector<std::string>(names.begin(), names.end())) {
      Unsubscribe(kind, name);
      fn(name);
    }
  }
  // Whether the user may have all of them, of these channels.
  bool AreAllowed(const acl::ChannelsLeft& channels) const;
  // Ends all, in silence: RESET.
  void Reset();

  void Deliver(std::string_view header, const BlobRef& tail) override;
  void OnLost() override;

  void Hold() { holds_ = true; }
  void Release();

 private:
  struct Held {
    std::string header;
    BlobRef tail;
  };
  void Publish();

  Connection& connection_;
  bool holds_ = false;
  std::vector<Held> held_;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CLIENT_SUBSCRIPTIONS_H_
