// SPDX-License-Identifier: BSD-3-Clause
// A command's way from arguments to reply.
//
// Timing takes one read of the cycle counter a command (about 7 ns): where one ends the next one of
// its batch begins. The wall clock is read once a batch and again only if the batch has lasted
// kClockAgeMaxUs, so that a slow command does not freeze time for those behind it.
#include "command/runner.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/thread.h"
#include "command/errors.h"
#include "command/key_finder.h"
#include "resp/bulks.h"

namespace cairn::command {
namespace {

constexpr double kClockAgeMaxUs = 500;
constexpr std::size_t kKeysKeptMax = 16 * 1024;
constexpr std::size_t kPrefetchKeysMax = 512;
constexpr std::uint64_t kRunThresholdNs = 1'000'000;
constexpr std::int64_t kLogWaitUs = 10'000;
constexpr int kYieldsMax = 1000;

keyspace::StripeSet AllStripes(const keyspace::Keyspace& keyspace) {
  keyspace::StripeSet all;
  for (std::size_t i = 0; i < keyspace.stripe_count(); ++i) all.set(i);
  return all;
}

// Beyond a command's own arguments and a DEL of its expired keys: what its effect may add (a
// rewritten TTL).
constexpr std::size_t kEffectSlackBytes = 1024;

std::size_t CreditFor(std::span<const std::string_view> args) {
  return 2 * log::CommandLog::RecordBytes(args) + kEffectSlackBytes;
}

}  // namespace

keyspace::Keyspace& Call::keyspace() { return runner_.keyspace(); }
const CommandTable& Call::table() { return runner_.table(); }

void Call::Refuse(std::string_view text) {
  if (!is_exec()) return Error(text);
  if (text.starts_with("ERR ")) text.remove_prefix(4);
  Error("EXECABORT Transaction discarded because of: " + std::string(text));
}

std::uint32_t Call::flags() {
  const auto flags_of = command().spec->row.flags_of;
  return flags_of == nullptr ? command().flags : flags_of(*this);
}

bool Call::NeedsMemory() {
  if ((flags() & kDenyOom) != 0) return true;
  if (!session_.queueing()) return false;
  if ((command().flags & kNeverQueued) == 0) return true;
  return is_exec() && (session_.transaction()->flags() & kDenyOom) != 0;
}

bool Call::MayWrite() {
  if ((flags() & kWrite) != 0) return true;
  return is_exec() && session_.queueing() && (session_.transaction()->flags() & kWrite) != 0;
}

void Call::Block(keyspace::Type type, std::int64_t timeout_ms, TimeoutReply reply,
                 std::vector<std::string> rewritten_args, WaitsAt waits_at) {
  if (parked_ != nullptr) {
    blocked_ = true;
    if (parked_->is_deferred()) fate_ = Fate::kDelayed;
    return;
  }
  if (!may_block_ || !session_.may_block()) return WriteTimeoutReply(reply_, reply);
  if (reply == TimeoutReply::kNullAtOnce) reply = TimeoutReply::kNullArray;
  const std::vector<std::string_view> rewritten(rewritten_args.begin(), rewritten_args.end());
  const auto parked = std::make_shared<Parked>(
      command(),
      OwnedArgs(rewritten.empty() ? args() : std::span<const std::string_view>(rewritten)),
      std::span(keys_, key_count()), session_, reply);
  parked->type = type;
  parked->set_waits_at(waits_at);
  // Of the commands that wait for streams, the one that writes is XREADGROUP: its group goes with
  // the key. What is waited for at a string is that it goes: a lock, or a value that is loaded.
  parked->wakes_on_loss = type == keyspace::Type::kString ||
                          (type == keyspace::Type::kStream && (command().flags & kWrite) != 0);
  if (txn_ != nullptr) Link(keyspace(), parked);
  session_.OnParked(parked, timeout_ms);
}

// To the session it is as if the lane ran it.
std::shared_ptr<Parked> Call::AnswerLater() {
  if (parked_ != nullptr || !may_block_ || !session_.may_block()) return nullptr;
  auto parked =
      std::make_shared<Parked>(command(), OwnedArgs(args()), std::span<const keyspace::KeyRef>(),
                               session_, TimeoutReply::kNull);
  parked->set_is_deferred();
  session_.OnParked(parked, 0);
  return parked;
}

// A call that is run again, or is part of a transaction, stays where it is.
bool Call::may_wait() const {
  return parked_ == nullptr && may_block_ && session_.may_block() &&
         runner_.shared().lane != nullptr;
}

bool Call::DeferSlow() {
  if (!MoveToLane()) return false;
  runner_.deferred_->session().BeginAgain();
  return true;
}

// What is about the client itself, or may make it wait, stays with it.
bool Call::MayGoUnseen(const CommandTable::Command& command) {
  constexpr std::uint32_t kStays = kNoScript | kBlocking;
  const bool stays = (command.flags & kStays) != 0 && command.run_heavy == nullptr;
  return !stays && command.key_plan != CommandTable::KeyPlan::kNone &&
         command.locking == CommandTable::Locking::kOfItsKeys;
}

bool Call::DeferUnseen() {
  if (!MayGoUnseen(command()) || session_.queueing() || !ReserveLane()) return false;
  runner_.deferred_ = std::make_shared<Parked>(command(), session_.TakeArgs(args()), session_);
  runner_.deferred_->set_is_deferred(lane_work());
  // What it watches goes along, and comes back with the answer: WATCH adds to it.
  if (session_.transaction() != nullptr)
    runner_.deferred_->session().AdoptTransaction(session_.TakeTransaction());
  return true;
}

bool Call::DeferTransaction() {
  if (!MoveToLane()) return false;
  runner_.deferred_->session().AdoptTransaction(session_.TakeTransaction());
  return true;
}

LaneWork Call::lane_work() const {
  const std::uint32_t flags = is_exec() ? session_.transaction()->flags() : command().flags;
  return (flags & kWaitsForPeers) != 0 ? LaneWork::kForPeers : LaneWork::kHeavy;
}

Blob* Call::TakeBlob(std::string_view bytes) {
  return owned_ != nullptr ? owned_->TakeBlob(bytes) : session_.TakeBlob(bytes);
}

Blob* Call::TakeBulksFrom(std::size_t n) {
  const std::string_view input = owned_ != nullptr ? owned_->input() : session_.input();
  const std::string_view bulks = resp::BulksWithin(input, args().subspan(n));
  return bulks.empty() ? nullptr : TakeBlob(bulks);
}

void Call::ReplyArgument(std::size_t n) {
  Blob* blob = arg(n).size() < OwnedArgs::kGivenBytesMin ? nullptr : TakeBlob(arg(n));
  if (blob == nullptr) return reply_.Bulk(arg(n));
  reply_.BulkBlob(blob);
  keyspace().trash().AddWhenSpare(blob);
  blob->Release();
}

bool Call::is_interrupted() const { return runner_.shared().lane->interrupts_peers(); }

void Call::RefreshNow() {
  if (parked_ != nullptr) session_.set_now_ms(keyspace().clock().NowUnixMs());
}

// The call is not run here.
bool Call::ReserveLane() {
  if (!may_wait() || !runner_.shared().lane->Reserve(lane_work())) return false;
  fate_ = Fate::kDeferred;
  return true;
}

bool Call::MoveToLane() {
  const bool all = command().locking == CommandTable::Locking::kAll;
  if ((all && command().run_heavy == nullptr) || !ReserveLane()) return false;
  runner_.deferred_ =
      std::make_shared<Parked>(command(), session_.TakeArgs(args()), std::span(keys_, key_count()),
                               session_, TimeoutReply::kNull);
  runner_.deferred_->set_is_deferred(lane_work());
  return true;
}

bool Call::Delay(const keyspace::StripeSet& stripes) {
  if (!may_wait()) return false;
  runner_.delay_ = stripes;
  // The lane knows nothing of what a script holds.
  fate_ = keyspace().has_marked_holds() ? Fate::kHeldUp : Fate::kDelayed;
  return true;
}

bool Call::DelayForRoom() {
  if (!may_wait()) return false;
  fate_ = Fate::kCrowded;
  return true;
}

void Call::Hold(std::span<const keyspace::KeyRef> keys, FunctionRef<void()> work) {
  runner_.HoldFor(*this, keys, work);
}

void Call::HoldAll(FunctionRef<void()> work) { runner_.HoldFor(*this, {}, work); }

Runner::Runner(Shared& shared, std::uint64_t seed)
    : shared_(shared),
      stats_(shared.table.size()),
      key_sampler_(shared.key_statistics, shared.keyspace, ~seed),
      evictor_(shared.keyspace, seed),
      serving_(*this),
      ns_per_cycle_(static_cast<std::uint64_t>(1000.0 / shared.cycles_per_us * 0x1p32)),
      clock_cycles_max_(static_cast<std::uint64_t>(kClockAgeMaxUs * shared.cycles_per_us)) {}

void Runner::Reset() {
  prepared_count_ = 0;
  warm_count_ = 0;
  large_ = 0;
  keys_.clear();
  // One MGET of a million keys must not hold its memory for good.
  if (keys_.capacity() > kKeysKeptMax) [[unlikely]]
    std::vector<keyspace::KeyRef>().swap(keys_);
}

void Runner::FindKeysBySpec(const CommandTable::Command& command,
                            std::span<const std::string_view> args) {
  // Of very many arguments they are found where the command is going to run.
  if (args.size() < Call::kHeavyArguments || !Call::MayGoUnseen(command)) AppendKeys(command, args);
}

void Runner::PrepareLarge(std::span<const std::string_view> args) {
  const CommandTable::Command* command = shared_.table.Resolve(args);
  large_ |= std::uint32_t{1} << prepared_count_;
  if (command == nullptr || !Call::MayGoUnseen(*command)) return AddPrepared(command, args);
  prepared_[prepared_count_++] = {.command = command, .args = args};
}

void Runner::AppendKeys(const CommandTable::Command& command,
                        std::span<const std::string_view> args) {
  key_positions_.clear();
  if (!command::FindKeys(*command.spec, args, key_positions_)) return;
  for (const std::uint32_t position : key_positions_)
    shared_.keyspace.AppendRef(args[position], keys_);
}

// Nothing overlaps where there is one key only. What a command of very many keys prefetched would
// be gone again before it is used.
void Runner::Begin(Session& session) {
  if (keys_.size() > 1) {
    const std::size_t count = std::min(keys_.size(), kPrefetchKeysMax);
    shared_.keyspace.Prefetch(session.db(), std::span(keys_).first(count));
    if (warm_count_ > 1) Warm();
  }
  ReadClock();
  session.set_now_ms(now_ms_);
  if (key_sampler_.Pass(keys_.size())) [[unlikely]]
    SampleKeys(session);
}

// The same for what lies within collections: HGETs of a hash with a million fields take 40 % less.
// It only looks; where a stripe is busy or an entry is not where it was seen, that is all. Calls of
// one stripe that follow each other, often of one key, share its lock.
void Runner::Warm() {
  const auto has_warm = [](const Prepared& prepared) {
    return prepared.command != nullptr && prepared.command->warm != nullptr &&
           prepared.key_count == 1;
  };
  const auto calls = std::span(prepared_).first(prepared_count_);
  for (const WarmStep step : {WarmStep::kBucket, WarmStep::kNode}) {
    for (auto at = std::ranges::find_if(calls, has_warm); at != calls.end();) {
      const StripeId stripe = keys_[at->first_key].stripe;
      const keyspace::Peeking peeking(shared_.keyspace, stripe);
      for (; at != calls.end() && has_warm(*at) && keys_[at->first_key].stripe == stripe; ++at) {
        const keyspace::Entry* entry = peeking.Find(keys_[at->first_key]);
        if (entry != nullptr) at->command->warm(*entry, at->args, step);
      }
      at = std::find_if(at, calls.end(), has_warm);
    }
  }
}

void Runner::ReadClock() {
  now_ms_ = shared_.keyspace.clock().NowUnixMs();
  now_cycles_ = begin_cycles_ = CycleNow();
}

void Runner::Run(Session& session, std::span<const std::string_view> args, resp::Writer& reply) {
  Reset();
  Prepare(args);
  Begin(session);
  Execute(session, 0, reply);
}

void Runner::AnswerUnknown(Session& session, std::span<const std::string_view> args,
                           resp::Writer& reply) {
  const CommandTable::Command* container = shared_.table.Find(args[0]);
  reply.Error(container != nullptr ? errors::UnknownSubcommand(args[1], args[0])
                                   : errors::UnknownCommand(args));
  if (session.queueing()) session.transaction()->Abort();
  CountError(reply);
}

// Not where somebody wants to know of commands so short that a run could hide one.
bool Runner::MayRunReads(const CommandTable::Command& command, const Session& session) const {
  return !Guarded(command, session) &&
         shared_.slow_threshold_ns.load(std::memory_order_relaxed) > kRunThresholdNs;
}

std::size_t Runner::RunReads(Session& session, const CommandTable::Command& command,
                             std::string_view name, resp::Writer& reply) {
  Begin(session);
  const auto read = command.read;
  keyspace::Keyspace& keyspace = shared_.keyspace;
  const keyspace::Viewer& viewer = session.viewer();
  const std::span<const keyspace::KeyRef> keys = keys_;
  std::uint32_t errors_before = reply.error_count();
  std::size_t due = 0;
  std::size_t done = 0;
  for (; done < keys.size(); ++done) {
    const keyspace::KeyRef& key = keys[done];
    {
      const keyspace::Reading reading(keyspace, key, viewer);
      if (reading.ready()) [[likely]] {
        read(reading.entry(), reply);
        continue;
      }
    }
    const std::uint32_t errors = reply.error_count();
    if (!ReadDue(session, command, name, key, reply)) break;
    ++due;
    errors_before += reply.error_count() - errors;
  }
  if (done > due)
    AccountRun(session, command, done - due, reply.error_count() - errors_before, reply);
  return done;
}

// What has expired is removed on the general way, which counts for itself; what lies in a stripe
// that is held for long is delayed there: false.
bool Runner::ReadDue(Session& session, const CommandTable::Command& command, std::string_view name,
                     const keyspace::KeyRef& key, resp::Writer& reply) {
  const std::string_view args[] = {name, key.name};
  const Prepared prepared = {.command = &command, .args = args, .first_key = 0, .key_count = 1};
  const std::uint64_t begin_cycles = begin_cycles_;
  Call call(*this, session, prepared, &key, reply);
  const std::uint32_t errors_before = reply.error_count();
  const bool ran = RunLocked(call);
  if (ran) Account(session, prepared, reply, errors_before);
  begin_cycles_ = begin_cycles;
  return ran;
}

void Runner::AccountRun(Session& session, const CommandTable::Command& command, std::size_t count,
                        std::uint32_t errors, resp::Writer& reply) {
  const std::uint64_t end_cycles = CycleNow();
  const std::uint64_t ns = NsOf(end_cycles - begin_cycles_);
  begin_cycles_ = end_cycles;
  stats_.RecordRun(command.index, count, ns, shared_.track_latency.load(std::memory_order_relaxed));
  stats_.at(command.index).failed.Add(errors);
  for (; errors > 0; --errors) CountError(reply);
  if (ns >= shared_.slow_threshold_ns.load(std::memory_order_relaxed)) [[unlikely]] {
    const std::string_view args[] = {command.spec->name, keys_[count - 1].name};
    const Prepared last = {.command = &command, .args = args, .first_key = 0, .key_count = 0};
    ReportSlow(session, last, reply, ns);
  }
}

void Runner::ExecuteAny(Session& session, const Prepared& prepared, resp::Writer& reply) {
  ExecuteAs<false>(session, prepared, reply);
}

void Runner::ExecuteLarge(Session& session, const Prepared& prepared, resp::Writer& reply) {
  ExecuteAs<true>(session, prepared, reply);
}

template <bool kIsLarge>
void Runner::ExecuteAs(Session& session, const Prepared& prepared, resp::Writer& reply) {
  Call call(*this, session, prepared, keys_.data() + prepared.first_key, reply);
  const std::uint32_t errors_before = reply.error_count();
  if (!Admit(call)) [[unlikely]]
    return Reject(call);
  if (session.queueing() && (prepared.command->flags & kNeverQueued) == 0) [[unlikely]]
    return Queue(call);
  if (kIsLarge || call.HasHeavyArguments()) [[unlikely]]
    return ExecuteHeavy(call, prepared, errors_before);
  if (RunLocked(call)) [[likely]]
    Account(session, prepared, reply, errors_before);
}

void Runner::ExecuteHeavy(Call& call, const Prepared& prepared, std::uint32_t errors_before) {
  if (call.DeferUnseen()) {
    HandOver(call, 0);
    return;
  }
  Prepared seen = prepared;
  if (prepared.key_count == 0 && call.command().key_plan != CommandTable::KeyPlan::kNone) {
    seen.first_key = static_cast<std::uint32_t>(keys_.size());
    AppendKeys(call.command(), prepared.args);
    seen.key_count = static_cast<std::uint32_t>(keys_.size() - seen.first_key);
  }
  Call here(*this, call.session(), seen, keys_.data() + seen.first_key, call.reply());
  if (RunLocked(here)) Account(call.session(), seen, call.reply(), errors_before);
}

// Within MULTI a refusal spoils the transaction; a refused EXEC ends it.
void Runner::Reject(Call& call) {
  if (call.session().queueing()) [[unlikely]]
    SpoilTransaction(call);
  stats_.at(call.command().index).rejected.Add(1);
  CountError(call.reply());
}

[[gnu::always_inline]] inline bool Runner::Admit(Call& call) {
  const CommandTable::Command& command = call.command();
  if (!command.TakesCount(call.argc()) || command.run == nullptr) [[unlikely]] {
    call.Refuse(errors::WrongArity(command.full_name));
    return false;
  }
  return !Guarded(command, call.session()) || AskGates(call);
}

// What the gates did (eviction) is not the command's time. What no transaction may hold is no
// question of rights: ACL LOG shows nothing of it.
bool Runner::AskGates(Call& call) {
  if (call.session().queueing() && (call.command().flags & kNoMulti) != 0) {
    call.Error("ERR Command not allowed inside a transaction");
    return false;
  }
  for (Gate* gate : shared_.gates) {
    if (!gate->Admit(call)) return false;
  }
  begin_cycles_ = CycleNow();
  return true;
}

// Room for what the call may write: `wanted` bytes in the log, if anybody reads it, and, for a
// write, in what a cut has handed out. False if there is none and the call is delayed, so that its
// worker goes on with other clients; who cannot be, waits here. What takes whole tables away hands
// nothing out (keyspace/cut.h). No stripe is locked.
bool Runner::TakeRoom(Call& call, std::uint32_t flags, std::size_t wanted, std::size_t* credit) {
  const bool hands_out = (flags & (kWrite | kRunsScript)) != 0 && (flags & kAllStripes) == 0;
  if (hands_out && shared_.keyspace.cut_backlog().is_full()) {
    if (call.DelayForRoom()) return false;
    shared_.keyspace.cut_backlog().WaitForRoom();
  }
  log::CommandLog& log = shared_.keyspace.log();
  if (!log.active()) return true;
  using For = log::CommandLog::For;
  constexpr std::uint32_t kWrites = kWrite | kMayReplicate | kRunsScript;
  const For whom = (flags & kWrites) != 0 ? For::kNewWrite : For::kOther;
  while (!log.TakeCredit(wanted, whom)) {
    if (call.DelayForRoom()) return false;
    log.WaitForRoom(kLogWaitUs);
  }
  *credit = wanted;
  return true;
}

// The call has run.
void Runner::EndCredit(Call& call, std::size_t credit) {
  constexpr std::uint32_t kWrites = kWrite | kMayReplicate | kRunsScript;
  log::CommandLog& log = shared_.keyspace.log();
  log.ReturnCredit(credit);
  if ((call.command().flags & kWrites) != 0) call.session().set_last_write(log.end());
}

// Room in the log is taken before any lock; then the stripes of all keys, together; then the
// command runs. False if it did not, here and now: it was delayed, or deferred.
[[gnu::always_inline]] inline bool Runner::RunLocked(Call& call) {
  std::size_t credit = 0;
  if (shared_.keyspace.log().active() || shared_.keyspace.cut_backlog().is_full()) [[unlikely]] {
    if (!TakeRoom(call, call.command().flags, CreditFor(call.args()), &credit))
      return HandOver(call, 0);
  }
  const CommandTable::Locking locking = call.command().locking;
  if (locking == CommandTable::Locking::kAll ||
      (locking != CommandTable::Locking::kNone && call.key_count() > 0)) [[likely]] {
    keyspace::KeyLocks locks(shared_.keyspace);
    if (!TakeStripes(call, locks)) [[unlikely]]
      return HandOver(call, credit);
    RunWithTxn(call, locks);
    locks.Release();
    if (serving_.busy()) [[unlikely]]
      serving_.Finish();
    if (call.fate_ != Call::Fate::kRuns) [[unlikely]]
      return HandOver(call, credit);
  } else if (!RunWithoutStripes(call)) [[unlikely]] {
    return HandOver(call, credit);
  }
  if (credit > 0) [[unlikely]]
    EndCredit(call, credit);
  return true;
}

[[gnu::always_inline]] inline bool Runner::TakeStripes(Call& call, keyspace::KeyLocks& locks)
    NO_THREAD_SAFETY_ANALYSIS {
  constexpr std::uint32_t kAnyWay = kBlocking | kAllStripes;
  if ((call.command().flags & kAnyWay) == 0 &&
      call.command().locking != CommandTable::Locking::kByCall &&
      locks.TryAcquire({call.keys_, call.key_count()})) [[likely]] {
    return true;
  }
  return TakeStripesSlowly(call, locks);
}

// False if they are held for long and the call is delayed. Sessions that cannot wait so wait here.
bool Runner::TakeStripesSlowly(Call& call, keyspace::KeyLocks& locks) NO_THREAD_SAFETY_ANALYSIS {
  const std::span keys(call.keys_, call.key_count());
  const bool all = call.command().TakesAllStripes(call.args());
  if (!call.may_wait()) {
    if (all) {
      locks.AcquireAll();
    } else if ((call.command().flags & kBlocking) != 0) {
      AcquireInTurn(call, locks);
    } else {
      locks.Acquire(keys);
    }
    return true;
  }
  if (all                                       ? locks.TryAcquireAll()
      : (call.command().flags & kBlocking) != 0 ? TryAcquireInTurn(call, locks)
                                                : locks.TryAcquire(keys)) {
    return true;
  }
  call.Delay(all ? keyspace::StripeSet().set() : keyspace::KeyLocks::SetOf(keys));
  return false;
}

// Commands that walk the keyspace stop where a stripe is held for long; what they have replied is
// dropped then.
bool Runner::RunWithoutStripes(Call& call) {
  const resp::ReplyBuffer::Mark before = call.reply().buffer().mark();
  call.command().run(call);
  if (call.fate_ != Call::Fate::kRuns) [[unlikely]] {
    call.reply().buffer().Truncate(before);
    return false;
  }
  Observe(call);
  return true;
}

// The call goes on elsewhere, or later. No stripe is locked.
bool Runner::HandOver(Call& call, std::size_t credit) {
  if (credit > 0) shared_.keyspace.log().ReturnCredit(credit);
  begin_cycles_ = CycleNow();
  if (call.fate_ == Call::Fate::kDelayed) {
    call.session().OnDelayed(*shared_.lane, delay_);
    return false;
  }
  if (call.fate_ == Call::Fate::kHeldUp) {
    call.session().OnHeldUp();
    return false;
  }
  if (call.fate_ == Call::Fate::kCrowded) {
    call.session().OnCrowded();
    return false;
  }
  std::shared_ptr<Parked> parked = std::move(deferred_);
  call.session().OnParked(parked, 0);
  shared_.lane->Submit(std::move(parked));
  return false;
}

// What only reads may be begun again anywhere: so a reply that would take long to copy, whichever
// command it is of, is not made here. (A string's bytes are shared, not copied.)
void Runner::RunOrDefer(Call& call) {
  resp::Writer& reply = call.reply();
  if (!call.may_wait()) return call.command().run(call);
  const resp::ReplyBuffer::Mark before = reply.buffer().mark();
  reply.RefuseBeyond(Call::kLargeBytes);
  call.command().run(call);
  const bool has_refused = reply.has_refused();
  reply.RefuseNothing();
  if (!has_refused) [[likely]]
    return;
  reply.buffer().Truncate(before);
  if (call.DeferSlow()) return;
  const Session::RunsAgain again(call.session());
  call.command().run(call);
}

[[gnu::always_inline]] inline void Runner::RunWithTxn(Call& call, const keyspace::KeyLocks& held) {
  keyspace::Txn txn(shared_.keyspace, held, call.session().viewer());
  call.txn_ = &txn;
  (call.command().flags & kReadonly) != 0 ? RunOrDefer(call) : call.command().run(call);
  if (call.session().reader() != nullptr) [[unlikely]]
    RememberReads(call, {call.keys_, call.key_count()});
  Observe(call);
  call.txn_ = nullptr;
  if (txn.changes() > 0) stats_.changes.Add(txn.changes());
  if (txn.may_have_ready()) [[unlikely]]
    serving_.Serve(txn.TakeReady(), held);
}

// On a thread of the lane.
void Runner::HoldFor(Call& call, std::span<const keyspace::KeyRef> keys, FunctionRef<void()> work) {
  const keyspace::StripeSet stripes =
      keys.empty() ? AllStripes(shared_.keyspace) : keyspace::KeyLocks::SetOf(keys);
  EnterAndHold(stripes, call.command().flags, [&](const keyspace::KeyLocks& locks) REQUIRES(locks) {
    keyspace::Txn txn(shared_.keyspace, locks, call.session().viewer());
    call.txn_ = &txn;
    work();
    if (call.session().reader() != nullptr)
      RememberReads(call, keys.empty() ? std::span(call.keys_, call.key_count()) : keys);
    call.txn_ = nullptr;
    if (txn.changes() > 0) stats_.changes.Add(txn.changes());
    if (txn.may_have_ready()) serving_.Serve(txn.TakeReady(), locks);
  });
  if (serving_.busy()) serving_.Finish();
}

// What was full when the command came, or at its last hold, may be full again.
void Runner::EnterAndHold(const keyspace::StripeSet& stripes, std::uint32_t flags,
                          UnderLocks work) {
  shared_.lane->Enter(*this, stripes);
  if ((flags & kWrite) != 0) shared_.keyspace.cut_backlog().WaitForRoom();
  HoldLong(stripes, work);
  shared_.lane->Leave(*this);
}

// REQUIRES: this thread has entered them.
void Runner::HoldLong(const keyspace::StripeSet& stripes,
                      UnderLocks work) NO_THREAD_SAFETY_ANALYSIS {
  keyspace::KeyLocks locks(shared_.keyspace);
  locks.AcquireForLong(stripes);
  shared_.keyspace.ShowPictures(stripes);
  work(locks);
  shared_.keyspace.HidePictures(stripes);
  locks.Release();
}

// One that could take what others wait for does not come between (see AcquireInTurn).
void Runner::RunHeld(Call& call) {
  const bool may_come_between = (call.command().flags & kBlocking) != 0;
  HoldLong(keyspace::KeyLocks::SetOf({call.keys_, call.key_count()}),
           [&](const keyspace::KeyLocks& locks) REQUIRES(locks) {
             if (may_come_between && IsPending(call)) {
               call.fate_ = Call::Fate::kDelayed;
             } else {
               RunWithTxn(call, locks);
             }
           });
  if (serving_.busy()) serving_.Finish();
}

void Runner::RunDeferred(Parked& parked) {
  Reset();
  keys_ = parked.keys();
  ReadClock();
  Session& session = parked.session();
  session.set_now_ms(now_ms_);
  resp::Writer reply(parked.reply(), session.protocol());
  const Prepared prepared{.command = &parked.command(),
                          .args = parked.args(),
                          .first_key = 0,
                          .key_count = static_cast<std::uint32_t>(keys_.size())};
  Call call(*this, session, prepared, keys_.data(), reply);
  call.parked_ = &parked;
  call.owned_ = &parked.owned_args();
  call.in_lane_ = true;
  std::size_t credit = 0;
  const bool has_room = TakeRoom(call, parked.command().flags, CreditFor(call.args()), &credit);
  CHECK(has_room);  // the lane waits
  if (parked.command().run_heavy != nullptr) {
    parked.command().run_heavy(call);
    Observe(call);
  } else if (parked.command().locking == CommandTable::Locking::kOfItsKeys) {
    RunHeld(call);
  } else {
    parked.command().run(call);
    Observe(call);
  }
  if (credit > 0) shared_.keyspace.log().ReturnCredit(credit);
  if (call.fate_ != Call::Fate::kRuns) return parked.GoBack();
  Account(session, prepared, reply, 0);
}

// A command that could take what others wait for does not come between a change and those whom it
// is being given to: whoever serves them has let the stripes go for a moment only.
void Runner::AcquireInTurn(Call& call, keyspace::KeyLocks& locks) NO_THREAD_SAFETY_ANALYSIS {
  const std::span keys(call.keys_, call.key_count());
  while (true) {
    locks.Acquire(keys);
    if (!IsPending(call)) return;
    locks.Release();
    Thread::Yield();
  }
}

// The same. If who serves is behind somebody who holds a stripe for long, so are we.
bool Runner::TryAcquireInTurn(Call& call, keyspace::KeyLocks& locks) NO_THREAD_SAFETY_ANALYSIS {
  for (int tries = 0; tries < kYieldsMax; ++tries) {
    if (!locks.TryAcquire({call.keys_, call.key_count()})) return false;
    if (!IsPending(call)) return true;
    locks.Release();
    Thread::Yield();
  }
  return false;
}

bool Runner::IsPending(Call& call) const {
  const std::span keys(call.keys_, call.key_count());
  return std::ranges::any_of(keys, [&](const keyspace::KeyRef& key) {
    const keyspace::Stripe& stripe = shared_.keyspace.stripe(key.stripe);
    return stripe.interest != nullptr && stripe.interest->pending > 0;
  });
}

bool Runner::RunAgain(Parked& parked, const keyspace::KeyLocks& held,
                      std::vector<keyspace::ReadyKey>& ready) {
  parked.session().set_now_ms(now_ms_);
  resp::Writer reply(parked.reply(), parked.session().protocol());
  const Prepared prepared{.command = &parked.command(),
                          .args = parked.args(),
                          .key_count = static_cast<std::uint32_t>(parked.keys().size())};
  if (RejectServed(parked, prepared, reply)) [[unlikely]]
    return true;
  Call call(*this, parked.session(), prepared, parked.keys().data(), reply);
  call.parked_ = &parked;
  keyspace::Txn txn(shared_.keyspace, held, parked.session().viewer());
  call.txn_ = &txn;
  call.command().run(call);
  if (txn.changes() > 0) stats_.changes.Add(txn.changes());
  if (txn.may_have_ready()) ready = txn.TakeReady();
  if (reply.error_count() > 0) CountFailure(prepared, reply);
  return !call.blocked_;
}

// Its user's rights may have been taken since it began to wait: then it gets nothing but an error.
bool Runner::RejectServed(Parked& parked, const Prepared& prepared, resp::Writer& reply) {
  const Denial denial = CheckRights(shared_.denial_observer, parked.session(), *prepared.command,
                                    prepared.args, DenialContext::kTopLevel);
  if (!denial) return false;
  reply.Error("NOPERM " + DenialText(denial, *prepared.command));
  stats_.at(prepared.command->index).rejected.Add(1);
  CountError(reply);
  return true;
}

void Call::ShowNow() {
  CommandObserver* observer = runner_.shared().observer.load(std::memory_order_acquire);
  if (observer != nullptr) observer->OnCommand(*this);
}

// What expired on the way is told of first: it had been remembered by an earlier read.
void Runner::RememberReads(Call& call, std::span<const keyspace::KeyRef> keys) {
  constexpr std::uint32_t kKinds = kReadonly | kPubsub;
  if (keys.empty() || call.fate_ != Call::Fate::kRuns) return;
  const std::shared_ptr<keyspace::Tracker>& reader = call.session().reader();
  reader->OnRead();
  if ((call.command().flags & kKinds) != kReadonly || reader->has(keyspace::kTrackingBroadcast))
    return;
  call.txn().TellTracked();
  for (const keyspace::KeyRef& key : keys) {
    shared_.keyspace.tracking().Remember(key.stripe, key.name, reader);
    call.txn().RememberTags(key, reader);
  }
}

void Runner::CountError(const resp::Writer& reply) {
  stats_.total_errors.Add(1);
  shared_.errors.Count(reply.last_error_code());
}

void Runner::CountFailure(const Prepared& prepared, const resp::Writer& reply) {
  stats_.at(prepared.command->index).failed.Add(1);
  if (!std::exchange(error_is_counted_, false)) CountError(reply);
}

void Runner::CountFailure(const Parked& parked, const resp::Writer& reply) {
  stats_.at(parked.command().index).failed.Add(1);
  CountError(reply);
}

void Runner::ReportSlow(Session& session, const Prepared& prepared, resp::Writer& reply,
                        std::uint64_t ns) {
  if (shared_.slow_observer == nullptr) return;
  Call call(*this, session, prepared, keys_.data() + prepared.first_key, reply);
  call.in_script_ = runs_script_;
  shared_.slow_observer->OnSlow(call, ns / 1000);
}

void Runner::RefreshClock(Session& session) {
  now_ms_ = shared_.keyspace.clock().NowUnixMs();
  now_cycles_ = begin_cycles_;
  session.set_now_ms(now_ms_);
}

}  // namespace cairn::command
