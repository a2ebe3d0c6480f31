// SPDX-License-Identifier: BSD-3-Clause
// FolderLock: a folder that belongs to one opener at a time.
//
// flock(2) on a file within it, which has the holder's process id for who wants to know. The kernel
// lets go when the process ends, however it ends; the file stays and means nothing by itself.
// Thread safety: a value of one owner.
#ifndef CAIRN_IO_FOLDER_LOCK_H_
#define CAIRN_IO_FOLDER_LOCK_H_

#include <string>

#include "base/status.h"
#include "io/fd.h"

namespace cairn::io {

class FolderLock {
 public:
  // kExists if somebody has it, this process included; kNotFound, kIo.
  static Result<FolderLock> Take(const std::string& folder);

 private:
  explicit FolderLock(Fd file) : file_(std::move(file)) {}

  Fd file_;
};

}  // namespace cairn::io

#endif  // CAIRN_IO_FOLDER_LOCK_H_
