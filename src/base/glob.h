// SPDX-License-Identifier: BSD-3-Clause
// Glob matching as KEYS, SCAN MATCH, CONFIG GET and the rest use it: `*`, `?`, `[abc]`, `[^a-z]`,
// `\x`.
//
// Answers as Redis does, byte for byte, including its corner cases (an unclosed bracket, a reversed
// range). A pattern from a client may not hang the server: `a*a*a*...` is matched in O(pattern *
// text) by going back to the last star only.
#ifndef CAIRN_BASE_GLOB_H_
#define CAIRN_BASE_GLOB_H_

#include <string_view>

namespace cairn {

enum class GlobCase { kSensitive, kIgnore };

bool GlobMatch(std::string_view pattern, std::string_view text,
               GlobCase mode = GlobCase::kSensitive);
// The pattern is "*", which KEYS and SCAN take for "everything" without matching: by GlobMatch
// alone an empty text matches no star, and so "**" does not match the empty key in Redis either.
bool GlobMatchesAll(std::string_view pattern);

}  // namespace cairn

#endif  // CAIRN_BASE_GLOB_H_
