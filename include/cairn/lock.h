// SPDX-License-Identifier: BSD-3-Clause
// Mutex: a lock that the processes of a fleet share, with fences, renewal, and a loss that is told
// before it happens.
//
//   const Mutex mutex(store, "lock:invoice:{42}");
//   Result<Held> held = mutex.Acquire({.timeout = 2s});
//   if (!held) return held.error();             // kTimeout: somebody else had it all the time
//   while (!held->lost().stop_requested() && work.Next(held->fence())) {}
//   if (!held->Release().value_or(false)) ...   // it was lost on the way
//
// Each grant has a fence, greater than any before. A lock with a time can be lost while its holder
// believes to have it (a pause of the process, a slow network), so what the lock guards is told the
// fence and refuses a smaller one than it has seen:
//
//   UPDATE invoice SET ..., fence = $1 WHERE id = $2 AND fence <= $1     -- no row: it was lost
//   CACHE.SET invoice:42 <value> VER <fence>                             -- OLD: it was lost
//
// While it is held, the store's scheduler renews it, first after a third of the ttl. lost() is
// stopped when a renewal is refused, or when the ttl is over but for the margin by our monotonic
// clock, counted from before the command was sent: earlier than anybody else can have it, as long
// as this process runs and its clock errs by less than the margin. Callbacks of lost() run on the
// scheduler's thread, must not block it and not let the last Store go.
//
// Where the store has replicas, one of them has the grant before Acquire hands it out, and each
// renewal before it counts: if it is promoted, the lock is its owner's there for as long as he
// believes (if the servers' clocks agree), and fences go on above his. Too few in their time:
// kUnreplicated, nothing stays held, and a lock whose renewals nobody has is lost by its margin.
//
// Acquire waits at the store, first come first served; of a Redis or Valkey it asks again and
// again, with pauses at random that grow to a quarter of a second, and there is no order.
// A grant that was waited for is confirmed before it is handed out, since its time has begun at an
// unknown moment. Cancelled or failed, whatever may have been granted is given back.
//
// Errors: kTimeout and kCancelled from Acquire, those of the store; kUnreplicated, and kLimit if
// there is no connection to confirm by; kInvalid for options that fit nothing; kUnsupported for
// replicas of an embedded store. Thread safety: Mutex any thread; Held one thread at a time, but
// is_held, fence and lost from any. Lifetimes: a Mutex outlives its calls; a Held stands on its
// own, and gives the lock back when it is destroyed, without waiting for the answer (before the
// store is closed say Release, or the ttl has to end). Cost: one command each; a renewal every
// third of the ttl. With replicas a grant takes a second round trip and the slowest replica's, a
// renewal that, too, on a connection that nothing else uses meanwhile.
#ifndef CAIRN_LOCK_H_
#define CAIRN_LOCK_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "cairn/clock.h"
#include "cairn/result.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

struct LockOptions {
  // How long the lock outlives a holder that died. From 10 ms to 10^12 ms.
  Duration ttl = std::chrono::seconds(30);
  // How long before its end the loss is told: to stop in, and for clocks that run unevenly. Unset:
  // a tenth of the ttl. Less than half of it.
  std::optional<Duration> margin = {};
  // Off: it ends with the ttl, unless ExtendBy is called.
  bool renews = true;
  // How many replicas have to have a grant before it is handed out, and a renewal before it counts.
  // Unset: 1 if the store had a replica when it was opened (Capabilities::replicas), since a
  // failover could lose the grant otherwise; else 0, which asks nobody. Up to kReplicasMax.
  std::optional<std::size_t> replicas = {};
  // How long they may take for it. Unset: a second, or a third of the ttl if that is less. From 1
  // ms to less than half of the ttl.
  std::optional<Duration> replicas_timeout = {};

  static constexpr std::size_t kReplicasMax = 1000;
};

struct AcquireOptions {
  // Zero: now or never. More than kWaitMax, a year, is that. What replicas take is not counted.
  Duration timeout = std::chrono::seconds(10);
  // A coroutine that says nothing else is cancelled by its task's token.
  std::stop_token stop = {};
};

// A lock that is held. Movable; empty once moved from, or released.
class [[nodiscard]] Held {
 public:
  Held(Held&&) noexcept;
  Held& operator=(Held&&) noexcept;
  ~Held();

  std::int64_t fence() const;
  // By our clock and what the last renewal said; asks nobody.
  bool is_held() const;
  // Of an empty one: stopped.
  std::stop_token lost() const;

  // Asks the server. False: it is lost, and lost() is stopped.
  Result<bool> Check();
  Task<Result<bool>> CoCheck();
  // For so much longer than it has now; of a lock with renews off. False: it is lost; nobody else's
  // lock was touched.
  Result<bool> ExtendBy(Duration more);
  Task<Result<bool>> CoExtendBy(Duration more);
  // Gives it back. True: it was ours until now. False: it had been lost, to the server or to us
  // (lost() was stopped), or there was nothing to give back. After an error, too, it is not held.
  Result<bool> Release();
  Task<Result<bool>> CoRelease();

  struct Body;

 private:
  friend class Mutex;
  explicit Held(std::unique_ptr<Body> body);

  std::unique_ptr<Body> body_;
};

class Mutex {
 public:
  // `name` is the key, as it is.
  Mutex(Store store, std::string name, LockOptions options = {});

  // kTimeout if it could not be had in time.
  Result<Held> Acquire(const AcquireOptions& options = {}) const;
  Task<Result<Held>> CoAcquire(AcquireOptions options = {}) const;
  // Now; nullopt if somebody else has it.
  Result<std::optional<Held>> TryAcquire() const;
  Task<Result<std::optional<Held>>> CoTryAcquire() const;

  const std::string& name() const { return name_; }

 private:
  TimePoint Now() const;
  Result<void> Check() const;
  Task<Result<std::optional<Held>>> Attempt(Millis wait, std::stop_token stop) const;
  Result<std::optional<Held>> Take(std::unique_ptr<Held::Body> body, TimePoint asked) const;
  Task<Result<std::optional<Held>>> Confirm(std::unique_ptr<Held::Body> body,
                                            std::stop_token stop) const;

  Store store_;
  const std::string name_;
  const LockOptions options_;
  const Duration margin_;
  const std::size_t replicas_;
  const Duration replicas_timeout_;
};

}  // namespace cairn::cache

#endif  // CAIRN_LOCK_H_
