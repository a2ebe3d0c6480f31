// SPDX-License-Identifier: BSD-3-Clause
// Greeting: what is said first on a connection, as a machine without I/O.
//
//     HELLO 3 [AUTH user password] --map--> (SETNAME, SELECT, extra commands) --all OK--> done
//        |--"ERR unknown command" or NOPROTO, or RESP2 was asked for: [AUTH] ...
//        |--any other error: failed
//
// Everything behind HELLO is sent in one go. NOAUTH to a HELLO without a password is the caller's
// fault and fails.
//
// One connection's; not thread-safe.
#ifndef CAIRN_CLIENT_GREETING_H_
#define CAIRN_CLIENT_GREETING_H_

#include <cstddef>
#include <string>
#include <vector>

#include "cairn/command.h"
#include "cairn/reply.h"
#include "client/uri.h"

namespace cairn::client {

class Greeting {
 public:
  // `extra`: commands that must succeed before the connection is of use, such as CLIENT TRACKING.
  Greeting(const Uri& uri, std::vector<cache::Command> extra);

  // Bytes that are to be sent before the next reply is waited for; empty when there are none.
  std::string TakeOutput();
  // The next reply. An error is final.
  cache::Result<void> OnReply(cache::Result<cache::Reply> reply);
  bool is_done() const { return awaits_ == 0; }
  // What was agreed on.
  int protocol() const { return protocol_; }

 private:
  void SayHello(const Uri& uri);
  void SayRest(bool authenticated);
  void Say(const cache::Command& command);

  std::string output_;
  std::size_t awaits_ = 0;  // replies
  bool hello_is_out_ = false;
  int protocol_ = 2;
  std::vector<cache::Command> authentication_;
  std::vector<cache::Command> rest_;
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_GREETING_H_
