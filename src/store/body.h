// SPDX-License-Identifier: BSD-3-Clause
// Store::Body: what stands behind a handle: a client by its transport, the clock, the scheduler.
//
// Thread safety: constant after construction, but for the scheduler, which is made when it is first
// asked for.
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
        scheduler_(options.scheduler) {}
  virtual ~Body() = default;
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  virtual Client& client() = 0;
  virtual const Capabilities& capabilities() const = 0;
  const Clock& clock() const { return clock_; }
  Scheduler& scheduler();
  // Until what was posted to a scheduler of our own has been run. Not on its thread.
  void AwaitPosted();

 private:
  const Clock& clock_;
  Mutex mutex_;
  Scheduler* scheduler_ GUARDED_BY(mutex_);
  std::unique_ptr<Scheduler> own_scheduler_ GUARDED_BY(mutex_);
};

}  // namespace cairn::cache

#endif  // CAIRN_STORE_BODY_H_
