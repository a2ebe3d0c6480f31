// SPDX-License-Identifier: BSD-3-Clause
// Rules that all rows keep.
#include "engine/families.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "command/category.h"
#include "command/spec.h"

namespace cairn::engine {
namespace {

std::vector<const command::Spec*> AllRows() {
  std::vector<const command::Spec*> rows;
  for (const std::span<const command::Spec> family : EngineFamilies()) {
    for (const command::Spec& spec : family) {
      rows.push_back(&spec);
      for (const command::Spec& subcommand : spec.row.subcommands) rows.push_back(&subcommand);
    }
  }
  return rows;
}

// Commands of our own have a dot in their names, which Redis's never have.
bool IsOurs(const command::Spec& spec) {
  return spec.name.contains('.') || spec.container.contains('.');
}

// Since which Cairn for commands of our own, since which Redis for the others.
TEST(Rows, SayTheirSinceByOneRule) {
  int ours = 0;
  for (const command::Spec* spec : AllRows()) {
    SCOPED_TRACE(spec->row.syntax);
    EXPECT_EQ(spec->row.since.starts_with("0."), IsOurs(*spec)) << spec->row.since;
    ours += IsOurs(*spec) ? 1 : 0;
  }
  EXPECT_GT(ours, 30);
}

// What only the command log is meant to hold can be said by clients, too, since a log may be sent
// through one; but not by just any.
TEST(Rows, OfTheLogAreDangerous) {
  int of_the_log = 0;
  for (const command::Spec* spec : AllRows()) {
    if ((spec->row.flags & command::kSystemCommand) == 0) continue;
    const command::Categories dangerous = command::CategoryNamed("dangerous");
    EXPECT_NE(command::CategoriesOf(spec->row) & dangerous, 0) << spec->row.syntax;
    ++of_the_log;
  }
  EXPECT_GE(of_the_log, 3);
}

// Arguments that stand for keys are held against a user's rights.
TEST(Rows, NameWhatStandsForKeys) {
  int found = 0;
  for (const command::Spec* spec : AllRows()) {
    if (!IsOurs(*spec)) continue;
    const std::string_view syntax = spec->row.syntax;
    const bool stands_for_keys =
        syntax.contains(" tag:string") || syntax.contains(" prefix") || syntax.contains(" pattern");
    EXPECT_EQ(spec->row.find_scopes != nullptr, stands_for_keys) << syntax;
    found += stands_for_keys ? 1 : 0;
  }
  EXPECT_GE(found, 11);
}

}  // namespace
}  // namespace cairn::engine
