// SPDX-License-Identifier: BSD-3-Clause
// A string that is stored together with the moment at which it goes: what a limiter or a lock
// keeps. To everybody else it is an ordinary key, so files, eviction, DEL, SCAN and memory know it
// already.
#ifndef CAIRN_COMMANDS_TIMED_STRING_H_
#define CAIRN_COMMANDS_TIMED_STRING_H_

#include <string_view>

#include "base/ids.h"
#include "command/call.h"
#include "keyspace/txn.h"

namespace cairn::commands {

// Stores `text` where `found` (of this key) says, tells of it as SET with PX does, and logs
// SET key text PXAT at_ms. REQUIRES: at_ms lies ahead.
void StoreTimed(command::Call& call, const keyspace::KeyRef& key, const keyspace::Found& found,
                std::string_view text, UnixMs at_ms);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_TIMED_STRING_H_
