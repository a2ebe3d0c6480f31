// SPDX-License-Identifier: BSD-3-Clause
// What functions of the user threw, threads that serve a queue, and a pause that whoever comes
// first ends: its timer or the stop.
#include "objects/running.h"

#include <functional>
#include <optional>
#include <utility>

namespace cairn::cache::internal {

Error ThrownError(const std::string& who, std::exception_ptr thrown) {
  Error error{.code = Errc::kLoader, .detail = who + " threw", .cause = thrown};
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& known) {
    error.detail += std::string(": ") + known.what();
  } catch (...) {
    error.detail += " what is no std::exception";
  }
  return error;
}

ThreadPool::ThreadPool(std::size_t threads) : queue_(std::make_shared<Queue>()) {
  for (std::size_t i = 0; i < threads; ++i)
    threads_.emplace_back([queue = queue_] { Run(*queue); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->is_closed = true;
  }
  queue_->changed.notify_all();
  for (std::thread& thread : threads_) {
    // The last who holds the pool may be work of its own.
    if (thread.get_id() == std::this_thread::get_id()) {
      thread.detach();
    } else {
      thread.join();
    }
  }
}

void ThreadPool::Post(Work work) {
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->works.push_back(std::move(work));
  }
  queue_->changed.notify_one();
}

void ThreadPool::Run(Queue& queue) {
  for (;;) {
    Work work;
    {
      std::unique_lock lock(queue.mutex);
      queue.changed.wait(lock, [&] { return queue.is_closed || !queue.works.empty(); });
      if (queue.works.empty()) return;
      work = std::move(queue.works.front());
      queue.works.pop_front();
    }
    work();
  }
}

// Whoever comes first, the timer or the stop, resumes.
class Pause::State : public std::enable_shared_from_this<Pause::State> {
 public:
  State(Scheduler& scheduler, std::coroutine_handle<> waiter)
      : scheduler_(scheduler), waiter_(waiter) {}

  void Begin(Duration span, const std::stop_token& stop) {
    scheduler_.After(span, [self = shared_from_this()] {
      if (self->IsFirst()) self->waiter_.resume();
    });
    // Not resumed within request_stop(), whose caller may hold locks.
    callback_.emplace(stop, [weak = weak_from_this()] {
      const std::shared_ptr<State> self = weak.lock();
      if (!self || !self->IsFirst()) return;
      self->scheduler_.Post([waiter = self->waiter_] { waiter.resume(); });
    });
  }

 private:
  bool IsFirst() { return !is_over_.exchange(true, std::memory_order_acq_rel); }

  Scheduler& scheduler_;
  const std::coroutine_handle<> waiter_;
  std::atomic<bool> is_over_{false};
  std::optional<std::stop_callback<std::function<void()>>> callback_;
};

// The coroutine, and this with it, may be gone before Begin returns.
void Pause::await_suspend(std::coroutine_handle<> waiter) {
  const auto state = std::make_shared<State>(scheduler_, waiter);
  const std::stop_token stop = std::move(stop_);
  state->Begin(span_, stop);
}

}  // namespace cairn::cache::internal
