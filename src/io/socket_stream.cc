// SPDX-License-Identifier: BSD-3-Clause
// Socket calls and poller registration under one lifetime.
#include "io/socket_stream.h"

#include <cerrno>

#include "io/socket.h"

namespace cairn::io {
namespace {

constexpr Transfer kClosed{.state = Transfer::State::kFailed, .error = EBADF};

}  // namespace

Transfer SocketStream::Read(std::span<char> into) {
  return fd_.valid() ? ReadSome(fd_.get(), into) : kClosed;
}

Transfer SocketStream::Write(std::span<const iovec> pieces) {
  return fd_.valid() ? WriteVec(fd_.get(), pieces) : kClosed;
}

void SocketStream::Close() {
  if (watcher_ != nullptr) poller_.Remove(fd_.get());
  watcher_ = nullptr;
  fd_.Close();
}

Status SocketStream::Watch(Watcher* watcher, Interest interest) {
  if (!fd_.valid()) return {StatusCode::kClosed, "stream is closed"};
  if (watcher == watcher_) return poller_.Modify(fd_.get(), interest);
  if (watcher_ != nullptr) poller_.Remove(fd_.get());
  watcher_ = nullptr;
  if (Status status = poller_.Add(fd_.get(), interest, watcher); !status.ok()) return status;
  watcher_ = watcher;
  return {};
}

}  // namespace cairn::io
