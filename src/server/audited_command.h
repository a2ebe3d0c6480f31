// SPDX-License-Identifier: BSD-3-Clause
// AuditedCommand: one administrative command on its way into the audit log; AuditSink: those that
// run within EXEC or a script.
//
// Who runs it, and its words, are kept before it runs: AUTH changes the one, and a command may move
// what the others stand in.
#ifndef CAIRN_SERVER_AUDITED_COMMAND_H_
#define CAIRN_SERVER_AUDITED_COMMAND_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "command/auditor.h"
#include "command/session.h"
#include "command/table.h"

namespace cairn::server {

class Server;

// On the stack of whoever runs it.
class AuditedCommand {
 public:
  AuditedCommand(Server& server, const command::Session& session,
                 const command::CommandTable::Command& command,
                 std::span<const std::string_view> args);
  // `within`: exec, script, or nothing.
  void Tell(std::string_view result, std::string_view within = {});

 private:
  Server& server_;
  const std::string& command_;
  const UnixMs time_ms_;
  const ClientId client_;
  std::string address_;
  std::string user_;
  std::vector<std::string> words_;  // without secrets
};

class AuditSink final : public command::Auditor {
 public:
  explicit AuditSink(Server& server) : server_(server) {}
  bool Wants(const command::CommandTable::Command& command,
             std::size_t argument_count) const override;
  void Run(command::Session& session, const command::CommandTable::Command& command,
           std::span<const std::string_view> args, Within within, resp::Writer& reply,
           FunctionRef<bool()> run) override;

 private:
  Server& server_;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_AUDITED_COMMAND_H_
