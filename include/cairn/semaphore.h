// SPDX-License-Identifier: BSD-3-Clause
// Semaphore: so many at once, over the processes of a fleet; the permits of the dead come back.
//
//   const Semaphore exports(store, "semaphore:exports", {.permits = 4, .ttl = 30s});
//   Result<Permit> permit = exports.Acquire({.timeout = 60s});
//   if (!permit) return permit.error();              // kTimeout: all were taken
//   while (!permit->lost().stop_requested() && job.Next()) {}
//
// A permit is leased for the ttl by the server's clock, and renewed by the store's scheduler while
// it is held. As with a lock, lost() stops before anybody else can have it (cairn/lock.h); unlike
// a lock's there is no fence, so what it bounds is load, not correctness.
//
// Who waits asks again after 4 to 256 ms, at random. If it is fair, those who wait stand in a queue
// at the store, and nobody overtakes them; one that dies there holds up the others for 2 s.
//
// Errors: kTimeout and kCancelled from Acquire, those of the store; kInvalid for options that fit
// nothing. All users of one semaphore say the same permits. Thread safety: Semaphore any thread;
// Permit one thread at a time, but is_held and lost from any. Lifetimes: a Semaphore outlives its
// calls; a Permit stands on its own, and gives itself back when it is destroyed, without waiting
// for the answer. Cost: one script a call, O(permits and waiters) of one hash.
#ifndef CAIRN_SEMAPHORE_H_
#define CAIRN_SEMAPHORE_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "cairn/clock.h"
#include "cairn/lock.h"
#include "cairn/result.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

struct SemaphoreOptions {
  std::size_t permits = 1;  // 1 to kPermitsMax
  // How long a permit outlives a holder that died. From 10 ms to 10^12 ms.
  Duration ttl = std::chrono::seconds(30);
  // How long before its end the loss is told; unset: a tenth of the ttl. Less than half of it.
  std::optional<Duration> margin = {};
  bool renews = true;
  bool is_fair = false;
};

// What is held for a time, of a Semaphore or a QuorumLock. Movable; empty once moved from, or
// released.
class [[nodiscard]] Permit {
 public:
  struct Body;

  explicit Permit(std::unique_ptr<Body> body);
  Permit(Permit&&) noexcept;
  Permit& operator=(Permit&&) noexcept;
  ~Permit();

  bool is_held() const;
  // Of an empty one: stopped.
  std::stop_token lost() const;
  // True: it was ours until now. False: it had been lost, or there was nothing to give back.
  Result<bool> Release();
  Task<Result<bool>> CoRelease();

 private:
  std::unique_ptr<Body> body_;
};

class Semaphore {
 public:
  static constexpr std::size_t kPermitsMax = 1024;

  // `name` is the key, as it is.
  Semaphore(Store store, std::string name, SemaphoreOptions options);

  // kTimeout if none could be had in time.
  Result<Permit> Acquire(const AcquireOptions& options = {}) const;
  Task<Result<Permit>> CoAcquire(AcquireOptions options = {}) const;
  // Now; nullopt if all are taken.
  Result<std::optional<Permit>> TryAcquire() const;
  Task<Result<std::optional<Permit>>> CoTryAcquire() const;

 private:
  Result<void> Check() const;
  Task<Result<std::optional<Permit>>> Attempt(std::string owner, bool waits,
                                              std::stop_token stop) const;
  void Leave(const std::string& owner) const;

  Store store_;
  const std::string name_;
  const SemaphoreOptions options_;
  const Duration margin_;
};

}  // namespace cairn::cache

#endif  // CAIRN_SEMAPHORE_H_
