// SPDX-License-Identifier: BSD-3-Clause
// For tests and the fuzzer: a certificate that vouches for itself and its key, made on the spot, in
// files that go with this object.
#ifndef CAIRN_IO_TLS_TEST_PAPERS_H_
#define CAIRN_IO_TLS_TEST_PAPERS_H_

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/check.h"
#include "io/tls_context.h"

namespace cairn::io::testing {

class TlsTestPapers {
 public:
  explicit TlsTestPapers(const char* common_name = "test") {
    char folder[] = "/tmp/cairn-tls-test-XXXXXX";
    CHECK(::mkdtemp(folder) != nullptr);
    folder_ = folder;
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = Sign(key, common_name);
    std::FILE* file = std::fopen(cert().c_str(), "w");
    CHECK(PEM_write_X509(file, certificate) == 1);
    std::fclose(file);
    file = std::fopen(this->key().c_str(), "w");
    CHECK(PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  TlsTestPapers(const TlsTestPapers&) = delete;
  TlsTestPapers& operator=(const TlsTestPapers&) = delete;
  ~TlsTestPapers() {
    ::unlink(cert().c_str());
    ::unlink(key().c_str());
    ::rmdir(folder_.c_str());
  }

  std::string cert() const { return folder_ + "/cert.pem"; }
  std::string key() const { return folder_ + "/key.pem"; }
  std::shared_ptr<const TlsContext> MakeContext() const {
    TlsSettings settings;
    settings.cert_file = settings.ca_cert_file = cert();
    settings.key_file = key();
    return TlsContext::Create(settings).value();
  }

 private:
  static X509* Sign(EVP_PKEY* key, const char* common_name) {
    constexpr long kDaySeconds = 24 * 3600;
    X509* certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -kDaySeconds);
    X509_gmtime_adj(X509_getm_notAfter(certificate), kDaySeconds);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    CHECK(X509_sign(certificate, key, EVP_sha256()) != 0);
    return certificate;
  }

  std::string folder_;
};

}  // namespace cairn::io::testing

#endif  // CAIRN_IO_TLS_TEST_PAPERS_H_
