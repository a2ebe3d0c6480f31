// SPDX-License-Identifier: BSD-3-Clause
// What a program that prints ends with: output that could not be written (a full disk) is a
// failure.
#ifndef CAIRN_BASE_STANDARD_OUTPUT_H_
#define CAIRN_BASE_STANDARD_OUTPUT_H_

#include <cstdio>

namespace cairn {

// The exit status: `status`, or 1 where that is 0 and not all of the standard output was written.
inline int StatusAfterOutput(int status) {
  // Both: a write may have failed before, when the buffer was full.
  const bool is_written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (is_written) return status;
  std::perror("cannot write the output");
  return status == 0 ? 1 : status;
}

}  // namespace cairn

#endif  // CAIRN_BASE_STANDARD_OUTPUT_H_
