// SPDX-License-Identifier: BSD-3-Clause
// Who gets a message, and when.
#include "store/embedded_messages.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/glob.h"
#include "base/text.h"
#include "client/handlers.h"

namespace cairn::store {

using cache::Message;

// One subscription.
class EmbeddedMessages::Receiver : public std::enable_shared_from_this<Receiver> {
 public:
  Receiver(cache::SubscriptionOptions options, cache::MessageHandler handler,
           cache::Scheduler& scheduler)
      : options_(std::move(options)), scheduler_(scheduler), handler_(std::move(handler)) {}

  // How often it is subscribed to that.
  std::int64_t Offer(const Message& message, bool is_shard) {
    const auto& channels = is_shard ? options_.shard_channels : options_.channels;
    std::int64_t count = 0;
    if (std::ranges::find(channels, message.channel) != channels.end()) {
      Queue(message);
      ++count;
    }
    if (is_shard) return count;
    for (const std::string& pattern : options_.patterns) {
      if (!GlobMatch(pattern, message.channel)) continue;
      Message by_pattern = message;
      by_pattern.pattern = pattern;
      Queue(std::move(by_pattern));
      ++count;
    }
    return count;
  }
  // No handler begins any more, and none runs, unless it is the one that closes.
  void Close() { gate_.Close(); }

 private:
  void Queue(Message message) {
    // relaxed: only a bound.
    if (queued_.fetch_add(1, std::memory_order_relaxed) >= kQueuedMax) {
      queued_.fetch_sub(1, std::memory_order_relaxed);
      // Once for all that is dropped until it is told.
      if (has_gap_.exchange(true, std::memory_order_relaxed)) return;
      return scheduler_.Post([self = shared_from_this()] { self->TellGap(); });
    }
    scheduler_.Post([self = shared_from_this(), message = std::move(message)] {
      self->queued_.fetch_sub(1, std::memory_order_relaxed);
      self->gate_.Run([&] { self->handler_(message); });
    });
  }
  void TellGap() {
    has_gap_.store(false, std::memory_order_relaxed);
    if (options_.on_gap) gate_.Run(options_.on_gap);
  }

  const cache::SubscriptionOptions options_;
  cache::Scheduler& scheduler_;
  std::atomic<std::size_t> queued_{0};
  std::atomic<bool> has_gap_{false};
  cache::MessageHandler handler_;  // within the gate
  client::HandlerGate gate_;
};

class EmbeddedMessages::Handle final : public cache::Subscription {
 public:
  Handle(std::shared_ptr<EmbeddedMessages> messages, std::shared_ptr<Receiver> receiver)
      : messages_(std::move(messages)), receiver_(std::move(receiver)) {}
  ~Handle() override {
    messages_->Remove(receiver_);
    receiver_->Close();
  }

 private:
  const std::shared_ptr<EmbeddedMessages> messages_;  // shared with the client
  const std::shared_ptr<Receiver> receiver_;          // shared with messages on their way
};

bool EmbeddedMessages::IsPublish(std::string_view name) {
  return EqualsIgnoreCase(name, kPublish) || EqualsIgnoreCase(name, kShardPublish);
}

cache::Result<cache::Reply> EmbeddedMessages::Publish(const cache::Command& command) {
  const bool is_shard = command[0].size() == kShardPublish.size();
  if (command.size() != 3)
    return cache::Fail(cache::Errc::kServer, "ERR wrong number of arguments for '" +
                                                 std::string(is_shard ? "spublish" : "publish") +
                                                 "' command");
  const Message message{.channel = std::string(command[1]), .payload = std::string(command[2])};
  std::int64_t count = 0;
  // Held until it is queued everywhere: so all see two messages in one order.
  const MutexLock hold(mutex_);
  for (const auto& receiver : receivers_) count += receiver->Offer(message, is_shard);
  return cache::Reply::Integer(count);
}

std::unique_ptr<cache::Subscription> EmbeddedMessages::Subscribe(cache::SubscriptionOptions options,
                                                                 cache::MessageHandler handler,
                                                                 cache::Scheduler& scheduler) {
  auto receiver = std::make_shared<Receiver>(std::move(options), std::move(handler), scheduler);
  {
    const MutexLock hold(mutex_);
    receivers_.push_back(receiver);
  }
  return std::make_unique<Handle>(shared_from_this(), std::move(receiver));
}

void EmbeddedMessages::Remove(const std::shared_ptr<Receiver>& receiver) {
  const MutexLock hold(mutex_);
  std::erase(receivers_, receiver);
}

}  // namespace cairn::store
