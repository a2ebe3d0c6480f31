// SPDX-License-Identifier: BSD-3-Clause
// Disk: the door to files that must survive a crash.
//
// Persistence reaches the file system through this interface only, so that the same code runs on
// the kernel (SystemDisk) and on a twin in memory that forgets, tears and fails from a seed
// (io/sim_disk.h). What it promises is what POSIX promises, and no more:
//
//   - bytes written are safe after SyncData of their file;
//   - a file's name (creation, renaming, removal) is safe after SyncDirectory of its directory;
//   - what is not yet safe may survive a crash in part and in any order.
//
// Errors are kNotFound, kExists or kIo, and name the path, the call and the kernel's text.
// Thread safety: a Disk is thread-safe. One thread at a time changes a File; SyncData and ReadAt
// may run beside it.
#ifndef CAIRN_IO_DISK_H_
#define CAIRN_IO_DISK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace cairn::io {

enum class OpenMode {
  kRead,     // must exist
  kWrite,    // must exist; its content stays
  kReplace,  // created, or emptied
};

class File {
 public:
  virtual ~File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const { return path_; }
  // How far the file reaches.
  std::uint64_t size() const { return size_; }

  // All of `bytes` behind the end. Where it fails a part of them may have arrived: size() tells.
  Status Append(std::string_view bytes);
  // The same over what is there. REQUIRES: offset + bytes.size() <= size().
  Status Overwrite(std::uint64_t offset, std::string_view bytes);
  // Up to `size` bytes from `offset`; fewer only where the file ends.
  Result<std::size_t> ReadAt(std::uint64_t offset, char* out, std::size_t size);
  // Cuts the file, or fills it up with zeros. Room beyond the end is given back.
  Status Truncate(std::uint64_t size);
  // Sets room aside so that the file can grow to `size` however full the disk gets; it is not
  // longer by that. Where a file system cannot do so, nothing happens.
  virtual Status Reserve(std::uint64_t size) = 0;
  // fdatasync: every byte written before this call, and the size, are safe once it returns well.
  // After a failure nothing is known of the bytes not yet safe, whatever a later call says: they
  // are to be written again.
  virtual Status SyncData() = 0;

 protected:
  File(std::string path, std::uint64_t size) : path_(std::move(path)), size_(size) {}
  // One call of the kernel's; at least one byte is written or read, but for ReadSome at the end.
  virtual Result<std::size_t> WriteSome(std::uint64_t offset, std::string_view bytes) = 0;
  virtual Result<std::size_t> ReadSome(std::uint64_t offset, char* out, std::size_t size) = 0;
  virtual Status Resize(std::uint64_t size) = 0;

 private:
  const std::string path_;
  std::uint64_t size_;
};

class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  // kExists if there is something of that name.
  virtual Status MakeDirectory(const std::string& path) = 0;
  // The names in a directory, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> List(const std::string& directory) = 0;
  virtual Status SyncDirectory(const std::string& directory) = 0;
  // Replaces `to` if it exists, at one stroke.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  // kNotFound if there is no such file.
  virtual Result<std::uint64_t> SizeOf(const std::string& path) = 0;
};

// The kernel's. Not owned by anybody: it has no state.
class SystemDisk final : public Disk {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Status MakeDirectory(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& directory) override;
  Status SyncDirectory(const std::string& directory) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Result<std::uint64_t> SizeOf(const std::string& path) override;
};

// "a/b" of "a/b/c", "." of "c", "/" of "/c".
std::string DirectoryOf(std::string_view path);
// `name` in `directory`.
std::string JoinPath(std::string_view directory, std::string_view name);
// "path: call: text", with the code that the errno stands for.
Status DiskTrouble(std::string_view path, std::string_view call, int error);

// Whether there is such a file.
Result<bool> Exists(Disk& disk, const std::string& path);
// All of a file; kLimit if it is longer than `bytes_max`.
Result<std::string> ReadWhole(Disk& disk, const std::string& path, std::size_t bytes_max);
// Replaces `path`, or creates it, by way of `neighbour` in the same directory: after a crash at any
// moment it is the old or the new one, whole; it is safe once this returns well.
Status ReplaceWhole(Disk& disk, const std::string& path, const std::string& neighbour,
                    std::string_view bytes);

}  // namespace cairn::io

#endif  // CAIRN_IO_DISK_H_
