// SPDX-License-Identifier: BSD-3-Clause
// What a row's line and access say, against what Redis says of the same command.
#include "command/spec.h"

#include <gtest/gtest.h>

#include <string>

#include "command/spec_cases.h"

namespace cairn::command {
namespace {

std::string TextOf(const KeySpec& spec) {
  if ((spec.flags & (kKeyUnknown | kKeyConcealed)) != 0) return "unknown";
  std::string text = spec.begin == KeySpec::Begin::kIndex ? "index " + std::to_string(spec.index)
                                                          : "keyword " + std::string(spec.keyword) +
                                                                " " + std::to_string(spec.index);
  if (spec.find == KeySpec::Find::kRange) {
    return text + " range " + std::to_string(spec.last) + " " + std::to_string(spec.step) + " " +
           std::to_string(spec.limit);
  }
  return text + " keynum 0 " + std::to_string(spec.first) + " " + std::to_string(spec.step);
}

std::string TextOf(const Spec& spec) {
  std::string text = std::to_string(spec.arity) + " (" + std::to_string(spec.keys.first) + " " +
                     std::to_string(spec.keys.last) + " " + std::to_string(spec.keys.step) + ")";
  if (spec.movable) text += " movable";
  for (std::size_t i = 0; i < spec.key_specs.count; ++i) {
    text += "; " + TextOf(spec.key_specs.specs[i]);
  }
  return text;
}

TEST(Spec, AgreesWithRedis) {
  for (const SpecCase& row : kSpecCasesAToM) {
    EXPECT_EQ(TextOf(row.spec), row.expected) << row.spec.row.syntax;
  }
  for (const SpecCase& row : kSpecCasesMToZ) {
    EXPECT_EQ(TextOf(row.spec), row.expected) << row.spec.row.syntax;
  }
}

constexpr Spec kChildren[] = {
    Spec({.syntax = "BOX OPEN key",
          .access = "RO",
          .since = "1.0.0",
          .group = Group::kServer,
          .complexity = "O(1)",
          .summary = "A case.",
          .run = &RunNothing}),
};
constexpr Row kBox = {.syntax = "BOX",
                      .since = "1.0.0",
                      .group = Group::kServer,
                      .complexity = "O(1)",
                      .summary = "A case.",
                      .subcommands = kChildren};
constexpr Row WithRun(Row row) {
  row.run = &RunNothing;
  return row;
}

TEST(Spec, ContainerNeedsASubcommandUnlessItRuns) {
  constexpr Spec kContainer(kBox);
  constexpr Spec kRuns(WithRun(kBox));
  EXPECT_EQ(kContainer.arity, -2);
  EXPECT_EQ(kRuns.arity, -1);
}

TEST(Spec, SubcommandCountsItsContainersName) {
  EXPECT_EQ(kChildren[0].arity, 3);
  EXPECT_EQ(kChildren[0].name, "OPEN");
  EXPECT_EQ(kChildren[0].container, "BOX");
  EXPECT_EQ(kChildren[0].keys.first, 2);
}

TEST(Spec, ArityOfTheRowWins) {
  constexpr Spec kQuit({.syntax = "QUIT",
                        .since = "1.0.0",
                        .group = Group::kConnection,
                        .complexity = "O(1)",
                        .summary = "A case.",
                        .arity = -1,
                        .run = &RunNothing});
  EXPECT_EQ(kQuit.arity, -1);
}

struct AccessCase {
  std::string_view line;
  std::string_view access;
};

TEST(Spec, AccessThatDoesNotFit) {
  constexpr AccessCase kCases[] = {
      {"GET key", ""},
      {"PING", "RO"},
      {"GET key", "RO; RO"},
      {"GET key", "READ"},
      {"RENAME key newkey", "RW"},
      {"GET key", "RW, OW"},
      {"GET key", "RW, READ WITHOUT GET"},
      {"X [a] key", "RO"},                        // no known index
      {"X [T a b key]", "RO"},                    // not just after its keyword
      {"X key [key ...] [T]", "RO"},              // no known end
      {"X [a key1] key2 [b key]", "RO; RO; RO"},  // no known index
      {"X key newkey source destination destkey", "RO; RO; RO; RO; RO"},  // too many
  };
  for (const AccessCase& row : kCases) {
    const Syntax syntax(row.line);
    ASSERT_EQ(syntax.error(), "") << row.line;
    EXPECT_NE(ReadKeySpecs(syntax, row.access).error, "") << row.line << " / " << row.access;
  }
}

TEST(Spec, NotesAndAlternatives) {
  const Syntax syntax("SET key value [GET]");
  const KeySpecs specs =
      ReadKeySpecs(syntax, "RW ACCESS VARIABLE_FLAGS, OW UPDATE WITHOUT GET MGET: it is so");
  ASSERT_EQ(specs.error, "");
  EXPECT_EQ(specs.specs[0].flags, kKeyRW | kKeyAccess | kKeyVariableFlags);
  EXPECT_EQ(specs.specs[0].else_flags, kKeyOW | kKeyUpdate);
  EXPECT_EQ(specs.specs[0].unless, "GET MGET");
  EXPECT_EQ(specs.specs[0].note, "it is so");
}

}  // namespace
}  // namespace cairn::command
