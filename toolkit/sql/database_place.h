// SPDX-License-Identifier: BSD-3-Clause
// DatabasePlace: where a test finds a database, of either dialect, empty and its own.
//
// SQLite: a file in a temporary folder. PostgreSQL: a server of Debian's packages, started on first
// use by the unprivileged user it asks for, in a temporary folder with a Unix socket and no port;
// one for all tests of the program (each has a database of its own in it), or one for a test that
// kills it. It dies with the program, by the kernel, should that be killed.
//
// One thread.
#ifndef CAIRN_TOOLKIT_SQL_DATABASE_PLACE_H_
#define CAIRN_TOOLKIT_SQL_DATABASE_PLACE_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "cairn/sql/database.h"

namespace cairn::cache::sql {

class PostgresServer;

class DatabasePlace {
 public:
  DatabasePlace();
  ~DatabasePlace();

  // Fail the test if they cannot.
  void Start(Dialect dialect);
  void StartPostgresOfItsOwn();

  const std::string& uri() const { return uri_; }
  // Of a server of its own: kill -9, and once more from what is on the disk.
  void Kill();
  void StartAgain();
  bool is_up() const;

 private:
  std::string folder_;
  std::string uri_;
  std::unique_ptr<PostgresServer> own_;
};

}  // namespace cairn::cache::sql

#endif  // CAIRN_TOOLKIT_SQL_DATABASE_PLACE_H_
