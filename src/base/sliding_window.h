// SPDX-License-Identifier: BSD-3-Clause
// SlidingWindow: tallies over a recent period, as a ring of slices of it.
//
// The newest slice is added to, the oldest is emptied when its turn comes: so what is asked covers
// between (kSlices - 1) / kSlices of the period and all of it, and nothing is moved. Belongs to one
// thread.
#ifndef CAIRN_BASE_SLIDING_WINDOW_H_
#define CAIRN_BASE_SLIDING_WINDOW_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/ids.h"

namespace cairn {

template <class Tallies>
class SlidingWindow {
 public:
  static constexpr std::size_t kSlices = 4;

  // The tallies of now; `make` makes new ones. REQUIRES: period_ms > 0; now_ms may go back.
  template <class Make>
  Tallies& At(UnixMs now_ms, std::int64_t period_ms, Make&& make) {
    const std::int64_t slice_ms = std::max<std::int64_t>(1, period_ms / std::int64_t{kSlices});
    Slice& newest = slices_[newest_];
    const bool is_over = now_ms - newest.begin_ms >= slice_ms || now_ms < newest.begin_ms;
    if (newest.tallies && !is_over) return *newest.tallies;
    if (newest.tallies) newest_ = (newest_ + 1) % kSlices;
    slices_[newest_] = {.begin_ms = now_ms, .tallies = std::forward<Make>(make)()};
    return *slices_[newest_].tallies;
  }

  // Calls fn(begin_ms, tallies) with those that began within the period.
  template <class Fn>
  void ForEachRecent(UnixMs now_ms, std::int64_t period_ms, Fn&& fn) const {
    for (const Slice& slice : slices_) {
      if (slice.tallies && now_ms - slice.begin_ms <= period_ms) fn(slice.begin_ms, *slice.tallies);
    }
  }
  template <class Fn>
  void ForEach(Fn&& fn) const {
    for (const Slice& slice : slices_) {
      if (slice.tallies) fn(*slice.tallies);
    }
  }
  void Clear() { slices_ = {}; }

 private:
  struct Slice {
    UnixMs begin_ms = 0;
    std::optional<Tallies> tallies;
  };

  std::size_t newest_ = 0;
  std::array<Slice, kSlices> slices_;
};

}  // namespace cairn

#endif  // CAIRN_BASE_SLIDING_WINDOW_H_
