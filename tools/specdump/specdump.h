// SPDX-License-Identifier: BSD-3-Clause
// specdump: all commands as JSON, for the documentation, the console and other programs.
//
//   { "get": { "syntax": "GET key", "arity": 2, "flags": [...], "summary": "...", ... }, ... }
//
// The fields are those of COMMAND INFO, by name, and of COMMAND DOCS; they are made from the very
// replies that clients get (in RESP3, which tells maps from arrays), so that the file cannot say
// anything else.
#ifndef CAIRN_TOOLS_SPECDUMP_SPECDUMP_H_
#define CAIRN_TOOLS_SPECDUMP_SPECDUMP_H_

#include <string>
#include <string_view>

#include "command/table.h"

namespace cairn::specdump {

// One object with a member for each command and each subcommand, by full name ("client|list").
std::string CommandsJson(const command::CommandTable& table);

// A JSON string literal. Bytes that are not ASCII are taken to be UTF-8 and left as they are.
std::string JsonString(std::string_view text);

}  // namespace cairn::specdump

#endif  // CAIRN_TOOLS_SPECDUMP_SPECDUMP_H_
