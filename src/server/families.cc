// SPDX-License-Identifier: BSD-3-Clause
// The server's families in one list, which is all the registration there is: no macros, no global
// constructors. The engine puts them behind its own; their order is the order of COMMAND LIST.
#include "server/families.h"

namespace cairn::server {

std::vector<std::span<const command::Spec>> ServerFamilies() {
  return {HandshakeFamily(), ClientFamily(),      ConfigFamily(), InfoFamily(),
          SlowLogFamily(),   LatencyFamily(),     MemoryFamily(), DebugFamily(),
          ShutdownFamily(),  PersistenceFamily(), AofFamily(),    LolwutFamily(),
          PubsubFamily(),    MonitorFamily(),     AclFamily(),    ModuleFamily()};
}

}  // namespace cairn::server
