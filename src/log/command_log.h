// SPDX-License-Identifier: BSD-3-Clause
// CommandLog: every write once, in one order, for whoever reads along.
//
// A writer that holds the stripe locks of its keys takes a position (one fetch-add), fills its
// record and publishes it; so the order of positions agrees with every conflict between commands.
// AOF, replicas, notifications and tracking are readers. With no reader attached a write costs one
// relaxed load.
//
//     begin of the slowest reader                        end_
//        |                                                |
//     ---[ rec ][ rec ][ rec ][ reserved, not published ]-|----- ring of kRingBytes, in granules of
//     32 bytes
//
// Commit words lie apart from the payload, one per granule, and hold the record's own position plus
// one: what a client writes into a value can never look like a commit word, and nothing needs
// zeroing when the ring wraps.
//
// Invariants
//   (1) Room is taken as credit before any lock (TakeCredit); Append never waits.
//   (2) A taken position is always published.
//   (3) A must-keep reader holds writers back (at TakeCredit); a may-lag reader that is overrun is
//   lost, and is told so.
//   (4) Credit is an estimate: a command may append a little more than it was given. An eighth of
//   the ring is never promised, which takes that up, and with it the small credits: they are not
//   counted, so that a small write pays no locked instruction for its room.
//   (5) New writes leave another eighth to the others, which append little and rarely: reads, for
//   what they find expired, and who ends what a write has begun. So these go on meanwhile.
// Thread safety: Append and TakeCredit from any thread; a Reader belongs to one thread. Attach and
// Detach need every stripe lock or a quiet store, which the keyspace provides.
#ifndef CAIRN_LOG_COMMAND_LOG_H_
#define CAIRN_LOG_COMMAND_LOG_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "ds/mapped_memory.h"

namespace cairn::log {

// One write as it is replayed: the database it was run in and its arguments, made deterministic.
struct Effect {
  DbId db;
  std::vector<std::string> args;
  bool operator==(const Effect&) const = default;
};

// The same, seen where it lies.
struct EffectView {
  DbId db;
  std::span<const std::string_view> args;
};

enum class Lag { kMustKeep, kMayLag };

class Reader;

class CommandLog {
 public:
  static constexpr std::size_t kGranuleBytes = 32;
  static constexpr std::size_t kRingBytesDefault = 16 * 1024 * 1024;
  // A payload above this lives beside the ring, which then holds only the record's header.
  static constexpr std::size_t kInlineRecordBytesMax = 64 * 1024;

  // Payloads beside the ring that may wait for readers, in all; beyond it writers wait, or laggards
  // are lost, as when the ring is full.
  static constexpr std::size_t kBigPayloadBytesMax = 256 * 1024 * 1024;

  // `ring_bytes`: a power of two, at least 4 * kInlineRecordBytesMax.
  explicit CommandLog(std::size_t ring_bytes = kRingBytesDefault);
  ~CommandLog();

  // relaxed: a reader attaches under every stripe lock, which orders it with all writers.
  bool active() const { return active_.load(std::memory_order_relaxed); }

  // A credit up to this is not counted. Those of 1,024 threads at once fit into what is never
  // promised.
  static constexpr std::size_t kSmallCreditMax = 2048;
  static_assert(1024 * kSmallCreditMax <= kRingBytesDefault / 8);

  enum class For : std::uint8_t { kNewWrite, kOther };
  // Room for one command's record of about `bytes`. False if a must-keep reader is too far behind:
  // the caller tries again after WaitForRoom, or later. REQUIRES: no stripe lock held. Each success
  // is ended by one ReturnCredit, after Append or without.
  bool TakeCredit(std::size_t bytes, For whom = For::kNewWrite);
  void ReturnCredit(std::size_t bytes);
  // Sleeps until a reader has moved on, at most `timeout_us`.
  void WaitForRoom(std::int64_t timeout_us);

  // Appends one effect and returns the position after it. REQUIRES: the stripe locks of its keys;
  // credit when active().
  Lsn Append(DbId db, std::span<const std::string_view> args);
  // Appends effects that belong together: readers get them in a row, several of them between a
  // MULTI and an EXEC. One record, so nothing of others comes between, and its room is bounded.
  // REQUIRES: as Append; at least one effect; credit of kGroupCreditMax is always enough.
  static constexpr std::size_t kGroupCreditMax = kInlineRecordBytesMax + 4096;
  Lsn AppendGroup(std::span<const Effect> effects);
  // The position after the last reserved record.
  Lsn end() const { return Lsn(end_.load(std::memory_order_acquire)); }

  // A new reader that sees every effect appended from now on. REQUIRES: no writer is inside (all
  // stripes locked).
  std::unique_ptr<Reader> Attach(Lag lag);

  // Bytes that a record for these arguments takes.
  static std::size_t RecordBytes(std::span<const std::string_view> args);

 private:
  friend class Reader;
  struct Record;

  void Detach(Reader* reader);
  void AskAhead(std::uint64_t position, std::size_t record_bytes);
  void WriteElsewhere(std::uint64_t position, const Record& record,
                      std::span<const std::string_view> args);
  void CopyIn(std::uint64_t position, const void* from, std::size_t size);
  // `size` bytes of the ring, where they lie, or copied to `scratch` if they go round its end.
  std::string_view View(std::uint64_t position, std::size_t size, std::string& scratch) const {
    const std::size_t offset = position & (ring_bytes_ - 1);
    if (size <= ring_bytes_ - offset) [[likely]]
      return {ring_.get() + offset, size};
    return ViewAround(offset, size, scratch);
  }
  std::string_view ViewAround(std::size_t offset, std::size_t size, std::string& scratch) const;
  std::uint64_t SlowestPosition() REQUIRES(readers_mu_);
  std::shared_ptr<const std::string> BigPayload(std::uint64_t position);
  // Lets go of the big payloads that no reader wants any more.
  void DropBigPayloads() REQUIRES(readers_mu_);
  void TellMoved() {
    if (room_waiters_.load(std::memory_order_relaxed) > 0) room_.Notify();
  }
  bool HasRoom(std::uint64_t wanted_end, std::uint64_t slowest, For whom) const;
  bool MakeRoom(std::uint64_t wanted_end, For whom);

  const std::size_t ring_bytes_;

  // Made when the first reader attaches, under every stripe lock; kept from then on. A server
  // without readers has no ring.
  ds::MappedMemory ring_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> commits_;

  std::atomic<bool> active_{false};
  std::atomic<std::uint64_t> end_{0};      // bytes ever reserved; acq_rel with end()
  std::atomic<std::uint64_t> credit_{0};   // bytes promised to commands now running
  std::atomic<std::uint64_t> floor_{0};    // cached position of the slowest reader
  std::atomic<std::size_t> big_bytes_{0};  // in big_payloads_; relaxed, a bound and no more
  // Writers in WaitForRoom. Relaxed: a reader that misses one costs it the rest of its timeout.
  std::atomic<std::uint32_t> room_waiters_{0};
  Event room_;
  Mutex readers_mu_;  // before payloads_mu_. A reader must not take it while it is kReading.
  std::vector<Reader*> readers_ GUARDED_BY(readers_mu_);
  Mutex payloads_mu_;
  // Payloads above kInlineRecordBytesMax by position. Shared: a reader copies one out while a
  // faster one lets it go.
  std::map<std::uint64_t, std::shared_ptr<const std::string>> big_payloads_
      GUARDED_BY(payloads_mu_);
};

// One consumer of the log. Belongs to one thread; the log outlives it.
//
// Nobody wakes it: a worker pays nothing for its readers. It comes by every few milliseconds, and
// those who wait for it (WAIT, appendfsync always) wake it. When writers find no room they wake it
// too, by WakeWhenFull.
class Reader {
 public:
  using Shown = FunctionRef<void(std::span<const EffectView> effects)>;

  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Shows the next record, without a copy: one effect, or several that belong together. False if
  // there is none yet, or if this reader is lost. The views are good until `shown` returns, which
  // must be soon if this reader may lag: a writer in want of room spins meanwhile. Not to be mixed
  // with Next inside a group.
  bool Visit(Shown shown);
  // Whether Visit would show something. Who decides by the position whether to read on asks this
  // first: what was decided about a position before its record was appended is then known here.
  bool has_next() const {
    return !lost() && IsPublished(position_.load(std::memory_order_relaxed));
  }
  // The next published effect, or nothing if there is none yet, or if this reader is lost. A group
  // comes with a MULTI before it and an EXEC behind it.
  std::optional<Effect> Next();
  // `wake` is notified when a writer finds no room because of this reader. Before the first record
  // is appended, or under every stripe lock; `wake` outlives the reader.
  void WakeWhenFull(Event* wake) { wake_.store(wake, std::memory_order_release); }
  // Overrun by writers: what it has not read is gone, and it must start from a new copy of the
  // data.
  bool lost() const { return state_.load(std::memory_order_acquire) == kLost; }
  Lsn position() const { return Lsn(position_.load(std::memory_order_acquire)); }
  // CommandLog::end().
  Lsn log_end() const { return log_.end(); }

 private:
  friend class CommandLog;
  enum State : std::uint32_t { kIdle, kReading, kLost };

  Reader(CommandLog& log, Lag lag, std::uint64_t position)
      : log_(log), lag_(lag), position_(position) {}
  bool IsPublished(std::uint64_t position) const {
    const std::size_t granules = log_.ring_bytes_ / CommandLog::kGranuleBytes;
    const std::size_t granule = position / CommandLog::kGranuleBytes & (granules - 1);
    // acquire: pairs with the release in Append, so the payload is whole.
    return log_.commits_[granule].load(std::memory_order_acquire) == position + 1;
  }
  // True if it lay beside the ring.
  bool ShowAt(std::uint64_t position, Shown shown);
  // Sets effects_ to what the record holds.
  void Decode(std::string_view payload, std::uint32_t arg_count, DbId db);
  void DecodeGroup();

  CommandLog& log_;
  const Lag lag_;
  std::atomic<Event*> wake_{nullptr};
  std::atomic<std::uint64_t>
      position_;  // release after a record was copied out: its ring room may be reused
  std::deque<Effect> unpacked_;  // for Next: of the last record
  // of the record that is shown; kept for their memory
  std::vector<std::string_view> args_;
  std::vector<EffectView> effects_;
  std::string scratch_;
  std::atomic<std::uint32_t> state_{
      kIdle};  // kIdle -> kReading by us, kIdle -> kLost by a writer that needs the room
};

}  // namespace cairn::log

#endif  // CAIRN_LOG_COMMAND_LOG_H_
