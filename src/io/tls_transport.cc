// SPDX-License-Identifier: BSD-3-Clause
// The callbacks of a BIO.
#include "io/tls_transport.h"

#include <openssl/bio.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "base/check.h"
#include "io/socket.h"

namespace cairn::io {
namespace {

TlsTransport& Of(BIO* bio) { return *static_cast<TlsTransport*>(BIO_get_data(bio)); }

int Receive(BIO* bio, char* into, int size) {
  TlsTransport& transport = Of(bio);
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  if (transport.is_drained || transport.bytes_left == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t asked = std::min(static_cast<std::size_t>(size), transport.bytes_left);
  const Transfer read = ReadSome(transport.fd, {into, asked});
  switch (read.state) {
    case Transfer::State::kDone:
      transport.is_drained = read.bytes < asked;
      transport.bytes_left -= read.bytes;
      transport.bytes_received += read.bytes;
      return static_cast<int>(read.bytes);
    case Transfer::State::kWouldBlock:
      transport.is_drained = true;
      BIO_set_retry_read(bio);
      return -1;
    case Transfer::State::kEnd:
      transport.has_ended = true;
      return 0;
    case Transfer::State::kFailed:
      transport.error = read.error;
      return -1;
  }
  return -1;
}

int Send(BIO* bio, const char* from, int size) {
  TlsTransport& transport = Of(bio);
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  const iovec piece{const_cast<char*>(from), static_cast<std::size_t>(size)};
  const Transfer written = WriteVec(transport.fd, {&piece, 1});
  if (written.done()) return static_cast<int>(written.bytes);
  if (written.state == Transfer::State::kWouldBlock) {
    BIO_set_retry_write(bio);
  } else {
    transport.error = written.error;
  }
  return -1;
}

long Control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return Of(bio).has_ended ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

}  // namespace

bio_method_st* NewTransport() {
  static const int type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;  // there are 127
  BIO_METHOD* method = BIO_meth_new(type, "cairn transport");
  CHECK(method != nullptr);
  BIO_meth_set_read(method, &Receive);
  BIO_meth_set_write(method, &Send);
  BIO_meth_set_ctrl(method, &Control);
  return method;
}

bio_st* NewTransportBio(bio_method_st* method, TlsTransport* transport) {
  BIO* bio = BIO_new(method);
  CHECK(bio != nullptr);
  BIO_set_data(bio, transport);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace cairn::io
