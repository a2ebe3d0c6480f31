// SPDX-License-Identifier: BSD-3-Clause
// Call: one command being run: its arguments, its keys, the transaction on them, and where the
// reply goes.
//
//   void Strlen(command::Call& call) {
//     const keyspace::Found found = call.txn().Find(call.key(0), keyspace::Access::kRead);
//     ...
//     call.reply().Integer(found.entry->value().size());
//   }
//
// Made by a Runner for each command, on the stack, once the gates are passed and the stripes of the
// keys are locked. Views of arguments last as long as the call. A handler writes exactly one reply.
#ifndef CAIRN_COMMAND_CALL_H_
#define CAIRN_COMMAND_CALL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/function_ref.h"
#include "command/call_group.h"
#include "command/parked.h"
#include "command/session.h"
#include "command/table.h"
#include "keyspace/txn.h"
#include "resp/writer.h"

namespace cairn::command {

class Runner;

// A request whose command and keys have been looked up.
struct Prepared {
  const CommandTable::Command* command = nullptr;  // null: no such command
  std::span<const std::string_view> args;
  std::uint32_t first_key = 0;  // in the batch's keys
  std::uint32_t key_count = 0;
};

class Call {
 public:
  Call(Runner& runner, Session& session, const Prepared& prepared, const keyspace::KeyRef* keys,
       resp::Writer& reply)
      : runner_(runner), session_(session), prepared_(prepared), keys_(keys), reply_(reply) {}

  // The command (of a container: the subcommand) as it stands in the table.
  const CommandTable::Command& command() const { return *prepared_.command; }
  // All arguments, with the command's name first.
  std::span<const std::string_view> args() const { return prepared_.args; }
  std::string_view arg(std::size_t i) const { return prepared_.args[i]; }
  std::size_t argc() const { return prepared_.args.size(); }
  // The n-th key, in the order in which the arguments name them.
  const keyspace::KeyRef& key(std::size_t n) const { return keys_[n]; }
  std::size_t key_count() const { return prepared_.key_count; }

  Session& session() { return session_; }
  resp::Writer& reply() { return reply_; }
  Runner& runner() { return runner_; }
  keyspace::Keyspace& keyspace();
  const CommandTable& table();
  UnixMs now_ms() const { return session_.viewer().now_ms(); }
  // What is to expire then is not even stored.
  bool IsPast(UnixMs at_ms) const { return at_ms <= now_ms() && session_.viewer().sees_expiry; }

  // REQUIRES: the command has keys, or runs under all stripes; not kOwnLocks.
  keyspace::Txn& txn() {
    DCHECK(txn_ != nullptr);
    return *txn_;
  }
  // Names the call itself as its effect. For commands whose outcome follows from their arguments
  // and the data alone.
  void LogVerbatim() { txn().Log(args()); }

  // The command found nothing and waits. Once one of its keys may have got something of `type` (a
  // write command that waits for streams, and any that waits at a string: once one of them changes
  // in any way, or goes), its function is called again, from the beginning, under the locks of its
  // keys, with `rewritten_args` if there are any (XREAD's $ becomes an id). When the time is up, or
  // at once where nobody may wait (MULTI, a script, an embedded session), the client gets `reply`.
  //
  //   if (!popped) return call.Block(keyspace::Type::kList, timeout_ms, TimeoutReply::kNullArray);
  //
  // REQUIRES: nothing replied, nothing changed. 0 ms: for ever. A command without keys (WAIT)
  // waits for its time only.
  void Block(keyspace::Type type, std::int64_t timeout_ms, TimeoutReply reply,
             std::vector<std::string> rewritten_args = {}, WaitsAt waits_at = WaitsAt::kEachKey);

  // The command is done but for its answer, which somebody else will give, on any thread, by
  // AnswerParked. The client waits for it. Null where nobody may wait: then reply at once.
  //
  //   if (std::shared_ptr<Parked> client = call.AnswerLater())
  //     Begin([client] { AnswerParked(client, [](resp::Writer& reply) { reply.Ok(); }); });
  //
  // REQUIRES: nothing replied.
  std::shared_ptr<Parked> AnswerLater();

  // What takes about a millisecond, at some 60 to 100 ns an element.
  static constexpr std::uint64_t kHeavyElements = 10'000;
  // The command is going to touch so many elements (bytes: a 64th of them). True: it is handed to
  // the lane, which runs it again from the beginning on a thread of its own (there the answer is
  // false), and the client's worker serves the others meanwhile. False: it runs here and now.
  //
  //   if (call.Defer(set.size())) return;
  //
  // REQUIRES: nothing replied, nothing changed. A command that may also wait (Block) may defer: one
  // that finds nothing in the lane is given back to its session.
  bool Defer(std::uint64_t elements) { return elements >= kHeavyElements && DeferSlow(); }
  // Whether it may be handed over at all.
  bool may_wait() const;
  // Of a row with kWaitsForPeers: the command is going to wait for another server. The same, but
  // the answer is no, too, where nobody can wait (may_wait: a session within the process; a
  // transaction that is not about keys only), and when too many wait already. In the lane:
  // is_in_lane().
  bool DeferToPeers() { return DeferSlow(); }
  // It waited, and is run again because one of its keys has changed.
  bool runs_again() const { return parked_ != nullptr; }
  // Whether it runs on a thread of the lane, by itself or within a transaction.
  bool is_in_lane() const { return in_lane_; }
  // Who waits for a peer is to give it up. REQUIRES: is_in_lane().
  bool is_interrupted() const;
  // So many arguments that taking them in is what takes long: asked before any stripe is locked.
  static constexpr std::size_t kHeavyArguments = kHeavyElements;
  bool HasHeavyArguments() const { return argc() >= kHeavyArguments; }
  // Or so many bytes of them: whatever is done with these takes long, if it is only copying, or
  // hashing a key. What takes a millisecond again.
  static constexpr std::size_t kLargeBytes = kHeavyElements * 256;
  // Whether such a call goes to the lane before even its keys are found.
  static bool MayGoUnseen(const CommandTable::Command& command);
  // A stripe that the command needs, and takes itself, is held for long: true, if the request is
  // given back, and run again when these stripes are free; what it has replied so far is dropped.
  // False where nobody can wait so: then wait for the stripe. REQUIRES: nothing changed.
  bool Delay(const keyspace::StripeSet& stripes);
  // There is no room for what the command would write. The same: it is run again, soon.
  bool DelayForRoom();
  // In run_heavy, between two holds: what is now to the command becomes now. A transaction has one
  // moment for all of it: there it does nothing.
  void RefreshNow();
  // For run_heavy: `work` is called with the stripes of `keys` locked and a txn on them; what it
  // changes is logged, told and given to those who wait as if it were a command. Others see the
  // stripes as busy, so keep it short. REQUIRES: in run_heavy, not within another Hold.
  void Hold(std::span<const keyspace::KeyRef> keys, FunctionRef<void()> work);
  // The same with every stripe.
  void HoldAll(FunctionRef<void()> work);

  // An argument (or several, with what stands between them) is wanted for long: as a blob of the
  // bytes where they stand, a new reference; or null, and they must be copied. Views of arguments
  // stay good.
  Blob* TakeBlob(std::string_view bytes);
  // The same of the n-th argument and all behind it, as they were sent: "$2\r\nch\r\n...".
  Blob* TakeBulksFrom(std::size_t n);
  // Replies with an argument: one that is large goes out from where it stands.
  void ReplyArgument(std::size_t n);

  // Shorthands for the commonest error replies.
  void Error(std::string_view text) { reply_.Error(text); }
  // Of gates: the call is not run at all. An EXEC that is refused is aborted.
  void Refuse(std::string_view text);
  bool is_exec() const { return command().full_name == "exec"; }
  // Whether it may not run when there is no memory: it says so itself, or takes room in a queue, or
  // runs a queue with such commands.
  bool NeedsMemory();
  // Whether it may change data: it is a write, or runs a queue with one.
  bool MayWrite();
  // The stripes in which it runs, if they are another's: EXEC's, or a script's. Else null.
  CallGroup* group() const { return group_; }
  // A script has called it.
  bool in_script() const { return in_script_; }
  // The script has written: it is not to be stopped half-way by a state that changes.
  bool script_has_written() const { return script_has_written_; }
  // Of the memory gate: there is no room for more, whether the command needs it or not.
  bool lacks_memory() const { return lacks_memory_; }
  void set_lacks_memory() { lacks_memory_ = true; }
  // Shows the command to whoever observes now, rather than when it has run: before the commands
  // that it runs itself.
  void ShowNow();

 private:
  friend class Runner;

  bool DeferSlow();
  bool DeferUnseen();
  bool DeferTransaction();
  bool MoveToLane();
  LaneWork lane_work() const;
  bool ReserveLane();
  std::uint32_t flags();

  Runner& runner_;
  Session& session_;
  const Prepared& prepared_;
  const keyspace::KeyRef* const keys_;
  resp::Writer& reply_;
  keyspace::Txn* txn_ = nullptr;
  bool may_block_ = true;           // false within a transaction
  const Parked* parked_ = nullptr;  // whose command is being run again
  OwnedArgs* owned_ = nullptr;      // where its arguments are, if not in its session's input
  bool blocked_ = false;            // it has to wait on
  bool in_lane_ = false;
  CallGroup* group_ = nullptr;
  bool in_script_ = false;
  bool script_has_written_ = false;
  bool lacks_memory_ = false;
  // What became of it; the runner has what belongs to it.
  enum class Fate : std::uint8_t { kRuns, kDelayed, kCrowded, kHeldUp, kDeferred };
  Fate fate_ = Fate::kRuns;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_CALL_H_
