// SPDX-License-Identifier: BSD-3-Clause
// A message that is dropped counts as posted, so that positions stay what publishers were told.
#include "pubsub/inbox.h"

#include <utility>

#include "base/check.h"

namespace cairn::pubsub {

bool Inbox::Post(Delivery delivery) {
  const Blob* tail = delivery.tail.get();
  const std::size_t bytes = tail == nullptr ? 0 : tail->allocated_bytes();
  MutexLock hold(mu_);
  // One message always finds room, however large.
  const bool fits = waiting_.empty() ||
                    (waiting_.size() < deliveries_max_ && waiting_bytes_ + bytes <= bytes_max_);
  if (!fits) {
    overflowed_ = true;
  } else {
    waiting_bytes_ += bytes;
    waiting_.push_back(std::move(delivery));
  }
  posted_.store(posted_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  return !std::exchange(rung_, true);
}

Inbox::Taken Inbox::Take(std::vector<Delivery>& deliveries) {
  DCHECK(deliveries.empty());
  MutexLock hold(mu_);
  waiting_.swap(deliveries);
  waiting_bytes_ = 0;
  rung_ = false;
  return {.end = posted_.load(std::memory_order_relaxed),
          .overflowed = std::exchange(overflowed_, false)};
}

}  // namespace cairn::pubsub
