// SPDX-License-Identifier: BSD-3-Clause
// Notation: words and replies as readable text, the spelling of compat scripts.
//
//   +OK   -ERR text   :12   "bulk\x00"   nil   nil*   null   ,1.5   #t   (123   =txt:"..."
//   ["a", :1]   map{"a" => :1}   set{"a"}   push["a"]   attr{"a" => :1} "reply"
//
// A word is bare or "quoted" (\n \r \t \a \b \" \\ \xHH). Both may hold
//   ${name}      a variable a script captured; ${name+5}, ${name-5} if it is a number
//   ${ab*1000}   "ab" a thousand times
//   ${1..1000}   only in words of a command: a thousand words, the number standing in each
#ifndef CAIRN_TESTS_SUPPORT_NOTATION_H_
#define CAIRN_TESTS_SUPPORT_NOTATION_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "support/reply.h"

namespace cairn::testing {

using Variables = std::map<std::string, std::string, std::less<>>;

inline constexpr std::size_t kExpansionMax = 64u * 1024 * 1024;  // bytes one ${text*n} may make
inline constexpr std::int64_t kRangeWordsMax = 1024 * 1024;      // words one ${a..b} may make

// "..." with escapes, printable ASCII as it is.
std::string Quote(std::string_view bytes);

// One reply in a line.
std::string Notate(const Reply& reply);

// The words of a command line, expanded.
Result<std::vector<std::string>> ParseWords(std::string_view line, const Variables& variables);

// Where the quoted text that begins at `text[at]` ends (one past its closing quote); npos if never.
std::size_t QuotedEnd(std::string_view text, std::size_t at);

// The bytes a quoted text ("..." at text[at]) stands for, with ${name} and ${text*n} expanded.
Result<std::string> ParseQuoted(std::string_view quoted, const Variables& variables);

// A bare text with ${name} and ${text*n} expanded.
Result<std::string> Expand(std::string_view text, const Variables& variables);

}  // namespace cairn::testing

#endif  // CAIRN_TESTS_SUPPORT_NOTATION_H_
