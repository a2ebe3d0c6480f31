// SPDX-License-Identifier: BSD-3-Clause
// logdump: an append only file, or a directory by its manifest, as lines that people and grep read.
//
//   # appendonly.aof.1.base.rdb: 142 bytes, base
//   82 - db0 rdb a string embstr elements=1 bytes=14 expires=2026-11-21T18:02:08Z
//   # appendonly.aof.1.incr.aof: 159 bytes
//   39 2026-11-21T17:45:29Z db0 1/2 set c d
//   66 2026-11-21T17:45:29Z db0 2/2 incr e
//   123 2026-11-21T17:45:31Z db0 1/1 set q r
//
// The columns: offset in the file; the moment, if the file has timestamps; database; which command
// of how many in its transaction, or "rdb" for a key of an RDB; and the command, or key, type,
// encoding and figures. SELECT, MULTI and EXEC have no lines of their own. Lines that begin with
// '#' are about files. An RDB alone is shown, too; bytes behind it that are no commands are told,
// but no error, unless it is the base of an AOF: no server looks at them.
//
// It streams: in memory are a stretch, and the group or the value at hand.
#ifndef CAIRN_TOOLS_LOGDUMP_LOGDUMP_H_
#define CAIRN_TOOLS_LOGDUMP_LOGDUMP_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "codec/aof_reader.h"
#include "codec/rdb_reader.h"
#include "command/table.h"
#include "ds/slab.h"
#include "io/disk.h"
#include "logdump/options.h"
#include "persist/aof_parts.h"
#include "persist/rdb_figures.h"

namespace cairn::logdump {

class LogDump {
 public:
  // `commands` tells which arguments are keys. All outlive this.
  LogDump(io::Disk& disk, const command::CommandTable& commands, Options options,
          persist::SayLine say)
      : disk_(disk), commands_(commands), options_(std::move(options)), say_(say) {}

  // To the end, or to where it breaks: kCorrupt, with file and offset.
  Status Run();

 private:
  // Of the RDB that a file begins with.
  struct Image {
    std::uint64_t end = 0;
    bool is_of_aof = false;
  };

  Status ShowPart(const persist::AofPart& part);
  Result<Image> ShowRdb(io::File& file);
  void ShowKey(DbId db, const codec::RdbItem& item, std::uint64_t offset, std::uint64_t bytes);
  void ShowGroup(const codec::AofReader& reader);
  void ShowCommand(const codec::AofReader& reader, std::size_t index);
  bool IsBehind(std::uint64_t offset, std::int64_t time_s) const;
  bool IsWanted(DbId db, std::uint64_t offset, std::int64_t time_s) const;
  bool HasWantedKey(std::span<const std::string_view> args);

  io::Disk& disk_;
  const command::CommandTable& commands_;
  const Options options_;
  const persist::SayLine say_;
  ds::SlabArena arena_;
  std::vector<std::uint32_t> keys_;  // scratch
};

}  // namespace cairn::logdump

#endif  // CAIRN_TOOLS_LOGDUMP_LOGDUMP_H_
