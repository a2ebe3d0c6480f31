// SPDX-License-Identifier: BSD-3-Clause
// Breaker and LoadSlots: what protects a caller from a dead store, and a database from all callers
// at once. Parts of cairn/cache.h, not for users.
//
//   closed --failures_max calls in a row found nobody--> open --open_for--> one may try
//     ^                                                   ^                  |      |
//     '------------------ answered -----------------------|------------------'      |
//                                                         '------ nobody -----------'
//
// Thread safety: any thread.
#ifndef CAIRN_INTERNAL_STORE_GUARD_H_
#define CAIRN_INTERNAL_STORE_GUARD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "cairn/clock.h"
#include "cairn/executor.h"
#include "cairn/internal/first_of.h"
#include "cairn/task.h"

namespace cairn::cache {

struct BreakerOptions {
  // So many calls in a row that nothing was heard of open it. 0: never.
  int failures_max = 3;
  // For so long calls fail at once (kStoreDown); then one tries.
  Millis open_for{1'000};
};

namespace internal {

class Breaker {
 public:
  explicit Breaker(const BreakerOptions& options) : options_(options) {}

  // False: not to be tried. Costs one load while all is well.
  bool MayTry(const Clock& clock);
  void TellUp() {
    if (failures_.load(std::memory_order_relaxed) != 0) failures_.store(0);
  }
  void TellDown(const Clock& clock);
  bool is_open() const { return failures_.load() >= options_.failures_max && enabled(); }

 private:
  bool enabled() const { return options_.failures_max > 0; }

  const BreakerOptions options_;
  std::atomic<int> failures_{0};
  // When the next one may try, of Clock::Now.
  std::atomic<Duration::rep> retry_at_{0};
};

// Places among the loads that nobody's lease holds apart. Shared, so that who has a place may
// outlive the cache.
class LoadSlots : public std::enable_shared_from_this<LoadSlots> {
 public:
  static constexpr std::size_t kWaitingMax = 65'536;
  using Slot = std::shared_ptr<void>;  // gives the place back when it goes

  explicit LoadSlots(std::size_t slots_max) : free_(slots_max) {}

  // Waits its turn; null: it did not come in time, or the task was cancelled.
  Task<Slot> Take(Scheduler& scheduler, Duration wait_max);

 private:
  using Turn = FirstOf<bool>;
  Slot Taken();
  void GiveBack();

  std::mutex mutex_;
  std::size_t free_;
  std::deque<std::shared_ptr<Turn>> waiting_;  // also some whose time was over
};

}  // namespace internal
}  // namespace cairn::cache

#endif  // CAIRN_INTERNAL_STORE_GUARD_H_
