// SPDX-License-Identifier: BSD-3-Clause
// Outbox: what a transaction changes, the cache learns, however the writer ends.
//
//   sql::Outbox outbox(db);
//   outbox.Watch({.table = "users", .key = "id", .version = "row_version"});   // triggers; once
//   sql::OutboxRelay relay(store, db, {.keys = [](const sql::Change& change) {
//     return std::vector<std::string>{"user:{" + change.key + "}"};
//   }});
//   relay.Run(stop);
//
// Triggers on the table write one row of cairn_outbox for each row that changes, in the writer's
// own transaction: there is no moment at which the one is committed and the other is not, whoever
// the writer is. They also give the row its version, from one sequence for all tables (a deleted
// row that comes back goes on where it was), unless the writer set one himself. The relay reads the
// outbox, invalidates, and only then deletes what it read.
//
//     writer:  BEGIN; UPDATE users ...; (trigger: row_version, cairn_outbox); COMMIT
//     relay:   read --> CACHE.DEL key VER version, TAG.BUMP row:... table:... --> delete those
//
// Invariants
//   (1) A committed change is invalidated at least once. A relay that dies begins with what it had
//       not deleted; twice does no harm, the version says so.
//   (2) Of one row, changes are invalidated in their order: its lock kept the writers apart. Rows
//       have no order among them, and need none. What commits late has a low number and is found
//       all the same, since the relay remembers no position: it takes what is there.
//   (3) A value loaded before the change cannot come back: it has the older version, and the
//       invalidation voids the loader's lease and leaves a tombstone.
//
// Errors: those of the database and of the store, by RunOnce; Run counts them and tries again.
// TRUNCATE fires no trigger on rows: bump the table's tag. Thread safety: one thread runs a relay;
// its counters from any. Lifetimes: an Outbox and a relay hold the handles. Cost: of a change, one
// row more in its transaction (SQLite: and an update for the version); of a batch, two statements
// and one pipeline.
#ifndef CAIRN_SQL_OUTBOX_H_
#define CAIRN_SQL_OUTBOX_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/clock.h"
#include "cairn/result.h"
#include "cairn/sql/database.h"
#include "cairn/store.h"

namespace cairn::cache::sql {

struct WatchedTable {
  std::string table;
  std::string key = "id";
  // The column for the version, an integer that the table already has.
  std::string version = "row_version";
};

class Outbox {
 public:
  explicit Outbox(Database db) : db_(std::move(db)) {}

  // Makes what is missing: cairn_outbox, the sequence, the triggers of the table. Again does no
  // harm.
  Result<void> Watch(const WatchedTable& watched) const;
  Result<void> Unwatch(std::string_view table) const;

 private:
  Database db_;
};

// One row of a watched table was changed.
struct Change {
  std::int64_t number = 0;  // in the outbox
  std::string table;
  std::string key;
  std::int64_t version = 0;  // of the row as it is now; of a deleted one, above what it was
  bool is_delete = false;
};

// Of one round of a relay.
inline constexpr std::size_t kRelayBatchMax = 10'000;

struct RelayOptions {
  // The keys of the store that were made of this row alone; each is deleted with the version.
  std::function<std::vector<std::string>(const Change& change)> keys = {};
  // Bump "row:users:42", and "table:users", for what was made of several.
  bool row_tags = true;
  bool table_tags = false;
  bool is_hard = true;  // soft: what is tagged may still be served while it is loaded anew
  // Changes of one round: 1 to kRelayBatchMax, and what is not is the nearest of them.
  std::size_t batch_max = 500;
  // Looked at so often without being told, and after a failure.
  Duration pause = std::chrono::seconds(1);
};

class OutboxRelay {
 public:
  OutboxRelay(Store store, Database db, RelayOptions options = {});

  // One batch: how many changes were relayed, 0 if there are none.
  Result<std::size_t> RunOnce(std::stop_token stop = {});
  // Woken by NOTIFY, or by SQLite's change counter.
  void Run(const std::stop_token& stop);

  std::uint64_t relayed() const { return relayed_.load(std::memory_order_relaxed); }
  std::uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

 private:
  Result<std::vector<Change>> Read(const SqlCall& call) const;
  Result<void> Invalidate(const std::vector<Change>& changes, std::stop_token stop);
  Result<void> Drop(const std::vector<Change>& changes, const SqlCall& call) const;

  Store store_;
  Database db_;
  const RelayOptions options_;
  // atomic: counters for whoever looks; they order nothing
  std::atomic<std::uint64_t> relayed_{0};
  std::atomic<std::uint64_t> failures_{0};
};

}  // namespace cairn::cache::sql

#endif  // CAIRN_SQL_OUTBOX_H_
