// SPDX-License-Identifier: BSD-3-Clause
// Of those who find the breaker open and its time over one moves the time on, and tries.
#include "cairn/internal/store_guard.h"

#include <stop_token>
#include <utility>

namespace cairn::cache::internal {

bool Breaker::MayTry(const Clock& clock) {
  if (!is_open()) return true;
  const Duration::rep now = clock.Now().time_since_epoch().count();
  Duration::rep retry_at = retry_at_.load();
  if (now < retry_at) return false;
  const Duration open_for = options_.open_for;
  return retry_at_.compare_exchange_strong(retry_at, now + open_for.count());
}

void Breaker::TellDown(const Clock& clock) {
  if (!enabled()) return;
  const Duration open_for = options_.open_for;
  retry_at_.store((clock.Now() + open_for).time_since_epoch().count());
  // Behind the time, so that nobody tries by an old one.
  if (failures_.load() < options_.failures_max) failures_.fetch_add(1);
}

LoadSlots::Slot LoadSlots::Taken() {
  return {this, [self = shared_from_this()](void*) { self->GiveBack(); }};
}

Task<LoadSlots::Slot> LoadSlots::Take(Scheduler& scheduler, Duration wait_max) {
  std::shared_ptr<Turn> turn;
  {
    const std::lock_guard lock(mutex_);
    if (free_ > 0) {
      --free_;
      co_return Taken();
    }
    if (waiting_.size() >= kWaitingMax) co_return nullptr;
    turn = std::make_shared<Turn>();
    waiting_.push_back(turn);
  }
  const TimerNumber timer = scheduler.After(wait_max, [turn] { turn->Give(false); });
  bool has_turn = false;
  {
    const std::stop_token stop = co_await CurrentStop();
    // Goes on elsewhere than within the canceller's call.
    const std::stop_callback on_stop(
        stop, [&scheduler, turn] { scheduler.Post([turn] { turn->Give(false); }); });
    has_turn = co_await *turn;
  }
  scheduler.Cancel(timer);
  if (!has_turn) co_return nullptr;
  co_return Taken();
}

void LoadSlots::GiveBack() {
  while (true) {
    std::shared_ptr<Turn> next;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) {
        ++free_;
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (next->Give(true)) return;
  }
}

}  // namespace cairn::cache::internal
