// SPDX-License-Identifier: BSD-3-Clause
// Parentheses are looked at as Redis does: a word that begins with one opens a selector, the next
// that ends with one closes it.
#include "acl/rule_words.h"

namespace cairn::acl {

std::optional<std::vector<std::string>> JoinSelectors(std::span<const std::string_view> words,
                                                      std::size_t* open_at) {
  std::vector<std::string> joined;
  bool is_open = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (is_open) {
      joined.back().append(" ").append(words[i]);
      is_open = !words[i].ends_with(')');
      continue;
    }
    joined.emplace_back(words[i]);
    is_open = words[i].starts_with('(') && !words[i].ends_with(')');
    if (is_open) *open_at = i;
  }
  if (is_open) return std::nullopt;
  return joined;
}

bool IsUserName(std::string_view name) {
  constexpr std::string_view kBlanks(" \t\n\v\f\r\0", 7);
  return name.find_first_of(kBlanks) == std::string_view::npos;
}

std::string ApplyRules(std::span<const std::string_view> words, const Rulebook& book,
                       Profile& profile) {
  std::size_t open_at = 0;
  const std::optional<std::vector<std::string>> rules = JoinSelectors(words, &open_at);
  if (!rules) {
    return "Unmatched parenthesis in acl selector starting at '" + std::string(words[open_at]) +
           "'.";
  }
  for (const std::string& rule : *rules) {
    const Fault fault = profile.Apply(rule, book);
    if (fault == Fault::kNone) continue;
    return "Error in ACL SETUSER modifier '" + rule + "': " + std::string(TextOf(fault));
  }
  return {};
}

}  // namespace cairn::acl
