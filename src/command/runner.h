// SPDX-License-Identifier: BSD-3-Clause
// Runner: takes requests to replies, on one thread.
//
//     request -> Prepare: look up the command, find and hash its keys
//             -> Begin: (for the whole batch) prefetch buckets and entries of all keys, read clocks
//             -> Execute: arity, gates, stripe locks, the command's function, unlock, statistics
//
// Commands that wait in a client's input buffer are prepared together and executed in order, so
// that the cache misses of one overlap the work of those before it (45 instead of 410 ns a lookup
// on 4 M keys).
//
// One Runner belongs to one thread; what it shares with the others (keyspace, table, gates) is in
// Shared and is thread-safe or constant.
#ifndef CAIRN_COMMAND_RUNNER_H_
#define CAIRN_COMMAND_RUNNER_H_

#include <atomic>
#include <functional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "command/auditor.h"
#include "command/call.h"
#include "command/extension.h"
#include "command/gate.h"
#include "command/key_sampler.h"
#include "command/lane.h"
#include "command/peers.h"
#include "command/serving.h"
#include "command/stats.h"
#include "command/transaction.h"
#include "keyspace/evictor.h"
#include "keyspace/keyspace.h"
#include "resp/writer.h"

namespace cairn::command {

// Told of every command that took longer than its threshold, on the thread that ran it.
// Thread-safe.
class SlowObserver {
 public:
  virtual ~SlowObserver() = default;
  virtual void OnSlow(Call& call, std::uint64_t duration_us) = 0;
};

// Shown every command that ran, before its locks go: MONITOR. Thread-safe; must not wait.
class CommandObserver {
 public:
  virtual ~CommandObserver() = default;
  virtual void OnCommand(Call& call) = 0;
};

// Told when all databases have been emptied by a client (FLUSHALL), with every stripe locked; must
// not wait. True if it sees to the reply.
class FlushObserver {
 public:
  virtual ~FlushObserver() = default;
  virtual bool OnFlushAll(Call& call) = 0;
};

// What all runners of an engine have in common.
struct Shared {
  keyspace::Keyspace& keyspace;
  const CommandTable& table;
  std::vector<Gate*> gates;  // in the order in which they are asked; constant once runners exist
  // How many reasons there are for asking the gates about every command (see gate.h).
  std::atomic<int> guards{0};
  SlowObserver* slow_observer = nullptr;
  FlushObserver* flush_observer = nullptr;
  DenialObserver* denial_observer = nullptr;
  Auditor* auditor = nullptr;  // constant once anything runs
  // Null while nobody looks. Who sets it adds a guard, too, so that no command takes a short cut.
  std::atomic<CommandObserver*> observer{nullptr};
  double cycles_per_us = 1000;
  // Commands that take at least so long are shown to the observer; UINT64_MAX: none.
  std::atomic<std::uint64_t> slow_threshold_ns{UINT64_MAX};
  std::atomic<bool> track_latency{true};
  ErrorStats errors = {};
  KeyStatistics key_statistics = {};
  // Null where nothing is run elsewhere. Set before there are Runners.
  Lane* lane = nullptr;
  // Null where other servers are spoken to without TLS. Constant once anything runs.
  Peers* peers = nullptr;
  // Scripting's, or null where there are no scripts.
  std::unique_ptr<Extension> scripts = nullptr;
};

class Runner {
 public:
  static constexpr std::size_t kBatchMax = 32;

  Runner(Shared& shared, std::uint64_t seed);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Forgets the last batch. Requests' arguments must stay until theirs has been executed.
  void Reset();
  // REQUIRES: fewer than kBatchMax prepared since Reset.
  void Prepare(std::span<const std::string_view> args);
  // The same for a request of at least Call::kLargeBytes, which is to go to the lane before its
  // keys are found, if it may.
  void PrepareLarge(std::span<const std::string_view> args);
  // The same for a request with the same name as the one before it. REQUIRES: there is one.
  void PrepareAgain(std::span<const std::string_view> args);
  // All of the batch is prepared: its keys are prefetched, the clocks read.
  void Begin(Session& session);
  std::size_t prepared_count() const { return prepared_count_; }
  const Prepared& prepared(std::size_t i) const { return prepared_[i]; }
  // For who asks now_ms() without a batch: between passes.
  void ReadClock();
  // A run of reads: requests for one command that only reads its key (Row::read), one after the
  // other. They share lookup, checks, clocks and statistics, which are those of their mean. After
  // Reset: AddRead for each, at most kReadRunMax, then RunReads, which replies to all.
  static constexpr std::size_t kReadRunMax = 64;
  bool MayRunReads(const CommandTable::Command& command, const Session& session) const;
  void AddRead(std::string_view key) { shared_.keyspace.AppendRef(key, keys_); }
  // `name`: as the client wrote it.
  // Returns how many it has replied to: fewer if one was delayed.
  std::size_t RunReads(Session& session, const CommandTable::Command& command,
                       std::string_view name, resp::Writer& reply);
  // The key that AddRead was given as the n-th.
  std::string_view read_key(std::size_t n) const { return keys_[n].name; }
  // Runs the i-th prepared call and writes its reply.
  void Execute(Session& session, std::size_t i, resp::Writer& reply);
  // The three in one, for a single request.
  void Run(Session& session, std::span<const std::string_view> args, resp::Writer& reply);

  // Runs a parked command again; false if it has to wait on. What it makes ready is appended to
  // `ready`. REQUIRES: the stripes of its keys.
  bool RunAgain(Parked& parked, const keyspace::KeyLocks& held,
                std::vector<keyspace::ReadyKey>& ready) REQUIRES(held);
  // Runs what a handler has deferred, on a thread of the lane, which has entered its stripes.
  void RunDeferred(Parked& parked);
  // EXEC: ends the session's MULTI and runs what it has queued. REQUIRES: it is queueing.
  void RunTransaction(Call& exec);
  // Call::Hold; no keys: all stripes.
  void HoldFor(Call& call, std::span<const keyspace::KeyRef> keys, FunctionRef<void()> work);
  // Locks the stripes of the call's keys, or all, and calls `work` with them as a group; then its
  // effects are appended, who waits for them is served, and the stripes go. False, and nothing was
  // done, if the call is delayed. kAndMore: `work` is going to extend the hold. REQUIRES:
  // call.group() is null.
  enum class Stripes : std::uint8_t { kOfItsKeys, kOfItsKeysAndMore, kAll };
  bool HoldGroup(Call& call, Stripes stripes, FunctionRef<void(CallGroup&)> work);
  // Runs a call within the group: EXEC's, or the scripts'.
  void RunInGroup(Call& call, CallGroup& group);
  // Names the call, a change of what is not in the keyspace, as its effect.
  void LogInGroup(Call& call, CallGroup& group);
  // A command that a script calls: asks the gates that are about it, runs it, and counts it.
  // REQUIRES: its arity fits, the group holds its stripes.
  void RunForScript(Session& session, const Prepared& prepared, const keyspace::KeyRef* keys,
                    CallGroup& group, resp::Writer& reply, bool has_written);
  // A command that a script may not call; null: there is no such command.
  void RejectForScript(const CommandTable::Command* command, const resp::Writer& reply);
  // What a parked command has come to, elsewhere than by being run: an error.
  void CountFailure(const Parked& parked, const resp::Writer& reply);
  // The error that the running command is going to reply has been counted already.
  void NoteErrorIsCounted() { error_is_counted_ = true; }
  // What scripting keeps here: interpreters.
  std::unique_ptr<Extension>& scripts() { return scripts_; }
  // Called from within a script that runs for long: the thread serves others meanwhile. Before any
  // command runs; not called while it runs.
  void SetServeOthers(std::function<void(Session&)> serve_others) {
    serve_others_ = std::move(serve_others);
  }
  void ServeOthers(Session& session) {
    if (serve_others_) serve_others_(session);
  }
  Serving& serving() { return serving_; }

  keyspace::Keyspace& keyspace() { return shared_.keyspace; }
  const CommandTable& table() const { return shared_.table; }
  Shared& shared() { return shared_; }
  CommandStats& stats() { return stats_; }
  KeySampler& key_sampler() { return key_sampler_; }
  keyspace::Evictor& evictor() { return evictor_; }
  UnixMs now_ms() const { return now_ms_; }

 private:
  friend class Call;

  void AddPrepared(const CommandTable::Command* command, std::span<const std::string_view> args);
  void FindKeysBySpec(const CommandTable::Command& command, std::span<const std::string_view> args);
  void AppendKeys(const CommandTable::Command& command, std::span<const std::string_view> args);
  void ExecuteHeavy(Call& call, const Prepared& prepared, std::uint32_t errors_before);
  void Warm();
  void SampleKeys(const Session& session);
  bool Guarded(const CommandTable::Command& command, const Session& session) const;
  bool TryRead(Session& session, const Prepared& prepared, resp::Writer& reply);
  bool ReadDue(Session& session, const CommandTable::Command& command, std::string_view name,
               const keyspace::KeyRef& key, resp::Writer& reply);
  void AccountRun(Session& session, const CommandTable::Command& command, std::size_t count,
                  std::uint32_t errors, resp::Writer& reply);
  std::uint64_t NsOf(std::uint64_t cycles) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(static_cast<Wide>(cycles) * ns_per_cycle_ >> 32);
  }
  void ExecuteAny(Session& session, const Prepared& prepared, resp::Writer& reply);
  void ExecuteLarge(Session& session, const Prepared& prepared, resp::Writer& reply);
  template <bool kIsLarge>
  void ExecuteAs(Session& session, const Prepared& prepared, resp::Writer& reply);
  bool Admit(Call& call);
  bool AskGates(Call& call);
  void Reject(Call& call);
  bool RunLocked(Call& call);
  bool TakeStripes(Call& call, keyspace::KeyLocks& locks) TRY_ACQUIRE(true, locks);
  bool TakeStripesSlowly(Call& call, keyspace::KeyLocks& locks) TRY_ACQUIRE(true, locks);
  bool TryAcquireInTurn(Call& call, keyspace::KeyLocks& locks) TRY_ACQUIRE(true, locks);
  bool IsPending(Call& call) const;
  bool RunWithoutStripes(Call& call);
  using UnderLocks = FunctionRef<void(keyspace::KeyLocks&)>;
  void EnterAndHold(const keyspace::StripeSet& stripes, std::uint32_t flags, UnderLocks work);
  void HoldLong(const keyspace::StripeSet& stripes, UnderLocks work);
  void RunHeld(Call& call);
  bool HandOver(Call& call, std::size_t credit);
  bool TakeRoom(Call& call, std::uint32_t flags, std::size_t wanted, std::size_t* credit);
  void EndCredit(Call& call, std::size_t credit);
  void RunWithTxn(Call& call, const keyspace::KeyLocks& held) REQUIRES(held);
  void RunOrDefer(Call& call);
  void AcquireInTurn(Call& call, keyspace::KeyLocks& locks) ACQUIRE(locks);
  void Observe(Call& call);
  void RememberReads(Call& call, std::span<const keyspace::KeyRef> keys);
  bool RejectServed(Parked& parked, const Prepared& prepared, resp::Writer& reply);
  bool RejectQueued(Session& session, const Queued& queued, resp::Writer& reply);
  void CountError(const resp::Writer& reply);
  void CountFailure(const Prepared& prepared, const resp::Writer& reply);
  void Account(Session& session, const Prepared& prepared, resp::Writer& reply,
               std::uint32_t errors_before);
  void ReportSlow(Session& session, const Prepared& prepared, resp::Writer& reply,
                  std::uint64_t ns);
  void RefreshClock(Session& session);
  void AnswerUnknown(Session& session, std::span<const std::string_view> args, resp::Writer& reply);
  // Transactions (run_transaction.cc).
  void Queue(Call& call);
  void SpoilTransaction(Call& call);
  void RunTransactionLocked(Call& exec);
  void RunTransactionUnder(Call& exec, keyspace::KeyLocks& held) REQUIRES(held);
  void RunQueue(Call& exec, Transaction& transaction, keyspace::KeyLocks& held) REQUIRES(held);
  void RunQueued(Call& exec, Queued& queued, CallGroup& group, resp::Writer& reply);
  void RunQueuedPlain(Call& exec, Queued& queued, CallGroup& group, resp::Writer& reply);
  // Groups (run_group.cc).
  void RunWithGroupTxn(Call& call, CallGroup& group) REQUIRES(group.held);
  bool TakeGroupStripes(Call& call, Stripes stripes, keyspace::KeyLocks& locks)
      TRY_ACQUIRE(true, locks);
  // REQUIRES: group.held is held.
  void EndGroup(CallGroup& group);

  Shared& shared_;
  CommandStats stats_;
  KeySampler key_sampler_;
  keyspace::Evictor evictor_;
  Serving serving_;
  const std::uint64_t ns_per_cycle_;      // in 2^-32 nanoseconds
  const std::uint64_t clock_cycles_max_;  // now_ms_ is read again when it is older
  std::size_t prepared_count_ = 0;
  std::size_t warm_count_ = 0;  // of them, those that Warm is for
  std::array<Prepared, kBatchMax> prepared_;
  std::uint32_t large_ = 0;  // bits of those that PrepareLarge was for
  std::vector<keyspace::KeyRef> keys_;
  std::vector<std::uint32_t> key_positions_;
  UnixMs now_ms_ = 0;
  std::uint64_t now_cycles_ = 0;    // when now_ms_ was read
  std::uint64_t begin_cycles_ = 0;  // of the command that runs: the end of the one before it
  bool runs_script_ = false;        // it is a script's command that is being accounted for
  bool error_is_counted_ = false;
  std::unique_ptr<Extension> scripts_;
  std::function<void(Session&)> serve_others_;
  // Of a call whose fate is not to run here.
  std::shared_ptr<Parked> deferred_;
  keyspace::StripeSet delay_;
};

// ---- What every request goes through, inline ---------------------------------------------------

inline void Runner::Prepare(std::span<const std::string_view> args) {
  AddPrepared(shared_.table.Resolve(args), args);
}

inline void Runner::PrepareAgain(std::span<const std::string_view> args) {
  const CommandTable::Command* command = prepared_[prepared_count_ - 1].command;
  const bool same = command != nullptr && command->spec->container.empty();
  AddPrepared(same ? command : shared_.table.Resolve(args), args);
}

inline void Runner::AddPrepared(const CommandTable::Command* command,
                                std::span<const std::string_view> args) {
  DCHECK(prepared_count_ < kBatchMax);
  const std::size_t first_key = keys_.size();
  std::size_t key_count = 0;
  if (command != nullptr) {
    if (command->key_plan == CommandTable::KeyPlan::kFirstArgument) [[likely]] {
      if (args.size() > 1) {
        shared_.keyspace.AppendRef(args[1], keys_);
        key_count = 1;
      }
    } else if (command->key_plan == CommandTable::KeyPlan::kBySpec) {
      FindKeysBySpec(*command, args);
      key_count = keys_.size() - first_key;
    }
  }
  Prepared& prepared = prepared_[prepared_count_++];
  prepared.command = command;
  prepared.args = args;
  prepared.first_key = static_cast<std::uint32_t>(first_key);
  prepared.key_count = static_cast<std::uint32_t>(key_count);
  warm_count_ += command != nullptr && command->warm != nullptr ? 1 : 0;
}

inline bool Runner::Guarded(const CommandTable::Command& command, const Session& session) const {
  return (command.flags & kProtected) != 0 || session.guarded() ||
         shared_.guards.load(std::memory_order_relaxed) != 0;
}

[[gnu::always_inline]] inline void Runner::Execute(Session& session, std::size_t i,
                                                   resp::Writer& reply) {
  const Prepared& prepared = prepared_[i];
  if (prepared.command == nullptr) [[unlikely]]
    return AnswerUnknown(session, prepared.args, reply);
  // Of a large one no key is known.
  if ((large_ >> i & 1) != 0) [[unlikely]]
    return ExecuteLarge(session, prepared, reply);
  if (!TryRead(session, prepared, reply)) ExecuteAny(session, prepared, reply);
}

// False, and nothing done, if there may be more to do than to reply from an entry.
[[gnu::always_inline]] inline bool Runner::TryRead(Session& session, const Prepared& prepared,
                                                   resp::Writer& reply) {
  const CommandTable::Command& command = *prepared.command;
  if (command.read == nullptr || static_cast<std::int32_t>(prepared.args.size()) != command.arity ||
      Guarded(command, session)) {
    return false;
  }
  const std::uint32_t errors_before = reply.error_count();
  {
    const keyspace::Reading reading(shared_.keyspace, keys_[prepared.first_key], session.viewer());
    if (!reading.ready()) [[unlikely]]
      return false;
    command.read(reading.entry(), reply);
  }
  Account(session, prepared, reply, errors_before);
  return true;
}

inline void Runner::Account(Session& session, const Prepared& prepared, resp::Writer& reply,
                            std::uint32_t errors_before) {
  const std::uint64_t end_cycles = CycleNow();
  const std::uint64_t ns = NsOf(end_cycles - begin_cycles_);
  begin_cycles_ = end_cycles;
  stats_.Record(prepared.command->index, ns, shared_.track_latency.load(std::memory_order_relaxed));
  if (reply.error_count() != errors_before) [[unlikely]]
    CountFailure(prepared, reply);
  if (ns >= shared_.slow_threshold_ns.load(std::memory_order_relaxed)) [[unlikely]]
    ReportSlow(session, prepared, reply, ns);
  if (end_cycles - now_cycles_ > clock_cycles_max_) [[unlikely]]
    RefreshClock(session);
}

[[gnu::always_inline]] inline void Runner::Observe(Call& call) {
  // acquire: the observer is whole before its pointer is seen.
  CommandObserver* observer = shared_.observer.load(std::memory_order_acquire);
  if (observer == nullptr) [[likely]]
    return;
  if (call.fate_ == Call::Fate::kRuns && (call.command().flags & kSkipMonitor) == 0)
    observer->OnCommand(call);
}

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_RUNNER_H_
