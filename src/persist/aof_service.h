// SPDX-License-Identifier: BSD-3-Clause
// AofService: the append only file of a running server: switched on and off, rewritten, watched.
//
//            +--Begin, the directory was loaded-------------------------+
//            |                                                          v
//     kOff --+--on--> kFirst --the first rewrite is done------------> kOn
//       ^                |  '--it failed--.                            |
//       |                off               v                          off
//       +--written, safe, nobody reads-- kLeaving <--------------------+
//
// kFirst: there are data that no file has. A cut is taken, the log is read from it on, and all of
// it counts once the cut's image is in place.
//
// Nothing here waits for the disk but the load and Probe. What takes long is done by the saver's
// thread (an image, the directory) and the writer's (the log); Advance, called often by one thread,
// moves the state on when they are done.
//
// Thread safety: Open, Load and Begin by the thread that loads; Start, Advance and Stop by the
// server's main thread, once that has ended; the others by any. No stripe is locked while mu_ is
// held, nor the other way round.
#ifndef CAIRN_PERSIST_AOF_SERVICE_H_
#define CAIRN_PERSIST_AOF_SERVICE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/function_ref.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "base/status.h"
#include "command/table.h"
#include "io/disk.h"
#include "keyspace/keyspace.h"
#include "persist/aof_files.h"
#include "persist/aof_loader.h"
#include "persist/aof_rewrites.h"
#include "persist/aof_writer.h"
#include "persist/cut_turn.h"
#include "persist/saver.h"
#include "persist/watermark.h"
#include "scripting/library_set.h"

namespace cairn::persist {

// As the configuration has them at this moment.
struct AofOptions {
  FsyncPolicy policy = FsyncPolicy::kEverySecond;  // appendfsync
  bool rests_while_saving = false;                 // no-appendfsync-on-rewrite
  bool with_timestamps = false;                    // aof-timestamp-enabled
  bool with_preamble = true;                       // aof-use-rdb-preamble
  bool keeps_history = false;                      // aof-disable-auto-gc
  AofGrowth growth = {};                           // auto-aof-rewrite-*
  ImageFormat image = {};                          // of a base

  BaseFormat base_format() const {
    return with_preamble ? BaseFormat::kRdb : BaseFormat::kCommands;
  }
};

// What INFO shows.
struct AofFigures {
  bool is_enabled = false;
  bool is_rewriting = false;
  bool is_scheduled = false;
  bool last_write_ok = true;
  AofRewrites::Figures rewrites;
  std::uint64_t current_bytes = 0;
  std::uint64_t base_bytes = 0;
  std::uint64_t buffer_bytes = 0;
  std::uint64_t pending_syncs = 0;
  std::uint64_t delayed_syncs = 0;
};

class AofService {
 public:
  // Set aside ahead of what is written: see AofWriterOptions.
  static constexpr std::uint64_t kRoomBytes = 2UL * 1024 * 1024;

  // All of it outlives the service. The functions are called on any thread: `options` with the
  // service's mutex held, so it only reads; the others with no lock held.
  struct Parts {
    io::Disk& disk;
    keyspace::Keyspace& keyspace;
    const command::CommandTable& table;
    CutTurn& turn;
    scripting::LibraryShelf& libraries;
    std::function<AofPlace()> place;  // asked when the directory is opened; stays until it is left
    std::function<AofOptions()> options;
    std::function<void()> on_progress;  // the watermark may have moved; Advance may have work
    std::function<void(std::string_view)> on_note;  // this and the next: on any thread
    std::function<void(std::string_view)> on_warning;
  };

  explicit AofService(Parts parts);
  ~AofService();
  AofService(const AofService&) = delete;
  AofService& operator=(const AofService&) = delete;

  // At start, with appendonly: reads the directory. Then, if has_data, Load; then Begin, before
  // anybody writes.
  Status Open();
  bool has_data() const;
  Status Load(const AofLoadOptions& options, LoadProgress& progress);
  Status Begin();
  // The load is over: from now on Advance does its work, and rewrites may come.
  void Start();

  // Whether the directory takes an AOF, or the one there is a rewrite; what is wrong is told as a
  // warning, too. Waits for the disk: of those who ask for either, who want to know at once.
  Status Probe();
  // appendonly; on from the next Advance on.
  void Want(bool on);
  // appendfsync or aof-timestamp-enabled has changed.
  void ApplyOptions();
  // Of this writer and those to come: see AofWriter.
  void SetFlushSleep(std::int64_t us);
  // BGREWRITEAOF. kScheduled: something else has a cut, or that was asked for (of EXEC, whose own
  // writes are to be in it).
  enum class Requested : std::uint8_t { kStarted, kScheduled, kIsRunning };
  enum class When : std::uint8_t { kNow, kSoon };
  Requested RequestRewrite(When when);
  void Advance();
  // DEBUG LOADAOF: everything is written, the keyspace emptied (`empty`), and loaded anew.
  // kUnsupported while a rewrite or a change of appendonly is under way, kNotFound if there is no
  // AOF; then the keyspace is as it was (and an AOF that somebody took away is made anew). After
  // any other error it is not, and nothing is appended any more. REQUIRES: nobody runs commands.
  Status Reload(const AofLoadOptions& options, LoadProgress& progress, FunctionRef<void()> empty);
  // A rewrite that runs is worth nothing any more: SHUTDOWN. Its end comes later.
  void GiveUpRewrite();
  // Gives up a rewrite, writes and syncs all there is. REQUIRES: nobody runs commands.
  Status Stop();

  // Replies are held back.
  void Hurry();
  // Somebody waits for `position` to be safe, whatever the policy.
  void Hasten(Lsn position);
  const Watermark& watermark() const { return watermark_; }
  // Switched on, whether or not it has got there.
  bool is_wanted() const {
    MutexLock hold(mu_);
    return is_wanted_;
  }
  // Why the disk does not take what there is to write; OK if it does.
  Status failure() const;
  AofFigures Figures() const;

 private:
  enum class State : std::uint8_t { kOff, kFirst, kOn, kLeaving };

  std::unique_ptr<AofWriter> MakeWriter(std::unique_ptr<log::Reader> reader,
                                        std::unique_ptr<io::File> file);
  void SetWriter(std::unique_ptr<AofWriter> writer);
  void OnProgress();
  void Publish() REQUIRES(mu_);
  bool UpdateRest() REQUIRES(mu_);
  bool RewriteIsDue() REQUIRES(mu_);
  bool MayRewrite() const REQUIRES(mu_);
  bool TryBeginRewrite() REQUIRES(mu_);
  void BeginLeaving() REQUIRES(mu_);
  Status TryFreeze();
  void RetireWriter();
  void FinishLeaving();
  bool MayFinishLeaving() const REQUIRES(mu_);
  // On the saver's thread.
  Status Rewrite(const ImageFormat& format, SaveProgress& progress);
  Result<std::unique_ptr<keyspace::Cut>> CutForRewrite();
  Result<std::unique_ptr<keyspace::Cut>> CutAndAttach(std::unique_ptr<io::File> increment);
  Status EnsureFiles();
  void EndRewrite(const Status& saved, BaseFormat format);
  void SettleRewrite(const Status& status);
  void DeleteHistory(const AofOptions& options);
  std::uint64_t CurrentBytes() const REQUIRES(mu_);
  void CountFiles(bool are_new);
  bool HasData() const;

  const Parts parts_;
  Watermark watermark_;
  Saver saver_;

  mutable Mutex mu_;
  State state_ GUARDED_BY(mu_) = State::kOff;
  bool is_wanted_ GUARDED_BY(mu_) = false;
  bool is_whole_ GUARDED_BY(mu_) = false;  // what the files hold, and will when written, is all
  // Set by the saver's thread or before there are others; read by it and, in between, by Advance.
  std::unique_ptr<AofFiles> files_;
  // Goes when nobody rewrites any more, so who rewrites may keep a pointer.
  std::unique_ptr<AofWriter> writer_ GUARDED_BY(mu_);
  std::unique_ptr<AofWriter> retired_;  // main thread: it has stopped, and is to leave the log
  bool is_rewriting_ GUARDED_BY(mu_) = false;
  bool is_scheduled_ GUARDED_BY(mu_) = false;
  bool has_started_ GUARDED_BY(mu_) = false;
  bool has_ended_ GUARDED_BY(mu_) = false;  // the server goes
  bool was_failing_ GUARDED_BY(mu_) = false;
  bool rests_ GUARDED_BY(mu_) = false;  // nothing is synced, and nobody waits for it
  std::int64_t flush_sleep_us_ GUARDED_BY(mu_) = 0;
  AofRewrites rewrites_ GUARDED_BY(mu_);
  AofPlace place_ GUARDED_BY(mu_);                 // of files_
  std::uint64_t other_bytes_ GUARDED_BY(mu_) = 0;  // of all files but the one that is written
  std::uint64_t base_bytes_ GUARDED_BY(mu_) = 0;   // of all files when they were last made anew
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_AOF_SERVICE_H_
