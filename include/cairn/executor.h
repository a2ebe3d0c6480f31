// SPDX-License-Identifier: BSD-3-Clause
// Executor and Scheduler: where work is run, now and later.
//
// A coroutine that waited for a reply is resumed by the executor that its call named, else on the
// thread on which the reply came. Everything in the toolkit that happens later (renewal of a lock,
// refresh ahead, back-off of a worker) is a timer of the store's Scheduler, so that under virtual
// time (cairn/testkit/virtual_time.h) a test decides when.
//
//   store.scheduler().After(500ms, [&] { Renew(); });
//
// Errors: none; work does not throw: nobody would catch it. Thread safety: any thread. Lifetimes: a
// scheduler outlives what was given to it, or drops it unrun when it is destroyed. Cost: Post a
// lock and an allocation; a timer O(log n) of those that wait.
#ifndef CAIRN_EXECUTOR_H_
#define CAIRN_EXECUTOR_H_

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "cairn/clock.h"

namespace cairn::cache {

using Work = std::move_only_function<void()>;

class Executor {
 public:
  virtual ~Executor() = default;
  // Runs `work` soon, not within this call.
  virtual void Post(Work work) = 0;
};

// Names one timer for ever; 0 names none.
using TimerNumber = std::uint64_t;

class Scheduler : public Executor {
 public:
  // Runs `work` when `delay` has passed. Work must not block for long: others' timers wait.
  virtual TimerNumber After(Duration delay, Work work) = 0;
  // True if the timer was still to come; it is then not run. False also while it runs.
  virtual bool Cancel(TimerNumber timer) = 0;
  virtual const Clock& clock() const = 0;
};

// One thread of its own, on the machine's clock. Destroying it drops what has not been run and
// waits for what runs. Work may destroy anything but this.
std::unique_ptr<Scheduler> MakeThreadScheduler();

// Threads of its own, for work that blocks, such as loads from a database: 1 to kPoolThreadsMax,
// what is outside is taken as the nearer one. The queue has no bound of its own: work is posted by
// those who wait for it, and whoever accepts them says how many. Destroying it first runs what was
// posted.
inline constexpr std::size_t kPoolThreadsMax = 256;
std::unique_ptr<Executor> MakeThreadPool(std::size_t threads);

// co_await On(executor): the coroutine goes on there.
class On {
 public:
  explicit On(Executor& executor) : executor_(executor) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    executor_.Post([waiter] { waiter.resume(); });
  }
  void await_resume() const {}

 private:
  Executor& executor_;
};

// co_await Sleep(scheduler, 10ms): resumed on the scheduler's thread.
class Sleep {
 public:
  Sleep(Scheduler& scheduler, Duration delay) : scheduler_(scheduler), delay_(delay) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    scheduler_.After(delay_, [waiter] { waiter.resume(); });
  }
  void await_resume() const {}

 private:
  Scheduler& scheduler_;
  Duration delay_;
};

}  // namespace cairn::cache

#endif  // CAIRN_EXECUTOR_H_
