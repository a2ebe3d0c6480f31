// SPDX-License-Identifier: BSD-3-Clause
// Groups: what EXEC and scripts have in common, and how a script gets its stripes.
#include <utility>

#include "command/runner.h"

namespace cairn::command {

// Those about the connection, about messages and about the time do not touch the keyspace; CLIENT
// UNBLOCK and its like are admin commands.
bool NeedsAllStripes(const CommandTable::Command& command, std::span<const std::string_view> args,
                     bool has_keys) {
  if (command.locking == CommandTable::Locking::kNone || command.TakesAllStripes(args)) return true;
  if (has_keys) return false;
  const Group group = command.spec->row.group;
  const bool about_itself =
      group == Group::kConnection || group == Group::kPubsub || group == Group::kTransactions;
  const bool is_quick = (command.flags & kFast) != 0;  // TIME
  return !(about_itself || is_quick) || (command.flags & kAdmin) != 0;
}

void Runner::RunInGroup(Call& call, CallGroup& group) NO_THREAD_SAFETY_ANALYSIS {
  call.may_block_ = false;
  call.group_ = &group;
  call.in_lane_ = group.in_lane;
  const CommandTable::Command& command = call.command();
  const bool own = command.locking == CommandTable::Locking::kNone;
  if (command.TakesAllStripes(call.args()) || (!own && call.key_count() > 0)) {
    RunWithGroupTxn(call, group);
  } else {
    command.run(call);
  }
  Observe(call);
}

void Runner::RunWithGroupTxn(Call& call, CallGroup& group) {
  keyspace::Txn txn(shared_.keyspace, group.held, call.session().viewer());
  txn.CollectEffects(group.effects);
  call.txn_ = &txn;
  call.command().run(call);
  if (call.session().reader() != nullptr) RememberReads(call, {call.keys_, call.key_count()});
  call.txn_ = nullptr;
  if (txn.changes() > 0) stats_.changes.Add(txn.changes());
  if (txn.may_have_ready()) {
    for (keyspace::ReadyKey& key : txn.TakeReady()) group.ready.push_back(std::move(key));
  }
}

void Runner::LogInGroup(Call& call, CallGroup& group) NO_THREAD_SAFETY_ANALYSIS {
  keyspace::Txn txn(shared_.keyspace, group.held, call.session().viewer());
  txn.CollectEffects(group.effects);
  txn.Log(call.args());
  stats_.changes.Add(txn.changes());
}

void Runner::EndGroup(CallGroup& group) NO_THREAD_SAFETY_ANALYSIS {
  if (group.effects != nullptr && !group.effects->empty())
    shared_.keyspace.log().AppendGroup(*group.effects);
  if (!group.ready.empty()) serving_.Serve(std::move(group.ready), group.held);
}

// False if they are held for long, and the call is delayed. Who cannot wait so waits here.
bool Runner::TakeGroupStripes(Call& call, Stripes stripes,
                              keyspace::KeyLocks& locks) NO_THREAD_SAFETY_ANALYSIS {
  const std::span keys(call.keys_, call.key_count());
  const bool all = stripes == Stripes::kAll;
  const bool extends = stripes == Stripes::kOfItsKeysAndMore;
  if (!extends || locks.TryTakeTurn()) {
    if (all ? locks.TryAcquireAll() : locks.TryAcquire(keys)) return true;
    locks.LeaveTurn();
  }
  if (call.Delay(all ? keyspace::StripeSet().set() : keyspace::KeyLocks::SetOf(keys))) return false;
  if (extends) locks.TakeTurn();
  all ? locks.AcquireAll() : locks.Acquire(keys);
  return true;
}

// However much a group writes, kGroupCreditMax of room is enough.
bool Runner::HoldGroup(Call& call, Stripes stripes,
                       FunctionRef<void(CallGroup&)> work) NO_THREAD_SAFETY_ANALYSIS {
  log::CommandLog& log = shared_.keyspace.log();
  std::size_t credit = 0;
  if (!TakeRoom(call, call.command().flags, log::CommandLog::kGroupCreditMax, &credit))
    return false;
  keyspace::KeyLocks locks(shared_.keyspace);
  const bool locked = TakeGroupStripes(call, stripes, locks);
  if (locked) {
    std::vector<log::Effect> effects;
    CallGroup group{.held = locks,
                    .effects = log.active() ? &effects : nullptr,
                    .lacks_memory = call.lacks_memory()};
    work(group);
    EndGroup(group);
    locks.Release();
    locks.LeaveTurn();
    if (serving_.busy()) serving_.Finish();
  }
  if (credit > 0) {
    log.ReturnCredit(credit);
    call.session().set_last_write(log.end());
  }
  return locked;
}

void Runner::RunForScript(Session& session, const Prepared& prepared, const keyspace::KeyRef* keys,
                          CallGroup& group, resp::Writer& reply, bool has_written) {
  const std::uint64_t outer_begin_cycles = begin_cycles_;
  const UnixMs now_ms = session.viewer().now_ms();
  Call call(*this, session, prepared, keys, reply);
  call.in_script_ = true;
  call.script_has_written_ = has_written;
  if (Guarded(call.command(), session)) {
    for (Gate* gate : shared_.gates) {
      if (!gate->AdmitInScript(call)) return RejectForScript(prepared.command, reply);
    }
  }
  begin_cycles_ = CycleNow();
  RunInGroup(call, group);
  runs_script_ = true;
  Account(session, prepared, reply, 0);
  runs_script_ = false;
  begin_cycles_ = outer_begin_cycles;
  session.set_now_ms(now_ms);  // one moment for all of the script
}

void Runner::RejectForScript(const CommandTable::Command* command, const resp::Writer& reply) {
  if (command != nullptr) stats_.at(command->index).rejected.Add(1);
  CountError(reply);
}

}  // namespace cairn::command
