// SPDX-License-Identifier: BSD-3-Clause
// TimerHeap: what is to be called when, earliest first.
//
// A binary heap of (deadline, number), where each timer knows its place in the heap, so that a
// cancelled one leaves at once: a server adds and cancels a timer for every blocked client, and
// lazy deletion would let the dead pile up. Same deadline: first added, first called. A wheel was
// refused: it is O(1), but bounds resolution or range, and a loop holds few timers.
//
// Invariants
//   (1) heap_[i] is not later than heap_[2i+1] and heap_[2i+2].
//   (2) slots_[heap_[i].slot].place == i for each i.
//
// One thread. Add, Cancel and each call of RunDue: O(log n).
#ifndef CAIRN_IO_TIMER_HEAP_H_
#define CAIRN_IO_TIMER_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "io/mailbox.h"

namespace cairn::io {

// Names one timer for ever: a slot that is used again has another generation. The default names
// none.
struct TimerId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  bool operator==(const TimerId&) const = default;
};

class TimerHeap {
 public:
  static constexpr std::size_t kTimersMax = 16 * 1024 * 1024;

  TimerHeap() = default;
  TimerHeap(const TimerHeap&) = delete;
  TimerHeap& operator=(const TimerHeap&) = delete;

  // REQUIRES: size() < kTimersMax
  TimerId Add(MonotonicUs deadline, Task task);
  // True if the timer was still to come; it is gone then, with its task.
  bool Cancel(TimerId id);
  // Calls those due at `now`, in order; not those that they add themselves, so that a timer which
  // re-arms itself with no delay cannot hold the loop. Returns how many.
  std::size_t RunDue(MonotonicUs now);

  std::size_t size() const { return heap_.size(); }
  bool empty() const { return heap_.empty(); }
  // REQUIRES: !empty()
  MonotonicUs next_deadline() const { return heap_[0].deadline; }

 private:
  struct Node {
    MonotonicUs deadline;
    std::uint64_t number;  // order of Add
    std::uint32_t slot;
    bool Before(const Node& other) const {
      return deadline != other.deadline ? deadline < other.deadline : number < other.number;
    }
  };
  struct Slot {
    Task task;
    std::size_t place = 0;
    std::uint32_t generation = 1;
  };

  void Put(std::size_t place, Node node);
  void SiftUp(std::size_t place, Node node);
  void SiftDown(std::size_t place, Node node);
  // Takes heap_[place] out and returns its task.
  Task Take(std::size_t place);

  std::vector<Node> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t next_number_ = 0;
};

}  // namespace cairn::io

#endif  // CAIRN_IO_TIMER_HEAP_H_
