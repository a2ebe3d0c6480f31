// SPDX-License-Identifier: BSD-3-Clause
// Inbox: the messages that wait for one worker, in the order in which they were published.
//
//     publishers --Post--> [waiting_ ...] --Take (swap)--> the owner's Desk hands them out
//        ^ position: how many were posted before, since the beginning of time
//
// It is not the loop's mailbox itself because its owner must be able to say "everything up to here,
// now" in the middle of a command: that is what makes subscribing and unsubscribing exact (desk.h).
// The mailbox only carries the doorbell: Post says when the owner must be woken, once for all that
// it then finds.
//
// Limits: kDeliveriesMax messages and kBytesMax bytes of them. Beyond, messages are dropped and the
// owner is told, who then must close the clients that lost them: as an output limit does.
//
// Thread safety: Post and posted from any thread, the rest by the owner. The mutex is a leaf.
#ifndef CAIRN_PUBSUB_INBOX_H_
#define CAIRN_PUBSUB_INBOX_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/mutex.h"
#include "pubsub/delivery.h"

namespace cairn::pubsub {

class Inbox {
 public:
  static constexpr std::size_t kDeliveriesMax = 1024 * 1024;
  static constexpr std::size_t kBytesMax = 256 * 1024 * 1024;

  explicit Inbox(std::size_t deliveries_max = kDeliveriesMax, std::size_t bytes_max = kBytesMax)
      : deliveries_max_(deliveries_max), bytes_max_(bytes_max) {}
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // True if the owner must be woken: nobody has asked for that since it last took everything.
  [[nodiscard]] bool Post(Delivery delivery);
  // Messages posted so far, dropped ones included. acquire: they can be taken.
  std::uint64_t posted() const { return posted_.load(std::memory_order_acquire); }

  struct Taken {
    std::uint64_t end = 0;    // the position behind the last one taken
    bool overflowed = false;  // some were dropped since the last time
  };
  // Owner: moves all that wait to `deliveries`, which is empty.
  Taken Take(std::vector<Delivery>& deliveries);

 private:
  const std::size_t deliveries_max_;
  const std::size_t bytes_max_;
  Mutex mu_;
  std::vector<Delivery> waiting_ GUARDED_BY(mu_);
  std::size_t waiting_bytes_ GUARDED_BY(mu_) = 0;
  bool rung_ GUARDED_BY(mu_) = false;
  bool overflowed_ GUARDED_BY(mu_) = false;
  // Written under mu_; release publishes the delivery.
  std::atomic<std::uint64_t> posted_{0};
};

}  // namespace cairn::pubsub

#endif  // CAIRN_PUBSUB_INBOX_H_
