// SPDX-License-Identifier: BSD-3-Clause
// Runner: takes requests to replies, on one thread.
//
//     request -> Prepare: look up the command, find and hash its keys, prefetch their buckets
//             -> PrefetchEntries: (for the whole batch) prefetch the entries
//             -> Execute: arity, gates, stripe locks, the command's function, unlock, statistics
//
// Commands that wait in a client's input buffer are prepared together and executed in order, so
// that the cache misses of one overlap the work of those before it (45 instead of 410 ns a lookup
// on 4 M keys, DESIGN section 3).
//
// One Runner belongs to one thread; what it shares with the others (keyspace, table, gates) is in
// Shared and is thread-safe or constant.
#ifndef CAIRN_COMMAND_RUNNER_H_
#define CAIRN_COMMAND_RUNNER_H_

#include <atomic>
#include <span>
#include <vector>

#include "base/clock.h"
#include "command/call.h"
#include "command/gate.h"
#include "command/stats.h"
#include "keyspace/evictor.h"
#include "keyspace/keyspace.h"
#include "resp/writer.h"

namespace cairn::command {

// Told of every command that took longer than its threshold, on the thread that ran it.
// Thread-safe.
class SlowObserver {
 public:
  virtual ~SlowObserver() = default;
  virtual void OnSlow(Call& call, std::uint64_t duration_us) = 0;
};

// What all runners of an engine have in common.
struct Shared {
  keyspace::Keyspace& keyspace;
  const CommandTable& table;
  std::vector<Gate*> gates;  // in the order in which they are asked; constant once runners exist
  // Asked last, and only of subscribed clients: others pay for it with a bit they have at hand.
  Gate* subscribed_gate = nullptr;
  SlowObserver* slow_observer = nullptr;
  double cycles_per_us = 1000;
  std::atomic<std::int64_t> slow_threshold_us{INT64_MAX};
  std::atomic<bool> track_latency{true};
  ErrorStats errors = {};
};

struct Prepared {
  const CommandTable::Command* command = nullptr;  // null: no such command
  std::span<const std::string_view> args;
  std::uint32_t first_key = 0;  // in the batch's keys
  std::uint32_t key_count = 0;
};

class Runner {
 public:
  static constexpr std::size_t kBatchMax = 32;

  Runner(Shared& shared, std::uint64_t seed);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // A batch begins: the clock is read, the last batch's keys are forgotten. Requests' arguments
  // must stay until it has been executed.
  void BeginBatch();
  // REQUIRES: fewer than kBatchMax prepared since BeginBatch.
  void Prepare(const Session& session, std::span<const std::string_view> args);
  void PrefetchEntries(const Session& session);
  std::size_t prepared_count() const { return prepared_count_; }
  const Prepared& prepared(std::size_t i) const { return prepared_[i]; }
  // Runs the i-th prepared call and writes its reply.
  void Execute(Session& session, std::size_t i, resp::Writer& reply);
  // The three in one, for a single request.
  void Run(Session& session, std::span<const std::string_view> args, resp::Writer& reply);

  keyspace::Keyspace& keyspace() { return shared_.keyspace; }
  const CommandTable& table() const { return shared_.table; }
  Shared& shared() { return shared_; }
  CommandStats& stats() { return stats_; }
  keyspace::Evictor& evictor() { return evictor_; }
  UnixMs now_ms() const { return now_ms_; }

 private:
  void FindKeys(const CommandTable::Command& command, std::span<const std::string_view> args);
  bool Admit(Call& call);
  void RunLocked(Call& call);
  void RunWithTxn(Call& call, const keyspace::KeyLocks& held) REQUIRES(held);
  void CountError(const resp::Writer& reply);
  void Account(Call& call, std::uint64_t begin_cycles, std::uint32_t errors_before);
  void AnswerUnknown(std::span<const std::string_view> args, resp::Writer& reply);
  const CommandTable::Command* Resolve(std::span<const std::string_view> args) const;

  Shared& shared_;
  CommandStats stats_;
  keyspace::Evictor evictor_;
  const double ns_per_cycle_;
  std::size_t prepared_count_ = 0;
  std::array<Prepared, kBatchMax> prepared_;
  std::vector<keyspace::KeyRef> keys_;
  std::vector<std::uint32_t> key_positions_;
  UnixMs now_ms_ = 0;
  std::uint64_t now_cycles_ = 0;  // when now_ms_ was read
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_RUNNER_H_
