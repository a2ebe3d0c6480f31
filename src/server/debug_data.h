// SPDX-License-Identifier: BSD-3-Clause
// DEBUG's subcommands that are about keys: each is the `run` of one, with its arguments counted.
#ifndef CAIRN_SERVER_DEBUG_DATA_H_
#define CAIRN_SERVER_DEBUG_DATA_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "command/call.h"

namespace cairn::server {

void DebugDigest(command::Call& call);
void DebugDigestValue(command::Call& call);
void DebugObject(command::Call& call);
void DebugPopulate(command::Call& call);
void DebugHtStats(command::Call& call);
void DebugHtStatsKey(command::Call& call);
void DebugReload(command::Call& call);  // admin_persistence.cc

// A digest as 40 hexadecimal digits.
std::string DigestText(std::uint64_t digest);
// The bytes that a string takes in an RDB file, uncompressed.
std::size_t SerializedStringBytes(std::string_view value);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_DEBUG_DATA_H_
