// SPDX-License-Identifier: BSD-3-Clause
// The line of saves, and what is remembered of them. The words of the log are Redis's, since people
// and scripts look for them.
#include "persist/persistence.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "persist/aof_files.h"
#include "persist/ending.h"

namespace cairn::persist {

using keyspace::Cut;
using keyspace::KeyLocks;

namespace {

constexpr std::int64_t kTurnLookUs = 10'000;

}  // namespace

Persistence::Persistence(io::Disk& disk, keyspace::Keyspace& keyspace, const Clock& clock,
                         PersistenceHooks hooks)
    : disk_(disk),
      keyspace_(keyspace),
      clock_(clock),
      hooks_(std::move(hooks)),
      pid_(::getpid()),
      saver_(disk, keyspace),
      last_save_s_(now_s()) {}

Persistence::~Persistence() { Stop(); }

void Persistence::Start(FunctionRef<bool(std::int64_t pid)> is_alive) {
  // A process of ours that was killed may have had our number: in a container they all have.
  RemoveKilledSaves(disk_, hooks_.settings().directory,
                    [&](std::int64_t pid) { return pid != pid_ && is_alive(pid); });
  {
    MutexLock hold(mu_);
    is_stopped_ = false;
  }
  saver_.Start();
}

void Persistence::Stop() {
  std::deque<Errand> dropped;
  {
    MutexLock hold(mu_);
    is_stopped_ = true;
    dropped.swap(waiting_);
  }
  saver_.Stop();
  for (Errand& errand : dropped) errand.done(false);
}

// ---- What begins a save ------------------------------------------------------------------------

Persistence::Begun Persistence::SaveInBackground(const KeyLocks& held, IfBusy if_busy) {
  {
    MutexLock hold(mu_);
    if (current_ == Kind::kBackground || current_ == Kind::kForeground) return Begun::kIsSaving;
    const bool is_free = current_ == Kind::kNone && waiting_.empty() && !is_stopped_;
    if (!is_free || !turn_.TryTake(CutTurn::Holder::kRdb)) {
      if (if_busy == IfBusy::kRefuse) return Begun::kIsBusyOtherwise;
      is_scheduled_ = true;
      return Begun::kScheduled;
    }
    current_ = Kind::kBackground;
  }
  Errand errand = SaveErrand(
      Kind::kBackground, [cut = CutUnder(held)]() mutable { return std::move(cut); }, [](bool) {});
  MutexLock hold(mu_);
  Run(std::move(errand));
  return Begun::kStarted;
}

void Persistence::ScheduleSave() {
  MutexLock hold(mu_);
  is_scheduled_ = true;
}

bool Persistence::is_saving_in_background() const {
  MutexLock hold(mu_);
  return current_ == Kind::kBackground;
}

void Persistence::Save(Done done) {
  saves_.fetch_add(1, std::memory_order_relaxed);
  Enqueue(SaveErrand(Kind::kForeground, TakingCut(), std::move(done)));
}

void Persistence::GiveUpBackground() {
  MutexLock hold(mu_);
  if (current_ == Kind::kBackground) saver_.GiveUp();
}

void Persistence::SaveFlushed(Done done) {
  Enqueue(SaveErrand(Kind::kForeground, TakingCut(), std::move(done)));
}

bool Persistence::SaveLast() {
  Ending ending;
  bool saved = false;
  {
    MutexLock hold(mu_);
    saver_.GiveUp();
    waiting_.push_front(SaveErrand(Kind::kForeground, TakingCut(), [&](bool well) {
      saved = well;
      ending.Say();
    }));
    BeginNext();
  }
  // Who else has the turn (an AOF rewrite) gives it without a word to us, and the Tick that would
  // notice may be the caller's.
  while (!ending.WaitFor(kTurnLookUs)) {
    MutexLock hold(mu_);
    BeginNext();
  }
  return saved;
}

void Persistence::Tick() {
  if (is_loading()) return;
  const PersistenceSettings settings = hooks_.settings();
  std::string why;
  {
    MutexLock hold(mu_);
    // The turn may have become free without our doing.
    BeginNext();
    if (current_ != Kind::kNone || is_stopped_ || !IsDue(settings, &why)) return;
    if (!turn_.TryTake(CutTurn::Holder::kRdb)) return;
    is_scheduled_ = false;
    current_ = Kind::kBackground;
    Run(SaveErrand(Kind::kBackground, TakingCut(), [](bool) {}));
  }
  if (!why.empty()) hooks_.log(Severity::kNotice, why);
}

// Redis compares whole seconds, too.
bool Persistence::IsDue(const PersistenceSettings& settings, std::string* why) const {
  const bool has_failed = failed_.load(std::memory_order_relaxed);
  if (has_failed && clock_.NowUnixMs() - last_try_ms_ < kRetryMs) return false;
  if (is_scheduled_ || (has_failed && Refuses(settings))) return true;
  const std::int64_t changes = ChangesSinceSave();
  const std::int64_t seconds = now_s() - last_save_s();
  for (const PersistenceSettings::SavePoint& point : settings.save_points) {
    if (changes < point.changes || seconds <= point.seconds) continue;
    *why = fmt::format("{} changes in {} seconds. Saving...", point.changes, point.seconds);
    return true;
  }
  return false;
}

bool Persistence::Refuses(const PersistenceSettings& settings) {
  return settings.stop_writes_on_error && !settings.save_points.empty();
}

// ---- The line ----------------------------------------------------------------------------------

std::unique_ptr<Cut> Persistence::CutUnder(const KeyLocks& held) {
  cut_changes_.store(hooks_.changes(), std::memory_order_relaxed);
  return std::make_unique<Cut>(keyspace_, held);
}

Saver::Take Persistence::TakingCut() {
  return [this] {
    return TakeCut(keyspace_, [this](Cut&) {
      cut_changes_.store(hooks_.changes(), std::memory_order_relaxed);
    });
  };
}

SaveOrder Persistence::OrderOf(const PersistenceSettings& settings) const {
  return {.path = io::JoinPath(settings.directory, fmt::format("temp-{}.rdb", pid_)),
          .final_path = io::JoinPath(settings.directory, settings.file_name),
          .format = settings.format,
          .libraries = libraries_.Get()};
}

// The settings are those of the moment at which it begins.
Persistence::Errand Persistence::SaveErrand(Kind kind, Saver::Take take, Done done) {
  return {.kind = kind,
          .work =
              [this, kind, take = std::move(take)](SaveProgress& progress) mutable {
                if (kind == Kind::kBackground)
                  hooks_.log(Severity::kNotice,
                             fmt::format("Background saving started by pid {}", pid_));
                const std::unique_ptr<Cut> cut = take();
                SaveOrder order = OrderOf(hooks_.settings());
                order.steps = &turn_.steps();
                return SaveCut(disk_, keyspace_, *cut, order, progress);
              },
          .done = std::move(done)};
}

void Persistence::Enqueue(Errand errand) {
  {
    MutexLock hold(mu_);
    if (!is_stopped_) {
      waiting_.push_back(std::move(errand));
      return BeginNext();
    }
  }
  errand.done(false);
}

// The next in line, if nothing else is being done.
void Persistence::BeginNext() {
  if (current_ != Kind::kNone || waiting_.empty() || is_stopped_) return;
  const auto holder =
      waiting_.front().kind == Kind::kReload ? CutTurn::Holder::kReload : CutTurn::Holder::kRdb;
  if (!turn_.TryTake(holder)) return;
  current_ = waiting_.front().kind;
  Errand errand = std::move(waiting_.front());
  waiting_.pop_front();
  Run(std::move(errand));
}

// REQUIRES: it is current_, and the turn is ours.
void Persistence::Run(Errand errand) {
  if (errand.kind == Kind::kBackground) {
    saves_.fetch_add(1, std::memory_order_relaxed);
    background_began_s_.store(now_s(), std::memory_order_relaxed);
    last_try_ms_ = clock_.NowUnixMs();
  }
  saver_.Begin(std::move(errand.work),
               [this, kind = errand.kind, done = std::move(errand.done)](
                   const Status& worked) mutable { OnDone(kind, worked, std::move(done)); });
}

// On the saver's thread. Who is told may ask for the next save at once, and is not refused for this
// one's sake.
void Persistence::OnDone(Kind kind, const Status& worked, Done done) {
  if (kind != Kind::kReload) NoteSaved(kind, worked);
  {
    MutexLock hold(mu_);
    current_ = Kind::kNone;
    turn_.Give();
    BeginNext();
  }
  done(worked.ok());
}

// One that was given up, as FLUSHALL and SHUTDOWN do, says nothing of the next.
void Persistence::NoteSaved(Kind kind, const Status& saved) {
  const bool is_background = kind == Kind::kBackground;
  if (is_background) {
    const std::int64_t began_s = background_began_s_.exchange(-1, std::memory_order_relaxed);
    last_background_s_.store(now_s() - began_s, std::memory_order_relaxed);
    last_copied_bytes_.store(saver_.progress().copied_peak(), std::memory_order_relaxed);
  }
  if (saved.ok()) {
    saved_changes_.store(cut_changes_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    last_save_s_.store(now_s(), std::memory_order_relaxed);
    hooks_.log(Severity::kNotice, "DB saved on disk");
    if (is_background) hooks_.log(Severity::kNotice, "Background saving terminated with success");
    if (failed_.exchange(false, std::memory_order_relaxed)) hooks_.on_gates();
    return;
  }
  if (WasGivenUp(saved)) {
    hooks_.log(Severity::kWarning, "Saving was given up");
    return;
  }
  const bool is_news = !is_background || !failed_.exchange(true, std::memory_order_relaxed);
  Report(kind, saved, is_news);
  if (is_background && is_news) hooks_.on_gates();
}

// What is tried every second need not be told every second.
void Persistence::Report(Kind kind, const Status& trouble, bool is_news) {
  const UnixMs now_ms = clock_.NowUnixMs();
  {
    MutexLock hold(mu_);
    if (!is_news && now_ms - reported_ms_ < kReportMs) return;
    reported_ms_ = now_ms;
  }
  hooks_.log(Severity::kWarning,
             "Write error while saving DB to the disk: " + std::string(trouble.message()));
  if (kind == Kind::kBackground) hooks_.log(Severity::kWarning, "Background saving error");
}

// ---- Loading -----------------------------------------------------------------------------------

void Persistence::BeginLoading() {
  is_loading_.store(true, std::memory_order_release);
  hooks_.on_gates();
}

// What was loaded is no change.
void Persistence::EndLoading() {
  saved_changes_.store(hooks_.changes(), std::memory_order_relaxed);
  is_loading_.store(false, std::memory_order_release);
  hooks_.on_gates();
}

Result<Loaded> Persistence::Load(LoadOptions options) {
  const PersistenceSettings settings = hooks_.settings();
  options.verify_checksum = settings.verify_checksum;
  options.key_delay_us = settings.load_delay_us;
  const bool merges = options.present == LoadOptions::Present::kReplace;
  scripting::LibrarySet libraries = merges ? *libraries_.Get() : scripting::LibrarySet();
  options.libraries = &libraries;
  const std::string path = io::JoinPath(settings.directory, settings.file_name);
  Result<Loaded> loaded = LoadRdbFile(disk_, path, keyspace_, options, load_progress_);
  if (!loaded) return loaded;
  libraries_.Set(std::move(libraries));
  NoteLoaded(*loaded);
  return loaded;
}

void Persistence::NoteLoaded(const Loaded& loaded) {
  keys_loaded_.store(loaded.keys, std::memory_order_relaxed);
  keys_expired_.store(loaded.expired_keys, std::memory_order_relaxed);
  const auto notice = [this](const std::string& text) { hooks_.log(Severity::kNotice, text); };
  if (!loaded.server_version.empty())
    notice("Loading RDB produced by version " + loaded.server_version);
  if (loaded.created_s > 0) notice(fmt::format("RDB age {} seconds", now_s() - loaded.created_s));
  if (loaded.used_memory > 0) {
    notice(fmt::format("RDB memory usage when created {:.2f} Mb",
                       static_cast<double>(loaded.used_memory) / (1024 * 1024)));
  }
  if (loaded.functions > 0) {
    notice(fmt::format("{} libraries of functions loaded.", loaded.functions));
  }
  if (loaded.empty_keys > 0)
    notice(fmt::format("{} empty keys were passed over", loaded.empty_keys));
  notice(fmt::format("Done loading RDB, keys loaded: {}, keys expired: {}.", loaded.keys,
                     loaded.expired_keys));
}

// ---- Figures -----------------------------------------------------------------------------------

RdbFigures Persistence::figures() const {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  const std::int64_t began_s = background_began_s_.load(kRelaxed);
  const bool is_saving = began_s >= 0;
  const SaveProgress& progress = saver_.progress();
  return {.changes_since_save = ChangesSinceSave(),
          .is_saving_in_background = is_saving,
          .last_save_s = last_save_s(),
          .last_save_failed = failed_.load(kRelaxed),
          .last_background_s = last_background_s_.load(kRelaxed),
          .current_background_s = is_saving ? now_s() - began_s : -1,
          .saves = saves_.load(kRelaxed),
          .keys_saved = is_saving ? progress.keys() : 0,
          .keys_to_save = is_saving ? progress.keys_total() : 0,
          .copied_bytes = is_saving ? keyspace_.cut_backlog().bytes() : 0,
          .copied_bytes_peak = is_saving ? progress.copied_peak() : 0,
          .last_copied_bytes = last_copied_bytes_.load(kRelaxed),
          .keys_loaded = keys_loaded_.load(kRelaxed),
          .keys_expired = keys_expired_.load(kRelaxed)};
}

}  // namespace cairn::persist
