// SPDX-License-Identifier: BSD-3-Clause
// Poller: who is ready, by epoll, level-triggered.
//
// Level-triggered because it forgives: a connection that stops reading half way is told again
// (edge-triggered epoll and io_uring were measured: a tie). The interface is small so that
// another mechanism can take its place.
//
// Invariants
//   (1) After Remove(fd) its watcher is not called again, also not for an event of the batch that
//   is being dispatched, and also not if the same number is added anew within that batch: each
//   registration has a generation, and an event of another generation is dropped.
//
// Thread safety: one thread.
#ifndef CAIRN_IO_POLLER_H_
#define CAIRN_IO_POLLER_H_

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/status.h"
#include "io/fd.h"
#include "io/stream.h"

namespace cairn::io {

class Poller {
 public:
  static constexpr std::size_t kEventsPerWait = 256;

  static Result<std::unique_ptr<Poller>> Create();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // REQUIRES: `fd` is open and not yet added. The watcher outlives its registration.
  Status Add(int fd, Interest interest, Watcher* watcher);
  // Tells of each change to readable once, without asking the descriptor to be emptied (eventfd).
  Status AddEdge(int fd, Watcher* watcher);
  // No system call if the interest is what it was.
  Status Modify(int fd, Interest interest);
  // Before the descriptor is closed.
  void Remove(int fd);

  // Waits for events: `timeout_us` < 0 for ever, 0 not at all; rounded up to milliseconds, so that
  // a timer that is nearly due does not make the loop spin. Returns the number of events, which
  // Dispatch then tells to their watchers. A signal counts as no event.
  Result<std::size_t> Wait(std::int64_t timeout_us);
  void Dispatch();

  std::size_t watched() const { return watched_; }

 private:
  struct Registration {
    Watcher* watcher = nullptr;
    std::uint32_t generation = 0;
    Interest interest = Interest::kNone;
  };

  explicit Poller(Fd epoll) : epoll_(std::move(epoll)), events_(kEventsPerWait) {}
  Status Control(int operation, int fd, std::uint32_t events);
  Status Register(int fd, Interest interest, std::uint32_t events, Watcher* watcher);

  Fd epoll_;
  std::vector<Registration> registrations_;  // by descriptor
  std::vector<epoll_event> events_;
  std::size_t event_count_ = 0;
  std::size_t watched_ = 0;
};

}  // namespace cairn::io

#endif  // CAIRN_IO_POLLER_H_
