// SPDX-License-Identifier: BSD-3-Clause
// SimDisk: the disk's twin in memory: it forgets what was not synced, tears it, reorders it, runs
// full and fails, all of it from a seed.
//
//   SimDisk disk(seed);
//   disk.FailCall("fdatasync", 2, EIO);   // the second one from now on fails
//   disk.CutPowerAt(7);          // the 7th call from now does not return well, nor any later one
//   ...                          // the code under test
//   disk.Crash(CrashKeeps::kAnySectors);
//   ...                          // opens its files again
//
// What a file holds is kept twice: as programs see it, and as it is safe. A crash keeps the safe
// one, and of what differs what CrashKeeps says, a sector at a time. Now and then a dirty sector
// reaches the platter unasked, so that what is found of it may be older than what was found of one
// behind it: sectors come in any order. A write during which the power goes leaves any of its
// sectors. Names are kept the same way:
// creations, renames and removals are safe after SyncDirectory of a directory they touch; a crash
// keeps any of the others, but never one without an earlier one of the same name.
//
// A SyncData that fails makes nothing safe, and what it should have made safe is not tried again by
// a later one: so kernels do, and so code that syncs once more and hopes is found out. It has to
// write again.
//
// For tests; linked into the library because tests of higher floors and the simulator use it.
// Thread safety: as Disk says. A File outlives a crash harmlessly: its calls fail.
#ifndef CAIRN_IO_SIM_DISK_H_
#define CAIRN_IO_SIM_DISK_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "io/disk.h"

namespace cairn::io {

// What a crash leaves of that which is not safe.
enum class CrashKeeps {
  kNothing,     // not a byte
  kPrefix,      // of each file the writes up to some byte; zeros may follow where more was written
  kAnySectors,  // of each file any sectors, as they are, as they once were, or as they are safe
  kAll,         // everything, but no safer than it was: the process died, not the machine
};

class SimDisk final : public Disk {
 public:
  static constexpr std::uint64_t kNoLimit = UINT64_MAX;
  // The kinds of calls, by the names that errors give them.
  static constexpr std::array<std::string_view, 11> kCalls = {
      "open",  "write", "read",   "fdatasync", "fallocate", "truncate",
      "fsync", "mkdir", "rename", "unlink",    "stat"};

  explicit SimDisk(std::uint64_t seed);
  ~SimDisk() override;

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Status MakeDirectory(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& directory) override;
  Status SyncDirectory(const std::string& directory) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Result<std::uint64_t> SizeOf(const std::string& path) override;

  // Calls so far, of this and of its Files: to choose the n-th from.
  std::uint64_t calls() const;
  // The `nth` call from now (1: the next) fails with `error`, an errno, and does nothing.
  void FailCall(std::uint64_t nth, int error);
  // The same of the `nth` of a kind. REQUIRES: it is one of kCalls.
  void FailCall(std::string_view kind, std::uint64_t nth, int error);
  // Every SyncData fails so, until told 0.
  void FailSyncs(int error);
  // The power goes during the `nth` call from now. A write may then have been done in part.
  void CutPowerAt(std::uint64_t nth);
  bool has_power() const;
  // The bytes that all files together may have; ENOSPC beyond, after a short write.
  void LimitSpace(std::uint64_t bytes);
  std::uint64_t used_bytes() const;
  // Writes and reads are done in parts of random size.
  void MakeCallsShort(bool are_short);

  // The machine stops, forgets, and is switched on again; calls that were to fail do not any more.
  void Crash(CrashKeeps keeps);
  // What a crash that keeps nothing would leave of this file; nothing if it would not exist.
  std::optional<std::string> SafeContent(const std::string& path) const;
  // Changes a byte on the platter, past all calls.
  void FlipByte(const std::string& path, std::uint64_t offset);

 private:
  struct Inode;
  class OpenFile;
  using Names = std::map<std::string, std::shared_ptr<Inode>, std::less<>>;
  // One change of names that is not yet safe.
  struct NameChange {
    std::string from;  // empty but for renames
    std::string to;
    std::shared_ptr<Inode> inode;  // null: removed
  };

  struct Failure {
    std::uint64_t calls_left = 0;  // the one that makes it 0 fails
    int error = 0;
  };

  // Counts a call; what to fail it with, or 0.
  int NextCall(std::string_view kind) REQUIRES(mu_);
  // A dirty sector may reach the platter.
  void WriteBack(Inode& inode) REQUIRES(mu_);
  Status Enter(std::string_view path, std::string_view call) REQUIRES(mu_);
  Status Entered(std::string_view path, std::string_view call, int error) REQUIRES(mu_);
  bool HasDirectory(const std::string& path) const REQUIRES(mu_);
  static void Apply(const NameChange& change, Names& names);
  static bool Touches(const NameChange& change, const std::string& directory);
  void CrashNames(CrashKeeps keeps) REQUIRES(mu_);
  void CrashContent(Inode& inode, CrashKeeps keeps) REQUIRES(mu_);
  void SectorsSurvive(Inode& inode, CrashKeeps keeps) REQUIRES(mu_);
  std::uint64_t UsedBytes() const REQUIRES(mu_);
  // How far a file may grow.
  std::uint64_t GrowthEnd(const Inode& inode) const REQUIRES(mu_);
  std::size_t Part(std::size_t size) REQUIRES(mu_);

  mutable Mutex mu_;
  Random random_ GUARDED_BY(mu_);
  const std::uint64_t sector_bytes_;
  Names names_ GUARDED_BY(mu_);  // as programs see them
  Names safe_names_ GUARDED_BY(mu_);
  std::vector<NameChange> unsafe_changes_ GUARDED_BY(mu_);
  std::uint64_t calls_ GUARDED_BY(mu_) = 0;
  std::uint64_t boots_ GUARDED_BY(mu_) = 0;  // files opened before a crash are dead
  Failure failure_ GUARDED_BY(mu_);
  std::map<std::string_view, Failure> failures_ GUARDED_BY(mu_);  // of kinds
  int fail_syncs_with_ GUARDED_BY(mu_) = 0;
  std::uint64_t power_until_ GUARDED_BY(mu_) = kNoLimit;
  std::uint64_t space_ GUARDED_BY(mu_) = kNoLimit;
  bool short_calls_ GUARDED_BY(mu_) = false;
};

}  // namespace cairn::io

#endif  // CAIRN_IO_SIM_DISK_H_
