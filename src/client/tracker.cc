// SPDX-License-Identifier: BSD-3-Clause
// Epochs, invalidations, and reads that are tracked.
#include "client/tracker.h"

#include <string>
#include <utility>
#include <vector>

#include "client/wire.h"

namespace cairn::client {

using cache::Command;
using cache::Errc;
using cache::Invalidation;
using cache::Reply;
using cache::Result;

namespace {

class Handle final : public cache::Tracking {
 public:
  explicit Handle(std::shared_ptr<Tracker> tracker) : tracker_(std::move(tracker)) {}
  ~Handle() override { Tracker::End(std::move(tracker_)); }

  std::uint64_t epoch() const override { return tracker_->epoch(); }
  void Start(Command command, cache::CallOptions options, cache::ReplyCallback done) override {
    tracker_->Start(std::move(command), std::move(options), std::move(done));
  }
  Result<Reply> Call(const Command& command, const cache::CallOptions& options) override {
    return tracker_->Call(command, options);
  }

 private:
  std::shared_ptr<Tracker> tracker_;  // shared with the mail that ends it
};

}  // namespace

Result<std::unique_ptr<cache::Tracking>> Tracker::Open(std::shared_ptr<Tracker> tracker,
                                                       DialPlan plan,
                                                       const cache::TrackingOptions& options,
                                                       cache::Duration timeout) {
  if (plan.uri.protocol < 3)
    return cache::Fail(Errc::kUnsupported, "tracking takes RESP3, and the URI says protocol=2");
  Command tracking("CLIENT", "TRACKING", "ON");
  if (!options.prefixes.empty()) tracking.Add("BCAST");
  for (const std::string& prefix : options.prefixes) tracking.Add("PREFIX").Add(prefix);
  if (!options.own_writes) tracking.Add("NOLOOP");
  plan.extra = {std::move(tracking)};
  Tracker& self = *tracker;
  self.scripts_ = options.scripts ? Scripts::kTaken : Scripts::kRefused;
  auto handle = std::make_unique<Handle>(std::move(tracker));
  self.reactor_.loop().PostOwed(
      [&self, plan = std::move(plan)]() mutable { self.Connect(std::move(plan)); });
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(timeout).count();
  if (!self.settled_.WaitFor(microseconds))
    return cache::Fail(Errc::kTimeout, "no connection for tracking in time");
  if (!self.outcome_) return std::unexpected(self.outcome_.error());
  return handle;
}

void Tracker::End(std::shared_ptr<Tracker> tracker) {
  Reactor& reactor = tracker->reactor_;
  const auto close = [&tracker] {
    *tracker->alive_ = false;
    tracker->Close({.code = Errc::kClosed, .detail = "the tracking was ended"});
  };
  if (reactor.IsHere()) {
    close();
    return reactor.RunLater([held = std::move(tracker)] {});
  }
  Event closed;
  reactor.loop().PostOwed([&] {
    close();
    tracker.reset();
    closed.Notify();
  });
  while (!closed.WaitFor(INT64_MAX / 2)) {
  }
}

void Tracker::Settle(Result<void> result) {
  if (std::exchange(is_settled_, true)) return;
  outcome_ = std::move(result);
  settled_.Notify();
}

void Tracker::TellEpoch(std::uint64_t epoch) {
  epoch_.store(epoch, std::memory_order_release);
  Tell({.kind = Invalidation::Kind::kEpoch, .epoch = epoch});
}

void Tracker::Tell(const Invalidation& invalidation) {
  if (*alive_) handler_(invalidation);
}

void Tracker::OnPush(const Reply& push) {
  const std::span<const Reply> parts = push.elements();
  if (parts.size() < 2 || parts[0].text() != "invalidate") return;
  if (parts[1].is_null()) return Tell({.kind = Invalidation::Kind::kAll, .epoch = epoch()});
  std::vector<std::string> keys;
  for (const Reply& key : parts[1].elements()) keys.emplace_back(key.text());
  Tell({.kind = Invalidation::Kind::kKeys, .keys = keys, .epoch = epoch()});
}

void Tracker::Start(Command command, cache::CallOptions options, cache::ReplyCallback done) {
  if (Result<void> may = CheckMayBeKept(command, scripts_); !may) return done(Pass(std::move(may)));
  RequestPtr request = make_request_(
      command, options,
      [done = std::move(done)](cache::Replies replies) mutable { done(std::move(replies[0])); });
  reactor_.loop().PostOwed([this, request, alive = alive_] {
    if (*alive) return Submit(request);
    request->Fail({.code = Errc::kClosed, .detail = "the tracking was ended"});
  });
}

Result<Reply> Tracker::Call(const Command& command, const cache::CallOptions& options) {
  if (reactor_.IsHere())
    return cache::Fail(Errc::kInvalid, "a call that waits, on the thread that it waits for");
  Result<Reply> reply;
  Event done;
  cache::CallOptions here = options;
  here.executor = nullptr;
  Start(command, std::move(here), [&](Result<Reply> come) {
    reply = std::move(come);
    done.Notify();
  });
  while (!done.WaitFor(INT64_MAX / 2)) {
  }
  return reply;
}

// ---- One server --------------------------------------------------------------------------------

void SingleTracker::Close(const cache::Error& error) {
  if (channel_ != nullptr) channel_->Close(error);
}

void SingleTracker::Connect(DialPlan plan) {
  Channel::Hooks hooks;
  hooks.on_up = [this](const Dialed&) {
    BeginEpoch();
    Settle({});
  };
  hooks.on_down = [this](const cache::Error& error) {
    EndEpoch();
    Settle(std::unexpected(error));
  };
  hooks.on_push = [this](const Reply& push) { OnPush(push); };
  channel_ = std::make_shared<Channel>(reactor(), std::move(plan), Channel::Life::kAlways,
                                       std::move(hooks));
  channel_->Open();
}

// ---- A cluster ---------------------------------------------------------------------------------

void ClusterTracker::Close(const cache::Error& error) {
  if (router_ != nullptr) router_->Close(error);
}

void ClusterTracker::Connect(DialPlan plan) {
  const std::int64_t timeout_us = std::int64_t{plan.timeout_ms} * 1000;
  ClusterWatch watch;
  // The next one begins at once: whoever reads then is tracked, on a connection that is made for
  // it.
  watch.on_lost = [this] { BeginEpoch(); };
  watch.on_push = [this](const Reply& push) { OnPush(push); };
  router_ = std::make_unique<ClusterRouter>(reactor(), std::move(plan), std::move(watch));
  // Whether there is one, and whether it lets itself be tracked.
  auto question = std::make_shared<Request>();
  AppendCommand(Command("PING"), &question->bytes);
  question->is_idempotent = true;
  question->deadline_us = reactor().now_us() + timeout_us;
  question->done = [this](cache::Replies replies) {
    if (!replies[0]) return Settle(std::unexpected(replies[0].error()));
    BeginEpoch();
    Settle({});
  };
  router_->Submit(std::move(question));
}

}  // namespace cairn::client
