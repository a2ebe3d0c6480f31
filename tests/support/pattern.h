// SPDX-License-Identifier: BSD-3-Clause
// Pattern: what a reply is expected to be, written in the notation of replies plus holes.
//
//   any notation of a reply (notation.h), and
//   (any)             anything
//   (int 1..10)       an integer in bounds; (int 1..), (int ..10), (int)
//   (num 0.5..2)      a number in bounds, as an integer, a double or a string
//   (match "a*")      a string that fits the glob
//   (error "ERR *")   an error that fits the glob
//   (len 100)         a string of so many bytes
//   (has "a:*" "b")   a text that has, for each glob, a line that fits it
//   (lacks "a:*")     a text that has no line that fits any of the globs
//   (or P | Q)        one of them
//   (set name P)      P (anything, if left out); the text is kept as ${name}
//   {P, Q}            an array in any order
//   {P => Q, ...}     a map in any order
//   ...               as the last item: whatever follows
//
// One pattern serves both protocols: for RESP2 a map{} is a flat array, a set{} and a push[] an
// array, a double or a verbatim string a bulk string, a boolean an integer; for RESP3 nil and nil*
// are the one null. Maps are compared in order, as clients print them in order; sets are not.
#ifndef CAIRN_TESTS_SUPPORT_PATTERN_H_
#define CAIRN_TESTS_SUPPORT_PATTERN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/notation.h"
#include "support/reply.h"

namespace cairn::testing {

class Pattern {
 public:
  // Expands ${...} on the way, so a pattern is parsed when it is needed.
  static Result<Pattern> Parse(std::string_view text, const Variables& variables);

  // Whether `reply`, sent under RESP `protocol` (2 or 3), fits. Captures go to `variables`.
  bool Matches(const Reply& reply, int protocol, Variables& variables) const;

 private:
  friend class PatternParser;

  enum class Kind : std::uint8_t {
    kLiteral,
    kSequence,
    kUnordered,
    kAny,
    kRest,
    kIntegerRange,
    kNumberRange,
    kGlob,
    kErrorGlob,
    kLength,
    kHas,
    kLacks,
    kOr,
    kCapture,
  };

  bool MatchesLiteral(const Reply& reply, int protocol) const;
  bool MatchesSequence(const Reply& reply, int protocol, Variables& variables) const;
  bool MatchesUnordered(const std::vector<Reply>& items, std::size_t next, std::vector<bool>& taken,
                        int protocol, Variables& variables) const;
  bool MatchesNumber(const Reply& reply) const;
  bool MatchesLines(const Reply& reply) const;
  bool HasRest() const { return !items_.empty() && items_.back().kind_ == Kind::kRest; }

  Kind kind_ = Kind::kAny;
  // kLiteral, kSequence and kUnordered: what RESP3 sends.
  ReplyType type_ = ReplyType::kNull;
  std::string text_;                // literal text; a glob; a variable's name
  std::vector<Pattern> items_;      // members, alternatives, the captured pattern
  std::vector<std::string> globs_;  // kHas, kLacks
  double low_ = 0;                  // ranges, kLength
  double high_ = 0;
};

}  // namespace cairn::testing

#endif  // CAIRN_TESTS_SUPPORT_PATTERN_H_
