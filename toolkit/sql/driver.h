// SPDX-License-Identifier: BSD-3-Clause
// Driver: one connection to one database. Database has the rest: the pool, transactions, retries.
//
// Belongs to one thread at a time. Where an error leaves the connection unusable, usable() is false
// and the pool closes it.
#ifndef CAIRN_TOOLKIT_SQL_DRIVER_H_
#define CAIRN_TOOLKIT_SQL_DRIVER_H_

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

#include "cairn/sql/database.h"

namespace cairn::cache::sql {

// What bounds one call.
struct Limits {
  const Clock* clock = nullptr;
  TimePoint deadline = {};
  std::stop_token stop = {};
  Duration left() const { return deadline - clock->Now(); }
  // kTimeout or kCancelled when it is over.
  Result<void> Check() const;
};

// When what begins now and may take so long is over. Duration::max() is as good as for ever.
TimePoint DeadlineOf(const Clock& clock, Duration timeout);

// kInvalid of what no database takes, or each in its way. What is not sent has no effect, and costs
// no connection.
Result<void> CheckStatements(std::span<const Statement> statements, Dialect dialect);
Result<void> CheckScript(std::string_view script);

class Driver {
 public:
  virtual ~Driver() = default;

  virtual Dialect dialect() const = 0;
  virtual void set_limits(Limits limits) = 0;
  // The results up to the first failure, which is the last. may_have_applied is set if a statement
  // was sent and no reply came: what that means, the caller knows. Outside of a transaction several
  // statements are one.
  virtual std::vector<Result<Rows>> Run(std::span<const Statement> statements) = 0;
  virtual Result<void> RunScript(std::string_view script) = 0;
  virtual Result<void> Begin(const TransactOptions& options) = 0;
  virtual Result<void> Commit() = 0;
  virtual void Rollback() = 0;
  virtual bool is_in_transaction() const = 0;
  // False if the connection was lost, or is in a state that nobody should inherit. Asked of one
  // that was idle, it notices that the other side has hung up.
  virtual bool IsUsable() = 0;
};

using DriverMaker = std::function<Result<std::unique_ptr<Driver>>(const Limits&)>;

Result<std::unique_ptr<Driver>> OpenSqlite(std::string_view path, const DatabaseOptions& options,
                                           const Limits& limits);
Result<std::unique_ptr<Listener>> ListenSqlite(std::string_view path);
Result<std::unique_ptr<Driver>> OpenPostgres(std::string_view uri, const DatabaseOptions& options,
                                             const Limits& limits);
Result<std::unique_ptr<Listener>> ListenPostgres(std::string_view uri, std::string_view channel,
                                                 const Limits& limits);

}  // namespace cairn::cache::sql

#endif  // CAIRN_TOOLKIT_SQL_DRIVER_H_
