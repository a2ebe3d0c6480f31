// SPDX-License-Identifier: BSD-3-Clause
// CallGroup: commands that run one after the other under one hold of stripes, and whose effects
// come as one into the log: what EXEC has queued, what a script calls.
//
//     stripes held --> Runner::RunInGroup, RunInGroup ... --> effects appended, waiters served -->
//     stripes free
//
// Made by whoever holds the stripes (Runner::HoldGroup, Runner::RunTransaction), on its stack. A
// script within EXEC runs in EXEC's group.
#ifndef CAIRN_COMMAND_CALL_GROUP_H_
#define CAIRN_COMMAND_CALL_GROUP_H_

#include <span>
#include <string_view>
#include <vector>

#include "command/table.h"
#include "keyspace/key_locks.h"
#include "keyspace/keyspace.h"
#include "log/command_log.h"

namespace cairn::command {

struct CallGroup {
  // A script may take more than it begins with.
  keyspace::KeyLocks& held;
  // Null while nobody reads the log.
  std::vector<log::Effect>* effects = nullptr;
  // Keys that somebody may wait for: served before the stripes go.
  std::vector<keyspace::ReadyKey> ready = {};
  // There was no room for more when it began (maxmemory).
  bool lacks_memory = false;
  // It runs in the lane, within a transaction.
  bool in_lane = false;
};

// Whether a command of a group needs more than the stripes of its keys: its function locks stripes
// by itself, or needs them all.
bool NeedsAllStripes(const CommandTable::Command& command, std::span<const std::string_view> args,
                     bool has_keys);

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_CALL_GROUP_H_
