// SPDX-License-Identifier: BSD-3-Clause
// The run-time half of the syntax line: names and types for COMMAND DOCS. The tables here are the
// vocabulary of the lines; a word that is in none of them is a string.
#include "command/syntax.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "command/key_spec.h"

namespace cairn::command {
namespace {

using Word = std::string_view;

constexpr std::array<Word, 52> kIntegers = {
    "bit",
    "bits",
    "client-id",
    "cluster-bus-port",
    "config-epoch",
    "count",
    "cursor",
    "db",
    "decrement",
    "destination-db",
    "end",
    "end-slot",
    "entries-added",
    "entries-read",
    "expiration",
    "frequency",
    "increment",
    "index",
    "index1",
    "index2",
    "len",
    "limit",
    "min-idle-time",
    "milliseconds",
    "ms",
    "min-match-len",
    "num-matches",
    "numkeys",
    "numlocal",
    "numreplicas",
    "offset",
    "port",
    "port-number",
    "protover",
    "rank",
    "seconds",
    "size",
    "slot",
    "start",
    "start-slot",
    "stop",
    "timeout",
    "ttl",
    "version",
    "weight",
    "lowerbound",
    "upperbound",
    "samples",
    "percent",
    "level",
    "bytes",
    "microseconds",
};
constexpr std::array<Word, 8> kDoubles = {"height", "latitude", "longitude", "radius",
                                          "score",  "width",    "delta",     "ratio"};

// Redis names a choice for what it decides, which follows from any of its alternatives.
struct ChoiceName {
  Word first_alternative;
  Word name;
};
constexpr std::array<ChoiceName, 17> kChoiceNames = {{
    {"nx", "condition"},
    {"xx", "condition"},
    {"ifeq", "condition"},
    {"gt", "comparison"},
    {"seconds", "expiration"},
    {"m", "unit"},
    {"byte", "unit"},
    {"asc", "order"},
    {"left", "where"},
    {"before", "where"},
    {"min", "where"},
    {"async", "flush-type"},
    {"on", "status"},
    {"yes", "mode"},
    {"maxlen", "strategy"},
    {"equal", "operator"},
    {"byscore", "sortby"},
}};

struct TokenName {
  Word token;
  Word name;
};
constexpr std::array<TokenName, 5> kSignNames = {{
    {"=", "equal"},
    {"~", "approximately"},
    {"*", "auto-id"},
    {"$", "new-id"},
    {"\"\"", "empty-string"},
}};

template <std::size_t kSize>
bool Contains(const std::array<Word, kSize>& words, Word word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string NameOfToken(Word token) {
  for (const TokenName& sign : kSignNames) {
    if (sign.token == token) return std::string(sign.name);
  }
  return ToLower(token);
}

std::string NameOfChoice(const Syntax& syntax, const Node& node) {
  if (!node.token.empty()) return NameOfToken(node.token);
  const std::string first = NodeName(syntax, node.child);
  for (const ChoiceName& known : kChoiceNames) {
    if (known.first_alternative == first) return std::string(known.name);
  }
  std::string name = first;
  for (NodeId id = syntax.node(node.child).next; id != kNoNode; id = syntax.node(id).next) {
    name.append("-").append(NodeName(syntax, id));
  }
  return name;
}

std::string NameOfBlock(const Syntax& syntax, const Node& node) {
  if (!node.token.empty()) return NameOfToken(node.token);
  if (node.multiple) return "data";
  std::string name;
  for (NodeId id = node.child; id != kNoNode; id = syntax.node(id).next) {
    if (!name.empty()) name.append("-");
    name.append(NodeName(syntax, id));
  }
  return name;
}

Word TypeOfArgument(const Node& node) {
  if (!node.type.empty()) return node.type;
  const Word name = node.text;
  // A shard channel is found like a key and is none.
  if (internal::IsKeyName(name) && name != "shardchannel") return "key";
  if (name == "pattern") return "pattern";
  if (name.starts_with("unix-time-")) return "unix-time";
  if (Contains(kIntegers, name)) return "integer";
  if (Contains(kDoubles, name)) return "double";
  return "string";
}

}  // namespace

std::string_view TypeName(const Node& node) {
  switch (node.kind) {
    case NodeKind::kArgument:
      return TypeOfArgument(node);
    case NodeKind::kToken:
      return "pure-token";
    case NodeKind::kChoice:
      return "oneof";
    case NodeKind::kBlock:
      return "block";
  }
  return "";
}

std::string NodeName(const Syntax& syntax, NodeId id) {
  const Node& node = syntax.node(id);
  switch (node.kind) {
    case NodeKind::kArgument:
      return std::string(node.text);
    case NodeKind::kToken:
      return NameOfToken(node.text);
    case NodeKind::kChoice:
      return NameOfChoice(syntax, node);
    case NodeKind::kBlock:
      return NameOfBlock(syntax, node);
  }
  return "";
}

std::string_view TokenText(std::string_view token) {
  return token == "\"\"" ? std::string_view() : token;
}

}  // namespace cairn::command
