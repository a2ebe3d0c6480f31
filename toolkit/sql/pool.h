// SPDX-License-Identifier: BSD-3-Clause
// Pool: the connections of a Database, at most so many, lent to one call at a time.
//
// A connection that comes back unusable is closed; one that hung up while it was idle is noticed
// when it would be lent, and another is opened. The last one used is lent first, so that those a
// quiet time does not need stay idle.
//
// Thread safety: any thread. Connections are opened outside of the lock.
#ifndef CAIRN_TOOLKIT_SQL_POOL_H_
#define CAIRN_TOOLKIT_SQL_POOL_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sql/driver.h"

namespace cairn::cache::sql {

class Pool {
 public:
  Pool(std::string uri, Dialect dialect, DatabaseOptions options, DriverMaker make)
      : uri_(std::move(uri)), dialect_(dialect), options_(options), make_(std::move(make)) {}

  // Gives the connection back when it goes.
  class Lease {
   public:
    Lease(Pool* pool, std::unique_ptr<Driver> driver) : pool_(pool), driver_(std::move(driver)) {}
    Lease(Lease&&) = default;
    ~Lease() {
      if (driver_) pool_->Give(std::move(driver_));
    }
    Driver* operator->() const { return driver_.get(); }
    Driver* get() const { return driver_.get(); }

   private:
    Pool* pool_;
    std::unique_ptr<Driver> driver_;
  };

  Result<Lease> Take(const Limits& limits);
  // The bounds of a call that begins now.
  Limits LimitsOf(const SqlCall& call) const;

  Dialect dialect() const { return dialect_; }
  const Clock& clock() const { return *options_.clock; }
  const std::string& uri() const { return uri_; }

 private:
  void Give(std::unique_ptr<Driver> driver);
  // An idle connection, or null with the right to open one.
  Result<std::unique_ptr<Driver>> Wait(const Limits& limits);
  void GiveUpRight();

  // constant after construction
  const std::string uri_;
  const Dialect dialect_;
  const DatabaseOptions options_;
  const DriverMaker make_;

  std::mutex mu_;
  std::condition_variable_any freed_;
  // guarded by mu_
  std::vector<std::unique_ptr<Driver>> idle_;
  std::size_t made_ = 0;  // lent, idle, or being opened
  std::size_t waiters_ = 0;
};

}  // namespace cairn::cache::sql

#endif  // CAIRN_TOOLKIT_SQL_POOL_H_
