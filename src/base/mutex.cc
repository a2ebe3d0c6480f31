// SPDX-License-Identifier: BSD-3-Clause
// The slow paths of Mutex and Event: a short spin, then futex(2).
//
// The spin is short on purpose: on a machine with more threads than cores a descheduled holder
// makes spinning pure waste, and a stripe is held for well under a microsecond otherwise.
#include "base/mutex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

namespace cairn {
namespace {

constexpr int kSpinsMax = 64;

void FutexWait(std::atomic<std::uint32_t>* word, std::uint32_t expected, const timespec* timeout) {
  ::syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout, nullptr, 0);
}

void FutexWake(std::atomic<std::uint32_t>* word, int waiters_max) {
  ::syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, waiters_max, nullptr, nullptr, 0);
}

}  // namespace

bool Mutex::LockSlow(std::uint32_t wanted, Patience patience) {
  const auto take = [this](std::uint32_t as) {
    std::uint32_t free = kFree;
    return state_.compare_exchange_weak(free, as, std::memory_order_acquire,
                                        std::memory_order_relaxed);
  };
  // Who has not slept need not take it "with sleepers".
  const std::uint32_t at_once = wanted == kHeldForLong ? kHeldForLong : kHeld;
  for (int spin = 0; spin < kSpinsMax; ++spin) {
    const std::uint32_t state = state_.load(std::memory_order_relaxed);
    if (state == kHeldForLong) break;
    if (state == kFree && take(at_once)) return true;
    __builtin_ia32_pause();
  }
  // From here on the lock is taken as "with sleepers": we cannot know whether another one sleeps
  // too.
  while (true) {
    std::uint32_t state = state_.load(std::memory_order_relaxed);
    if (state == kFree) {
      if (take(wanted)) return true;
      continue;
    }
    if (state == kHeldForLong) {
      if (patience == Patience::kNotForLong) return false;
    } else if (state == kHeld &&
               !state_.compare_exchange_weak(state, kHeldWithSleepers, std::memory_order_relaxed)) {
      continue;
    }
    FutexWait(&state_, state == kHeldForLong ? kHeldForLong : kHeldWithSleepers, nullptr);
  }
}

// Those who slept before it was held for long look again: some go.
void Mutex::LockForLong() {
  LockSlow(kHeldForLong, Patience::kForEver);
  FutexWake(&state_, INT_MAX);
}

// Even where the word tells of no sleepers there may be some: an Unlock wakes one, and who takes
// the lock before that one does not know of the others.
void Mutex::MarkLong() {
  // relaxed: it publishes nothing; Unlock will.
  state_.store(kHeldForLong, std::memory_order_relaxed);
  FutexWake(&state_, INT_MAX);
}

void Mutex::Wake(std::uint32_t before) { FutexWake(&state_, before == kHeldForLong ? INT_MAX : 1); }

void Event::Notify() {
  if (signalled_.exchange(1, std::memory_order_release) == 0) FutexWake(&signalled_, 1);
}

bool Event::WaitFor(std::int64_t timeout_us) {
  if (signalled_.exchange(0, std::memory_order_acquire) == 1) return true;
  if (timeout_us <= 0) return false;
  const timespec timeout{.tv_sec = timeout_us / 1'000'000,
                         .tv_nsec = timeout_us % 1'000'000 * 1000};
  FutexWait(&signalled_, 0, &timeout);
  return signalled_.exchange(0, std::memory_order_acquire) == 1;
}

}  // namespace cairn
