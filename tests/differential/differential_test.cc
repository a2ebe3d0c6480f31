// SPDX-License-Identifier: BSD-3-Clause
// Goal: grammars are read whole, sequences replay from their seed and never ask for the same
// relative time twice, and two replies agree exactly where they must.
#include <gtest/gtest.h>

#include "base/text.h"
#include "differential/comparison.h"
#include "differential/generator.h"
#include "differential/grammar.h"

namespace cairn::differential {
namespace {

using testing::DecodeReply;
using testing::Reply;

std::string Bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

std::string Pairs(std::initializer_list<std::pair<std::string_view, std::string>> pairs) {
  std::string out = "%" + std::to_string(pairs.size()) + "\r\n";
  for (const auto& [name, value] : pairs) out += Bulk(name) + value;
  return out;
}

Reply Decode(const std::string& bytes) {
  Result<std::optional<testing::Decoded>> decoded = DecodeReply(bytes);
  EXPECT_TRUE(decoded.has_value() && decoded->has_value()) << bytes;
  return (*decoded)->reply;
}

// "SET key value [NX | IFEQ old] [EX seconds]" as COMMAND DOCS has it.
Reply SetDocs() {
  const std::string optional = "~1\r\n+optional\r\n";
  const std::string key = Pairs({{"name", Bulk("key")}, {"type", Bulk("key")}});
  const std::string value = Pairs({{"name", Bulk("value")}, {"type", Bulk("string")}});
  const std::string nx =
      Pairs({{"name", Bulk("nx")}, {"type", Bulk("pure-token")}, {"token", Bulk("NX")}});
  const std::string ifeq =
      Pairs({{"name", Bulk("old")}, {"type", Bulk("string")}, {"token", Bulk("IFEQ")}});
  const std::string condition = Pairs({{"name", Bulk("condition")},
                                       {"type", Bulk("oneof")},
                                       {"flags", optional},
                                       {"arguments", "*2\r\n" + nx + ifeq}});
  const std::string seconds = Pairs({{"name", Bulk("seconds")},
                                     {"type", Bulk("integer")},
                                     {"token", Bulk("EX")},
                                     {"flags", optional}});
  return Decode(
      Pairs({{"set", Pairs({{"arguments", "*4\r\n" + key + value + condition + seconds}})}}));
}

TEST(Grammar, ReadsArguments) {
  const std::optional<CommandGrammar> grammar = ParseDocs("set", SetDocs());
  ASSERT_TRUE(grammar.has_value());
  ASSERT_EQ(grammar->arguments.size(), 4u);
  EXPECT_EQ(grammar->words, std::vector<std::string>{"SET"});
  EXPECT_EQ(grammar->arguments[0].type, ArgumentType::kKey);
  EXPECT_TRUE(grammar->arguments[2].optional);
  EXPECT_EQ(grammar->arguments[2].children.size(), 2u);
  EXPECT_EQ(Tokens(*grammar), (std::set<std::string>{"NX", "IFEQ", "EX"}));
  EXPECT_EQ(ParseDocs("object|encoding", SetDocs())->words,
            (std::vector<std::string>{"OBJECT", "ENCODING"}));
  EXPECT_FALSE(ParseDocs("none", Decode("%0\r\n")).has_value());
}

TEST(Grammar, RestrictLeavesOutWhatTheOtherDoesNotKnow) {
  const CommandGrammar grammar = *ParseDocs("set", SetDocs());
  const CommandGrammar older = Restrict(grammar, {"NX", "EX"});
  ASSERT_EQ(older.arguments.size(), 4u);
  EXPECT_EQ(older.arguments[2].children.size(), 1u);
  const CommandGrammar oldest = Restrict(grammar, {});
  EXPECT_EQ(oldest.arguments.size(), 2u);
}

TEST(Generator, TheSameSeedMakesTheSameSequences) {
  const std::vector<CommandGrammar> grammars = {*ParseDocs("set", SetDocs())};
  Generator one(grammars, 7);
  Generator two(grammars, 7);
  Generator other(grammars, 8);
  const Sequence sequence = one.NextSequence(200);
  EXPECT_EQ(sequence, two.NextSequence(200));
  EXPECT_NE(sequence, other.NextSequence(200));
}

TEST(Generator, TransactionsAreClosed) {
  const std::vector<CommandGrammar> grammars = {*ParseDocs("set", SetDocs())};
  Generator generator(grammars, 3);
  int open = 0;
  int executed = 0;
  for (const Command& command : generator.NextSequence(5000)) {
    if (command.front() == "MULTI") open = 1;
    executed += command.front() == "EXEC" ? open : 0;
    if (command.front() == "EXEC" || command.front() == "DISCARD") open = 0;
  }
  EXPECT_EQ(open, 0);
  EXPECT_GT(executed, 50);
}

TEST(Generator, RelativeTimesNeverRepeat) {
  const std::vector<CommandGrammar> grammars = {*ParseDocs("set", SetDocs())};
  Generator generator(grammars, 1);
  std::set<std::int64_t> seen;
  for (const Command& command : generator.NextSequence(5000)) {
    for (std::size_t i = 0; i + 1 < command.size(); ++i) {
      if (!EqualsIgnoreCase(command[i], "EX")) continue;
      const std::optional<std::int64_t> seconds = ParseInt64(command[i + 1]);
      if (!seconds || *seconds < 1000 || *seconds > 2'000'000) continue;
      EXPECT_TRUE(seen.insert(*seconds).second) << *seconds;
    }
  }
  EXPECT_GT(seen.size(), 1000u);
}

TEST(Agree, ByCommand) {
  struct Row {
    Command command;
    std::string ours;
    std::string theirs;
    bool agree;
  };
  const Row rows[] = {
      {{"GET", "k"}, "$1\r\na\r\n", "$1\r\na\r\n", true},
      {{"GET", "k"}, "$1\r\na\r\n", "+a\r\n", false},
      {{"GET", "k"}, "$-1\r\n", "*-1\r\n", false},
      {{"KEYS", "*"}, "*2\r\n+a\r\n+b\r\n", "*2\r\n+b\r\n+a\r\n", true},
      {{"KEYS", "*"}, "*2\r\n+a\r\n+b\r\n", "*2\r\n+b\r\n+b\r\n", false},
      {{"MGET", "a"}, "*2\r\n+a\r\n+b\r\n", "*2\r\n+b\r\n+a\r\n", false},
      {{"SCAN", "0"}, "*2\r\n+0\r\n*2\r\n+a\r\n+b\r\n", "*2\r\n+0\r\n*2\r\n+b\r\n+a\r\n", true},
      {{"SCAN", "0"}, "*2\r\n+0\r\n*1\r\n+a\r\n", "*2\r\n+0\r\n*2\r\n+b\r\n+a\r\n", false},
      {{"SCAN", "0"}, "*2\r\n+5\r\n*0\r\n", "*2\r\n+0\r\n*1\r\n+a\r\n", true},
      {{"SCAN", "x"}, "-ERR a\r\n", "-ERR b\r\n", false},
      {{"ttl", "k"}, ":100\r\n", ":98\r\n", true},
      {{"TTL", "k"}, ":100\r\n", ":90\r\n", false},
      {{"TTL", "k"}, ":-1\r\n", ":-2\r\n", false},
      {{"TTL", "k"}, ":-1\r\n", ":2\r\n", false},
      {{"RANDOMKEY"}, "$1\r\na\r\n", "$1\r\nb\r\n", true},
      {{"RANDOMKEY"}, "$1\r\na\r\n", "$-1\r\n", false},
      {{"DBSIZE"}, ":3\r\n", ":4\r\n", true},
      {{"DBSIZE"}, ":4\r\n", ":3\r\n", false},
      {{"OBJECT", "REFCOUNT", "k"}, ":1\r\n", ":2147483647\r\n", true},
      {{"OBJECT", "ENCODING", "k"}, "+int\r\n", "+raw\r\n", false},
      {{"BITCOUNT", "k", "0"}, "-ERR syntax error\r\n", ":0\r\n", true},
      {{"BITCOUNT", "k", "0"}, "-ERR syntax error\r\n", ":3\r\n", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Agree(row.command, Decode(row.ours), Decode(row.theirs)), row.agree)
        << row.command.front() << " " << row.ours << " " << row.theirs;
  }
}

}  // namespace
}  // namespace cairn::differential
