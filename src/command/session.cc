// SPDX-License-Identifier: BSD-3-Clause
// What of a session needs to know what a transaction is.
#include "command/session.h"

#include <utility>

#include "base/check.h"
#include "command/transaction.h"

namespace cairn::command {

Session::Session(ClientId id, std::uint64_t random_seed)
    : id_(id), random_(random_seed), viewer_(DbId(0), 0, random_, id) {}

Session::~Session() { Transaction::Dispose(std::move(transaction_)); }

void Session::OnParked(const std::shared_ptr<Parked>&, std::int64_t) { CHECK(false); }

void Session::OnExecReply(const resp::ReplyBuffer::Mark&) {}

void Session::OnDelayed(Lane&, const keyspace::StripeSet&) { CHECK(false); }

void Session::OnCrowded() { CHECK(false); }

void Session::OnHeldUp() { CHECK(false); }

void Session::set_user(std::shared_ptr<User> user) {
  user_ = std::move(user);
  RefreshRights();
}

// The version first: what is changed in between is then seen the next time.
void Session::RefreshRights() {
  rights_version_ = user_ == nullptr ? 0 : user_->version();
  rights_ = user_ == nullptr ? nullptr : user_->rights();
  restricted_ = rights_ != nullptr && !rights_->unrestricted();
}

Transaction& Session::EnsureTransaction(keyspace::Keyspace& keyspace) {
  if (transaction_ == nullptr) transaction_ = std::make_unique<Transaction>(keyspace);
  return *transaction_;
}

void Session::BeginTransaction(keyspace::Keyspace& keyspace) {
  EnsureTransaction(keyspace).Begin();
  queueing_ = true;
}

void Session::EndTransaction() {
  queueing_ = false;
  Transaction::Dispose(std::move(transaction_));
}

void Session::AdoptTransaction(std::unique_ptr<Transaction> transaction) {
  queueing_ = transaction->queueing();
  transaction_ = std::move(transaction);
}

std::unique_ptr<Transaction> Session::TakeTransaction() {
  queueing_ = false;
  return std::move(transaction_);
}

}  // namespace cairn::command
