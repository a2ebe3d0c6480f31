// SPDX-License-Identifier: BSD-3-Clause
// Target: the server a script is run against, whatever it is and wherever it runs.
//
// Made by the factories below, owned by the runner's main. A target that dies under a script is
// started anew by Revive, so that one crash fails one script.
#ifndef CAIRN_TESTS_COMPAT_TARGET_H_
#define CAIRN_TESTS_COMPAT_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "support/channel.h"
#include "support/server_process.h"

namespace cairn::compat {

class Target {
 public:
  virtual ~Target() = default;
  // A new client, speaking RESP 2 or 3.
  virtual Result<std::unique_ptr<testing::Channel>> Open(int protocol) = 0;
  // Whether it has the command; `admin` is a channel of this target.
  virtual bool Knows(testing::Channel& admin, const std::string& command) = 0;
  // Whether it still answers; `why` says what happened if not.
  virtual bool Healthy(std::string& why) = 0;
  virtual Status Revive() = 0;
  // Ends it; what was wrong with it, if anything.
  virtual std::string Close() = 0;
  virtual bool is_oracle() const = 0;
  virtual bool over_wire() const = 0;
};

enum class ServerKind : std::uint8_t { kCairn, kOracle };

// A server process of its own. If it has TLS, all its clients speak it.
Result<std::unique_ptr<Target>> StartServer(ServerKind kind,
                                            testing::ServerProcess::Options options);

// The engine in this process, without sockets.
std::unique_ptr<Target> StartEngine(std::size_t stripe_count);

}  // namespace cairn::compat

#endif  // CAIRN_TESTS_COMPAT_TARGET_H_
