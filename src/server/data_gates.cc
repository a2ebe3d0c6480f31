// SPDX-License-Identifier: BSD-3-Clause
// An EXEC is what its transaction has queued.
#include "server/data_gates.h"

#include "command/errors.h"
#include "command/session.h"
#include "command/transaction.h"

namespace cairn::server {

bool DiskGate::Admit(command::Call& call) {
  const std::uint32_t flags = call.is_exec() && call.session().transaction() != nullptr
                                  ? call.session().transaction()->flags()
                                  : call.command().flags;
  const bool is_concerned = (flags & command::kWrite) != 0 || call.command().full_name == "ping";
  if (!is_concerned || !persistence_.refuses_writes()) return true;
  call.Refuse(command::errors::kMisconf);
  return false;
}

bool LoadingGate::Admit(command::Call& call) {
  if ((call.command().flags & command::kLoading) != 0 || !persistence_.is_loading()) return true;
  call.Refuse(command::errors::kLoading);
  return false;
}

}  // namespace cairn::server
