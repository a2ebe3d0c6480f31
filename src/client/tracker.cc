// SPDX-License-Identifier: BSD-3-Clause
// Hooks hold a plain pointer: the channel is closed, on the reactor's thread, before this goes.
#include "client/tracker.h"

#include <string>
#include <utility>
#include <vector>

#include "client/command_class.h"

namespace cairn::client {

using cache::Command;
using cache::Errc;
using cache::Invalidation;
using cache::Reply;
using cache::Result;

Tracker::~Tracker() {
  if (channel_ == nullptr) return;
  const cache::Error error{.code = Errc::kClosed, .detail = "the tracking was ended"};
  if (reactor_.IsHere()) {
    channel_->Close(error);
    return;
  }
  Event closed;
  reactor_.loop().PostOwed([&] {
    channel_->Close(error);
    closed.Notify();
  });
  while (!closed.WaitFor(INT64_MAX / 2)) {
  }
}

Result<void> Tracker::Open(DialPlan plan, const cache::TrackingOptions& options,
                           cache::Duration timeout) {
  if (plan.uri.protocol < 3)
    return cache::Fail(Errc::kUnsupported, "tracking takes RESP3, and the URI says protocol=2");
  Command tracking("CLIENT", "TRACKING", "ON");
  if (!options.prefixes.empty()) tracking.Add("BCAST");
  for (const std::string& prefix : options.prefixes) tracking.Add("PREFIX").Add(prefix);
  if (!options.own_writes) tracking.Add("NOLOOP");
  plan.extra = {std::move(tracking)};
  Channel::Hooks hooks;
  hooks.on_up = [this](const Dialed&) { OnUp(); };
  hooks.on_down = [this](const cache::Error& error) { OnDown(error); };
  hooks.on_push = [this](const Reply& push) { OnPush(push); };
  channel_ = std::make_shared<Channel>(reactor_, std::move(plan), Channel::Life::kAlways,
                                       std::move(hooks));
  reactor_.loop().PostOwed([channel = channel_] { channel->Open(); });
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(timeout).count();
  if (!settled_.WaitFor(microseconds))
    return cache::Fail(Errc::kTimeout, "no connection for tracking in time");
  return outcome_;
}

void Tracker::Settle(Result<void> result) {
  if (std::exchange(is_settled_, true)) return;
  outcome_ = std::move(result);
  settled_.Notify();
}

void Tracker::OnUp() {
  TellEpoch(++last_epoch_);
  Settle({});
}

void Tracker::OnDown(const cache::Error& error) {
  if (epoch() != 0) TellEpoch(0);
  Settle(std::unexpected(error));
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
  if (Result<void> fits = CheckFitsClient(command); !fits) return done(Pass(std::move(fits)));
  RequestPtr request = make_request_(
      command, options,
      [done = std::move(done)](cache::Replies replies) mutable { done(std::move(replies[0])); });
  reactor_.loop().PostOwed([channel = channel_, request] { channel->Submit(request); });
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

}  // namespace cairn::client
