// SPDX-License-Identifier: BSD-3-Clause
// CLIENT KILL: ends connections, of one address or of all clients that some filters name.
//
// Apart from the family's other commands because it is the only one that reaches into connections
// of other workers. Any worker may run it.
#ifndef CAIRN_SERVER_CLIENT_KILL_H_
#define CAIRN_SERVER_CLIENT_KILL_H_

#include "command/call.h"

namespace cairn::server {

// The `run` of CLIENT KILL, in its old form (an address) and its new one (filters).
void KillClients(command::Call& call);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CLIENT_KILL_H_
