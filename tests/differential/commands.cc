// SPDX-License-Identifier: BSD-3-Clause
#include "differential/commands.h"

#include <string>

namespace cairn::differential {

std::optional<CommandGrammar> AskGrammar(testing::Channel& channel, std::string_view name) {
  Result<testing::Reply> docs = Call(channel, {"COMMAND", "DOCS", std::string(name)});
  return docs ? ParseDocs(name, *docs) : std::nullopt;
}

}  // namespace cairn::differential
