// SPDX-License-Identifier: BSD-3-Clause
// Goal: what is written in a script means what README.md says. Method: tables of text and meaning,
// and the identity Pattern(Notate(reply)) fits reply.
#include "support/notation.h"

#include <gtest/gtest.h>

#include <span>

#include "support/pattern.h"

namespace cairn::testing {
namespace {

Reply Decode(std::string_view bytes) {
  Result<std::optional<Decoded>> decoded = DecodeReply(bytes);
  EXPECT_TRUE(decoded.has_value() && decoded->has_value()) << bytes;
  return decoded.has_value() && decoded->has_value() ? (*decoded)->reply : Reply{};
}

bool Fits(std::string_view pattern, std::string_view bytes, int protocol) {
  Variables variables{{"name", "12"}};
  const Result<Pattern> parsed = Pattern::Parse(pattern, variables);
  EXPECT_TRUE(parsed.has_value()) << pattern;
  return parsed && parsed->Matches(Decode(bytes), protocol, variables);
}

TEST(Notation, WordsExpand) {
  const Variables variables{{"name", "12"}};
  struct Row {
    std::string_view line;
    std::vector<std::string> words;
  };
  const Row rows[] = {
      {"SET k v", {"SET", "k", "v"}},
      {R"("" "a b" "\x00\xfF\r\n\"\\")", {"", "a b", std::string("\x00\xff\r\n\"\\", 6)}},
      {"${ab*3} x${name}y ${name+3} ${name-13}", {"ababab", "x12y", "15", "-1"}},
      {"k${1..3}v", {"k1v", "k2v", "k3v"}},
      {R"("a \${name}")", {"a ${name}"}},
      {"{tag}key", {"{tag}key"}},
  };
  for (const Row& row : rows) {
    const auto words = ParseWords(row.line, variables);
    ASSERT_TRUE(words.has_value()) << row.line;
    EXPECT_EQ(*words, row.words) << row.line;
  }
  for (const std::string_view bad :
       {R"("open)", R"("a"b)", R"("\q")", R"("\x1")", "${none}", "${1..}", "${x*-1}", "${name"}) {
    EXPECT_FALSE(ParseWords(bad, variables).has_value()) << bad;
  }
}

TEST(Notation, RepetitionHasALimit) {
  EXPECT_FALSE(Expand("${x*67108865}", {}).has_value());
  EXPECT_FALSE(ParseWords("${1..1048577}", {}).has_value());
  EXPECT_TRUE(Expand("${x*1048576}", {}).has_value());
}

TEST(Notation, EveryReplyFitsItsOwnNotation) {
  const std::string_view replies[] = {
      "+OK\r\n",
      "-ERR a, \"b\" [c]\r\n",
      ":-5\r\n",
      "$3\r\na\x01z\r\n",
      "$0\r\n\r\n",
      "*0\r\n",
      "*2\r\n*1\r\n+a b\r\n-ERR x\r\n",
      "%1\r\n$1\r\na\r\n,1.5\r\n",
      "~2\r\n#t\r\n#f\r\n",
      "_\r\n",
      "(123456789012345678901234567890\r\n",
      "=7\r\ntxt:a b\r\n",
      "!5\r\nERR x\r\n",
      ">1\r\n$1\r\na\r\n",
      "|1\r\n+k\r\n:1\r\n:2\r\n",
      ",inf\r\n",
      "$4\r\n${x}\r\n",
  };
  for (const std::string_view bytes : replies) {
    EXPECT_TRUE(Fits(Notate(Decode(bytes)), bytes, 3)) << Notate(Decode(bytes));
  }
  for (const std::string_view bytes : {"$-1\r\n", "*-1\r\n", "*2\r\n$-1\r\n*-1\r\n"}) {
    EXPECT_TRUE(Fits(Notate(Decode(bytes)), bytes, 2)) << Notate(Decode(bytes));
  }
}

struct PatternRow {
  std::string_view pattern;
  std::string_view reply;
  int protocol;
  bool fits;
};

void CheckRows(std::span<const PatternRow> rows) {
  for (const PatternRow& row : rows) {
    EXPECT_EQ(Fits(row.pattern, row.reply, row.protocol), row.fits)
        << row.pattern << " against " << row.reply;
  }
}

TEST(Pattern, OneLineServesBothProtocols) {
  const PatternRow rows[] = {
      {"nil", "$-1\r\n", 2, true},
      {"nil", "*-1\r\n", 2, false},
      {"nil*", "*-1\r\n", 2, true},
      {"nil", "_\r\n", 3, true},
      {"nil*", "_\r\n", 3, true},
      {"nil", "$-1\r\n", 3, false},
      {"map{\"a\" => :1}", "*2\r\n$1\r\na\r\n:1\r\n", 2, true},
      {"map{\"a\" => :1}", "*2\r\n$1\r\na\r\n:1\r\n", 3, false},
      {"map{\"a\" => :1}", "%1\r\n$1\r\na\r\n:1\r\n", 3, true},
      {"set{:1, :2}", "~2\r\n:2\r\n:1\r\n", 3, true},
      {"set{:1, :2}", "*2\r\n:2\r\n:1\r\n", 2, true},
      {",1.5", ",1.5\r\n", 3, true},
      {",1.5", "$3\r\n1.5\r\n", 2, true},
      {",1.5", "$3\r\n1.5\r\n", 3, false},
      {"=txt:\"hi\"", "$2\r\nhi\r\n", 2, true},
      {"=txt:\"hi\"", "=6\r\ntxt:hi\r\n", 3, true},
      {"#t", ":1\r\n", 2, true},
      {"#t", "#t\r\n", 3, true},
      {"+OK", "$2\r\nOK\r\n", 2, false},
  };
  CheckRows(rows);
}

TEST(Pattern, Holes) {
  const PatternRow rows[] = {
      {"(any)", "*1\r\n:1\r\n", 2, true},
      {"(int 1..10)", ":10\r\n", 2, true},
      {"(int 1..10)", ":11\r\n", 2, false},
      {"(int ..10)", ":-4\r\n", 2, true},
      {"(int)", "$1\r\n1\r\n", 2, false},
      {"(int ${name}..${name+1})", ":13\r\n", 2, true},
      {"(num 0.5..2)", "$3\r\n1.5\r\n", 2, true},
      {"(match \"a*c\")", "$3\r\nabc\r\n", 2, true},
      {"(match \"a*c\")", "-abc\r\n", 2, false},
      {"(error \"ERR *\")", "-ERR x\r\n", 2, true},
      {"(error \"ERR *\")", "+ERR x\r\n", 2, false},
      {"(len 3)", "$3\r\nabc\r\n", 2, true},
      {"(len 4..)", "$3\r\nabc\r\n", 2, false},
      {"(has \"a:*\" \"b:1\")", "$10\r\na:5\r\nb:1\r\n\r\n", 2, true},
      {"(has \"a:*\" \"b:2\")", "$10\r\na:5\r\nb:1\r\n\r\n", 2, false},
      {"(lacks \"c:*\")", "$10\r\na:5\r\nb:1\r\n\r\n", 2, true},
      {"(or :1 | nil)", "$-1\r\n", 2, true},
      {"(or :1 | nil)", ":2\r\n", 2, false},
      {"{\"a\", \"b\"}", "*2\r\n$1\r\nb\r\n$1\r\na\r\n", 2, true},
      {"{(any), \"b\"}", "*2\r\n$1\r\nb\r\n$1\r\na\r\n", 2, true},
      {"{\"a\", \"a\"}", "*2\r\n$1\r\nb\r\n$1\r\na\r\n", 2, false},
      {"{\"a\", ...}", "*2\r\n$1\r\nb\r\n$1\r\na\r\n", 2, true},
      {"{\"a\" => :1, :2 => :3}", "%2\r\n:2\r\n:3\r\n$1\r\na\r\n:1\r\n", 3, true},
      {"{\"a\" => :1, :2 => :3}", "*4\r\n:2\r\n:3\r\n$1\r\na\r\n:1\r\n", 2, true},
      {"{\"a\" => :1, ...}", "*4\r\n:2\r\n:3\r\n$1\r\na\r\n:1\r\n", 2, true},
      {"{\"a\" => :3, ...}", "*4\r\n:2\r\n:3\r\n$1\r\na\r\n:1\r\n", 2, false},
      {"[:1, ...]", "*3\r\n:1\r\n:2\r\n:3\r\n", 2, true},
      {"[:1, ...]", "*0\r\n", 2, false},
      {"[:1]", "*2\r\n:1\r\n:2\r\n", 2, false},
      {"-\"ERR a\"", "-ERR a\r\n", 2, true},
  };
  CheckRows(rows);
}

TEST(Pattern, CaptureKeepsTheText) {
  Variables variables;
  const auto pattern = Pattern::Parse("[(set id (int 1..)), (set name)]", variables);
  ASSERT_TRUE(pattern.has_value());
  EXPECT_TRUE(pattern->Matches(Decode("*2\r\n:7\r\n$1\r\nx\r\n"), 2, variables));
  EXPECT_EQ(variables["id"], "7");
  EXPECT_EQ(variables["name"], "x");
}

TEST(Pattern, BadTextIsAnError) {
  for (const std::string_view bad :
       {"OK", "[:1", "map{:1}", "(int x)", "(nothing)", "\"a", ":1 :2", "(match)", ""}) {
    Variables variables;
    EXPECT_FALSE(Pattern::Parse(bad, variables).has_value()) << bad;
  }
}

}  // namespace
}  // namespace cairn::testing
