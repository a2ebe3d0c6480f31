// SPDX-License-Identifier: BSD-3-Clause
// The disk as the kernel gives it. Writes go to offsets the File counts itself, not by O_APPEND:
// pwrite ignores its offset there, and a tail must be writable again after a failed sync.
#include "io/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "io/fd.h"

namespace cairn::io {
namespace {

constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;

class SystemFile final : public File {
 public:
  SystemFile(std::string path, std::uint64_t size, Fd fd)
      : File(std::move(path), size), fd_(std::move(fd)) {}

  Status SyncData() override {
    while (::fdatasync(fd_.get()) != 0) {
      if (errno != EINTR) return DiskTrouble(path(), "fdatasync", errno);
    }
    return {};
  }

  Status Reserve(std::uint64_t size) override {
    while (::fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) != 0) {
      if (errno == EOPNOTSUPP || errno == ENOSYS) return {};
      if (errno != EINTR) return DiskTrouble(path(), "fallocate", errno);
    }
    return {};
  }

 protected:
  Result<std::size_t> WriteSome(std::uint64_t offset, std::string_view bytes) override {
    ssize_t written;
    do {
      written = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    } while (written < 0 && errno == EINTR);
    // A count of 0 would make the caller's loop spin: the kernel does not say why it took nothing.
    if (written <= 0)
      return std::unexpected(DiskTrouble(path(), "write", written < 0 ? errno : EIO));
    return static_cast<std::size_t>(written);
  }

  Result<std::size_t> ReadSome(std::uint64_t offset, char* out, std::size_t size) override {
    ssize_t got;
    do {
      got = ::pread(fd_.get(), out, size, static_cast<off_t>(offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return std::unexpected(DiskTrouble(path(), "read", errno));
    return static_cast<std::size_t>(got);
  }

  Status Resize(std::uint64_t size) override {
    while (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      if (errno != EINTR) return DiskTrouble(path(), "truncate", errno);
    }
    return {};
  }

 private:
  Fd fd_;
};

int FlagsOf(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kWrite:
      return O_RDWR;
    case OpenMode::kReplace:
      return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

}  // namespace

Status File::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    const Result<std::size_t> written = WriteSome(size_, bytes);
    if (!written) return written.error();
    DCHECK(*written > 0 && *written <= bytes.size());
    size_ += *written;
    bytes.remove_prefix(*written);
  }
  return {};
}

Status File::Overwrite(std::uint64_t offset, std::string_view bytes) {
  CHECK(offset <= size_ && bytes.size() <= size_ - offset);
  while (!bytes.empty()) {
    const Result<std::size_t> written = WriteSome(offset, bytes);
    if (!written) return written.error();
    offset += *written;
    bytes.remove_prefix(*written);
  }
  return {};
}

Result<std::size_t> File::ReadAt(std::uint64_t offset, char* out, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const Result<std::size_t> got = ReadSome(offset + done, out + done, size - done);
    if (!got) return got;
    if (*got == 0) break;
    done += *got;
  }
  return done;
}

Status File::Truncate(std::uint64_t size) {
  Status status = Resize(size);
  if (status.ok()) size_ = size;
  return status;
}

Result<std::unique_ptr<File>> SystemDisk::Open(const std::string& path, OpenMode mode) {
  // A FIFO, which is refused below, would wait for somebody at its other end.
  Fd fd(::open(path.c_str(), FlagsOf(mode) | O_CLOEXEC | O_NONBLOCK, kFileMode));
  if (!fd.valid()) return std::unexpected(DiskTrouble(path, "open", errno));
  struct stat about{};
  if (::fstat(fd.get(), &about) != 0) return std::unexpected(DiskTrouble(path, "stat", errno));
  if (!S_ISREG(about.st_mode)) return Fail(StatusCode::kIo, path + ": not a regular file");
  return std::make_unique<SystemFile>(path, static_cast<std::uint64_t>(about.st_size),
                                      std::move(fd));
}

Status SystemDisk::MakeDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), kDirectoryMode) != 0) return DiskTrouble(path, "mkdir", errno);
  return {};
}

Result<std::vector<std::string>> SystemDisk::List(const std::string& directory) {
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return std::unexpected(DiskTrouble(directory, "open", errno));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {  // NOLINT: nobody else has this stream
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(stream);
  if (error != 0) return std::unexpected(DiskTrouble(directory, "read", error));
  std::ranges::sort(names);
  return names;
}

Status SystemDisk::SyncDirectory(const std::string& directory) {
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return DiskTrouble(directory, "open", errno);
  // Some file systems cannot sync a directory; those order renames by themselves.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return DiskTrouble(directory, "fsync", errno);
  return {};
}

Status SystemDisk::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return DiskTrouble(from, "rename to " + to, errno);
  return {};
}

Status SystemDisk::Remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return DiskTrouble(path, "unlink", errno);
  return {};
}

Result<std::uint64_t> SystemDisk::SizeOf(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) return std::unexpected(DiskTrouble(path, "stat", errno));
  return static_cast<std::uint64_t>(about.st_size);
}

std::string DirectoryOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

std::string JoinPath(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (path.empty() || path.back() != '/') path += '/';
  return path.append(name);
}

Status DiskTrouble(std::string_view path, std::string_view call, int error) {
  StatusCode code = StatusCode::kIo;
  if (error == ENOENT) code = StatusCode::kNotFound;
  if (error == EEXIST) code = StatusCode::kExists;
  std::string message(path);
  message.append(": ").append(call).append(": ").append(ErrnoText(error));
  return {code, std::move(message)};
}

Result<bool> Exists(Disk& disk, const std::string& path) {
  const Result<std::uint64_t> size = disk.SizeOf(path);
  if (size) return true;
  if (size.error().code() == StatusCode::kNotFound) return false;
  return std::unexpected(size.error());
}

Result<std::string> ReadWhole(Disk& disk, const std::string& path, std::size_t bytes_max) {
  const Result<std::unique_ptr<File>> file = disk.Open(path, OpenMode::kRead);
  if (!file) return std::unexpected(file.error());
  if ((*file)->size() > bytes_max) return Fail(StatusCode::kLimit, path + ": file too large");
  std::string bytes((*file)->size(), '\0');
  const Result<std::size_t> got = (*file)->ReadAt(0, bytes.data(), bytes.size());
  if (!got) return std::unexpected(got.error());
  bytes.resize(*got);
  return bytes;
}

Status ReplaceWhole(Disk& disk, const std::string& path, const std::string& neighbour,
                    std::string_view bytes) {
  Result<std::unique_ptr<File>> file = disk.Open(neighbour, OpenMode::kReplace);
  if (!file) return file.error();
  Status status = (*file)->Append(bytes);
  if (status.ok()) status = (*file)->SyncData();
  file->reset();
  if (status.ok()) status = disk.Rename(neighbour, path);
  if (!status.ok()) {
    // What is left behind does no harm, and the first trouble is the one to tell of.
    (void)disk.Remove(neighbour);
    return status;
  }
  return disk.SyncDirectory(DirectoryOf(path));
}

}  // namespace cairn::io
