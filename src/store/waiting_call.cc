// SPDX-License-Identifier: BSD-3-Clause
// Parked holds this, and this it; the end takes both apart.
#include "store/waiting_call.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "client/wire.h"

namespace cairn::store {

using cache::Errc;
using cache::Error;

WaitingCall::WaitingCall(engine::Engine& engine, cache::Scheduler& scheduler,
                         std::function<void()> tell)
    : Session(engine.NextSessionId(), SecureRandomUint64()),
      engine_(engine),
      scheduler_(scheduler),
      tell_(std::move(tell)) {
  set_protocol(3);
}

void WaitingCall::Begin(const cache::Command& command, std::optional<cache::TimePoint> deadline,
                        const std::stop_token& stop) {
  constexpr std::int64_t kAgainUs = 1000;  // after so long there may be room
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < command.size(); ++i) words.push_back(command[i]);
  // Not a member: what is told last may be told when the engine has gone.
  command::Runner runner(engine_.shared(), SecureRandomUint64());
  for (;;) {
    is_given_back_ = false;
    resp::Writer writer(buffer_, protocol());
    runner.Run(*this, words, writer);
    if (!is_given_back_) break;
    buffer_.Clear();
    if (stop.stop_requested() || (deadline && scheduler_.clock().Now() >= *deadline))
      return Finish(nullptr, Error{.code = Errc::kTimeout, .detail = "there was no room in time"});
    Event().WaitFor(kAgainUs);
  }
  if (!buffer_.empty()) return Finish(nullptr, std::nullopt);
  // It waits, or has been served meanwhile; then the timers find nothing to do.
  const auto weak = weak_from_this();
  if (own_ms_ > 0) {
    scheduler_.After(cache::Millis(own_ms_), [weak] {
      if (const auto call = weak.lock()) call->OnOwnTime();
    });
  }
  if (deadline) {
    scheduler_.After(*deadline - scheduler_.clock().Now(), [weak] {
      if (const auto call = weak.lock())
        call->GiveUp({.code = Errc::kTimeout, .detail = "nobody served it in time"});
    });
  }
  if (!stop.stop_possible()) return;
  on_stop_.emplace(stop, [weak] {
    if (const auto call = weak.lock())
      call->GiveUp({.code = Errc::kCancelled, .detail = "cancelled"});
  });
}

// Stripes are locked.
void WaitingCall::OnParked(const std::shared_ptr<command::Parked>& parked,
                           std::int64_t timeout_ms) {
  constexpr std::int64_t kOwnMsMax = std::int64_t{365} * 24 * 3600 * 1000;
  own_ms_ = std::min(timeout_ms, kOwnMsMax);
  parked->on_answered = [self = shared_from_this()](std::shared_ptr<command::Parked> answered) {
    self->Finish(std::move(answered), std::nullopt);
  };
  const MutexLock hold(mutex_);
  parked_ = parked;
}

std::shared_ptr<command::Parked> WaitingCall::Leave() {
  std::shared_ptr<command::Parked> parked;
  {
    const MutexLock hold(mutex_);
    parked = parked_;
  }
  if (parked == nullptr || !command::Unpark(engine_.keyspace(), *parked)) return nullptr;
  return parked;
}

void WaitingCall::OnOwnTime() {
  const std::shared_ptr<command::Parked> parked = Leave();
  if (parked == nullptr) return;
  parked->ReplyTimeout();
  Finish(parked, std::nullopt);
}

void WaitingCall::GiveUp(Error error) {
  const std::shared_ptr<command::Parked> parked = Leave();
  if (parked != nullptr) Finish(nullptr, std::move(error));
}

void WaitingCall::Finish(std::shared_ptr<command::Parked> answered, std::optional<Error> error) {
  std::shared_ptr<command::Parked> left;  // goes without the lock
  {
    const MutexLock hold(mutex_);
    if (std::exchange(is_finished_, true)) return;
    left = std::exchange(parked_, nullptr);
    answered_ = std::move(answered);
    error_ = std::move(error);
  }
  tell_();
}

cache::Result<cache::Reply> WaitingCall::Take() {
  std::shared_ptr<command::Parked> answered;
  std::optional<Error> error;
  {
    const MutexLock hold(mutex_);
    answered = std::exchange(answered_, nullptr);
    error = std::move(error_);
  }
  on_stop_.reset();
  if (error) return std::unexpected(std::move(*error));
  client::ReplyDecoder decoder;
  cache::Reply reply;
  const std::string bytes = (answered != nullptr ? answered->reply() : buffer_).ToString();
  if (decoder.Next(bytes, &reply) != client::ReplyDecoder::Outcome::kValue)
    return cache::Fail(Errc::kProtocol, "the engine's reply is not whole");
  return client::AsResult(std::move(reply));
}

}  // namespace cairn::store
