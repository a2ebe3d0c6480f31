// SPDX-License-Identifier: BSD-3-Clause
// What Subscribe and Track share, whatever carries them: what is refused, and how handlers end.
#ifndef CAIRN_CLIENT_HANDLERS_H_
#define CAIRN_CLIENT_HANDLERS_H_

#include <atomic>
#include <cstdint>

#include "base/mutex.h"
#include "base/thread.h"
#include "cairn/client.h"

namespace cairn::client {

inline cache::Result<void> CheckSubscription(const cache::SubscriptionOptions& options,
                                             const cache::MessageHandler& handler) {
  if (handler == nullptr)
    return cache::Fail(cache::Errc::kInvalid, "a subscription without a handler");
  if (options.channels.empty() && options.patterns.empty() && options.shard_channels.empty())
    return cache::Fail(cache::Errc::kInvalid, "a subscription to no channel and no pattern");
  return {};
}

inline cache::Result<void> CheckTracking(const cache::InvalidationHandler& handler) {
  if (handler == nullptr) return cache::Fail(cache::Errc::kInvalid, "a tracking without a handler");
  return {};
}

// HandlerGate: calls of handlers, one at a time, until they are no longer wanted. Thread safety:
// any thread.
class HandlerGate {
 public:
  // Runs `call` unless this is closed; it may close this, but not come here again. The caller keeps
  // what runs until it has returned.
  template <class Call>
  void Run(Call call) {
    const MutexLock hold(mutex_);
    if (is_closed()) return;
    // relaxed: a thread looks for itself, and what others write is none of it.
    runner_.store(Thread::CurrentId(), std::memory_order_relaxed);
    call();
    runner_.store(kNobody, std::memory_order_relaxed);
  }
  // None begins any more. Waits for the call that runs, unless it is the one that closes.
  void Close() {
    // relaxed: the lock shows it to the calls to come.
    is_closed_.store(true, std::memory_order_relaxed);
    if (runner_.load(std::memory_order_relaxed) == Thread::CurrentId()) return;
    const MutexLock hold(mutex_);
  }
  bool is_closed() const { return is_closed_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::uintptr_t kNobody = 0;

  Mutex mutex_;  // held while a call runs
  std::atomic<bool> is_closed_{false};
  std::atomic<std::uintptr_t> runner_{kNobody};  // the thread of the call
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_HANDLERS_H_
