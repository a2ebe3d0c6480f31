// SPDX-License-Identifier: BSD-3-Clause
// OpenSSL's calls, each followed by the same question: done, wait, or over?
//
// OpenSSL keeps its errors in a queue of the thread, and reads it to find out what a call came to,
// so that it is emptied before each.
#include "io/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "io/fd.h"

namespace cairn::io {
namespace {

constexpr Transfer kClosed{.state = Transfer::State::kFailed, .error = EBADF};
constexpr Transfer kWouldBlock{.state = Transfer::State::kWouldBlock};

int VerifyMode(ClientCertificate wanted) {
  switch (wanted) {
    case ClientCertificate::kNotAsked:
      return SSL_VERIFY_NONE;
    case ClientCertificate::kOptional:
      return SSL_VERIFY_PEER;
    case ClientCertificate::kRequired:
      return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

std::size_t TotalBytes(std::span<const iovec> pieces) {
  std::size_t total = 0;
  for (const iovec& piece : pieces) total += piece.iov_len;
  return total;
}

// Copies the first bytes of `pieces`. REQUIRES: they have as many.
void Gather(std::span<const iovec> pieces, std::span<char> into) {
  for (const iovec& piece : pieces) {
    const std::size_t part = std::min(piece.iov_len, into.size());
    if (part > 0) std::memcpy(into.data(), piece.iov_base, part);
    into = into.subspan(part);
  }
  DCHECK(into.empty());
}

// Drops the first `size` bytes from `pieces`, of which the front one is changed.
std::span<iovec> Advance(std::span<iovec> pieces, std::size_t size) {
  while (!pieces.empty() && size >= pieces.front().iov_len) {
    size -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (size > 0) {
    pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + size;
    pieces.front().iov_len -= size;
  }
  return pieces;
}

}  // namespace

TlsStream::TlsStream(Fd fd, EventLoop& loop, std::shared_ptr<const TlsContext> context,
                     ClientCertificate client_certificate)
    : fd_(std::move(fd)),
      loop_(loop),
      context_(std::move(context)),
      ssl_(SSL_new(context_->get())) {
  CHECK(ssl_ != nullptr);
  transport_.fd = fd_.get();
  BIO* bio = NewTransportBio(context_->transport(), &transport_);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_verify(ssl_, VerifyMode(client_certificate), nullptr);
  // A session that was begun without a certificate is not one to resume where one is required.
  const auto mode = static_cast<unsigned char>(client_certificate);
  CHECK(SSL_set_session_id_context(ssl_, &mode, sizeof(mode)) == 1);
  SSL_set_accept_state(ssl_);
}

TlsStream::~TlsStream() { Close(); }

Transfer TlsStream::Handshake() {
  if (!fd_.valid()) return kClosed;
  ::ERR_clear_error();
  transport_.Begin(kOverheadBytes);
  read_wants_write_ = write_wants_read_ = false;
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    is_open_ = true;
    // What came with the end of the handshake, if anything did.
    holds_input_ = SSL_has_pending(ssl_) == 1;
    return {.state = Transfer::State::kDone};
  }
  const Transfer judged = Judge(result, true);
  if (judged.state != Transfer::State::kWouldBlock) return judged;
  if (transport_.bytes_received > kHandshakeBytesMax) {
    failure_ = "the handshake is too long";
    has_failed_ = true;
    return {.state = Transfer::State::kFailed, .error = EPROTO};
  }
  if (!UpdatePolling().ok()) return kClosed;
  return kWouldBlock;
}

std::string TlsStream::ClientCommonName() const {
  X509* certificate = SSL_get1_peer_certificate(ssl_);
  if (certificate == nullptr) return {};
  std::string name;
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) {
    unsigned char* text = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size > 0) name.assign(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
  }
  X509_free(certificate);
  return name;
}

// The reasons that people meet have a hint.
std::string TlsStream::DescribeFailure() {
  const unsigned long code = ::ERR_peek_error();
  std::string text = TakeTlsError("the peer closed the connection during the handshake");
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return text;
  switch (ERR_GET_REASON(code)) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
      return text + " (is it a client without TLS?)";
    default:
      return text;
  }
}

Transfer TlsStream::Judge(int result, bool reads) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      (reads ? read_wants_write_ : write_wants_read_) = !reads;
      return kWouldBlock;
    case SSL_ERROR_WANT_WRITE:
      if (reads) read_wants_write_ = true;
      return kWouldBlock;
    case SSL_ERROR_ZERO_RETURN:
      return {.state = Transfer::State::kEnd};
    default:
      has_failed_ = true;
      if (transport_.has_ended && is_open_) return {.state = Transfer::State::kEnd};
      if (!is_open_) {
        failure_ = transport_.error != 0 ? ErrnoText(transport_.error) : DescribeFailure();
      }
      return {.state = Transfer::State::kFailed,
              .error = transport_.error != 0 ? transport_.error : EPROTO};
  }
}

Transfer TlsStream::Read(std::span<char> into) {
  if (!fd_.valid() || has_failed_) return kClosed;
  ::ERR_clear_error();
  transport_.Begin(into.size() + kOverheadBytes);
  read_wants_write_ = false;
  holds_input_ = false;
  std::size_t bytes = 0;
  Transfer last;
  while (bytes < into.size()) {
    const std::size_t room = std::min<std::size_t>(into.size() - bytes, INT32_MAX);
    const int read = SSL_read(ssl_, into.data() + bytes, static_cast<int>(room));
    if (read <= 0) {
      last = Judge(read, true);
      break;
    }
    bytes += static_cast<std::size_t>(read);
  }
  // Full: there may be more where it came from. Over: it will say so again.
  holds_input_ = bytes == into.size() || last.state == Transfer::State::kEnd ||
                 last.state == Transfer::State::kFailed;
  if (holds_input_) {
    TellAgain();
  } else {
    StopTelling();
  }
  if (read_wants_write_ && !UpdatePolling().ok()) return kClosed;
  return bytes > 0 ? Transfer{.state = Transfer::State::kDone, .bytes = bytes} : last;
}

// One record: of the first piece if that fills it, else of as many as it holds. Of one that was
// blocked OpenSSL wants to hear the same length again.
Transfer TlsStream::WriteRecord(std::span<const iovec> pieces) {
  const std::size_t size =
      blocked_bytes_ > 0 ? blocked_bytes_ : std::min(TotalBytes(pieces), kRecordBytes);
  char record[kRecordBytes];
  const char* from = static_cast<const char*>(pieces.front().iov_base);
  if (pieces.front().iov_len < size) {
    Gather(pieces, {record, size});
    from = record;
  }
  const int written = SSL_write(ssl_, from, static_cast<int>(size));
  if (written > 0) {
    blocked_bytes_ = 0;
    return {.state = Transfer::State::kDone, .bytes = static_cast<std::size_t>(written)};
  }
  const Transfer judged = Judge(written, false);
  if (judged.state == Transfer::State::kWouldBlock) blocked_bytes_ = size;
  return judged;
}

Transfer TlsStream::Write(std::span<const iovec> pieces) {
  constexpr std::size_t kPiecesMax = 64;
  if (!fd_.valid() || has_failed_) return kClosed;
  iovec rest[kPiecesMax];
  const std::size_t count = std::min(pieces.size(), kPiecesMax);
  std::copy_n(pieces.begin(), count, rest);
  std::span<iovec> left = Advance({rest, count}, 0);
  std::size_t bytes = 0;
  Transfer last;
  // What a writer has offered once it offers again, with what was added to it.
  if (blocked_bytes_ > TotalBytes(left)) return kWouldBlock;
  ::ERR_clear_error();
  write_wants_read_ = false;
  while (!left.empty()) {
    last = WriteRecord(left);
    if (!last.done()) break;
    bytes += last.bytes;
    left = Advance(left, last.bytes);
  }
  if (write_wants_read_ && !UpdatePolling().ok()) return kClosed;
  return bytes > 0 ? Transfer{.state = Transfer::State::kDone, .bytes = bytes} : last;
}

void TlsStream::Close() {
  if (!fd_.valid()) return;
  StopTelling();
  if (is_open_ && !has_failed_) {
    ::ERR_clear_error();
    SSL_shutdown(ssl_);  // close_notify, if the socket takes it at once
  }
  ::ERR_clear_error();
  SSL_free(std::exchange(ssl_, nullptr));
  if (is_registered_) loop_.poller().Remove(fd_.get());
  is_registered_ = false;
  watcher_ = nullptr;
  fd_.Close();
}

Status TlsStream::Watch(Watcher* watcher, Interest interest) {
  if (!fd_.valid()) return {StatusCode::kClosed, "stream is closed"};
  watcher_ = watcher;
  interest_ = interest;
  if (holds_input_) TellAgain();
  return UpdatePolling();
}

Status TlsStream::UpdatePolling() {
  if (watcher_ == nullptr) return {};
  int wanted = static_cast<int>(interest_);
  if (read_wants_write_) wanted |= static_cast<int>(Interest::kWrite);
  if (write_wants_read_) wanted |= static_cast<int>(Interest::kRead);
  const auto interest = static_cast<Interest>(wanted);
  if (is_registered_) return loop_.poller().Modify(fd_.get(), interest);
  Status added = loop_.poller().Add(fd_.get(), interest, this);
  is_registered_ = added.ok();
  return added;
}

// The watcher may destroy this stream: its call comes last.
void TlsStream::OnReady(bool readable, bool writable, bool hangup) {
  const bool may_read = wants_read() && (readable || (writable && read_wants_write_));
  const bool may_write = wants_write() && (writable || (readable && write_wants_read_));
  if (read_wants_write_ && writable && !wants_write()) {
    read_wants_write_ = false;
    if (!UpdatePolling().ok()) hangup = true;
  }
  if (may_read || may_write || hangup) watcher_->OnReady(may_read, may_write, hangup);
}

// As a level-triggered poller would: in every pass, until it is read.
void TlsStream::TellAgain() {
  if (telling_ || !wants_read()) return;
  telling_ = loop_.AddTimer(0, [this] {
    telling_.reset();
    if (!holds_input_ || !wants_read()) return;
    TellAgain();
    watcher_->OnReady(true, false, false);
  });
}

void TlsStream::StopTelling() {
  if (telling_) loop_.CancelTimer(*std::exchange(telling_, std::nullopt));
}

}  // namespace cairn::io
