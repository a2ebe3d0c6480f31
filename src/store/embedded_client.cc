// SPDX-License-Identifier: BSD-3-Clause
// Calls, by way of a session of the pool.
#include "store/embedded_client.h"

#include <algorithm>
#include <utility>

#include "client/command_class.h"
#include "client/exec_reply.h"
#include "client/handlers.h"
#include "store/embedded_tracking.h"

namespace cairn::store {
namespace {

using cache::CallOptions;
using cache::Command;
using cache::Errc;
using cache::Fail;
using cache::Replies;
using cache::Reply;
using cache::Result;

// Whether the call may still begin.
Result<void> MayBegin(const CallOptions& options, const cache::Clock& clock) {
  if (options.stop.stop_requested()) return Fail(Errc::kCancelled, "cancelled before it was run");
  if (options.timeout && *options.timeout <= cache::Duration::zero())
    return Fail(Errc::kTimeout, "no time was given");
  if (options.deadline && *options.deadline <= clock.Now())
    return Fail(Errc::kTimeout, "the deadline had passed before it was run");
  return {};
}

// The same, once it is safe: `own` is the end of what the caller has written. Null files: at once.
template <class T>
Result<T> WhenSafe(EmbeddedFiles* files, Lsn own, Result<T> reply) {
  if (files == nullptr || !files->holds()) [[likely]]
    return reply;
  Result<void> safe = files->AwaitSafe(own);
  if (!safe) return Pass(std::move(safe));
  return reply;
}

// A session of one's own: whatever it is told, nobody else notices.
class EmbeddedConnection final : public cache::Connection {
 public:
  EmbeddedConnection(engine::Engine& engine, const cache::Clock& clock, EmbeddedFiles* files)
      : clock_(clock), files_(files), session_(engine) {}

  Result<Reply> Call(const Command& command, const CallOptions& options) override {
    if (Result<void> may = MayBegin(options, clock_); !may) return Pass(std::move(may));
    if (Result<void> fits = client::CheckFitsConnection(command); !fits)
      return Pass(std::move(fits));
    return WhenSafe(files_, session_.last_write(), session_.Run(command));
  }
  Replies Pipeline(std::span<const Command> commands, const CallOptions& options) override {
    Replies replies;
    replies.reserve(commands.size());
    for (const Command& command : commands) replies.push_back(Call(command, options));
    return replies;
  }

 private:
  const cache::Clock& clock_;
  EmbeddedFiles* const files_;
  EmbeddedSession session_;
};

}  // namespace

Result<Reply> EmbeddedClient::Call(const Command& command, const CallOptions& options) {
  if (Result<void> may = MayBegin(options, clock_); !may) return Pass(std::move(may));
  if (Result<void> fits = client::CheckFitsClient(command); !fits) return Pass(std::move(fits));
  if (client::Waits(command, options.waits)) return CallWaiting(command, options);
  if (EmbeddedMessages::Publishes(command)) [[unlikely]]
    return messages_->Publish(command);
  const SessionPool::Lease session(pool_);
  if (files_ == nullptr) return session->Run(command);
  session->set_last_write(Lsn());  // another's
  Result<Reply> reply = session->Run(command);
  return WhenSafe(files_.get(), session->last_write(), std::move(reply));
}

EmbeddedClient::~EmbeddedClient() {
  std::vector<std::weak_ptr<WaitingCall>> waiting;
  {
    const MutexLock hold(mutex_);
    waiting = std::exchange(waiting_, {});
  }
  for (const std::weak_ptr<WaitingCall>& weak : waiting) {
    if (const auto call = weak.lock())
      call->GiveUp({.code = Errc::kClosed, .detail = "the store was closed"});
  }
  // Whom that was told: the scheduler drops what it has not run.
  body_.AwaitPosted();
  const MutexLock hold(door_->mutex);
  door_->files = nullptr;
}

void EmbeddedClient::Remember(const std::shared_ptr<WaitingCall>& call) {
  const MutexLock hold(mutex_);
  // Those that have ended go when the list would grow.
  if (waiting_.size() == waiting_.capacity())
    std::erase_if(waiting_, [](const auto& one) { return one.expired(); });
  waiting_.push_back(call);
}

// Its own time and, beyond it, that of any call; its own deadline comes first.
std::optional<cache::TimePoint> EmbeddedClient::Deadline(const Command& command,
                                                         const CallOptions& options) const {
  std::optional<cache::TimePoint> deadline = options.deadline;
  const auto own = client::OwnWait(command);
  const bool for_ever = !options.timeout && own && *own == cache::Duration::zero();
  if (for_ever) return deadline;
  cache::Duration span =
      std::min<cache::Duration>(options.timeout.value_or(timeout_), cache::kWaitMax);
  if (!options.timeout && own) span += *own;
  const cache::TimePoint end = clock_.Now() + span;
  return deadline ? std::min(*deadline, end) : end;
}

Result<Reply> EmbeddedClient::CallWaiting(const Command& command, const CallOptions& options) {
  auto ended = std::make_shared<Event>();
  const auto call =
      std::make_shared<WaitingCall>(engine_, body_.scheduler(), [ended] { ended->Notify(); });
  Remember(call);
  call->Begin(command, Deadline(command, options), options.stop);
  while (!ended->WaitFor(INT64_MAX / 2)) {
  }
  return WhenSafe(files_.get(), engine_.keyspace().log().end(), call->Take());
}

void EmbeddedClient::StartWaiting(const Command& command, const CallOptions& options,
                                  cache::ReplyCallback done) {
  cache::Executor& executor = options.executor != nullptr ? *options.executor : body_.scheduler();
  // Filled before Begin, and emptied by the one who is told.
  auto self = std::make_shared<std::shared_ptr<WaitingCall>>();
  auto tell = [self, &executor, door = door_,
               done = std::make_shared<cache::ReplyCallback>(std::move(done))] {
    executor.Post([call = std::exchange(*self, nullptr), door, done] {
      Result<Reply> reply = call->Take();
      {
        const MutexLock hold(door->mutex);
        reply = WhenSafe(door->files, Lsn(UINT64_MAX), std::move(reply));
      }
      (*done)(std::move(reply));
    });
  };
  *self = std::make_shared<WaitingCall>(engine_, body_.scheduler(), std::move(tell));
  const std::shared_ptr<WaitingCall> call = *self;
  Remember(call);
  call->Begin(command, Deadline(command, options), options.stop);
}

void EmbeddedClient::Start(Command command, CallOptions options, cache::ReplyCallback done) {
  if (!options.stop.stop_requested() && client::CheckFitsClient(command) &&
      client::Waits(command, options.waits)) {
    return StartWaiting(command, options, std::move(done));
  }
  Result<Reply> reply = Call(command, options);
  if (options.executor == nullptr) return done(std::move(reply));
  options.executor->Post(
      [done = std::move(done), reply = std::move(reply)]() mutable { done(std::move(reply)); });
}

Replies EmbeddedClient::Pipeline(std::span<const Command> commands, const CallOptions& options) {
  Replies replies;
  replies.reserve(commands.size());
  for (const Command& command : commands) replies.push_back(Call(command, options));
  return replies;
}

void EmbeddedClient::StartPipeline(std::vector<Command> commands, CallOptions options,
                                   cache::RepliesCallback done) {
  Replies replies = Pipeline(commands, options);
  if (options.executor == nullptr) return done(std::move(replies));
  options.executor->Post([done = std::move(done), replies = std::move(replies)]() mutable {
    done(std::move(replies));
  });
}

Result<std::vector<Reply>> EmbeddedClient::Transaction(std::span<const Command> commands,
                                                       const CallOptions& options) {
  if (Result<void> may = MayBegin(options, clock_); !may) return Pass(std::move(may));
  for (const Command& command : commands) {
    if (Result<void> fits = client::CheckFitsClient(command); !fits) return Pass(std::move(fits));
    if (EmbeddedMessages::Publishes(command))
      return Fail(Errc::kUnsupported, "an embedded store publishes by Call, in no transaction");
  }
  const SessionPool::Lease session(pool_);
  Replies replies;
  replies.reserve(commands.size() + 2);
  replies.push_back(session->Run(Command("MULTI")));
  for (const Command& command : commands) replies.push_back(session->Run(command));
  replies.push_back(session->Run(Command("EXEC")));
  return WhenSafe(files_.get(), session->last_write(), client::TakeExecReply(std::move(replies)));
}

Result<std::unique_ptr<cache::Connection>> EmbeddedClient::Reserve(std::string_view,
                                                                   const CallOptions& options) {
  if (Result<void> may = MayBegin(options, clock_); !may) return Pass(std::move(may));
  return std::make_unique<EmbeddedConnection>(engine_, clock_, files_.get());
}

Result<std::unique_ptr<cache::Subscription>> EmbeddedClient::Subscribe(
    cache::SubscriptionOptions options, cache::MessageHandler handler) {
  if (Result<void> may = client::CheckSubscription(options, handler); !may)
    return Pass(std::move(may));
  return messages_->Subscribe(std::move(options), std::move(handler), body_.messages());
}

Result<std::unique_ptr<cache::Tracking>> EmbeddedClient::Track(cache::TrackingOptions options,
                                                               cache::InvalidationHandler handler) {
  if (Result<void> may = client::CheckTracking(handler); !may) return Pass(std::move(may));
  return std::make_unique<EmbeddedTracking>(engine_, body_.scheduler(), options,
                                            std::move(handler));
}

}  // namespace cairn::store
