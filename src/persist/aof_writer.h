// SPDX-License-Identifier: BSD-3-Clause
// AofWriter: the thread between the command log and the append only file.
//
//     log --Visit, encode--> pending --write--> file --fdatasync--> safe
//                                  written()           durable()
//
// It comes by every few milliseconds, or when told to hurry, takes what the log has, writes it, and
// syncs by policy:
//   always      after each writing. Those who wait for durable() call Hurry; what arrives while a
//               sync runs is covered by the next one (group commit).
//   everysec    a second after the last, on a thread of its own, while writing goes on. Whatever
//               that thread waits for, a worker waits only when the log's ring is full.
//   no          when the file is left, or at Stop.
// While it rests (no-appendfsync-on-rewrite) always and everysec are like no.
//
// Trouble (a full disk, above all) keeps what is not written and says so by failing(), upon which
// the server refuses writes; it is tried again every kRetryUs, and failing() ends by itself. A
// record written in half is cut off at once, so that the file ends whole while it cannot grow.
//
// Invariants
//   (1) What lies before durable() is on the disk; it never falls.
//   (2) A record is encoded once. Where a sync failed, everything since the last good one is
//   written again before the next counts: kernels forget pages they could not write. It is read
//   back from the page cache, and checked.
//   (3) A file ends, as far as it was written, between two groups.
//   (4) The next file is written to only when the one before it is safe to its end.
//
// Owned by the engine; made and stopped by one thread. Hurry, SwitchAt, the setters and the figures
// are for any thread. Without Start, RunOnce does the work on the caller's thread: for tests.
#ifndef CAIRN_PERSIST_AOF_WRITER_H_
#define CAIRN_PERSIST_AOF_WRITER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread.h"
#include "codec/aof.h"
#include "io/disk.h"
#include "log/command_log.h"
#include "persist/syncer.h"

namespace cairn::persist {

enum class FsyncPolicy : std::uint8_t { kAlways, kEverySecond, kNo };

struct AofWriterOptions {
  FsyncPolicy policy = FsyncPolicy::kEverySecond;
  bool with_timestamps = false;
  // So much room, at least, is set aside ahead of what is written, where the file system can do it:
  // a full disk is noticed while what was executed before that still fits. 0: none.
  std::uint64_t room_bytes = 0;
  // Called on the writer's thread when durable() has moved or failing() has changed, and while it
  // rests with kAlways, when written() has moved. Must be short.
  std::function<void()> on_progress = [] {};
};

class AofWriter {
 public:
  static constexpr std::size_t kBatchBytesMax = 256UL * 1024;  // encoded, then written at once
  // While the disk fails, so much is kept in memory before the log has to wait.
  static constexpr std::size_t kKeptBytesMax = 256UL * 1024 * 1024;
  static constexpr std::int64_t kPollUs = 10'000;
  static constexpr std::int64_t kIdlePollUs = 50'000;  // after a second of nothing
  static constexpr std::int64_t kRetryUs = 100'000;
  static constexpr std::int64_t kSyncEveryUs = 1'000'000;
  static constexpr int kStopAttempts = 20;

  // `reader`: must keep; everything from its position on is written to `file`, which is safe to its
  // end and ends between two groups. `clock` outlives this.
  AofWriter(std::unique_ptr<log::Reader> reader, std::unique_ptr<io::File> file, const Clock& clock,
            AofWriterOptions options);
  ~AofWriter();
  AofWriter(const AofWriter&) = delete;
  AofWriter& operator=(const AofWriter&) = delete;

  void Start();
  // Writes and syncs what the log has by now, whatever the policy, and ends. What is appended later
  // may be written or not. An error after kStopAttempts if the disk does not take it.
  Status Stop();
  // The same without waiting for it: Stop may be called once has_stopped() says so.
  void BeginStop();
  bool has_stopped() const { return has_stopped_.load(std::memory_order_acquire); }
  // One round. True if there may be more to do at once.
  bool RunOnce();

  // Somebody waits for durable() to move.
  void Hurry() { wake_.Notify(); }
  // The same, for it to reach `position` whatever the policy.
  void Want(Lsn position);
  // Records from `at` on go to `next`, those before it to the file at hand. REQUIRES: `at` is the
  // log's end and every stripe is locked, so that nothing behind it was appended yet; no other
  // switch is under way.
  void SwitchAt(Lsn at, std::unique_ptr<io::File> next);
  bool is_switching() const { return switch_at_.load(std::memory_order_acquire) != kNoSwitch; }

  void set_policy(FsyncPolicy policy) {
    policy_.store(policy, std::memory_order_relaxed);
    Hurry();
  }
  // No syncs but for who Wants one, and for leaving the file, so that with kAlways one waits for
  // written() only; not resting any more, what is due.
  void set_rests(bool rests) {
    rests_.store(rests, std::memory_order_relaxed);
    Hurry();
  }
  // Rests that long, at most kFlushSleepUsMax, before each writing: DEBUG AOF-FLUSH-SLEEP.
  static constexpr std::int64_t kFlushSleepUsMax = 60'000'000;
  void set_flush_sleep(std::int64_t us) { flush_sleep_us_.store(us, std::memory_order_relaxed); }
  void set_timestamps(bool are_wanted) { timestamps_.store(are_wanted, std::memory_order_relaxed); }

  // acquire: who sees a position here sees what the disk was asked to do for it.
  Lsn written() const { return Lsn(written_.load(std::memory_order_acquire)); }
  Lsn durable() const { return Lsn(durable_.load(std::memory_order_acquire)); }

  bool failing() const { return failing_.load(std::memory_order_acquire); }
  // Of the first of the present failures; OK if none.
  Status failure() const;
  // What was written since the last good sync cannot be read back: only a rewrite can make the AOF
  // whole again. Implies failing().
  bool needs_rewrite() const { return needs_rewrite_.load(std::memory_order_acquire); }

  // The rewrite is in place, and with it all that came before the switch.
  void ForgetLost() {
    forgets_lost_.store(true, std::memory_order_release);
    Hurry();
  }

  std::uint64_t file_bytes() const { return file_bytes_.load(std::memory_order_relaxed); }
  std::uint64_t kept_bytes() const { return kept_bytes_.load(std::memory_order_relaxed); }
  // Times a sync was due while the one before it was still running.
  std::uint64_t delayed_syncs() const { return delayed_syncs_.load(std::memory_order_relaxed); }
  bool is_syncing() const { return syncer_.is_busy(); }

 private:
  static constexpr std::uint64_t kNoSwitch = UINT64_MAX;

  // Encoded, not written: whole groups.
  struct Batch {
    codec::AofEncoder encoder;
    std::string bytes;
    std::uint64_t end;  // the log's position behind them
  };

  void Loop();
  Status Drain();
  bool Fill();
  bool MayRead() const;
  bool is_at_switch() const {
    return reader_->position().value >= switch_at_.load(std::memory_order_acquire);
  }
  void CountKept();
  Status WritePending();
  Status SyncByPolicy(MonotonicUs now_us);
  void LeaveLost();
  Status KeepRoom();
  void GiveRoomBack();
  Status SyncNow();
  Status Settle(Status synced, std::uint64_t covers, std::uint64_t offset);
  Status Mend();
  Status FinishSwitch();
  Status Work(MonotonicUs now_us);
  void Note(Status status, MonotonicUs now_us);
  void TellProgress();
  bool all_is_safe() const {
    return pending_.bytes.empty() &&
           written_.load(std::memory_order_relaxed) == durable_.load(std::memory_order_relaxed);
  }

  // constant after construction
  const std::unique_ptr<log::Reader> reader_;
  const Clock& clock_;
  const std::function<void()> on_progress_;

  // writer thread only
  std::unique_ptr<io::File> file_;
  Batch pending_;  // for file_
  Batch ahead_;    // for next_, while trouble keeps us from switching to it
  const std::uint64_t room_bytes_;
  std::uint64_t room_end_ = 0;    // of the file: it may grow so far
  std::uint64_t good_end_;        // of the file: behind the last whole writing
  std::uint64_t durable_offset_;  // of the file: safe up to here
  bool suspect_ = false;          // a sync failed: what lies behind durable_offset_ may be lost
  std::uint64_t sync_covers_ = 0;
  std::uint64_t sync_offset_ = 0;
  MonotonicUs last_sync_us_;
  MonotonicUs last_read_us_;
  MonotonicUs retry_at_us_ = 0;
  bool delay_counted_ = false;
  bool has_moved_ = false;      // on_progress is due
  std::uint64_t told_written_;  // written() at its last call
  Event wake_;
  Syncer syncer_{wake_};

  // atomic: see the accessors
  std::atomic<FsyncPolicy> policy_;  // relaxed, as the next three
  std::atomic<std::int64_t> flush_sleep_us_{0};
  std::atomic<bool> rests_{false};
  std::atomic<bool> timestamps_;
  std::atomic<std::uint64_t> written_;
  std::atomic<std::uint64_t> durable_;
  std::atomic<bool> failing_{false};
  std::atomic<bool> needs_rewrite_{false};
  std::atomic<bool> forgets_lost_{false};
  std::atomic<std::uint64_t> file_bytes_;
  std::atomic<std::uint64_t> kept_bytes_{0};
  std::atomic<std::uint64_t> delayed_syncs_{0};
  std::atomic<std::uint64_t> wanted_{0};  // relaxed: who waits notifies, too
  std::atomic<bool> stopping_{false};     // release: stop_at_
  std::uint64_t stop_at_ = 0;             // what lies behind it is not waited for
  std::atomic<bool> has_stopped_{false};
  // release: next_ is there. Read after a record was seen, which orders it with SwitchAt.
  std::atomic<std::uint64_t> switch_at_{kNoSwitch};

  mutable Mutex mu_;
  std::unique_ptr<io::File> next_ GUARDED_BY(mu_);
  Status failure_ GUARDED_BY(mu_);
  Status stopped_ GUARDED_BY(mu_);

  Thread thread_;
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_AOF_WRITER_H_
