// SPDX-License-Identifier: BSD-3-Clause
// CheckAof: whether a server can load an append only file, or a directory by its manifest, and the
// mending of its end.
//
//     sound    a server loads it
//     torn     its end is what a crash leaves (see codec/aof_reader.h): a server cuts it by itself
//              unless told not to; `fix` does the same here
//     damage   a wrong byte with something other than zeros behind it: a server refuses it. What is
//              behind may be good, so `fix` leaves it alone; `cuts_damage` is for those who want
//              what is before it and nothing else
//
// Whatever is cut is cut before a MULTI without its EXEC, from the last file that is not empty, and
// only after `ask` agreed (but for `until_s`, as redis-check-aof has it). Nothing else is ever
// changed. Lines and answers are those of redis-check-aof where it has them.
//
// In memory are a stretch of the file and the group at hand.
#ifndef CAIRN_PERSIST_AOF_CHECK_H_
#define CAIRN_PERSIST_AOF_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "base/ids.h"
#include "io/disk.h"
#include "persist/rdb_figures.h"

namespace cairn::persist {

struct AofCheckOptions {
  bool fix = false;
  bool cuts_damage = false;  // with fix
  // What was written later, by the annotations of time, is cut off. Unix seconds.
  std::optional<std::int64_t> until_s = {};
};

// True if it is sound, or has become so. `path`: a manifest or a file.
bool CheckAof(io::Disk& disk, const std::string& path, const AofCheckOptions& options, UnixMs now,
              SayLine say, FunctionRef<bool(std::string_view question)> ask);

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_AOF_CHECK_H_
