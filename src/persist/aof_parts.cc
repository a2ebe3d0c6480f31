// SPDX-License-Identifier: BSD-3-Clause
// A manifest is told from commands by its first line that is no comment, as redis-check-aof does:
// files of commands may begin with '#', too. One that is called a manifest is one whatever is in
// it: as commands, damage to it would be offered to be cut off.
#include "persist/aof_parts.h"

#include <memory>
#include <string_view>
#include <utility>

#include "codec/manifest.h"
#include "codec/rdb_format.h"

namespace cairn::persist {
namespace {

constexpr std::string_view kManifestSuffix = ".manifest";
// Of a manifest that was never put in place.
constexpr std::string_view kUnfinishedPrefix = "temp-";
// Enough for any comments before a manifest's first line.
constexpr std::size_t kHeadBytes = 4096;

bool IsManifest(std::string_view head) {
  while (head.starts_with('#')) {
    const std::size_t end = head.find('\n');
    if (end == std::string_view::npos) return false;
    head.remove_prefix(end + 1);
  }
  return head.starts_with("file ");
}

Status AddPart(io::Disk& disk, AofPart part, AofParts& parts) {
  const Result<std::uint64_t> bytes = disk.SizeOf(part.path);
  if (!bytes) return bytes.error();
  const Result<FileForm> form = FormOf(disk, part.path);
  if (!form) return form.error();
  part.bytes = *bytes;
  part.form = *form;
  parts.parts.push_back(std::move(part));
  return {};
}

Result<AofParts> PartsOfManifest(io::Disk& disk, const std::string& path) {
  const Result<std::string> text = io::ReadWhole(disk, path, codec::kManifestBytesMax);
  if (!text) return std::unexpected(text.error());
  const Result<codec::Manifest> manifest = codec::ParseManifest(*text);
  if (!manifest) return std::unexpected(manifest.error().Annotate(path));
  std::vector<codec::ManifestFile> files = manifest->increments;
  if (manifest->base) files.insert(files.begin(), *manifest->base);
  AofParts parts{.has_manifest = true, .parts = {}};
  for (const codec::ManifestFile& file : files) {
    AofPart part{.name = file.name, .path = io::JoinPath(io::DirectoryOf(path), file.name)};
    part.is_base = parts.parts.empty() && manifest->base.has_value();
    if (Status status = AddPart(disk, std::move(part), parts); !status.ok())
      return std::unexpected(status.Annotate(path + " names " + file.name));
  }
  return parts;
}

// `path`, or if it is a directory, the manifest in it.
Result<std::string> FileToRead(io::Disk& disk, const std::string& path) {
  const Result<std::vector<std::string>> names = disk.List(path);
  if (!names) return path;  // no directory: what it is shows when it is opened
  std::vector<std::string> manifests;
  for (const std::string& name : *names) {
    if (name.ends_with(kManifestSuffix) && !name.starts_with(kUnfinishedPrefix))
      manifests.push_back(name);
  }
  if (manifests.empty()) {
    return Fail(StatusCode::kNotFound,
                path + ": no manifest of an append only file is in this directory");
  }
  if (manifests.size() > 1) {
    return Fail(StatusCode::kInvalid, path + ": several manifests are in this directory (" +
                                          manifests[0] + ", " + manifests[1] +
                                          "): name one of them");
  }
  return io::JoinPath(path, manifests[0]);
}

}  // namespace

Result<FileForm> FormOf(io::Disk& disk, const std::string& path) {
  const Result<std::unique_ptr<io::File>> file = disk.Open(path, io::OpenMode::kRead);
  if (!file) return std::unexpected(file.error());
  char bytes[kHeadBytes];
  const Result<std::size_t> got = (*file)->ReadAt(0, bytes, sizeof(bytes));
  if (!got) return std::unexpected(got.error());
  const std::string_view head(bytes, *got);
  if (head.empty()) return FileForm::kEmpty;
  if (head.starts_with(codec::kRdbMagic)) return FileForm::kRdb;
  return IsManifest(head) ? FileForm::kManifest : FileForm::kCommands;
}

Result<AofParts> PartsOf(io::Disk& disk, const std::string& given) {
  const Result<std::string> file = FileToRead(disk, given);
  if (!file) return std::unexpected(file.error());
  const std::string& path = *file;
  const Result<FileForm> form = FormOf(disk, path);
  if (!form) return std::unexpected(form.error());
  AofParts parts;
  if (*form == FileForm::kManifest || path.ends_with(kManifestSuffix)) {
    Result<AofParts> listed = PartsOfManifest(disk, path);
    if (!listed) return listed;
    parts = std::move(*listed);
  } else {
    const Status status = AddPart(disk, {.name = path, .path = path}, parts);
    if (!status.ok()) return std::unexpected(status);
  }
  for (std::size_t i = parts.parts.size(); i-- > 0;) {
    parts.parts[i].is_last = true;
    if (parts.parts[i].bytes > 0) break;
  }
  return parts;
}

}  // namespace cairn::persist
