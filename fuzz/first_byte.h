// SPDX-License-Identifier: BSD-3-Clause
// Fuzzers that do one of several things with an input: its first byte says which.
#ifndef CAIRN_FUZZ_FIRST_BYTE_H_
#define CAIRN_FUZZ_FIRST_BYTE_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace cairn::fuzz {

// What LLVMFuzzerTestOneInput is to return.
inline int RunOneOf(std::initializer_list<void (*)(std::string_view)> ways,
                    const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  ways.begin()[data[0] % ways.size()]({reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}

}  // namespace cairn::fuzz

#endif  // CAIRN_FUZZ_FIRST_BYTE_H_
