// SPDX-License-Identifier: BSD-3-Clause
// Under stripes only leaf locks are taken: those of the client registry and of the log's queue.
#include "server/audited_command.h"

#include "server/audit_log.h"
#include "server/client_registry.h"
#include "server/redact.h"
#include "server/server.h"

namespace cairn::server {

AuditedCommand::AuditedCommand(Server& server, const command::Session& session,
                               const command::CommandTable::Command& command,
                               std::span<const std::string_view> args)
    : server_(server),
      command_(command.full_name),
      time_ms_(server.engine().clock().NowUnixMs()),
      client_(session.id()) {
  server_.clients().With(client_, [&](const ClientInfo& info) { address_ = info.texts.address; });
  const bool is_known = session.authenticated() || !server_.RequiresPassword();
  if (is_known && session.user() != nullptr) user_ = session.user()->name();
  const std::vector<std::string_view> shown = WithoutSecrets(command_, args);
  words_.assign(shown.begin(), shown.end());
}

void AuditedCommand::Tell(std::string_view result, std::string_view within) {
  const std::vector<std::string_view> arguments(words_.begin(), words_.end());
  server_.audit().Add({.time_ms = time_ms_,
                       .client = client_,
                       .address = address_,
                       .user = user_,
                       .command = command_,
                       .arguments = arguments,
                       .within = within,
                       .result = result});
}

bool AuditSink::Wants(const command::CommandTable::Command& command,
                      std::size_t argument_count) const {
  return IsAudited(command, argument_count);
}

void AuditSink::Run(command::Session& session, const command::CommandTable::Command& command,
                    std::span<const std::string_view> args, Within within, resp::Writer& reply,
                    FunctionRef<bool()> run) {
  AuditedCommand told(server_, session, command, args);
  const std::uint32_t errors_before = reply.error_count();
  if (!run()) return;
  told.Tell(reply.error_count() > errors_before ? "error" : "ok",
            within == Within::kScript ? "script" : "exec");
}

}  // namespace cairn::server
