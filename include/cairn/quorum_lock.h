// SPDX-License-Identifier: BSD-3-Clause
// QuorumLock: a lock that a majority of independent stores grants ("Redlock"), for work that must
// not wait until one server is back.
//
//   const QuorumLock lock({first, second, third}, "lock:report", {.ttl = 10s});
//   Result<Permit> permit = lock.Acquire({.timeout = 2s});
//
// It is for efficiency, not for correctness: take Mutex (cairn/lock.h) unless the one server's
// absence would be worse than two holders now and then. It has **no fence**. Each store has a
// sequence of its own; of two majorities only the stores in both agree on an order, so no one
// number grows with the grants, and a guess that mostly does would invite its use. Two can hold it
// at once if a store restarts without what it had granted, if clocks of stores jump, or if a holder
// stands still beyond the margin.
//
// All stores are asked together, each for store_timeout at most. A majority of grants, in less time
// than the ttl but for the margin, is the lock; else everything is given back everywhere, also
// where no answer came, and after a pause at random it is tried again. A renewal needs a majority,
// too.
//
// Errors: kTimeout and kCancelled from Acquire; kInvalid for options that fit nothing. Stores that
// fail are no error, as long as others are a majority; Acquire says kTimeout if they are not.
// Thread safety: a QuorumLock any thread; a Permit one at a time, but is_held and lost from any.
// Lifetimes: a QuorumLock outlives its calls; a Permit stands on its own, and gives itself back
// when it is destroyed. The clock and the scheduler are the first store's. Cost: one command for
// each store, all at once.
#ifndef CAIRN_QUORUM_LOCK_H_
#define CAIRN_QUORUM_LOCK_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cairn/semaphore.h"

namespace cairn::cache {

struct QuorumOptions {
  // From 10 ms to 10^12 ms.
  Duration ttl = std::chrono::seconds(10);
  // How long before its end the loss is told, which covers the drift of the stores' clocks; unset:
  // a tenth of the ttl. Less than half of it.
  std::optional<Duration> margin = {};
  bool renews = true;
  Duration store_timeout = std::chrono::milliseconds(100);  // much less than the ttl
};

class QuorumLock {
 public:
  // Stores that fail independently of one another: an odd number of them, 3 or more. Whether they
  // are different servers cannot be known here: of one server that is named three times each grant
  // is a majority, and a lock on that server alone.
  QuorumLock(std::vector<Store> stores, std::string name, QuorumOptions options = {});

  Result<Permit> Acquire(const AcquireOptions& options = {}) const;
  Task<Result<Permit>> CoAcquire(AcquireOptions options = {}) const;
  // Nullopt: no majority.
  Result<std::optional<Permit>> TryAcquire() const;
  Task<Result<std::optional<Permit>>> CoTryAcquire() const;

 private:
  Result<void> Check() const;
  Task<Result<std::optional<Permit>>> Attempt() const;

  const std::vector<Store> stores_;
  const std::string name_;
  const QuorumOptions options_;
  const Duration margin_;
};

}  // namespace cairn::cache

#endif  // CAIRN_QUORUM_LOCK_H_
