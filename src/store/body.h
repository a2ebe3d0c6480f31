// SPDX-License-Identifier: BSD-3-Clause
// Store::Body: what stands behind a handle: a client by its transport, the clock, the scheduler.
//
// Thread safety: constant after construction, but for the schedulers, which are made when they are
// first asked for.
#ifndef CAIRN_STORE_BODY_H_
#define CAIRN_STORE_BODY_H_

#include <memory>

#include "base/mutex.h"
#include "cairn/store.h"

namespace cairn::cache {

class Store::Body {
 public:
  explicit Body(const StoreOptions& options)
      : clock_(options.clock != nullptr ? *options.clock : SystemClock()),
        given_scheduler_(options.scheduler) {}
  virtual ~Body() = default;
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  virtual Client& client() = 0;
  virtual const Capabilities& capabilities() const = 0;
  const Clock& clock() const { return clock_; }
  Scheduler& scheduler();
  // Of what may block, an embedded store's handlers of messages: the one that was given, else a
  // thread beside the scheduler's, which renews locks meanwhile.
  Scheduler& messages();
  // Until what was posted to schedulers of our own has been run. Not on their threads.
  void AwaitPosted();

 private:
  const Clock& clock_;
  Scheduler* const given_scheduler_;  // may be null
  Mutex mutex_;
  std::unique_ptr<Scheduler> own_scheduler_ GUARDED_BY(mutex_);
  std::unique_ptr<Scheduler> own_messages_ GUARDED_BY(mutex_);
};

}  // namespace cairn::cache

#endif  // CAIRN_STORE_BODY_H_
