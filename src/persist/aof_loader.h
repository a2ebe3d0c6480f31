// SPDX-License-Identifier: BSD-3-Clause
// Loading an append only directory: base and increments, in order, into a keyspace.
//
// A base, and an old single file, may begin with an RDB; commands follow it. What has expired is
// kept to the end, since a command further on may make it last. A torn tail is cut off the file,
// where that is allowed, so that what is written next stands behind whole commands.
//
// Errors are kCorrupt with file and offset, kIo, and kClosed when the load was told to stop. What
// was loaded by then stays: the caller ends, or empties the keyspace.
#ifndef CAIRN_PERSIST_AOF_LOADER_H_
#define CAIRN_PERSIST_AOF_LOADER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "command/table.h"
#include "io/disk.h"
#include "keyspace/keyspace.h"
#include "persist/aof_files.h"
#include "persist/loader.h"

namespace cairn::persist {

struct AofLoadOptions {
  bool cuts_torn_tail = true;  // aof-load-truncated
  bool verify_checksum = true;
  std::int64_t key_delay_us = 0;  // key-load-delay, for tests
  // What happened on the way, a line each; the second is of trouble that was got over.
  std::function<void(std::string_view line)> on_note = [](std::string_view) {};
  std::function<void(std::string_view line)> on_warning = [](std::string_view) {};
};

// REQUIRES: no reader is attached to the log, and nobody else uses the keyspace but to look at it.
// `libraries` is empty.
Status LoadAof(io::Disk& disk, const AofFiles& files, keyspace::Keyspace& keyspace,
               const command::CommandTable& table, const AofLoadOptions& options,
               LoadProgress& progress, scripting::LibrarySet& libraries);

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_AOF_LOADER_H_
