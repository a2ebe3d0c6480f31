// SPDX-License-Identifier: BSD-3-Clause
// An argument that names a database: SELECT, MOVE and COPY read it alike.
#ifndef CAIRN_COMMANDS_DB_INDEX_H_
#define CAIRN_COMMANDS_DB_INDEX_H_

#include <optional>
#include <string_view>

#include "base/ids.h"
#include "command/call.h"

namespace cairn::commands {

// Nothing, with the error replied, if there is no such database.
std::optional<DbId> ParseDbIndex(command::Call& call, std::string_view argument);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_DB_INDEX_H_
