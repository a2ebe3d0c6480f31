// SPDX-License-Identifier: BSD-3-Clause
// What a peer may send to a TLS port: the adapter takes any bytes, in any pieces, without a fault,
// an endless loop or a word before its time.
//
// The first byte says whether a client certificate is asked for and whether OpenSSL's own client
// has begun before: junk in place of its second flight gets further than junk from the start.
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "base/clock.h"
#include "io/event_loop.h"
#include "io/socket.h"
#include "io/tls_stream.h"
#include "io/tls_test_papers.h"

namespace {

using namespace cairn::io;  // NOLINT(google-build-using-namespace): a fuzzer is one file

constexpr std::size_t kInputMax = 64 * 1024;  // less than a socket takes at once

struct Stage {
  cairn::ManualClock clock{0};
  std::unique_ptr<EventLoop> loop = EventLoop::Create(clock).value();
  testing::TlsTestPapers papers;
  std::shared_ptr<const TlsContext> context = papers.MakeContext();
  SSL_CTX* client_context = SSL_CTX_new(TLS_client_method());
};

void Begin(SSL_CTX* context, int fd) {
  SSL* client = SSL_new(context);
  SSL_set_fd(client, fd);
  SSL_connect(client);
  SSL_free(client);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Stage stage;
  if (size == 0 || size > kInputMax) return 0;
  int fds[2];
  CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
  Fd theirs(fds[1]);
  const auto wanted = static_cast<ClientCertificate>(data[0] % 3);
  TlsStream stream(Fd(fds[0]), *stage.loop, stage.context, wanted);
  if ((data[0] & 4) != 0) {
    Begin(stage.client_context, theirs.get());
    CHECK(!stream.Handshake().done());
  }
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = (data[0] & 8) != 0 ? 1 + (data[0] >> 4) * 37 : kInputMax;
  Transfer step{.state = Transfer::State::kWouldBlock};
  while (!rest.empty() && step.state == Transfer::State::kWouldBlock) {
    const std::string_view part = rest.substr(0, piece);
    rest.remove_prefix(part.size());
    if (!WriteAll(theirs.get(), part).ok()) break;
    step = stream.Handshake();
    // Without the key's knowledge nobody gets through.
    CHECK(!step.done());
  }
  stream.Close();
  return 0;
}
