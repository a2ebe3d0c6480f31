// SPDX-License-Identifier: BSD-3-Clause
// ChannelPool: connections that are one caller's for a while: for commands that wait, and for
// whoever reserves one.
//
// Limits: kChannelsMax at a time, kIdleMax kept for the next. On the reactor's thread.
#ifndef CAIRN_CLIENT_CHANNEL_POOL_H_
#define CAIRN_CLIENT_CHANNEL_POOL_H_

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "client/channel.h"

namespace cairn::client {

class ChannelPool {
 public:
  static constexpr std::size_t kChannelsMax = 1024;
  static constexpr std::size_t kIdleMax = 16;

  // `takes_over`: see Channel::Hooks. `reactor` outlives it.
  ChannelPool(Reactor& reactor, std::function<bool(const RequestPtr&)> takes_over)
      : reactor_(reactor), takes_over_(std::move(takes_over)) {}

  // An idle one that went to the same place, or a new one. Null: kChannelsMax are out.
  std::shared_ptr<Channel> Borrow(const DialPlan& plan);
  // REQUIRES: borrowed. `is_clean`: the server knows nothing of it that a successor would notice.
  void GiveBack(const std::shared_ptr<Channel>& channel, bool is_clean);
  void Close(const cache::Error& error);

 private:
  struct Idle {
    Endpoint wanted;  // the plan's
    std::shared_ptr<Channel> channel;
  };

  Reactor& reactor_;
  const std::function<bool(const RequestPtr&)> takes_over_;
  std::vector<Idle> idle_;
  std::vector<Idle> borrowed_;
  bool is_closed_ = false;
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_CHANNEL_POOL_H_
