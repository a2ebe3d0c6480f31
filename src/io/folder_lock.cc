// SPDX-License-Identifier: BSD-3-Clause
// The file is not removed at the end: another might have opened it already, and would then hold a
// lock on a file that nobody finds.
#include "io/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace cairn::io {
namespace {

constexpr const char* kName = "/cairn.lock";

std::string HolderOf(int file) {
  char digits[24];
  const ssize_t size = ::pread(file, digits, sizeof(digits), 0);
  if (size <= 0) return "somebody";
  return "process " + std::string(digits, static_cast<std::size_t>(size));
}

}  // namespace

Result<FolderLock> FolderLock::Take(const std::string& folder) {
  const std::string path = folder + kName;
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.valid()) {
    const int error = errno;
    const StatusCode code = error == ENOENT ? StatusCode::kNotFound : StatusCode::kIo;
    return Fail(code, path + ": open: " + std::generic_category().message(error));
  }
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
    return Fail(StatusCode::kExists, folder + " is in use by " + HolderOf(file.get()));
  const std::string process = std::to_string(::getpid());
  // Only shown: that it could not be written keeps nobody.
  const bool is_noted = ::ftruncate(file.get(), 0) == 0 &&
                        ::pwrite(file.get(), process.data(), process.size(), 0) > 0;
  static_cast<void>(is_noted);
  return FolderLock(std::move(file));
}

}  // namespace cairn::io
