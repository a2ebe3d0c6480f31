// SPDX-License-Identifier: BSD-3-Clause
// TlsStream: a Stream whose bytes are encrypted on their way: the server's side of TLS over a
// connected socket.
//
//     made --Handshake, as often as it is told of readiness--> open --Read, Write--> Close
//                       |--failed: the peer's fault, or ours
//
// Readiness is the socket's, with three exceptions that this class sees to, so that a watcher need
// not know: OpenSSL may hold data that the socket no longer has (told of by a timer, at once, as
// long as nobody reads); and reading may have to wait for room to write, or the other way round.
//
// A Read gives as many whole records as fit, with one system call if it gets all there is; a Write
// makes records of up to 16 KiB, each of several small pieces or of a part of a large one, which is
// then not copied. What OpenSSL could not send is told to be written again, and is not encrypted
// twice.
//
// Idle, it holds no buffers. A stream and its context: kMemoryBytes, measured.
//
// Thread safety: that of the loop's thread.
#ifndef CAIRN_IO_TLS_STREAM_H_
#define CAIRN_IO_TLS_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "io/event_loop.h"
#include "io/fd.h"
#include "io/stream.h"
#include "io/tls_context.h"
#include "io/tls_transport.h"

extern "C" {
struct ssl_st;
}

namespace cairn::io {

enum class ClientCertificate : std::uint8_t { kNotAsked, kOptional, kRequired };

class TlsStream final : public Stream, private Watcher {
 public:
  // The most that one record carries.
  static constexpr std::size_t kRecordBytes = 16 * 1024;
  // What one Read takes from the socket at most, beyond the room it was given.
  static constexpr std::size_t kOverheadBytes = 64 * 1024;
  // What a peer may send before its handshake is over: a chain of certificates at most.
  static constexpr std::size_t kHandshakeBytesMax = 256 * 1024;
  // What an idle connection was measured to hold beside the socket: docs/decisions/0020-tls.md.
  static constexpr std::size_t kMemoryBytes = 16 * 1024;

  // `loop` outlives the stream.
  TlsStream(Fd fd, EventLoop& loop, std::shared_ptr<const TlsContext> context,
            ClientCertificate client_certificate);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  ~TlsStream() override;

  // Goes on with the handshake: kDone when it is over, kWouldBlock if the peer is waited for; kEnd
  // if it has gone, kFailed if it is not to be had: see failure(). `bytes` says nothing.
  Transfer Handshake();
  // Why the handshake failed, for the log.
  const std::string& failure() const { return failure_; }
  // The common name of the client's certificate, which was checked; empty without one. REQUIRES:
  // the handshake is over.
  std::string ClientCommonName() const;

  Transfer Read(std::span<char> into) override;
  Transfer Write(std::span<const iovec> pieces) override;
  void Close() override;
  Status Watch(Watcher* watcher, Interest interest) override;
  int descriptor() const override { return fd_.get(); }
  std::size_t memory_bytes() const override { return kMemoryBytes; }

 private:
  void OnReady(bool readable, bool writable, bool hangup) override;
  // What an operation that returned `result` came to. Reading waits for room to write, or writing
  // for input, by `waits_otherwise`.
  Transfer Judge(int result, bool reads);
  Transfer WriteRecord(std::span<const iovec> pieces);
  std::string DescribeFailure();
  Status UpdatePolling();
  bool wants_read() const { return (static_cast<int>(interest_) & 1) != 0; }
  bool wants_write() const { return (static_cast<int>(interest_) & 2) != 0; }
  void TellAgain();
  void StopTelling();

  Fd fd_;
  EventLoop& loop_;
  const std::shared_ptr<const TlsContext> context_;
  TlsTransport transport_;
  ssl_st* ssl_;
  Watcher* watcher_ = nullptr;
  Interest interest_ = Interest::kNone;
  bool is_registered_ = false;
  bool is_open_ = false;     // the handshake is over
  bool has_failed_ = false;  // nothing more can be said, not even that we close
  bool read_wants_write_ = false;
  bool write_wants_read_ = false;
  bool holds_input_ = false;  // OpenSSL has, or may have, data that the socket has not
  std::optional<TimerId> telling_;
  std::size_t blocked_bytes_ = 0;  // of a record that waits for room in the socket
  std::string failure_;
};

}  // namespace cairn::io

#endif  // CAIRN_IO_TLS_STREAM_H_
