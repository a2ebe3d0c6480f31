// SPDX-License-Identifier: BSD-3-Clause
// One file of an AOF: its groups in order, and what to think of its end.
#ifndef CAIRN_PERSIST_AOF_REPLAY_H_
#define CAIRN_PERSIST_AOF_REPLAY_H_

#include <cstdint>
#include <string>

#include "base/function_ref.h"
#include "base/status.h"
#include "codec/aof_reader.h"
#include "io/disk.h"
#include "persist/aof_files.h"

namespace cairn::persist {

// The commands of a file from `offset` on. `each` is given the reader after every group; false
// ends the walk, with the outcome kGroup. In memory are a stretch and the group at hand.
struct WalkedCommands {
  codec::AofReader::Outcome outcome{};
  std::uint64_t good_end = 0;
  std::int64_t last_time_s = codec::AofReader::kNoTime;  // of the last annotation
  std::string trouble;
};
Result<WalkedCommands> WalkCommands(io::File& file, std::uint64_t offset,
                                    FunctionRef<bool(const codec::AofReader& reader)> each);

struct AofReplayed {
  std::uint64_t good_end;  // the file is whole up to here
  bool is_torn;            // and something follows that a crash left there
  std::string trouble;     // what, if torn
};

// Reads the commands of `source` from `offset` on (behind the RDB part of a base that has one) and
// gives each group to `apply`, whose failure ends it. kCorrupt with path and offset for damage, and
// for a torn tail where none may be.
Result<AofReplayed> ReplayAof(io::Disk& disk, const AofSource& source, std::uint64_t offset,
                              FunctionRef<Status(const codec::AofReader& reader)> apply);

// Cuts a torn tail off, safely, so that what is written next survives the next start.
Status CutAofTail(io::Disk& disk, const std::string& path, std::uint64_t good_end);

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_AOF_REPLAY_H_
