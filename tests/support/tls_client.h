// SPDX-License-Identifier: BSD-3-Clause
// TlsClient: a client's side of TLS without I/O: bytes in, bytes out. It trusts whomever it meets.
//
// Whoever made it owns it; one thread uses it.
#ifndef CAIRN_TESTS_SUPPORT_TLS_CLIENT_H_
#define CAIRN_TESTS_SUPPORT_TLS_CLIENT_H_

#include <string>
#include <string_view>

extern "C" {
struct ssl_st;
struct ssl_ctx_st;
}

namespace cairn::testing {

class TlsClient {
 public:
  TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient();

  // The bytes to send for these.
  std::string Seal(std::string_view plain);
  // Takes what was received, and gives what it says. What must be answered to it is in TakeOutput.
  std::string Open(std::string_view received);
  // What is to be sent without our asking: the handshake, first of all.
  std::string TakeOutput();

  // The handshake is over.
  bool is_open() const;
  // No more comes: the peer said so, or spoke nonsense.
  bool has_ended() const { return has_ended_; }

 private:
  ssl_ctx_st* context_;
  ssl_st* ssl_;
  bool has_ended_ = false;
};

}  // namespace cairn::testing

#endif  // CAIRN_TESTS_SUPPORT_TLS_CLIENT_H_
