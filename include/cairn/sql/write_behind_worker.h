// SPDX-License-Identifier: BSD-3-Clause
// WriteBehindWorker: carries a log of writes from the store into a database.
//
//   sql::WriteBehindWorker worker(store, sink, {.consumer = "w1"});
//   worker.Run(stop);                       // until the stop token says so, then at most one batch
//
// A round: what this consumer was given before and has not acknowledged (after a restart, or a
// failure); what a dead consumer has kept for too long (XAUTOCLAIM); what is new (XREADGROUP). Each
// batch goes to the sink, then to CACHE.ACK. Any number of workers share a log.
//
//     delivered --sink--> applied --CACHE.ACK--> gone, its key unpinned
//         |                  '-- a crash here: delivered again, no effect, acknowledged
//         |-- the database is away: stays pending, tried again after a pause that doubles
//         '-- refused deliveries_max times: moved to the dead letters, in one step
//
// A dead letter has the entry's fields, its id and the error. It is a write that the database does
// not have and the cache had: somebody has to look at it.
//
// Errors: those of the store and of the database, by RunOnce; Run counts them and goes on. Thread
// safety: one thread runs it, stats() from any. Lifetimes: the sink outlives it; it holds the
// store. Cost: a round is one to three reads of the log, the sink's transaction, one
// acknowledgement.
#ifndef CAIRN_SQL_WRITE_BEHIND_WORKER_H_
#define CAIRN_SQL_WRITE_BEHIND_WORKER_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "cairn/clock.h"
#include "cairn/result.h"
#include "cairn/sql/write_behind.h"
#include "cairn/store.h"

namespace cairn::cache::sql {

// Of one round of a worker.
inline constexpr std::size_t kWorkerBatchMax = 10'000;

struct WorkerOptions {
  std::string group = "db";
  std::string consumer = "worker";  // one's own, and the same after a restart
  // Entries of one round: 1 to kWorkerBatchMax, and what is not is the nearest of them.
  std::size_t batch_max = 500;
  // Another's entries are taken over when he has kept them for so long. Longer than a batch takes.
  Duration claim_after = std::chrono::seconds(30);
  // How often a refused entry is delivered before it is a dead letter.
  std::int64_t deliveries_max = 5;
  std::string dead_log = {};  // empty: the log's name and ":dead", in its slot
  Duration pause_min = std::chrono::milliseconds(20);  // when there is nothing, and after a failure
  Duration pause_max = std::chrono::seconds(5);
};

// What one round did.
struct RoundReport {
  std::size_t delivered = 0;
  std::size_t written = 0;       // rows
  std::size_t acknowledged = 0;  // entries
  std::size_t dead = 0;
  std::size_t refused = 0;  // kept, to be tried again
};

class WriteBehindWorker {
 public:
  struct Stats {
    std::uint64_t written = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t dead = 0;
    std::uint64_t failures = 0;  // rounds that ended in an error
  };

  WriteBehindWorker(Store store, LogSink& sink, WorkerOptions options = {});

  // One round, without waiting for what is not there.
  Result<RoundReport> RunOnce(std::stop_token stop = {});
  void Run(const std::stop_token& stop);
  Stats stats() const;

 private:
  struct Batch {
    std::vector<LogEntry> entries;
    std::vector<std::string> gone;  // ids whose entries were deleted from the log
  };

  Result<void> MakeGroup();
  Result<Batch> Read(std::string_view from);
  Result<Batch> Claim();
  Result<Batch> Next();
  Result<void> Process(const Batch& batch, std::stop_token stop, RoundReport& report);
  Result<void> Acknowledge(const Batch& batch, const std::vector<bool>& is_kept,
                           RoundReport& report);
  Result<void> Bury(const LogEntry& entry, const Error& error);
  Result<std::int64_t> Deliveries(const std::string& id);

  Store store_;
  LogSink& sink_;
  const WorkerOptions options_;
  const std::size_t batch_max_;
  const std::string dead_log_;
  bool has_group_ = false;
  // Something that was delivered to us may be unfinished.
  bool has_pending_ = true;
  std::optional<TimePoint> claimed_at_;

  // atomic: counters for whoever looks; they order nothing
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> acknowledged_{0};
  std::atomic<std::uint64_t> dead_{0};
  std::atomic<std::uint64_t> failures_{0};
};

}  // namespace cairn::cache::sql

#endif  // CAIRN_SQL_WRITE_BEHIND_WORKER_H_
