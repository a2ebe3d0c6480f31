// SPDX-License-Identifier: BSD-3-Clause
// AnyDatabase: a fixture whose tests run over both dialects; and a struct for them.
#ifndef CAIRN_TOOLKIT_SQL_ANY_DATABASE_H_
#define CAIRN_TOOLKIT_SQL_ANY_DATABASE_H_

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "cairn/sql/database.h"
#include "sql/database_place.h"

namespace cairn::cache::sql {

class AnyDatabase : public testing::TestWithParam<Dialect> {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(place_.Start(GetParam())); }
  Database Open(DatabaseOptions options = {}) {
    return Database::Open(place_.uri(), options).value();
  }

  DatabasePlace place_;
};

inline auto BothDialects() { return testing::Values(Dialect::kSqlite, Dialect::kPostgres); }
inline std::string DialectName(const testing::TestParamInfo<Dialect>& row) {
  return row.param == Dialect::kSqlite ? "Sqlite" : "Postgres";
}

// The shape that Fields() has for the codecs.
template <class Owner, class T>
struct TestField {
  std::string_view name;
  T Owner::* member;
};
template <class... Members>
struct TestFields {
  std::tuple<Members...> members;
};

struct User {
  std::int64_t id = 0;
  std::string name = {};
  std::optional<std::string> email = {};
  double score = 0;
  static constexpr auto Fields() {
    return TestFields(std::tuple(TestField<User, std::int64_t>{"id", &User::id},
                                 TestField<User, std::string>{"name", &User::name},
                                 TestField<User, std::optional<std::string>>{"email", &User::email},
                                 TestField<User, double>{"score", &User::score}));
  }
  bool operator==(const User&) const = default;
};

inline constexpr std::string_view kUsersTable =
    "create table users(id bigint primary key, name text not null, email text,"
    " score double precision not null default 0, row_version bigint);";

}  // namespace cairn::cache::sql

#endif  // CAIRN_TOOLKIT_SQL_ANY_DATABASE_H_
