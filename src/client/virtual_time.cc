// SPDX-License-Identifier: BSD-3-Clause
// Work runs without the lock, so that it may arm and cancel timers itself.
#include "cairn/testkit/virtual_time.h"

#include <algorithm>

#include "base/check.h"
#include "base/mutex.h"
#include "client/timer_queue.h"

namespace cairn::cache {

class VirtualTime::State {
 public:
  TimePoint now() const {
    const MutexLock hold(mutex_);
    return now_;
  }
  TimerNumber Add(Duration delay, Work work) {
    const MutexLock hold(mutex_);
    return timers_.Add(now_ + std::max(delay, Duration::zero()), std::move(work));
  }
  Work Take(TimerNumber number) {
    const MutexLock hold(mutex_);
    return timers_.Take(number);
  }
  // The next work that is due by `end`, the clock moved to its time; null: none, the clock at
  // `end`, unless that is the end of all time.
  Work Step(TimePoint end) {
    const MutexLock hold(mutex_);
    const auto next = timers_.next_due();
    if (!next || *next > end) {
      if (end != TimePoint::max()) now_ = std::max(now_, end);
      return {};
    }
    now_ = std::max(now_, *next);
    return timers_.TakeDue(now_);
  }
  std::size_t size() const {
    const MutexLock hold(mutex_);
    return timers_.size();
  }

 private:
  mutable Mutex mutex_;
  TimePoint now_ GUARDED_BY(mutex_) = TimePoint(std::chrono::hours(1));
  client::TimerQueue timers_ GUARDED_BY(mutex_);
};

VirtualTime::VirtualTime() : state_(std::make_unique<State>()) {}
VirtualTime::~VirtualTime() = default;

TimePoint VirtualTime::Now() const { return state_->now(); }

UnixTime VirtualTime::UnixNow() const {
  return kUnixStart + std::chrono::floor<std::chrono::milliseconds>(Now().time_since_epoch());
}

void VirtualTime::Post(Work work) { state_->Add(Duration::zero(), std::move(work)); }

TimerNumber VirtualTime::After(Duration delay, Work work) {
  return state_->Add(delay, std::move(work));
}

bool VirtualTime::Cancel(TimerNumber timer) { return state_->Take(timer) != nullptr; }

void VirtualTime::Advance(Duration span) {
  const TimePoint end = Now() + span;
  while (Work work = state_->Step(end)) work();
}

std::size_t VirtualTime::RunReady() {
  const TimePoint now = Now();
  std::size_t count = 0;
  for (; Work work = state_->Step(now); ++count) work();
  return count;
}

bool VirtualTime::Step() {
  Work work = state_->Step(TimePoint::max());
  if (!work) return false;
  work();
  return true;
}

// The task waits for what no time brings.
void VirtualTime::MustStep() { CHECK(Step()); }

std::size_t VirtualTime::pending() const { return state_->size(); }

}  // namespace cairn::cache
