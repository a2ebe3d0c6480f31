// SPDX-License-Identifier: BSD-3-Clause
// Permit::Body: a Keeper, and how what it keeps is given back.
//
//     made --Begin--> kept --Release--> given back, the answer is waited for
//       |               '--destroyed--> given back
//       '--destroyed--> given back, too: the question may have been granted without an answer
#ifndef CAIRN_TOOLKIT_OBJECTS_PERMIT_BODY_H_
#define CAIRN_TOOLKIT_OBJECTS_PERMIT_BODY_H_

#include <atomic>
#include <coroutine>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "cairn/semaphore.h"
#include "objects/keeper.h"

namespace cairn::cache {

namespace internal {

// What asks, and calls the answer once: on any thread, maybe at once.
using Asking = std::function<void(Keeper::Answer)>;

// co_await Answered(asking): goes on with the answer.
class Answered {
 public:
  explicit Answered(Asking asking) : asking_(std::move(asking)) {}
  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> waiter) {
    asking_([this, waiter](Result<bool> answer) {
      answer_ = std::move(answer);
      if (IsSecond()) waiter.resume();
    });
    // Once we are first, this may be gone.
    return !IsSecond();
  }
  Result<bool> await_resume() { return std::move(answer_); }

 private:
  // acq_rel: publishes the answer to who goes on.
  bool IsSecond() { return is_second_.exchange(true, std::memory_order_acq_rel); }

  const Asking asking_;
  Result<bool> answer_ = false;
  std::atomic<bool> is_second_{false};
};

}  // namespace internal

struct Permit::Body {
  Body(std::vector<Store> the_stores, internal::KeepOptions options, internal::Keeper::Ask renew,
       internal::Asking how)
      : stores(std::move(the_stores)),
        keeper(
            std::make_shared<internal::Keeper>(stores[0].scheduler(), options, std::move(renew))),
        give_back(std::move(how)) {}
  ~Body() {
    if (is_given_back) return;
    keeper->End();
    give_back([](const Result<bool>&) {});
  }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  const std::vector<Store> stores;  // which what follows refers to
  const std::shared_ptr<internal::Keeper> keeper;
  const internal::Asking give_back;
  bool is_given_back = false;
};

}  // namespace cairn::cache

#endif  // CAIRN_TOOLKIT_OBJECTS_PERMIT_BODY_H_
