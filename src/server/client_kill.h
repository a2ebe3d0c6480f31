// SPDX-License-Identifier: BSD-3-Clause
// CLIENT KILL.
#ifndef CAIRN_SERVER_CLIENT_KILL_H_
#define CAIRN_SERVER_CLIENT_KILL_H_

#include "command/call.h"

namespace cairn::server {

// The `run` of CLIENT KILL, in its old form (an address) and its new one (filters).
void KillClients(command::Call& call);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CLIENT_KILL_H_
