// SPDX-License-Identifier: BSD-3-Clause
// HELP of the containers, made from their subcommands' rows: a line of syntax, then the summary.
#ifndef CAIRN_COMMAND_HELP_H_
#define CAIRN_COMMAND_HELP_H_

#include <string>
#include <string_view>
#include <vector>

#include "command/call.h"
#include "command/table.h"

namespace cairn::command {

// The lines of "<container> HELP" in the frame that Redis gives them; subcommands by name. `name`:
// how the container was called, which rename-command may have changed.
std::vector<std::string> HelpLines(const CommandTable::Command& container, std::string_view name);

// The function of every HELP subcommand: `.run = &command::ReplyHelp`.
void ReplyHelp(Call& call);

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_HELP_H_
