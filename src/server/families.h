// SPDX-License-Identifier: BSD-3-Clause
// The command families that need a server: clients, configuration, statistics. Listed in
// families.cc, or they do not exist.
#ifndef CAIRN_SERVER_FAMILIES_H_
#define CAIRN_SERVER_FAMILIES_H_

#include <span>
#include <vector>

#include "command/spec.h"

namespace cairn::server {

std::vector<std::span<const command::Spec>> ServerFamilies();

std::span<const command::Spec> AclFamily();          // admin_acl.cc: ACL
std::span<const command::Spec> ClientFamily();       // admin_client.cc: CLIENT
std::span<const command::Spec> HandshakeFamily();    // admin_handshake.cc: HELLO AUTH RESET QUIT
std::span<const command::Spec> ConfigFamily();       // admin_config.cc: CONFIG
std::span<const command::Spec> InfoFamily();         // admin_info.cc: INFO
std::span<const command::Spec> PubsubFamily();       // admin_pubsub.cc: SUBSCRIBE PUBLISH PUBSUB
std::span<const command::Spec> SlowLogFamily();      // admin_slowlog.cc: SLOWLOG
std::span<const command::Spec> LatencyFamily();      // admin_latency.cc: LATENCY
std::span<const command::Spec> MemoryFamily();       // admin_memory.cc: MEMORY
std::span<const command::Spec> DebugFamily();        // admin_debug.cc: DEBUG
std::span<const command::Spec> ShutdownFamily();     // admin_shutdown.cc: SHUTDOWN
std::span<const command::Spec> PersistenceFamily();  // admin_persistence.cc: SAVE BGSAVE LASTSAVE
std::span<const command::Spec> AofFamily();          // admin_aof.cc: BGREWRITEAOF WAITAOF
std::span<const command::Spec> MonitorFamily();      // admin_monitor.cc: MONITOR
std::span<const command::Spec> ModuleFamily();       // admin_module.cc: MODULE
std::span<const command::Spec> LolwutFamily();       // admin_lolwut.cc: LOLWUT

}  // namespace cairn::server

#endif  // CAIRN_SERVER_FAMILIES_H_
