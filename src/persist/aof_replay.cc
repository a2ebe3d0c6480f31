// SPDX-License-Identifier: BSD-3-Clause
// The file comes in stretches; the reader holds on to no more than the group it is in.
#include "persist/aof_replay.h"

#include <memory>
#include <utility>

namespace cairn::persist {
namespace {

using codec::AofReader;

constexpr std::size_t kStretchBytes = 256UL * 1024;

Status Corrupt(const std::string& path, const std::string& trouble) {
  return {StatusCode::kCorrupt, path + ": " + trouble};
}

}  // namespace

Result<WalkedCommands> WalkCommands(io::File& file, std::uint64_t offset,
                                    FunctionRef<bool(const AofReader& reader)> each) {
  const auto stretch = std::make_unique_for_overwrite<char[]>(kStretchBytes);
  AofReader reader(offset, file.size());
  for (;;) {
    const AofReader::Outcome outcome = reader.Next();
    if (outcome == AofReader::Outcome::kNeedMore) {
      const Result<std::size_t> got = file.ReadAt(offset, stretch.get(), kStretchBytes);
      if (!got) return std::unexpected(got.error());
      offset += *got;
      *got > 0 ? reader.Feed({stretch.get(), *got}) : reader.End();
    } else if (outcome != AofReader::Outcome::kGroup || !each(reader)) {
      return WalkedCommands{.outcome = outcome,
                            .good_end = reader.good_end(),
                            .last_time_s = reader.time_s(),
                            .trouble = reader.trouble()};
    }
  }
}

Result<AofReplayed> ReplayAof(io::Disk& disk, const AofSource& source, std::uint64_t offset,
                              FunctionRef<Status(const AofReader& reader)> apply) {
  const Result<std::unique_ptr<io::File>> file = disk.Open(source.path, io::OpenMode::kRead);
  if (!file) return std::unexpected(file.error());
  Status applied;
  const auto each = [&](const AofReader& reader) {
    applied = apply(reader);
    if (applied.ok()) return true;
    applied = applied.Annotate(source.path + ": offset " + std::to_string(reader.group_begin()));
    return false;
  };
  const Result<WalkedCommands> walked = WalkCommands(**file, offset, each);
  if (!walked) return std::unexpected(walked.error());
  if (!applied.ok()) return std::unexpected(applied);
  const bool is_torn = walked->outcome == AofReader::Outcome::kTorn;
  if (walked->outcome == AofReader::Outcome::kCorrupt || (is_torn && !source.may_be_torn))
    return std::unexpected(Corrupt(source.path, walked->trouble));
  return AofReplayed{.good_end = walked->good_end, .is_torn = is_torn, .trouble = walked->trouble};
}

Status CutAofTail(io::Disk& disk, const std::string& path, std::uint64_t good_end) {
  const Result<std::unique_ptr<io::File>> file = disk.Open(path, io::OpenMode::kWrite);
  if (!file) return file.error();
  if (Status status = (*file)->Truncate(good_end); !status.ok()) return status;
  return (*file)->SyncData();
}

}  // namespace cairn::persist
