// SPDX-License-Identifier: BSD-3-Clause
// One pass of the loop. Mail comes after descriptors and before timers, each bounded by what was
// there when its turn came, so that none of the three can starve the others.
#include "io/event_loop.h"

#include <algorithm>
#include <utility>

namespace cairn::io {

Result<std::unique_ptr<EventLoop>> EventLoop::Create(const Clock& clock) {
  auto poller = Poller::Create();
  if (!poller) return std::unexpected(poller.error());
  auto mailbox = Mailbox::Create();
  if (!mailbox) return std::unexpected(mailbox.error());
  std::unique_ptr<EventLoop> loop(new EventLoop(clock, std::move(*poller), std::move(*mailbox)));
  const Status added = loop->poller_->AddEdge(loop->mailbox_->descriptor(), &loop->wakeup_);
  if (!added.ok()) return std::unexpected(added);
  return loop;
}

EventLoop::~EventLoop() = default;

TimerId EventLoop::AddTimer(std::int64_t delay_us, Task task) {
  const MonotonicUs now = clock_.NowMonotonicUs();
  // Far enough is for ever; also keeps the sum from wrapping.
  constexpr std::int64_t kDelayUsMax = INT64_MAX / 4;
  return timers_.Add(now + std::clamp<std::int64_t>(delay_us, 0, kDelayUsMax), std::move(task));
}

std::int64_t EventLoop::SleepUs(std::int64_t timeout_us) const {
  if (timers_.empty()) return timeout_us;
  const std::int64_t due =
      std::max<std::int64_t>(0, timers_.next_deadline() - clock_.NowMonotonicUs());
  return timeout_us < 0 ? due : std::min(timeout_us, due);
}

Status EventLoop::RunOnce(std::int64_t timeout_us) {
  if (before_sleep_) before_sleep_();
  timeout_us = SleepUs(timeout_us);
  const bool sleeps = timeout_us != 0 && mailbox_->PrepareSleep();
  const auto ready = poller_->Wait(sleeps ? timeout_us : 0);
  mailbox_->Awake();
  if (!ready) return ready.error();
  poller_->Dispatch();
  mailbox_->Drain();
  if (!timers_.empty()) timers_.RunDue(clock_.NowMonotonicUs());
  return {};
}

Status EventLoop::RunWithin() {
  const auto ready = poller_->Wait(0);
  if (!ready) return ready.error();
  poller_->Dispatch();
  mailbox_->Drain();
  return {};
}

Status EventLoop::Run() {
  while (!stopped()) {
    if (Status status = RunOnce(-1); !status.ok()) return status;
  }
  return {};
}

void EventLoop::Stop() {
  stopped_.store(true, std::memory_order_release);
  mailbox_->Wake();
}

}  // namespace cairn::io
