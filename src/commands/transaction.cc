// SPDX-License-Identifier: BSD-3-Clause
// MULTI, EXEC, DISCARD, WATCH, UNWATCH. What is between MULTI and EXEC never comes here: the Runner
// queues it, and runs it for EXEC.
#include <algorithm>

#include "command/call.h"
#include "command/errors.h"
#include "command/runner.h"
#include "commands/families.h"

namespace cairn::commands {
namespace {

void Multi(Call& call) {
  if (call.session().queueing()) return call.Error("ERR MULTI calls can not be nested");
  call.session().BeginTransaction(call.keyspace());
  call.reply().Ok();
}

void Exec(Call& call) {
  if (!call.session().queueing()) return call.Error("ERR EXEC without MULTI");
  call.runner().RunTransaction(call);
}

void Discard(Call& call) {
  if (!call.session().queueing()) return call.Error("ERR DISCARD without MULTI");
  call.session().EndTransaction();
  call.reply().Ok();
}

// Looking at a key removes it if it has expired: its going is no change any more.
void WatchSome(Call& call, std::span<const keyspace::KeyRef> keys) {
  command::Watches& watches = call.session().EnsureTransaction(call.keyspace()).watches();
  for (const keyspace::KeyRef& key : keys) {
    if (watches.dirty()) return;
    call.txn().Find(key, keyspace::Access::kPeek);
    watches.Watch(call.txn().db(), key);
  }
}

void Watch(Call& call) {
  if (call.session().queueing()) return call.Error("ERR WATCH inside MULTI is not allowed");
  WatchSome(call, {&call.key(0), call.key_count()});
  call.reply().Ok();
}

// Very many, in parts: a change of one that is watched already counts from then on.
void WatchHeavy(Call& call) {
  constexpr std::size_t kKeysAtOnce = 512;
  for (std::size_t first = 0; first < call.key_count(); first += kKeysAtOnce) {
    const std::span some(&call.key(first), std::min(call.key_count() - first, kKeysAtOnce));
    call.Hold(some, [&] { WatchSome(call, some); });
  }
  call.reply().Ok();
}

void Unwatch(Call& call) {
  if (call.session().transaction() != nullptr) call.session().transaction()->watches().Unwatch();
  call.reply().Ok();
}

constexpr std::uint32_t kAlways = command::kNoScript | command::kLoading | command::kStale;
constexpr std::uint32_t kQuick = kAlways | command::kFast | command::kAllowBusy;

constexpr Spec kSpecs[] = {
    Spec({.syntax = "MULTI",
          .since = "1.2.0",
          .group = Group::kTransactions,
          .flags = kQuick | command::kNeverQueued,
          .complexity = "O(1)",
          .summary = "Begins a transaction: commands are queued from now on.",
          .run = &Multi}),
    Spec({.syntax = "EXEC",
          .since = "1.2.0",
          .group = Group::kTransactions,
          .flags = kAlways | command::kSkipSlowlog | command::kNeverQueued,
          .complexity = "Depends on commands in the transaction",
          .summary = "Runs the commands queued since MULTI, all at once.",
          .run = &Exec}),
    Spec({.syntax = "DISCARD",
          .since = "2.0.0",
          .group = Group::kTransactions,
          .flags = kQuick | command::kNeverQueued,
          .complexity = "O(N), when N is the number of queued commands",
          .summary = "Forgets the commands queued since MULTI, and ends the transaction.",
          .run = &Discard}),
    Spec({.syntax = "WATCH key [key ...]",
          .access = "RO",
          .since = "2.2.0",
          .group = Group::kTransactions,
          .flags = kQuick | command::kNeverQueued,
          .complexity = "O(1) for every key.",
          .summary = "Watches keys: if one changes before EXEC, EXEC runs nothing.",
          .run = &Watch,
          .run_heavy = &WatchHeavy}),
    Spec({.syntax = "UNWATCH",
          .since = "2.2.0",
          .group = Group::kTransactions,
          .flags = kQuick,
          .complexity = "O(1)",
          .summary = "Forgets all watched keys.",
          .run = &Unwatch}),
};

}  // namespace

std::span<const Spec> TransactionFamily() { return kSpecs; }

}  // namespace cairn::commands
