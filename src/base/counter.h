// SPDX-License-Identifier: BSD-3-Clause
// Counter: a number that one thread counts and any thread reads.
//
// A plain load and store (no locked instruction) on the writer's side, torn-free for readers.
// Several writers need SharedCounter.
#ifndef CAIRN_BASE_COUNTER_H_
#define CAIRN_BASE_COUNTER_H_

#include <atomic>
#include <cstdint>

namespace cairn {

class Counter {
 public:
  // One writing thread at a time.
  void Add(std::int64_t delta) {
    value_.store(value_.load(std::memory_order_relaxed) + delta, std::memory_order_relaxed);
  }
  void Set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

class SharedCounter {
 public:
  // Any thread. Returns the new value.
  std::int64_t Add(std::int64_t delta) {
    return value_.fetch_add(delta, std::memory_order_relaxed) + delta;
  }
  void Set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

}  // namespace cairn

#endif  // CAIRN_BASE_COUNTER_H_
