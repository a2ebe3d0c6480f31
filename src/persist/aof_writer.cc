// SPDX-License-Identifier: BSD-3-Clause
// One round: take what the log has, mend what a failed sync left, write, sync, change files. Every
// step that fails ends the round and leaves what it worked on for the next one.
#include "persist/aof_writer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "codec/aof_reader.h"

namespace cairn::persist {
namespace {

using codec::AofReader;

constexpr std::size_t kMendStretchBytes = 256UL * 1024;
constexpr std::int64_t kIdleAfterUs = 1'000'000;
constexpr std::int64_t kUsPerSecond = 1'000'000;

// Takes out of `check` what it has. False if that is no AOF.
bool IsWhole(AofReader& check) {
  for (;;) {
    const AofReader::Outcome outcome = check.Next();
    if (outcome == AofReader::Outcome::kGroup) continue;
    return outcome == AofReader::Outcome::kNeedMore || outcome == AofReader::Outcome::kEnd;
  }
}

}  // namespace

AofWriter::AofWriter(std::unique_ptr<log::Reader> reader, std::unique_ptr<io::File> file,
                     const Clock& clock, AofWriterOptions options)
    : reader_(std::move(reader)),
      clock_(clock),
      on_progress_(std::move(options.on_progress)),
      file_(std::move(file)),
      pending_{.encoder = {}, .bytes = {}, .end = reader_->position().value},
      ahead_{pending_},
      room_bytes_(options.room_bytes),
      good_end_(file_->size()),
      durable_offset_(file_->size()),
      last_sync_us_(clock.NowMonotonicUs()),
      last_read_us_(last_sync_us_),
      told_written_(pending_.end),
      policy_(options.policy),
      timestamps_(options.with_timestamps),
      written_(pending_.end),
      durable_(pending_.end),
      file_bytes_(good_end_) {
  reader_->WakeWhenFull(&wake_);
}

AofWriter::~AofWriter() { CHECK(!thread_.joinable()); }

void AofWriter::Start() {
  syncer_.Start("aof-sync");
  thread_ = Thread("aof-writer", [this] { Loop(); });
}

void AofWriter::BeginStop() {
  stop_at_ = reader_->log_end().value;
  stopping_.store(true, std::memory_order_release);
  wake_.Notify();
}

Status AofWriter::Stop() {
  if (!stopping_.load(std::memory_order_relaxed)) BeginStop();
  if (!thread_.joinable()) return Drain();
  thread_.Join();
  syncer_.Stop();
  MutexLock hold(mu_);
  return stopped_;
}

void AofWriter::Loop() {
  while (!stopping_.load(std::memory_order_acquire)) {
    if (RunOnce()) continue;
    const bool is_idle = clock_.NowMonotonicUs() - last_read_us_ > kIdleAfterUs;
    wake_.WaitFor(is_idle ? kIdlePollUs : kPollUs);
  }
  Status status = Drain();
  {
    MutexLock hold(mu_);
    stopped_ = std::move(status);
  }
  has_stopped_.store(true, std::memory_order_release);
  on_progress_();
}

// Everything the log has goes to the disk, if it can be brought to take it.
Status AofWriter::Drain() {
  Status status;
  for (int attempt = 0; attempt < kStopAttempts;) {
    retry_at_us_ = 0;
    RunOnce();
    status = failing() ? failure() : SyncNow();
    if (status.ok() && all_is_safe() && reader_->position().value >= stop_at_) break;
    if (status.ok()) continue;
    Note(status, clock_.NowMonotonicUs());
    ++attempt;
    wake_.WaitFor(kRetryUs);
  }
  GiveRoomBack();
  TellProgress();
  return status;
}

// Who begins to wait for written() has looked at it before this round: so what was written when
// nobody waited is told now, or a reply would be held that nothing lets go.
void AofWriter::TellProgress() {
  const std::uint64_t written = written_.load(std::memory_order_relaxed);
  const bool is_waited_for = rests_.load(std::memory_order_relaxed) &&
                             policy_.load(std::memory_order_relaxed) == FsyncPolicy::kAlways;
  if (!has_moved_ && (!is_waited_for || told_written_ == written)) return;
  has_moved_ = false;
  told_written_ = written;
  on_progress_();
}

bool AofWriter::RunOnce() {
  const MonotonicUs now_us = clock_.NowMonotonicUs();
  if (Fill()) last_read_us_ = now_us;
  const bool was_full = kept_bytes() >= kBatchBytesMax;
  // While the disk fails the log is still read, up to a limit, but the disk is left alone.
  if (failing() && now_us < retry_at_us_) return false;
  const Status status = Work(now_us);
  Note(status, now_us);
  TellProgress();
  // Where nobody waits for the disk a batch may gather first: many small writes cost three times as
  // much processor time (85 ns a SET instead of 25).
  const bool in_haste = was_full || policy_.load(std::memory_order_relaxed) == FsyncPolicy::kAlways;
  return status.ok() && in_haste && MayRead();
}

// In this order: a switch is asked for before the first record behind it is appended. While the
// disk fails the switch has to wait, but not the log.
bool AofWriter::MayRead() const { return reader_->has_next() && (!is_at_switch() || failing()); }

void AofWriter::CountKept() {
  kept_bytes_.store(pending_.bytes.size() + ahead_.bytes.size(), std::memory_order_relaxed);
}

bool AofWriter::Fill() {
  const std::size_t bytes_max = failing() ? kKeptBytesMax : kBatchBytesMax;
  const bool with_times = timestamps_.load(std::memory_order_relaxed);
  const std::int64_t now_s = with_times ? clock_.NowUnixUs() / kUsPerSecond : 0;
  pending_.encoder.set_timestamps(with_times);
  ahead_.encoder.set_timestamps(with_times);
  bool has_read = false;
  while (pending_.bytes.size() + ahead_.bytes.size() < bytes_max && MayRead()) {
    Batch& batch = is_at_switch() ? ahead_ : pending_;
    has_read = reader_->Visit([&](std::span<const log::EffectView> effects) {
      batch.encoder.Append(effects, now_s, &batch.bytes);
    });
    batch.end = reader_->position().value;
  }
  CountKept();
  return has_read;
}

Status AofWriter::Work(MonotonicUs now_us) {
  if (const std::optional<Status> synced = syncer_.Take()) {
    if (Status status = Settle(*synced, sync_covers_, sync_offset_); !status.ok()) return status;
  }
  if (forgets_lost_.load(std::memory_order_relaxed)) LeaveLost();
  if (suspect_) {
    if (Status status = Mend(); !status.ok()) return status;
  }
  if (Status status = WritePending(); !status.ok()) return status;
  if (Status status = SyncByPolicy(now_us); !status.ok()) return status;
  return is_at_switch() ? FinishSwitch() : KeepRoom();
}

Status AofWriter::KeepRoom() {
  if (room_bytes_ == 0 || room_end_ >= good_end_ + room_bytes_ ||
      stopping_.load(std::memory_order_relaxed)) {
    return {};
  }
  const std::uint64_t wanted = good_end_ + 2 * room_bytes_;
  Status status = file_->Reserve(wanted);
  if (status.ok()) room_end_ = wanted;
  return status;
}

// The file is left. That room it does not need stays with it until somebody cuts it is no harm.
void AofWriter::GiveRoomBack() {
  if (std::exchange(room_end_, 0) > good_end_ && file_->size() == good_end_)
    (void)file_->Truncate(good_end_);
}

void AofWriter::Note(Status status, MonotonicUs now_us) {
  if (!status.ok()) retry_at_us_ = now_us + kRetryUs;
  if (status.ok() != failing()) return;
  failing_.store(!status.ok(), std::memory_order_release);
  has_moved_ = true;
  MutexLock hold(mu_);
  failure_ = std::move(status);
}

Status AofWriter::failure() const {
  MutexLock hold(mu_);
  return failure_;
}

Status AofWriter::WritePending() {
  if (const std::int64_t us = flush_sleep_us_.load(std::memory_order_relaxed);
      us > 0 && !pending_.bytes.empty()) [[unlikely]] {
    Event never;
    never.WaitFor(std::min(us, kFlushSleepUsMax));
  }
  Status status;
  if (file_->size() > good_end_) status = file_->Truncate(good_end_);
  if (status.ok() && !pending_.bytes.empty()) status = file_->Append(pending_.bytes);
  if (!status.ok()) {
    // A record in half. Where it cannot be cut off now, the next round begins with that.
    if (file_->size() > good_end_) (void)file_->Truncate(good_end_);
    return status;
  }
  good_end_ = file_->size();
  file_bytes_.store(good_end_, std::memory_order_relaxed);
  written_.store(pending_.end, std::memory_order_release);
  // One huge value must not be paid for ever after.
  if (pending_.bytes.capacity() > 4 * kBatchBytesMax) pending_.bytes = std::string();
  pending_.bytes.clear();
  CountKept();
  return {};
}

Status AofWriter::SyncByPolicy(MonotonicUs now_us) {
  const bool rests = rests_.load(std::memory_order_relaxed);
  const FsyncPolicy policy = rests ? FsyncPolicy::kNo : policy_.load(std::memory_order_relaxed);
  if (all_is_safe()) return {};
  const bool is_wanted = wanted_.load(std::memory_order_relaxed) > durable().value;
  if (policy == FsyncPolicy::kAlways || is_wanted) return SyncNow();
  if (policy == FsyncPolicy::kNo) return {};
  if (now_us - last_sync_us_ < kSyncEveryUs) return {};
  if (syncer_.is_busy()) {
    if (!std::exchange(delay_counted_, true))
      delayed_syncs_.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  delay_counted_ = false;
  last_sync_us_ = now_us;
  sync_covers_ = written_.load(std::memory_order_relaxed);
  sync_offset_ = good_end_;
  syncer_.Begin(*file_);
  // Without a thread the result is there; with one it is a later round's.
  const std::optional<Status> synced = syncer_.Take();
  return synced ? Settle(*synced, sync_covers_, sync_offset_) : Status();
}

// Makes everything safe that is written.
Status AofWriter::SyncNow() {
  if (const std::optional<Status> synced = syncer_.WaitAndTake()) {
    if (Status status = Settle(*synced, sync_covers_, sync_offset_); !status.ok()) return status;
  }
  if (suspect_) return Mend();
  const std::uint64_t covers = written_.load(std::memory_order_relaxed);
  if (covers == durable_.load(std::memory_order_relaxed)) return {};
  last_sync_us_ = clock_.NowMonotonicUs();
  return Settle(file_->SyncData(), covers, good_end_);
}

Status AofWriter::Settle(Status synced, std::uint64_t covers, std::uint64_t offset) {
  suspect_ = !synced.ok();
  if (suspect_) return synced;
  DCHECK(covers >= durable_.load(std::memory_order_relaxed));
  durable_offset_ = offset;
  durable_.store(covers, std::memory_order_release);
  has_moved_ = true;
  return {};
}

// Writes again what is not known to be safe, as the page cache has it, and syncs.
Status AofWriter::Mend() {
  const auto stretch = std::make_unique_for_overwrite<char[]>(kMendStretchBytes);
  AofReader check(durable_offset_);
  bool is_whole = true;
  for (std::uint64_t offset = durable_offset_; is_whole && offset < good_end_;) {
    const std::size_t wanted = std::min<std::uint64_t>(kMendStretchBytes, good_end_ - offset);
    const Result<std::size_t> got = file_->ReadAt(offset, stretch.get(), wanted);
    if (!got) return got.error();
    const std::string_view bytes(stretch.get(), *got);
    check.Feed(bytes);
    is_whole = *got == wanted && IsWhole(check);
    if (Status status = file_->Overwrite(offset, bytes); !status.ok()) return status;
    offset += *got;
  }
  check.End();
  if (!is_whole || !IsWhole(check)) {
    needs_rewrite_.store(true, std::memory_order_release);
    return {StatusCode::kCorrupt,
            file_->path() + ": bytes since the last sync are lost: " + check.trouble()};
  }
  return Settle(file_->SyncData(), written_.load(std::memory_order_relaxed), good_end_);
}

// The file at hand is superfluous. What was read up to the switch is in the base that has replaced
// it, so it counts as safe.
void AofWriter::LeaveLost() {
  const bool is_asked = forgets_lost_.exchange(false, std::memory_order_acquire);
  if (!is_asked || !needs_rewrite() || !is_switching()) return;
  needs_rewrite_.store(false, std::memory_order_release);
  suspect_ = false;
  pending_.bytes.clear();
  CountKept();
  written_.store(pending_.end, std::memory_order_release);
  durable_.store(pending_.end, std::memory_order_release);
  has_moved_ = true;
}

void AofWriter::Want(Lsn position) {
  std::uint64_t before = wanted_.load(std::memory_order_relaxed);
  while (before < position.value &&
         !wanted_.compare_exchange_weak(before, position.value, std::memory_order_relaxed)) {
  }
  Hurry();
}

void AofWriter::SwitchAt(Lsn at, std::unique_ptr<io::File> next) {
  CHECK(!is_switching());
  {
    MutexLock hold(mu_);
    next_ = std::move(next);
  }
  switch_at_.store(at.value, std::memory_order_release);
  Hurry();
}

// REQUIRES: everything before the switch was written.
Status AofWriter::FinishSwitch() {
  DCHECK(pending_.bytes.empty());
  if (Status status = SyncNow(); !status.ok()) return status;
  GiveRoomBack();
  {
    MutexLock hold(mu_);
    file_ = std::move(next_);
  }
  ahead_.end = std::max(ahead_.end, pending_.end);
  std::swap(pending_, ahead_);
  ahead_.encoder.BeginFile();
  good_end_ = file_->size();
  durable_offset_ = good_end_;
  file_bytes_.store(good_end_, std::memory_order_relaxed);
  switch_at_.store(kNoSwitch, std::memory_order_release);
  has_moved_ = true;
  return {};
}

}  // namespace cairn::persist
