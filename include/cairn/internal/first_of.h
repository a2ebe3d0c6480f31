// SPDX-License-Identifier: BSD-3-Clause
// FirstOf: several may give a value, the first counts; one coroutine waits for it. Part of
// cairn/cache.h, not for users.
//
//   auto answer = std::make_shared<FirstOf<int>>();
//   scheduler.After(1s, [answer] { answer->Give(0); });
//   Detach(Work(answer));
//   const int first = co_await *answer;
//
// Thread safety: any thread gives. Lifetimes: whoever gives holds it (it may be given twice).
#ifndef CAIRN_INTERNAL_FIRST_OF_H_
#define CAIRN_INTERNAL_FIRST_OF_H_

#include <coroutine>
#include <mutex>
#include <optional>
#include <utility>

namespace cairn::cache::internal {

template <class Value>
class FirstOf {
 public:
  // False: another was first. Resumes who waits, on this thread.
  bool Give(Value value) {
    std::coroutine_handle<> waiter;
    {
      const std::lock_guard lock(mutex_);
      if (value_) return false;
      value_.emplace(std::move(value));
      waiter = std::exchange(waiter_, nullptr);
    }
    if (waiter) waiter.resume();
    return true;
  }

  class Awaiter {
   public:
    explicit Awaiter(FirstOf& first) : first_(first) {}
    bool await_ready() const { return false; }
    // The coroutine may be resumed, and gone, before this returns.
    bool await_suspend(std::coroutine_handle<> waiter) {
      const std::lock_guard lock(first_.mutex_);
      if (first_.value_) return false;
      first_.waiter_ = waiter;
      return true;
    }
    Value await_resume() { return std::move(*first_.value_); }

   private:
    FirstOf& first_;
  };
  Awaiter operator co_await() { return Awaiter(*this); }

 private:
  std::mutex mutex_;
  std::optional<Value> value_;  // stays, so that who comes later is told
  std::coroutine_handle<> waiter_;
};

}  // namespace cairn::cache::internal

#endif  // CAIRN_INTERNAL_FIRST_OF_H_
