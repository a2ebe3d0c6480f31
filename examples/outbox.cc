// SPDX-License-Identifier: BSD-3-Clause
// Transactional invalidation: somebody who knows no cache changes a row, and the cache learns of
// it.
//
//   example_outbox [URI]
#include "cairn/sql/outbox.h"

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "cairn/sql/cached_table.h"

using namespace cairn::cache;
using namespace std::chrono_literals;

namespace {

struct User {
  std::int64_t id = 0;
  std::string name = {};
  static constexpr auto Fields() {
    return FieldsOf("user/1", Field("id", &User::id), Field("name", &User::name));
  }
};
using UserKey = Key<"outbox:{*}", std::int64_t>;

constexpr std::string_view kTable =
    "create table users(id bigint primary key, name text, row_version bigint)";

Result<void> Run(const Store& store) {
  Result<sql::Database> db = sql::Database::Open("sqlite::memory:");
  if (!db) return Pass(std::move(db));
  if (Result<void> made = db->RunScript(kTable); !made) return made;
  if (Result<void> watched = sql::Outbox(*db).Watch({.table = "users"}); !watched) return watched;
  const sql::CachedTable<User, UserKey> users(
      store, sql::Table<User>(*db, "users", {.version = "row_version"}), {.policy = {.ttl = 1h}});
  sql::OutboxRelay relay(store, *db,
                         {.keys = [](const sql::Change& change) -> std::vector<std::string> {
                           return {"outbox:{" + change.key + "}"};
                         }});
  for (const char* sql : {"insert into users(id, name) values (42, 'Ada')",
                          "update users set name = 'Ada Lovelace'"}) {
    const Result<sql::Rows> changed = db->Execute(sql::Statement(sql));
    if (!changed) return std::unexpected(changed.error());
    const Result<std::size_t> relayed = relay.RunOnce();  // in a program: relay.Run(stop)
    if (!relayed) return std::unexpected(relayed.error());
    const Result<Entry<User>> user = users.Get(42);
    if (!user) return std::unexpected(user.error());
    std::printf("%s\n", user->value->name.c_str());
  }
  return {};
}

}  // namespace

int main(int argument_count, char** arguments) {
  Result<Store> store = Store::Open(argument_count > 1 ? arguments[1] : "embedded:");
  Result<void> done = store ? Run(*store) : Result<void>(std::unexpected(store.error()));
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().detail.c_str());
  return 1;
}
