// SPDX-License-Identifier: BSD-3-Clause
// EXEC: one hold of all stripes that the queued commands and the watched keys need, all commands in
// a row, their effects as one group in the log, then those who wait for what has come about.
//
// Commands that walk the keyspace or lock by themselves make it take every stripe; their own
// locking then finds that this thread holds them (Keyspace::AllHeldByThisThread).
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "command/errors.h"
#include "command/runner.h"

namespace cairn::command {
namespace {

constexpr std::size_t kSlackBytes = 1024;

bool NeedsAllStripes(const Queued& queued) {
  return NeedsAllStripes(queued.command(), queued.args(), !queued.keys().empty());
}

// False, and the EXEC is delayed, if one of them is held for long.
bool TakeStripesFor(Call& exec, const Transaction& transaction, keyspace::KeyLocks& locks)
    TRY_ACQUIRE(true, locks) NO_THREAD_SAFETY_ANALYSIS {
  keyspace::Keyspace& keyspace = exec.keyspace();
  if (std::ranges::any_of(transaction.queue(), NeedsAllStripes)) {
    if (locks.TryAcquireAll()) return true;
    if (exec.Delay(keyspace::StripeSet().set())) return false;
    locks.AcquireAll();
    return true;
  }
  std::vector<keyspace::KeyRef> keys;
  for (const Queued& queued : transaction.queue())
    keys.insert(keys.end(), queued.keys().begin(), queued.keys().end());
  for (const Watches::Watched& watched : transaction.watches().watched())
    keys.push_back(keyspace.Ref(watched.name));
  if (locks.TryAcquire(keys)) return true;
  if (exec.Delay(keyspace::KeyLocks::SetOf(keys))) return false;
  locks.Acquire(keys);
  return true;
}

// Whether the lane could run it: it is about keys, and about nothing of the client's.
bool IsOfKeysOnly(const Queued& queued) {
  const Group group = queued.command().spec->row.group;
  return !queued.keys().empty() && !NeedsAllStripes(queued) && group != Group::kConnection &&
         group != Group::kPubsub && group != Group::kTransactions;
}

// At least what it is going to take, as Call::Defer counts; what says itself that it is fast is, on
// values of any size.
std::uint64_t ElementsOf(Call& exec, const Transaction& transaction) {
  constexpr std::uint64_t kElementsOfCommand = 2;
  constexpr std::size_t kBytesOfElement = Call::kLargeBytes / Call::kHeavyElements;
  std::uint64_t elements = 0;
  for (const Queued& queued : transaction.queue()) {
    elements += kElementsOfCommand + queued.args().size();
    if ((queued.command().flags & kFast) != 0) continue;
    for (const keyspace::KeyRef& key : queued.keys()) {
      const keyspace::Entry* entry =
          keyspace::internal::Lookup(exec.keyspace().stripe(key.stripe), exec.session().db(), key)
              .entry;
      if (entry == nullptr || !entry->is_collection()) continue;
      const std::size_t bytes =
          entry->Visit([](const auto& value) { return value.memory_bytes(); });
      elements += std::max(entry->element_count(), bytes / kBytesOfElement);
    }
    if (elements >= Call::kHeavyElements) break;
  }
  return elements;
}

// So long, or large, that merely looking at it takes long.
bool IsLong(const Transaction& transaction) {
  return transaction.weight() >= Call::kHeavyElements || transaction.bytes() >= Call::kLargeBytes;
}

bool IsOfKeysOnly(const Transaction& transaction) {
  return std::ranges::all_of(transaction.queue(),
                             [](const Queued& queued) { return IsOfKeysOnly(queued); });
}

keyspace::StripeSet StripesOf(const Transaction& transaction) {
  keyspace::StripeSet stripes;
  for (const Queued& queued : transaction.queue())
    stripes |= keyspace::KeyLocks::SetOf(queued.keys());
  for (const Watches::Watched& watched : transaction.watches().watched())
    stripes.set(watched.stripe.value);
  return stripes;
}

// Looking at the watched keys removes those that are due, which is a change as any other.
bool WatchedHaveChanged(keyspace::Keyspace& keyspace, keyspace::KeyLocks& held,
                        const keyspace::Viewer& viewer, const Transaction& transaction)
    REQUIRES(held) {
  keyspace::Txn txn(keyspace, held, viewer);
  for (const Watches::Watched& watched : transaction.watches().watched())
    txn.FindIn(watched.db, keyspace.Ref(watched.name), keyspace::Access::kPeek);
  return transaction.watches().dirty();
}

std::size_t CreditFor(const Transaction& transaction) {
  if ((transaction.flags() & kRunsScript) != 0) return log::CommandLog::kGroupCreditMax;
  std::size_t bytes = kSlackBytes;
  for (const Queued& queued : transaction.queue())
    bytes += 2 * log::CommandLog::RecordBytes(queued.args()) + kSlackBytes;
  return std::min(bytes, log::CommandLog::kGroupCreditMax);
}

}  // namespace

void Runner::Queue(Call& call) {
  Transaction& transaction = *call.session().transaction();
  // It will run nothing: no need to keep more of it. CLIENT LIST shows that in Redis, too.
  const bool is_lost = transaction.aborted() || transaction.watches().dirty();
  if (!is_lost && !transaction.Add(call.command(), call.session().TakeArgs(call.args()))) {
    call.Error("ERR the transaction is too large");
    return Reject(call);
  }
  call.reply().Simple("QUEUED");
}

void Runner::SpoilTransaction(Call& call) {
  Session& session = call.session();
  session.transaction()->Abort();
  if (call.is_exec()) session.EndTransaction();
}

void Runner::RunTransaction(Call& exec) {
  if (exec.session().transaction()->aborted()) {
    exec.session().EndTransaction();
    return exec.Error(errors::kExecAbort);
  }
  log::CommandLog& log = shared_.keyspace.log();
  const Transaction& transaction = *exec.session().transaction();
  std::size_t credit = 0;
  const std::uint32_t flags = transaction.flags() & ~kAllStripes;  // there may be other writes
  if (!TakeRoom(exec, flags, CreditFor(transaction), &credit)) return;
  RunTransactionLocked(exec);
  if (serving_.busy()) serving_.Finish();
  if (credit == 0) return;
  log.ReturnCredit(credit);
  exec.session().set_last_write(log.end());
}

// The session keeps its transaction if it is delayed.
void Runner::RunTransactionLocked(Call& exec) {
  const Transaction& transaction = *exec.session().transaction();
  if (exec.parked_ != nullptr) {
    return EnterAndHold(StripesOf(transaction), transaction.flags(),
                        [&](keyspace::KeyLocks& held)
                            REQUIRES(held) { RunTransactionUnder(exec, held); });
  }
  const bool goes_unseen = IsLong(transaction) || (transaction.flags() & kWaitsForPeers) != 0;
  if (goes_unseen && IsOfKeysOnly(transaction) && exec.DeferTransaction()) return;
  keyspace::KeyLocks locks(shared_.keyspace);
  if (!TakeStripesFor(exec, transaction, locks)) return;
  const bool defers = ElementsOf(exec, transaction) >= Call::kHeavyElements &&
                      IsOfKeysOnly(transaction) && exec.DeferTransaction();
  if (!defers) RunTransactionUnder(exec, locks);
  locks.Release();
}

void Runner::RunTransactionUnder(Call& exec, keyspace::KeyLocks& held) {
  const std::unique_ptr<Transaction> transaction = exec.session().TakeTransaction();
  const bool changed =
      WatchedHaveChanged(shared_.keyspace, held, exec.session().viewer(), *transaction);
  transaction->watches().UnwatchLocked();
  changed ? exec.reply().NullArray() : RunQueue(exec, *transaction, held);
}

void Runner::RunQueue(Call& exec, Transaction& transaction, keyspace::KeyLocks& held) {
  std::vector<log::Effect> effects;
  CallGroup group{.held = held,
                  .effects = shared_.keyspace.log().active() ? &effects : nullptr,
                  .lacks_memory = exec.lacks_memory(),
                  .in_lane = exec.in_lane_};
  const UnixMs now_ms = exec.now_ms();
  resp::ReplyBuffer& buffer = exec.reply().buffer();
  resp::ReplyBuffer::Mark begin = buffer.mark();
  exec.reply().Array(transaction.queue().size());
  exec.session().OnExecReply(begin);
  for (Queued& queued : transaction.queue()) {
    begin = buffer.mark();
    // HELLO may have changed it.
    exec.session().set_now_ms(now_ms);  // one moment for all
    resp::Writer reply(buffer, exec.session().protocol());
    RunQueued(exec, queued, group, reply);
    exec.session().OnExecReply(begin);
  }
  EndGroup(group);
}

// It was allowed when it was queued; the rights may have changed since.
bool Runner::RejectQueued(Session& session, const Queued& queued, resp::Writer& reply) {
  const Denial denial = CheckRights(shared_.denial_observer, session, queued.command(),
                                    queued.args(), DenialContext::kTransaction);
  if (!denial) return false;
  reply.Error(RightsChangedText(denial));
  CountError(reply);
  return true;
}

void Runner::RunQueued(Call& exec, Queued& queued, CallGroup& group, resp::Writer& reply) {
  Session& session = exec.session();
  Auditor* auditor = shared_.auditor;
  if (auditor == nullptr || !auditor->Wants(queued.command(), queued.args().size())) [[likely]] {
    return RunQueuedPlain(exec, queued, group, reply);
  }
  auditor->Run(session, queued.command(), queued.args(), Auditor::Within::kTransaction, reply, [&] {
    RunQueuedPlain(exec, queued, group, reply);
    return true;
  });
}

void Runner::RunQueuedPlain(Call& exec, Queued& queued, CallGroup& group, resp::Writer& reply) {
  Session& session = exec.session();
  if (RejectQueued(session, queued, reply)) [[unlikely]]
    return;
  const Prepared prepared{.command = &queued.command(),
                          .args = queued.args(),
                          .key_count = static_cast<std::uint32_t>(queued.keys().size())};
  Call call(*this, session, prepared, queued.keys().data(), reply);
  call.owned_ = &queued.owned_args();
  RunInGroup(call, group);
  Account(session, prepared, reply, 0);
}

}  // namespace cairn::command
