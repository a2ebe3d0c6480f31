// SPDX-License-Identifier: BSD-3-Clause
// ReservedConnection: a connection of one's own, over a channel of the client's pool.
//
// One thread at a time. It goes back to the pool clean if nothing lasting was said on it.
#ifndef CAIRN_CLIENT_RESERVED_CONNECTION_H_
#define CAIRN_CLIENT_RESERVED_CONNECTION_H_

#include <memory>
#include <span>
#include <utility>

#include "cairn/client.h"
#include "client/channel.h"

namespace cairn::client {

class RemoteClient;

class ReservedConnection final : public cache::Connection {
 public:
  // `client` outlives it.
  ReservedConnection(RemoteClient& client, std::shared_ptr<Channel> channel)
      : client_(client), channel_(std::move(channel)) {}
  ~ReservedConnection() override;

  cache::Result<cache::Reply> Call(const cache::Command& command,
                                   const cache::CallOptions& options) override;
  cache::Replies Pipeline(std::span<const cache::Command> commands,
                          const cache::CallOptions& options) override;

 private:
  void Note(const cache::Command& command);

  RemoteClient& client_;
  std::shared_ptr<Channel> channel_;
  bool is_clean_ = true;
  bool is_watching_ = false;
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_RESERVED_CONNECTION_H_
