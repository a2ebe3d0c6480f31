// SPDX-License-Identifier: BSD-3-Clause
// PubsubGate: over RESP2 a subscribed client cannot tell a reply from a message, so it may run only
// a few commands. Over RESP3 there is no such limit.
#ifndef CAIRN_SERVER_PUBSUB_GATE_H_
#define CAIRN_SERVER_PUBSUB_GATE_H_

#include "command/gate.h"

namespace cairn::server {

class PubsubGate final : public command::Gate {
 public:
  bool Admit(command::Call& call) override;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_PUBSUB_GATE_H_
