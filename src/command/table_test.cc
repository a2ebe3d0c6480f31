// SPDX-License-Identifier: BSD-3-Clause
// Lookup by name over all rows of spec_cases.h, the categories, and the help made from rows.
#include "command/table.h"

#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <string>

#include "base/text.h"
#include "command/help.h"
#include "command/spec_cases.h"

namespace cairn::command {
namespace {

constexpr std::string_view kLong =
    "Tells a long story about a box, which is so long that it does not fit into one line of a "
    "terminal and wraps.";

#define SUBCOMMAND(line, row_flags, text) \
  Spec({.syntax = (line),                 \
        .since = "1.0.0",                 \
        .group = Group::kConnection,      \
        .flags = (row_flags),             \
        .complexity = "O(1)",             \
        .summary = (text),                \
        .run = &RunNothing})

constexpr Spec kBoxSubcommands[] = {
    SUBCOMMAND("BOX SHUT [SLOWLY | FAST]", kAdmin, "Shuts it."),
    SUBCOMMAND("BOX NO-EVICT <ON | OFF>", 0, kLong),
    SUBCOMMAND("BOX HELP", 0, "Helps."),
};

#undef SUBCOMMAND

#define ROW(line, key_access, row_group, row_flags, row_categories) \
  Spec({.syntax = (line),                                           \
        .access = (key_access),                                     \
        .since = "1.0.0",                                           \
        .group = (row_group),                                       \
        .flags = (row_flags),                                       \
        .categories = (row_categories),                             \
        .complexity = "O(1)",                                       \
        .summary = "A case.",                                       \
        .run = &RunNothing})

constexpr Spec kRows[] = {
    ROW("GET key", "RO ACCESS", Group::kString, kReadonly | kFast, ""),
    ROW("GETSET key value", "RW", Group::kString, kWrite | kFast | kDenyOom, ""),
    ROW("BITFIELD_RO key", "RO", Group::kBitmap, kReadonly | kFast, ""),
    ROW("KEYS pattern", "", Group::kGeneric, kReadonly, "dangerous"),
    ROW("RESTORE-ASKING key", "OW", Group::kServer, kWrite, "keyspace dangerous"),
    ROW("WAIT numreplicas timeout", "", Group::kGeneric, kBlocking, "connection -keyspace"),
    ROW("EVAL_RO script", "", Group::kScripting, kReadonly, ""),
    ROW("X", "", Group::kServer, kFast, ""),
    ROW("XY", "", Group::kServer, kAdmin, ""),
    Spec({.syntax = "BOX",
          .since = "1.0.0",
          .group = Group::kConnection,
          .complexity = "O(1)",
          .summary = "A container.",
          .subcommands = kBoxSubcommands}),
};

#undef ROW

CommandTable SmallTable() {
  const std::span<const Spec> families[] = {kRows};
  return CommandTable(families);
}

std::string CategoriesText(Categories set) {
  std::string text;
  for (std::size_t i = 0; i < kCategoryNames.size(); ++i) {
    if ((set >> i & 1) != 0) text.append("@").append(kCategoryNames[i]).append(" ");
  }
  return text;
}

TEST(CommandTable, FindsNamesInAnyCase) {
  const CommandTable table = SmallTable();
  for (const CommandTable::Command& command : table.top_level()) {
    EXPECT_EQ(table.Find(command.full_name), &command);
    EXPECT_EQ(table.Find(ToUpper(command.full_name)), &command);
  }
  ASSERT_NE(table.Find("gEt"), nullptr);
  EXPECT_EQ(table.Find("gEt")->full_name, "get");
}

// Every name with one byte changed, cut or added is another name, or the same but for case.
TEST(CommandTable, DoesNotFindNeighbours) {
  const CommandTable table = SmallTable();
  const std::set<std::string> others = {"x", "xy", "get"};
  for (const CommandTable::Command& command : table.top_level()) {
    const std::string& name = command.full_name;
    for (std::size_t i = 0; i < name.size(); ++i) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string changed = name;
        changed[i] = static_cast<char>(byte);
        const bool same = ToLower(changed) == name;
        if (others.contains(ToLower(changed))) continue;
        EXPECT_EQ(table.Find(changed) != nullptr, same) << QuoteString(changed);
      }
    }
    EXPECT_EQ(table.Find(name + "y") != nullptr, others.contains(name + "y")) << name;
    EXPECT_EQ(table.Find(name + std::string(1, '\0')), nullptr);
    const std::string shorter = name.substr(0, name.size() - 1);
    EXPECT_EQ(table.Find(shorter) != nullptr, others.contains(shorter));
  }
  EXPECT_EQ(table.Find(""), nullptr);
  EXPECT_EQ(table.Find(std::string(5000, 'g')), nullptr);
}

TEST(CommandTable, IndicesAreDense) {
  const CommandTable table = SmallTable();
  EXPECT_EQ(table.size(), std::size(kRows) + std::size(kBoxSubcommands));
  EXPECT_EQ(table.top_level().size(), std::size(kRows));
  for (std::size_t i = 0; i < table.size(); ++i) EXPECT_EQ(table.all()[i].index, i);
}

TEST(CommandTable, Subcommands) {
  const CommandTable table = SmallTable();
  const CommandTable::Command* box = table.Find("box");
  ASSERT_NE(box, nullptr);
  const CommandTable::Command* shut = table.FindSubcommand(*box, "sHut");
  ASSERT_NE(shut, nullptr);
  EXPECT_EQ(shut->full_name, "box|shut");
  EXPECT_EQ(table.FindFull("BOX|SHUT"), shut);
  EXPECT_EQ(table.FindFull("box"), box);
  EXPECT_EQ(table.FindFull("box|"), nullptr);
  EXPECT_EQ(table.FindFull("get|shut"), nullptr);
  EXPECT_EQ(table.Find("box|shut"), nullptr);
  EXPECT_EQ(table.Find("shut"), nullptr);
  EXPECT_EQ(table.FindSubcommand(*box, "open"), nullptr);
}

TEST(CommandTable, ResolvesRequests) {
  const CommandTable table = SmallTable();
  const auto resolve = [&](std::vector<std::string_view> args) { return table.Resolve(args); };
  EXPECT_EQ(resolve({"BOX", "shut", "x"}), table.FindFull("box|shut"));
  EXPECT_EQ(resolve({"box"}), table.Find("box"));
  EXPECT_EQ(resolve({"box", "open"}), nullptr);
  EXPECT_EQ(resolve({"get", "shut"}), table.Find("get"));
  EXPECT_EQ(resolve({"none"}), nullptr);
}

TEST(CommandTable, CountsArguments) {
  const CommandTable table = SmallTable();
  for (const CommandTable::Command& command : table.all()) {
    const auto least = static_cast<std::size_t>(std::abs(command.arity));
    EXPECT_FALSE(command.TakesCount(least - 1)) << command.full_name;
    EXPECT_TRUE(command.TakesCount(least)) << command.full_name;
    EXPECT_EQ(command.TakesCount(least + 1), command.arity < 0) << command.full_name;
  }
}

TEST(CommandTable, EmptyTableFindsNothing) {
  const CommandTable table{std::span<const std::span<const Spec>>()};
  EXPECT_EQ(table.Find("get"), nullptr);
  EXPECT_EQ(table.size(), 0u);
}

TEST(CommandTable, HoldsAllRealNames) {
  std::vector<std::span<const Spec>> families;
  std::set<std::string_view> seen;
  const auto add = [&](const Spec& spec) {
    if (spec.container.empty() && seen.insert(spec.name).second) families.emplace_back(&spec, 1);
  };
  for (const SpecCase& row : kSpecCasesAToM) add(row.spec);
  for (const SpecCase& row : kSpecCasesMToZ) add(row.spec);
  const CommandTable table(families);
  for (const std::string_view name : seen) {
    ASSERT_NE(table.Find(name), nullptr) << name;
    EXPECT_EQ(table.Find(name)->spec->name, name);
  }
}

struct CategoryCase {
  std::string_view name;
  std::string_view categories;
};

TEST(CommandTable, Categories) {
  const CommandTable table = SmallTable();
  constexpr CategoryCase kCases[] = {
      {"get", "@read @string @fast "},
      {"getset", "@write @string @fast "},
      {"bitfield_ro", "@read @bitmap @fast "},
      {"keys", "@keyspace @read @slow @dangerous "},
      {"restore-asking", "@keyspace @write @slow @dangerous "},
      {"wait", "@slow @blocking @connection "},
      {"eval_ro", "@slow @scripting "},
      {"x", "@fast "},
      {"xy", "@admin @slow @dangerous "},
      {"box", "@slow "},
      {"box|shut", "@admin @slow @dangerous @connection "},
  };
  for (const CategoryCase& row : kCases) {
    const CommandTable::Command* command = table.FindFull(row.name);
    ASSERT_NE(command, nullptr) << row.name;
    EXPECT_EQ(CategoriesText(command->categories), row.categories) << row.name;
  }
  EXPECT_EQ(CategoryNamed("nosuch"), 0u);
  EXPECT_EQ(CategoryNamed("READ"), CategoryNamed("read"));
}

TEST(CommandTableDeathTest, RowsThatClash) {
  const std::span<const Spec> families[] = {kRows, kRows};
  EXPECT_DEATH(CommandTable{families}, "CHECK failed");
}

TEST(Help, LinesOfAContainer) {
  const CommandTable table = SmallTable();
  const std::vector<std::string> expected = {
      "BOX <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "NO-EVICT <ON | OFF>",
      "    Tells a long story about a box, which is so long that it does not fit into",
      "    one line of a terminal and wraps.",
      "SHUT [SLOWLY | FAST]",
      "    Shuts it.",
      "HELP",
      "    Prints this help.",
  };
  EXPECT_EQ(HelpLines(*table.Find("box"), "box"), expected);
}

}  // namespace
}  // namespace cairn::command
