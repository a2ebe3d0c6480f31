// SPDX-License-Identifier: BSD-3-Clause
// Goal: a script is read as README.md says, an unchanged one is written back byte for byte, and a
// changed expectation changes its own lines only.
#include "compat/script.h"

#include <gtest/gtest.h>

#include "compat/runner.h"

namespace cairn::compat {
namespace {

constexpr std::string_view kText =
    "# Title.\n"
    "@since 2.0\n"
    "\n"
    "== one\n"
    "@config a b\n"
    "> SET k \"a  b\"   +OK\n"
    "> MGET k\n"
    "    [\"a\",\n"
    "     \"b\"]\n"
    "A> HELLO 3  [:1]\n"
    "3< map{:1 => :2}\n"
    "A< \"x\"\n"
    "\n"
    "== two\n"
    ">> \"PING\\r\\n\"\n"
    "B>? EXISTS k  :0\n";

Script Parsed(std::string_view text) {
  Result<Script> script = Script::Parse("x.txt", text);
  EXPECT_TRUE(script.has_value()) << (script ? "" : script.error().message());
  return script ? std::move(*script) : Script();
}

TEST(Script, ReadsStepsAndDirectives) {
  const Script script = Parsed(kText);
  ASSERT_EQ(script.sections().size(), 2u);
  const Section& one = script.sections()[0];
  EXPECT_EQ(one.title, "one");
  EXPECT_EQ(one.directives.since, "2.0");
  ASSERT_EQ(one.directives.config.size(), 1u);
  EXPECT_FALSE(one.directives.over_wire);
  ASSERT_EQ(script.step_count(), 6u);
  EXPECT_EQ(script.step(0).command, "SET k \"a  b\"");
  EXPECT_EQ(script.step(0).At(Slot::kBase), "+OK");
  EXPECT_EQ(script.step(1).At(Slot::kBase), "[\"a\", \"b\"]");
  EXPECT_EQ(script.step(2).client, "A");
  EXPECT_EQ(script.step(2).At(Slot::kResp3), "map{:1 => :2}");
  EXPECT_EQ(script.step(3).kind, StepKind::kRead);
  EXPECT_TRUE(script.sections()[1].directives.over_wire);
  EXPECT_EQ(script.step(4).kind, StepKind::kBytes);
  EXPECT_FALSE(script.step(4).At(Slot::kBase).has_value());
  EXPECT_EQ(script.step(5).kind, StepKind::kEventually);
}

TEST(Script, UnchangedTextIsKeptByteForByte) {
  EXPECT_EQ(Parsed(kText).Text(), kText);
  EXPECT_FALSE(Parsed(kText).changed());
}

TEST(Script, ChangedExpectationChangesItsLinesOnly) {
  Script script = Parsed(kText);
  script.step(0).Expect(Slot::kBase, "-ERR no");
  script.step(2).Expect(Slot::kResp3, std::nullopt);
  std::string expected(kText);
  expected.replace(expected.find("> SET k"), std::string_view("> SET k \"a  b\"   +OK\n").size(),
                   "> SET k \"a  b\"                          -ERR no\n");
  expected.replace(expected.find("A> HELLO"),
                   std::string_view("A> HELLO 3  [:1]\n3< map{:1 => :2}\n").size(),
                   "A> HELLO 3                              [:1]\n");
  EXPECT_EQ(script.Text(), expected);
}

TEST(Script, LongRepliesAreWrappedAndReadBack) {
  Script script = Parsed("> MGET a\n");
  std::string reply = "[";
  for (int i = 0; i < 60; ++i) reply += "\"item, " + std::to_string(i) + "\", ";
  reply += "nil]";
  script.step(0).Expect(Slot::kBase, reply);
  const std::string text = script.Text();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    EXPECT_LE(end - at, 100u);
    at = end + 1;
  }
  EXPECT_EQ(Parsed(text).step(0).At(Slot::kBase), reply);
}

TEST(Script, BadLinesAreErrors) {
  for (const std::string_view bad :
       {"GET k\n", "@nonsense\n", "@only valkey\n", "> \n", "b> GET\n"}) {
    EXPECT_FALSE(Script::Parse("x.txt", bad).has_value()) << bad;
  }
}

Outcome Got(int protocol, testing::Reply reply) {
  return {.kind = Outcome::Kind::kReply,
          .reply = std::move(reply),
          .error = {},
          .protocol = protocol,
          .fits = false};
}

TEST(Record, OneLineForBothProtocolsWherePossible) {
  using testing::Reply;
  using testing::ReplyType;
  Script script = Parsed("> A\n> B\n");
  const Reply one{.type = ReplyType::kInteger, .text = "1", .items = {}};
  const Reply key{.type = ReplyType::kBulk, .text = "k", .items = {}};
  const Reply flat{.type = ReplyType::kArray, .text = "", .items = {key, one}};
  const Reply map{.type = ReplyType::kMap, .text = "", .items = {key, one}};
  Record(script, {Got(2, flat), Got(2, one)}, {Got(3, map), Got(3, flat)});
  EXPECT_EQ(script.step(0).At(Slot::kBase), "map{\"k\" => :1}");
  EXPECT_FALSE(script.step(0).At(Slot::kResp3).has_value());
  EXPECT_EQ(script.step(1).At(Slot::kBase), ":1");
  EXPECT_EQ(script.step(1).At(Slot::kResp3), "[\"k\", :1]");
}

}  // namespace
}  // namespace cairn::compat
