// SPDX-License-Identifier: BSD-3-Clause
// What MULTI has queued: requests in one piece each, copied or with the input they came in, their
// keys found once.
#include "command/transaction.h"

#include <utility>

#include "command/key_finder.h"

namespace cairn::command {

Queued::Queued(const keyspace::Keyspace& keyspace, const CommandTable::Command& command,
               OwnedArgs args)
    : command_(&command), args_(std::move(args)) {
  std::vector<std::uint32_t> positions;
  if (command.key_plan == CommandTable::KeyPlan::kNone ||
      !FindKeys(*command.spec, this->args(), positions))
    return;
  for (const std::uint32_t position : positions)
    keys_.push_back(keyspace.Ref(this->args()[position]));
}

bool Transaction::Add(const CommandTable::Command& command, OwnedArgs args) {
  queue_.emplace_back(keyspace_, command, std::move(args));
  bytes_ += sizeof(Queued) + queue_.back().bytes();
  flags_ |= command.flags;
  return bytes_ <= bytes_max_;
}

void Transaction::Dispose(std::unique_ptr<Transaction> transaction) {
  if (transaction == nullptr || transaction->weight() < Watches::kMarksForLane) return;
  keyspace::Helper* helper = transaction->keyspace_.helper();
  if (helper == nullptr || transaction->keyspace_.AllHeldByThisThread()) return;
  helper->RunLater({}, [gone = std::move(transaction)]() mutable { gone = nullptr; });
}

// Under stripes, or on a worker: so large requests are not freed here.
void Transaction::LeaveBytes() {
  if (bytes_ <= keyspace::Trash::kBytesAtOnceMax) return;
  for (Queued& queued : queue_) queued.owned_args().LeaveTo(keyspace_.trash());
}

void Transaction::Discard() {
  LeaveBytes();
  queueing_ = false;
  aborted_ = false;
  flags_ = 0;
  bytes_ = 0;
  queue_.clear();
}

}  // namespace cairn::command
