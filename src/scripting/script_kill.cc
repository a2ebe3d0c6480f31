// SPDX-License-Identifier: BSD-3-Clause
// Several scripts may run at once, one on each worker, and most of them end by themselves at once.
// The one that is meant is the one that has run longest, and for at least kKillableAfterMs.
#include "scripting/script_kill.h"

#include <algorithm>
#include <cstdint>

#include "scripting/script_run.h"
#include "scripting/scripts.h"

namespace cairn::scripting {
namespace {

constexpr std::int64_t kKillableAfterMs = 100;

constexpr std::string_view kNoScripts = "NOTBUSY No scripts in execution right now.";
constexpr std::string_view kHasWritten =
    "UNKILLABLE Sorry the script already executed write commands against the dataset. You can "
    "either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE "
    "command.";

}  // namespace

bool IsBusy(command::Call& call) {
  std::string_view error;
  Scripts::Of(call).ForEachRun([&](ScriptRun& run) {
    if (run.is_slow()) error = run.is_function() ? kBusyFunction : kBusyScript;
  });
  if (error.empty()) return false;
  call.Error(error);
  return true;
}

void ReplyKill(command::Call& call, Kills kills) {
  Scripts& scripts = Scripts::Of(call);
  const std::int64_t least_ms = std::min(kKillableAfterMs, scripts.slow_after_ms());
  std::int64_t longest_ms = -1;
  scripts.ForEachRun([&](ScriptRun& run) {
    if (run.ran_ms() >= least_ms) longest_ms = std::max(longest_ms, run.ran_ms());
  });
  std::string_view error = kNoScripts;
  scripts.ForEachRun([&](ScriptRun& run) {
    if (error.empty() || longest_ms < 0 || run.ran_ms() < longest_ms) return;
    if (run.has_written()) {
      error = kHasWritten;
    } else if (run.is_function() != (kills == Kills::kFunctions)) {
      error = run.is_function() ? kBusyFunction : kBusyScript;
    } else {
      run.Kill();
      error = {};
    }
  });
  error.empty() ? call.reply().Ok() : call.Error(error);
}

}  // namespace cairn::scripting
