// SPDX-License-Identifier: BSD-3-Clause
// The commands that make a value anew: what a rewritten AOF consists of without an RDB preamble.
//
// As Redis writes them: at most kItemsMax elements a command. A stream is one RESTORE instead of
// its XADDs: XCLAIM would lose what is pending of entries that were deleted, and times.
#ifndef CAIRN_PERSIST_VALUE_COMMANDS_H_
#define CAIRN_PERSIST_VALUE_COMMANDS_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "base/function_ref.h"
#include "base/ids.h"
#include "keyspace/entry.h"

namespace cairn::persist {

inline constexpr std::size_t kItemsMax = 64;

// Views are good until `emit` returns. `expiry`: of the key.
void ForEachCommandOf(const keyspace::Entry& entry, UnixMs expiry,
                      FunctionRef<void(std::span<const std::string_view> args)> emit);

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_VALUE_COMMANDS_H_
