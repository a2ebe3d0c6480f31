// SPDX-License-Identifier: BSD-3-Clause
// Into the queues and out of them.
#include "command/parked.h"

#include <utility>

#include "base/check.h"
#include "command/key_finder.h"
#include "command/transaction.h"

namespace cairn::command {

void WriteTimeoutReply(resp::Writer& reply, TimeoutReply kind) {
  switch (kind) {
    case TimeoutReply::kNullArray:
      return reply.NullArray();
    case TimeoutReply::kNull:
    case TimeoutReply::kNullAtOnce:
      return reply.Null();
    case TimeoutReply::kZero:
      return reply.Integer(0);
    case TimeoutReply::kTwoZeros:
    case TimeoutReply::kOneAndZero:
      reply.Array(2);
      reply.Integer(kind == TimeoutReply::kOneAndZero ? 1 : 0);
      return reply.Integer(0);
    case TimeoutReply::kLoading:
      reply.Array(6);
      reply.Bulk("loading");
      reply.Null();
      reply.Null();
      reply.Integer(0);
      reply.Integer(0);
      return reply.Integer(-1);
  }
}

Parked::Parked(const CommandTable::Command& command, OwnedArgs args,
               std::span<const keyspace::KeyRef> keys, Session& session, TimeoutReply timeout_reply)
    : Parked(command, std::move(args), session, timeout_reply) {
  // They are hashed already; the names are those that are kept.
  std::vector<std::uint32_t> positions;
  if (!keys.empty() && FindKeys(*command.spec, this->args(), positions)) {
    DCHECK(positions.size() == keys.size());
    keys_.assign(keys.begin(), keys.end());
    for (std::size_t n = 0; n < keys.size(); ++n) {
      keys_[n].name = this->args()[positions[n]];
      keys_[n].hinted = nullptr;
    }
  }
}

Parked::Parked(const CommandTable::Command& command, OwnedArgs args, Session& session)
    : Parked(command, std::move(args), session, TimeoutReply::kNull) {
  lacks_keys_ = true;
}

Parked::Parked(const CommandTable::Command& command, OwnedArgs args, Session& session,
               TimeoutReply timeout_reply)
    : command_(command),
      args_(std::move(args)),
      timeout_reply_(timeout_reply),
      session_(session.id(), session.random().Next()) {
  session_.set_db(session.db());
  session_.set_protocol(session.protocol());
  session_.set_touches_keys(session.viewer().touch);
  session_.set_now_ms(session.viewer().now_ms());
  session_.set_reader(session.reader());
  session_.set_user(session.user());
  db = session.db();
}

Parked::~Parked() {
  if (counter_ != nullptr) counter_->Add(-static_cast<std::int64_t>(counted_bytes_));
}

void Parked::CountWhileItLives(SharedCounter& counter, std::size_t bytes) {
  counter_ = &counter;
  counted_bytes_ = bytes;
  counter.Add(static_cast<std::int64_t>(bytes));
}

void Parked::FindItsKeys(const keyspace::Keyspace& keyspace) {
  lacks_keys_ = false;
  std::vector<std::uint32_t> positions;
  if (!FindKeys(*command_.spec, args(), positions)) return;
  keys_.reserve(positions.size());
  for (const std::uint32_t position : positions) keys_.push_back(keyspace.Ref(args()[position]));
}

void Parked::ForgetRequest(keyspace::Trash& trash) {
  args_.LeaveTo(trash);
  std::vector<keyspace::KeyRef>().swap(keys_);
}

std::size_t Parked::memory_bytes() const {
  constexpr std::size_t kBytesOfKey = sizeof(keyspace::KeyRef) + sizeof(Place);
  // What the lane looks for has at most as many keys as arguments.
  const std::size_t keys = lacks_keys_ ? args().size() : keys_.size();
  const Transaction* transaction = session_.transaction();
  const std::size_t queued =
      transaction == nullptr ? 0 : transaction->bytes() + transaction->watches().bytes();
  return sizeof(Parked) + args_.memory_bytes() + keys * kBytesOfKey + queued;
}

void Parked::ReplyTimeout() {
  resp::Writer writer(reply_, session_.protocol());
  WriteTimeoutReply(writer, timeout_reply_.load(std::memory_order_relaxed));
}

void Parked::ReplyError(std::string_view text) {
  resp::Writer(reply_, session_.protocol()).Error(text);
}

void AnswerParked(const std::shared_ptr<Parked>& parked, FunctionRef<void(resp::Writer&)> write) {
  resp::Writer reply(parked->reply(), parked->session().protocol());
  write(reply);
  parked->on_answered(parked);
}

void Link(keyspace::Keyspace& keyspace, const std::shared_ptr<Parked>& parked) {
  parked->ticket = keyspace.DrawTicket();
  for (const keyspace::KeyRef& key : parked->waited_keys()) {
    keyspace::Stripe& stripe = keyspace.stripe(key.stripe);
    if (stripe.interest == nullptr) stripe.interest = std::make_unique<keyspace::Interest>();
    keyspace::KeyInterest& at = stripe.interest->Ensure(parked->db, key.name);
    // A key named twice is waited for once.
    if (!at.waiters.empty() && at.waiters.back() == parked) continue;
    at.waiters.push_back(parked);
    at.loss_waiters += parked->wakes_on_loss ? 1 : 0;
    parked->places.push_back({&at, std::prev(at.waiters.end()), key.stripe});
  }
}

void Unlink(keyspace::Keyspace& keyspace, Parked& parked) {
  for (const keyspace::Waiter::Place& place : parked.places) {
    keyspace::Stripe& stripe = keyspace.stripe(place.stripe);
    place.at->waiters.erase(place.in_queue);
    place.at->loss_waiters -= parked.wakes_on_loss ? 1 : 0;
    stripe.interest->DropIfEmpty(place.at);
    if (stripe.interest->idle()) stripe.interest = nullptr;
  }
  parked.places.clear();
}

// clang does not follow two ways of trying.
Unparked TryUnpark(keyspace::Keyspace& keyspace, Parked& parked) NO_THREAD_SAFETY_ANALYSIS {
  bool mine = false;
  if (parked.keys().empty()) {
    mine = parked.Claim();
  } else {
    keyspace::KeyLocks locks(keyspace);
    const bool locked =
        keyspace.AllHeldByThisThread() ? locks.TryAcquireAll() : locks.TryAcquire(parked.keys());
    if (!locked) return Unparked::kBusy;
    mine = parked.Claim();
    if (mine) Unlink(keyspace, parked);
    locks.Release();
  }
  return mine ? Unparked::kDone : Unparked::kAnswered;
}

bool Unpark(keyspace::Keyspace& keyspace, Parked& parked) {
  if (parked.keys().empty()) return parked.Claim();
  keyspace::KeyLocks locks(keyspace);
  keyspace.AllHeldByThisThread() ? locks.AcquireAll() : locks.Acquire(parked.keys());
  const bool mine = parked.Claim();
  if (mine) Unlink(keyspace, parked);
  locks.Release();
  return mine;
}

}  // namespace cairn::command
