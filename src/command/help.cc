// SPDX-License-Identifier: BSD-3-Clause
// See help.h.
#include "command/help.h"

#include <string>
#include <vector>

namespace cairn::command {

void ReplyHelp(Call& call) {
  const CommandTable::Command* container = call.table().Find(call.arg(0));
  const std::string name(container->spec->name);
  std::vector<std::string> lines = {name +
                                    " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"};
  for (const CommandTable::Command& subcommand : container->subcommands) {
    const std::string_view syntax = subcommand.spec->row.syntax.substr(name.size() + 1);
    if (syntax == "HELP") continue;
    lines.emplace_back(syntax);
    lines.push_back("    " + std::string(subcommand.spec->row.summary));
  }
  lines.emplace_back("HELP");
  lines.emplace_back("    Prints this help.");
  call.reply().Array(lines.size());
  for (const std::string& line : lines) call.reply().Simple(line);
}

}  // namespace cairn::command
