// SPDX-License-Identifier: BSD-3-Clause
// SCRIPT KILL, FUNCTION KILL: ends a script that runs, if it has not written.
#ifndef CAIRN_SCRIPTING_SCRIPT_KILL_H_
#define CAIRN_SCRIPTING_SCRIPT_KILL_H_

#include <string_view>

#include "command/call.h"

namespace cairn::scripting {

inline constexpr std::string_view kBusyScript =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
inline constexpr std::string_view kBusyFunction =
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";

// Whether a slow script runs; then the error is replied.
bool IsBusy(command::Call& call);

enum class Kills { kScripts, kFunctions };
void ReplyKill(command::Call& call, Kills kills);

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_SCRIPT_KILL_H_
