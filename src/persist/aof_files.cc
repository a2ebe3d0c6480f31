// SPDX-License-Identifier: BSD-3-Clause
// The order of the steps is all there is to it: file safe, then manifest safe, then removal. Each
// step leaves a directory that Open understands; aof_files_test.cc stops it at every call.
#include "persist/aof_files.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace cairn::persist {
namespace {

using codec::Manifest;
using codec::ManifestFile;
using io::OpenMode;

constexpr std::string_view kBaseRdb = ".base.rdb";
constexpr std::string_view kBaseCommands = ".base.aof";
constexpr std::string_view kIncrement = ".incr.aof";

// The number in "PREFIX.7.incr.aof" for such a suffix, if that is what the name looks like.
std::optional<std::int64_t> SequenceIn(std::string_view name, std::string_view prefix,
                                       std::string_view suffix) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix) ||
      name.size() < prefix.size() + suffix.size())
    return std::nullopt;
  name.remove_prefix(prefix.size());
  name.remove_suffix(suffix.size());
  const std::optional<std::int64_t> number = ParseInt64(name);
  return number && *number > 0 ? number : std::nullopt;
}

bool IsMissing(const Status& status) { return status.code() == StatusCode::kNotFound; }

}  // namespace

AofFiles::AofFiles(io::Disk& disk, AofPlace place)
    : disk_(disk),
      place_(std::move(place)),
      folder_(io::JoinPath(place_.directory, place_.folder)) {}

Result<std::unique_ptr<AofFiles>> AofFiles::Open(io::Disk& disk, AofPlace place) {
  std::unique_ptr<AofFiles> files(new AofFiles(disk, std::move(place)));
  if (Status status = files->Load(); !status.ok()) return std::unexpected(status);
  return files;
}

Status AofFiles::Probe(io::Disk& disk, AofPlace place) {
  AofFiles files(disk, std::move(place));
  if (Status status = files.MakeFolder(); !status.ok()) return status;
  if (Status status = files.LoadManifest(); !status.ok()) return status;
  // An old folder may be one that nothing can be made in.
  const std::string path = files.PathOf("temp-" + files.place_.name + ".probe");
  if (const auto file = disk.Open(path, OpenMode::kReplace); !file) return file.error();
  // Another probe may have removed it, or who opens the directory.
  Status removed = disk.Remove(path);
  if (!removed.ok() && IsMissing(removed)) return {};
  return removed;
}

Status AofFiles::Load() {
  if (Status status = MakeFolder(); !status.ok()) return status;
  if (Status status = LoadManifest(); !status.ok()) return status;
  MutexLock hold(mu_);
  if (Status status = TakeOverOldFile(); !status.ok()) return status;
  if (Status status = FinishRenames(); !status.ok()) return status;
  if (Status status = RequireListed(); !status.ok()) return status;
  if (manifest_.base) next_base_ = manifest_.base->sequence + 1;
  if (!manifest_.increments.empty()) next_increment_ = manifest_.increments.back().sequence + 1;
  return RemoveLeftovers();
}

Status AofFiles::MakeFolder() {
  Status status = disk_.MakeDirectory(folder_);
  if (!status.ok() && status.code() != StatusCode::kExists) return status;
  // Also where it exists: the crash may have come before it was safe.
  return disk_.SyncDirectory(place_.directory);
}

Status AofFiles::LoadManifest() {
  const Result<std::string> text = io::ReadWhole(disk_, ManifestPath(), codec::kManifestBytesMax);
  if (!text && !IsMissing(text.error())) return text.error();
  if (!text) {
    const Result<std::vector<std::string>> names = disk_.List(folder_);
    return names ? RefuseOrphans(*names) : names.error();
  }
  Result<Manifest> manifest = codec::ParseManifest(*text);
  if (!manifest) return manifest.error().Annotate(ManifestPath());
  MutexLock hold(mu_);
  manifest_ = std::move(*manifest);
  is_new_ = false;
  // The last process may have died between renaming it and making that safe; and what it does not
  // need is about to be removed.
  return disk_.SyncDirectory(folder_);
}

// Without a manifest there may be what a crash left of the first start, and no more: an empty
// increment, the first base.
Status AofFiles::RefuseOrphans(const std::vector<std::string>& names) const {
  const std::string prefix = place_.name + ".";
  for (const std::string& name : names) {
    bool is_data = SequenceIn(name, prefix, kBaseRdb).value_or(1) > 1 ||
                   SequenceIn(name, prefix, kBaseCommands).value_or(1) > 1;
    if (SequenceIn(name, prefix, kIncrement) || name == place_.name) {
      const Result<std::uint64_t> size = disk_.SizeOf(PathOf(name));
      if (!size) return size.error();
      is_data = *size > 0;
    }
    if (is_data) {
      return {StatusCode::kCorrupt,
              ManifestPath() + ": missing, but there is " + name +
                  ": restore the manifest, or move the files away to begin anew"};
    }
  }
  return {};
}

// Redis 6 and before kept one file in the working directory. The manifest comes first: with it, a
// crash before the renaming is seen here again.
Status AofFiles::TakeOverOldFile() {
  const std::string old_path = io::JoinPath(place_.directory, place_.name);
  const std::string new_path = PathOf(place_.name);
  const bool names_only_it = manifest_.base && manifest_.base->name == place_.name &&
                             manifest_.increments.empty() && manifest_.history.empty();
  if (!is_new_ && !names_only_it) return {};
  const Result<bool> was_moved = io::Exists(disk_, new_path);
  if (!was_moved) return was_moved.error();
  const Result<bool> is_there = io::Exists(disk_, old_path);
  if (!is_there) return is_there.error();
  if (!*is_there || (*was_moved && !is_new_)) return {};
  if (is_new_) {
    Manifest manifest;
    manifest.base = ManifestFile{.name = place_.name, .sequence = 1};
    if (Status status = StoreManifest(manifest); !status.ok()) return status;
  }
  if (Status status = disk_.Rename(old_path, new_path); !status.ok()) return status;
  if (Status status = disk_.SyncDirectory(folder_); !status.ok()) return status;
  return disk_.SyncDirectory(place_.directory);
}

// FinishRewrite renames an unlisted increment after the manifest that names it.
Status AofFiles::FinishRenames() {
  if (manifest_.increments.empty()) return {};
  const std::string path = PathOf(manifest_.increments.back().name);
  const Result<bool> is_there = io::Exists(disk_, path);
  if (!is_there) return is_there.error();
  if (*is_there) return {};
  const Status status = disk_.Rename(TempIncrementPath(), path);
  if (!status.ok()) return IsMissing(status) ? Status() : status;  // RequireListed tells of it
  return disk_.SyncDirectory(folder_);
}

Status AofFiles::RequireListed() const {
  std::vector<ManifestFile> needed = manifest_.increments;
  if (manifest_.base) needed.push_back(*manifest_.base);
  for (const ManifestFile& file : needed) {
    const Result<bool> is_there = io::Exists(disk_, PathOf(file.name));
    if (!is_there) return is_there.error();
    if (!*is_there) {
      return {StatusCode::kCorrupt,
              ManifestPath() + ": it names " + file.name + ", which does not exist"};
    }
  }
  return {};
}

Status AofFiles::RemoveLeftovers() {
  const Result<std::vector<std::string>> names = disk_.List(folder_);
  if (!names) return names.error();
  const std::string prefix = place_.name + ".";
  const std::string temp = "temp-" + place_.name + ".";
  for (const std::string& name : *names) {
    const bool is_ours = SequenceIn(name, prefix, kBaseRdb) ||
                         SequenceIn(name, prefix, kBaseCommands) ||
                         SequenceIn(name, prefix, kIncrement) || name == temp + "manifest" ||
                         name == temp + "base" || name == temp + "incr" || name == temp + "probe";
    if (is_ours && !manifest_.Lists(name)) RemoveQuietly(PathOf(name));
  }
  return {};
}

bool AofFiles::is_new() const {
  MutexLock hold(mu_);
  return is_new_;
}

bool AofFiles::is_rewriting() const {
  MutexLock hold(mu_);
  return rewrite_ != Rewrite::kNone;
}

Manifest AofFiles::manifest() const {
  MutexLock hold(mu_);
  return manifest_;
}

Result<std::vector<AofSource>> AofFiles::ToLoad() const { return SourcesOf(manifest()); }

Result<std::vector<AofSource>> AofFiles::SourcesOf(const Manifest& manifest) const {
  std::vector<AofSource> sources;
  if (manifest.base) {
    sources.push_back({.path = PathOf(manifest.base->name), .is_base = true, .may_be_torn = false});
  }
  for (const ManifestFile& file : manifest.increments)
    sources.push_back({.path = PathOf(file.name), .is_base = false, .may_be_torn = false});
  for (auto source = sources.rbegin(); source != sources.rend(); ++source) {
    source->may_be_torn = true;
    const Result<std::uint64_t> size = disk_.SizeOf(source->path);
    if (!size) return std::unexpected(size.error());
    if (*size > 0) break;
  }
  return sources;
}

Result<std::uint64_t> AofFiles::TotalBytes() const {
  const Result<std::vector<AofSource>> sources = ToLoad();
  if (!sources) return std::unexpected(sources.error());
  std::uint64_t bytes = 0;
  for (const AofSource& source : *sources) {
    const Result<std::uint64_t> size = disk_.SizeOf(source.path);
    if (!size) return size;
    bytes += *size;
  }
  return bytes;
}

// In memory it counts once it is safe.
Status AofFiles::StoreManifest(const Manifest& manifest) {
  manifest_unsettled_ = true;
  Status status =
      io::ReplaceWhole(disk_, ManifestPath(), PathOf("temp-" + place_.name + ".manifest"),
                       codec::FormatManifest(manifest));
  if (!status.ok()) return status;
  manifest_ = manifest;
  manifest_unsettled_ = false;
  is_new_ = false;
  return {};
}

// After this the manifest on disk is the one in memory, and its files have their names.
Status AofFiles::SettleManifest() {
  if (manifest_unsettled_ && is_new_) {
    Status status = disk_.Remove(ManifestPath());
    if (status.ok() || IsMissing(status)) status = disk_.SyncDirectory(folder_);
    if (!status.ok()) return status;
    manifest_unsettled_ = false;
  }
  if (manifest_unsettled_) {
    if (Status status = StoreManifest(Manifest(manifest_)); !status.ok()) return status;
  }
  return FinishRenames();
}

std::string AofFiles::NextBaseName(BaseFormat format) {
  return place_.name + "." + Int64ToString(next_base_++) +
         std::string(format == BaseFormat::kRdb ? kBaseRdb : kBaseCommands);
}

std::string AofFiles::NextIncrementName() {
  return place_.name + "." + Int64ToString(next_increment_++) + std::string(kIncrement);
}

Result<std::unique_ptr<io::File>> AofFiles::CreateIncrement(const std::string& name) {
  Result<std::unique_ptr<io::File>> file = disk_.Open(PathOf(name), OpenMode::kReplace);
  if (!file) return file;
  // It may have replaced a leftover, whose bytes must not come back.
  if (Status status = (*file)->SyncData(); !status.ok()) return std::unexpected(status);
  if (Status status = disk_.SyncDirectory(folder_); !status.ok()) return std::unexpected(status);
  return file;
}

Status AofFiles::StoreFreshBase(std::string_view bytes, BaseFormat format, Manifest& manifest) {
  const std::int64_t sequence = next_base_;
  const std::string name = NextBaseName(format);
  Status status = io::ReplaceWhole(disk_, PathOf(name), NewBasePath(), bytes);
  if (status.ok()) manifest.base = ManifestFile{.name = name, .sequence = sequence};
  return status;
}

Status AofFiles::SyncTails() {
  const Result<std::vector<AofSource>> sources = SourcesOf(manifest_);
  if (!sources) return sources.error();
  for (const AofSource& source : *sources) {
    if (!source.may_be_torn) continue;
    const Result<std::unique_ptr<io::File>> file = disk_.Open(source.path, OpenMode::kWrite);
    if (!file) return file.error();
    if (Status status = (*file)->SyncData(); !status.ok()) return status;
  }
  return {};
}

Result<std::unique_ptr<io::File>> AofFiles::OpenIncrement(std::string_view fresh_base,
                                                          BaseFormat format) {
  MutexLock hold(mu_);
  // What was loaded from the page cache only is made safe before anything is built on it.
  if (Status status = SyncTails(); !status.ok()) return std::unexpected(status);
  if (!manifest_.increments.empty())
    return disk_.Open(PathOf(manifest_.increments.back().name), OpenMode::kWrite);
  Manifest manifest = manifest_;
  if (is_new_ && !fresh_base.empty()) {
    if (Status status = StoreFreshBase(fresh_base, format, manifest); !status.ok())
      return std::unexpected(status);
  }
  const std::int64_t sequence = next_increment_;
  const std::string name = NextIncrementName();
  Result<std::unique_ptr<io::File>> file = CreateIncrement(name);
  if (!file) return file;
  manifest.increments.push_back({.name = name, .sequence = sequence});
  if (Status status = StoreManifest(manifest); !status.ok()) return std::unexpected(status);
  return file;
}

Result<std::unique_ptr<io::File>> AofFiles::BeginRewrite(Listing listing) {
  MutexLock hold(mu_);
  CHECK(rewrite_ == Rewrite::kNone);
  if (Status status = SettleManifest(); !status.ok()) return std::unexpected(status);
  const std::int64_t sequence = next_increment_;
  const std::string name = NextIncrementName();
  const bool at_once = listing == Listing::kAtOnce;
  Result<std::unique_ptr<io::File>> file =
      CreateIncrement(at_once ? name : "temp-" + place_.name + ".incr");
  if (!file) return file;
  rewrite_increment_ = {.name = name, .sequence = sequence};
  if (at_once) {
    Manifest manifest = manifest_;
    manifest.increments.push_back(rewrite_increment_);
    if (Status status = StoreManifest(manifest); !status.ok()) return std::unexpected(status);
  }
  rewrite_ = at_once ? Rewrite::kListed : Rewrite::kUnlisted;
  return file;
}

// Gives the new base its name. ENSURES: it is safe under that name.
Status AofFiles::PlaceBase(const std::string& name) {
  if (Status status = disk_.Rename(NewBasePath(), PathOf(name)); !status.ok()) return status;
  return disk_.SyncDirectory(folder_);
}

Status AofFiles::FinishRewrite(BaseFormat format) {
  MutexLock hold(mu_);
  CHECK(rewrite_ != Rewrite::kNone);
  const bool renames = std::exchange(rewrite_, Rewrite::kNone) == Rewrite::kUnlisted;
  const std::int64_t sequence = next_base_;
  const std::string name = NextBaseName(format);
  if (Status status = PlaceBase(name); !status.ok()) return status;
  Manifest manifest;
  manifest.base = ManifestFile{.name = name, .sequence = sequence};
  manifest.history = manifest_.history;
  if (manifest_.base) manifest.history.push_back(*manifest_.base);
  for (const ManifestFile& file : manifest_.increments) {
    const bool is_needed = file.sequence >= rewrite_increment_.sequence;
    (is_needed ? manifest.increments : manifest.history).push_back(file);
  }
  if (renames) manifest.increments.push_back(rewrite_increment_);
  if (Status status = StoreManifest(manifest); !status.ok()) return status;
  if (!renames) return {};
  // Should this fail, the manifest still leads Open to the file, so the rewrite has succeeded.
  Status status = disk_.Rename(TempIncrementPath(), PathOf(rewrite_increment_.name));
  if (status.ok()) status = disk_.SyncDirectory(folder_);
  return status;
}

void AofFiles::AbortRewrite() {
  MutexLock hold(mu_);
  if (rewrite_ == Rewrite::kUnlisted) RemoveQuietly(TempIncrementPath());
  if (rewrite_ != Rewrite::kNone) RemoveQuietly(NewBasePath());
  rewrite_ = Rewrite::kNone;
}

Status AofFiles::DeleteHistory() {
  std::vector<ManifestFile> removed;
  Status trouble;
  for (const ManifestFile& file : manifest().history) {
    Status status = disk_.Remove(PathOf(file.name));
    if (status.ok() || IsMissing(status)) {
      removed.push_back(file);
    } else {
      trouble = std::move(status);
    }
  }
  if (removed.empty()) return trouble;
  MutexLock hold(mu_);
  Manifest manifest = manifest_;
  std::erase_if(manifest.history, [&](const ManifestFile& file) {
    return std::ranges::find(removed, file) != removed.end();
  });
  if (Status status = StoreManifest(manifest); !status.ok()) return status;
  return trouble;
}

// For what does no harm if it stays: it is tried again at the next start.
void AofFiles::RemoveQuietly(const std::string& path) { (void)disk_.Remove(path); }

void RemoveKilledSaves(io::Disk& disk, const std::string& directory,
                       FunctionRef<bool(std::int64_t pid)> is_alive) {
  const Result<std::vector<std::string>> names = disk.List(directory);
  if (!names) return;
  for (const std::string& name : *names) {
    std::optional<std::int64_t> pid = SequenceIn(name, "temp-", ".rdb");
    if (!pid) pid = SequenceIn(name, "temp-rewriteaof-", ".aof");
    if (!pid) pid = SequenceIn(name, "temp-rewriteaof-bg-", ".aof");
    if (pid && !is_alive(*pid)) (void)disk.Remove(io::JoinPath(directory, name));
  }
}

}  // namespace cairn::persist
