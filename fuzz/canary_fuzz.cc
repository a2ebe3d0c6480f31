// SPDX-License-Identifier: BSD-3-Clause
// The canary: a fuzzer that fails on purpose, to show that a failure is seen.
//
// libFuzzer has to discover the word by coverage, byte by byte, so a build whose libraries lost
// their coverage counters or whose CHECK no longer stops the process is found out.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view word = "tweet";
  std::size_t matched = 0;
  while (matched < word.size() && matched < size && data[matched] == word[matched]) ++matched;
  CHECK(matched < word.size());
  return 0;
}
