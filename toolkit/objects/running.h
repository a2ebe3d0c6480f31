// SPDX-License-Identifier: BSD-3-Clause
// What coroutines of workers run on and wait for: threads of their own, one another, time that a
// stop cuts short.
#ifndef CAIRN_TOOLKIT_OBJECTS_RUNNING_H_
#define CAIRN_TOOLKIT_OBJECTS_RUNNING_H_

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "cairn/executor.h"
#include "cairn/result.h"

namespace cairn::cache::internal {

// kLoader: `who`, a function of the user's, threw this.
Error ThrownError(const std::string& who, std::exception_ptr thrown);

// Threads for functions that may block. What is posted is run before the threads end; its amount
// is bounded by who posts (a worker: one a lane).
class ThreadPool final : public Executor {
 public:
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void Post(Work work) override;

 private:
  struct Queue {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Work> works;
    bool is_closed = false;
  };
  static void Run(Queue& queue);

  std::shared_ptr<Queue> queue_;  // shared with the threads: one of them may destroy the pool
  std::vector<std::thread> threads_;
};

// co_await Hop(executor): goes on there; at once if it is null.
class Hop {
 public:
  explicit Hop(Executor* executor) : executor_(executor) {}
  bool await_ready() const { return executor_ == nullptr; }
  void await_suspend(std::coroutine_handle<> waiter) const {
    executor_->Post([waiter] { waiter.resume(); });
  }
  void await_resume() const {}

 private:
  Executor* executor_;
};

// co_await arrivals: until all have arrived, by one. The last one goes on with who waits, so an
// arrival is the last thing that a coroutine does.
class Arrivals {
 public:
  explicit Arrivals(std::size_t count) : left_(count + 1) {}
  void Arrive() {
    if (IsLast()) waiter_.resume();
  }
  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    return !IsLast();
  }
  void await_resume() const {}

 private:
  // acq_rel: what was written before an arrival is visible behind the last.
  bool IsLast() { return left_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

  std::atomic<std::size_t> left_;
  std::coroutine_handle<> waiter_;
};

// co_await Pause(scheduler, 10ms, stop): resumed by the scheduler, early if it is to stop.
class Pause {
 public:
  Pause(Scheduler& scheduler, Duration span, std::stop_token stop)
      : scheduler_(scheduler), span_(span), stop_(std::move(stop)) {}
  bool await_ready() const { return stop_.stop_requested(); }
  void await_suspend(std::coroutine_handle<> waiter);
  void await_resume() const {}

 private:
  class State;

  Scheduler& scheduler_;
  Duration span_;
  std::stop_token stop_;
};

}  // namespace cairn::cache::internal

#endif  // CAIRN_TOOLKIT_OBJECTS_RUNNING_H_
