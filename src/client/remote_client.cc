// SPDX-License-Identifier: BSD-3-Clause
// Requests are made on the caller's thread, encoded and all, so that the reactor only copies bytes.
#include "client/remote_client.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "client/command_class.h"
#include "client/command_keys.h"
#include "client/exec_reply.h"
#include "client/handlers.h"
#include "client/open_router.h"
#include "client/own_thread.h"
#include "client/reserved_connection.h"
#include "client/subscriber.h"
#include "client/tracker.h"
#include "client/wire.h"

namespace cairn::client {

using cache::CallOptions;
using cache::Command;
using cache::Errc;
using cache::Fail;
using cache::Replies;
using cache::Reply;
using cache::Result;

namespace {

constexpr std::int64_t kForEverUs = INT64_MAX / 4;

Replies AllFail(std::size_t count, const cache::Error& error) {
  return Replies(count, Result<Reply>(std::unexpected(error)));
}

bool AllAreValues(const Replies& replies) {
  return std::ranges::all_of(replies, [](const Result<Reply>& reply) { return reply.has_value(); });
}

cache::RepliesCallback OnlyReply(cache::ReplyCallback done) {
  return [done = std::move(done)](Replies replies) mutable { done(std::move(replies[0])); };
}

}  // namespace

Result<std::unique_ptr<RemoteClient>> RemoteClient::Open(const Uri& uri,
                                                         const cache::StoreOptions& options) {
  auto tls = MakeTlsContext(uri);
  if (!tls) return Pass(std::move(tls));
  auto reactor = Reactor::Start();
  if (!reactor) return Pass(std::move(reactor));
  DialPlan plan{.uri = uri, .tls = *std::move(tls)};
  plan.timeout_ms = static_cast<int>(std::clamp<std::int64_t>(
      std::chrono::duration_cast<cache::Millis>(options.timeout).count(), 1, 60'000));
  auto client =
      std::make_unique<RemoteClient>(Passkey(), options, *std::move(reactor), std::move(plan));
  if (Result<Reply> pong = client->Call(Command("PING"), {}); !pong) return Pass(std::move(pong));
  return client;
}

RemoteClient::RemoteClient(Passkey, const cache::StoreOptions& options,
                           std::unique_ptr<Reactor> reactor, DialPlan plan)
    : timeout_(options.timeout),
      clock_(options.clock != nullptr ? *options.clock : cache::SystemClock()),
      reactor_(std::move(reactor)),
      router_(OpenRouter(*reactor_, std::move(plan))),
      pool_(*reactor_, [this](const RequestPtr& request) { return SendElsewhere(request); }) {}

RemoteClient::~RemoteClient() {
  RunThere([this] {
    SubmitHere();
    const cache::Error error{.code = Errc::kClosed, .detail = "the store was closed"};
    router_->Close(error);
    pool_.Close(error);
    router_.reset();
  });
  reactor_.reset();
}

template <class Work>
void RemoteClient::RunThere(Work work) {
  CHECK(!reactor_->IsHere());
  Event done;
  reactor_->loop().PostOwed([&] {
    work();
    done.Notify();
  });
  while (!done.WaitFor(INT64_MAX / 2)) {
  }
}

template <class Begin>
Replies RemoteClient::Await(std::size_t count, Begin begin) {
  if (reactor_->IsHere())
    return AllFail(count, {.code = Errc::kInvalid,
                           .detail = "a call that waits, on the thread that it waits for"});
  Replies replies;
  Event done;
  begin([&](Replies come) {
    replies = std::move(come);
    done.Notify();
  });
  while (!done.WaitFor(INT64_MAX / 2)) {
  }
  return replies;
}

MonotonicUs RemoteClient::DeadlineUs(std::span<const Command> waiting, const CallOptions& options) {
  const MonotonicUs now_us = reactor_->now_us();
  const auto microseconds = [](cache::Duration duration) {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  };
  std::int64_t left_us = microseconds(options.timeout.value_or(timeout_));
  for (const Command& command : waiting) {
    if (options.timeout) break;
    // Its own time, and ours beyond it for the way there and back.
    const auto own = OwnWait(command);
    if (!own) continue;
    left_us = own == cache::Duration::zero() ? kForEverUs
                                             : std::min(left_us + microseconds(*own), kForEverUs);
  }
  if (options.deadline) left_us = std::min(left_us, microseconds(*options.deadline - clock_.Now()));
  return now_us + left_us;
}

RequestPtr RemoteClient::MakeRequest(std::span<const Command> commands, const CallOptions& options,
                                     cache::RepliesCallback done) {
  RequestPtr request = MakeRequest(commands, options);
  request->done = std::move(done);
  return request;
}

RequestPtr RemoteClient::MakeRequest(std::span<const Command> commands,
                                     const CallOptions& options) {
  auto request = std::make_shared<Request>();
  request->reply_count = commands.size();
  request->is_idempotent = true;
  bool waits = options.waits == cache::Waits::kYes;
  std::size_t bytes = 0;
  for (const Command& command : commands) bytes += WireBytesMax(command);
  request->bytes.reserve(bytes);
  for (const Command& command : commands) {
    const CommandClass found = ClassOf(command);
    AppendCommand(command, &request->bytes);
    request->is_idempotent &= IsIdempotent(found.kind, options.idempotence);
    waits |= commands.size() == 1 && Waits(found, options.waits);
    if (router_->is_cluster() && request->slot < 0) request->slot = SlotOf(command);
  }
  request->deadline_us = DeadlineUs(waits ? commands : std::span<const Command>(), options);
  request->executor = options.executor;
  if (options.stop.stop_possible()) {
    request->on_stop.emplace(options.stop,
                             [weak = std::weak_ptr<Request>(request), &loop = reactor_->loop()] {
                               loop.PostOwed([weak] {
                                 if (const RequestPtr stopped = weak.lock())
                                   stopped->Fail({.code = Errc::kCancelled, .detail = "cancelled"});
                               });
                             });
  }
  return request;
}

// What is made on the reactor's own thread, by a callback or a coroutine, goes without mail. It is
// submitted at the pass's end rather than here: one that fails at once would call back within the
// call that has made it, and its successor within that.
void RemoteClient::Send(RequestPtr request) {
  if (reactor_->IsHere()) {
    here_.push_back(std::move(request));
    if (here_.size() == 1) reactor_->RunLater([this] { SubmitHere(); });
    return;
  }
  const bool posted =
      reactor_->loop().Post([this, request]() mutable { router_->Submit(std::move(request)); });
  if (!posted) request->Fail({.code = Errc::kLimit, .detail = "too many calls wait"});
}

void RemoteClient::SubmitHere() {
  for (RequestPtr& request : std::exchange(here_, {})) router_->Submit(std::move(request));
}

// A connection of its own until it is answered; another one if the first was to the wrong server.
// Of several commands the first says so, and the others may have been run there.
void RemoteClient::SendWaiting(RequestPtr request) {
  const bool may_repeat = request->reply_count == 1 || request->is_idempotent;
  request->is_idempotent = false;  // what waits and is lost may have taken something
  auto at = std::make_shared<std::shared_ptr<Channel>>();
  request->done = [this, at, executor = std::exchange(request->executor, nullptr),
                   done = std::move(request->done)](Replies replies) mutable {
    // First back, then the news: whoever hears it may want the connection.
    if (*at != nullptr) pool_.GiveBack(*at, AllAreValues(replies));
    if (executor == nullptr) return done(std::move(replies));
    executor->Post([done = std::move(done), replies = std::move(replies)]() mutable {
      done(std::move(replies));
    });
  };
  const auto send = [this, at, weak = std::weak_ptr<Request>(request)] {
    const RequestPtr one = weak.lock();
    if (one == nullptr || one->is_done) return;
    if (*at != nullptr) pool_.GiveBack(*at, true);
    *at = pool_.Borrow(router_->PlanFor(one->slot));
    if (*at == nullptr)
      return one->Fail({.code = Errc::kLimit, .detail = "too many connections wait"});
    const std::shared_ptr<Channel> channel = *at;
    channel->Submit(one);
  };
  if (may_repeat) request->resend = send;
  reactor_->loop().PostOwed([request, send] { send(); });
}

bool RemoteClient::SendElsewhere(const RequestPtr& request) {
  constexpr int kRedirectionsMax = 5;
  const Result<Reply>& reply = request->replies[0];
  if (reply || !router_->Learns(reply.error())) return false;
  if (!request->resend || request->redirections == kRedirectionsMax) return false;
  ++request->redirections;
  request->replies.clear();
  const auto resend = request->resend;
  resend();
  return true;
}

void RemoteClient::Start(Command command, CallOptions options, cache::ReplyCallback done) {
  const CommandClass found = ClassOf(command);
  if (Result<void> fits = CheckFitsClient(command, found.kind); !fits)
    return done(Pass(std::move(fits)));
  if (options.stop.stop_requested())
    return done(Fail(Errc::kCancelled, "cancelled before it was sent"));
  if (router_->is_cluster() && MaySpanSlots(command))
    return SendSplit(command, options, std::move(done));
  if (Waits(found, options.waits))
    return SendWaiting(MakeRequest({&command, 1}, options, OnlyReply(std::move(done))));
  RequestPtr request = MakeRequest({&command, 1}, options);
  request->done_one = std::move(done);
  Send(std::move(request));
}

Result<Reply> RemoteClient::Call(const Command& command, const CallOptions& options) {
  Replies replies = Await(1, [&](cache::RepliesCallback done) {
    CallOptions here = options;
    here.executor = nullptr;
    Start(command, std::move(here), [done = std::move(done)](Result<Reply> reply) mutable {
      Replies one;
      one.push_back(std::move(reply));
      done(std::move(one));
    });
  });
  return std::move(replies[0]);
}

void RemoteClient::StartPipeline(std::vector<Command> commands, CallOptions options,
                                 cache::RepliesCallback done) {
  if (commands.empty()) return done({});
  for (const Command& command : commands) {
    Result<void> fits = CheckFitsClient(command);
    if (!fits) return done(AllFail(commands.size(), fits.error()));
  }
  if (options.waits == cache::Waits::kYes)
    return SendWaiting(MakeRequest(commands, options, std::move(done)));
  if (!router_->is_cluster()) return Send(MakeRequest(commands, options, std::move(done)));
  // Each goes where its keys are; the last to be answered tells.
  struct Gathering {
    Replies replies;
    std::atomic<std::size_t> left;
    cache::RepliesCallback done;
  };
  auto all = std::make_shared<Gathering>();
  all->replies = AllFail(commands.size(), {});
  all->left.store(commands.size(), std::memory_order_relaxed);
  all->done = std::move(done);
  for (std::size_t i = 0; i < commands.size(); ++i) {
    Start(std::move(commands[i]), options, [all, i](Result<Reply> reply) {
      all->replies[i] = std::move(reply);
      if (all->left.fetch_sub(1, std::memory_order_acq_rel) == 1)
        all->done(std::move(all->replies));
    });
  }
}

Replies RemoteClient::Pipeline(std::span<const Command> commands, const CallOptions& options) {
  return Await(commands.size(), [&](cache::RepliesCallback done) {
    CallOptions here = options;
    here.executor = nullptr;
    StartPipeline({commands.begin(), commands.end()}, std::move(here), std::move(done));
  });
}

Result<std::vector<Reply>> RemoteClient::Transaction(std::span<const Command> commands,
                                                     const CallOptions& options) {
  std::vector<Command> all = {Command("MULTI")};
  for (const Command& command : commands) {
    if (Result<void> fits = CheckFitsClient(command); !fits) return Pass(std::move(fits));
    all.push_back(command);
  }
  all.emplace_back("EXEC");
  CallOptions here = options;
  here.executor = nullptr;
  if (here.idempotence == cache::Idempotence::kByCommand)
    here.idempotence = cache::Idempotence::kNo;
  Replies replies = Await(all.size(), [&](cache::RepliesCallback done) {
    Send(MakeRequest(all, here, std::move(done)));
  });
  return TakeExecReply(std::move(replies));
}

// One part a slot, all at once, put together when the last has come.
void RemoteClient::SendSplit(const Command& command, const CallOptions& options,
                             cache::ReplyCallback done) {
  auto split = std::make_shared<SlotSplit>(command);
  if (split->parts().size() <= 1) {
    RequestPtr request = MakeRequest({&command, 1}, options);
    request->done_one = std::move(done);
    return Send(std::move(request));
  }
  struct Gathering {
    Replies replies;
    std::atomic<std::size_t> left;
    cache::ReplyCallback done;
  };
  auto all = std::make_shared<Gathering>();
  all->replies = AllFail(split->parts().size(), {});
  all->left.store(split->parts().size(), std::memory_order_relaxed);
  all->done = std::move(done);
  for (std::size_t i = 0; i < split->parts().size(); ++i) {
    Send(MakeRequest({&split->parts()[i].command, 1}, options, [all, split, i](Replies replies) {
      all->replies[i] = std::move(replies[0]);
      if (all->left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
      all->done(split->Merge(std::move(all->replies)));
    }));
  }
}

// ---- Connections of one's own
// --------------------------------------------------------------------

Result<std::unique_ptr<cache::Connection>> RemoteClient::Reserve(std::string_view key,
                                                                 const CallOptions&) {
  if (reactor_->IsHere()) return Fail(Errc::kInvalid, "Reserve on the client's own thread");
  const int slot = key.empty() || !router_->is_cluster() ? -1 : SlotOfKey(key);
  std::shared_ptr<Channel> channel;
  RunThere([&] { channel = pool_.Borrow(router_->PlanFor(slot)); });
  if (channel == nullptr) return Fail(Errc::kLimit, "too many connections are reserved");
  return std::make_unique<ReservedConnection>(*this, std::move(channel));
}

ReservedConnection::~ReservedConnection() {
  client_.reactor_->loop().PostOwed(
      [&pool = client_.pool_, channel = std::move(channel_), clean = is_clean_ && !is_watching_] {
        pool.GiveBack(channel, clean);
      });
}

Replies ReservedConnection::Pipeline(std::span<const Command> commands,
                                     const CallOptions& options) {
  if (commands.empty()) return {};
  for (const Command& command : commands) {
    if (Result<void> fits = CheckFitsConnection(command); !fits)
      return AllFail(commands.size(), fits.error());
    Note(command);
  }
  Replies replies = client_.Await(commands.size(), [&](cache::RepliesCallback done) {
    CallOptions here = options;
    here.executor = nullptr;
    RequestPtr request = client_.MakeRequest(commands, here, std::move(done));
    client_.reactor_->loop().PostOwed([channel = channel_, request] { channel->Submit(request); });
  });
  if (!replies.back()) is_clean_ = false;  // who knows what the server remembers
  return replies;
}

Result<Reply> ReservedConnection::Call(const Command& command, const CallOptions& options) {
  return std::move(Pipeline({&command, 1}, options)[0]);
}

void ReservedConnection::Note(const Command& command) {
  switch (EffectOnConnection(command)) {
    case ConnectionEffect::kNone:
      return;
    case ConnectionEffect::kWatches:
      is_watching_ = true;
      return;
    case ConnectionEffect::kEndsWatch:
      is_watching_ = false;
      return;
    case ConnectionEffect::kLasting:
      is_clean_ = false;
      return;
  }
}

// ---- What the server tells by itself
// -------------------------------------------------------------

Result<std::unique_ptr<cache::Subscription>> RemoteClient::Subscribe(
    cache::SubscriptionOptions options, cache::MessageHandler handler) {
  if (Result<void> may = CheckSubscription(options, handler); !may) return Pass(std::move(may));
  if (reactor_->IsHere()) return Fail(Errc::kInvalid, "Subscribe on the client's own thread");
  cache::Scheduler* messages = nullptr;
  {
    const MutexLock hold(mutex_);
    if (messages_ == nullptr) messages_ = MakeOwnScheduler();
    messages = messages_.get();
  }
  const int slot = options.shard_channels.empty() || !router_->is_cluster()
                       ? -1
                       : SlotOfKey(options.shard_channels[0]);
  DialPlan plan;
  RunThere([&] { plan = router_->PlanFor(slot); });
  auto subscriber =
      std::make_shared<Subscriber>(*reactor_, *messages, std::move(options), std::move(handler));
  return Subscriber::Open(std::move(subscriber), std::move(plan), timeout_);
}

Result<std::unique_ptr<cache::Tracking>> RemoteClient::Track(cache::TrackingOptions options,
                                                             cache::InvalidationHandler handler) {
  if (Result<void> may = CheckTracking(handler); !may) return Pass(std::move(may));
  if (reactor_->IsHere()) return Fail(Errc::kInvalid, "Track on the client's own thread");
  const bool is_cluster = router_->is_cluster();
  if (is_cluster && !options.prefixes.empty())
    return Fail(Errc::kUnsupported, "broadcast tracking in a cluster");
  DialPlan plan;
  RunThere([&] { plan = router_->PlanFor(-1); });
  const auto make_request = [this](const Command& command, const CallOptions& call,
                                   cache::RepliesCallback done) {
    return MakeRequest({&command, 1}, call, std::move(done));
  };
  std::shared_ptr<Tracker> tracker;
  if (is_cluster) {
    tracker = std::make_shared<ClusterTracker>(*reactor_, make_request, std::move(handler));
  } else {
    tracker = std::make_shared<SingleTracker>(*reactor_, make_request, std::move(handler));
  }
  return Tracker::Open(std::move(tracker), std::move(plan), options, timeout_);
}

}  // namespace cairn::client
