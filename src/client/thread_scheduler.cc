// SPDX-License-Identifier: BSD-3-Clause
// The scheduler with a thread of its own: it sleeps until the first timer is due, or an earlier one
// is armed.
#include <algorithm>
#include <atomic>

#include "base/mutex.h"
#include "base/thread.h"
#include "cairn/executor.h"
#include "client/timer_queue.h"

namespace cairn::cache {
namespace {

class ThreadScheduler final : public Scheduler {
 public:
  ThreadScheduler() : thread_("cairn-timers", [this] { Run(); }) {}
  ~ThreadScheduler() override {
    // release: seen by the thread when it wakes.
    stopped_.store(true, std::memory_order_release);
    changed_.Notify();
    thread_.Join();
  }

  void Post(Work work) override { After(Duration::zero(), std::move(work)); }

  TimerNumber After(Duration delay, Work work) override {
    const TimePoint due = clock().Now() + std::max(delay, Duration::zero());
    TimerNumber number = 0;
    bool is_first = false;
    {
      const MutexLock hold(mutex_);
      number = timers_.Add(due, std::move(work));
      is_first = timers_.next_due() == due;
    }
    if (is_first) changed_.Notify();
    return number;
  }

  bool Cancel(TimerNumber timer) override {
    Work dropped;  // destroyed without the lock
    const MutexLock hold(mutex_);
    dropped = timers_.Take(timer);
    return dropped != nullptr;
  }

  const Clock& clock() const override { return SystemClock(); }

 private:
  static constexpr std::int64_t kIdleUs = 3'600'000'000;

  void Run() {
    while (!stopped_.load(std::memory_order_acquire)) {
      Work work;
      std::int64_t sleep_us = kIdleUs;
      {
        const MutexLock hold(mutex_);
        const TimePoint now = clock().Now();
        work = timers_.TakeDue(now);
        if (const auto next = timers_.next_due())
          sleep_us = std::chrono::ceil<std::chrono::microseconds>(*next - now).count();
      }
      if (work) {
        work();
      } else {
        changed_.WaitFor(sleep_us);
      }
    }
  }

  Mutex mutex_;
  client::TimerQueue timers_ GUARDED_BY(mutex_);
  Event changed_;
  std::atomic<bool> stopped_{false};
  Thread thread_;  // last: runs on all of the above
};

}  // namespace

std::unique_ptr<Scheduler> MakeThreadScheduler() { return std::make_unique<ThreadScheduler>(); }

}  // namespace cairn::cache
