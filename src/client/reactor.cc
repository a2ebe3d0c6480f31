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
  self->loop_->SetBeforeSleep([self] { self->Flush(); });
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

void Reactor::Flush() {
  // Writing may make more to write: a connection is lost and its requests go to another.
  while (!to_flush_.empty()) {
    const std::vector<std::shared_ptr<Channel>> channels = std::exchange(to_flush_, {});
    for (const std::shared_ptr<Channel>& channel : channels) channel->Flush();
  }
}

}  // namespace cairn::client
