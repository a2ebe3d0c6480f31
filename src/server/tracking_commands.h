// SPDX-License-Identifier: BSD-3-Clause
// The subcommands of CLIENT about client-side caching. Their rows stand with the others in
// admin_client.cc.
#ifndef CAIRN_SERVER_TRACKING_COMMANDS_H_
#define CAIRN_SERVER_TRACKING_COMMANDS_H_

#include "command/call.h"

namespace cairn::server {

void ClientTrackingSwitch(command::Call& call);  // CLIENT TRACKING
void ClientTrackingInfo(command::Call& call);
void ClientCaching(command::Call& call);
void ClientGetRedir(command::Call& call);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_TRACKING_COMMANDS_H_
