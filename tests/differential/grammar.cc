// SPDX-License-Identifier: BSD-3-Clause
// The reply is a tree already: reading it is looking up fields.
#include "differential/grammar.h"

#include <utility>

#include "base/text.h"

namespace cairn::differential {
namespace {

using testing::Reply;

const Reply* Field(const Reply& map, std::string_view name) {
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    if (map.items[i].text == name) return &map.items[i + 1];
  }
  return nullptr;
}

std::string TextField(const Reply& map, std::string_view name) {
  const Reply* field = Field(map, name);
  return field == nullptr ? std::string() : field->text;
}

ArgumentType TypeNamed(std::string_view name) {
  constexpr std::pair<std::string_view, ArgumentType> kNames[] = {
      {"key", ArgumentType::kKey},
      {"string", ArgumentType::kString},
      {"integer", ArgumentType::kInteger},
      {"double", ArgumentType::kDouble},
      {"pattern", ArgumentType::kPattern},
      {"unix-time", ArgumentType::kUnixTime},
      {"pure-token", ArgumentType::kPureToken},
      {"oneof", ArgumentType::kOneOf},
      {"block", ArgumentType::kBlock},
  };
  for (const auto& [text, type] : kNames) {
    if (text == name) return type;
  }
  return ArgumentType::kString;
}

Argument ParseArgument(const Reply& map) {
  Argument argument;
  argument.name = TextField(map, "name");
  argument.type = TypeNamed(TextField(map, "type"));
  argument.token = TextField(map, "token");
  if (const Reply* flags = Field(map, "flags"); flags != nullptr) {
    for (const Reply& flag : flags->items) {
      argument.optional |= flag.text == "optional";
      argument.multiple |= flag.text == "multiple";
      argument.multiple_token |= flag.text == "multiple_token";
    }
  }
  if (const Reply* children = Field(map, "arguments"); children != nullptr) {
    for (const Reply& child : children->items) argument.children.push_back(ParseArgument(child));
  }
  return argument;
}

void CollectTokens(const std::vector<Argument>& arguments, std::set<std::string>& tokens) {
  for (const Argument& argument : arguments) {
    if (!argument.token.empty()) tokens.insert(ToUpper(argument.token));
    CollectTokens(argument.children, tokens);
  }
}

// nothing if the argument goes as a whole.
std::optional<Argument> RestrictArgument(const Argument& argument,
                                         const std::set<std::string>& known) {
  if (!argument.token.empty() && !known.contains(ToUpper(argument.token))) return std::nullopt;
  Argument kept = argument;
  kept.children.clear();
  for (const Argument& child : argument.children) {
    if (std::optional<Argument> part = RestrictArgument(child, known)) {
      kept.children.push_back(std::move(*part));
    } else if (argument.type == ArgumentType::kBlock && !child.optional) {
      return std::nullopt;
    }
  }
  if (!argument.children.empty() && kept.children.empty()) return std::nullopt;
  return kept;
}

}  // namespace

std::optional<CommandGrammar> ParseDocs(std::string_view name, const Reply& docs) {
  if (docs.type != testing::ReplyType::kMap || docs.items.size() != 2) return std::nullopt;
  CommandGrammar grammar;
  const std::size_t bar = name.find('|');
  grammar.words.emplace_back(ToUpper(name.substr(0, bar)));
  if (bar != std::string_view::npos) grammar.words.emplace_back(ToUpper(name.substr(bar + 1)));
  if (const Reply* arguments = Field(docs.items[1], "arguments"); arguments != nullptr) {
    for (const Reply& argument : arguments->items) {
      grammar.arguments.push_back(ParseArgument(argument));
    }
  }
  return grammar;
}

std::set<std::string> Tokens(const CommandGrammar& grammar) {
  std::set<std::string> tokens;
  CollectTokens(grammar.arguments, tokens);
  return tokens;
}

CommandGrammar Restrict(const CommandGrammar& grammar, const std::set<std::string>& known) {
  CommandGrammar restricted{.words = grammar.words, .arguments = {}};
  for (const Argument& argument : grammar.arguments) {
    if (std::optional<Argument> kept = RestrictArgument(argument, known)) {
      restricted.arguments.push_back(std::move(*kept));
    }
  }
  return restricted;
}

}  // namespace cairn::differential
