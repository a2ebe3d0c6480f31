// SPDX-License-Identifier: BSD-3-Clause
// What MULTI has queued: requests copied in one piece each, their keys found once.
#include "command/transaction.h"

#include <utility>

#include "command/key_finder.h"

namespace cairn::command {

Queued::Queued(const keyspace::Keyspace& keyspace, const CommandTable::Command& command,
               std::span<const std::string_view> args)
    : command_(&command), args_(args) {
  std::vector<std::uint32_t> positions;
  if (command.key_plan == CommandTable::KeyPlan::kNone ||
      !FindKeys(*command.spec, this->args(), positions))
    return;
  for (const std::uint32_t position : positions)
    keys_.push_back(keyspace.Ref(this->args()[position]));
}

bool Transaction::Add(const CommandTable::Command& command,
                      std::span<const std::string_view> args) {
  queue_.emplace_back(keyspace_, command, args);
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

void Transaction::Discard() {
  queueing_ = false;
  aborted_ = false;
  flags_ = 0;
  bytes_ = 0;
  queue_.clear();
}

}  // namespace cairn::command
