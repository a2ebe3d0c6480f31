// SPDX-License-Identifier: BSD-3-Clause
// Keeper: the thread that keeps house: expires keys on time and frees what was flushed.
//
// It sleeps until the next key is due, at most kTickMaxUs, so that a new and earlier expiry is
// noticed within a tick; an idle keyspace costs one look at each stripe's bound per tick. Work is
// cut into bounded steps, so no stripe is held long.
//
// Owned by the engine. Start and Stop by the owner; RunOnce by tests that own the clock, when the
// thread does not run.
#ifndef CAIRN_ENGINE_KEEPER_H_
#define CAIRN_ENGINE_KEEPER_H_

#include <atomic>
#include <functional>
#include <utility>

#include "base/counter.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "keyspace/dead_sweeper.h"
#include "keyspace/expirer.h"
#include "keyspace/keyspace.h"
#include "keyspace/lease_sweeper.h"
#include "keyspace/namespace_sweeper.h"
#include "keyspace/pin_sweeper.h"
#include "keyspace/purger.h"

namespace cairn::engine {

class Keeper {
 public:
  static constexpr std::int64_t kTickMaxUs = 20'000;
  static constexpr UnixMs kCoverMs = 1000;
  static constexpr std::size_t kExpiryBudget = 4096;  // keys a step
  static constexpr std::size_t kTrashBudget = 2048;   // objects a step

  explicit Keeper(keyspace::Keyspace& keyspace)
      : keyspace_(keyspace),
        expirer_(keyspace),
        leases_(keyspace),
        dead_(keyspace),
        namespaces_(keyspace),
        pins_(keyspace),
        purger_(keyspace) {}
  ~Keeper();

  void Start();
  void Stop();
  // Called in each round: for keys whose going somebody waits for. Before Start.
  void SetServe(std::function<void()> serve) { serve_ = std::move(serve); }
  // There is something to free: do not wait for the tick.
  void Wake() { wake_.Notify(); }
  // One step of everything. True if more is due now.
  bool RunOnce();

 private:
  void Loop();
  // How far the miss-ratio curve has to see, once a second.
  void CoverCurve();

  keyspace::Keyspace& keyspace_;
  keyspace::Expirer expirer_;
  keyspace::LeaseSweeper leases_;
  keyspace::DeadSweeper dead_;
  keyspace::NamespaceSweeper namespaces_;
  keyspace::PinSweeper pins_;
  keyspace::Purger purger_;
  std::function<void()> serve_;
  UnixMs next_cover_ms_ = 0;
  std::atomic<bool> stopping_{false};
  Event wake_;
  Thread thread_;
};

}  // namespace cairn::engine

#endif  // CAIRN_ENGINE_KEEPER_H_
