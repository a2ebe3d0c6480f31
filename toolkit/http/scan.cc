// SPDX-License-Identifier: BSD-3-Clause
// One pass over the bytes, with two bits of state: within quotes, behind a backslash.
#include "http/scan.h"

#include "cairn/http/fields.h"

namespace cairn::cache::http {

std::optional<std::vector<std::string_view>> SplitOutsideQuotes(std::string_view text,
                                                                char divider) {
  std::vector<std::string_view> pieces;
  bool is_quoted = false;
  bool is_escaped = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && (is_quoted || text[i] != divider)) {
      if (!is_escaped && text[i] == '"') is_quoted = !is_quoted;
      is_escaped = is_quoted && !is_escaped && text[i] == '\\';
      continue;
    }
    const std::string_view piece = TrimBlanks(text.substr(begin, i - begin));
    begin = i + 1;
    if (piece.empty()) continue;
    if (pieces.size() == kListItemsMax) return std::nullopt;
    pieces.push_back(piece);
  }
  if (is_quoted) return std::nullopt;
  return pieces;
}

std::string Unquoted(std::string_view text) {
  if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return std::string(text);
  text = text.substr(1, text.size() - 2);
  std::string said;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    said += text[i];
  }
  return said;
}

}  // namespace cairn::cache::http
