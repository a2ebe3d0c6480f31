// SPDX-License-Identifier: BSD-3-Clause
// Gate: one reason why a command may not run now.
//
// Authentication, memory, a paused server: each subsystem brings its own gate, and whoever wires
// the server puts them in Redis's order, since the first one that refuses decides the error a
// client sees. Gates run before any stripe is locked.
//
// They are asked only where there is a reason to: the session is guarded (it has not
// authenticated, or it is subscribed), the command is (kProtected), or the server is
// (Shared::guards: a memory limit). So a gate that has nothing to say costs nothing.
//
// Thread safety: Admit runs on every worker at once.
#ifndef CAIRN_COMMAND_GATE_H_
#define CAIRN_COMMAND_GATE_H_

#include "command/call.h"

namespace cairn::command {

class Gate {
 public:
  virtual ~Gate() = default;
  // True lets the call pass; false means that this gate has written the reply.
  virtual bool Admit(Call& call) = 0;
  // The same for a command that a script calls: with stripes locked, so it only looks. For gates
  // that are about each command, not about the client's request as a whole.
  virtual bool AdmitInScript(Call&) { return true; }
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_GATE_H_
