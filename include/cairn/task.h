// SPDX-License-Identifier: BSD-3-Clause
// Task: a coroutine that begins when it is awaited, and gives a T.
//
// A task that ends without having waited goes on in who awaits it without a resumption, so that a
// loop of such needs no stack in any build; one that waited hands over by symmetric transfer, which
// g++ makes a jump from -O2 on only. A task that is awaited within another inherits that one's stop
// token: cancelling the outer cancels every call within. A task that is destroyed before it was
// awaited never runs; one that has begun is awaited to its end before it may be destroyed.
//
//   const auto fetch = [&](std::string key) -> Task<Result<Reply>> {
//     co_return co_await client.CoCall(Command("GET", key));
//   };
//   Result<Reply> reply = SyncWait(fetch("k"));
//
// Parameters of a coroutine are taken by value, or outlive it. With g++ 12, a braced list among the
// arguments of an awaited call is miscompiled (its elements are destroyed twice): name it first.
//
// Errors: what a coroutine throws is thrown again where it is awaited. Thread safety: a task is
// awaited by one; it goes on, on whatever thread what it awaits has resumed it. Lifetimes: as
// above; what SyncWait gives is the task's value, moved. Cost: one allocation a task, unless the
// compiler elides it; SyncWait blocks its thread.
#ifndef CAIRN_TASK_H_
#define CAIRN_TASK_H_

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

namespace cairn::cache {

template <class T>
class Task;

namespace internal {

class PromiseBase {
 public:
  std::suspend_always initial_suspend() noexcept { return {}; }
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) noexcept {
      PromiseBase& promise = done.promise();
      const std::coroutine_handle<> next = promise.continuation_;
      // Once we are first, the one who awaits goes on by itself, and this frame may be gone.
      if (promise.IsSecond()) return next;
      return std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { failure_ = std::current_exception(); }

  void set_continuation(std::coroutine_handle<> next) { continuation_ = next; }
  // Called by the end of the task and by who awaits it, once he has suspended himself: the second
  // sees to it that he goes on. acq_rel: publishes the result to him.
  bool IsSecond() { return is_second_.exchange(true, std::memory_order_acq_rel); }
  const std::stop_token& stop() const { return stop_; }
  void set_stop(std::stop_token stop) { stop_ = std::move(stop); }
  // Takes over what the one that awaits it has, unless it has its own.
  void InheritStop(const PromiseBase& outer) {
    if (!stop_.stop_possible()) stop_ = outer.stop_;
  }

 protected:
  void RethrowFailure() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  std::coroutine_handle<> continuation_ = std::noop_coroutine();
  std::stop_token stop_;
  std::exception_ptr failure_;
  std::atomic<bool> is_second_{false};
};

template <class T>
class Promise : public PromiseBase {
 public:
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T Take() {
    RethrowFailure();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> : public PromiseBase {
 public:
  Task<void> get_return_object();
  void return_void() {}
  void Take() { RethrowFailure(); }
};

// Counts down to zero, once.
class Latch {
 public:
  explicit Latch(std::size_t count) : left_(count) {}
  void CountDown() {
    // acq_rel: what was written before the last count is visible to whoever waited for it.
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) left_.notify_all();
  }
  void Wait() {
    for (std::size_t left = left_.load(std::memory_order_acquire); left != 0;
         left = left_.load(std::memory_order_acquire)) {
      left_.wait(left, std::memory_order_acquire);
    }
  }

 private:
  std::atomic<std::size_t> left_;
};

// Runs at once, and destroys itself at its end.
struct Detached {
  struct promise_type : PromiseBase {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    // A detached task has nobody to tell: what it throws ends the program.
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

}  // namespace internal

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::Promise<T>;
  using value_type = T;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  // This task, and what it awaits, is cancelled by `stop` rather than by the outer one's token.
  Task WithStop(std::stop_token stop) && {
    handle_.promise().set_stop(std::move(stop));
    return std::move(*this);
  }

  class Awaiter {
   public:
    explicit Awaiter(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    bool await_ready() const { return false; }
    template <class Outer>
    bool await_suspend(std::coroutine_handle<Outer> outer) {
      if constexpr (requires { outer.promise().stop(); })
        handle_.promise().InheritStop(outer.promise());
      handle_.promise().set_continuation(outer);
      handle_.resume();
      return !handle_.promise().IsSecond();
    }
    T await_resume() { return handle_.promise().Take(); }

   private:
    std::coroutine_handle<promise_type> handle_;
  };
  // Once.
  Awaiter operator co_await() && { return Awaiter(handle_); }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

template <class T>
Task<T> internal::Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> internal::Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

// co_await CurrentStop(): the token that cancels the task at hand.
class CurrentStop {
 public:
  bool await_ready() const { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) {
    stop_ = self.promise().stop();
    return false;
  }
  std::stop_token await_resume() { return std::move(stop_); }

 private:
  std::stop_token stop_;
};

namespace internal {

template <class T>
Detached RunInto(Task<T> task, std::stop_token stop, std::shared_ptr<Latch> done,
                 std::optional<T>* value, std::exception_ptr* failure) {
  try {
    value->emplace(co_await std::move(task).WithStop(std::move(stop)));
  } catch (...) {
    *failure = std::current_exception();
  }
  done->CountDown();
}

inline Detached RunInto(Task<void> task, std::stop_token stop, std::shared_ptr<Latch> done,
                        std::exception_ptr* failure) {
  try {
    co_await std::move(task).WithStop(std::move(stop));
  } catch (...) {
    *failure = std::current_exception();
  }
  done->CountDown();
}

inline Detached RunDetached(Task<void> task) { co_await std::move(task); }

}  // namespace internal

// Runs the task and waits for its end, blocking this thread: from outside of coroutines. REQUIRES:
// not on a thread that the task needs, such as that of a client's reactor or of a scheduler.
template <class T>
T SyncWait(Task<T> task, std::stop_token stop = {}) {
  auto done = std::make_shared<internal::Latch>(1);
  std::exception_ptr failure;
  std::optional<T> value;
  internal::RunInto(std::move(task), std::move(stop), done, &value, &failure);
  done->Wait();
  if (failure) std::rethrow_exception(failure);
  return std::move(*value);
}
inline void SyncWait(Task<void> task, std::stop_token stop = {}) {
  auto done = std::make_shared<internal::Latch>(1);
  std::exception_ptr failure;
  internal::RunInto(std::move(task), std::move(stop), done, &failure);
  done->Wait();
  if (failure) std::rethrow_exception(failure);
}

// All of them at once; the results in their order.
template <class T>
std::vector<T> SyncWaitAll(std::vector<Task<T>> tasks, std::stop_token stop = {}) {
  auto done = std::make_shared<internal::Latch>(tasks.size());
  std::vector<std::optional<T>> values(tasks.size());
  std::vector<std::exception_ptr> failures(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i)
    internal::RunInto(std::move(tasks[i]), stop, done, &values[i], &failures[i]);
  done->Wait();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  std::vector<T> results;
  results.reserve(values.size());
  for (std::optional<T>& value : values) results.push_back(std::move(*value));
  return results;
}

// Runs the task at once, on this thread until it first waits; nobody waits for it. What it refers
// to outlives it, and what it throws ends the program.
inline void Detach(Task<void> task) { internal::RunDetached(std::move(task)); }

}  // namespace cairn::cache

#endif  // CAIRN_TASK_H_
