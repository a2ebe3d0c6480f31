// SPDX-License-Identifier: BSD-3-Clause
// The function-length ratchet: no function over 70 lines, and those that were cannot grow.
//
// Functions are found by their braces, not by parsing C++: good enough for code that clang-format
// lays out, and it reads the whole tree in milliseconds. A lambda counts with the function around
// it. A table is no code: neither one that stands alone counts nor rows inside a function.
#ifndef CAIRN_TOOLS_TIDY_FUNCTIONS_H_
#define CAIRN_TOOLS_TIDY_FUNCTIONS_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidy/source.h"

namespace cairn::tidy {

inline constexpr std::size_t kFunctionLinesMax = 70;

struct Function {
  std::string name;  // as written before its parameters, with its class if outside of it
  std::size_t line = 0;
  std::size_t line_count = 0;  // from its head to its closing brace, less the lines of tables
};

std::vector<Function> Functions(const Source& source);

// One row of the baseline: a function that was too long when the rule came, and how long.
struct LongFunction {
  std::string path;
  std::string name;
  std::size_t line_count = 0;
};

// Reads "path name lines" rows; '#' begins a comment.
std::vector<LongFunction> ParseBaseline(std::string_view text);

// A function over the limit must have its row, with its very length: one that grew is refused, one
// that shrank takes its row along, and a row without its function goes.
std::vector<Finding> CheckFunctionLengths(std::span<const Source* const> sources,
                                          std::span<const LongFunction> baseline);

}  // namespace cairn::tidy

#endif  // CAIRN_TOOLS_TIDY_FUNCTIONS_H_
