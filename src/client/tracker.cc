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

Result<void> Tracker::Open(DialPlan plan, const cache::TrackingOptions& options,
                           cache::Duration timeout) {
  if (plan.uri.protocol < 3)
    return cache::Fail(Errc::kUnsupported, "tracking takes RESP3, and the URI says protocol=2");
  Command tracking("CLIENT", "TRACKING", "ON");
  if (!options.prefixes.empty()) tracking.Add("BCAST");
  for (const std::string& prefix : options.prefixes) tracking.Add("PREFIX").Add(prefix);
  if (!options.own_writes) tracking.Add("NOLOOP");
  plan.extra = {std::move(tracking)};
  scripts_ = options.scripts ? Scripts::kTaken : Scripts::kRefused;
  reactor_.loop().PostOwed([this, plan = std::move(plan)]() mutable { Connect(std::move(plan)); });
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(timeout).count();
  if (!settled_.WaitFor(microseconds))
    return cache::Fail(Errc::kTimeout, "no connection for tracking in time");
  return outcome_;
}

void Tracker::CloseThere(const std::function<void(const cache::Error&)>& close) {
  const cache::Error error{.code = Errc::kClosed, .detail = "the tracking was ended"};
  const auto run = [&] {
    *alive_ = false;
    close(error);
  };
  if (reactor_.IsHere()) return run();
  Event closed;
  reactor_.loop().PostOwed([&] {
    run();
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
  handler_({.kind = Invalidation::Kind::kEpoch, .epoch = epoch});
}

void Tracker::OnPush(const Reply& push) {
  const std::span<const Reply> parts = push.elements();
  if (parts.size() < 2 || parts[0].text() != "invalidate") return;
  if (parts[1].is_null()) return handler_({.kind = Invalidation::Kind::kAll, .epoch = epoch()});
  std::vector<std::string> keys;
  for (const Reply& key : parts[1].elements()) keys.emplace_back(key.text());
  handler_({.kind = Invalidation::Kind::kKeys, .keys = keys, .epoch = epoch()});
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

SingleTracker::~SingleTracker() {
  CloseThere([this](const cache::Error& error) {
    if (channel_ != nullptr) channel_->Close(error);
  });
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

ClusterTracker::~ClusterTracker() {
  CloseThere([this](const cache::Error& error) {
    if (router_ != nullptr) router_->Close(error);
    router_.reset();
  });
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
