// SPDX-License-Identifier: BSD-3-Clause
// SocketStream: a Stream over a connected socket, watched by one Poller.
#ifndef CAIRN_IO_SOCKET_STREAM_H_
#define CAIRN_IO_SOCKET_STREAM_H_

#include <span>

#include "io/fd.h"
#include "io/poller.h"
#include "io/stream.h"

namespace cairn::io {

class SocketStream final : public Stream {
 public:
  // `poller` outlives the stream.
  SocketStream(Fd fd, Poller& poller) : fd_(std::move(fd)), poller_(poller) {}
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;
  ~SocketStream() override { Close(); }

  Transfer Read(std::span<char> into) override;
  Transfer Write(std::span<const iovec> pieces) override;
  void Close() override;
  Status Watch(Watcher* watcher, Interest interest) override;
  int descriptor() const override { return fd_.get(); }

 private:
  Fd fd_;
  Poller& poller_;
  Watcher* watcher_ = nullptr;
};

}  // namespace cairn::io

#endif  // CAIRN_IO_SOCKET_STREAM_H_
