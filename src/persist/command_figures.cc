// SPDX-License-Identifier: BSD-3-Clause
// Names are counted in lower case, since clients send them as they like.
#include "persist/command_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "persist/shown.h"

namespace cairn::persist {

void CommandFigures::Add(const codec::AofReader& reader) {
  for (std::size_t i = 0; i < reader.group().size(); ++i)
    AddCommand(reader.group()[i], reader.command_begins()[i]);
  if (reader.group().size() > 1) ++groups_;
  if (reader.time_s() == codec::AofReader::kNoTime) return;
  if (first_time_s_ == codec::AofReader::kNoTime) first_time_s_ = reader.time_s();
  last_time_s_ = reader.time_s();
}

void CommandFigures::AddCommand(const log::EffectView& command, std::uint64_t offset) {
  ++commands_;
  name_ = ToLower(command.args[0].substr(0, kNameBytesMax));
  if (const auto known = names_.find(name_); known != names_.end()) {
    ++known->second;
  } else if (names_.size() < kNamesMax) {
    names_.emplace(name_, 1);
  } else {
    ++other_names_;
  }
  std::uint64_t bytes = 0;
  for (const std::string_view arg : command.args) bytes += arg.size();
  if (bytes <= largest_.bytes) return;
  largest_ = {.bytes = bytes, .offset = offset, .shown = Shown(name_)};
  if (command.args.size() > 1) largest_.shown += " " + Shown(command.args[1]);
}

void CommandFigures::Say(SayLine say) const {
  say(fmt::format("[info] {} commands, {} transactions", commands_, groups_));
  if (first_time_s_ != codec::AofReader::kNoTime) {
    say(fmt::format("[info] written from {} to {}", ShownTime(first_time_s_),
                    ShownTime(last_time_s_)));
  }
  if (commands_ == 0) return;
  SayNames(say);
  say(fmt::format("[info] largest command: {} at offset {}, {} bytes", largest_.shown,
                  largest_.offset, largest_.bytes));
}

void CommandFigures::SayNames(SayLine say) const {
  std::vector<std::pair<std::uint64_t, std::string_view>> names;
  names.reserve(names_.size());
  for (const auto& [name, count] : names_) names.emplace_back(count, name);
  std::stable_sort(names.begin(), names.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::uint64_t rest = other_names_;
  for (std::size_t i = kNamesSaid; i < names.size(); ++i) rest += names[i].first;
  names.resize(std::min(names.size(), kNamesSaid));
  std::string line = "[info] ";
  for (const auto& [count, name] : names) {
    if (&name != &names.front().second) line += ", ";
    line += fmt::format("{} {}", count, Shown(name));
  }
  if (rest > 0) line += fmt::format(", {} others", rest);
  say(line);
}

}  // namespace cairn::persist
