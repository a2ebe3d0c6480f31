// SPDX-License-Identifier: BSD-3-Clause
// Auditor: keeps a record of the administrative commands that run within another one: those that
// EXEC has queued, and those that a script calls. What clients send by themselves their connection
// tells of.
//
// Thread safety: any thread that runs commands. Stripes may be locked, so it must not wait.
#ifndef CAIRN_COMMAND_AUDITOR_H_
#define CAIRN_COMMAND_AUDITOR_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/function_ref.h"
#include "command/session.h"
#include "command/table.h"
#include "resp/writer.h"

namespace cairn::command {

class Auditor {
 public:
  enum class Within : std::uint8_t { kTransaction, kScript };

  virtual ~Auditor() = default;
  // Whether a command is to be run by Run.
  virtual bool Wants(const CommandTable::Command& command, std::size_t argument_count) const = 0;
  // Has it run, and tells what came of it, by the errors in `reply`. `run`: false if it is not to
  // be told of: it is going to run again.
  virtual void Run(Session& session, const CommandTable::Command& command,
                   std::span<const std::string_view> args, Within within, resp::Writer& reply,
                   FunctionRef<bool()> run) = 0;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_AUDITOR_H_
