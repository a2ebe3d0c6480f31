// SPDX-License-Identifier: BSD-3-Clause
// CommandClass: what a client has to know of a command by its name: whether it may be sent twice,
// whether it waits at the server, whether it belongs to one connection, and where its keys stand.
//
// A list of names by their kind, made from the commands of Redis 7.2 and our own. Unknown commands
// are neither idempotent nor do they wait, and their key is the first argument.
//
// Pure; any thread. One look-up in a table.
#ifndef CAIRN_CLIENT_COMMAND_CLASS_H_
#define CAIRN_CLIENT_COMMAND_CLASS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "cairn/call_options.h"
#include "cairn/command.h"
#include "cairn/result.h"

namespace cairn::client {

enum class CommandKind : std::uint8_t {
  kOther,
  kIdempotent,   // a read
  kConnection,   // changes what the server knows of the connection, or how it replies
  kSubscribing,  // its replies are pushes
};

struct CommandClass {
  CommandKind kind = CommandKind::kOther;
  // Whether the server may let it wait, by its name and, for some, its arguments.
  bool waits = false;
};

CommandClass ClassOf(const cache::Command& command);
// How long it waits there at most, where its words say so: zero for ever; nothing if they do not.
std::optional<cache::Duration> OwnWait(const cache::Command& command);
inline bool Waits(const CommandClass& found, cache::Waits waits) {
  return waits == cache::Waits::kByCommand ? found.waits : waits == cache::Waits::kYes;
}
inline bool Waits(const cache::Command& command, cache::Waits waits) {
  return Waits(ClassOf(command), waits);
}
// What the server remembers of it once it has run.
enum class ConnectionEffect : std::uint8_t { kNone, kWatches, kEndsWatch, kLasting };
ConnectionEffect EffectOnConnection(const cache::Command& command);
// Whether it may be sent on a connection that is shared with others, or on one of one's own.
cache::Result<void> CheckFitsClient(const cache::Command& command, CommandKind kind);
inline cache::Result<void> CheckFitsClient(const cache::Command& command) {
  return CheckFitsClient(command, ClassOf(command).kind);
}
cache::Result<void> CheckFitsConnection(const cache::Command& command);
// Whether its reply may be kept until one of its keys is told to have changed: it reads nothing but
// the keys that it names, says the same until they change, and waits for nobody.
enum class Scripts : std::uint8_t { kRefused, kTaken };
cache::Result<void> CheckMayBeKept(const cache::Command& command, Scripts scripts);
inline bool IsIdempotent(CommandKind kind, cache::Idempotence idempotence) {
  if (idempotence == cache::Idempotence::kByCommand) return kind == CommandKind::kIdempotent;
  return idempotence == cache::Idempotence::kYes;
}

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_COMMAND_CLASS_H_
