// SPDX-License-Identifier: BSD-3-Clause
// Trackers: connections on which a server tells what has changed (CLIENT TRACKING, RESP3).
//
//   SingleTracker    one connection, made again whenever it is lost: each is an epoch
//   ClusterTracker   a connection to each node that is read from, by a router of its own; whenever
//                    one of them is lost, an epoch ends for all. What has moved to another node is
//                    told by the one that it was read from, which deletes it; a read that was sent
//                    on is tracked where it was answered.
//
// The handler is called on the reactor's thread, in the order of a connection's bytes: an
// invalidation that was sent before a reply is told before the reply is.
#ifndef CAIRN_CLIENT_TRACKER_H_
#define CAIRN_CLIENT_TRACKER_H_

#include <atomic>
#include <functional>
#include <memory>

#include "base/mutex.h"
#include "cairn/client.h"
#include "client/channel.h"
#include "client/cluster_router.h"
#include "client/command_class.h"

namespace cairn::client {

class Tracker {
 public:
  using MakeRequest = std::function<RequestPtr(const cache::Command&, const cache::CallOptions&,
                                               cache::RepliesCallback)>;

  virtual ~Tracker() = default;
  Tracker(const Tracker&) = delete;
  Tracker& operator=(const Tracker&) = delete;

  // Waits for the first connection. The tracking ends with what it returns.
  static cache::Result<std::unique_ptr<cache::Tracking>> Open(std::shared_ptr<Tracker> tracker,
                                                              DialPlan plan,
                                                              const cache::TrackingOptions& options,
                                                              cache::Duration timeout);
  // Closes it and lets go of it on the reactor's thread, and waits for that. On that thread, where
  // the handler may be what asks, it is let go of when all that runs has returned: hooks hold plain
  // pointers.
  static void End(std::shared_ptr<Tracker> tracker);

  std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  void Start(cache::Command command, cache::CallOptions options, cache::ReplyCallback done);
  cache::Result<cache::Reply> Call(const cache::Command& command,
                                   const cache::CallOptions& options);

 protected:
  // `reactor` outlives it.
  Tracker(Reactor& reactor, MakeRequest make_request, cache::InvalidationHandler handler)
      : reactor_(reactor), make_request_(std::move(make_request)), handler_(std::move(handler)) {}
  Reactor& reactor() const { return reactor_; }

  // The reactor's thread.
  virtual void Connect(DialPlan plan) = 0;
  virtual void Close(const cache::Error& error) = 0;
  virtual void Submit(RequestPtr request) = 0;
  void OnPush(const cache::Reply& push);
  void BeginEpoch() { TellEpoch(++last_epoch_); }
  void EndEpoch() {
    if (epoch() != 0) TellEpoch(0);
  }
  void Settle(cache::Result<void> result);

 private:
  void TellEpoch(std::uint64_t epoch);
  void Tell(const cache::Invalidation& invalidation);

  Reactor& reactor_;
  const MakeRequest make_request_;
  // Constant after Open.
  Scripts scripts_ = Scripts::kRefused;
  cache::InvalidationHandler handler_;  // the reactor's thread
  std::uint64_t last_epoch_ = 0;        // the reactor's thread
  // release: who reads an epoch has seen what was told before it began.
  std::atomic<std::uint64_t> epoch_{0};
  bool is_settled_ = false;  // the reactor's thread
  Event settled_;
  cache::Result<void> outcome_;  // once settled
  // Shared with mail: false once this is closed. The reactor's thread.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class SingleTracker final : public Tracker {
 public:
  SingleTracker(Reactor& reactor, MakeRequest make_request, cache::InvalidationHandler handler)
      : Tracker(reactor, std::move(make_request), std::move(handler)) {}

 private:
  void Connect(DialPlan plan) override;
  void Close(const cache::Error& error) override;
  void Submit(RequestPtr request) override { channel_->Submit(std::move(request)); }

  std::shared_ptr<Channel> channel_;  // the reactor's thread; shared with its mail
};

// Broadcasts, which want a connection to every node there is, are not its matter.
class ClusterTracker final : public Tracker {
 public:
  ClusterTracker(Reactor& reactor, MakeRequest make_request, cache::InvalidationHandler handler)
      : Tracker(reactor, std::move(make_request), std::move(handler)) {}

 private:
  void Connect(DialPlan plan) override;
  void Close(const cache::Error& error) override;
  void Submit(RequestPtr request) override { router_->Submit(std::move(request)); }

  std::unique_ptr<ClusterRouter> router_;  // the reactor's thread
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_TRACKER_H_
