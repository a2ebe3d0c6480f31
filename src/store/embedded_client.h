// SPDX-License-Identifier: BSD-3-Clause
// EmbeddedClient: the client of an engine within the process.
//
// A call runs on the caller's thread, in a session of the pool; a deadline that has passed or a
// token that was stopped is looked at before it runs. Commands that wait do so in sessions of their
// own; their end is told on the scheduler's thread. Those that still wait when this goes fail with
// kClosed. Of a durable store replies wait for the disk, as its fsync says; those of a pipeline one
// after the other. Thread safety: any thread.
#ifndef CAIRN_STORE_EMBEDDED_CLIENT_H_
#define CAIRN_STORE_EMBEDDED_CLIENT_H_

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "cairn/client.h"
#include "store/body.h"
#include "store/embedded_files.h"
#include "store/embedded_messages.h"
#include "store/session_pool.h"
#include "store/waiting_call.h"

namespace cairn::store {

class EmbeddedClient final : public cache::Client {
 public:
  // Both outlive the client. `files`: of a durable store, else null.
  EmbeddedClient(engine::Engine& engine, cache::Store::Body& body, cache::Duration timeout,
                 std::unique_ptr<EmbeddedFiles> files)
      : engine_(engine),
        body_(body),
        clock_(body.clock()),
        timeout_(timeout),
        files_(std::move(files)),
        door_(std::make_shared<Door>(files_.get())),
        pool_(engine) {}
  ~EmbeddedClient() override;

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
  std::optional<cache::TimePoint> Deadline(const cache::Command& command,
                                           const cache::CallOptions& options) const;
  cache::Result<cache::Reply> CallWaiting(const cache::Command& command,
                                          const cache::CallOptions& options);
  void StartWaiting(const cache::Command& command, const cache::CallOptions& options,
                    cache::ReplyCallback done);
  void Remember(const std::shared_ptr<WaitingCall>& call);

  // The files, for who may come when they have gone: all is safe by then.
  struct Door {
    explicit Door(EmbeddedFiles* its_files) : files(its_files) {}
    Mutex mutex;  // held while the disk is waited for, so that the files stay
    EmbeddedFiles* files GUARDED_BY(mutex);
  };

  engine::Engine& engine_;
  cache::Store::Body& body_;
  const cache::Clock& clock_;
  const cache::Duration timeout_;
  const std::unique_ptr<EmbeddedFiles> files_;
  const std::shared_ptr<Door> door_;  // shared with replies that may come after the end
  SessionPool pool_;
  const std::shared_ptr<EmbeddedMessages> messages_ = std::make_shared<EmbeddedMessages>();
  Mutex mutex_;
  std::vector<std::weak_ptr<WaitingCall>> waiting_ GUARDED_BY(mutex_);
};

}  // namespace cairn::store

#endif  // CAIRN_STORE_EMBEDDED_CLIENT_H_
