// SPDX-License-Identifier: BSD-3-Clause
// Trees are compared as text: name:type, "TOKEN=" before an argument's token, "?" optional, "*"
// multiple, "+" multiple with the token again; "(...)" a block, "{...|...}" a choice.
#include "command/syntax.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"

namespace cairn::command {
namespace {

std::string TreeOf(const Syntax& syntax, NodeId first, std::string_view separator) {
  std::string text;
  for (NodeId id = first; id != kNoNode; id = syntax.node(id).next) {
    const Node& node = syntax.node(id);
    if (!text.empty()) text.append(separator);
    if (!node.token.empty()) text.append(node.token).append("=");
    switch (node.kind) {
      case NodeKind::kArgument:
        text.append(node.text).append(":").append(TypeName(node));
        break;
      case NodeKind::kToken:
        text.append(node.text);
        break;
      case NodeKind::kChoice:
        text.append("{").append(TreeOf(syntax, node.child, "|")).append("}");
        break;
      case NodeKind::kBlock:
        text.append("(").append(TreeOf(syntax, node.child, " ")).append(")");
        break;
    }
    if (node.optional) text.append("?");
    if (node.multiple) text.append(node.multiple_token ? "+" : "*");
  }
  return text;
}

struct TreeCase {
  std::string_view line;
  std::string_view tree;
};

constexpr TreeCase kTrees[] = {
    {"PING [message]", "message:string?"},
    {"DEL key [key ...]", "key:key*"},
    {"MSET key value [key value ...]", "(key:key value:string)*"},
    {"GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
     "key:key {NX|XX}? CH? (longitude:double latitude:double member:string)*"},
    {"SET key value [NX | XX] [GET] [EX seconds | PXAT unix-time-milliseconds | KEEPTTL]",
     "key:key value:string {NX|XX}? GET? "
     "{EX=seconds:integer|PXAT=unix-time-milliseconds:unix-time|KEEPTTL}?"},
    {"BITCOUNT key [start end [BYTE | BIT]]", "key:key (start:integer end:integer {BYTE|BIT}?)?"},
    {"SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]]",
     "key:key BY=pattern:pattern? LIMIT=(offset:integer count:integer)? GET=pattern:pattern?+"},
    {"CLIENT LIST [TYPE <NORMAL | PUBSUB>] [ID client-id [client-id ...]]",
     "TYPE={NORMAL|PUBSUB}? ID=client-id:integer?*"},
    {"FAILOVER [TO host port [FORCE]] [ABORT]", "TO=(host:string port:integer FORCE?)? ABORT?"},
    {"MODULE LOADEX path [CONFIG name value [CONFIG name value ...]] [ARGS arg [arg ...]]",
     "path:string CONFIG=(name:string value:string)?+ ARGS=arg:string?*"},
    {"HELLO [protover [AUTH username password] [SETNAME clientname]]",
     "(protover:integer AUTH=(username:string password:string)? SETNAME=clientname:string?)?"},
    {"XREADGROUP <GROUP group consumer> [COUNT count] STREAMS key [key ...] id [id ...]",
     "GROUP=(group:string consumer:string) COUNT=count:integer? STREAMS=(key:key* id:string*)"},
    {"REPLICAOF <host port | NO ONE>", "{(host:string port:integer)|(NO ONE)}"},
    {"MIGRATE host port <key | \"\"> destination-db timeout",
     "host:string port:integer {key:key|\"\"} destination-db:integer timeout:integer"},
    {"XADD key [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field "
     "value "
     "...]",
     "key:key ({MAXLEN|MINID} {=|~}? threshold:string LIMIT=count:integer?)? {*|id:string} "
     "(field:string value:string)*"},
    {"BITFIELD key [<GET encoding offset | [OVERFLOW <WRAP | SAT>] <SET encoding offset value>> "
     "[...]]",
     "key:key {GET=(encoding:string offset:integer)|"
     "(OVERFLOW={WRAP|SAT}? SET=(encoding:string offset:integer value:string))}?*"},
    {"BITFIELD key [GET offset | [OVERFLOW <WRAP | SAT>] <SET value | INCRBY increment> [GET "
     "offset | "
     "[OVERFLOW <WRAP | SAT>] <SET value | INCRBY increment> ...]]",
     "key:key {GET=offset:integer|(OVERFLOW={WRAP|SAT}? "
     "{SET=value:string|INCRBY=increment:integer})}?*"},
    {"COMMAND GETKEYS command [arg ...]", "command:string arg:string?*"},
    {"EVAL script numkeys [key [key ...]] [arg [arg ...]]",
     "script:string numkeys:integer key:key?* arg:string?*"},
    {"CLUSTER KEYSLOT key:string", "key:string"},
    {"BLPOP key [key ...] timeout:double", "key:key* timeout:double"},
    {"CLIENT KILL <ip:port | <ID client-id | USER username> [...]>",
     "{ip:port:string|{ID=client-id:integer|USER=username:string}*}"},
    {"RESTORE-ASKING key", "key:key"},
    {"PING   [ message ]", "message:string?"},
};

TEST(Syntax, Tree) {
  for (const TreeCase& row : kTrees) {
    SCOPED_TRACE(row.line);
    const Syntax syntax(row.line);
    EXPECT_EQ(syntax.error(), "");
    EXPECT_EQ(TreeOf(syntax, syntax.first(), " "), row.tree);
  }
}

TEST(Syntax, NamesOfCommandAndContainer) {
  EXPECT_EQ(Syntax("SET key").name(), "SET");
  EXPECT_EQ(Syntax("SET key").container(), "");
  EXPECT_EQ(Syntax("CLIENT NO-EVICT <ON | OFF>").container(), "CLIENT");
  EXPECT_EQ(Syntax("CLIENT NO-EVICT <ON | OFF>").name(), "NO-EVICT");
  EXPECT_EQ(Syntax("CLIENT NO-EVICT <ON | OFF>").arguments(), "<ON | OFF>");
  EXPECT_EQ(Syntax("CLIENT ID").arguments(), "");
}

TEST(Syntax, MalformedLines) {
  constexpr std::string_view kLines[] = {
      "",           "get key",  "GET [key",   "GET key]",   "GET <key]", "GET [key>",
      "GET []",     "GET <>",   "GET [a | ]", "GET | a",    "GET [...]", "GET >",
      "GET [a ...", "GET [[a]", " GET key",   "GET [ | a]", "GET [|",    "GET <",
  };
  for (const std::string_view line : kLines) EXPECT_NE(Syntax(line).error(), "") << line;
}

TEST(Syntax, NestingAtTheLimit) {
  const auto nested = [](int depth) {
    return "X " + std::string(static_cast<std::size_t>(depth), '[') + "a" +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_EQ(Syntax(nested(Syntax::kDepthLimit)).error(), "");
  EXPECT_NE(Syntax(nested(Syntax::kDepthLimit + 1)).error(), "");
}

TEST(Syntax, NodesAtTheLimit) {
  const auto words = [](std::size_t count) {
    std::string line = "X";
    for (std::size_t i = 0; i < count; ++i) line += " a";
    return line;
  };
  EXPECT_EQ(Syntax(words(Syntax::kNodeLimit - 1)).error(), "");
  EXPECT_NE(Syntax(words(Syntax::kNodeLimit)).error(), "");
}

TEST(Syntax, LengthAtTheLimit) {
  const auto line = [](std::size_t size) { return "X " + std::string(size - 2, 'a'); };
  EXPECT_EQ(Syntax(line(Syntax::kLineLimit)).error(), "");
  EXPECT_NE(Syntax(line(Syntax::kLineLimit + 1)).error(), "");
}

// Any order of the notation's parts ends, with a tree or an error, and never leaves the arrays.
TEST(Syntax, RandomLinesEnd) {
  constexpr std::string_view kParts[] = {"[", "]", "<", ">", "|",  "...", "a",    "key",  "numkeys",
                                         "T", "U", " ", " ", "[]", "[a",  "...]", "\"\"", "b:key"};
  constexpr std::uint64_t kSeed = 20240607;
  Random random(kSeed);
  int good = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string line = "X ";
    const std::uint64_t count = random.Below(14);
    for (std::uint64_t j = 0; j < count; ++j) line += kParts[random.Below(std::size(kParts))];
    const Syntax syntax(line);
    if (!syntax.error().empty()) continue;
    ++good;
    EXPECT_GE(syntax.WordsFrom(syntax.first()).min, 0) << line << " seed " << kSeed;
    TreeOf(syntax, syntax.first(), " ");
  }
  EXPECT_GT(good, 1000);
}

struct NameCase {
  std::string_view line;
  std::string_view first_name;
};

TEST(Syntax, NamesOfNodes) {
  constexpr NameCase kCases[] = {
      {"X [NX | XX]", "condition"},        {"X [EX seconds | PERSIST]", "expiration"},
      {"X [ASC | DESC]", "order"},         {"X key value [key value ...]", "data"},
      {"X <LIMIT offset count>", "limit"}, {"X [start end]", "start-end"},
      {"X [= | ~]", "operator"},           {"X <*>", "auto-id"},
      {"X [foo | bar]", "foo-bar"},        {"X <WITHVALUES>", "withvalues"},
      {"X <\"\">", "empty-string"},
  };
  for (const NameCase& row : kCases) {
    const Syntax syntax(row.line);
    ASSERT_EQ(syntax.error(), "") << row.line;
    EXPECT_EQ(NodeName(syntax, syntax.first()), row.first_name) << row.line;
  }
}

}  // namespace
}  // namespace cairn::command
