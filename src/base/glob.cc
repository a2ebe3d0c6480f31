// SPDX-License-Identifier: BSD-3-Clause
// One pass with one bookmark. Every part of a pattern but '*' takes exactly one byte of text, so
// when the part after a star fails, the star takes one byte more and the part is tried again; an
// earlier star need never be revisited, since a match that lets it take more would also be found
// by the later star taking more. That bounds the work by pattern * text and needs no recursion.
//
// Compatibility, each seen at the real server: an empty text matches only an empty pattern, not
// "*". Ranges compare signed chars, and their ends may come in either order, which is decided
// before case is folded. In a bracket an escaped byte keeps its case even when case is ignored, and
// a range may swallow the ']' ("[a-]"). A bracket that is never closed ends with the pattern. A
// backslash at the end stands for itself.
#include "base/glob.h"

#include <algorithm>
#include <cstddef>

namespace cairn {
namespace {

// In the C locale: bytes above 127 have no case.
constexpr char Fold(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
}

bool SameByte(char a, char b, GlobCase mode) {
  return mode == GlobCase::kIgnore ? Fold(a) == Fold(b) : a == b;
}

bool InRange(char first, char last, char byte, GlobCase mode) {
  auto low = static_cast<signed char>(first);
  auto high = static_cast<signed char>(last);
  if (low > high) std::swap(low, high);
  if (mode == GlobCase::kIgnore) {
    low = static_cast<signed char>(Fold(static_cast<char>(low)));
    high = static_cast<signed char>(Fold(static_cast<char>(high)));
    byte = Fold(byte);
  }
  const auto wanted = static_cast<signed char>(byte);
  return low <= wanted && wanted <= high;
}

// What a part of the pattern said about one byte, and where the next part begins.
struct PartMatch {
  bool matched;
  std::size_t next;
};

// The bracket whose '[' is at `at`.
PartMatch MatchBracket(std::string_view pattern, std::size_t at, char byte, GlobCase mode) {
  ++at;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool found = false;
  while (at < pattern.size()) {
    const std::size_t left = pattern.size() - at;
    if (pattern[at] == '\\' && left >= 2) {
      found |= pattern[at + 1] == byte;
      at += 2;
    } else if (pattern[at] == ']') {
      ++at;
      break;
    } else if (left >= 3 && pattern[at + 1] == '-') {
      found |= InRange(pattern[at], pattern[at + 2], byte, mode);
      at += 3;
    } else {
      found |= SameByte(pattern[at], byte, mode);
      ++at;
    }
  }
  return {.matched = found != negated, .next = at};
}

// The part at `at`, which is no star.
PartMatch MatchPart(std::string_view pattern, std::size_t at, char byte, GlobCase mode) {
  switch (pattern[at]) {
    case '?':
      return {.matched = true, .next = at + 1};
    case '[':
      return MatchBracket(pattern, at, byte, mode);
    case '\\':
      if (at + 1 < pattern.size()) ++at;
      break;
  }
  return {.matched = SameByte(pattern[at], byte, mode), .next = at + 1};
}

}  // namespace

bool GlobMatch(std::string_view pattern, std::string_view text, GlobCase mode) {
  if (text.empty()) return pattern.empty();
  constexpr std::size_t kNoStar = std::string_view::npos;
  std::size_t at = 0;                // in the pattern
  std::size_t read = 0;              // in the text
  std::size_t after_star = kNoStar;  // where the pattern goes on after the last star,
  std::size_t star_end = 0;          // and the first byte of text that this star has not taken
  while (read < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      after_star = ++at;
      star_end = read;
      continue;
    }
    if (at < pattern.size()) {
      const PartMatch part = MatchPart(pattern, at, text[read], mode);
      if (part.matched) {
        at = part.next;
        ++read;
        continue;
      }
    }
    if (after_star == kNoStar) return false;
    if (after_star == pattern.size()) return true;
    at = after_star;
    read = ++star_end;
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

bool GlobMatchesAll(std::string_view pattern) { return pattern == "*"; }

}  // namespace cairn
