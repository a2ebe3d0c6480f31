// SPDX-License-Identifier: BSD-3-Clause
// Monitors: the clients that said MONITOR, and what each wants to see.
//
// While there is one, it is the runners' CommandObserver: the line of a command is made by the
// worker that runs it, before its stripe locks go, so that two commands on one key are shown in
// their order. A line goes through the inbox of the worker that has the monitor, as a message does.
// Administrative commands are not shown, nor are passwords.
//
// Thread safety: all methods from any thread. The mutex is held for posting; below it are inboxes
// and the registry, both leaves.
#ifndef CAIRN_SERVER_MONITORS_H_
#define CAIRN_SERVER_MONITORS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "command/runner.h"

namespace cairn::server {

class Connection;
class Server;

// What MONITOR shall show; all of it by default.
struct MonitorFilter {
  std::optional<std::string> pattern;  // an argument that fits it, the command's name included
  std::optional<ClientId> client;
  std::uint64_t sample = 1;  // one in so many of those that fit
};

class Monitors final : public command::CommandObserver {
 public:
  explicit Monitors(Server& server) : server_(server) {}

  // On the connection's thread.
  void Add(Connection& connection, MonitorFilter filter);
  void Remove(Connection& connection);

  void OnCommand(command::Call& call) override;

 private:
  struct Monitor {
    ClientId id;
    std::size_t worker = 0;
    MonitorFilter filter;
    std::uint64_t fitting = 0;  // commands that fit the filter so far
  };
  static bool Wants(Monitor& monitor, command::Call& call);
  BlobRef Line(command::Call& call);

  Server& server_;
  Mutex mu_;
  std::vector<Monitor> monitors_ GUARDED_BY(mu_);
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_MONITORS_H_
