// SPDX-License-Identifier: BSD-3-Clause
// TlsLink: the client's side of TLS over a connected socket, for a thread that may wait: no loop
// tells it of readiness, its owner waits for what awaited() says (io::AwaitReady) and calls again.
//
//     made --Handshake, until it is over--> open --Read, Write--> destroyed: close_notify
//                 |--failed: the peer is not to be trusted, or speaks no TLS
//
// Unlike with a socket alone, there may be bytes to read though the socket has none: whoever wants
// some reads first, and waits when he is told to.
//
// Belongs to one thread.
#ifndef CAIRN_IO_TLS_LINK_H_
#define CAIRN_IO_TLS_LINK_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/stream.h"
#include "io/tls_context.h"
#include "io/tls_transport.h"

extern "C" {
struct ssl_st;
}

namespace cairn::io {

class TlsLink {
 public:
  // What a peer may send before its handshake is over: a chain of certificates at most.
  static constexpr std::size_t kHandshakeBytesMax = 256 * 1024;

  // `fd` is not this object's, does not block, and stays until this has gone. REQUIRES: the context
  // is for connections that we open.
  TlsLink(int fd, std::shared_ptr<const TlsContext> context);
  TlsLink(const TlsLink&) = delete;
  TlsLink& operator=(const TlsLink&) = delete;
  ~TlsLink();

  // The certificate has to be that of `host`, a name or an address, who is also told whom we mean.
  // Before the handshake.
  void ExpectHost(const std::string& host);
  // The next step: kDone when the handshake is over, and the peer's certificate is good.
  Transfer Handshake();
  // Why the handshake failed, or what followed; a peer may refuse our certificate after it.
  const std::string& failure() const { return failure_; }
  Transfer Read(std::span<char> into);
  // At most a record of it. What was not taken is to be offered again, as it was.
  Transfer Write(std::string_view bytes);
  // What the last call that would have blocked waits for.
  Interest awaited() const { return awaited_; }

 private:
  Transfer Judge(int result);
  std::string DescribeFailure() const;

  const std::shared_ptr<const TlsContext> context_;
  TlsTransport transport_;
  ssl_st* ssl_;
  Interest awaited_ = Interest::kRead;
  bool is_open_ = false;
  bool has_failed_ = false;
  std::string failure_;
};

}  // namespace cairn::io

#endif  // CAIRN_IO_TLS_LINK_H_
