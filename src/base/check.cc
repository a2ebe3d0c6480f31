// SPDX-License-Identifier: BSD-3-Clause
// The one place where Cairn gives up: straight to the file descriptor, since nothing else may be
// trusted by now.
#include "base/check.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace cairn {
namespace {

void Say(const char* text) {
  // A failed write leaves nothing better to do than to abort, which comes next anyhow.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}

}  // namespace

void CheckFailed(const char* file, int line, const char* text) {
  char digits[12];
  char* end = digits + sizeof(digits) - 1;
  *end = '\0';
  do {
    *--end = static_cast<char>('0' + line % 10);
    line /= 10;
  } while (line > 0);
  Say(file);
  Say(":");
  Say(end);
  Say(": CHECK failed: ");
  Say(text);
  Say("\n");
  std::abort();
}

}  // namespace cairn
