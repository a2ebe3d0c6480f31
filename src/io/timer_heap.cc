// SPDX-License-Identifier: BSD-3-Clause
// Sifting moves a hole instead of swapping: one write of a node per level.
#include "io/timer_heap.h"

#include <utility>

#include "base/check.h"

namespace cairn::io {

void TimerHeap::Put(std::size_t place, Node node) {
  heap_[place] = node;
  slots_[node.slot].place = place;
}

void TimerHeap::SiftUp(std::size_t place, Node node) {
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (!node.Before(heap_[parent])) break;
    Put(place, heap_[parent]);
    place = parent;
  }
  Put(place, node);
}

void TimerHeap::SiftDown(std::size_t place, Node node) {
  for (;;) {
    std::size_t child = place * 2 + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].Before(heap_[child])) ++child;
    if (!heap_[child].Before(node)) break;
    Put(place, heap_[child]);
    place = child;
  }
  Put(place, node);
}

TimerId TimerHeap::Add(MonotonicUs deadline, Task task) {
  CHECK(heap_.size() < kTimersMax);
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot].task = std::move(task);
  const Node node{.deadline = deadline, .number = next_number_++, .slot = slot};
  heap_.push_back(node);
  SiftUp(heap_.size() - 1, node);
  return {.slot = slot, .generation = slots_[slot].generation};
}

Task TimerHeap::Take(std::size_t place) {
  const Node taken = heap_[place];
  const Node last = heap_.back();
  heap_.pop_back();
  if (place < heap_.size()) {
    if (last.Before(taken)) {
      SiftUp(place, last);
    } else {
      SiftDown(place, last);
    }
  }
  Slot& slot = slots_[taken.slot];
  ++slot.generation;
  free_slots_.push_back(taken.slot);
  return std::exchange(slot.task, nullptr);
}

bool TimerHeap::Cancel(TimerId id) {
  if (id.slot >= slots_.size()) return false;
  const Slot& slot = slots_[id.slot];
  // A free slot has moved on to a generation that no id names yet.
  if (slot.generation != id.generation) return false;
  // Destroyed here, after the heap is in order again: its destructor may come back to us.
  const Task task = Take(slot.place);
  return true;
}

std::size_t TimerHeap::RunDue(MonotonicUs now) {
  const std::uint64_t first_new = next_number_;
  std::size_t count = 0;
  while (!heap_.empty() && heap_[0].deadline <= now && heap_[0].number < first_new) {
    Task task = Take(0);
    task();
    ++count;
  }
  return count;
}

}  // namespace cairn::io
