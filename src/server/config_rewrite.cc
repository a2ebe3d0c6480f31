// SPDX-License-Identifier: BSD-3-Clause
// The old file is cut into lines, and each directive knows the places of its lines. Every row then
// puts its lines, in the order of the rows, and closes; nothing else touches the text.
#include "server/config_rewrite.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "base/text.h"
#include "server/config_disk.h"
#include "server/config_file.h"

namespace cairn::server {
namespace {

constexpr std::string_view kUser = "user";

// Quoted only where a reader of the file would otherwise see something else.
std::string QuoteIfNeeded(const std::string& word) {
  for (const char byte : word) {
    const bool is_plain = byte > ' ' && byte < 0x7f && byte != '"' && byte != '\'' && byte != '\\';
    if (!is_plain) return QuoteString(word);
  }
  return word.empty() ? QuoteString(word) : word;
}

std::string FormatMemory(std::int64_t bytes) {
  struct Unit {
    std::int64_t bytes;
    std::string_view name;
  };
  for (const Unit unit : {Unit{1 << 30, "gb"}, Unit{1 << 20, "mb"}, Unit{1 << 10, "kb"}}) {
    if (bytes != 0 && bytes % unit.bytes == 0) {
      return Int64ToString(bytes / unit.bytes).append(unit.name);
    }
  }
  return Int64ToString(bytes);
}

// The words after the name, for directives of one line.
std::string ValueText(const ConfigRow& row, const ConfigValue& value) {
  switch (row.kind) {
    case ConfigKind::kMemory:
      return FormatMemory(value.number);
    case ConfigKind::kMemoryOfHost:
      return value.text.empty() ? FormatMemory(value.number) : value.text;
    case ConfigKind::kMemoryOfLimit:
      return value.number < 0 ? FormatConfigValue(row, value) : FormatMemory(value.number);
    case ConfigKind::kEvents:
    case ConfigKind::kText:
      return QuoteString(FormatConfigValue(row, value));
    case ConfigKind::kBool:
    case ConfigKind::kInteger:
    case ConfigKind::kOctal:
    case ConfigKind::kChoice:
    case ConfigKind::kChoiceSet:
      return FormatConfigValue(row, value);
    case ConfigKind::kAddresses:
    case ConfigKind::kSavePoints:
    case ConfigKind::kOutputLimits:
    case ConfigKind::kOomValues:
    case ConfigKind::kPercentiles:
    case ConfigKind::kReplicaOf:
      break;
  }
  std::string text;
  for (const std::string& word : SplitAtSpaces(value.text)) {
    if (!text.empty()) text += ' ';
    text += QuoteIfNeeded(word);
  }
  return text;
}

// The file as lines, and which lines belong to which directive.
class Lines {
 public:
  explicit Lines(std::string_view old_text);

  // One line of `name`: in the place of its next old line, else at the end if it `must` be there.
  void Put(std::string_view name, std::string line, bool must);
  // No more lines of `name`: old ones that were not used become empty.
  void Close(std::string_view name);
  // Old lines of `name` that were not used yet.
  std::size_t Count(std::string_view name) const;
  std::string Join() const;

 private:
  void Append(std::string_view line);

  std::vector<std::string> lines_;
  std::map<std::string, std::deque<std::size_t>, std::less<>> places_;
  bool has_signature_ = false;
};

Lines::Lines(std::string_view old_text) {
  while (!old_text.empty()) {
    const std::size_t end = std::min(old_text.find('\n'), old_text.size());
    Append(TrimConfigLine(old_text.substr(0, end)));
    old_text.remove_prefix(std::min(end + 1, old_text.size()));
  }
}

void Lines::Append(std::string_view line) {
  if (line.empty() || line.starts_with('#')) {
    has_signature_ |= line == kRewriteSignature;
    lines_.emplace_back(line);
    return;
  }
  const auto words = SplitWords(line);
  const bool has_words = words && !words->empty();
  const ConfigRow* row = has_words ? FindConfigRow((*words)[0]) : nullptr;
  const bool is_known = row != nullptr || (has_words && IsOrderLine(*words));
  if (!is_known) {
    lines_.push_back("# ??? " + std::string(line));
    return;
  }
  if (row != nullptr) places_[std::string(row->name)].push_back(lines_.size());
  if (has_words && EqualsIgnoreCase((*words)[0], kUser))
    places_[std::string(kUser)].push_back(lines_.size());
  lines_.emplace_back(line);
}

void Lines::Put(std::string_view name, std::string line, bool must) {
  const auto found = places_.find(name);
  if (found != places_.end() && !found->second.empty()) {
    lines_[found->second.front()] = std::move(line);
    found->second.pop_front();
    return;
  }
  if (!must) return;
  if (!std::exchange(has_signature_, true)) {
    if (!lines_.empty()) lines_.emplace_back();  // Join keeps one of several
    lines_.emplace_back(kRewriteSignature);
  }
  lines_.push_back(std::move(line));
}

void Lines::Close(std::string_view name) {
  const auto found = places_.find(name);
  if (found == places_.end()) return;
  for (const std::size_t place : found->second) lines_[place].clear();
  places_.erase(found);
}

std::size_t Lines::Count(std::string_view name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? 0 : found->second.size();
}

std::string Lines::Join() const {
  std::string text;
  bool was_empty = false;
  for (const std::string& line : lines_) {
    if (line.empty() && was_empty) continue;
    was_empty = line.empty();
    text += line + "\n";
  }
  return text;
}

void PutSavePoints(const Config& config, Lines& lines) {
  const std::vector<SavePoint> points = config.SavePoints();
  if (points.empty()) lines.Put("save", "save \"\"", true);
  for (const SavePoint& point : points) {
    lines.Put("save", "save " + Int64ToString(point.seconds) + " " + Int64ToString(point.changes),
              true);
  }
}

std::string OutputLimitLine(const ConfigRow& row, OutputClass output_class,
                            const OutputLimit& limit) {
  std::string line(row.name);
  // Files say "replica" where CONFIG GET says "slave".
  const std::string_view name = output_class == OutputClass::kReplica
                                    ? "replica"
                                    : kOutputClassNames[static_cast<std::size_t>(output_class)];
  line.append(" ").append(name).append(" ");
  return line + FormatMemory(limit.hard_bytes) + " " + FormatMemory(limit.soft_bytes) + " " +
         Int64ToString(limit.soft_seconds);
}

// A line for each class whose limits are not the default; old lines beyond those go to the other
// classes. (Redis gives the old lines to the first classes, whatever they are, so that its files
// grow with every rewrite.)
void PutOutputLimits(const ConfigRow& row, const Config& config, Lines& lines) {
  const OutputLimits limits = ReadOutputLimits(config.Text("client-output-buffer-limit"));
  const OutputLimits defaults = config.DefaultOutputLimits();
  std::size_t spare = lines.Count(row.name);
  for (std::size_t i = 0; i < kOutputClassCount; ++i) {
    if (limits[i] != defaults[i] && spare > 0) --spare;
  }
  for (std::size_t i = 0; i < kOutputClassCount; ++i) {
    const bool is_default = limits[i] == defaults[i];
    if (is_default && spare == 0) continue;
    if (is_default) --spare;
    lines.Put(row.name, OutputLimitLine(row, static_cast<OutputClass>(i), limits[i]), true);
  }
}

void PutRow(std::size_t position, const Config& config, RewriteScope scope, Lines& lines) {
  const ConfigRow& row = kConfigRows[position];
  const ConfigValue value = config.ValueAt(position);
  if (row.kind == ConfigKind::kSavePoints) {
    PutSavePoints(config, lines);
  } else if (row.kind == ConfigKind::kOutputLimits) {
    PutOutputLimits(row, config, lines);
  } else if (!(row.drops_empty && value.text.empty())) {
    const bool is_always_written = row.kind == ConfigKind::kPercentiles ||
                                   row.rule == TextRule::kDirectory || scope == RewriteScope::kAll;
    lines.Put(row.name, std::string(row.name) + " " + ValueText(row, value),
              is_always_written || !config.IsDefault(position));
  }
  lines.Close(row.name);
}

}  // namespace

std::string RewriteConfigText(const Config& config, std::string_view old_text, RewriteScope scope,
                              const std::vector<std::string>* user_lines) {
  Lines lines(old_text);
  for (std::size_t i = 0; i < kConfigRowCount; ++i) PutRow(i, config, scope, lines);
  if (user_lines != nullptr) {
    for (const std::string& line : *user_lines) lines.Put(kUser, line, true);
    lines.Close(kUser);
  }
  return lines.Join();
}

Status RewriteConfig(const Config& config, RewriteScope scope,
                     const std::vector<std::string>* user_lines) {
  if (config.file().empty()) {
    return {StatusCode::kInvalid, "ERR The server is running without a config file"};
  }
  const auto failure = [](const Status& status) {
    return Status(status.code(), "ERR Rewriting config file: " + std::string(status.message()));
  };
  auto old_text = ReadConfigFile(config.file());
  if (!old_text) {
    if (old_text.error().code() != StatusCode::kNotFound) return failure(old_text.error());
    old_text = std::string();
  }
  const Status status =
      ReplaceConfigFile(config.file(), RewriteConfigText(config, *old_text, scope, user_lines));
  return status.ok() ? status : failure(status);
}

}  // namespace cairn::server
