// SPDX-License-Identifier: BSD-3-Clause
// A connection whose command waits (BLPOP, WAIT).
//
//     OnParked --served or unblocked by any thread--> mail to the worker --> FinishWait
//        |-----timer (this thread)------------------> TimeOutWait, if nobody was quicker
//        |-----client gone--------------------------> AbandonWait
//
// Each of them has claimed the Parked, or does nothing; so exactly one reply is sent. While it
// waits, the connection reads what the client sends, within client-query-buffer-limit, and parses
// none of it.
#include <algorithm>
#include <utility>

#include "command/parked.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

constexpr std::int64_t kTimeoutMsMax = INT64_MAX / 4000;  // for ever, in microseconds

}  // namespace

bool IsBlocked(const ClientInfo& info) {
  MutexLock hold(info.waiting_mu);
  return info.waiting != nullptr && info.waiting->is_waiting();
}

bool WatchesChanged(const ClientInfo& info) {
  MutexLock hold(info.waiting_mu);
  return info.watch_mark != nullptr && info.watch_mark->dirty.load(std::memory_order_relaxed);
}

// Stripes are locked: nothing here waits for anything but leaf mutexes.
void Connection::OnParked(const std::shared_ptr<command::Parked>& parked, std::int64_t timeout_ms) {
  parked->on_answered = [worker = &worker_,
                         id = this->id()](std::shared_ptr<command::Parked> answered) {
    worker->Post([worker, id, answered = std::move(answered)] {
      if (Connection* connection = worker->FindConnection(id); connection != nullptr)
        connection->FinishWait(answered);
    });
  };
  if (timeout_ms > 0) {
    wait_timer_ = worker_.loop().AddTimer(std::min(timeout_ms, kTimeoutMsMax) * 1000, [this] {
      wait_timer_.reset();
      TimeOutWait();
    });
  }
  wait_is_muted_ = reply_mode_ != ReplyMode::kOn;
  info_.wait_is_timed.store(timeout_ms > 0, std::memory_order_relaxed);
  waiting_ = parked;
  MutexLock hold(info_.waiting_mu);
  info_.waiting = parked;
}

void Connection::TimeOutWait() {
  if (!command::Unpark(server().engine().keyspace(), *waiting_)) return;
  waiting_->ReplyTimeout();
  FinishWait(std::shared_ptr(waiting_));
}

void Connection::AbandonWait() {
  if (waiting_ == nullptr) return;
  command::Unpark(server().engine().keyspace(), *waiting_);
  EndWait();
}

void Connection::EndWait() {
  if (wait_timer_) worker_.loop().CancelTimer(*std::exchange(wait_timer_, std::nullopt));
  waiting_ = nullptr;
  MutexLock hold(info_.waiting_mu);
  info_.waiting = nullptr;
}

void Connection::FinishWait(const std::shared_ptr<command::Parked>& parked) {
  if (waiting_ != parked) return;
  EndWait();
  if (!wait_is_muted_) {
    output_.Append(parked->reply().ToString());
    worker_.WatchFlush(this);
  }
  info_.last_interaction_ms.store(worker_.runner().now_ms(), std::memory_order_relaxed);
  Resume();
}

}  // namespace cairn::server
