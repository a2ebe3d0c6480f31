// SPDX-License-Identifier: BSD-3-Clause
// Purges: the deletes of groups of keys that are under way, and those that have ended of late.
//
// Somebody orders one and has its number at once; the keeper does the work (purger.h), and tells
// here how far it has come. A purge belongs to the keys of one database: where SWAPDB takes them it
// goes, too, and where they are flushed it is done. None of it is data: purges end with the
// process.
//
// Thread safety: all methods from any thread; the lock is a leaf. What concerns the database of a
// purge changes under all stripes, so under any one of them it stands still.
#ifndef CAIRN_KEYSPACE_PURGES_H_
#define CAIRN_KEYSPACE_PURGES_H_

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/counter.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "keyspace/entry.h"

namespace cairn::keyspace {

// What is to be done with the keys that match.
enum class PurgeKind : std::uint8_t { kDelete, kMakeStale };
enum class PurgeState : std::uint8_t { kRunning, kDone, kCancelled };

struct PurgeOrder {
  std::string pattern;
  std::optional<Type> type = {};
  std::int64_t rate = 0;  // keys a second, 0: as fast as it goes
  PurgeKind kind = PurgeKind::kDelete;
};

struct PurgeReport {
  std::uint64_t id = 0;
  std::shared_ptr<const PurgeOrder> order;  // shared with the keeper's thread, which works on it
  DbId db;
  PurgeState state = PurgeState::kRunning;
  std::int64_t looked_at = 0;
  std::int64_t removed = 0;
  int percent = 0;
  std::int64_t elapsed_ms = 0;
};

class Purges {
 public:
  static constexpr std::size_t kRunningMax = 16;
  static constexpr std::size_t kEndedMax = 64;  // the last ones are remembered
  static constexpr std::size_t kPatternBytesMax = 1024;
  static constexpr std::int64_t kRateMax = 1'000'000'000;

  // The number of a new one, from 1 on; 0 if kRunningMax run already.
  std::uint64_t Start(PurgeOrder order, DbId db, UnixMs now_ms);
  // False if it does not run.
  bool Cancel(std::uint64_t id, UnixMs now_ms);
  // In the order of their numbers.
  std::vector<PurgeReport> Reports(UnixMs now_ms) const;

  // REQUIRES: every stripe held.
  void NoteFlushed(DbId db, UnixMs now_ms);
  void NoteSwapped(DbId a, DbId b);

  // By the keeper.
  bool any_running() const { return running_.load(std::memory_order_acquire) > 0; }
  // Where its keys are, if it runs still. REQUIRES: a stripe held, for this to stay so.
  std::optional<DbId> DatabaseOf(std::uint64_t id) const;
  void NoteProgress(std::uint64_t id, std::int64_t looked_at, std::int64_t removed, int percent);
  void NoteDone(std::uint64_t id, UnixMs now_ms);

  // Keys that were changed, since the process began.
  std::int64_t changes() const { return changes_.value(); }

 private:
  struct Job {
    PurgeReport report;
    UnixMs started_ms = 0;
    UnixMs ended_ms = 0;
    std::uint64_t ended_at = 0;  // the count of ends; 0 while it runs
  };
  Job* FindRunning(std::uint64_t id) REQUIRES(mu_);
  void End(Job& job, PurgeState state, UnixMs now_ms) REQUIRES(mu_);
  // What has ended longest ago.
  void ForgetOld() REQUIRES(mu_);

  mutable Mutex mu_;
  std::list<Job> jobs_ GUARDED_BY(mu_);  // by number
  std::uint64_t next_id_ GUARDED_BY(mu_) = 1;
  std::uint64_t ends_ GUARDED_BY(mu_) = 0;
  std::atomic<std::size_t> running_{0};  // release: who sees it sees the jobs under the lock
  SharedCounter changes_;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_PURGES_H_
