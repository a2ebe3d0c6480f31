// SPDX-License-Identifier: BSD-3-Clause
// Loads that their callers leave when they take too long, and work that an executor may refuse.
// Part of cairn/cache.h, not for users.
//
//   Ended ended = co_await RunTimed(scheduler, executor, std::move(leaving), body);
//
// A load that was left goes on to its end, in what its body holds. What is posted to an executor
// that drops it unrun goes on on the store's scheduler all the same: nobody waits for it for ever,
// and its lease is given back.
#ifndef CAIRN_INTERNAL_TIMED_LOAD_H_
#define CAIRN_INTERNAL_TIMED_LOAD_H_

#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "cairn/clock.h"
#include "cairn/executor.h"
#include "cairn/internal/first_of.h"
#include "cairn/task.h"

namespace cairn::cache::internal {

// Done on an executor, with false; on the scheduler, with true, if that drops it.
class Posted {
 public:
  using Body = std::move_only_function<void(bool is_dropped)>;
  static void Post(Executor& executor, Scheduler& scheduler, Body body) {
    // A scheduler drops what it has when it goes, and then there is nothing to go on on.
    const bool is_same = &executor == static_cast<Executor*>(&scheduler);
    if (is_same) return executor.Post([body = std::move(body)]() mutable { body(false); });
    executor.Post(Posted(scheduler, std::move(body)));
  }

  Posted(Posted&& other) noexcept
      : scheduler_(other.scheduler_), body_(std::exchange(other.body_, nullptr)) {}
  Posted& operator=(Posted&&) = delete;
  ~Posted() {
    // Not within the executor's call, which may hold a lock of its own.
    if (body_) scheduler_.Post([body = std::move(body_)]() mutable { body(true); });
  }
  void operator()() { std::exchange(body_, nullptr)(false); }

 private:
  Posted(Scheduler& scheduler, Body body) : scheduler_(scheduler), body_(std::move(body)) {}

  Scheduler& scheduler_;
  Body body_;
};

// bool runs = co_await OnIfRun(executor, scheduler): goes on there; on the scheduler, with false,
// if the executor has dropped it.
class OnIfRun {
 public:
  OnIfRun(Executor& executor, Scheduler& scheduler) : executor_(executor), scheduler_(scheduler) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    Posted::Post(executor_, scheduler_, [this, waiter](bool is_dropped) {
      is_dropped_ = is_dropped;
      waiter.resume();
    });
  }
  bool await_resume() const { return !is_dropped_; }

 private:
  Executor& executor_;
  Scheduler& scheduler_;
  bool is_dropped_ = false;
};

// When, and with which answer, a caller goes on without his load.
template <class Ended>
struct Leaving {
  std::optional<Duration> soft = {};
  std::optional<Duration> hard = {};  // then the loader is told to stop
  Ended at_soft = {};
  Ended at_hard = {};
  bool may_leave = true;  // false: the load holds up this thread, and is waited for
};

// What a load that may be left takes with it.
template <class Ended, class Body>
struct TimedLoad {
  explicit TimedLoad(Body its_body) : body(std::move(its_body)) {}
  FirstOf<Ended> first;
  std::stop_source stop;
  Body body;
};
template <class Ended, class Body>
Task<void> RunLeft(std::shared_ptr<TimedLoad<Ended, Body>> load, Scheduler* scheduler,
                   TimerNumber hard, bool is_dropped) {
  Ended ended = co_await load->body(load->stop.get_token(), is_dropped);
  if (hard != 0) scheduler->Cancel(hard);
  load->first.Give(std::move(ended));
}

// `body(stop, is_dropped)` gives a Task<Ended>; it is run on `executor`, if that is not null, and
// told if it was not. It holds what it uses, the scheduler with it.
template <class Ended, class Body>
Task<Ended> RunTimed(Scheduler& scheduler, Executor* executor, Leaving<Ended> leaving, Body body) {
  const auto load = std::make_shared<TimedLoad<Ended, Body>>(std::move(body));
  TimerNumber soft = 0;
  TimerNumber hard = 0;
  if (leaving.soft && leaving.may_leave) {
    soft = scheduler.After(*leaving.soft, [load, late = std::move(leaving.at_soft)]() mutable {
      load->first.Give(std::move(late));
    });
  }
  if (leaving.hard) {
    hard = scheduler.After(*leaving.hard, [load, may_leave = leaving.may_leave,
                                           late = std::move(leaving.at_hard)]() mutable {
      // In this order: a loader that obeys at once is late all the same.
      if (may_leave) load->first.Give(std::move(late));
      load->stop.request_stop();
    });
  }
  const std::stop_token outer = co_await CurrentStop();
  const std::stop_callback forward(outer, [load] { load->stop.request_stop(); });
  if (executor != nullptr) {
    Posted::Post(*executor, scheduler, [load, scheduler = &scheduler, hard](bool is_dropped) {
      Detach(RunLeft(load, scheduler, hard, is_dropped));
    });
  } else {
    Detach(RunLeft(load, &scheduler, hard, false));
  }
  Ended ended = co_await load->first;
  if (soft != 0) scheduler.Cancel(soft);
  co_return ended;
}

}  // namespace cairn::cache::internal

#endif  // CAIRN_INTERNAL_TIMED_LOAD_H_
