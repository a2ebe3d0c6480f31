// SPDX-License-Identifier: BSD-3-Clause
// State passes the file one way and the result back.
#include "persist/syncer.h"

#include <utility>

#include "base/check.h"

namespace cairn::persist {

void Syncer::Start(std::string name) {
  thread_ = Thread(std::move(name), [this] { Loop(); });
}

void Syncer::Stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_relaxed);
  begin_.Notify();
  thread_.Join();
}

void Syncer::Loop() {
  while (!stopping_.load(std::memory_order_relaxed)) {
    begin_.WaitFor(kPatienceUs);
    if (is_busy()) Sync();
  }
}

void Syncer::Sync() {
  result_ = file_->SyncData();
  state_.store(State::kDone, std::memory_order_release);
  finished_.Notify();
  done_.Notify();
}

void Syncer::Begin(io::File& file) {
  CHECK(state_.load(std::memory_order_acquire) == State::kIdle);
  file_ = &file;
  state_.store(State::kBusy, std::memory_order_release);
  thread_.joinable() ? begin_.Notify() : Sync();
}

std::optional<Status> Syncer::Take() {
  if (state_.load(std::memory_order_acquire) != State::kDone) return std::nullopt;
  std::optional<Status> result = std::move(result_);
  state_.store(State::kIdle, std::memory_order_release);
  return result;
}

std::optional<Status> Syncer::WaitAndTake() {
  while (is_busy()) finished_.WaitFor(kPatienceUs);
  return Take();
}

}  // namespace cairn::persist
