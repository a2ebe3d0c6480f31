// SPDX-License-Identifier: BSD-3-Clause
// Gates of persistence: writes that could not be saved, and commands before the data is loaded.
//
// Asked only while there is trouble, or a load: Server::UpdateGuards.
#ifndef CAIRN_SERVER_DATA_GATES_H_
#define CAIRN_SERVER_DATA_GATES_H_

#include "command/gate.h"
#include "persist/aof_service.h"
#include "persist/persistence.h"

namespace cairn::server {

// Writes, and PING, which then tells who watches the server that something is wrong.
class DiskGate final : public command::Gate {
 public:
  DiskGate(const persist::Persistence& persistence, const persist::AofService& aof)
      : persistence_(persistence), aof_(aof) {}
  bool Admit(command::Call& call) override;
  bool AdmitInScript(command::Call& call) override;

 private:
  const persist::Persistence& persistence_;
  const persist::AofService& aof_;
};

// Everything but what its row says may run.
class LoadingGate final : public command::Gate {
 public:
  explicit LoadingGate(const persist::Persistence& persistence) : persistence_(persistence) {}
  bool Admit(command::Call& call) override;

 private:
  const persist::Persistence& persistence_;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_DATA_GATES_H_
