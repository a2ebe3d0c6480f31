// SPDX-License-Identifier: BSD-3-Clause
// TlsContext: what all TLS connections of one configuration share: certificate, key, authorities,
// versions, ciphers, remembered sessions. OpenSSL's side of it is in the .cc.
//
// Made anew on every change of the configuration; connections keep the one they began with, so that
// a change drops nobody. Immutable after construction, but for OpenSSL's own cache of sessions,
// which has its own lock. Thread safety: any thread.
#ifndef CAIRN_IO_TLS_CONTEXT_H_
#define CAIRN_IO_TLS_CONTEXT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

extern "C" {
struct ssl_ctx_st;
struct bio_method_st;
}

namespace cairn::io {

// Empty texts: not given.
struct TlsSettings {
  std::string cert_file;  // PEM, with its chain
  std::string key_file;
  std::string key_file_pass;
  std::string ca_cert_file;
  std::string ca_cert_dir;
  std::string dh_params_file;
  std::string protocols;  // words as "TLSv1.2"; empty: 1.2 and 1.3
  std::string ciphers;    // up to TLS 1.2
  std::string ciphersuites;
  bool prefer_server_ciphers = false;
  bool session_caching = true;
  std::int64_t session_cache_size = 20480;
  std::int64_t session_cache_timeout_s = 300;
};

class TlsContext {
 public:
  // For connections that are accepted. The error names the file or the setting.
  // REQUIRES: a certificate and a key are given.
  static Result<std::shared_ptr<const TlsContext>> Create(const TlsSettings& settings);
  // The same for connections that we open: the peer's certificate has to be one of an authority we
  // trust, whatever name it has, as for Redis: servers are known by their addresses (a TlsLink can
  // be told to expect a name). A certificate of our own need not be given.
  static Result<std::shared_ptr<const TlsContext>> CreateForPeers(const TlsSettings& settings);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  ssl_ctx_st* get() const { return context_; }
  // How OpenSSL reads and writes a descriptor of ours (tls_stream.cc).
  bio_method_st* transport() const { return transport_; }

 private:
  enum class Side : std::uint8_t { kAccepts, kConnects };
  explicit TlsContext(Side side);
  // What both sides have in common.
  Status Configure(const TlsSettings& settings);

  const Side side_;
  ssl_ctx_st* context_;
  bio_method_st* transport_;
};

// What OpenSSL says of the last failure on this thread, and forgets it. `fallback` if it says
// nothing.
std::string TakeTlsError(std::string_view fallback);

}  // namespace cairn::io

#endif  // CAIRN_IO_TLS_CONTEXT_H_
