// SPDX-License-Identifier: BSD-3-Clause
// The twin's books. A file's content as programs see it and as it is safe differ in its dirty
// sectors; the names as seen and as safe differ by a list of changes in the order they were made.
#include "io/sim_disk.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace cairn::io {

struct SimDisk::Inode {
  bool is_directory = false;
  std::string seen;
  std::string safe;
  std::uint64_t reserved = 0;                  // the file may grow so far
  std::set<std::uint64_t> dirty;               // sectors written since the last sync
  std::map<std::uint64_t, std::string> early;  // of those, what reached the platter at some moment

  std::uint64_t used_bytes() const { return std::max<std::uint64_t>(seen.size(), reserved); }

  void Dirty(std::uint64_t from, std::uint64_t to, std::uint64_t sector_bytes) {
    for (std::uint64_t sector = from / sector_bytes; sector * sector_bytes < to; ++sector)
      dirty.insert(sector);
  }
  void Clean() {
    dirty.clear();
    early.clear();
  }
  // Copies a sector of what is seen into `content`, up to `end`.
  void CopySector(std::uint64_t sector, std::uint64_t sector_bytes, std::uint64_t end,
                  std::string& content) const {
    const std::uint64_t from = sector * sector_bytes;
    const std::uint64_t to = std::min({from + sector_bytes, end, std::uint64_t{seen.size()}});
    if (from >= to) return;
    if (content.size() < to) content.resize(to, '\0');
    content.replace(from, to - from, seen, from, to - from);
  }
  // The same, as it was when it reached the platter.
  void CopyEarly(std::uint64_t sector, std::uint64_t sector_bytes, std::string& content) const {
    const std::string& bytes = early.at(sector);
    const std::uint64_t from = sector * sector_bytes;
    if (content.size() < from + bytes.size()) content.resize(from + bytes.size(), '\0');
    content.replace(from, bytes.size(), bytes);
  }
};

class SimDisk::OpenFile final : public File {
 public:
  OpenFile(SimDisk& disk, std::string path, std::shared_ptr<Inode> inode, std::uint64_t boots)
      : File(std::move(path), inode->seen.size()),
        disk_(disk),
        inode_(std::move(inode)),
        boots_(boots) {}

  Status SyncData() override {
    MutexLock hold(disk_.mu_);
    int error = NextCall("fdatasync");
    if (error == 0) error = disk_.fail_syncs_with_;
    if (error != 0) {
      if (disk_.calls_ < disk_.power_until_) inode_->Clean();  // see the header
      return disk_.Entered(path(), "fdatasync", error);
    }
    inode_->safe.resize(inode_->seen.size(), '\0');
    for (const std::uint64_t sector : inode_->dirty)
      inode_->CopySector(sector, disk_.sector_bytes_, inode_->seen.size(), inode_->safe);
    inode_->Clean();
    return {};
  }

  Status Reserve(std::uint64_t size) override {
    MutexLock hold(disk_.mu_);
    if (const int error = NextCall("fallocate"); error != 0)
      return disk_.Entered(path(), "fallocate", error);
    if (size > disk_.GrowthEnd(*inode_)) return DiskTrouble(path(), "fallocate", ENOSPC);
    inode_->reserved = std::max(inode_->reserved, size);
    return {};
  }

 protected:
  Result<std::size_t> WriteSome(std::uint64_t offset, std::string_view bytes) override {
    MutexLock hold(disk_.mu_);
    const int error = NextCall("write");
    const bool dies = disk_.calls_ == disk_.power_until_ && boots_ == disk_.boots_;
    if (error != 0 && !dies) return std::unexpected(disk_.Entered(path(), "write", error));
    std::string& seen = inode_->seen;
    std::uint64_t size = dies ? disk_.random_.Below(bytes.size() + 1) : disk_.Part(bytes.size());
    size = std::min(size, disk_.GrowthEnd(*inode_) - offset);
    if (size > 0) {
      if (seen.size() < offset + size) seen.resize(offset + size, '\0');
      seen.replace(offset, size, bytes.substr(0, size));
      inode_->Dirty(offset, offset + size, disk_.sector_bytes_);
      disk_.WriteBack(*inode_);
    }
    if (dies) return std::unexpected(disk_.Entered(path(), "write", error));
    if (size == 0) return std::unexpected(DiskTrouble(path(), "write", ENOSPC));
    return size;
  }

  Result<std::size_t> ReadSome(std::uint64_t offset, char* out, std::size_t size) override {
    MutexLock hold(disk_.mu_);
    if (const int error = NextCall("read"); error != 0)
      return std::unexpected(disk_.Entered(path(), "read", error));
    const std::string& seen = inode_->seen;
    if (offset >= seen.size() || size == 0) return 0UL;
    const std::size_t part = disk_.Part(std::min<std::uint64_t>(size, seen.size() - offset));
    seen.copy(out, part, offset);
    return part;
  }

  Status Resize(std::uint64_t size) override {
    MutexLock hold(disk_.mu_);
    if (const int error = NextCall("truncate"); error != 0)
      return disk_.Entered(path(), "truncate", error);
    const std::uint64_t before = inode_->seen.size();
    inode_->seen.resize(size, '\0');
    if (size > before) inode_->Dirty(before, size, disk_.sector_bytes_);
    inode_->early.erase(inode_->early.lower_bound(size / disk_.sector_bytes_), inode_->early.end());
    inode_->reserved = 0;
    return {};
  }

 private:
  int NextCall(std::string_view kind) REQUIRES(disk_.mu_) {
    const int error = disk_.NextCall(kind);
    return boots_ == disk_.boots_ ? error : EIO;
  }

  SimDisk& disk_;
  const std::shared_ptr<Inode> inode_;
  const std::uint64_t boots_;
};

SimDisk::SimDisk(std::uint64_t seed) : random_(seed), sector_bytes_(seed % 2 == 0 ? 512 : 4096) {}

SimDisk::~SimDisk() = default;

int SimDisk::NextCall(std::string_view kind) {
  ++calls_;
  if (calls_ >= power_until_) return EIO;
  const auto counted = [](Failure& failure) {
    if (failure.calls_left == 0) return 0;
    --failure.calls_left;
    return failure.calls_left == 0 ? failure.error : 0;
  };
  const int of_any = counted(failure_);
  const auto found = failures_.find(kind);
  const int of_kind = found == failures_.end() ? 0 : counted(found->second);
  return of_any != 0 ? of_any : of_kind;
}

// Once in four writes.
void SimDisk::WriteBack(Inode& inode) {
  if (random_.Below(4) != 0) return;
  const auto sector = std::next(inode.dirty.begin(),
                                static_cast<std::ptrdiff_t>(random_.Below(inode.dirty.size())));
  if (*sector * sector_bytes_ >= inode.seen.size()) return;  // it was cut off
  inode.early[*sector] = inode.seen.substr(*sector * sector_bytes_, sector_bytes_);
}

Status SimDisk::Entered(std::string_view path, std::string_view call, int error) {
  if (error == 0) return {};
  Status status = DiskTrouble(path, call, error);
  return calls_ >= power_until_ ? status.Annotate("no power") : status;
}

Status SimDisk::Enter(std::string_view path, std::string_view call) {
  return Entered(path, call, NextCall(call.substr(0, call.find(' '))));
}

// Some of a read or write of `size` bytes.
std::size_t SimDisk::Part(std::size_t size) {
  return short_calls_ && size > 1 ? 1 + random_.Below(size) : size;
}

bool SimDisk::HasDirectory(const std::string& path) const {
  if (path == "." || path == "/") return true;
  const auto found = names_.find(path);
  return found != names_.end() && found->second->is_directory;
}

Result<std::unique_ptr<File>> SimDisk::Open(const std::string& path, OpenMode mode) {
  MutexLock hold(mu_);
  if (Status status = Enter(path, "open"); !status.ok()) return std::unexpected(status);
  auto found = names_.find(path);
  if (found == names_.end()) {
    if (mode != OpenMode::kReplace || !HasDirectory(DirectoryOf(path)))
      return std::unexpected(DiskTrouble(path, "open", ENOENT));
    found = names_.emplace(path, std::make_shared<Inode>()).first;
    unsafe_changes_.push_back({.from = {}, .to = path, .inode = found->second});
  }
  if (found->second->is_directory) return std::unexpected(DiskTrouble(path, "open", EISDIR));
  if (mode == OpenMode::kReplace) found->second->seen.clear();
  return std::make_unique<OpenFile>(*this, path, found->second, boots_);
}

Status SimDisk::MakeDirectory(const std::string& path) {
  MutexLock hold(mu_);
  if (Status status = Enter(path, "mkdir"); !status.ok()) return status;
  if (names_.contains(path)) return DiskTrouble(path, "mkdir", EEXIST);
  if (!HasDirectory(DirectoryOf(path))) return DiskTrouble(path, "mkdir", ENOENT);
  const auto inode = std::make_shared<Inode>();
  inode->is_directory = true;
  names_.emplace(path, inode);
  unsafe_changes_.push_back({.from = {}, .to = path, .inode = inode});
  return {};
}

Result<std::vector<std::string>> SimDisk::List(const std::string& directory) {
  MutexLock hold(mu_);
  if (Status status = Enter(directory, "open"); !status.ok()) return std::unexpected(status);
  if (!HasDirectory(directory)) return std::unexpected(DiskTrouble(directory, "open", ENOENT));
  std::vector<std::string> names;
  for (const auto& [path, inode] : names_) {
    if (DirectoryOf(path) == directory) names.push_back(path.substr(path.rfind('/') + 1));
  }
  std::ranges::sort(names);
  return names;
}

bool SimDisk::Touches(const NameChange& change, const std::string& directory) {
  return DirectoryOf(change.to) == directory ||
         (!change.from.empty() && DirectoryOf(change.from) == directory);
}

void SimDisk::Apply(const NameChange& change, Names& names) {
  if (!change.from.empty()) names.erase(change.from);
  if (change.inode == nullptr) {
    names.erase(change.to);
  } else {
    names[change.to] = change.inode;
  }
}

// Makes safe what touches the directory, and before it what those changes build on.
Status SimDisk::SyncDirectory(const std::string& directory) {
  MutexLock hold(mu_);
  if (Status status = Enter(directory, "fsync"); !status.ok()) return status;
  if (!HasDirectory(directory)) return DiskTrouble(directory, "open", ENOENT);
  std::set<std::string> needed;
  std::vector<NameChange> stay;
  std::vector<NameChange> safe;
  for (auto change = unsafe_changes_.rbegin(); change != unsafe_changes_.rend(); ++change) {
    if (Touches(*change, directory) || needed.contains(change->to) ||
        needed.contains(change->from)) {
      needed.insert(change->to);
      if (!change->from.empty()) needed.insert(change->from);
      safe.push_back(*change);
    } else {
      stay.push_back(*change);
    }
  }
  for (auto change = safe.rbegin(); change != safe.rend(); ++change) Apply(*change, safe_names_);
  unsafe_changes_.assign(stay.rbegin(), stay.rend());
  return {};
}

Status SimDisk::Rename(const std::string& from, const std::string& to) {
  MutexLock hold(mu_);
  if (Status status = Enter(from, "rename to " + to); !status.ok()) return status;
  const auto found = names_.find(from);
  if (found == names_.end() || !HasDirectory(DirectoryOf(to)))
    return DiskTrouble(from, "rename to " + to, ENOENT);
  unsafe_changes_.push_back({.from = from, .to = to, .inode = found->second});
  Apply(NameChange(unsafe_changes_.back()), names_);
  return {};
}

Status SimDisk::Remove(const std::string& path) {
  MutexLock hold(mu_);
  if (Status status = Enter(path, "unlink"); !status.ok()) return status;
  if (!names_.contains(path)) return DiskTrouble(path, "unlink", ENOENT);
  unsafe_changes_.push_back({.from = {}, .to = path, .inode = nullptr});
  names_.erase(path);
  return {};
}

Result<std::uint64_t> SimDisk::SizeOf(const std::string& path) {
  MutexLock hold(mu_);
  if (Status status = Enter(path, "stat"); !status.ok()) return std::unexpected(status);
  const auto found = names_.find(path);
  if (found == names_.end()) return std::unexpected(DiskTrouble(path, "stat", ENOENT));
  return found->second->seen.size();
}

std::uint64_t SimDisk::calls() const {
  MutexLock hold(mu_);
  return calls_;
}

void SimDisk::FailCall(std::uint64_t nth, int error) {
  MutexLock hold(mu_);
  failure_ = {.calls_left = nth, .error = error};
}

void SimDisk::FailCall(std::string_view kind, std::uint64_t nth, int error) {
  const auto known = std::ranges::find(kCalls, kind);
  CHECK(known != kCalls.end());
  MutexLock hold(mu_);
  failures_[*known] = {.calls_left = nth, .error = error};
}

void SimDisk::FailSyncs(int error) {
  MutexLock hold(mu_);
  fail_syncs_with_ = error;
}

void SimDisk::CutPowerAt(std::uint64_t nth) {
  MutexLock hold(mu_);
  power_until_ = calls_ + nth;
}

bool SimDisk::has_power() const {
  MutexLock hold(mu_);
  return calls_ < power_until_;
}

void SimDisk::LimitSpace(std::uint64_t bytes) {
  MutexLock hold(mu_);
  space_ = bytes;
}

std::uint64_t SimDisk::UsedBytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [path, inode] : names_) bytes += inode->used_bytes();
  return bytes;
}

std::uint64_t SimDisk::GrowthEnd(const Inode& inode) const {
  const std::uint64_t used = inode.used_bytes();
  const std::uint64_t room = space_ - std::min(space_, UsedBytes());
  return room > kNoLimit - used ? kNoLimit : used + room;
}

std::uint64_t SimDisk::used_bytes() const {
  MutexLock hold(mu_);
  return UsedBytes();
}

void SimDisk::MakeCallsShort(bool are_short) {
  MutexLock hold(mu_);
  short_calls_ = are_short;
}

void SimDisk::Crash(CrashKeeps keeps) {
  MutexLock hold(mu_);
  ++boots_;
  power_until_ = kNoLimit;
  failure_ = {};
  failures_.clear();
  fail_syncs_with_ = 0;
  if (keeps == CrashKeeps::kAll) return;
  CrashNames(keeps);
  std::set<Inode*> inodes;
  for (const auto& [path, inode] : names_) inodes.insert(inode.get());
  // In the order of names, not of addresses, so that a seed gives the same crash again.
  for (const auto& [path, inode] : names_) {
    if (inodes.erase(inode.get()) > 0) CrashContent(*inode, keeps);
  }
}

void SimDisk::CrashNames(CrashKeeps keeps) {
  std::set<std::string> lost;
  for (const NameChange& change : unsafe_changes_) {
    const bool builds_on_lost = lost.contains(change.to) || lost.contains(change.from);
    const bool luck =
        keeps == CrashKeeps::kAll || (keeps != CrashKeeps::kNothing && random_.Below(2) == 0);
    if (luck && !builds_on_lost) {
      Apply(change, safe_names_);
    } else {
      lost.insert(change.to);
      if (!change.from.empty()) lost.insert(change.from);
    }
  }
  unsafe_changes_.clear();
  names_ = safe_names_;
  // A directory that is lost takes along what was in it.
  for (auto name = names_.begin(); name != names_.end();)
    name = HasDirectory(DirectoryOf(name->first)) ? std::next(name) : names_.erase(name);
  safe_names_ = names_;
}

// Brings sectors into `safe`.
void SimDisk::SectorsSurvive(Inode& inode, CrashKeeps keeps) {
  const std::uint64_t seen_size = inode.seen.size();
  if (keeps == CrashKeeps::kPrefix) {
    const std::uint64_t end = random_.Below(seen_size + 1);
    for (const std::uint64_t sector : inode.dirty)
      inode.CopySector(sector, sector_bytes_, end, inode.safe);
  } else {
    for (const std::uint64_t sector : inode.dirty) {
      const std::uint64_t luck = random_.Below(3);
      if (luck == 0) continue;
      if (luck == 1 && inode.early.contains(sector)) {
        inode.CopyEarly(sector, sector_bytes_, inode.safe);
      } else {
        inode.CopySector(sector, sector_bytes_, seen_size, inode.safe);
      }
    }
  }
}

void SimDisk::CrashContent(Inode& inode, CrashKeeps keeps) {
  if (inode.is_directory) return;
  if (keeps != CrashKeeps::kNothing) {
    SectorsSurvive(inode, keeps);
    // The size is written apart from the content.
    if (random_.Below(2) == 0) inode.safe.resize(inode.seen.size(), '\0');
  }
  inode.seen = inode.safe;
  inode.Clean();
}

std::optional<std::string> SimDisk::SafeContent(const std::string& path) const {
  MutexLock hold(mu_);
  const auto found = safe_names_.find(path);
  if (found == safe_names_.end()) return std::nullopt;
  return found->second->safe;
}

void SimDisk::FlipByte(const std::string& path, std::uint64_t offset) {
  MutexLock hold(mu_);
  const auto found = names_.find(path);
  CHECK(found != names_.end() && offset < found->second->seen.size());
  for (std::string* content : {&found->second->seen, &found->second->safe}) {
    if (offset < content->size()) (*content)[offset] = static_cast<char>(~(*content)[offset]);
  }
}

}  // namespace cairn::io
