// SPDX-License-Identifier: BSD-3-Clause
// EmbeddedMessages: publish and subscribe within one embedded store.
//
// PUBLISH and SPUBLISH as Call or Pipeline give them reach the handlers of the store's own
// subscriptions, on the scheduler that each was made with, in the order of publication. At most
// kQueuedMax wait for a handler; what comes beyond is dropped, and the gap told, as a Subscriber
// of a server does. Nobody outside of the store hears of it, and scripts and transactions, which
// the engine runs, publish nothing.
//
// Thread safety: any thread.
#ifndef CAIRN_STORE_EMBEDDED_MESSAGES_H_
#define CAIRN_STORE_EMBEDDED_MESSAGES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "cairn/client.h"
#include "cairn/executor.h"

namespace cairn::store {

class EmbeddedMessages : public std::enable_shared_from_this<EmbeddedMessages> {
 public:
  static constexpr std::size_t kQueuedMax = 64 * 1024;

  // Whether a command publishes.
  static bool Publishes(const cache::Command& command) {
    // Asked for every call of the store: by the length first.
    const std::size_t size = command.empty() ? 0 : command[0].size();
    return (size == kPublish.size() || size == kShardPublish.size()) && IsPublish(command[0]);
  }
  // How many subscriptions get it. REQUIRES: Publishes(command)
  cache::Result<cache::Reply> Publish(const cache::Command& command);
  // `scheduler` outlives its use; the handler may block it.
  std::unique_ptr<cache::Subscription> Subscribe(cache::SubscriptionOptions options,
                                                 cache::MessageHandler handler,
                                                 cache::Scheduler& scheduler);

 private:
  class Receiver;
  class Handle;
  static constexpr std::string_view kPublish = "PUBLISH";
  static constexpr std::string_view kShardPublish = "SPUBLISH";

  static bool IsPublish(std::string_view name);
  void Remove(const std::shared_ptr<Receiver>& receiver);

  Mutex mutex_;
  std::vector<std::shared_ptr<Receiver>> receivers_ GUARDED_BY(mutex_);
};

}  // namespace cairn::store

#endif  // CAIRN_STORE_EMBEDDED_MESSAGES_H_
