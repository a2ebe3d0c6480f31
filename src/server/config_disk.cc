// SPDX-License-Identifier: BSD-3-Clause
// A file is replaced by writing a new one beside it, with a name nobody can guess, syncing it, and
// renaming it over the old one; the folder is synced last, since a rename lives there.
#include "server/config_disk.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "base/random.h"

namespace cairn::server {
namespace {

constexpr mode_t kNewFileMode = 0644;
constexpr mode_t kPermissionBits = 07777;

Status SystemError(int error) {
  const StatusCode code = error == ENOENT ? StatusCode::kNotFound : StatusCode::kIo;
  return {code, std::generic_category().message(error)};
}

// Closes at the end of a scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  bool is_open() const { return number_ >= 0; }
  int number() const { return number_; }

 private:
  int number_;
};

Status WriteAll(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError(errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// The file that `path` leads to through links, or `path` itself if it does not exist yet.
std::string FollowLinks(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) != nullptr ? std::string(resolved) : path;
}

mode_t ModeOf(const std::string& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 ? found.st_mode & kPermissionBits : kNewFileMode;
}

Status WriteNewFile(const std::string& path, std::string_view content, mode_t mode) {
  const Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) return SystemError(errno);
  if (Status status = WriteAll(file.number(), content); !status.ok()) return status;
  if (::fchmod(file.number(), mode) != 0) return SystemError(errno);
  if (::fsync(file.number()) != 0) return SystemError(errno);
  return {};
}

// Makes a rename in the folder of `path` durable.
Status SyncFolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return SystemError(errno);
  if (::fsync(directory.number()) != 0) return SystemError(errno);
  return {};
}

}  // namespace

Result<std::string> ReadConfigFile(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return std::unexpected(SystemError(errno));
  return ReadDescriptor(file.number());
}

Result<std::string> ReadDescriptor(int descriptor) {
  std::string content;
  char part[16 * 1024];
  while (true) {
    const ssize_t taken = ::read(descriptor, part, sizeof(part));
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0) return std::unexpected(SystemError(errno));
    if (taken == 0) return content;
    content.append(part, static_cast<std::size_t>(taken));
    if (content.size() > kConfigFileBytesMax) {
      return std::unexpected(SystemError(EFBIG));
    }
  }
}

Status ReplaceConfigFile(const std::string& path, std::string_view content) {
  const std::string target = FollowLinks(path);
  const std::string temporary = target + "." + SecureRandomHex(16) + ".tmp";
  Status status = WriteNewFile(temporary, content, ModeOf(target));
  if (status.ok() && ::rename(temporary.c_str(), target.c_str()) != 0) status = SystemError(errno);
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return SyncFolderOf(target);
}

Result<std::string> ResolveDirectory(std::string_view base, std::string_view path) {
  if (path.empty()) return std::unexpected(SystemError(ENOENT));
  char resolved[PATH_MAX];
  if (::realpath(AbsolutePath(base, path).c_str(), resolved) == nullptr) {
    return std::unexpected(SystemError(errno));
  }
  struct stat found{};
  if (::stat(resolved, &found) != 0) return std::unexpected(SystemError(errno));
  if (!S_ISDIR(found.st_mode)) return std::unexpected(SystemError(ENOTDIR));
  if (::access(resolved, X_OK) != 0) return std::unexpected(SystemError(errno));
  return std::string(resolved);
}

std::string AbsolutePath(std::string_view base, std::string_view path) {
  if (path.starts_with('/') || base.empty()) return std::string(path);
  std::string absolute(base);
  if (!absolute.ends_with('/')) absolute += '/';
  return absolute.append(path);
}

std::vector<std::string> ExpandPathPattern(const std::string& pattern) {
  if (pattern.find_first_of("*?[") == std::string::npos) return {pattern};
  glob_t found{};
  std::vector<std::string> paths;
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  return paths;
}

}  // namespace cairn::server
