// SPDX-License-Identifier: BSD-3-Clause
// The ear queues under the engine's locks, and tells without them.
#include "store/embedded_tracking.h"

#include <string>
#include <utility>
#include <vector>

#include "client/handlers.h"
#include "keyspace/keyspace.h"

namespace cairn::store {

using cache::Command;
using cache::Errc;
using cache::Fail;
using cache::Reply;
using cache::Result;

class EmbeddedTracking::Ear final : public keyspace::Tracker,
                                    public std::enable_shared_from_this<Ear> {
 public:
  Ear(ClientId client, cache::Scheduler& scheduler, cache::InvalidationHandler handler)
      : Tracker(client), scheduler_(scheduler), handler_(std::move(handler)) {}

  void OnInvalid(keyspace::Invalidation& invalidation) override {
    const MutexLock hold(queue_mutex_);
    if (invalidation.keys.empty() || keys_.size() + invalidation.keys.size() > kQueuedMax) {
      all_ = true;
      keys_.clear();
    } else if (!all_) {
      keys_.insert(keys_.end(), invalidation.keys.begin(), invalidation.keys.end());
    }
    if (std::exchange(is_posted_, true)) return;
    scheduler_.Post([weak = weak_from_this()] {
      if (const auto ear = weak.lock()) ear->HandOut();
    });
  }
  void OnRead() override {}

  // All that is queued.
  void HandOut() {
    gate_.Run([this] { TellQueued(); });
  }
  void BeginEpoch() {
    gate_.Run([this] { handler_({.kind = cache::Invalidation::Kind::kEpoch, .epoch = kEpoch}); });
  }
  // Waits for a handler that runs, unless it is the one that closes.
  void Close() { gate_.Close(); }

 private:
  void TellQueued() {
    std::vector<std::string> keys;
    bool all = false;
    {
      const MutexLock hold(queue_mutex_);
      keys = std::exchange(keys_, {});
      all = std::exchange(all_, false);
      is_posted_ = false;
    }
    using Kind = cache::Invalidation::Kind;
    if (all) handler_({.kind = Kind::kAll, .epoch = kEpoch});
    if (!keys.empty() && !gate_.is_closed())
      handler_({.kind = Kind::kKeys, .keys = keys, .epoch = kEpoch});
  }

  cache::Scheduler& scheduler_;
  cache::InvalidationHandler handler_;  // within the gate
  client::HandlerGate gate_;            // its lock before queue_mutex_
  Mutex queue_mutex_;
  std::vector<std::string> keys_ GUARDED_BY(queue_mutex_);
  bool all_ GUARDED_BY(queue_mutex_) = false;
  bool is_posted_ GUARDED_BY(queue_mutex_) = false;
};

EmbeddedTracking::EmbeddedTracking(engine::Engine& engine, cache::Scheduler& scheduler,
                                   const cache::TrackingOptions& options,
                                   cache::InvalidationHandler handler)
    : engine_(engine),
      scripts_(options.scripts ? client::Scripts::kTaken : client::Scripts::kRefused),
      session_(engine),
      ear_(std::make_shared<Ear>(session_.id(), scheduler, std::move(handler))) {
  session_.set_reader(ear_);
  unsigned modes = keyspace::kTrackingOn;
  if (!options.prefixes.empty()) modes |= keyspace::kTrackingBroadcast;
  if (!options.own_writes) modes |= keyspace::kTrackingNoLoop;
  ear_->BeginEpoch();
  engine_.keyspace().tracking().Start(ear_, static_cast<std::uint8_t>(modes), options.prefixes);
}

EmbeddedTracking::~EmbeddedTracking() {
  engine_.keyspace().tracking().Stop(ear_);
  ear_->Close();
}

Result<Reply> EmbeddedTracking::Call(const Command& command, const cache::CallOptions& options) {
  if (Result<void> may = client::CheckMayBeKept(command, scripts_); !may)
    return Pass(std::move(may));
  if (options.stop.stop_requested()) return Fail(Errc::kCancelled, "cancelled before it was run");
  Result<Reply> reply;
  {
    const MutexLock hold(mutex_);
    reply = session_.Run(command);
    keyspace::Keyspace& keyspace = engine_.keyspace();
    keyspace.tracking().Trim(keyspace,
                             keyspace.tunables().tracked_keys_max.load(std::memory_order_relaxed),
                             session_.random());
  }
  // The handler may destroy this.
  const auto ear = ear_;
  ear->HandOut();
  return reply;
}

void EmbeddedTracking::Start(Command command, cache::CallOptions options,
                             cache::ReplyCallback done) {
  Result<Reply> reply = Call(command, options);
  if (options.executor == nullptr) return done(std::move(reply));
  options.executor->Post(
      [done = std::move(done), reply = std::move(reply)]() mutable { done(std::move(reply)); });
}

}  // namespace cairn::store
