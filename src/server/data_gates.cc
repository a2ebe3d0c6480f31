// SPDX-License-Identifier: BSD-3-Clause
// What they answer, and to whom. PING is refused, too, when writes cannot be saved, as Redis does:
// whoever watches a server by PING hears of it.
#include "server/data_gates.h"

#include "command/errors.h"

namespace cairn::server {

bool DiskGate::Admit(command::Call& call) {
  const bool is_concerned = call.MayWrite() || call.command().full_name == "ping";
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
