// SPDX-License-Identifier: BSD-3-Clause
// A glob matcher that is plainly right and may take for ever: what the test and the fuzzer compare
// GlobMatch with on small inputs.
//
// It first turns the pattern into parts, a star or the set of bytes that one byte of text may be,
// and then tries every length for every star.
#ifndef CAIRN_BASE_GLOB_MODEL_H_
#define CAIRN_BASE_GLOB_MODEL_H_

#include <bitset>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "base/glob.h"

namespace cairn {

class GlobModelParser {
 public:
  struct Part {
    bool star = false;
    std::bitset<256> bytes;
  };

  GlobModelParser(std::string_view pattern, GlobCase mode) : rest_(pattern), mode_(mode) {}

  std::vector<Part> Parse() {
    std::vector<Part> parts;
    while (!rest_.empty()) {
      const char first = Take();
      Part part;
      if (first == '*') {
        part.star = true;
      } else if (first == '?') {
        part.bytes.set();
      } else if (first == '[') {
        part.bytes = ParseBracket();
      } else {
        Add(part.bytes, first == '\\' && !rest_.empty() ? Take() : first);
      }
      parts.push_back(part);
    }
    return parts;
  }

 private:
  char Take() {
    const char first = rest_.front();
    rest_.remove_prefix(1);
    return first;
  }

  int Fold(int byte) const {
    return mode_ == GlobCase::kIgnore && byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
  }

  // Adds every byte that is the same as `wanted`.
  void Add(std::bitset<256>& set, char wanted) const { AddRange(set, wanted, wanted); }

  void AddRange(std::bitset<256>& set, int low, int high) const {
    for (int byte = -128; byte < 128; ++byte) {
      if (Fold(low) <= Fold(byte) && Fold(byte) <= Fold(high)) set.set(byte & 0xff);
    }
  }

  std::bitset<256> ParseBracket() {
    std::bitset<256> set;
    const bool negated = rest_.starts_with('^');
    if (negated) Take();
    while (!rest_.empty() && rest_.front() != ']') {
      const char low = Take();
      if (low == '\\' && !rest_.empty()) {
        set.set(static_cast<unsigned char>(Take()));
      } else if (rest_.size() >= 2 && rest_.front() == '-') {
        Take();
        const char high = Take();
        AddRange(set, low < high ? low : high, low < high ? high : low);
      } else {
        Add(set, low);
      }
    }
    if (!rest_.empty()) Take();
    return negated ? ~set : set;
  }

  std::string_view rest_;
  GlobCase mode_;
};

inline bool GlobModelMatches(const std::vector<GlobModelParser::Part>& parts, std::size_t at,
                             std::string_view text) {
  if (at == parts.size()) return text.empty();
  if (!parts[at].star) {
    return !text.empty() && parts[at].bytes[static_cast<unsigned char>(text.front())] &&
           GlobModelMatches(parts, at + 1, text.substr(1));
  }
  for (std::size_t taken = 0; taken <= text.size(); ++taken) {
    if (GlobModelMatches(parts, at + 1, text.substr(taken))) return true;
  }
  return false;
}

inline bool GlobModel(std::string_view pattern, std::string_view text, GlobCase mode) {
  if (text.empty()) return pattern.empty();
  return GlobModelMatches(GlobModelParser(pattern, mode).Parse(), 0, text);
}

}  // namespace cairn

#endif  // CAIRN_BASE_GLOB_MODEL_H_
