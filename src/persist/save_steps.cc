// SPDX-License-Identifier: BSD-3-Clause
// Who takes the next step.
#include "persist/save_steps.h"

#include "base/check.h"
#include "base/thread.h"

namespace cairn::persist {

SaveSteps::Offer::Offer(SaveSteps& steps, Step step) : steps_(steps), step_(step) {
  const MutexLock hold(steps.mu_);
  CHECK(steps.step_ == nullptr);
  steps.step_ = &step_;
  steps.is_open_.store(steps.is_wanted_.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

SaveSteps::Offer::~Offer() {
  steps_.is_open_.store(false, std::memory_order_relaxed);
  const MutexLock hold(steps_.mu_);
  steps_.step_ = nullptr;
}

void SaveSteps::HelpNow() {
  // Even if the saver is at it now: then it rests after its step.
  has_helpers_.store(true, std::memory_order_relaxed);
  if (!mu_.TryLock()) return;
  if (step_ != nullptr) {
    const MonotonicUs end_us = clock_.NowMonotonicUs() + kHelpUs;
    bool goes_on = true;
    while (goes_on) {
      goes_on = (*step_)() && clock_.NowMonotonicUs() < end_us;
      steps_helped_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  mu_.Unlock();
}

// Without the yield the helpers that are looked out for would wait for the very core that the saver
// has, until the next tick.
bool SaveSteps::Rest() {
  if (has_helpers_.exchange(false, std::memory_order_relaxed)) return wake_.WaitFor(kRestUs);
  Thread::Yield();
  return false;
}

}  // namespace cairn::persist
