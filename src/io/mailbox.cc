// SPDX-License-Identifier: BSD-3-Clause
// The mailbox's few lines under its mutex; tasks are run and destroyed outside of it.
#include "io/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace cairn::io {
namespace {

constexpr std::size_t kTasksKept = 1024;  // room the two lists keep between bursts

}  // namespace

Result<std::unique_ptr<Mailbox>> Mailbox::Create(std::size_t tasks_max) {
  Fd event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!event.valid()) return FailErrno("eventfd", errno);
  return std::unique_ptr<Mailbox>(new Mailbox(std::move(event), tasks_max));
}

void Mailbox::Ring() {
  const std::uint64_t one = 1;
  // The counter cannot overflow in practice (2^64 - 2), and then it is readable anyhow.
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof(one));
}

bool Mailbox::Post(Task task) {
  bool ring = false;
  {
    MutexLock hold(mu_);
    if (tasks_.size() >= tasks_max_) return false;
    tasks_.push_back(std::move(task));
    ring = std::exchange(asleep_, false);
  }
  if (ring) Ring();
  return true;
}

void Mailbox::PostOwed(Task task) {
  bool ring = false;
  {
    MutexLock hold(mu_);
    tasks_.push_back(std::move(task));
    ring = std::exchange(asleep_, false);
  }
  if (ring) Ring();
}

void Mailbox::Wake() {
  bool ring = false;
  {
    MutexLock hold(mu_);
    woken_ = true;
    ring = std::exchange(asleep_, false);
  }
  if (ring) Ring();
}

bool Mailbox::PrepareSleep() {
  MutexLock hold(mu_);
  if (woken_ || !tasks_.empty()) return false;
  asleep_ = true;
  return true;
}

void Mailbox::Awake() {
  MutexLock hold(mu_);
  asleep_ = false;
  woken_ = false;
}

std::size_t Mailbox::Drain() {
  std::size_t count = RunTaken();
  {
    MutexLock hold(mu_);
    if (tasks_.empty()) return count;
    running_.swap(tasks_);
  }
  count += RunTaken();
  running_.clear();
  next_ = 0;
  if (running_.capacity() > kTasksKept) std::vector<Task>().swap(running_);
  return count;
}

// A task may drain the mailbox itself: then what was taken with it comes first, and nothing is left
// of it here.
std::size_t Mailbox::RunTaken() {
  std::size_t count = 0;
  for (; next_ < running_.size(); ++count) {
    Task task = std::move(running_[next_++]);
    task();
  }
  if (count > 0) {
    running_.clear();
    next_ = 0;
  }
  return count;
}

}  // namespace cairn::io
