// SPDX-License-Identifier: BSD-3-Clause
// Grammar: what a command takes, read from COMMAND DOCS.
//
// The reply of our own server comes from the syntax lines of the commands, so a wrong line shows as
// sentences that one of the two servers refuses. The oracle's reply says which of our tokens it
// knows: options that came later are left out of what both are asked.
//
// Values, immutable after parsing.
#ifndef CAIRN_TESTS_DIFFERENTIAL_GRAMMAR_H_
#define CAIRN_TESTS_DIFFERENTIAL_GRAMMAR_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/reply.h"

namespace cairn::differential {

enum class ArgumentType : std::uint8_t {
  kKey,
  kString,
  kInteger,
  kDouble,
  kPattern,
  kUnixTime,
  kPureToken,
  kOneOf,
  kBlock,
};

struct Argument {
  std::string name;
  ArgumentType type = ArgumentType::kString;
  std::string token;
  bool optional = false;
  bool multiple = false;
  bool multiple_token = false;
  std::vector<Argument> children;
};

struct CommandGrammar {
  std::vector<std::string> words;  // "OBJECT", "ENCODING"
  std::vector<Argument> arguments;
};

// The grammar in a RESP3 reply of COMMAND DOCS for one command; nothing if the server does not know
// the command. `name` as COMMAND DOCS takes it: "object|encoding".
std::optional<CommandGrammar> ParseDocs(std::string_view name, const testing::Reply& docs);

// All tokens in a grammar, in capitals.
std::set<std::string> Tokens(const CommandGrammar& grammar);

// Without the arguments whose tokens are not in `known`. A choice that loses all is left out whole.
CommandGrammar Restrict(const CommandGrammar& grammar, const std::set<std::string>& known);

}  // namespace cairn::differential

#endif  // CAIRN_TESTS_DIFFERENTIAL_GRAMMAR_H_
