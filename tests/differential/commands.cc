// SPDX-License-Identifier: BSD-3-Clause
// Grammars come from COMMAND DOCS of the server itself; one that does not answer, or answers what
// cannot be read, has no grammar, and the caller says so.
#include "differential/commands.h"

#include <string>

namespace cairn::differential {

std::optional<CommandGrammar> AskGrammar(testing::Channel& channel, std::string_view name) {
  Result<testing::Reply> docs = Call(channel, {"COMMAND", "DOCS", std::string(name)});
  return docs ? ParseDocs(name, *docs) : std::nullopt;
}

}  // namespace cairn::differential
