// SPDX-License-Identifier: BSD-3-Clause
// Pushes by their first word; the same words come as arrays without RESP3.
#include "client/subscriber.h"

#include <string>
#include <utility>

#include "client/wire.h"

namespace cairn::client {

using cache::Command;
using cache::Errc;
using cache::Message;
using cache::Reply;
using cache::Result;

namespace {

class Handle final : public cache::Subscription {
 public:
  explicit Handle(std::shared_ptr<Subscriber> subscriber) : subscriber_(std::move(subscriber)) {}
  ~Handle() override { subscriber_->Close(); }

 private:
  const std::shared_ptr<Subscriber> subscriber_;  // shared with mail that is on its way
};

}  // namespace

Subscriber::Subscriber(Reactor& reactor, cache::Scheduler& messages,
                       cache::SubscriptionOptions options, cache::MessageHandler handler)
    : reactor_(reactor),
      messages_(messages),
      options_(std::move(options)),
      handler_(std::move(handler)) {}

Result<std::unique_ptr<cache::Subscription>> Subscriber::Open(
    std::shared_ptr<Subscriber> subscriber, DialPlan plan, cache::Duration timeout) {
  const auto weak = subscriber->weak_from_this();
  const auto with = [weak](auto work) {
    if (const auto self = weak.lock()) work(*self);
  };
  Channel::Hooks hooks;
  hooks.on_up = [with](const Dialed&) { with([](Subscriber& self) { self.Subscribe(); }); };
  hooks.on_push = [with](Reply push) {
    with([&](Subscriber& self) { self.OnPush(std::move(push)); });
  };
  hooks.on_down = [with](const cache::Error& error) {
    with([&](Subscriber& self) { self.Settle(std::unexpected(error)); });
  };
  subscriber->channel_ = std::make_shared<Channel>(subscriber->reactor_, std::move(plan),
                                                   Channel::Life::kAlways, std::move(hooks));
  subscriber->reactor_.loop().PostOwed([channel = subscriber->channel_] { channel->Open(); });
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(timeout).count();
  const bool is_settled = subscriber->settled_.WaitFor(microseconds);
  auto handle = std::make_unique<Handle>(subscriber);
  if (!is_settled) return cache::Fail(Errc::kTimeout, "the subscription was not confirmed in time");
  if (!subscriber->outcome_) return std::unexpected(subscriber->outcome_.error());
  return handle;
}

void Subscriber::Close() {
  gate_.Close();
  reactor_.loop().PostOwed([channel = channel_] {
    channel->Close({.code = Errc::kClosed, .detail = "the subscription was ended"});
  });
}

void Subscriber::Subscribe() {
  std::string bytes;
  unconfirmed_ = 0;
  const auto say = [&](std::string_view name, const std::vector<std::string>& words) {
    if (words.empty()) return;
    AppendCommand(Command(name).AddAll(words), &bytes);
    unconfirmed_ += words.size();
  };
  say("SUBSCRIBE", options_.channels);
  say("PSUBSCRIBE", options_.patterns);
  // One by one: in a cluster they may belong to several slots.
  for (const std::string& channel : options_.shard_channels) say("SSUBSCRIBE", {channel});
  channel_->SendRaw(bytes);
  if (std::exchange(was_up_, true)) QueueGap();
}

void Subscriber::OnPush(Reply push) {
  if (push.is_error()) return Settle(cache::Fail(Errc::kServer, std::string(push.text())));
  const std::span<const Reply> parts = push.elements();
  if (parts.size() < 3) return;
  const std::string_view kind = parts[0].text();
  const auto text = [&](std::size_t i) { return std::string(parts[i].text()); };
  if (kind == "message" || kind == "smessage") return Queue({text(1), text(2)});
  if (kind == "pmessage" && parts.size() == 4) return Queue({text(2), text(3), text(1)});
  const bool confirms = kind == "subscribe" || kind == "psubscribe" || kind == "ssubscribe";
  if (confirms && unconfirmed_ > 0 && --unconfirmed_ == 0) Settle({});
}

void Subscriber::Settle(Result<void> result) {
  if (std::exchange(is_settled_, true)) return;
  outcome_ = std::move(result);
  settled_.Notify();
}

void Subscriber::Queue(Message message) {
  if (queued_.fetch_add(1, std::memory_order_relaxed) >= kQueuedMax) {
    queued_.fetch_sub(1, std::memory_order_relaxed);
    return QueueGap();
  }
  messages_.Post([self = shared_from_this(), message = std::move(message)] {
    self->queued_.fetch_sub(1, std::memory_order_relaxed);
    self->Deliver(&message);
  });
}

// One that waits stands for all: else each dropped message would put one into the queue that is
// full.
void Subscriber::QueueGap() {
  if (gap_is_queued_.exchange(true, std::memory_order_relaxed)) return;
  messages_.Post([self = shared_from_this()] { self->Deliver(nullptr); });
}

// Null: there is a gap.
void Subscriber::Deliver(const Message* message) {
  if (message == nullptr) gap_is_queued_.store(false, std::memory_order_relaxed);
  gate_.Run([&] {
    if (message != nullptr) return handler_(*message);
    if (options_.on_gap) options_.on_gap();
  });
}

}  // namespace cairn::client
