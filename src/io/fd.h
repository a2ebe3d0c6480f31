// SPDX-License-Identifier: BSD-3-Clause
// Fd: a file descriptor with one owner.
#ifndef CAIRN_IO_FD_H_
#define CAIRN_IO_FD_H_

#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace cairn::io {

class Fd {
 public:
  Fd() = default;
  // Takes ownership of `descriptor`.
  explicit Fd(int descriptor) : descriptor_(descriptor) {}
  Fd(Fd&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Fd() { Close(); }

  int get() const { return descriptor_; }
  bool valid() const { return descriptor_ >= 0; }
  // Gives ownership away.
  int Release() { return std::exchange(descriptor_, -1); }
  void Close();

 private:
  int descriptor_ = -1;
};

// "what: the kernel's text for `error`", as kIo.
std::unexpected<Status> FailErrno(std::string_view what, int error);
// The kernel's text for an errno, from any thread.
std::string ErrnoText(int error);

}  // namespace cairn::io

#endif  // CAIRN_IO_FD_H_
