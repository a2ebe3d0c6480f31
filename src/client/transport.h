// SPDX-License-Identifier: BSD-3-Clause
// Transport: a connected socket, with TLS on it or without.
//
// Belongs to one thread at a time; it is made by a thread that may wait (client/dial.h) and then
// handed to the loop's.
#ifndef CAIRN_CLIENT_TRANSPORT_H_
#define CAIRN_CLIENT_TRANSPORT_H_

#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "io/fd.h"
#include "io/socket.h"
#include "io/stream.h"
#include "io/tls_link.h"

namespace cairn::client {

class Transport {
 public:
  // `tls`: over `fd`, its handshake done; or null.
  Transport(io::Fd fd, std::unique_ptr<io::TlsLink> tls)
      : fd_(std::move(fd)), tls_(std::move(tls)) {}

  io::Transfer Read(std::span<char> into) {
    return tls_ != nullptr ? tls_->Read(into) : io::ReadSome(fd_.get(), into);
  }
  io::Transfer Write(std::string_view bytes) {
    if (tls_ != nullptr) return tls_->Write(bytes);
    const iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    return io::WriteVec(fd_.get(), {&piece, 1});
  }
  // What the last call that would have blocked waits for; `wanted` where there is no TLS.
  io::Interest awaited(io::Interest wanted) const {
    return tls_ != nullptr ? tls_->awaited() : wanted;
  }
  // Why the last call failed, where TLS knows more than the socket; else empty.
  std::string_view failure() const {
    return tls_ != nullptr ? std::string_view(tls_->failure()) : std::string_view();
  }
  bool has_tls() const { return tls_ != nullptr; }
  int fd() const { return fd_.get(); }

 private:
  io::Fd fd_;
  std::unique_ptr<io::TlsLink> tls_;  // over fd_, so it goes first
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_TRANSPORT_H_
