// SPDX-License-Identifier: BSD-3-Clause
// RemoteClient: a client whose store is reached over sockets.
//
//     caller --Request, by mail--> reactor: Router --> Channel --> server
//                                     |-- commands that wait: ChannelPool
//
// Thread safety: any thread, but what waits (Call, Pipeline, Transaction) not on the reactor's own,
// where it is refused. Its destruction fails what is under way with kClosed; not on the reactor's
// thread either.
#ifndef CAIRN_CLIENT_REMOTE_CLIENT_H_
#define CAIRN_CLIENT_REMOTE_CLIENT_H_

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "cairn/client.h"
#include "cairn/store.h"
#include "client/channel_pool.h"
#include "client/reactor.h"
#include "client/router.h"

namespace cairn::client {

class RemoteClient final : public cache::Client {
  struct Passkey {
    explicit Passkey() = default;
  };

 public:
  // Connects, so that a place where nothing is, or a wrong password, is found out here.
  static cache::Result<std::unique_ptr<RemoteClient>> Open(const Uri& uri,
                                                           const cache::StoreOptions& options);
  // For Open.
  RemoteClient(Passkey, const cache::StoreOptions& options, std::unique_ptr<Reactor> reactor,
               DialPlan plan);
  ~RemoteClient() override;

  cache::Result<cache::Reply> Call(const cache::Command& command,
                                   const cache::CallOptions& options) override;
  void Start(cache::Command command, cache::CallOptions options,
             cache::ReplyCallback done) override;
  cache::Replies Pipeline(std::span<const cache::Command> commands,
                          const cache::CallOptions& options) override;
  void StartPipeline(std::vector<cache::Command> commands, cache::CallOptions options,
                     cache::RepliesCallback done) override;
  using Client::Transaction;
  cache::Result<std::vector<cache::Reply>> Transaction(std::span<const cache::Command> commands,
                                                       const cache::CallOptions& options) override;
  cache::Result<std::unique_ptr<cache::Connection>> Reserve(
      std::string_view key, const cache::CallOptions& options) override;
  cache::Result<std::unique_ptr<cache::Subscription>> Subscribe(
      cache::SubscriptionOptions options, cache::MessageHandler handler) override;
  cache::Result<std::unique_ptr<cache::Tracking>> Track(
      cache::TrackingOptions options, cache::InvalidationHandler handler) override;

 private:
  friend class ReservedConnection;

  // A request of these commands, with its deadline and its token, that is not yet on its way.
  RequestPtr MakeRequest(std::span<const cache::Command> commands,
                         const cache::CallOptions& options);
  RequestPtr MakeRequest(std::span<const cache::Command> commands,
                         const cache::CallOptions& options, cache::RepliesCallback done);
  // `waiting`: those that may wait at the server, one after the other.
  MonotonicUs DeadlineUs(std::span<const cache::Command> waiting,
                         const cache::CallOptions& options);
  // To the router, by mail.
  void Send(RequestPtr request);
  void SubmitHere();
  void SendWaiting(RequestPtr request);
  // Of a request on a connection of its own.
  bool SendElsewhere(const RequestPtr& request);
  void SendSplit(const cache::Command& command, const cache::CallOptions& options,
                 cache::ReplyCallback done);
  // Runs what `begin` begins and waits for its end; kInvalid on the reactor's thread.
  template <class Begin>
  cache::Replies Await(std::size_t count, Begin begin);
  // Runs `work` on the reactor's thread and waits for it.
  template <class Work>
  void RunThere(Work work);

  const cache::Duration timeout_;
  const cache::Clock& clock_;
  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<Router> router_;  // the reactor's thread
  ChannelPool pool_;                // the reactor's thread
  std::vector<RequestPtr> here_;    // the reactor's thread: made on it in this pass
  Mutex mutex_;
  std::unique_ptr<cache::Scheduler> messages_ GUARDED_BY(mutex_);  // of the subscriptions
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_REMOTE_CLIENT_H_
