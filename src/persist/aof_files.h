// SPDX-License-Identifier: BSD-3-Clause
// AofFiles: the append only directory: a base, the increments since, and the manifest that says so.
//
//     dir/appendonlydir/appendonly.aof.manifest
//                       appendonly.aof.3.base.rdb      the data set at some moment
//                       appendonly.aof.4.incr.aof      the writes since; the last one is appended
//                       to
//     temporary there:  temp-appendonly.aof.manifest, .base, .incr, .probe
//
//   Open            reads the manifest, takes over an old single file, removes what crashes left
//   ToLoad          the files to be replayed, in order
//   OpenIncrement   the file to append to; makes what is missing
//   BeginRewrite    a new increment, for the writes after a cut
//   FinishRewrite   the cut's image becomes the base; what it makes superfluous becomes history
//   DeleteHistory   removes that, when nobody waits for it
//
// Invariants
//   (1) At every moment the manifest on disk, old or new, names only files that are there and whole
//   as far as they were synced: files are made safe before the manifest that names them, and go
//   after the manifest that does not need them is safe.
//   (2) A sequence number is used once: what a failed step left may be named by the manifest on
//   disk, if only its last sync failed.
//   (3) An increment is empty until the one before it is safe to its end (the writer's duty), so
//   only the last one that is not empty may have a torn tail.
//   (4) Nothing outside its naming scheme is touched.
//
// Thread safety: all calls from any thread; DeleteHistory does not hold up the others while it
// removes. One rewrite at a time.
#ifndef CAIRN_PERSIST_AOF_FILES_H_
#define CAIRN_PERSIST_AOF_FILES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/mutex.h"
#include "base/status.h"
#include "codec/manifest.h"
#include "io/disk.h"

namespace cairn::persist {

struct AofPlace {
  std::string directory = ".";           // dir
  std::string folder = "appendonlydir";  // appenddirname
  std::string name = "appendonly.aof";   // appendfilename
};

enum class BaseFormat { kRdb, kCommands };

// A file to replay.
struct AofSource {
  std::string path;
  bool is_base;
  bool may_be_torn;  // a bad tail is what a crash leaves; in any other file it is damage
};

class AofFiles {
 public:
  // kCorrupt if the manifest cannot be read, names a file that is not there, or is missing although
  // there is data.
  static Result<std::unique_ptr<AofFiles>> Open(io::Disk& disk, AofPlace place);

  // Whether an AOF can be kept there, for whoever is to be told before it begins: makes the folder,
  // reads the manifest, and makes a file, which it removes again.
  static Status Probe(io::Disk& disk, AofPlace place);

  // There was no AOF: nothing to load.
  bool is_new() const;
  // The files to replay, in order.
  Result<std::vector<AofSource>> ToLoad() const;
  codec::Manifest manifest() const;
  std::string PathOf(std::string_view name) const { return io::JoinPath(folder_, name); }
  // All files that are listed, but history: aof_current_size at start.
  Result<std::uint64_t> TotalBytes() const;

  // The file to append to, once all was loaded (and a torn tail cut): the last increment, or a new
  // one. In a new directory `fresh_base` is stored first, as Redis does (an empty RDB file).
  Result<std::unique_ptr<io::File>> OpenIncrement(std::string_view fresh_base, BaseFormat format);

  // kAtOnce: the writes that follow belong to the AOF whether or not the rewrite succeeds.
  // kWithBase: they are of no use without the new base (appendonly was switched on just now).
  enum class Listing { kAtOnce, kWithBase };
  // The increment for the writes after the cut. REQUIRES: no rewrite is going on.
  Result<std::unique_ptr<io::File>> BeginRewrite(Listing listing);
  // Where the saver puts the new base, and syncs it.
  std::string NewBasePath() const { return PathOf("temp-" + place_.name + ".base"); }
  // The base is complete and synced. After a failure the rewrite is over too, and the old base
  // with all increments counts (listed at once or not: see Listing).
  Status FinishRewrite(BaseFormat format);
  // With Listing::kWithBase, nobody writes to the increment any more.
  void AbortRewrite();
  bool is_rewriting() const;

  // Removes files the manifest keeps as history, and drops them from it. What cannot be removed
  // stays listed.
  Status DeleteHistory();

 private:
  AofFiles(io::Disk& disk, AofPlace place);

  Status Load();
  Status LoadManifest();
  Status MakeFolder();
  Result<std::vector<AofSource>> SourcesOf(const codec::Manifest& manifest) const;
  Status RefuseOrphans(const std::vector<std::string>& names) const;
  Status TakeOverOldFile() REQUIRES(mu_);
  Status FinishRenames() REQUIRES(mu_);
  Status RequireListed() const REQUIRES(mu_);
  Status RemoveLeftovers() REQUIRES(mu_);
  Status StoreManifest(const codec::Manifest& manifest) REQUIRES(mu_);
  Status SettleManifest() REQUIRES(mu_);
  Status SyncTails() REQUIRES(mu_);
  Status StoreFreshBase(std::string_view bytes, BaseFormat format, codec::Manifest& manifest)
      REQUIRES(mu_);
  Result<std::unique_ptr<io::File>> CreateIncrement(const std::string& name) REQUIRES(mu_);
  Status PlaceBase(const std::string& name) REQUIRES(mu_);
  std::string NextBaseName(BaseFormat format) REQUIRES(mu_);
  std::string NextIncrementName() REQUIRES(mu_);
  std::string TempIncrementPath() const { return PathOf("temp-" + place_.name + ".incr"); }
  std::string ManifestPath() const { return PathOf(place_.name + ".manifest"); }
  void RemoveQuietly(const std::string& path);

  // constant after construction
  io::Disk& disk_;
  const AofPlace place_;
  const std::string folder_;  // path

  mutable Mutex mu_;
  bool is_new_ GUARDED_BY(mu_) = true;
  codec::Manifest manifest_ GUARDED_BY(mu_);
  // Storing failed halfway: the one on disk may be another one than manifest_.
  bool manifest_unsettled_ GUARDED_BY(mu_) = false;
  std::int64_t next_base_ GUARDED_BY(mu_) = 1;
  std::int64_t next_increment_ GUARDED_BY(mu_) = 1;
  enum class Rewrite { kNone, kListed, kUnlisted };
  Rewrite rewrite_ GUARDED_BY(mu_) = Rewrite::kNone;
  codec::ManifestFile rewrite_increment_ GUARDED_BY(mu_);  // the first one the new base needs
};

// Removes temporary files of saves in `directory` whose process is no more: temp-PID.rdb,
// temp-rewriteaof-PID.aof and temp-rewriteaof-bg-PID.aof. What cannot be removed stays.
void RemoveKilledSaves(io::Disk& disk, const std::string& directory,
                       FunctionRef<bool(std::int64_t pid)> is_alive);

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_AOF_FILES_H_
