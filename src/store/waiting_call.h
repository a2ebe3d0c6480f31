// SPDX-License-Identifier: BSD-3-Clause
// WaitingCall: a command of an embedded store that may wait (BLPOP, XREAD BLOCK), in a session of
// its own.
//
//     Begin --answered at once--> finished
//       |--parked: served by another's command | its own time | deadline, stop, closing -->
//       finished
//
// Who serves it may hold stripes, so nothing but a note is made then: the reply is read, and
// whoever waits told, elsewhere. Whoever takes it from its queues first (command::Unpark) decides
// what it comes to.
//
// Thread safety: any thread. Shared between its timers, the engine's queues and its client.
#ifndef CAIRN_STORE_WAITING_CALL_H_
#define CAIRN_STORE_WAITING_CALL_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "base/mutex.h"
#include "cairn/client.h"
#include "client/reply_decoder.h"
#include "command/parked.h"
#include "command/runner.h"
#include "command/session.h"
#include "engine/engine.h"

namespace cairn::store {

class WaitingCall final : public std::enable_shared_from_this<WaitingCall>,
                          private command::Session {
 public:
  // `tell` is called once, when Take may be called; stripes may be locked. Both outlive what waits.
  WaitingCall(engine::Engine& engine, cache::Scheduler& scheduler, std::function<void()> tell);

  // `deadline`: by the scheduler's clock; nothing: none.
  void Begin(const cache::Command& command, std::optional<cache::TimePoint> deadline,
             const std::stop_token& stop);
  // What it came to. After `tell`, once.
  cache::Result<cache::Reply> Take();
  // Ends it with this, if nothing else does.
  void GiveUp(cache::Error error);

 private:
  bool may_block() const override { return true; }
  void OnParked(const std::shared_ptr<command::Parked>& parked, std::int64_t timeout_ms) override;
  void OnDelayed(command::Lane&, const keyspace::StripeSet&) override { is_given_back_ = true; }
  void OnCrowded() override { is_given_back_ = true; }
  void OnHeldUp() override { is_given_back_ = true; }

  void OnOwnTime();
  // Takes it from its queues; null if somebody else has.
  std::shared_ptr<command::Parked> Leave();
  void Finish(std::shared_ptr<command::Parked> answered, std::optional<cache::Error> error);

  engine::Engine& engine_;
  cache::Scheduler& scheduler_;
  const std::function<void()> tell_;
  resp::ReplyBuffer buffer_;  // of what was answered at once
  bool is_given_back_ = false;
  std::int64_t own_ms_ = 0;
  Mutex mutex_;
  bool is_finished_ GUARDED_BY(mutex_) = false;
  std::shared_ptr<command::Parked> parked_ GUARDED_BY(mutex_);    // while it waits
  std::shared_ptr<command::Parked> answered_ GUARDED_BY(mutex_);  // null: buffer_
  std::optional<cache::Error> error_ GUARDED_BY(mutex_);
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace cairn::store

#endif  // CAIRN_STORE_WAITING_CALL_H_
