// SPDX-License-Identifier: BSD-3-Clause
// MonitorGate: a client that monitors may not touch keys. To Redis it is a kind of replica, which
// is what its error says.
#ifndef CAIRN_SERVER_MONITOR_GATE_H_
#define CAIRN_SERVER_MONITOR_GATE_H_

#include "command/gate.h"

namespace cairn::server {

class MonitorGate final : public command::Gate {
 public:
  bool Admit(command::Call& call) override;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_MONITOR_GATE_H_
