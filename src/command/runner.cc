// SPDX-License-Identifier: BSD-3-Clause
// A command's way from arguments to reply.
//
// Timing takes one read of the cycle counter before and one after each command (about 14 ns
// together); the wall clock is read once a batch and again only if the batch has lasted
// kClockAgeCyclesUs, so that a slow command does not freeze time for those behind it.
#include "command/runner.h"

#include <string>

#include "command/errors.h"
#include "command/key_finder.h"

namespace cairn::command {
namespace {

constexpr double kClockAgeMaxUs = 500;
constexpr std::size_t kKeysKeptMax = 16 * 1024;
constexpr std::int64_t kLogWaitUs = 10'000;
// Beyond a command's own arguments and a DEL of its expired keys: what its effect may add (a
// rewritten TTL).
constexpr std::size_t kEffectSlackBytes = 1024;

}  // namespace

keyspace::Keyspace& Call::keyspace() { return runner_.keyspace(); }
const CommandTable& Call::table() { return runner_.table(); }
UnixMs Call::now_ms() const { return runner_.now_ms(); }

keyspace::Txn::Context Call::txn_context() {
  return {.db = session_.db(),
          .now_ms = now_ms(),
          .random = &session_.random(),
          .touch = session_.touches_keys()};
}

Runner::Runner(Shared& shared, std::uint64_t seed)
    : shared_(shared),
      stats_(shared.table.size()),
      evictor_(shared.keyspace, seed),
      ns_per_cycle_(1000.0 / shared.cycles_per_us) {}

void Runner::BeginBatch() {
  prepared_count_ = 0;
  keys_.clear();
  // One MGET of a million keys must not hold its memory for good.
  if (keys_.capacity() > kKeysKeptMax) [[unlikely]]
    std::vector<keyspace::KeyRef>().swap(keys_);
  now_ms_ = shared_.keyspace.clock().NowUnixMs();
  now_cycles_ = CycleNow();
}

const CommandTable::Command* Runner::Resolve(std::span<const std::string_view> args) const {
  const CommandTable::Command* command = shared_.table.Find(args[0]);
  if (command == nullptr || command->spec->row.subcommands.empty() || args.size() < 2)
    return command;
  const CommandTable::Command* subcommand = shared_.table.FindSubcommand(*command, args[1]);
  return subcommand;
}

void Runner::Prepare(const Session& session, std::span<const std::string_view> args) {
  DCHECK(prepared_count_ < kBatchMax);
  Prepared& prepared = prepared_[prepared_count_++];
  prepared.command = Resolve(args);
  prepared.args = args;
  prepared.first_key = static_cast<std::uint32_t>(keys_.size());
  if (prepared.command != nullptr) FindKeys(*prepared.command, args);
  prepared.key_count = static_cast<std::uint32_t>(keys_.size()) - prepared.first_key;
  for (std::size_t i = prepared.first_key; i < keys_.size(); ++i) {
    shared_.keyspace.PrefetchBucket(session.db(), keys_[i]);
  }
}

void Runner::FindKeys(const CommandTable::Command& command,
                      std::span<const std::string_view> args) {
  const KeyRange range = command.spec->keys;
  if (range.step == 0 && !command.spec->movable) return;
  if (range.first == 1 && range.last == 1 && !command.spec->movable) [[likely]] {
    if (args.size() > 1) keys_.push_back(shared_.keyspace.Ref(args[1]));
    return;
  }
  key_positions_.clear();
  if (!command::FindKeys(*command.spec, args, key_positions_)) return;
  for (const std::uint32_t position : key_positions_)
    keys_.push_back(shared_.keyspace.Ref(args[position]));
}

void Runner::PrefetchEntries(const Session& session) {
  for (const keyspace::KeyRef& key : keys_) shared_.keyspace.PrefetchEntry(session.db(), key);
}

void Runner::Run(Session& session, std::span<const std::string_view> args, resp::Writer& reply) {
  BeginBatch();
  Prepare(session, args);
  Execute(session, 0, reply);
}

void Runner::AnswerUnknown(std::span<const std::string_view> args, resp::Writer& reply) {
  const CommandTable::Command* container = shared_.table.Find(args[0]);
  reply.Error(container != nullptr ? errors::UnknownSubcommand(args[1], container->spec->name)
                                   : errors::UnknownCommand(args));
  CountError(reply);
}

void Runner::Execute(Session& session, std::size_t i, resp::Writer& reply) {
  const Prepared& prepared = prepared_[i];
  if (prepared.command == nullptr) return AnswerUnknown(prepared.args, reply);
  Call call(*this, session, *prepared.command, prepared.args,
            std::span(keys_).subspan(prepared.first_key, prepared.key_count), reply);
  const std::uint32_t errors_before = reply.error_count();
  if (!Admit(call)) {
    stats_.at(call.command().index).rejected.Add(1);
    CountError(reply);
    return;
  }
  const std::uint64_t begin_cycles = CycleNow();
  RunLocked(call);
  Account(call, begin_cycles, errors_before);
}

bool Runner::Admit(Call& call) {
  const int arity = call.command().spec->arity;
  const auto argc = static_cast<int>(call.argc());
  if (call.command().spec->row.run == nullptr || (arity > 0 && argc != arity) || argc < -arity) {
    call.reply().Error(errors::WrongArity(call.command().full_name));
    return false;
  }
  for (Gate* gate : shared_.gates) {
    if (!gate->Admit(call)) return false;
  }
  if (call.session().subscribed() && shared_.subscribed_gate != nullptr) [[unlikely]]
    return shared_.subscribed_gate->Admit(call);
  return true;
}

// Room in the log is taken before any lock; then the stripes of all keys, together; then the
// command runs.
void Runner::RunLocked(Call& call) {
  log::CommandLog& log = shared_.keyspace.log();
  std::size_t credit = 0;
  if (log.active()) [[unlikely]] {
    credit = 2 * log::CommandLog::RecordBytes(call.args()) + kEffectSlackBytes;
    while (!log.TakeCredit(credit)) log.WaitForRoom(kLogWaitUs);
  }
  const std::uint32_t flags = call.command().spec->row.flags;
  if ((flags & kOwnLocks) != 0 || (call.key_count() == 0 && (flags & kAllStripes) == 0)) {
    call.command().spec->row.run(call);
  } else {
    keyspace::KeyLocks locks(shared_.keyspace);
    if ((flags & kAllStripes) != 0) {
      locks.AcquireAll();
    } else {
      locks.Acquire(call.keys_);
    }
    RunWithTxn(call, locks);
    locks.Release();
  }
  if (credit > 0) log.ReturnCredit(credit);
}

void Runner::RunWithTxn(Call& call, const keyspace::KeyLocks& held) {
  keyspace::Txn txn(shared_.keyspace, held, call.txn_context());
  call.txn_ = &txn;
  call.command().spec->row.run(call);
  call.txn_ = nullptr;
  if (txn.changes() > 0) stats_.changes.Add(txn.changes());
}

void Runner::CountError(const resp::Writer& reply) {
  stats_.total_errors.Add(1);
  shared_.errors.Count(reply.last_error_code());
}

void Runner::Account(Call& call, std::uint64_t begin_cycles, std::uint32_t errors_before) {
  const std::uint64_t end_cycles = CycleNow();
  const auto ns =
      static_cast<std::uint64_t>(static_cast<double>(end_cycles - begin_cycles) * ns_per_cycle_);
  stats_.total_calls.Add(1);
  stats_.Record(call.command().index, ns, shared_.track_latency.load(std::memory_order_relaxed));
  if (call.reply().error_count() != errors_before) [[unlikely]] {
    stats_.at(call.command().index).failed.Add(1);
    CountError(call.reply());
  }
  const std::int64_t threshold_us = shared_.slow_threshold_us.load(std::memory_order_relaxed);
  if (threshold_us >= 0 && ns / 1000 >= static_cast<std::uint64_t>(threshold_us)) [[unlikely]] {
    if (shared_.slow_observer != nullptr) shared_.slow_observer->OnSlow(call, ns / 1000);
  }
  if (static_cast<double>(end_cycles - now_cycles_) > kClockAgeMaxUs * shared_.cycles_per_us)
      [[unlikely]] {
    now_ms_ = shared_.keyspace.clock().NowUnixMs();
    now_cycles_ = end_cycles;
  }
}

}  // namespace cairn::command
