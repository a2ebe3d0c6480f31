// SPDX-License-Identifier: BSD-3-Clause
// WriteBehindSink: a log's writes into a table, each with its effect once.
//
//   sql::WriteBehindSink<User> sink(table, "log:{7}", {
//       .id = [](std::string_view key) -> Result<sql::Value> { ... },         // "user:{7}:42": 42
//       .row = [](std::string_view value) -> Result<User> { ... }});
//   sink.Prepare();                                          // its own table
//   Result<sql::Applied> done = sink.Apply(entries);              // then CACHE.ACK
//
// Delivery is at least once, from several workers at a time, some of them long given up for dead.
// One transaction takes a batch: it raises what cairn_applied knows of each key (log, key, the id
// of the last entry applied; a delete leaves it as well) and writes the rows of those keys that it
// could raise. An entry that comes again, or behind a later one of its key, raises nothing.
//
//     batch -> last of each key -> raise in cairn_applied -> the raised: upsert, delete -> COMMIT
//
// Invariants
//   (1) The order of a key's writes is that of the log's ids, which the store gives in one step
//       with the write. Versions guard the row besides, against who writes it by other means.
//   (2) cairn_applied and the rows change in one transaction.
//   (3) Keys are raised in their order: two workers wait for each other rather than deadlock.
//
// Errors: an entry that cannot be made a row, or which the database refuses for what it holds
// (SQLSTATE classes 22 and 23), is told by itself and does not keep the others. Everything else
// fails the batch, of which nothing was applied unless may_have_applied; to apply it again does no
// harm. Thread safety: any thread; so is the mapping called. Lifetimes: a sink holds its table.
// Cost: a batch is one transaction of four round trips; one with a refusal is tried entry by entry.
#ifndef CAIRN_SQL_WRITE_BEHIND_H_
#define CAIRN_SQL_WRITE_BEHIND_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cairn/result.h"
#include "cairn/sql/database.h"
#include "cairn/sql/table.h"
#include "cairn/sql/value.h"

namespace cairn::cache::sql {

// One entry of a log, as CACHE.SET and CACHE.DEL with BEHIND write it.
struct LogEntry {
  std::string id;  // "1763846412345-0"
  std::string key;
  bool is_delete = false;
  std::int64_t version = 0;  // 0: none
  std::string value = {};
};

// From an entry's fields op, key, ver, value; kProtocol if they are not those.
Result<LogEntry> ParseLogEntry(std::string id, std::span<const std::string_view> fields);

struct Applied {
  struct Refusal {
    std::size_t entry;  // its number in the batch
    Error error;
  };
  std::size_t written = 0;  // rows upserted or deleted
  // Entries with nothing left to do: they, or later ones of their keys, have been applied.
  std::size_t passed_over = 0;
  std::vector<Refusal> refused = {};
};

// What the worker wants of a sink.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual Result<Applied> Apply(std::span<const LogEntry> entries, const SqlCall& call) = 0;
  virtual const std::string& log() const = 0;
};

namespace internal {

// The statement that writes one entry's row.
using EntryWriter = std::function<Result<Statement>(const LogEntry&)>;

Result<void> PrepareApplied(const Database& db, const SqlCall& call);
Result<Applied> ApplyLog(const Database& db, std::string_view log,
                         std::span<const LogEntry> entries, const EntryWriter& writer,
                         const SqlCall& call);
Result<std::int64_t> ForgetApplied(const Database& db, std::string_view log, Duration age,
                                   const SqlCall& call);

}  // namespace internal

template <Mapped T>
class WriteBehindSink final : public LogSink {
 public:
  struct Mapping {
    std::function<Result<Value>(std::string_view key)> id;
    std::function<Result<T>(std::string_view value)> row;
  };

  WriteBehindSink(Table<T> table, std::string_view log, Mapping mapping)
      : table_(std::move(table)), log_(log), mapping_(std::move(mapping)) {}

  // Makes the table cairn_applied, if it is not there.
  Result<void> Prepare(const SqlCall& call = {}) const {
    return internal::PrepareApplied(table_.database(), call);
  }

  Result<Applied> Apply(std::span<const LogEntry> entries, const SqlCall& call = {}) override {
    const internal::EntryWriter writer = [this](const LogEntry& entry) { return Write(entry); };
    return internal::ApplyLog(table_.database(), log_, entries, writer, call);
  }

  // Forgets keys whose last write is older than `age`, and says how many. An entry that is
  // delivered again later than that would be applied again: let it be longer than any worker may be
  // asleep.
  Result<std::int64_t> Forget(Duration age, const SqlCall& call = {}) const {
    return internal::ForgetApplied(table_.database(), log_, age, call);
  }

  const std::string& log() const override { return log_; }

 private:
  Result<Statement> Write(const LogEntry& entry) const {
    if (entry.is_delete) {
      Result<Value> id = mapping_.id(entry.key);
      if (!id) return Pass(std::move(id));
      return table_.Delete(*id, entry.version);
    }
    Result<T> row = mapping_.row(entry.value);
    if (!row) return Pass(std::move(row));
    return table_.Upsert(*row, entry.version);
  }

  Table<T> table_;
  std::string log_;
  Mapping mapping_;
};

}  // namespace cairn::cache::sql

#endif  // CAIRN_SQL_WRITE_BEHIND_H_
