// SPDX-License-Identifier: BSD-3-Clause
// See families.h.
#include "server/families.h"

namespace cairn::server {

std::vector<std::span<const command::Spec>> ServerFamilies() {
  return {HandshakeFamily(), ClientFamily(), ConfigFamily(), InfoFamily(),     SlowLogFamily(),
          LatencyFamily(),   MemoryFamily(), DebugFamily(),  ShutdownFamily(), LolwutFamily()};
}

}  // namespace cairn::server
