// SPDX-License-Identifier: BSD-3-Clause
// Persistence: when the data set is saved to its RDB file, and what comes of it.
//
//     SAVE, FLUSHALL --wait in line--+
//     BGSAVE, save points -----------+--> one save at a time, on the saver's thread --> figures,
//     SHUTDOWN, on the main thread --+                                                  the status
//
// Every save is a cut's, so none keeps other clients waiting: SAVE is BGSAVE whose client waits for
// the end. Of several SAVEs each gets a file of its own moment, one after the other, as in Redis.
//
// Trouble. The status is that of the last save. If a save failed, and `save` and
// stop-writes-on-bgsave-error say so, writes are refused; while they are, a new save is tried every
// kRetryMs, so that writes go on by themselves when the disk has room again. (Redis waits for the
// next save point.) Otherwise a save point that failed is tried again after as long.
//
// Invariants
//   (1) current_ is what the saver does; it ends with OnDone, which begins the next.
//   (2) The turn is ours exactly while current_ is something.
//   (3) No mutex here is held while stripes are waited for; it may be taken under them.
// Owned by the server. Any thread, but as said.
#ifndef CAIRN_PERSIST_PERSISTENCE_H_
#define CAIRN_PERSIST_PERSISTENCE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/function_ref.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "base/status.h"
#include "io/disk.h"
#include "keyspace/cut.h"
#include "keyspace/keyspace.h"
#include "persist/cut_turn.h"
#include "persist/image.h"
#include "persist/loader.h"
#include "persist/saver.h"
#include "scripting/library_set.h"

namespace cairn::persist {

// The configuration, at the moment of asking.
struct PersistenceSettings {
  struct SavePoint {
    std::int64_t seconds;
    std::int64_t changes;
  };
  std::string directory = ".";
  std::string file_name = "dump.rdb";
  std::vector<SavePoint> save_points = {};
  bool stop_writes_on_error = true;
  ImageFormat format = {};
  bool verify_checksum = true;
  std::int64_t load_delay_us = 0;
};

enum class Severity : std::uint8_t { kNotice, kWarning };

// What it needs of the server. Any thread; `settings` and `changes` with stripes locked, too.
struct PersistenceHooks {
  std::function<PersistenceSettings()> settings;
  // Changes of the data set since the server began.
  std::function<std::int64_t()> changes;
  std::function<void(Severity, std::string_view)> log;
  // has_failed() or is_loading() has changed.
  std::function<void()> on_gates = [] {};
};

// INFO's.
struct RdbFigures {
  std::int64_t changes_since_save;
  bool is_saving_in_background;
  std::int64_t last_save_s;
  bool last_save_failed;
  std::int64_t last_background_s;     // -1: none yet
  std::int64_t current_background_s;  // -1: none
  std::int64_t saves;
  std::uint64_t keys_saved;
  std::uint64_t keys_to_save;
  std::uint64_t copied_bytes;
  std::uint64_t copied_bytes_peak;
  std::uint64_t last_copied_bytes;
  std::uint64_t keys_loaded;
  std::uint64_t keys_expired;
};

class Persistence {
 public:
  static constexpr std::int64_t kRetryMs = 1000;
  // The same trouble is not reported more often.
  static constexpr std::int64_t kReportMs = 60'000;
  // Is told whether it went well, on the saver's thread.
  using Done = std::move_only_function<void(bool saved)>;

  // All outlive this.
  Persistence(io::Disk& disk, keyspace::Keyspace& keyspace, const Clock& clock,
              PersistenceHooks hooks);
  ~Persistence();
  Persistence(const Persistence&) = delete;
  Persistence& operator=(const Persistence&) = delete;

  // Removes what killed saves left, and starts the saver. `is_alive` tells of other processes.
  void Start(FunctionRef<bool(std::int64_t pid)> is_alive);
  // Gives up what is being saved. Who waits is told that it failed.
  void Stop();
  // Ten times a second: save points, what is scheduled, retries.
  void Tick();

  // ---- Saving

  enum class Begun : std::uint8_t { kStarted, kScheduled, kIsSaving, kIsBusyOtherwise };
  enum class IfBusy : std::uint8_t { kRefuse, kSchedule };
  // BGSAVE: of this very moment. REQUIRES: `held` holds every stripe.
  Begun SaveInBackground(const keyspace::KeyLocks& held, IfBusy if_busy);
  // The same at the next opportunity: of EXEC, which must not tear its own transaction.
  void ScheduleSave();
  bool is_saving_in_background() const;
  // SAVE: behind all that wait already.
  void Save(Done done);
  // FLUSHALL, SHUTDOWN: what is being saved in the background is worth nothing any more.
  void GiveUpBackground();
  // With save points, what FLUSHALL left takes the old file's place.
  void SaveFlushed(Done done);
  // SHUTDOWN: gives up what is being saved and saves what there is, before the caller goes on.
  // Waits for whoever has the turn for anything else. REQUIRES: nobody writes.
  bool SaveLast();
  // Whether the settings say that something is to be saved at the end.
  bool has_save_points() const { return !hooks_.settings().save_points.empty(); }

  // The last save failed; and the settings say that writes are refused then.
  bool has_failed() const { return failed_.load(std::memory_order_relaxed); }
  bool refuses_writes() const { return has_failed() && Refuses(hooks_.settings()); }

  // ---- Loading

  // The file of the settings into the keyspace. kNotFound if there is none. One at a time.
  Result<Loaded> Load(LoadOptions options);
  // Whatever is loaded, by whom: clients are told so.
  void BeginLoading();
  void EndLoading();
  bool is_loading() const { return is_loading_.load(std::memory_order_acquire); }
  LoadProgress& load_progress() { return load_progress_; }
  // What the files that were loaded had of functions. The AOF is loaded and written with it, too.
  scripting::LibraryShelf& libraries() { return libraries_; }

  // DEBUG RELOAD: saves, unless told otherwise, and loads that, with every stripe held. After a
  // save that fails nothing is loaded.
  struct Reload {
    bool saves = true;
    bool flushes = true;
    bool merges = false;
  };
  enum class Reloaded : std::uint8_t { kDone, kNotSaved, kNotLoaded };
  void BeginReload(const Reload& how, std::move_only_function<void(Reloaded)> done);

  // ---- Figures

  RdbFigures figures() const;
  std::int64_t last_save_s() const { return last_save_s_.load(std::memory_order_relaxed); }
  CutTurn& turn() { return turn_; }

 private:
  // kForeground: a client, or all, wait for it.
  enum class Kind : std::uint8_t { kNone, kBackground, kForeground, kReload };
  struct Errand {
    Kind kind;
    Saver::Work work;
    Done done;
  };

  std::unique_ptr<keyspace::Cut> CutUnder(const keyspace::KeyLocks& held);
  Saver::Take TakingCut();
  Errand SaveErrand(Kind kind, Saver::Take take, Done done);
  SaveOrder OrderOf(const PersistenceSettings& settings) const;
  void Enqueue(Errand errand);
  void BeginNext() REQUIRES(mu_);
  void Run(Errand errand) REQUIRES(mu_);
  void OnDone(Kind kind, const Status& worked, Done done);
  void NoteSaved(Kind kind, const Status& saved);
  void Report(Kind kind, const Status& trouble, bool is_news);
  bool IsDue(const PersistenceSettings& settings, std::string* why) const REQUIRES(mu_);
  static bool Refuses(const PersistenceSettings& settings);
  void NoteLoaded(const Loaded& loaded);
  Reloaded ReloadHolding(const Reload& how, SaveProgress& progress);
  Reloaded ReloadUnder(const keyspace::KeyLocks& held, const Reload& how, SaveProgress& progress);
  void FlushAll(const keyspace::KeyLocks& held);
  std::int64_t ChangesSinceSave() const {
    return hooks_.changes() - saved_changes_.load(std::memory_order_relaxed);
  }
  std::int64_t now_s() const { return clock_.NowUnixMs() / 1000; }

  // constant after construction
  io::Disk& disk_;
  keyspace::Keyspace& keyspace_;
  const Clock& clock_;
  const PersistenceHooks hooks_;
  const std::int64_t pid_;

  CutTurn turn_;
  Saver saver_;
  LoadProgress load_progress_;
  scripting::LibraryShelf libraries_;

  mutable Mutex mu_;
  Kind current_ GUARDED_BY(mu_) = Kind::kNone;
  std::deque<Errand> waiting_ GUARDED_BY(mu_);  // at most one of each client
  bool is_scheduled_ GUARDED_BY(mu_) = false;
  bool is_stopped_ GUARDED_BY(mu_) = true;
  UnixMs last_try_ms_ GUARDED_BY(mu_) = 0;
  UnixMs reported_ms_ GUARDED_BY(mu_) = 0;

  // Figures, each read by itself: relaxed, but where release is said.
  std::atomic<std::int64_t> cut_changes_{0};    // changes at the cut of what is being saved
  std::atomic<std::int64_t> saved_changes_{0};  // at that of the last file
  std::atomic<std::int64_t> last_save_s_;
  std::atomic<std::int64_t> last_background_s_{-1};
  std::atomic<std::int64_t> background_began_s_{-1};
  std::atomic<std::int64_t> saves_{0};
  std::atomic<std::uint64_t> last_copied_bytes_{0};
  std::atomic<std::uint64_t> keys_loaded_{0};
  std::atomic<std::uint64_t> keys_expired_{0};
  std::atomic<bool> failed_{false};
  std::atomic<bool> is_loading_{false};  // release: what was loaded is there
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_PERSISTENCE_H_
