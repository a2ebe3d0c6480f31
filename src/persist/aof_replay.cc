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

Result<AofReplayed> ReplayAof(io::Disk& disk, const AofSource& source, std::uint64_t offset,
                              FunctionRef<Status(const AofReader& reader)> apply) {
  const Result<std::unique_ptr<io::File>> file = disk.Open(source.path, io::OpenMode::kRead);
  if (!file) return std::unexpected(file.error());
  const auto stretch = std::make_unique_for_overwrite<char[]>(kStretchBytes);
  AofReader reader(offset);
  for (;;) {
    switch (reader.Next()) {
      case AofReader::Outcome::kGroup:
        if (Status status = apply(reader); !status.ok()) {
          return std::unexpected(
              status.Annotate(source.path + ": offset " + std::to_string(reader.group_begin())));
        }
        break;
      case AofReader::Outcome::kNeedMore: {
        const Result<std::size_t> got = (*file)->ReadAt(offset, stretch.get(), kStretchBytes);
        if (!got) return std::unexpected(got.error());
        offset += *got;
        *got > 0 ? reader.Feed({stretch.get(), *got}) : reader.End();
        break;
      }
      case AofReader::Outcome::kEnd:
        return AofReplayed{.good_end = reader.good_end(), .is_torn = false, .trouble = {}};
      case AofReader::Outcome::kTorn:
        if (!source.may_be_torn) return std::unexpected(Corrupt(source.path, reader.trouble()));
        return AofReplayed{
            .good_end = reader.good_end(), .is_torn = true, .trouble = reader.trouble()};
      case AofReader::Outcome::kCorrupt:
        return std::unexpected(Corrupt(source.path, reader.trouble()));
    }
  }
}

Status CutAofTail(io::Disk& disk, const std::string& path, std::uint64_t good_end) {
  const Result<std::unique_ptr<io::File>> file = disk.Open(path, io::OpenMode::kWrite);
  if (!file) return file.error();
  if (Status status = (*file)->Truncate(good_end); !status.ok()) return status;
  return (*file)->SyncData();
}

}  // namespace cairn::persist
