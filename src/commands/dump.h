// SPDX-License-Identifier: BSD-3-Clause
// A key's value as the bytes that DUMP replies and MIGRATE sends.
#ifndef CAIRN_COMMANDS_DUMP_H_
#define CAIRN_COMMANDS_DUMP_H_

#include <string>

#include "command/call.h"
#include "keyspace/entry.h"

namespace cairn::commands {

// Compressed if the configuration says so. REQUIRES: the entry's stripe locked.
std::string DumpOf(command::Call& call, const keyspace::Entry& entry);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_DUMP_H_
