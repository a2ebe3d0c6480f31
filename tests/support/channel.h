// SPDX-License-Identifier: BSD-3-Clause
// Channel: one client's way to a server, whether over a socket or in this process.
//
// Whoever opened it owns it; one thread uses it. Nothing blocks for longer than the caller says.
#ifndef CAIRN_TESTS_SUPPORT_CHANNEL_H_
#define CAIRN_TESTS_SUPPORT_CHANNEL_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "support/reply.h"

namespace cairn::testing {

class Channel {
 public:
  virtual ~Channel() = default;

  // Bytes as they are. kUnsupported where there is no wire.
  virtual Status SendBytes(std::string_view bytes) = 0;
  virtual Status SendCommand(const std::vector<std::string>& args) = 0;
  // The next reply; nothing if none came in time; kClosed if the server closed the connection.
  virtual Result<std::optional<Reply>> Receive(int timeout_ms) = 0;
  // As CLIENT LIST shows it; empty where there is no wire.
  virtual std::string address() const { return {}; }
};

// Over TCP to 127.0.0.1.
Result<std::unique_ptr<Channel>> ConnectTcp(int port);
// The same through TLS, whatever certificate the server shows.
Result<std::unique_ptr<Channel>> ConnectTls(int port);

// Sends a command and waits for its reply; kClosed or kIo if none comes in time.
Result<Reply> Call(Channel& channel, const std::vector<std::string>& args, int timeout_ms = 10'000);

}  // namespace cairn::testing

#endif  // CAIRN_TESTS_SUPPORT_CHANNEL_H_
