// SPDX-License-Identifier: BSD-3-Clause
// One timer, for the next question or the loss, whichever comes first.
#include "objects/keeper.h"

#include <algorithm>
#include <utility>

namespace cairn::cache::internal {
namespace {

// Of the ttl: when to ask first, how long an answer may take, when to ask again after an error.
constexpr int kAskPart = 3;
constexpr int kTimeoutPart = 6;
constexpr int kAgainPart = 12;

constexpr Duration kTtlMin = std::chrono::milliseconds(10);
constexpr Duration kTtlMax = std::chrono::milliseconds(1'000'000'000'000);

}  // namespace

Result<void> CheckTimes(Duration ttl, Duration margin) {
  if (ttl < kTtlMin || ttl > kTtlMax)
    return Fail(Errc::kInvalid, "a ttl is from 10 ms to 10^12 ms");
  if (margin < Duration::zero() || margin >= ttl - margin)
    return Fail(Errc::kInvalid, "a margin is less than half of the ttl");
  return {};
}

std::stop_token StoppedToken() {
  std::stop_source stopped;
  stopped.request_stop();
  return stopped.get_token();
}

std::string MillisText(Duration span) {
  return std::to_string(std::chrono::ceil<Millis>(span).count());
}

void Keeper::Begin(TimePoint asked) {
  const std::lock_guard lock(mutex_);
  until_ = asked + options_.ttl;
  ask_at_ = asked + options_.ttl / kAskPart;
  Arm();
}

// REQUIRES: mutex_ is held.
void Keeper::Arm() {
  if (timer_ != 0) scheduler_.Cancel(std::exchange(timer_, 0));
  if (state_ != State::kHeld) return;
  TimePoint next = until_ - options_.margin;
  if (options_.renews && !is_asking_) next = std::min(next, ask_at_);
  const TimePoint now = scheduler_.clock().Now();
  if (is_refused_) next = now;
  timer_ = scheduler_.After(next - now, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Tick();
  });
}

void Keeper::Tick() {
  bool is_over = false;
  {
    const std::lock_guard gate(gate_);
    bool is_to_ask = false;
    const TimePoint now = scheduler_.clock().Now();
    {
      const std::lock_guard lock(mutex_);
      if (state_ != State::kHeld) return;
      is_over = is_refused_ || now >= until_ - options_.margin;
      is_to_ask = !is_over && options_.renews && !is_asking_ && now >= ask_at_;
      if (is_to_ask) is_asking_ = true;
      if (!is_over) Arm();
    }
    if (is_to_ask) {
      ask_({options_.ttl, options_.ttl / kTimeoutPart},
           [weak = weak_from_this(), now](const Result<bool>& answer) {
             if (const auto self = weak.lock()) self->OnAnswer(now, answer);
           });
    }
  }
  if (is_over) Lose();
}

// Nothing is told here: this may be within `ask`, or on a thread that must not be held up.
void Keeper::OnAnswer(TimePoint asked, const Result<bool>& answer) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kHeld) return;
  is_asking_ = false;
  if (!answer) {
    ask_at_ = scheduler_.clock().Now() + options_.ttl / kAgainPart;
  } else if (*answer) {
    until_ = std::max(until_, asked + options_.ttl);
    ask_at_ = until_ - options_.ttl + options_.ttl / kAskPart;
  } else {
    is_refused_ = true;
  }
  Arm();
}

bool Keeper::Prolong(TimePoint asked, Duration ttl) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kHeld) return false;
  until_ = asked + ttl;
  // Not before it would be shortened by it.
  ask_at_ = until_ - options_.ttl + options_.ttl / kAskPart;
  Arm();
  return true;
}

void Keeper::Lose() {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kHeld) return;
    state_ = State::kLost;
    Arm();
  }
  lost_.request_stop();
}

bool Keeper::End() {
  const std::lock_guard gate(gate_);
  const std::lock_guard lock(mutex_);
  const bool was_held =
      state_ == State::kHeld && !is_refused_ && scheduler_.clock().Now() < until_ - options_.margin;
  state_ = State::kEnded;
  Arm();
  return was_held;
}

bool Keeper::is_held() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::kHeld && !is_refused_ &&
         scheduler_.clock().Now() < until_ - options_.margin;
}

Duration Keeper::left() const {
  const std::lock_guard lock(mutex_);
  return std::max(until_ - scheduler_.clock().Now(), Duration::zero());
}

}  // namespace cairn::cache::internal
