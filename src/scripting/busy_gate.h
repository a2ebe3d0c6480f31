// SPDX-License-Identifier: BSD-3-Clause
// BusyGate: while a script runs for too long, who needs its stripes is told so at once, rather than
// made to wait. What needs none of them goes on; but while a script holds all of them nothing does
// that Redis would refuse, too.
//
// Asked only while there is a slow script (Shared::guards).
#ifndef CAIRN_SCRIPTING_BUSY_GATE_H_
#define CAIRN_SCRIPTING_BUSY_GATE_H_

#include "command/gate.h"

namespace cairn::scripting {

class BusyGate final : public command::Gate {
 public:
  bool Admit(command::Call& call) override;
};

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_BUSY_GATE_H_
