// SPDX-License-Identifier: BSD-3-Clause
// Closing descriptors and naming errors.
#include "io/fd.h"

#include <unistd.h>

#include <cstring>

namespace cairn::io {

void Fd::Close() {
  // close(2) gives the number back even when it reports an error; to try again could close the
  // descriptor that another thread has just been given.
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

std::string ErrnoText(int error) {
  char room[128];
  return ::strerror_r(error, room, sizeof(room));  // GNU's: answers a pointer, not always to room
}

std::unexpected<Status> FailErrno(std::string_view what, int error) {
  return Fail(StatusCode::kIo, std::string(what) + ": " + ErrnoText(error));
}

}  // namespace cairn::io
