// SPDX-License-Identifier: BSD-3-Clause
// A row of SQLite through a cache in the process, twice: says how often it was loaded, and its
// name.
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "cairn/cache.h"
#include "cairn/sql/table.h"

using namespace cairn::cache;

namespace {

struct User {
  std::int64_t id = 0;
  std::string name;
  static constexpr auto Fields() {
    return FieldsOf("user/1", Field("id", &User::id), Field("name", &User::name));
  }
};
using UserKey = Key<"user:{*}", std::int64_t>;

int Run() {
  const Store store = Store::Open("embedded:").value();
  const sql::Database db = sql::Database::Open("sqlite::memory:").value();
  db.RunScript(
        "create table users (id integer primary key, name text not null);"
        "insert into users values (42, 'ann');")
      .value();
  const sql::Table<User> table(db, "users");
  const TypedCache<User, UserKey> users(store);
  int loads = 0;
  std::string name;
  for (int i = 0; i < 2; ++i) {
    const auto entry = users.GetOrLoad(UserKey{42}, [&](auto& context) {
      ++loads;
      Result<sql::Loaded<User>> row = table.Load(context.key.template part<0>());
      if (!row) return Result<std::optional<User>>(Pass(std::move(row)));
      context.tags = row->tags;
      return Result<std::optional<User>>(row->value);
    });
    name = entry.value().value->name;
  }
  std::printf("%d %s\n", loads, name.c_str());
  return 0;
}

}  // namespace

int main() { return Run(); }
