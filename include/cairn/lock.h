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
// Acquire waits at the server, first come first served, where the store can (Capabilities::waiting)
// and asks again and again elsewhere, with pauses at random that grow to a quarter of a second.
// A grant that was waited for is confirmed before it is handed out, since its time has begun at an
// unknown moment. Cancelled or failed, whatever may have been granted is given back.
//
// Errors: kTimeout and kCancelled from Acquire, those of the store; kInvalid for options that fit
// nothing. Thread safety: Mutex any thread; Held one thread at a time, but is_held, fence and lost
// from any. Lifetimes: a Mutex outlives its calls; a Held stands on its own, and gives the lock
// back when it is destroyed, without waiting for the answer (before the store is closed say
// Release, or the ttl has to end). Cost: one command each; a renewal every third of the ttl.
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
};

struct AcquireOptions {
  // Zero: now or never. More than kWaitMax, a year, is that.
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

  Store store_;
  const std::string name_;
  const LockOptions options_;
  const Duration margin_;
};

}  // namespace cairn::cache

#endif  // CAIRN_LOCK_H_
