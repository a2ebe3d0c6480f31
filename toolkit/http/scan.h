// SPDX-License-Identifier: BSD-3-Clause
// What the parsers of headers share: classes of bytes, and division outside quotes.
#ifndef CAIRN_TOOLKIT_HTTP_SCAN_H_
#define CAIRN_TOOLKIT_HTTP_SCAN_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::cache::http {

constexpr bool IsDigit(char byte) { return byte >= '0' && byte <= '9'; }
constexpr bool IsAlpha(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}
constexpr char LowerCase(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
}
constexpr bool IsTokenByte(char byte) {
  return IsDigit(byte) || IsAlpha(byte) ||
         std::string_view("!#$%&'*+-.^_`|~").find(byte) != std::string_view::npos;
}
constexpr bool IsBlank(char byte) { return byte == ' ' || byte == '\t'; }
constexpr std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// The pieces between `divider`s, trimmed, without empty ones; a divider in a quoted string is none.
// Nothing: more than kListItemsMax, or a quote is open at the end.
std::optional<std::vector<std::string_view>> SplitOutsideQuotes(std::string_view text,
                                                                char divider);
// What a quoted string says; text without quotes as it is.
std::string Unquoted(std::string_view text);

}  // namespace cairn::cache::http

#endif  // CAIRN_TOOLKIT_HTTP_SCAN_H_
