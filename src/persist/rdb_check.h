// SPDX-License-Identifier: BSD-3-Clause
// CheckRdb: whether a server can load an RDB, and what is in it.
//
// The file is read as a server reads it: every value is made, every packed form walked in every
// byte, and at the end the checksum compared. What is found is told in lines whose first ones are
// those of redis-check-rdb, so that scripts that look for "RDB looks OK" or "Checksum OK" go on
// working; details follow. Where it breaks, the lines say at which offset, what was expected, and
// in which key.
//
// In memory are a buffer and the value at hand. That no key comes twice is not checked, since that
// would take memory for all of them: a server refuses such files.
#ifndef CAIRN_PERSIST_RDB_CHECK_H_
#define CAIRN_PERSIST_RDB_CHECK_H_

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "codec/rdb_value_reader.h"
#include "io/disk.h"
#include "persist/rdb_figures.h"

namespace cairn::persist {

// Redis's defaults, for who looks at values without a configuration: they decide what encodings are
// told, not what is sound.
inline constexpr codec::RdbValueLimits kLimitsToLook = {
    .list = {},
    .hash = {.packed_entries = 128, .packed_value_bytes = 64},
    .set = {.int_entries = 512, .packed_entries = 128, .packed_value_bytes = 64},
    .sorted_set = {.packed_entries = 128, .packed_value_bytes = 64}};

struct RdbChecked {
  bool is_sound = false;
  std::uint64_t end = 0;  // behind the RDB; or where reading stopped
};

// The RDB that `file` begins with. `name` is said, `now` tells what has expired.
RdbChecked CheckRdb(io::File& file, std::string_view name, UnixMs now, SayLine say);

// A file that is an RDB and nothing else. Bytes behind its end are told, and harm nobody.
bool CheckRdbFile(io::Disk& disk, const std::string& path, UnixMs now, SayLine say);

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_RDB_CHECK_H_
