// SPDX-License-Identifier: BSD-3-Clause
// EmbeddedClient: the client of an engine within the process.
//
// A call runs on the caller's thread, in a session of the pool, and never waits; a deadline that
// has passed or a token that was stopped is looked at before it runs. Thread safety: any thread.
#ifndef CAIRN_STORE_EMBEDDED_CLIENT_H_
#define CAIRN_STORE_EMBEDDED_CLIENT_H_

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "cairn/client.h"
#include "store/session_pool.h"

namespace cairn::store {

class EmbeddedClient final : public cache::Client {
 public:
  // Both outlive the client.
  EmbeddedClient(engine::Engine& engine, const cache::Clock& clock)
      : engine_(engine), clock_(clock), pool_(engine) {}

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
  engine::Engine& engine_;
  const cache::Clock& clock_;
  SessionPool pool_;
};

}  // namespace cairn::store

#endif  // CAIRN_STORE_EMBEDDED_CLIENT_H_
