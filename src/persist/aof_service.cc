// SPDX-License-Identifier: BSD-3-Clause
// The states, and who moves them on. Callbacks of the saver and the writer only take notes, but for
// what belongs to their thread anyway; Advance draws the conclusions.
#include "persist/aof_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"
#include "codec/rdb_writer.h"

namespace cairn::persist {
namespace {

class StringSink final : public codec::ByteSink {
 public:
  Status Write(std::string_view bytes) override {
    bytes_ += bytes;
    return {};
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// The base of an AOF that begins with nothing.
std::string EmptyRdb(const ImageFormat& format) {
  StringSink sink;
  codec::RdbWriter writer(sink, {.compression = format.compression, .checksum = format.checksum});
  writer.Aux("redis-ver", format.server_version);
  writer.Aux("redis-bits", "64");
  writer.Aux("aof-base", "1");
  const Status written = writer.End(writer.version_needed());
  CHECK(written.ok());
  return sink.Take();
}

}  // namespace

AofService::AofService(Parts parts)
    : parts_(std::move(parts)), saver_(parts_.disk, parts_.keyspace) {}

AofService::~AofService() {
  MutexLock hold(mu_);
  CHECK(writer_ == nullptr && retired_ == nullptr);
}

// ---- Start and stop ----------------------------------------------------------------------------

Status AofService::Open() {
  Want(true);
  return EnsureFiles();
}

bool AofService::has_data() const { return files_ != nullptr && !files_->is_new(); }

Status AofService::Load(const AofLoadOptions& options, LoadProgress& progress) {
  scripting::LibrarySet libraries;
  Status loaded =
      LoadAof(parts_.disk, *files_, parts_.keyspace, parts_.table, options, progress, libraries);
  if (loaded.ok()) parts_.libraries.Set(std::move(libraries));
  return loaded;
}

Status AofService::Begin() {
  // The first rewrite makes it.
  if (files_->is_new() && HasData()) return {};
  const AofOptions options = parts_.options();
  Result<std::unique_ptr<io::File>> increment = files_->OpenIncrement(
      options.with_preamble ? EmptyRdb(options.image) : std::string(), options.base_format());
  if (!increment) return increment.error();
  DeleteHistory(options);
  keyspace::KeyLocks locks(parts_.keyspace);
  locks.AcquireAll();
  std::unique_ptr<log::Reader> reader = parts_.keyspace.log().Attach(log::Lag::kMustKeep);
  locks.Release();
  {
    MutexLock hold(mu_);
    state_ = State::kOn;
    is_whole_ = true;
  }
  SetWriter(MakeWriter(std::move(reader), std::move(*increment)));
  CountFiles(true);
  return {};
}

void AofService::Start() {
  saver_.Start();
  MutexLock hold(mu_);
  has_started_ = true;
}

bool AofService::HasData() const {
  if (!parts_.libraries.Get()->empty()) return true;
  for (std::uint32_t db = 0; db < parts_.keyspace.database_count(); ++db) {
    if (parts_.keyspace.Size(DbId(db)).keys > 0) return true;
  }
  return false;
}

Status AofService::Stop() {
  {
    MutexLock hold(mu_);
    has_ended_ = true;
  }
  saver_.Stop();
  if (retired_ == nullptr) {
    MutexLock hold(mu_);
    state_ = State::kOff;
    is_wanted_ = false;
    retired_ = std::move(writer_);
  }
  const std::unique_ptr<AofWriter> writer = std::move(retired_);
  return writer != nullptr ? writer->Stop() : Status();
}

// ---- The writer --------------------------------------------------------------------------------

std::unique_ptr<AofWriter> AofService::MakeWriter(std::unique_ptr<log::Reader> reader,
                                                  std::unique_ptr<io::File> file) {
  const AofOptions options = parts_.options();
  return std::make_unique<AofWriter>(std::move(reader), std::move(file), parts_.keyspace.clock(),
                                     AofWriterOptions{.policy = options.policy,
                                                      .with_timestamps = options.with_timestamps,
                                                      .room_bytes = kRoomBytes,
                                                      .on_progress = [this] { OnProgress(); }});
}

void AofService::SetWriter(std::unique_ptr<AofWriter> writer) {
  writer->Start();
  MutexLock hold(mu_);
  writer_ = std::move(writer);
  writer_->set_rests(rests_);
  writer_->set_flush_sleep(flush_sleep_us_);
  // appendonly was switched off while this one was being made.
  if (state_ == State::kLeaving) writer_->BeginStop();
  Publish();
}

// On the writer's thread.
void AofService::OnProgress() {
  std::optional<bool> failing;
  Status why;
  {
    MutexLock hold(mu_);
    if (writer_ == nullptr) return;  // it has not been set yet, or is going
    Publish();
    if (writer_->failing() != was_failing_) {
      failing = was_failing_ = writer_->failing();
      why = writer_->failure();
    }
  }
  if (failing == true) {
    parts_.on_warning("Error writing to the AOF file: " + std::string(why.message()));
  } else if (failing == false) {
    parts_.on_note("AOF write error looks solved. The server can write again.");
  }
  parts_.on_progress();
}

void AofService::Publish() {
  Watermark::Level level;
  if (writer_ != nullptr) {
    // Of an AOF that is being left nothing counts any more, though replies still wait for it.
    level.counts = is_whole_ && state_ == State::kOn;
    level.failing = writer_->failing();
    level.safe = writer_->durable();
    if (is_whole_ && parts_.options().policy == FsyncPolicy::kAlways)
      level.free = rests_ ? writer_->written() : level.safe;
  }
  watermark_.Set(level);
}

void AofService::ApplyOptions() {
  const AofOptions options = parts_.options();
  {
    MutexLock hold(mu_);
    if (writer_ != nullptr) {
      writer_->set_policy(options.policy);
      writer_->set_timestamps(options.with_timestamps);
    }
    Publish();
  }
  parts_.on_progress();
}

void AofService::SetFlushSleep(std::int64_t us) {
  MutexLock hold(mu_);
  flush_sleep_us_ = us;
  if (writer_ != nullptr) writer_->set_flush_sleep(us);
}

void AofService::Hurry() {
  MutexLock hold(mu_);
  if (writer_ != nullptr) writer_->Hurry();
}

void AofService::Hasten(Lsn position) {
  MutexLock hold(mu_);
  if (writer_ != nullptr) writer_->Want(position);
}

Status AofService::failure() const {
  MutexLock hold(mu_);
  return writer_ != nullptr ? writer_->failure() : Status();
}

// ---- Moving on ---------------------------------------------------------------------------------

void AofService::Want(bool on) {
  {
    MutexLock hold(mu_);
    is_wanted_ = on;
    if (on) return rewrites_.Forgive();
    // At once: who wants it again before the next Advance may have changed `dir` in between.
    const bool is_on = state_ == State::kFirst || state_ == State::kOn;
    if (has_started_ && is_on) BeginLeaving();
    Publish();
  }
  // Who waits for what will not come is told, also if it never began.
  parts_.on_progress();
}

// True if it has changed.
bool AofService::UpdateRest() {
  const CutTurn::Holder holder = parts_.turn.holder();
  const bool is_saving = holder == CutTurn::Holder::kRdb || holder == CutTurn::Holder::kAofRewrite;
  const bool rests = is_saving && parts_.options().rests_while_saving;
  if (rests == rests_) return false;
  rests_ = rests;
  if (writer_ != nullptr) writer_->set_rests(rests);
  Publish();
  return true;
}

void AofService::Advance() {
  bool may_leave = false;
  bool has_changed = false;
  {
    MutexLock hold(mu_);
    if (!has_started_) return;
    if (state_ == State::kOff && is_wanted_) state_ = State::kFirst;
    const bool is_on = state_ == State::kFirst || state_ == State::kOn;
    if (is_on && !is_wanted_) BeginLeaving();
    if (RewriteIsDue()) TryBeginRewrite();
    may_leave = MayFinishLeaving();
    has_changed = UpdateRest();
  }
  if (has_changed) parts_.on_progress();
  if (may_leave) FinishLeaving();
}

void AofService::GiveUpRewrite() {
  MutexLock hold(mu_);
  if (is_rewriting_) saver_.GiveUp();
}

// A rewrite that runs is given up: its end is awaited, since it uses the writer.
void AofService::BeginLeaving() {
  state_ = State::kLeaving;
  is_scheduled_ = false;
  if (is_rewriting_) saver_.GiveUp();
  if (writer_ != nullptr) writer_->BeginStop();
  Publish();
}

bool AofService::MayFinishLeaving() const {
  return state_ == State::kLeaving && !is_rewriting_ &&
         (writer_ == nullptr || writer_->has_stopped());
}

void AofService::RetireWriter() {
  {
    MutexLock hold(mu_);
    retired_ = std::move(writer_);
    is_whole_ = was_failing_ = false;
    Publish();
  }
  if (retired_ == nullptr) return;
  if (const Status stopped = retired_->Stop(); !stopped.ok())
    parts_.on_warning("The AOF was left incomplete: " + std::string(stopped.message()));
}

// A reader leaves the log while nobody writes. If somebody holds a stripe for long, the next
// Advance tries again.
void AofService::FinishLeaving() {
  if (retired_ == nullptr) RetireWriter();
  if (retired_ != nullptr) {
    keyspace::KeyLocks locks(parts_.keyspace);
    if (!locks.TryAcquireAll()) return;
    retired_.reset();
    locks.Release();
  }
  if (files_ != nullptr) files_->AbortRewrite();
  {
    MutexLock hold(mu_);
    state_ = State::kOff;
  }
  parts_.on_progress();
}

// Nobody else changes the state, until is_rewriting_ is taken back.
Status AofService::TryFreeze() {
  MutexLock hold(mu_);
  if (is_rewriting_ || (state_ != State::kOn && state_ != State::kOff))
    return {StatusCode::kUnsupported, "a rewrite of the AOF is under way"};
  is_rewriting_ = true;
  return {};
}

Status AofService::Reload(const AofLoadOptions& options, LoadProgress& progress,
                          FunctionRef<void()> empty) {
  if (Status frozen = TryFreeze(); !frozen.ok()) return frozen;
  const bool appends = watermark_.counts();
  if (appends) RetireWriter();
  retired_.reset();
  files_.reset();
  Status status = EnsureFiles();
  if (status.ok() && files_->is_new()) status = {StatusCode::kNotFound, "there is no AOF"};
  if (status.ok()) {
    empty();
    status = Load(options, progress);
    // A file that the manifest names has just gone: that is not having none.
    if (!status.ok() && status.code() == StatusCode::kNotFound)
      status = {StatusCode::kCorrupt, std::string(status.message())};
  }
  if (status.ok() && appends) status = Begin();
  const bool is_untouched = !status.ok() && status.code() == StatusCode::kNotFound;
  MutexLock hold(mu_);
  is_rewriting_ = false;
  if (status.ok() || !appends) return status;
  // There is no writer any more. What is in memory makes a new AOF, if it is all.
  state_ = is_untouched ? State::kFirst : State::kOff;
  is_wanted_ = is_untouched;
  return status;
}

// ---- Figures -----------------------------------------------------------------------------------

// `are_new`: what is growth is reckoned from now.
void AofService::CountFiles(bool are_new) {
  const Result<std::uint64_t> total = files_->TotalBytes();
  if (!total) return;
  MutexLock hold(mu_);
  const std::uint64_t written = writer_ != nullptr ? writer_->file_bytes() : 0;
  other_bytes_ = *total - std::min(*total, written);
  if (are_new) base_bytes_ = *total;
}

std::uint64_t AofService::CurrentBytes() const {
  return other_bytes_ + (writer_ != nullptr ? writer_->file_bytes() : 0);
}

AofFigures AofService::Figures() const {
  MutexLock hold(mu_);
  AofFigures figures;
  figures.is_enabled = is_wanted_;
  figures.is_rewriting = is_rewriting_;
  figures.is_scheduled = is_scheduled_;
  figures.rewrites = rewrites_.FiguresAt(parts_.keyspace.clock().NowMonotonicUs());
  if (writer_ == nullptr) return figures;
  figures.last_write_ok = !writer_->failing();
  figures.current_bytes = CurrentBytes();
  figures.base_bytes = base_bytes_;
  figures.buffer_bytes = writer_->kept_bytes();
  figures.pending_syncs = writer_->is_syncing() ? 1 : 0;
  figures.delayed_syncs = writer_->delayed_syncs();
  return figures;
}

}  // namespace cairn::persist
