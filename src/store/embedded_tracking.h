// SPDX-License-Identifier: BSD-3-Clause
// EmbeddedTracking: what has changed in an embedded store, told as a server tells it.
//
//     tracked read --> engine remembers --> a change --> Ear's queue --> handler
//                                                         '-- before the next tracked reply, or on
//                                                             the scheduler, whichever is first
//
// What was told of before a read is handed out before its reply is; what comes between the two as
// well, which a near cache takes for a change too many, never one too few. There is one epoch: no
// connection can be lost.
//
// A program needs no copies of what is within it. This is for those who stand between: a network
// that is simulated (cairn/testkit/network.h), a decorator of a test.
//
// Limit: kQueuedMax names; beyond them all is told to have changed. Thread safety: any thread; the
// handler is called by one at a time, which holds no lock of the engine.
#ifndef CAIRN_STORE_EMBEDDED_TRACKING_H_
#define CAIRN_STORE_EMBEDDED_TRACKING_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/mutex.h"
#include "cairn/client.h"
#include "cairn/executor.h"
#include "client/command_class.h"
#include "store/embedded_session.h"

namespace cairn::store {

class EmbeddedTracking final : public cache::Tracking {
 public:
  static constexpr std::size_t kQueuedMax = 64 * 1024;

  // Both outlive it.
  EmbeddedTracking(engine::Engine& engine, cache::Scheduler& scheduler,
                   const cache::TrackingOptions& options, cache::InvalidationHandler handler);
  ~EmbeddedTracking() override;

  std::uint64_t epoch() const override { return kEpoch; }
  void Start(cache::Command command, cache::CallOptions options,
             cache::ReplyCallback done) override;
  cache::Result<cache::Reply> Call(const cache::Command& command,
                                   const cache::CallOptions& options) override;

 private:
  class Ear;
  static constexpr std::uint64_t kEpoch = 1;

  engine::Engine& engine_;
  const client::Scripts scripts_;
  Mutex mutex_;
  EmbeddedSession session_ GUARDED_BY(mutex_);
  const std::shared_ptr<Ear> ear_;  // shared with the engine's tables, and with what is posted
};

}  // namespace cairn::store

#endif  // CAIRN_STORE_EMBEDDED_TRACKING_H_
