// SPDX-License-Identifier: BSD-3-Clause
// A configuration of OpenSSL, set step by step; the first that fails names itself.
//
// Renegotiation and compression are off, as both have served attackers only. Buffers are released
// between records: ten thousand idle connections shall not hold 32 KiB each.
#include "io/tls_context.h"

#include <openssl/bio.h>
#include <openssl/dh.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "io/tls_transport.h"

namespace cairn::io {
namespace {

constexpr unsigned char kSessionContext[] = "cairn";

std::unexpected<Status> FailTls(const std::string& what) {
  return Fail(StatusCode::kInvalid, what + ": " + TakeTlsError("failed"));
}

// OpenSSL asks for the pass phrase of a key; without one it would ask the terminal.
int GivePassPhrase(char* into, int size, int, void* settings) {
  const std::string& phrase = static_cast<const TlsSettings*>(settings)->key_file_pass;
  if (phrase.size() > static_cast<std::size_t>(size)) return -1;
  std::ranges::copy(phrase, into);
  return static_cast<int>(phrase.size());
}

struct ProtocolName {
  std::string_view name;
  std::uint64_t off;
};

constexpr ProtocolName kProtocols[] = {
    {"TLSv1", SSL_OP_NO_TLSv1},
    {"TLSv1.1", SSL_OP_NO_TLSv1_1},
    {"TLSv1.2", SSL_OP_NO_TLSv1_2},
    {"TLSv1.3", SSL_OP_NO_TLSv1_3},
};

// The options that switch off all versions but those named.
Result<std::uint64_t> ProtocolsOff(std::string_view words) {
  if (words.empty()) words = "TLSv1.2 TLSv1.3";
  std::uint64_t off = SSL_OP_NO_SSLv3;
  for (const ProtocolName& protocol : kProtocols) off |= protocol.off;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (word.empty()) continue;
    const auto* found = std::ranges::find_if(
        kProtocols, [&](const ProtocolName& known) { return EqualsIgnoreCase(known.name, word); });
    if (found == std::end(kProtocols)) {
      return Fail(StatusCode::kInvalid,
                  "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', "
                  "'TLSv1.2' and 'TLSv1.3'.");
    }
    off &= ~found->off;
  }
  return off;
}

Status SetVersions(SSL_CTX* context, const TlsSettings& settings) {
  const Result<std::uint64_t> off = ProtocolsOff(settings.protocols);
  if (!off) return off.error();
  std::uint64_t options = *off | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                          SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_SINGLE_DH_USE;
  if (settings.prefer_server_ciphers) options |= SSL_OP_CIPHER_SERVER_PREFERENCE;
  SSL_CTX_set_options(context, options);
  if (!settings.ciphers.empty() &&
      SSL_CTX_set_cipher_list(context, settings.ciphers.c_str()) != 1) {
    return FailTls("Failed to configure ciphers: " + settings.ciphers).error();
  }
  if (!settings.ciphersuites.empty() &&
      SSL_CTX_set_ciphersuites(context, settings.ciphersuites.c_str()) != 1) {
    return FailTls("Failed to configure ciphersuites: " + settings.ciphersuites).error();
  }
  return {};
}

Status LoadKeys(SSL_CTX* context, const TlsSettings& settings) {
  SSL_CTX_set_default_passwd_cb(context, &GivePassPhrase);
  SSL_CTX_set_default_passwd_cb_userdata(context, const_cast<TlsSettings*>(&settings));
  if (SSL_CTX_use_certificate_chain_file(context, settings.cert_file.c_str()) != 1)
    return FailTls("Failed to load certificate: " + settings.cert_file).error();
  if (SSL_CTX_use_PrivateKey_file(context, settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return FailTls("Failed to load private key: " + settings.key_file).error();
  if (SSL_CTX_check_private_key(context) != 1)
    return FailTls("The private key is not the certificate's: " + settings.key_file).error();
  // The settings are the caller's and do not stay.
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  SSL_CTX_set_default_passwd_cb(context, nullptr);
  return {};
}

Status LoadAuthorities(SSL_CTX* context, const TlsSettings& settings) {
  const char* file = settings.ca_cert_file.empty() ? nullptr : settings.ca_cert_file.c_str();
  const char* folder = settings.ca_cert_dir.empty() ? nullptr : settings.ca_cert_dir.c_str();
  if (file == nullptr && folder == nullptr) return {};
  if (SSL_CTX_load_verify_locations(context, file, folder) != 1)
    return FailTls("Failed to configure CA certificate(s) file/directory: " +
                   (file != nullptr ? settings.ca_cert_file : settings.ca_cert_dir))
        .error();
  if (file == nullptr) return {};
  // Clients with several certificates choose by these.
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(file);
  if (names != nullptr) SSL_CTX_set_client_CA_list(context, names);
  return {};
}

Status LoadDhParams(SSL_CTX* context, const std::string& path) {
  if (path.empty()) {
    SSL_CTX_set_dh_auto(context, 1);
    return {};
  }
  BIO* file = BIO_new_file(path.c_str(), "r");
  EVP_PKEY* params = file == nullptr ? nullptr : PEM_read_bio_Parameters(file, nullptr);
  BIO_free(file);
  // On success the context owns them.
  if (params != nullptr && SSL_CTX_set0_tmp_dh_pkey(context, params) == 1) return {};
  EVP_PKEY_free(params);
  return FailTls("Failed to load DH params file: " + path).error();
}

void SetSessions(SSL_CTX* context, const TlsSettings& settings) {
  // Without it a resumed session whose client must show a certificate is an error.
  SSL_CTX_set_session_id_context(context, kSessionContext, sizeof(kSessionContext) - 1);
  if (!settings.session_caching) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // Tickets resume as well as a cache does.
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    return;
  }
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
  SSL_CTX_sess_set_cache_size(context, settings.session_cache_size);  // 0: no limit, as in Redis
  SSL_CTX_set_timeout(context, settings.session_cache_timeout_s);
}

}  // namespace

std::string TakeTlsError(std::string_view fallback) {
  const unsigned long code = ::ERR_get_error();
  ::ERR_clear_error();
  if (code == 0) return std::string(fallback);
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  const char* reason = ::ERR_reason_error_string(code);
  return reason == nullptr ? std::string(fallback) : std::string(reason);
}

TlsContext::TlsContext(Side side)
    : side_(side),
      context_(SSL_CTX_new(side == Side::kAccepts ? TLS_server_method() : TLS_client_method())),
      transport_(NewTransport()) {
  CHECK(context_ != nullptr);
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
  BIO_meth_free(transport_);
}

Status TlsContext::Configure(const TlsSettings& settings) {
  ::ERR_clear_error();
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  // One system call for a record's header and body, and for those that follow it.
  SSL_CTX_set_read_ahead(context_, 1);
  if (Status set = SetVersions(context_, settings); !set.ok()) return set;
  // Who connects may be nobody.
  const bool has_keys = !settings.cert_file.empty() || !settings.key_file.empty();
  if (side_ == Side::kAccepts || has_keys) {
    if (Status loaded = LoadKeys(context_, settings); !loaded.ok()) return loaded;
  }
  return LoadAuthorities(context_, settings);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::Create(const TlsSettings& settings) {
  std::unique_ptr<TlsContext> made(new TlsContext(Side::kAccepts));
  if (Status set = made->Configure(settings); !set.ok()) return std::unexpected(set);
  if (Status loaded = LoadDhParams(made->context_, settings.dh_params_file); !loaded.ok())
    return std::unexpected(loaded);
  SetSessions(made->context_, settings);
  ::ERR_clear_error();
  return std::shared_ptr<const TlsContext>(std::move(made));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::CreateForPeers(const TlsSettings& settings) {
  std::unique_ptr<TlsContext> made(new TlsContext(Side::kConnects));
  if (Status set = made->Configure(settings); !set.ok()) return std::unexpected(set);
  SSL_CTX_set_verify(made->context_, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(made->context_, SSL_SESS_CACHE_OFF);
  ::ERR_clear_error();
  return std::shared_ptr<const TlsContext>(std::move(made));
}

}  // namespace cairn::io
