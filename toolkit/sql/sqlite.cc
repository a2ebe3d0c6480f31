// SPDX-License-Identifier: BSD-3-Clause
// The driver of SQLite.
//
// The deadline and the stop token are asked by SQLite's progress handler every few thousand steps,
// and by the busy handler while another connection has the write lock. A write transaction begins
// IMMEDIATE: one that reads first and writes later could be refused the lock with nothing to do but
// to begin again.
#include <sqlite3.h>

#include <array>
#include <cctype>
#include <charconv>
#include <map>
#include <string>

#include "sql/driver.h"

namespace cairn::cache::sql {
namespace {

constexpr std::size_t kPreparedMax = 256;
constexpr int kStepsPerCheck = 4000;
constexpr int kBusyPauseMs = 2;
constexpr int kListenPauseMs = 5;

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Handle = std::unique_ptr<sqlite3, CloseDatabase>;
using Prepared = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// The SQLSTATE that stands for the same mistake, so that callers know one set of codes.
std::string_view StateOf(int code) {
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return "23505";
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return "23503";
    case SQLITE_CONSTRAINT_NOTNULL:
      return "23502";
    case SQLITE_CONSTRAINT_CHECK:
      return "23514";
    case SQLITE_CONSTRAINT_DATATYPE:
      return "22000";
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return "23000";
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
      return "22000";
    case SQLITE_READONLY:
      return "25006";
    case SQLITE_FULL:
      return "53100";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "XX001";
    case SQLITE_IOERR:
      return "58030";
    default:
      return "SQLITE_ERROR";
  }
}

bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\r\n;") == text.npos; }

Value ColumnOf(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return static_cast<std::int64_t>(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_NULL:
      return {};
    default: {
      const bool is_text = sqlite3_column_type(statement, column) == SQLITE_TEXT;
      const void* bytes = sqlite3_column_blob(statement, column);
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
      std::string copy(static_cast<const char*>(bytes), bytes == nullptr ? 0 : size);
      if (is_text) return copy;
      return Blob{std::move(copy)};
    }
  }
}

// The bytes are copied by SQLite: the parameters are the caller's.
int BindText(sqlite3_stmt* statement, int index, std::string_view text) {
  return sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_TRANSIENT,
                             SQLITE_UTF8);
}

struct Binder {
  sqlite3_stmt* statement;
  int index;
  int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
  int operator()(bool value) const { return sqlite3_bind_int(statement, index, value ? 1 : 0); }
  int operator()(std::int64_t value) const { return sqlite3_bind_int64(statement, index, value); }
  int operator()(double value) const { return sqlite3_bind_double(statement, index, value); }
  int operator()(const std::string& text) const { return BindText(statement, index, text); }
  int operator()(const Blob& blob) const {
    // An empty blob is no NULL.
    if (blob.bytes.empty()) return sqlite3_bind_zeroblob(statement, index, 0);
    return sqlite3_bind_blob64(statement, index, blob.bytes.data(), blob.bytes.size(),
                               SQLITE_TRANSIENT);
  }
  int operator()(Timestamp time) const { return BindText(statement, index, FormatTimestamp(time)); }
  int operator()(const std::vector<std::int64_t>&) const { return SQLITE_MISMATCH; }
  int operator()(const std::vector<std::string>&) const { return SQLITE_MISMATCH; }
};

class SqliteDriver final : public Driver {
 public:
  SqliteDriver(Handle handle, const DatabaseOptions& options)
      : rows_max_(options.rows_max), busy_timeout_(options.busy_timeout), db_(std::move(handle)) {
    sqlite3_extended_result_codes(db_.get(), 1);
    sqlite3_busy_handler(db_.get(), &OnBusy, this);
    sqlite3_progress_handler(db_.get(), kStepsPerCheck, &OnProgress, this);
    sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  }

  Dialect dialect() const override { return Dialect::kSqlite; }
  void set_limits(Limits limits) override { limits_ = std::move(limits); }
  bool is_in_transaction() const override { return sqlite3_get_autocommit(db_.get()) == 0; }
  bool IsUsable() override { return !is_in_transaction(); }

  Result<void> SetUp() {
    // FULL: a commit that was told is on the disk; write-behind acknowledges by it.
    return RunScript(
        "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;"
        "pragma trusted_schema = off;");
  }

  std::vector<Result<Rows>> Run(std::span<const Statement> statements) override {
    const bool is_own = statements.size() > 1 && sqlite3_get_autocommit(db_.get()) != 0;
    std::vector<Result<Rows>> results;
    if (is_own) {
      if (Result<void> begun = RunScript("begin immediate"); !begun) {
        results.emplace_back(Pass(std::move(begun)));
        return results;
      }
    }
    for (const Statement& statement : statements) {
      results.push_back(RunOne(statement));
      if (!results.back()) break;
    }
    if (!is_own) return results;
    if (!results.back()) {
      Rollback();
    } else if (Result<void> committed = Commit(); !committed) {
      results.back() = Pass(std::move(committed));
    }
    return results;
  }

  Result<void> RunScript(std::string_view script) override {
    if (Result<void> in_time = StartClock(); !in_time) return in_time;
    const std::string text(script);
    const int code = sqlite3_exec(db_.get(), text.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return std::unexpected(ErrorOf(code));
    return {};
  }

  Result<void> Begin(const TransactOptions& options) override {
    return RunScript(options.read_only ? "begin" : "begin immediate");
  }
  Result<void> Commit() override {
    Result<void> done = RunScript("commit");
    // A busy COMMIT leaves the transaction open, and nothing of it applied.
    if (!done) Rollback();
    return done;
  }
  void Rollback() override {
    if (sqlite3_get_autocommit(db_.get()) != 0) return;
    // Not held against the deadline: it may be why we roll back.
    is_bounded_ = false;
    sqlite3_exec(db_.get(), "rollback", nullptr, nullptr, nullptr);
    is_bounded_ = true;
  }

 private:
  static int OnProgress(void* self) {
    const auto& driver = *static_cast<SqliteDriver*>(self);
    return driver.is_bounded_ && !driver.limits_.Check() ? 1 : 0;
  }
  static int OnBusy(void* self, int) {
    auto& driver = *static_cast<SqliteDriver*>(self);
    if (!driver.limits_.Check()) return 0;
    if (driver.limits_.clock->Now() >= driver.busy_until_) return 0;
    sqlite3_sleep(kBusyPauseMs);
    return 1;
  }

  Result<void> StartClock() {
    busy_until_ = DeadlineOf(*limits_.clock, busy_timeout_);
    return limits_.Check();
  }

  Error ErrorOf(int code) const {
    const int kind = code & 0xff;
    const std::string text = sqlite3_errmsg(db_.get());
    if (kind == SQLITE_INTERRUPT || kind == SQLITE_BUSY) {
      if (Result<void> in_time = limits_.Check(); !in_time) return in_time.error();
    }
    if (kind == SQLITE_BUSY || kind == SQLITE_LOCKED)
      return Error{.code = Errc::kConflict, .detail = text};
    if (kind == SQLITE_CANTOPEN) return Error{.code = Errc::kUnreachable, .detail = text};
    return Error{.code = Errc::kServer, .detail = std::string(StateOf(code)) + " " + text};
  }

  // Prepared already, or now.
  Result<sqlite3_stmt*> Prepare(const std::string& text) {
    if (const auto found = prepared_.find(text); found != prepared_.end())
      return found->second.get();
    sqlite3_stmt* made = nullptr;
    const char* rest = nullptr;
    const int code = sqlite3_prepare_v3(db_.get(), text.data(), static_cast<int>(text.size()),
                                        SQLITE_PREPARE_PERSISTENT, &made, &rest);
    Prepared owner(made);
    if (code != SQLITE_OK) return std::unexpected(ErrorOf(code));
    if (made == nullptr ||
        !IsBlank(std::string_view(text).substr(static_cast<std::size_t>(rest - text.data()))))
      return Fail(Errc::kInvalid, "not one statement: " + text.substr(0, 80));
    // What is asked a thousand ways is not worth keeping: begin anew rather than search the oldest.
    if (prepared_.size() >= kPreparedMax) prepared_.clear();
    prepared_.emplace(text, std::move(owner));
    return made;
  }

  // The place of a name. To SQLite "$7" is a name like any other, which it searches from the first
  // one on; but mostly the seventh is where it stands.
  static int IndexOf(sqlite3_stmt* prepared, const std::string& name, std::size_t expected) {
    const int guess = static_cast<int>(expected);
    const char* there = sqlite3_bind_parameter_name(prepared, guess);
    if (there != nullptr && name == there) return guess;
    return sqlite3_bind_parameter_index(prepared, name.c_str());
  }

  Result<void> Bind(sqlite3_stmt* prepared, const Statement& statement) const {
    const auto count = static_cast<std::size_t>(sqlite3_bind_parameter_count(prepared));
    if (count != statement.parameters.size())
      return Fail(Errc::kInvalid, "the statement has " + std::to_string(count) +
                                      " parameters, bound are " +
                                      std::to_string(statement.parameters.size()));
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = "$" + std::to_string(i + 1);
      const int index = IndexOf(prepared, name, i + 1);
      if (index == 0) return Fail(Errc::kInvalid, "the statement has no parameter " + name);
      const int code = std::visit(Binder{prepared, index}, statement.parameters[i]);
      if (code == SQLITE_MISMATCH)
        return Fail(Errc::kUnsupported, "SQLite has no lists: " + name + " is one");
      if (code != SQLITE_OK) return std::unexpected(ErrorOf(code));
    }
    return {};
  }

  Result<Rows> RunOne(const Statement& statement) {
    if (Result<void> in_time = StartClock(); !in_time) return Pass(std::move(in_time));
    Result<sqlite3_stmt*> prepared = Prepare(statement.text);
    if (!prepared) return Pass(std::move(prepared));
    Result<Rows> rows = Rows();
    if (Result<void> bound = Bind(*prepared, statement); !bound) {
      rows = Pass(std::move(bound));
    } else {
      rows = Step(*prepared);
    }
    // At once: a statement that is not reset keeps its read lock.
    sqlite3_reset(*prepared);
    sqlite3_clear_bindings(*prepared);
    return rows;
  }

  Result<Rows> Step(sqlite3_stmt* prepared) {
    Rows rows;
    const std::int64_t changes_before = sqlite3_total_changes64(db_.get());
    int code = sqlite3_step(prepared);
    // Only now: the first step prepares anew after a change of the schema.
    const int columns = sqlite3_column_count(prepared);
    for (int i = 0; i < columns; ++i) rows.columns.emplace_back(sqlite3_column_name(prepared, i));
    for (; code == SQLITE_ROW; code = sqlite3_step(prepared)) {
      if (rows.size() == rows_max_)
        return Fail(Errc::kLimit, "more than " + std::to_string(rows_max_) + " rows");
      std::vector<Value>& row = rows.rows.emplace_back();
      row.reserve(static_cast<std::size_t>(columns));
      for (int i = 0; i < columns; ++i) row.push_back(ColumnOf(prepared, i));
    }
    if (code != SQLITE_DONE) return std::unexpected(ErrorOf(code));
    // changes() is of the last statement that wrote, which need not be this one.
    if (sqlite3_total_changes64(db_.get()) != changes_before)
      rows.affected = sqlite3_changes64(db_.get());
    return rows;
  }

  const std::size_t rows_max_;
  const Duration busy_timeout_;
  Limits limits_;
  TimePoint busy_until_{};
  bool is_bounded_ = true;
  Handle db_;
  std::map<std::string, Prepared, std::less<>> prepared_;
};

Result<Handle> OpenHandle(std::string_view path) {
  sqlite3* made = nullptr;
  const std::string name(path);
  const int code =
      sqlite3_open_v2(name.c_str(), &made,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Handle handle(made);
  if (code != SQLITE_OK) {
    return Fail(Errc::kUnreachable,
                name + ": " + (made == nullptr ? "no memory" : sqlite3_errmsg(made)));
  }
  return handle;
}

// data_version changes when another connection commits; reading it costs some microseconds.
class SqliteListener final : public Listener {
 public:
  SqliteListener(Handle handle, Prepared version)
      : db_(std::move(handle)), version_(std::move(version)) {}

  bool Wait(Duration timeout, std::stop_token stop) override {
    const TimePoint deadline = DeadlineOf(SystemClock(), timeout);
    while (true) {
      sqlite3_step(version_.get());
      const std::int64_t seen = sqlite3_column_int64(version_.get(), 0);
      sqlite3_reset(version_.get());
      if (seen != seen_) {
        seen_ = seen;
        return true;
      }
      if (stop.stop_requested() || SystemClock().Now() >= deadline) return false;
      sqlite3_sleep(kListenPauseMs);
    }
  }

 private:
  Handle db_;
  Prepared version_;
  std::int64_t seen_ = -1;
};

}  // namespace

Result<std::unique_ptr<Driver>> OpenSqlite(std::string_view path, const DatabaseOptions& options,
                                           const Limits& limits) {
  Result<Handle> handle = OpenHandle(path);
  if (!handle) return Pass(std::move(handle));
  auto driver = std::make_unique<SqliteDriver>(std::move(*handle), options);
  driver->set_limits(limits);
  if (Result<void> ready = driver->SetUp(); !ready) return Pass(std::move(ready));
  return driver;
}

Result<std::unique_ptr<Listener>> ListenSqlite(std::string_view path) {
  Result<Handle> handle = OpenHandle(path);
  if (!handle) return Pass(std::move(handle));
  sqlite3_stmt* made = nullptr;
  const int code = sqlite3_prepare_v2(handle->get(), "pragma data_version", -1, &made, nullptr);
  Prepared version(made);
  if (code != SQLITE_OK) return Fail(Errc::kUnreachable, sqlite3_errmsg(handle->get()));
  return std::make_unique<SqliteListener>(std::move(*handle), std::move(version));
}

}  // namespace cairn::cache::sql
