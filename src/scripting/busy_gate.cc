// SPDX-License-Identifier: BSD-3-Clause
// Which commands a slow script concerns.
#include "scripting/busy_gate.h"

#include <algorithm>

#include "command/transaction.h"
#include "scripting/script_kill.h"
#include "scripting/script_run.h"
#include "scripting/scripts.h"

namespace cairn::scripting {
namespace {

bool Touches(std::span<const keyspace::KeyRef> keys, const keyspace::StripeSet& stripes) {
  return std::ranges::any_of(
      keys, [&](const keyspace::KeyRef& key) { return stripes.test(key.stripe.value); });
}

bool NeedsMore(const command::CommandTable::Command& command,
               std::span<const std::string_view> args, bool has_keys) {
  return command::NeedsAllStripes(command, args, has_keys);
}

bool Concerns(command::Call& call, const keyspace::StripeSet& stripes) {
  if (stripes.count() == call.keyspace().stripe_count()) return true;
  const std::span keys(&call.key(0), call.key_count());
  if (!call.is_exec())
    return NeedsMore(call.command(), call.args(), !keys.empty()) || Touches(keys, stripes);
  const command::Transaction* transaction = call.session().transaction();
  return transaction != nullptr &&
         std::ranges::any_of(transaction->queue(), [&](const command::Queued& queued) {
           return NeedsMore(queued.command(), queued.args(), !queued.keys().empty()) ||
                  Touches(queued.keys(), stripes);
         });
}

}  // namespace

bool BusyGate::Admit(command::Call& call) {
  Scripts& scripts = Scripts::Of(call);
  if (scripts.slow_count() == 0 || (call.command().flags & command::kAllowBusy) != 0) return true;
  std::string_view error;
  scripts.ForEachRun([&](ScriptRun& run) {
    if (run.is_slow() && error.empty() && Concerns(call, run.slow_stripes()))
      error = run.is_function() ? kBusyFunction : kBusyScript;
  });
  if (error.empty()) return true;
  call.Refuse(error);
  return false;
}

}  // namespace cairn::scripting
