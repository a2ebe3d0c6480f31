// SPDX-License-Identifier: BSD-3-Clause
// TimerQueue: work by the time when it is due; same time: first armed, first run.
//
// A map rather than io's heap, since it is shared by threads under its owner's lock and holds few.
// Not thread-safe. Add, Cancel and TakeDue: O(log n).
#ifndef CAIRN_CLIENT_TIMER_QUEUE_H_
#define CAIRN_CLIENT_TIMER_QUEUE_H_

#include <cstddef>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "cairn/executor.h"

namespace cairn::client {

class TimerQueue {
 public:
  cache::TimerNumber Add(cache::TimePoint due, cache::Work work) {
    const cache::TimerNumber number = next_number_++;
    by_time_.emplace(Place{due, number}, std::move(work));
    due_of_.emplace(number, due);
    return number;
  }
  // The timer's work, which is not run any more; null if it was not there.
  cache::Work Take(cache::TimerNumber number) {
    const auto found = due_of_.find(number);
    if (found == due_of_.end()) return {};
    const auto place = by_time_.find(Place{found->second, number});
    due_of_.erase(found);
    return std::move(by_time_.extract(place).mapped());
  }
  // What is due first, if that is at `now` or before; else null.
  cache::Work TakeDue(cache::TimePoint now) {
    if (by_time_.empty() || by_time_.begin()->first.first > now) return {};
    return Take(by_time_.begin()->first.second);
  }
  std::optional<cache::TimePoint> next_due() const {
    if (by_time_.empty()) return std::nullopt;
    return by_time_.begin()->first.first;
  }
  std::size_t size() const { return by_time_.size(); }

 private:
  using Place = std::pair<cache::TimePoint, cache::TimerNumber>;
  std::map<Place, cache::Work> by_time_;
  std::unordered_map<cache::TimerNumber, cache::TimePoint> due_of_;
  cache::TimerNumber next_number_ = 1;
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_TIMER_QUEUE_H_
