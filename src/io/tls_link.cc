// SPDX-License-Identifier: BSD-3-Clause
// The calls of OpenSSL that a client makes. Its queue of errors is the thread's, and is emptied
// before each, as in tls_stream.cc.
#include "io/tls_link.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/check.h"
#include "io/fd.h"

namespace cairn::io {
namespace {

constexpr std::size_t kRecordBytes = 16 * 1024;
// What one step takes from the socket at most: of what carries no data there may be any quantity.
constexpr std::size_t kStepBytes = 64 * 1024;
constexpr std::string_view kEndedEarly =
    "the peer closed the connection during the handshake (does it speak TLS?)";
constexpr Transfer kOver{.state = Transfer::State::kFailed, .error = EPROTO};

}  // namespace

TlsLink::TlsLink(int fd, std::shared_ptr<const TlsContext> context)
    : context_(std::move(context)), ssl_(SSL_new(context_->get())) {
  CHECK(ssl_ != nullptr);
  transport_.fd = fd;
  BIO* bio = NewTransportBio(context_->transport(), &transport_);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_connect_state(ssl_);
}

TlsLink::~TlsLink() {
  ::ERR_clear_error();
  if (is_open_ && !has_failed_) SSL_shutdown(ssl_);  // if the socket takes it at once
  SSL_free(ssl_);
  ::ERR_clear_error();
}

void TlsLink::ExpectHost(const std::string& host) {
  ::ERR_clear_error();
  // Of an address nothing may be told (RFC 6066, 3).
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str()) == 1) return;
  CHECK(SSL_set1_host(ssl_, host.c_str()) == 1);
  SSL_set_tlsext_host_name(ssl_, host.c_str());
  ::ERR_clear_error();
}

Transfer TlsLink::Handshake() {
  if (has_failed_) return kOver;
  ::ERR_clear_error();
  transport_.Begin(kStepBytes);
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    is_open_ = true;
    return {.state = Transfer::State::kDone};
  }
  const Transfer judged = Judge(result);
  if (judged.state == Transfer::State::kWouldBlock &&
      transport_.bytes_received > kHandshakeBytesMax) {
    failure_ = "the handshake is too long";
    has_failed_ = true;
    return kOver;
  }
  return judged;
}

Transfer TlsLink::Read(std::span<char> into) {
  if (has_failed_) return kOver;
  ::ERR_clear_error();
  transport_.Begin(into.size() + kStepBytes);
  const std::size_t room = std::min<std::size_t>(into.size(), INT32_MAX);
  const int read = SSL_read(ssl_, into.data(), static_cast<int>(room));
  if (read <= 0) return Judge(read);
  return {.state = Transfer::State::kDone, .bytes = static_cast<std::size_t>(read)};
}

Transfer TlsLink::Write(std::string_view bytes) {
  if (has_failed_) return kOver;
  ::ERR_clear_error();
  transport_.Begin(kStepBytes);
  const std::size_t size = std::min(bytes.size(), kRecordBytes);
  const int written = SSL_write(ssl_, bytes.data(), static_cast<int>(size));
  if (written <= 0) return Judge(written);
  return {.state = Transfer::State::kDone, .bytes = static_cast<std::size_t>(written)};
}

Transfer TlsLink::Judge(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      awaited_ = Interest::kRead;
      return {.state = Transfer::State::kWouldBlock};
    case SSL_ERROR_WANT_WRITE:
      awaited_ = Interest::kWrite;
      return {.state = Transfer::State::kWouldBlock};
    case SSL_ERROR_ZERO_RETURN:
      if (!is_open_) failure_ = kEndedEarly;
      return {.state = Transfer::State::kEnd};
    default:
      has_failed_ = true;
      failure_ = DescribeFailure();
      if (transport_.has_ended) return {.state = Transfer::State::kEnd};
      return {.state = Transfer::State::kFailed,
              .error = transport_.error != 0 ? transport_.error : EPROTO};
  }
}

std::string TlsLink::DescribeFailure() const {
  if (transport_.error != 0) return ErrnoText(transport_.error);
  const long verified = SSL_get_verify_result(ssl_);
  const bool is_foreign =
      !is_open_ && ERR_GET_REASON(::ERR_peek_error()) == SSL_R_WRONG_VERSION_NUMBER;
  std::string text = TakeTlsError(is_open_ ? "the peer closed the connection" : kEndedEarly);
  if (is_foreign) text += " (does the peer speak TLS?)";
  return verified == X509_V_OK ? text : text + ": " + X509_verify_cert_error_string(verified);
}

}  // namespace cairn::io
