// SPDX-License-Identifier: BSD-3-Clause
// Rules as words: those of ACL SETUSER, of a line in a file.
#ifndef CAIRN_ACL_RULE_WORDS_H_
#define CAIRN_ACL_RULE_WORDS_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/profile.h"

namespace cairn::acl {

// Words with "(+get ~x)" as one word, however it was cut. If a parenthesis is not closed there are
// none, and `open_at` is where it stands.
std::optional<std::vector<std::string>> JoinSelectors(std::span<const std::string_view> words,
                                                      std::size_t* open_at);

// Whether a user may be called so: by nothing that ends a word.
bool IsUserName(std::string_view name);

// Applies all of them to `profile`. Why one cannot be applied, in the words of ACL SETUSER and
// without "ERR ", or nothing; then `profile` is of no use.
std::string ApplyRules(std::span<const std::string_view> words, const Rulebook& book,
                       Profile& profile);

}  // namespace cairn::acl

#endif  // CAIRN_ACL_RULE_WORDS_H_
