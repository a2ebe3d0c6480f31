// SPDX-License-Identifier: BSD-3-Clause
// EventLoop: one thread's life: descriptors, timers and mail, in turn.
//
//     +-> before-sleep hook -> wait (until the next timer, or mail) --+
//     |                                                               |
//     +----- timers <----- mail <----- descriptors <------------------+
//
// A worker owns one. Tasks and timers run on the loop's thread and must not block. A timer that is
// to repeat adds itself again. Time comes from the Clock: with a ManualClock, RunOnce(0) is a loop
// that a test turns by hand.
//
// Thread safety: Post and Stop from any thread; everything else on the loop's thread (or before Run
// starts).
#ifndef CAIRN_IO_EVENT_LOOP_H_
#define CAIRN_IO_EVENT_LOOP_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/status.h"
#include "io/mailbox.h"
#include "io/poller.h"
#include "io/stream.h"
#include "io/timer_heap.h"

namespace cairn::io {

class EventLoop {
 public:
  // `clock` outlives the loop.
  static Result<std::unique_ptr<EventLoop>> Create(const Clock& clock);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  Poller& poller() { return *poller_; }
  const Clock& clock() const { return clock_; }

  // Calls `task` once, `delay_us` from now (at once if not positive: in this or the next pass).
  TimerId AddTimer(std::int64_t delay_us, Task task);
  // True if the timer was still to come.
  bool CancelTimer(TimerId id) { return timers_.Cancel(id); }

  // Any thread: runs `task` on the loop's thread. False if the mailbox is full.
  [[nodiscard]] bool Post(Task task) { return mailbox_->Post(std::move(task)); }
  // See Mailbox::PostOwed. Any thread.
  void PostOwed(Task task) { mailbox_->PostOwed(std::move(task)); }

  // Called in each pass before the loop may sleep: the place to write what a pass has produced.
  void SetBeforeSleep(std::function<void()> hook) { before_sleep_ = std::move(hook); }

  // Until Stop. An error is one of epoll_wait's, and final.
  Status Run();
  // Any thread: Run returns after the pass it is in. Stays stopped.
  void Stop();
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }

  // Half a pass from within a pass: descriptors and mail, without waiting. Nothing is written that
  // the pass has produced, and timers stay.
  Status RunWithin();
  // One pass, waiting at most `timeout_us` (negative: until something happens).
  Status RunOnce(std::int64_t timeout_us);

 private:
  // The mailbox's eventfd needs no answer: having woken the loop is all it does.
  class Wakeup final : public Watcher {
    void OnReady(bool, bool, bool) override {}
  };

  EventLoop(const Clock& clock, std::unique_ptr<Poller> poller, std::unique_ptr<Mailbox> mailbox)
      : clock_(clock), poller_(std::move(poller)), mailbox_(std::move(mailbox)) {}
  std::int64_t SleepUs(std::int64_t timeout_us) const;

  const Clock& clock_;
  // Order of destruction: tasks in timers and mailbox may hold what is registered in the poller.
  const std::unique_ptr<Poller> poller_;
  const std::unique_ptr<Mailbox> mailbox_;
  TimerHeap timers_;
  Wakeup wakeup_;
  std::function<void()> before_sleep_;
  std::atomic<bool> stopped_{false};  // release in Stop publishes what the stopper wrote
};

}  // namespace cairn::io

#endif  // CAIRN_IO_EVENT_LOOP_H_
