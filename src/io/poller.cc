// SPDX-License-Identifier: BSD-3-Clause
// epoll, with descriptor and generation packed into each event's 64 bits.
#include "io/poller.h"

#include <cerrno>

#include "base/check.h"

namespace cairn::io {
namespace {

std::uint32_t EventsOf(Interest interest) {
  const auto bits = static_cast<std::uint8_t>(interest);
  std::uint32_t events = 0;
  if ((bits & static_cast<std::uint8_t>(Interest::kRead)) != 0) events |= EPOLLIN;
  if ((bits & static_cast<std::uint8_t>(Interest::kWrite)) != 0) events |= EPOLLOUT;
  return events;
}

}  // namespace

Result<std::unique_ptr<Poller>> Poller::Create() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return FailErrno("epoll_create1", errno);
  return std::unique_ptr<Poller>(new Poller(std::move(epoll)));
}

Status Poller::Control(int operation, int fd, std::uint32_t events) {
  const auto index = static_cast<std::size_t>(fd);
  epoll_event event{};
  event.events = events;
  event.data.u64 =
      std::uint64_t{registrations_[index].generation} << 32 | static_cast<unsigned>(fd);
  if (::epoll_ctl(epoll_.get(), operation, fd, &event) == 0) return {};
  return FailErrno("epoll_ctl", errno).error();
}

Status Poller::Register(int fd, Interest interest, std::uint32_t events, Watcher* watcher) {
  CHECK(fd >= 0);
  CHECK(watcher != nullptr);
  const auto index = static_cast<std::size_t>(fd);
  if (index >= registrations_.size()) registrations_.resize(index + 1 + index / 2);
  Registration& registration = registrations_[index];
  CHECK(registration.watcher == nullptr);
  if (Status status = Control(EPOLL_CTL_ADD, fd, events); !status.ok()) return status;
  registration.watcher = watcher;
  registration.interest = interest;
  ++watched_;
  return {};
}

Status Poller::Add(int fd, Interest interest, Watcher* watcher) {
  return Register(fd, interest, EventsOf(interest), watcher);
}

Status Poller::AddEdge(int fd, Watcher* watcher) {
  return Register(fd, Interest::kRead, EPOLLIN | EPOLLET, watcher);
}

Status Poller::Modify(int fd, Interest interest) {
  Registration& registration = registrations_[static_cast<std::size_t>(fd)];
  CHECK(registration.watcher != nullptr);
  if (registration.interest == interest) return {};
  if (Status status = Control(EPOLL_CTL_MOD, fd, EventsOf(interest)); !status.ok()) return status;
  registration.interest = interest;
  return {};
}

void Poller::Remove(int fd) {
  Registration& registration = registrations_[static_cast<std::size_t>(fd)];
  CHECK(registration.watcher != nullptr);
  // Fails only for a descriptor that epoll does not know, and then it is removed already.
  [[maybe_unused]] const Status ignored = Control(EPOLL_CTL_DEL, fd, 0);
  registration.watcher = nullptr;
  ++registration.generation;
  --watched_;
}

Result<std::size_t> Poller::Wait(std::int64_t timeout_us) {
  constexpr std::int64_t kTimeoutMsMax = 60'000;  // epoll_wait takes an int
  std::int64_t timeout_ms = timeout_us < 0 ? -1 : (timeout_us + 999) / 1000;
  if (timeout_ms > kTimeoutMsMax) timeout_ms = kTimeoutMsMax;
  const int count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()),
                                 static_cast<int>(timeout_ms));
  event_count_ = count > 0 ? static_cast<std::size_t>(count) : 0;
  if (count < 0 && errno != EINTR) return FailErrno("epoll_wait", errno);
  return event_count_;
}

void Poller::Dispatch() {
  for (std::size_t i = 0; i < event_count_; ++i) {
    const epoll_event& event = events_[i];
    const auto fd = static_cast<std::uint32_t>(event.data.u64);
    const auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32);
    const Registration& registration = registrations_[fd];
    if (registration.watcher == nullptr || registration.generation != generation) continue;
    const std::uint32_t events = event.events;
    // May change registrations_: nothing of this iteration is touched after the call.
    registration.watcher->OnReady((events & EPOLLIN) != 0, (events & EPOLLOUT) != 0,
                                  (events & (EPOLLHUP | EPOLLERR)) != 0);
  }
  event_count_ = 0;
}

}  // namespace cairn::io
