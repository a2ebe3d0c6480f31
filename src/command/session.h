// SPDX-License-Identifier: BSD-3-Clause
// Session: what a client carries from one command to the next.
//
// The engine's embedded sessions are just this; the server's connections derive from it and add
// what a socket needs. A session is used by one thread at a time: its worker, or the thread that
// embeds the engine.
#ifndef CAIRN_COMMAND_SESSION_H_
#define CAIRN_COMMAND_SESSION_H_

#include <cstdint>

#include "base/ids.h"
#include "base/random.h"

namespace cairn::command {

class Session {
 public:
  Session(ClientId id, std::uint64_t random_seed) : id_(id), random_(random_seed) {}
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  ClientId id() const { return id_; }
  DbId db() const { return db_; }
  void set_db(DbId db) { db_ = db; }
  int protocol() const { return protocol_; }
  void set_protocol(int protocol) { protocol_ = protocol; }
  bool touches_keys() const { return touches_keys_; }
  void set_touches_keys(bool touches) { touches_keys_ = touches; }
  bool authenticated() const { return authenticated_; }
  void set_authenticated(bool authenticated) { authenticated_ = authenticated; }
  // Whether the client listens to anything: PING and the commands it may run depend on it.
  bool subscribed() const { return subscribed_; }
  void set_subscribed(bool subscribed) { subscribed_ = subscribed; }
  Random& random() { return random_; }

 private:
  const ClientId id_;
  DbId db_{0};
  int protocol_ = 2;
  bool touches_keys_ = true;  // false under CLIENT NO-TOUCH
  bool authenticated_ = true;
  bool subscribed_ = false;
  Random random_;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_SESSION_H_
