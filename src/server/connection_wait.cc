// SPDX-License-Identifier: BSD-3-Clause
// A connection whose command waits (BLPOP, WAIT).
//
//     OnParked --served or unblocked by any thread--> mail to the worker --> FinishWait
//        |-----run by the lane----------------------> the same; or TakeBack, if it would wait there
//        |-----timer (this thread)------------------> TimeOutWait, if nobody was quicker
//        |-----client gone--------------------------> AbandonWait
//
//     OnDelayed --the lane's stripes are free--> mail to the worker --> TakeTurn: the request, and
//     what follows it, is run from the input
//     OnCrowded --timer of the worker---------------------------------> TakeTurn
//
// Each of the upper ones has claimed the Parked, or does nothing; so exactly one reply is sent.
// While it waits, the connection reads what the client sends, within client-query-buffer-limit (one
// that is delayed, or run by the lane, within kDelayedBytesMax: it has sent without waiting, and
// may do so for ever), and parses none of it.
#include <algorithm>
#include <utility>

#include "command/lane.h"
#include "command/parked.h"
#include "server/client_tracking.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

constexpr std::int64_t kTimeoutMsMax = INT64_MAX / 4000;  // for ever, in microseconds

// Runs `fn` on the connection, on its worker's thread, if it is still there.
template <class Fn>
void PostTo(Worker& worker, ClientId id, Fn fn) {
  worker.Post([&worker, id, fn = std::move(fn)] {
    if (Connection* connection = worker.FindConnection(id); connection != nullptr) fn(*connection);
  });
}

}  // namespace

bool IsBlocked(const ClientInfo& info) {
  MutexLock hold(info.waiting_mu);
  return info.waiting != nullptr && info.waiting->is_waiting();
}

bool WatchesChanged(const ClientInfo& info) {
  MutexLock hold(info.waiting_mu);
  return info.watch_mark != nullptr && info.watch_mark->dirty.load(std::memory_order_relaxed);
}

// Stripes may be locked: nothing here waits for anything but leaf mutexes.
void Connection::OnParked(const std::shared_ptr<command::Parked>& parked, std::int64_t timeout_ms) {
  parked->on_answered = [&worker = worker_,
                         id = this->id()](std::shared_ptr<command::Parked> answered) {
    PostTo(worker, id, [answered = std::move(answered)](Connection& connection) {
      connection.FinishWait(answered);
    });
  };
  if (timeout_ms > 0) {
    wait_timer_ = worker_.loop().AddTimer(std::min(timeout_ms, kTimeoutMsMax) * 1000, [this] {
      wait_timer_.reset();
      TimeOutWait();
    });
  }
  wait_is_muted_ = reply_mode_ != ReplyMode::kOn;
  stall_ = Stall::kWaits;
  info_.wait_is_timed.store(timeout_ms > 0, std::memory_order_relaxed);
  waiting_ = parked;
  wait_bytes_ = parked->memory_bytes();
  info_.wait_argument_bytes.store(static_cast<std::int64_t>(parked->argument_bytes()),
                                  std::memory_order_relaxed);
  if (parked->is_deferred()) return;
  MutexLock hold(info_.waiting_mu);
  info_.waiting = parked;
}

void Connection::OnDelayed(command::Lane& lane, const keyspace::StripeSet& stripes) {
  stall_ = Stall::kDelayed;
  lane.AwaitTurn(stripes, [&worker = worker_, id = this->id()](command::Lane::Turn turn) {
    // The turn lasts until the task has run.
    PostTo(worker, id, [turn = std::move(turn)](Connection& connection) { connection.TakeTurn(); });
  });
}

void Connection::OnCrowded() {
  OnHeldUp();
  if (!info_.waits_for_room.exchange(true, std::memory_order_relaxed))
    server().counters().writes_delayed.Add(1);
}

void Connection::OnHeldUp() {
  stall_ = Stall::kDelayed;
  is_crowded_ = true;
  worker_.LookAgain(id());
}

std::string_view Connection::RequestWithin(const ByteBuffer& input,
                                           std::span<const std::string_view> args) {
  constexpr std::size_t kAfterArgument = 2;
  constexpr std::less<const char*> kBefore;
  const char* const begin = args.front().data();
  const char* const end = args.back().data() + args.back().size() + kAfterArgument;
  if (!kBefore(begin, end) || !input.Holds({begin, end})) return {};
  return {begin, end};
}

command::OwnedArgs Connection::TakeArgs(std::span<const std::string_view> args) {
  const std::string_view request = RequestWithin(leftover_, args);
  if (request.size() < kTakenBytesMin || leftover_.memory_bytes() > kTakenFactor * request.size())
    return command::OwnedArgs(args);
  is_taken_ = true;
  ByteBuffer kept(std::string_view(request.end(), leftover_.view().end()));
  return command::OwnedArgs(std::exchange(leftover_, std::move(kept)), worker_.args().Release(args),
                            args.size());
}

Blob* Connection::TakeBlob(std::string_view bytes) {
  Blob* blob = command::OwnedArgs::BlobOf(leftover_, bytes);
  if (blob != nullptr) given_ = BlobRef(blob);
  return blob;
}

void Connection::TakeTurn() {
  if (stall_ != Stall::kDelayed) return;
  stall_ = Stall::kNone;
  is_crowded_ = false;
  ReadOn();
  Resume();
  // Only now: who finds no room again has waited all the time.
  if (!is_crowded_) info_.waits_for_room.store(false, std::memory_order_relaxed);
}

void Connection::ReadOn() {
  if (std::exchange(read_blocked_, false)) UpdatePolling();
}

void Connection::TimeOutWait() {
  switch (command::TryUnpark(server().engine().keyspace(), *waiting_)) {
    case command::Unparked::kAnswered:
      return;
    case command::Unparked::kDone:
      waiting_->ReplyTimeout();
      return FinishWait(std::shared_ptr(waiting_));
    case command::Unparked::kBusy:
      break;
  }
  // It can be taken out of its queues when the lane is done with them.
  const auto again = [&worker = worker_, id = this->id(),
                      parked = waiting_](command::Lane::Turn turn) {
    PostTo(worker, id, [parked, turn = std::move(turn)](Connection& connection) {
      if (connection.waiting_ == parked) connection.TimeOutWait();
    });
  };
  server().engine().shared().lane->AwaitTurn(keyspace::KeyLocks::SetOf(waiting_->keys()), again);
}

void Connection::AbandonWait() {
  if (waiting_ == nullptr) return;
  waiting_->Abandon();
  keyspace::Keyspace& keyspace = server().engine().keyspace();
  if (is_deferred()) {
    waiting_->CountWhileItLives(server().engine().other_bytes(), wait_bytes_);
  } else if (command::TryUnpark(keyspace, *waiting_) == command::Unparked::kBusy) {
    keyspace.helper()->RunLater(
        keyspace::KeyLocks::SetOf(waiting_->keys()),
        [&keyspace, parked = waiting_] { command::Unpark(keyspace, *parked); });
  }
  EndWait();
}

void Connection::EndWait() {
  if (wait_timer_) worker_.loop().CancelTimer(*std::exchange(wait_timer_, std::nullopt));
  stall_ = Stall::kNone;
  waiting_ = nullptr;
  wait_bytes_ = 0;
  info_.wait_argument_bytes.store(0, std::memory_order_relaxed);
  MutexLock hold(info_.waiting_mu);
  info_.waiting = nullptr;
}

void Connection::FinishWait(const std::shared_ptr<command::Parked>& parked) {
  if (waiting_ != parked) return;
  const bool deferred = is_deferred();
  EndWait();
  ReadOn();
  if (parked->session().transaction() != nullptr)
    AdoptTransaction(parked->session().TakeTransaction());
  Publish();
  if (parked->goes_back()) return TakeBack(*parked);
  if (deferred && tracking_ != nullptr) BeginReply();
  // What it may have written lies before.
  if ((parked->command().flags & command::kReadonly) == 0)
    set_last_write(server().engine().keyspace().log().end());
  if (!wait_is_muted_) {
    output_.TakeAll(parked->reply());
    if (server().watermark().holds()) [[unlikely]]
      HoldReplies();
    worker_.WatchFlush(this);
    if (output_.pending_bytes() > kReadBytes) CheckOutputLimit();
    if (closed()) return;
  }
  if (deferred && tracking_ != nullptr) tracking_->EndCommand(*this, false);
  // CLIENT KILL of itself and others: this was the last reply.
  if (state_ == State::kDraining) return worker_.WatchFlush(this);
  info_.last_interaction_ms.store(worker_.runner().now_ms(), std::memory_order_relaxed);
  Resume();
}

// The request stands in front of the input again, where it may be delayed, deferred or parked.
void Connection::TakeBack(const command::Parked& parked) {
  if (wait_is_muted_ && reply_mode_ == ReplyMode::kOn) reply_mode_ = ReplyMode::kSkipNext;
  if (tracking_ != nullptr) tracking_->EndCommand(*this, true);
  std::string request = "*" + std::to_string(parked.args().size()) + "\r\n";
  for (const std::string_view arg : parked.args()) {
    request.append("$").append(std::to_string(arg.size())).append("\r\n");
    request.append(arg).append("\r\n");
  }
  request.append(leftover_.view());
  leftover_.Assign(request);
  Resume();
}

}  // namespace cairn::server
