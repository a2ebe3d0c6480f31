// SPDX-License-Identifier: BSD-3-Clause
// What a path that a person gives stands for: an RDB, a file of commands, a manifest and its files,
// or a directory with one manifest. For tools, which look at files that may belong to nobody, and
// change nothing by looking; the server has AofFiles.
#ifndef CAIRN_PERSIST_AOF_PARTS_H_
#define CAIRN_PERSIST_AOF_PARTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "io/disk.h"

namespace cairn::persist {

// By what a file begins with.
enum class FileForm : std::uint8_t { kEmpty, kRdb, kCommands, kManifest };
Result<FileForm> FormOf(io::Disk& disk, const std::string& path);

struct AofPart {
  std::string name = {};  // as the manifest has it, or the path that was given
  std::string path = {};
  FileForm form = FileForm::kEmpty;
  std::uint64_t bytes = 0;
  bool is_base = false;
  bool is_last = false;  // of those that are not empty: only its tail may be torn
};

struct AofParts {
  bool has_manifest = false;
  std::vector<AofPart> parts;  // in the order in which they are loaded; no history
};

Result<AofParts> PartsOf(io::Disk& disk, const std::string& given);

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_AOF_PARTS_H_
