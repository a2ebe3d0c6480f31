// SPDX-License-Identifier: BSD-3-Clause
// Subscriber: one subscription with a connection of its own, made again whenever it is lost.
//
// Messages come on the reactor's thread and are handed to the handler on a thread that the client
// keeps for it, so a handler may call the client. At most kQueuedMax wait for it; what comes beyond
// is dropped, and the gap told.
//
// Thread safety: made and closed by its owner; the rest says which thread it is for.
#ifndef CAIRN_CLIENT_SUBSCRIBER_H_
#define CAIRN_CLIENT_SUBSCRIBER_H_

#include <atomic>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "cairn/client.h"
#include "client/channel.h"
#include "client/handlers.h"

namespace cairn::client {

class Subscriber final : public std::enable_shared_from_this<Subscriber> {
 public:
  static constexpr std::size_t kQueuedMax = 64 * 1024;

  // `reactor` outlives its use, and `messages` what comes from there.
  Subscriber(Reactor& reactor, cache::Scheduler& messages, cache::SubscriptionOptions options,
             cache::MessageHandler handler);

  // Waits until the server has confirmed everything. The subscription ends with what it returns.
  static cache::Result<std::unique_ptr<cache::Subscription>> Open(
      std::shared_ptr<Subscriber> subscriber, DialPlan plan, cache::Duration timeout);
  // No handler begins any more, and none runs, unless it is the one that closes.
  void Close();

 private:
  // The reactor's thread.
  void Subscribe();
  void OnPush(cache::Reply push);
  void Settle(cache::Result<void> result);
  void Queue(cache::Message message);
  void QueueGap();
  // The messages' thread.
  void Deliver(const cache::Message* message);

  Reactor& reactor_;
  cache::Scheduler& messages_;
  const cache::SubscriptionOptions options_;
  std::atomic<std::size_t> queued_{0};
  std::atomic<bool> gap_is_queued_{false};
  std::shared_ptr<Channel> channel_;  // the reactor's thread; shared with its mail
  std::size_t unconfirmed_ = 0;       // the reactor's thread
  bool was_up_ = false;               // the reactor's thread
  bool is_settled_ = false;           // the reactor's thread
  Event settled_;
  cache::Result<void> outcome_;    // once settled
  cache::MessageHandler handler_;  // within the gate
  HandlerGate gate_;
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_SUBSCRIBER_H_
