// SPDX-License-Identifier: BSD-3-Clause
// Database: one handle on SQLite or PostgreSQL, for what lies behind the cache.
//
//   auto db = sql::Database::Open("sqlite:shop.db");  // "sqlite::memory:", "postgresql://db/shop"
//   const sql::Statement select("select name from users where id = $1", 42);
//   Result<sql::Rows> rows = db->Execute(select);
//   Result<int> stock = db->Transact([&](sql::Session& session) -> Result<int> { ... });
//
// It keeps a bounded pool of connections, each with its prepared statements. Parameters are $1, $2,
// ... in both dialects, typed, and always bound: no text is ever put into a statement. SQLite is
// opened with a write-ahead log, full synchronization, foreign keys, and no double-quoted strings.
//
// Errors: as values. kServer has the SQLSTATE as its first word ("23505 duplicate key ..."), with
// SQLite too where one fits, else "SQLITE_..."; kConflict is what another try may cure (a
// serialization failure, a deadlock, a busy database). may_have_applied is true only if a COMMIT,
// or a statement outside of a transaction, was sent and its end is not known.
//
// Thread safety: a Database from any thread; it blocks the calling thread, up to the deadline. A
// Session belongs to the thread that runs the transaction. Lifetimes: copies share one pool, which
// closes with the last; a Session ends with its transaction. Cost: a call of Execute or Batch is
// one round trip; a transaction one for BEGIN, for COMMIT, and for each call of its session; of a
// SQLite file a commit waits for the disk. Rows are in memory, all of them.
#ifndef CAIRN_SQL_DATABASE_H_
#define CAIRN_SQL_DATABASE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cairn/clock.h"
#include "cairn/result.h"
#include "cairn/sql/value.h"

namespace cairn::cache::sql {

enum class Dialect : std::uint8_t { kSqlite, kPostgres };

// Of one statement. SQLite takes more (32,766), but looks each $n up among those before it: 8,192
// are prepared in half a second, four times as many in ten, which no deadline ends. PostgreSQL's is
// its protocol's.
inline constexpr std::size_t kSqliteParametersMax = 8'192;
inline constexpr std::size_t kPostgresParametersMax = 65'535;
// Of one statement with all that is bound to it, and of a script.
inline constexpr std::size_t kStatementBytesMax = std::size_t{256} << 20;
// Of one batch. Its results are in memory together.
inline constexpr std::size_t kStatementsMax = 65'536;

// One statement and what is bound to $1, $2, ... in it.
struct Statement {
  template <class... Parameters>
  explicit Statement(std::string_view sql, const Parameters&... bound) : text(sql) {
    parameters.reserve(sizeof...(bound));
    (Bind(bound), ...);
  }
  template <class T>
  Statement& Bind(const T& value) {
    parameters.push_back(ToValue(value));
    return *this;
  }

  std::string text;
  std::vector<Value> parameters;
};

// What a statement gave: all of it, in memory.
struct Rows {
  std::vector<std::string> columns = {};
  std::vector<std::vector<Value>> rows = {};
  // Rows inserted, updated or deleted.
  std::int64_t affected = 0;

  std::size_t size() const { return rows.size(); }
  bool empty() const { return rows.empty(); }
  // The number of a column by its name.
  std::optional<std::size_t> Find(std::string_view column) const;
  // Row `i`'s column `j` as a T. REQUIRES: both are there.
  template <class T>
  Result<T> Get(std::size_t i, std::size_t j) const {
    return FromValue<T>(rows[i][j]);
  }
};

struct DatabaseOptions {
  // Connections at most, 1 or more; SQLite in memory has one.
  std::size_t connections_max = 8;
  // Callers that wait for a connection at most; the next one is refused with kLimit.
  std::size_t waiters_max = 1024;
  // Of calls that say nothing else, waiting for a connection and opening one included. Longer than
  // kWaitMax is kWaitMax, here and wherever a call says how long.
  Duration timeout = std::chrono::seconds(5);
  // How long SQLite waits for another's write lock before it is kConflict.
  Duration busy_timeout = std::chrono::seconds(2);
  // Rows of one statement at most: kLimit beyond, with SQLite as soon as there is one more, with
  // PostgreSQL when the server has sent all.
  std::size_t rows_max = 1'000'000;
  const Clock* clock = nullptr;  // null: the machine's; outlives the database
};

struct SqlCall {
  std::optional<Duration> timeout = {};  // from the call on
  std::stop_token stop = {};
};

enum class Isolation : std::uint8_t { kReadCommitted, kRepeatableRead, kSerializable };

struct TransactOptions {
  // Of PostgreSQL; SQLite's transactions are serializable always.
  Isolation isolation = Isolation::kReadCommitted;
  bool read_only = false;
  // How often it is tried before kConflict (or a connection lost before COMMIT) is the result.
  std::size_t attempts_max = 8;
  SqlCall call = {};  // of all attempts together
};

class Driver;
class Pool;
class Listener;

// The connection of a transaction that runs. A statement that failed dooms the transaction: it ends
// in a rollback with that error, whatever the body returns.
class Session {
 public:
  Result<Rows> Execute(const Statement& statement);
  // All are sent at once (pipelined), in their order; the results up to the first failure, which is
  // the last of them.
  std::vector<Result<Rows>> Batch(std::span<const Statement> statements);
  Dialect dialect() const;

 private:
  friend class Database;
  explicit Session(Driver* driver) : driver_(driver) {}

  Driver* driver_;
  std::optional<Error> failure_;
};

class Database {
 public:
  // kUnreachable if no connection can be made.
  static Result<Database> Open(std::string_view uri, DatabaseOptions options = {});

  Dialect dialect() const;
  const Clock& clock() const;

  // A transaction of its own.
  Result<Rows> Execute(const Statement& statement, const SqlCall& call = {}) const;
  // One transaction, one round trip; the results up to the first failure, which is the last, and
  // with which nothing has been applied.
  std::vector<Result<Rows>> Batch(std::span<const Statement> statements,
                                  const SqlCall& call = {}) const;
  // Several statements with semicolons, without parameters: schemas. One transaction.
  Result<void> RunScript(std::string_view script, const SqlCall& call = {}) const;

  // Runs `body` in a transaction, commits if it returned a value, rolls back if an error. It is run
  // again after a kConflict and after a connection lost before COMMIT was sent, so it does nothing
  // but through the session. What it throws is kLoader with the cause.
  template <class Body>
  std::invoke_result_t<Body&, Session&> Transact(Body body,
                                                 const TransactOptions& options = {}) const {
    std::optional<std::invoke_result_t<Body&, Session&>> returned;
    const Result<void> done = RunTransaction(
        [&](Session& session) -> Result<void> {
          returned.emplace(body(session));
          if (!*returned) return std::unexpected(returned->error());
          return {};
        },
        options);
    if (!done) return std::unexpected(done.error());
    return std::move(*returned);
  }

  // Told of what others commit: PostgreSQL by NOTIFY on `channel`, SQLite by its change counter.
  Result<std::unique_ptr<Listener>> Listen(std::string_view channel) const;

 private:
  using TransactionBody = std::function<Result<void>(Session&)>;

  explicit Database(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}
  Result<void> RunTransaction(const TransactionBody& body, const TransactOptions& options) const;

  std::shared_ptr<Pool> pool_;  // shared by the copies of the handle
};

// A connection of its own that waits for news. Belongs to one thread.
class Listener {
 public:
  virtual ~Listener() = default;
  // True if something may have changed since the last call (or since Listen): look. False when the
  // time is over or `stop` is requested. A lost connection is mended by itself and is news.
  virtual bool Wait(Duration timeout, std::stop_token stop = {}) = 0;
};

}  // namespace cairn::cache::sql

#endif  // CAIRN_SQL_DATABASE_H_
