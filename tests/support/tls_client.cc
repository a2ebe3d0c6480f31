// SPDX-License-Identifier: BSD-3-Clause
// OpenSSL between two buffers in memory, which take all there is.
#include "support/tls_client.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"

namespace cairn::testing {
namespace {

constexpr std::size_t kStepBytes = 16u * 1024;

}  // namespace

TlsClient::TlsClient() : context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_)) {
  CHECK(ssl_ != nullptr);
  SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl_);
  SSL_do_handshake(ssl_);
}

TlsClient::~TlsClient() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

bool TlsClient::is_open() const { return SSL_is_init_finished(ssl_) == 1; }

std::string TlsClient::Seal(std::string_view plain) {
  if (!plain.empty()) {
    const int written = SSL_write(ssl_, plain.data(), static_cast<int>(plain.size()));
    CHECK(written == static_cast<int>(plain.size()));
  }
  return TakeOutput();
}

std::string TlsClient::Open(std::string_view received) {
  const int taken =
      BIO_write(SSL_get_rbio(ssl_), received.data(), static_cast<int>(received.size()));
  CHECK(taken == static_cast<int>(received.size()));
  std::string plain;
  for (;;) {
    const std::size_t size = plain.size();
    plain.resize(size + kStepBytes);
    const int read = SSL_read(ssl_, plain.data() + size, kStepBytes);
    plain.resize(size + static_cast<std::size_t>(read > 0 ? read : 0));
    if (read > 0) continue;
    const int error = SSL_get_error(ssl_, read);
    ::ERR_clear_error();
    has_ended_ = error != SSL_ERROR_WANT_READ;
    return plain;
  }
}

std::string TlsClient::TakeOutput() {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(SSL_get_wbio(ssl_), &bytes);
  std::string output(bytes, static_cast<std::size_t>(size));
  BIO_reset(SSL_get_wbio(ssl_));
  return output;
}

}  // namespace cairn::testing
