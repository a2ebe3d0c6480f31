// SPDX-License-Identifier: BSD-3-Clause
// The small door to files: read one whole, replace one whole, and the pid file.
#ifndef CAIRN_IO_FILE_H_
#define CAIRN_IO_FILE_H_

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"

namespace cairn::io {

inline constexpr std::size_t kReadFileBytesMax = 64UL * 1024 * 1024;

// The whole content. kNotFound, kIo, or kLimit if it is longer than `bytes_max`.
Result<std::string> ReadFile(const std::string& path, std::size_t bytes_max = kReadFileBytesMax);

// Replaces the content of `path`, or creates it: after a crash at any moment the file is the old
// or the new one, whole. Writes a neighbour, syncs, renames, syncs the directory. An existing
// file's permissions are kept; a new one gets `mode`. A symbolic link is replaced by a file.
Status WriteFileAtomically(const std::string& path, std::string_view bytes, mode_t mode = 0644);

// PidFile: "12345\n" in a file for as long as this lives.
class PidFile {
 public:
  static Result<PidFile> Create(const std::string& path);
  PidFile(PidFile&& other) noexcept;
  PidFile& operator=(PidFile&&) = delete;
  ~PidFile();

 private:
  explicit PidFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace cairn::io

#endif  // CAIRN_IO_FILE_H_
