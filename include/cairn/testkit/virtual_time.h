// SPDX-License-Identifier: BSD-3-Clause
// VirtualTime: a clock and a scheduler that stand still until a test moves them.
//
//   VirtualTime time;
//   Store store = Store::Open("embedded:", {.clock = &time, .scheduler = &time}).value();
//   store.client().Call(Command("SET", "k", "v", "PX", 100));
//   time.Advance(100ms);                     // "k" has expired
//
// Advance runs what falls due on the way, in the order of the times and with the clock at each, on
// the calling thread; also what that work itself posts or arms within the span.
//
// A coroutine that waits for the time is not to be waited for by SyncWait, which blocks the thread
// that would move it: Run moves it for as long as the coroutine takes.
//
//   Result<Reply> reply = time.Run(store.client().CoCall(Command("BLPOP", "q", 1)));
//
// Errors: none; Run of a task that waits for something else ends the program, and says so. Thread
// safety: any thread, but Advance, RunReady, Step and Run by one thread at a time. Lifetimes:
// outlives the stores that use it; work that was not run is dropped with it. Cost: a timer O(log n)
// of those that wait; time that passes costs nothing but what falls due.
#ifndef CAIRN_TESTKIT_VIRTUAL_TIME_H_
#define CAIRN_TESTKIT_VIRTUAL_TIME_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "cairn/clock.h"
#include "cairn/executor.h"
#include "cairn/task.h"

namespace cairn::cache {

class VirtualTime final : public Clock, public Scheduler {
 public:
  // Where Unix time begins: a day in 2026.
  static constexpr UnixTime kUnixStart = UnixTime(std::chrono::milliseconds(1'767'225'600'000));

  VirtualTime();
  ~VirtualTime() override;
  VirtualTime(const VirtualTime&) = delete;
  VirtualTime& operator=(const VirtualTime&) = delete;

  // Clock.
  TimePoint Now() const override;
  UnixTime UnixNow() const override;
  // Scheduler.
  void Post(Work work) override;
  TimerNumber After(Duration delay, Work work) override;
  bool Cancel(TimerNumber timer) override;
  const Clock& clock() const override { return *this; }

  // Lets so much time pass.
  void Advance(Duration span);
  // Runs what was posted or is due, without moving the clock; how much that was.
  std::size_t RunReady();
  // Runs what is due next, the clock moved to its time; false if nothing waits.
  bool Step();
  // Runs the task, and lets as much time pass as it takes. REQUIRES: it waits for nothing but what
  // this time brings.
  template <class T>
  T Run(Task<T> task) {
    std::optional<T> value;
    Detach(Into(std::move(task), &value));
    while (!value) MustStep();
    return std::move(*value);
  }
  // How many timers wait.
  std::size_t pending() const;

 private:
  template <class T>
  static Task<void> Into(Task<T> task, std::optional<T>* value) {
    value->emplace(co_await std::move(task));
  }
  void MustStep();

  class State;
  std::unique_ptr<State> state_;
};

}  // namespace cairn::cache

#endif  // CAIRN_TESTKIT_VIRTUAL_TIME_H_
