// SPDX-License-Identifier: BSD-3-Clause
// Deadlines: which requests have not been finished in time, earliest first.
//
// A heap of (deadline, request). Nearly every request is finished long before its deadline, so a
// finished one is not taken out: it is swept when the finished could be more than the others. As
// most calls of a store have the same timeout, adding one is an append, and no timer is armed for
// it: that was a fifth of a pipelined GET's time.
//
// Limits: twice the requests under way and kSweepMin. The reactor's thread. Add: O(1) amortised for
// deadlines that come in order, else O(log n).
#ifndef CAIRN_CLIENT_DEADLINES_H_
#define CAIRN_CLIENT_DEADLINES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "client/request.h"

namespace cairn::client {

class Deadlines {
 public:
  static constexpr std::size_t kSweepMin = 1024;

  void Add(RequestPtr request) {
    if (rows_.size() >= sweep_at_) Sweep();
    const MonotonicUs due_us = request->deadline_us;
    rows_.push_back({due_us, std::move(request)});
    std::ranges::push_heap(rows_, std::greater(), &Row::due_us);
  }
  // One whose time is over at `now_us`; null: there is none.
  RequestPtr TakeLate(MonotonicUs now_us) {
    while (!rows_.empty() && (rows_[0].request->is_done || rows_[0].due_us <= now_us)) {
      std::ranges::pop_heap(rows_, std::greater(), &Row::due_us);
      RequestPtr request = std::move(rows_.back().request);
      rows_.pop_back();
      if (!request->is_done) return request;
    }
    return nullptr;
  }
  // INT64_MAX: none.
  MonotonicUs next_us() const { return rows_.empty() ? INT64_MAX : rows_[0].due_us; }
  std::size_t size() const { return rows_.size(); }

 private:
  struct Row {
    MonotonicUs due_us;
    RequestPtr request;
  };

  void Sweep() {
    std::erase_if(rows_, [](const Row& row) { return row.request->is_done; });
    std::ranges::make_heap(rows_, std::greater(), &Row::due_us);
    sweep_at_ = std::max(kSweepMin, rows_.size() * 2);
  }

  std::vector<Row> rows_;
  std::size_t sweep_at_ = kSweepMin;
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_DEADLINES_H_
