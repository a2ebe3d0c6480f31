// SPDX-License-Identifier: BSD-3-Clause
// TlsTransport: the descriptor under a TlsStream, as OpenSSL sees it: a BIO of our own.
//
// OpenSSL's own would ask the kernel for more after every record, to hear that there is none: a
// system call a request. This one knows from a short read that the socket is empty, and says so
// itself until the stream begins its next read. It also ends a read of which nothing comes but
// records that carry no data (key updates, warnings): their sender shall not have the worker to
// itself.
//
// Owned by its TlsStream; that stream's thread only.
#ifndef CAIRN_IO_TLS_TRANSPORT_H_
#define CAIRN_IO_TLS_TRANSPORT_H_

#include <cstddef>

extern "C" {
struct bio_st;
struct bio_method_st;
}

namespace cairn::io {

struct TlsTransport {
  int fd = -1;
  bool is_drained = false;         // the last read took all that there was
  bool has_ended = false;          // the peer sends no more
  int error = 0;                   // errno of what failed, 0 if nothing did
  std::size_t bytes_left = 0;      // of what this read may still take from the socket
  std::size_t bytes_received = 0;  // ever

  // A new read of the stream, or step of the handshake, begins.
  void Begin(std::size_t bytes_max) {
    is_drained = false;
    bytes_left = bytes_max;
  }
};

// The caller frees it, after all that were made by it.
bio_method_st* NewTransport();
// `transport` outlives it.
bio_st* NewTransportBio(bio_method_st* method, TlsTransport* transport);

}  // namespace cairn::io

#endif  // CAIRN_IO_TLS_TRANSPORT_H_
