// SPDX-License-Identifier: BSD-3-Clause
// One question to the server per command: a reply for all of them would be a megabyte.
#include "differential/commands.h"

#include <string>

namespace cairn::differential {

std::optional<CommandGrammar> AskGrammar(testing::Channel& channel, std::string_view name) {
  Result<testing::Reply> docs = Call(channel, {"COMMAND", "DOCS", std::string(name)});
  return docs ? ParseDocs(name, *docs) : std::nullopt;
}

}  // namespace cairn::differential
