// SPDX-License-Identifier: BSD-3-Clause
// A client as CLIENT LIST and CLIENT INFO show it: one line of fields, in Redis 7.2's order.
#ifndef CAIRN_SERVER_CLIENT_LINE_H_
#define CAIRN_SERVER_CLIENT_LINE_H_

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "server/client_registry.h"

namespace cairn::server {

// The line, with its '\n'. `argument_bytes` of the command that the client is running, 0 if none.
// REQUIRES: the registry's lock, since the texts are read.
std::string ClientLine(const ClientInfo& info, UnixMs now_ms, std::int64_t argument_bytes);

// What one client is of: all are normal until replicas and subscribers come.
enum class ClientClass : std::uint8_t { kNormal, kReplica, kPubsub, kMaster };

ClientClass ClassOf(const ClientInfo& info);
// "normal", "replica" or "slave", "pubsub", "master", in any case; false if it is none of them.
bool ParseClientClass(std::string_view name, ClientClass* client_class);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CLIENT_LINE_H_
