// SPDX-License-Identifier: BSD-3-Clause
// The lines of a HELP reply; summaries, which are sentences, wrap as in a terminal of 80 columns.
#include "command/help.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace cairn::command {
namespace {

constexpr std::string_view kIndent = "    ";
// Room for the summary in a terminal of 80 columns.
constexpr std::size_t kTextColumns = 75;

// Breaks `text` at spaces into lines of kTextColumns, indented.
void AppendWrapped(std::string_view text, std::vector<std::string>& lines) {
  while (text.size() > kTextColumns) {
    std::size_t cut = text.rfind(' ', kTextColumns);
    if (cut == text.npos) cut = kTextColumns;
    lines.push_back(std::string(kIndent).append(text.substr(0, cut)));
    text.remove_prefix(cut);
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  lines.push_back(std::string(kIndent).append(text));
}

// The arguments without the type that tells a plain word from a key ("shardchannel:string").
std::string WithoutTypes(std::string_view arguments) {
  constexpr std::string_view kPlain = ":string";
  std::string text(arguments);
  for (std::size_t at = 0; (at = text.find(kPlain, at)) != text.npos;)
    text.erase(at, kPlain.size());
  return text;
}

}  // namespace

std::vector<std::string> HelpLines(const CommandTable::Command& container, std::string_view name) {
  std::vector<const Spec*> specs;
  for (const CommandTable::Command& command : container.subcommands) {
    if (command.spec->name != "HELP") specs.push_back(command.spec);
  }
  std::sort(specs.begin(), specs.end(),
            [](const Spec* a, const Spec* b) { return a->name < b->name; });
  std::vector<std::string> lines;
  lines.push_back(
      ToUpper(name).append(" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
  if (container.spec->row.run != nullptr) {
    lines.emplace_back("(no subcommand)");
    AppendWrapped(container.spec->row.summary, lines);
  }
  for (const Spec* spec : specs) {
    const std::string_view arguments = Syntax(spec->row.syntax).arguments();
    std::string line(spec->name);
    if (!arguments.empty()) line.append(" ").append(WithoutTypes(arguments));
    lines.push_back(std::move(line));
    AppendWrapped(spec->row.summary, lines);
  }
  lines.emplace_back("HELP");
  lines.push_back(std::string(kIndent).append("Prints this help."));
  return lines;
}

void ReplyHelp(Call& call) {
  const std::vector<std::string> lines =
      HelpLines(call.table().ContainerOf(call.command()), call.arg(0));
  call.reply().Array(lines.size());
  for (const std::string& line : lines) call.reply().Simple(line);
}

}  // namespace cairn::command
