// SPDX-License-Identifier: BSD-3-Clause
// HELP of a container command, made from its rows.
#ifndef CAIRN_COMMAND_HELP_H_
#define CAIRN_COMMAND_HELP_H_

#include "command/call.h"

namespace cairn::command {

// Replies with the syntax and summary of every subcommand of the called container, in Redis's
// frame. The `run` of X HELP.
void ReplyHelp(Call& call);

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_HELP_H_
