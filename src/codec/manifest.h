// SPDX-License-Identifier: BSD-3-Clause
// Manifest: which files an append only directory consists of, in Redis 7's text.
//
//     manifest = 1*line                      in the order base, history, increments
//     line     = "file" name "seq" number "type" ("b" / "h" / "i") LF   / "#" text LF
//
//     file appendonly.aof.3.base.rdb seq 3 type b     the data set as it was: at most one
//     file appendonly.aof.2.incr.aof seq 2 type h     no longer needed, to be deleted
//     file appendonly.aof.3.incr.aof seq 3 type i     the writes since, in ascending order
//
// A name with spaces or bytes that do not print stands in double quotes, as in redis.conf. Pairs of
// other words than these three are skipped, as Redis skips them.
#ifndef CAIRN_CODEC_MANIFEST_H_
#define CAIRN_CODEC_MANIFEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace cairn::codec {

struct ManifestFile {
  std::string name;
  std::int64_t sequence;
  bool operator==(const ManifestFile&) const = default;
};

struct Manifest {
  std::optional<ManifestFile> base;
  std::vector<ManifestFile> history;
  std::vector<ManifestFile> increments;

  bool operator==(const Manifest&) const = default;
  bool Lists(std::string_view name) const;
};

inline constexpr std::size_t kManifestLineMax = 1024;  // with its LF, as Redis has it
// Of the whole text: far more files than a directory ever has.
inline constexpr std::size_t kManifestBytesMax = 1024UL * 1024;

// kCorrupt, with the line's number, where Redis would not start either. Beyond that, no file may be
// named twice.
Result<Manifest> ParseManifest(std::string_view text);
std::string FormatManifest(const Manifest& manifest);
// Whether a name can stand in a manifest: not empty, not a path, not too long for a line.
bool IsManifestName(std::string_view name);

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_MANIFEST_H_
