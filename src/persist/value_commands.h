// SPDX-License-Identifier: BSD-3-Clause
// The commands that make a value anew: what a rewritten AOF consists of without an RDB preamble.
//
// As Redis writes them: at most kItemsMax elements a command. A stream is one RESTORE instead of
// its XADDs: XCLAIM would lose what is pending of entries that were deleted, and times. One that
// comes in pieces is written by the image.
#ifndef CAIRN_PERSIST_VALUE_COMMANDS_H_
#define CAIRN_PERSIST_VALUE_COMMANDS_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "base/function_ref.h"
#include "base/ids.h"
#include "keyspace/cut_value.h"
#include "keyspace/entry.h"

namespace cairn::persist {

inline constexpr std::size_t kItemsMax = 64;

// Views are good until `emit` returns. `expiry`: of the key.
void ForEachCommandOf(const keyspace::Entry& entry, UnixMs expiry,
                      FunctionRef<void(std::span<const std::string_view> args)> emit);
// The same of a collection whose elements come in pieces: a piece, and what ends it. `entry` has
// none of them.
void ForEachCommandOf(const keyspace::Entry& entry, const keyspace::CutPiece& piece,
                      FunctionRef<void(std::span<const std::string_view> args)> emit);
void ForEachCommandOfExpiry(std::string_view key, UnixMs expiry,
                            FunctionRef<void(std::span<const std::string_view> args)> emit);

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_VALUE_COMMANDS_H_
