// SPDX-License-Identifier: BSD-3-Clause
// Tracker: a connection on which the server tells what has changed (CLIENT TRACKING, RESP3).
//
// Every connection is an epoch. The handler is called on the reactor's thread, in the order of the
// bytes: an invalidation that was sent before a reply is told before the reply is.
#ifndef CAIRN_CLIENT_TRACKER_H_
#define CAIRN_CLIENT_TRACKER_H_

#include <atomic>
#include <functional>
#include <memory>

#include "base/mutex.h"
#include "cairn/client.h"
#include "client/channel.h"

namespace cairn::client {

class Tracker final : public cache::Tracking {
 public:
  using MakeRequest = std::function<RequestPtr(const cache::Command&, const cache::CallOptions&,
                                               cache::RepliesCallback)>;
  // `reactor` outlives it.
  Tracker(Reactor& reactor, MakeRequest make_request, cache::InvalidationHandler handler)
      : reactor_(reactor), make_request_(std::move(make_request)), handler_(std::move(handler)) {}
  ~Tracker() override;

  // Waits for the first connection.
  cache::Result<void> Open(DialPlan plan, const cache::TrackingOptions& options,
                           cache::Duration timeout);

  std::uint64_t epoch() const override { return epoch_.load(std::memory_order_acquire); }
  void Start(cache::Command command, cache::CallOptions options,
             cache::ReplyCallback done) override;
  cache::Result<cache::Reply> Call(const cache::Command& command,
                                   const cache::CallOptions& options) override;

 private:
  // The reactor's thread.
  void OnUp();
  void OnDown(const cache::Error& error);
  void OnPush(const cache::Reply& push);
  void TellEpoch(std::uint64_t epoch);
  void Settle(cache::Result<void> result);

  Reactor& reactor_;
  const MakeRequest make_request_;
  cache::InvalidationHandler handler_;  // the reactor's thread
  std::shared_ptr<Channel> channel_;    // shared with its mail
  std::uint64_t last_epoch_ = 0;        // the reactor's thread
  // release: who reads an epoch has seen what was told before it began.
  std::atomic<std::uint64_t> epoch_{0};
  bool is_settled_ = false;  // the reactor's thread
  Event settled_;
  cache::Result<void> outcome_;  // once settled
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_TRACKER_H_
