// SPDX-License-Identifier: BSD-3-Clause
// A row as COMMAND INFO and COMMAND DOCS tell it.
#ifndef CAIRN_COMMANDS_COMMAND_INFO_H_
#define CAIRN_COMMANDS_COMMAND_INFO_H_

#include <cstdint>

#include "command/table.h"
#include "resp/writer.h"

namespace cairn::commands {

// One element of COMMAND INFO: an array of ten.
void WriteCommandInfo(const command::CommandTable::Command& command, resp::Writer& reply);
// One pair of COMMAND DOCS: the full name and a map.
void WriteCommandDocs(const command::CommandTable::Command& command, resp::Writer& reply);
// A set of the names of KeyFlags.
void WriteKeyFlags(std::uint16_t flags, resp::Writer& reply);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_COMMAND_INFO_H_
