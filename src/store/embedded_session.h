// SPDX-License-Identifier: BSD-3-Clause
// EmbeddedSession: a session of the engine whose replies are public Replies.
//
// Speaks RESP3 with the engine and decodes straight from the bytes in its reply buffer. Belongs to
// one thread at a time.
#ifndef CAIRN_STORE_EMBEDDED_SESSION_H_
#define CAIRN_STORE_EMBEDDED_SESSION_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "cairn/command.h"
#include "cairn/reply.h"
#include "client/reply_decoder.h"
#include "command/runner.h"
#include "command/session.h"
#include "engine/engine.h"

namespace cairn::store {

class EmbeddedSession final : public command::Session {
 public:
  // `engine` outlives the session.
  explicit EmbeddedSession(engine::Engine& engine);

  // Runs the command; an error reply is an Error with kServer. REQUIRES: !command.empty()
  cache::Result<cache::Reply> Run(const cache::Command& command);

 private:
  cache::Result<cache::Reply> Decode();

  command::Runner runner_;
  resp::ReplyBuffer buffer_;
  client::ReplyDecoder decoder_;
  std::vector<std::string_view> words_;
};

}  // namespace cairn::store

#endif  // CAIRN_STORE_EMBEDDED_SESSION_H_
