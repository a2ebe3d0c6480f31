// SPDX-License-Identifier: BSD-3-Clause
// The service's rewrites: when one begins, its cut, its end. What takes long is on the saver's
// thread.
#include <optional>
#include <string>
#include <utility>

#include "persist/aof_service.h"

namespace cairn::persist {

AofService::Requested AofService::RequestRewrite(When when) {
  MutexLock hold(mu_);
  if (is_rewriting_) return Requested::kIsRunning;
  rewrites_.Forgive();
  is_scheduled_ = true;
  return when == When::kNow && TryBeginRewrite() ? Requested::kStarted : Requested::kScheduled;
}

bool AofService::RewriteIsDue() {
  if (!MayRewrite() || !rewrites_.MayTry(parts_.keyspace.clock().NowMonotonicUs())) return false;
  if (is_scheduled_ || state_ == State::kFirst) return true;
  return state_ == State::kOn &&
         (writer_->needs_rewrite() ||
          AofRewrites::HasGrown(CurrentBytes(), base_bytes_, parts_.options().growth));
}

bool AofService::MayRewrite() const {
  const bool is_switching = writer_ != nullptr && writer_->is_switching();
  return !is_rewriting_ && has_started_ && !has_ended_ && !is_switching &&
         state_ != State::kLeaving;
}

// False if something else has a cut.
bool AofService::TryBeginRewrite() {
  if (!MayRewrite() || !parts_.turn.TryTake(CutTurn::Holder::kAofRewrite)) return false;
  is_scheduled_ = false;
  is_rewriting_ = true;
  rewrites_.Begin(parts_.keyspace.clock().NowMonotonicUs());
  const AofOptions options = parts_.options();
  ImageFormat image = options.image;
  image.is_aof_base = true;
  image.form = options.with_preamble ? ImageFormat::Form::kRdb : ImageFormat::Form::kCommands;
  saver_.Begin(
      [this, image](SaveProgress& progress) { return Rewrite(image, progress); },
      [this, format = options.base_format()](const Status& saved) { EndRewrite(saved, format); });
  return true;
}

// ---- A rewrite, on the saver's thread ----------------------------------------------------------

Status AofService::EnsureFiles() {
  if (files_ != nullptr) return {};
  AofPlace place = parts_.place();
  Result<std::unique_ptr<AofFiles>> files = AofFiles::Open(parts_.disk, place);
  if (!files) return files.error();
  files_ = std::move(*files);
  MutexLock hold(mu_);
  place_ = std::move(place);
  return {};
}

Status AofService::Probe() {
  std::optional<AofPlace> place;
  {
    MutexLock hold(mu_);
    if (writer_ != nullptr && is_wanted_) place = place_;  // CONFIG SET dir has not moved it
  }
  Status status = AofFiles::Probe(parts_.disk, place ? *std::move(place) : parts_.place());
  if (status.ok()) return status;
  parts_.on_warning("No append only file can be kept: " + std::string(status.message()));
  MutexLock hold(mu_);
  rewrites_.NoteRefused();
  return status;
}

Status AofService::Rewrite(const ImageFormat& format, SaveProgress& progress) {
  const Result<std::unique_ptr<keyspace::Cut>> cut = CutForRewrite();
  if (!cut) return cut.error();
  parts_.on_note("Background append only file rewriting started");
  const SaveOrder order{.path = files_->NewBasePath(),
                        .format = format,
                        .libraries = parts_.libraries.Get(),
                        .steps = &parts_.turn.steps()};
  return SaveCut(parts_.disk, parts_.keyspace, **cut, order, progress);
}

Result<std::unique_ptr<keyspace::Cut>> AofService::CutForRewrite() {
  AofWriter* writer = nullptr;
  State state;
  {
    MutexLock hold(mu_);
    state = state_;
    writer = writer_.get();
    if (writer != nullptr) other_bytes_ += writer->file_bytes();
  }
  if (state == State::kLeaving) return Fail(StatusCode::kClosed, "appendonly was switched off");
  // While there was no AOF, anything may have become of the directory.
  if (writer == nullptr) files_.reset();
  if (Status status = EnsureFiles(); !status.ok()) return std::unexpected(status);
  const bool is_first = state == State::kFirst;
  Result<std::unique_ptr<io::File>> increment =
      files_->BeginRewrite(is_first ? AofFiles::Listing::kWithBase : AofFiles::Listing::kAtOnce);
  if (!increment) return std::unexpected(increment.error());
  if (is_first) return CutAndAttach(std::move(*increment));
  // Without an AOF there is nobody to write the increment; it stays empty.
  return TakeCut(parts_.keyspace, [&](keyspace::Cut& cut) {
    if (writer != nullptr) writer->SwitchAt(cut.position(), std::move(*increment));
  });
}

Result<std::unique_ptr<keyspace::Cut>> AofService::CutAndAttach(
    std::unique_ptr<io::File> increment) {
  std::unique_ptr<log::Reader> reader;
  std::unique_ptr<keyspace::Cut> cut = TakeCut(parts_.keyspace, [&](keyspace::Cut&) {
    reader = parts_.keyspace.log().Attach(log::Lag::kMustKeep);
  });
  SetWriter(MakeWriter(std::move(reader), std::move(increment)));
  return cut;
}

void AofService::EndRewrite(const Status& saved, BaseFormat format) {
  parts_.turn.Give();
  Status status = saved;
  if (status.ok()) status = files_->FinishRewrite(format);
  if (status.ok()) DeleteHistory(parts_.options());
  if (files_ != nullptr) CountFiles(status.ok());
  SettleRewrite(status);
  if (status.ok()) {
    parts_.on_note("Background AOF rewrite finished successfully");
  } else if (WasGivenUp(status)) {
    parts_.on_note("Background AOF rewrite was given up");
  } else {
    parts_.on_warning("Background AOF rewrite failed: " + std::string(status.message()));
  }
  parts_.on_progress();
}

void AofService::DeleteHistory(const AofOptions& options) {
  if (options.keeps_history) return;
  if (const Status removed = files_->DeleteHistory(); !removed.ok())
    parts_.on_warning("Old AOF files stay: " + std::string(removed.message()));
}

void AofService::SettleRewrite(const Status& status) {
  MutexLock hold(mu_);
  const MonotonicUs now_us = parts_.keyspace.clock().NowMonotonicUs();
  if (WasGivenUp(status)) {
    rewrites_.GiveUp(now_us);
  } else {
    rewrites_.End(now_us, status.ok());
  }
  // Else it was an image without an AOF.
  const bool was_first = state_ == State::kFirst && writer_ != nullptr;
  if (status.ok() && was_first) {
    state_ = State::kOn;
    is_whole_ = true;
  }
  if (status.ok() && state_ == State::kOn) writer_->ForgetLost();
  // What was written without a base is of no use, and has to stop before its file goes.
  if (!status.ok() && !was_first && state_ != State::kLeaving && files_ != nullptr)
    files_->AbortRewrite();
  is_rewriting_ = false;  // from now on Advance may touch files_
  if (!status.ok() && was_first) BeginLeaving();
  Publish();
}

}  // namespace cairn::persist
