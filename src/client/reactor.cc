// SPDX-License-Identifier: BSD-3-Clause
// The loop and its thread.
#include "client/reactor.h"

#include <utility>

#include "base/check.h"
#include "client/channel.h"
#include "client/own_thread.h"

namespace cairn::client {

Reactor::Reactor() : random_(SecureRandomUint64()) {}

cache::Result<std::unique_ptr<Reactor>> Reactor::Start() {
  std::unique_ptr<Reactor> made(new Reactor());
  auto loop = io::EventLoop::Create(made->clock_);
  if (!loop) return cache::Fail(cache::Errc::kLimit, std::string(loop.error().message()));
  made->loop_ = *std::move(loop);
  Reactor* self = made.get();
  self->loop_->SetBeforeSleep([self] { self->EndPass(); });
  self->thread_ = Thread("cairn-client", [self] {
    is_own_thread = true;
    self->thread_id_.store(Thread::CurrentId(), std::memory_order_relaxed);
    const Status ran = self->loop_->Run();
    CHECK(ran.ok());
  });
  return made;
}

Reactor::~Reactor() {
  if (thread_.joinable()) {
    loop_->Stop();
    thread_.Join();
  }
}

void Reactor::FlushLater(std::shared_ptr<Channel> channel) {
  to_flush_.push_back(std::move(channel));
}

void Reactor::EndPass() {
  // Either may make more of both: a connection is lost, those who are told of it call again.
  while (!to_flush_.empty() || !later_.empty()) {
    for (auto& work : std::exchange(later_, {})) work();
    for (const auto& channel : std::exchange(to_flush_, {})) channel->Flush();
  }
  pass_us_ = 0;
}

void Reactor::Watch(RequestPtr request) {
  if (request->deadline_us == INT64_MAX || std::exchange(request->is_timed, true)) return;
  deadlines_.Add(std::move(request));
  if (deadlines_.next_us() < timer_us_) ArmTimer();
}

void Reactor::ArmTimer() {
  loop_->CancelTimer(timer_);
  timer_us_ = deadlines_.next_us();
  if (timer_us_ == INT64_MAX) return;
  timer_ = loop_->AddTimer(timer_us_ - now_us(), [this] { OnTimer(); });
}

void Reactor::OnTimer() {
  while (const RequestPtr late = deadlines_.TakeLate(now_us())) {
    if (late->channel != nullptr) {
      late->channel->OnDeadline(late);
    } else {
      late->Fail({.code = cache::Errc::kTimeout, .detail = "no reply in time"});
    }
  }
  ArmTimer();
}

}  // namespace cairn::client
