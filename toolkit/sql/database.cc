// SPDX-License-Identifier: BSD-3-Clause
// Transactions, and what is tried again.
//
// Known not to have been applied, and so tried again: kConflict wherever it comes from, and inside
// a transaction a connection lost before COMMIT was sent. Everything else is the caller's to judge.
#include "cairn/sql/database.h"

#include <algorithm>
#include <thread>

#include "sql/driver.h"
#include "sql/pause.h"
#include "sql/pool.h"

namespace cairn::cache::sql {
namespace {

constexpr std::size_t kAutocommitAttempts = 4;
constexpr Duration kPauseMin = std::chrono::milliseconds(1);
constexpr Duration kPauseMax = std::chrono::milliseconds(100);

// Doubles, and differs between threads: two that met once do not meet for ever.
Duration PauseBefore(std::size_t attempt) {
  const std::size_t thread = std::hash<std::thread::id>()(std::this_thread::get_id());
  const auto doublings = static_cast<unsigned>(std::min<std::size_t>(attempt, 7));
  const Duration pause = std::min(kPauseMax, Duration(kPauseMin.count() << doublings));
  return pause / 2 + pause / 16 * static_cast<std::int64_t>((thread / 64 + attempt) % 8);
}

// False if the call is over.
bool MayTryAgain(std::size_t attempt, const Limits& limits) {
  Pause(std::min(PauseBefore(attempt), limits.left()), limits.stop);
  return limits.Check().has_value();
}

bool IsLost(const Error& error) {
  return error.code == Errc::kClosed || error.code == Errc::kUnreachable;
}

bool IsWorthAnother(const Error& error) {
  return error.code == Errc::kConflict || (IsLost(error) && !error.may_have_applied);
}

std::unexpected<Error> NotApplied(Error error) {
  error.may_have_applied = false;
  return std::unexpected(std::move(error));
}

}  // namespace

Result<void> Limits::Check() const {
  if (stop.stop_requested()) return Fail(Errc::kCancelled, "cancelled");
  if (left() <= Duration::zero()) return Fail(Errc::kTimeout, "the deadline passed");
  return {};
}

TimePoint DeadlineOf(const Clock& clock, Duration timeout) {
  return clock.Now() + std::clamp<Duration>(timeout, Duration::zero(), kWaitMax);
}

std::optional<std::size_t> Rows::Find(std::string_view column) const {
  const auto found = std::find(columns.begin(), columns.end(), column);
  if (found == columns.end()) return {};
  return static_cast<std::size_t>(found - columns.begin());
}

Dialect Session::dialect() const { return driver_->dialect(); }

namespace {

struct ByteCounter {
  std::size_t operator()(const std::string& text) const { return text.size(); }
  std::size_t operator()(const Blob& blob) const { return blob.bytes.size(); }
  std::size_t operator()(const std::vector<std::string>& list) const {
    std::size_t bytes = 0;
    for (const std::string& text : list) bytes += text.size();
    return bytes;
  }
  std::size_t operator()(const std::vector<std::int64_t>& list) const {
    return list.size() * sizeof(std::int64_t);
  }
  std::size_t operator()(const auto&) const { return sizeof(std::int64_t); }
};

Result<void> CheckOne(const Statement& statement, std::size_t parameters_max) {
  // A database answers nothing to nothing, each in its way.
  if (statement.text.find_first_not_of(" \t\r\n;") == std::string::npos)
    return Fail(Errc::kInvalid, "an empty statement");
  // libpq would send what stands before it.
  if (statement.text.find('\0') != std::string::npos)
    return Fail(Errc::kInvalid, "a statement with a NUL byte");
  if (statement.parameters.size() > parameters_max)
    return Fail(Errc::kInvalid,
                "a statement has more than " + std::to_string(parameters_max) + " parameters");
  std::size_t bytes = statement.text.size();
  for (const Value& value : statement.parameters) bytes += std::visit(ByteCounter(), value);
  if (bytes > kStatementBytesMax)
    return Fail(Errc::kInvalid, "a statement has more than " + std::to_string(kStatementBytesMax) +
                                    " bytes with its parameters");
  return {};
}

}  // namespace

Result<void> CheckStatements(std::span<const Statement> statements, Dialect dialect) {
  if (statements.size() > kStatementsMax)
    return Fail(Errc::kInvalid,
                "a batch has more than " + std::to_string(kStatementsMax) + " statements");
  const bool is_sqlite = dialect == Dialect::kSqlite;
  const std::size_t parameters_max = is_sqlite ? kSqliteParametersMax : kPostgresParametersMax;
  for (const Statement& statement : statements) {
    if (Result<void> checked = CheckOne(statement, parameters_max); !checked) return checked;
  }
  return {};
}

Result<void> CheckScript(std::string_view script) {
  if (script.find('\0') != script.npos) return Fail(Errc::kInvalid, "a script with a NUL byte");
  if (script.size() > kStatementBytesMax)
    return Fail(Errc::kInvalid,
                "a script has more than " + std::to_string(kStatementBytesMax) + " bytes");
  return {};
}

Result<Rows> Session::Execute(const Statement& statement) {
  std::vector<Result<Rows>> results = Batch(std::span(&statement, 1));
  return std::move(results.front());
}

std::vector<Result<Rows>> Session::Batch(std::span<const Statement> statements) {
  std::vector<Result<Rows>> results;
  if (failure_) {
    if (!statements.empty()) results.emplace_back(std::unexpected(*failure_));
    return results;
  }
  if (statements.empty()) return results;
  if (Result<void> checked = CheckStatements(statements, dialect()); !checked) {
    results.emplace_back(Pass(std::move(checked)));
  } else {
    results = driver_->Run(statements);
    // COMMIT was never sent...
    if (!results.back()) results.back().error().may_have_applied = false;
    // ...unless by the body itself.
    if (results.back() && !driver_->is_in_transaction()) {
      results.back() = Fail(Errc::kInvalid, "a statement has ended the transaction");
      results.back().error().may_have_applied = true;
    }
  }
  if (!results.back()) failure_ = results.back().error();
  return results;
}

Result<Database> Database::Open(std::string_view uri, DatabaseOptions options) {
  if (options.clock == nullptr) options.clock = &SystemClock();
  if (options.connections_max == 0) return Fail(Errc::kInvalid, "a pool has 1 connection or more");
  std::shared_ptr<Pool> pool;
  if (uri.starts_with("sqlite:")) {
    const std::string path(uri.substr(7));
    if (path.empty()) return Fail(Errc::kInvalid, "no file in " + std::string(uri));
    // Each connection to :memory: would be a database of its own.
    if (path == ":memory:") options.connections_max = 1;
    pool = std::make_shared<Pool>(
        path, Dialect::kSqlite, options,
        [path, options](const Limits& limits) { return OpenSqlite(path, options, limits); });
  } else if (uri.starts_with("postgresql://") || uri.starts_with("postgres://")) {
    pool = std::make_shared<Pool>(std::string(uri), Dialect::kPostgres, options,
                                  [text = std::string(uri), options](const Limits& limits) {
                                    return OpenPostgres(text, options, limits);
                                  });
  } else {
    return Fail(Errc::kInvalid,
                "not sqlite: or postgresql://: " + std::string(uri.substr(0, uri.find(':'))));
  }
  // A mistake in the URI is told now.
  Result<Pool::Lease> first = pool->Take(pool->LimitsOf({}));
  if (!first) return Pass(std::move(first));
  return Database(std::move(pool));
}

Dialect Database::dialect() const { return pool_->dialect(); }
const Clock& Database::clock() const { return pool_->clock(); }

Result<Rows> Database::Execute(const Statement& statement, const SqlCall& call) const {
  std::vector<Result<Rows>> results = Batch(std::span(&statement, 1), call);
  return std::move(results.front());
}

std::vector<Result<Rows>> Database::Batch(std::span<const Statement> statements,
                                          const SqlCall& call) const {
  std::vector<Result<Rows>> results;
  if (statements.empty()) return results;
  if (Result<void> checked = CheckStatements(statements, dialect()); !checked) {
    results.emplace_back(Pass(std::move(checked)));
    return results;
  }
  const Limits limits = pool_->LimitsOf(call);
  for (std::size_t attempt = 0;; ++attempt) {
    Result<Pool::Lease> lease = pool_->Take(limits);
    if (!lease) {
      results.clear();
      results.emplace_back(Pass(std::move(lease)));
      return results;
    }
    results = (*lease)->Run(statements);
    if (results.back() || results.back().error().code != Errc::kConflict) return results;
    if (attempt + 1 == kAutocommitAttempts || !MayTryAgain(attempt, limits)) return results;
  }
}

Result<void> Database::RunScript(std::string_view script, const SqlCall& call) const {
  if (Result<void> checked = CheckScript(script); !checked) return checked;
  Result<Pool::Lease> lease = pool_->Take(pool_->LimitsOf(call));
  if (!lease) return Pass(std::move(lease));
  Driver& driver = *lease->get();
  if (Result<void> begun = driver.Begin({}); !begun) return begun;
  if (Result<void> done = driver.RunScript(script); !done) {
    driver.Rollback();
    return NotApplied(std::move(done).error());
  }
  return driver.Commit();
}

Result<void> Database::RunTransaction(const TransactionBody& body,
                                      const TransactOptions& options) const {
  const Limits limits = pool_->LimitsOf(options.call);
  const auto run_once = [&]() -> Result<void> {
    Result<Pool::Lease> lease = pool_->Take(limits);
    if (!lease) return Pass(std::move(lease));
    Driver& driver = *lease->get();
    if (Result<void> begun = driver.Begin(options); !begun)
      return NotApplied(std::move(begun).error());
    Session session(&driver);
    Result<void> done;
    try {
      done = body(session);
    } catch (...) {
      done = std::unexpected(Error{.code = Errc::kLoader,
                                   .detail = "the body of a transaction threw",
                                   .cause = std::current_exception()});
    }
    if (session.failure_) done = std::unexpected(*session.failure_);
    if (done) return driver.Commit();
    driver.Rollback();
    return done;
  };
  for (std::size_t attempt = 0;; ++attempt) {
    Result<void> done = run_once();
    if (done || !IsWorthAnother(done.error())) return done;
    if (attempt + 1 >= options.attempts_max || !MayTryAgain(attempt, limits)) return done;
  }
}

Result<std::unique_ptr<Listener>> Database::Listen(std::string_view channel) const {
  if (dialect() == Dialect::kSqlite) return ListenSqlite(pool_->uri());
  return ListenPostgres(pool_->uri(), channel, pool_->LimitsOf({}));
}

}  // namespace cairn::cache::sql
