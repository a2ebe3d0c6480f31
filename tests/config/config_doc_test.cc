// SPDX-License-Identifier: BSD-3-Clause
// docs/configuration.md shows a table of all directives, made from their rows. The test holds the
// page against the rows; UPDATE=1 writes it anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/text.h"
#include "server/config_rows.h"
#include "support/files.h"

namespace cairn::testing {
namespace {

using server::ConfigArea;
using server::ConfigEffect;
using server::ConfigKind;
using server::ConfigRow;

constexpr std::string_view kBegin = "<!-- table: begin -->\n";
constexpr std::string_view kEnd = "<!-- table: end -->\n";

std::string_view Effect(const ConfigRow& row) {
  switch (row.effect) {
    case ConfigEffect::kApplied:
      return "applies";
    case ConfigEffect::kKept:
      return "kept";
    case ConfigEffect::kIgnored:
      return "ignored";
  }
  return "";
}

std::string Bounds(const ConfigRow& row) {
  const std::string min = Int64ToString(row.range.min);
  if (row.range.max == server::kInt64Max || row.range.max == server::kInt32Max ||
      row.range.max == server::kUint32Max) {
    return row.range.min == server::kInt32Min ? "" : " from " + min;
  }
  return " " + min + " to " + Int64ToString(row.range.max);
}

std::string ChoiceWords(const ConfigRow& row) {
  std::string words;
  for (const server::ChoiceName& choice : row.choices) {
    if (!words.empty()) words += ", ";
    words += choice.name;
  }
  return words;
}

std::string Values(const ConfigRow& row) {
  switch (row.kind) {
    case ConfigKind::kBool:
      return "yes, no";
    case ConfigKind::kInteger:
      return "number" + Bounds(row);
    case ConfigKind::kOctal:
      return "octal number";
    case ConfigKind::kMemory:
      return "size" + Bounds(row);
    case ConfigKind::kMemoryOfHost:
    case ConfigKind::kMemoryOfLimit:
      return "size or percent";
    case ConfigKind::kChoice:
      return ChoiceWords(row);
    case ConfigKind::kChoiceSet:
      return "any of " + ChoiceWords(row);
    case ConfigKind::kEvents:
      return "letters";
    case ConfigKind::kText:
      return "text";
    case ConfigKind::kAddresses:
    case ConfigKind::kSavePoints:
    case ConfigKind::kOutputLimits:
    case ConfigKind::kOomValues:
    case ConfigKind::kPercentiles:
    case ConfigKind::kReplicaOf:
      return "list";
  }
  return "";
}

std::string Notes(const ConfigRow& row) {
  std::string notes;
  if (row.immutable) notes += " Only at start.";
  if (row.guarded) notes += " Guarded.";
  if (row.hidden) notes += " Hidden.";
  if (!row.alias.empty()) notes += " Also `" + std::string(row.alias) + "`.";
  return notes;
}

std::string TableLine(const ConfigRow& row) {
  std::string line = "| `" + std::string(row.name) + "` | ";
  line += row.name == "io-threads"
              ? "cores"
              : (row.default_text.empty() ? "" : "`" + std::string(row.default_text) + "`");
  line += " | " + Values(row) + " | " + std::string(Effect(row)) + " | " +
          std::string(row.summary) + "." + Notes(row) + " |\n";
  return line;
}

std::string Table() {
  std::string table;
  for (const ConfigArea& area : server::kConfigAreas) {
    table += "\n## " + std::string(area.title) +
             "\n\n| directive | default | values | here | what it does |\n|---|---|---|---|---|\n";
    for (const ConfigRow& row : area.rows) table += TableLine(row);
  }
  return table + "\n";
}

TEST(ConfigurationPage, TableIsThatOfTheRows) {
  const std::string path =
      (std::filesystem::path(CAIRN_SOURCE_DIR) / "docs" / "configuration.md").string();
  const auto page = ReadFile(path);
  ASSERT_TRUE(page.has_value()) << page.error().message();
  const std::size_t begin = page->find(kBegin);
  const std::size_t end = page->find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  std::string right = page->substr(0, begin + kBegin.size()) + Table() + page->substr(end);
  if (std::getenv("UPDATE") != nullptr) {
    ASSERT_TRUE(WriteFile(path, right).ok());
  } else {
    EXPECT_EQ(*page, right) << "run again with UPDATE=1";
  }
}

}  // namespace
}  // namespace cairn::testing
