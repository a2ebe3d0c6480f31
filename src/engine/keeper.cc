// SPDX-License-Identifier: BSD-3-Clause
// The keeper's loop: expire, free, and sleep only when neither has more to do.
//
// A round is bounded by two budgets rather than by time, because what it costs is locks held and
// memory touched, and both follow the counts. The sleep is a fixed tick: computing the moment when
// the next key is due would need a wake-up for each key that comes to expire before it.
#include "engine/keeper.h"

#include <algorithm>

namespace cairn::engine {

Keeper::~Keeper() { Stop(); }

void Keeper::Start() {
  thread_ = Thread("keeper", [this] { Loop(); });
}

void Keeper::Stop() {
  if (!thread_.joinable()) return;
  // release: what the owner did before is seen by the last round.
  stopping_.store(true, std::memory_order_release);
  wake_.Notify();
  thread_.Join();
}

bool Keeper::RunOnce() {
  bool done = true;
  const keyspace::Tunables& tunables = keyspace_.tunables();
  if (tunables.active_expire.load(std::memory_order_relaxed) &&
      !tunables.is_replaying.load(std::memory_order_acquire))
    done = expirer_.Tick(kExpiryBudget);
  leases_.Tick();
  if (!tunables.is_replaying.load(std::memory_order_acquire)) {
    dead_.Tick();
    pins_.Tick();
    done &= !namespaces_.Tick();
    done &= !purger_.Tick();
  }
  if (tunables.draws_curve()) CoverCurve();
  if (serve_ && keyspace_.has_left_ready()) serve_();
  return !keyspace_.trash().Drain(kTrashBudget) || !done;
}

void Keeper::CoverCurve() {
  const UnixMs now_ms = keyspace_.clock().NowUnixMs();
  if (now_ms < next_cover_ms_) return;
  next_cover_ms_ = now_ms + kCoverMs;
  keyspace_.CoverCurve();
}

void Keeper::Loop() {
  while (!stopping_.load(std::memory_order_acquire)) {
    if (RunOnce()) continue;
    // The exact moment is not aimed at: a tick of 20 ms is a fifth of the lag allowed, and costs 50
    // wake-ups a second.
    wake_.WaitFor(kTickMaxUs);
  }
}

}  // namespace cairn::engine
