// SPDX-License-Identifier: BSD-3-Clause
// Peers: how this server speaks to others of its kind, for commands that connect to one.
//
// Thread safety: any thread.
#ifndef CAIRN_COMMAND_PEERS_H_
#define CAIRN_COMMAND_PEERS_H_

#include <memory>

#include "io/tls_context.h"

namespace cairn::command {

class Peers {
 public:
  virtual ~Peers() = default;
  // With which TLS is spoken to servers of the cluster, and to MIGRATE's targets; null: without
  // TLS.
  virtual std::shared_ptr<const io::TlsContext> TlsOfCluster() = 0;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_PEERS_H_
