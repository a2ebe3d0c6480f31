// SPDX-License-Identifier: BSD-3-Clause
// Files as wholes. The order fsync, rename, fsync of the directory is what makes a replacement
// survive a crash: the first puts the bytes before the name, the last puts the name on disk.
#include "io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/text.h"
#include "io/fd.h"

namespace cairn::io {
namespace {

Status Trouble(const std::string& path, std::string_view step, int error) {
  return FailErrno(path + ": " + std::string(step), error).error();
}

Status WriteAllTo(int fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Trouble(path, "write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status SyncDirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory =
      slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return Trouble(directory, "open", errno);
  // Some file systems cannot sync a directory; those order renames by themselves.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return Trouble(directory, "fsync", errno);
  return {};
}

Status FillNeighbour(const Fd& fd, const std::string& neighbour, std::string_view bytes,
                     mode_t mode) {
  if (::fchmod(fd.get(), mode) != 0) return Trouble(neighbour, "chmod", errno);
  if (Status status = WriteAllTo(fd.get(), neighbour, bytes); !status.ok()) return status;
  if (::fsync(fd.get()) != 0) return Trouble(neighbour, "fsync", errno);
  return {};
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, std::size_t bytes_max) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    const StatusCode code = errno == ENOENT ? StatusCode::kNotFound : StatusCode::kIo;
    return Fail(code, path + ": open: " + ErrnoText(errno));
  }
  constexpr std::size_t kStep = 64UL * 1024;
  std::string all;
  for (;;) {
    const std::size_t size = all.size();
    all.resize(size + kStep);
    const ssize_t got = ::read(fd.get(), all.data() + size, kStep);
    const int error = errno;
    all.resize(size + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got < 0 && error != EINTR) return std::unexpected(Trouble(path, "read", error));
    if (all.size() > bytes_max) return Fail(StatusCode::kLimit, path + ": file too large");
    if (got == 0) return all;
  }
}

Status WriteFileAtomically(const std::string& path, std::string_view bytes, mode_t mode) {
  struct stat existing{};
  if (::stat(path.c_str(), &existing) == 0) mode = existing.st_mode & 07777;
  std::string neighbour = path + ".XXXXXX";
  Fd fd(::mkostemp(neighbour.data(), O_CLOEXEC));
  if (!fd.valid()) return Trouble(neighbour, "create", errno);
  Status status = FillNeighbour(fd, neighbour, bytes, mode);
  if (status.ok() && ::rename(neighbour.c_str(), path.c_str()) != 0) {
    status = Trouble(path, "rename", errno);
  }
  if (!status.ok()) {
    ::unlink(neighbour.c_str());  // what is left behind does no harm
    return status;
  }
  return SyncDirectoryOf(path);
}

Result<PidFile> PidFile::Create(const std::string& path) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return std::unexpected(Trouble(path, "open", errno));
  const Status status = WriteAllTo(fd.get(), path, Int64ToString(::getpid()) + "\n");
  if (!status.ok()) return std::unexpected(status);
  return PidFile(path);
}

PidFile::PidFile(PidFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}

PidFile::~PidFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

}  // namespace cairn::io
