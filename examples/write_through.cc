// SPDX-License-Identifier: BSD-3-Clause
// Write-through: a row is committed and then put, with its version, so that an older write which
// comes to the cache later is refused.
//
//   example_write_through [URI]
#include <chrono>
#include <cstdio>
#include <string>

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
using UserKey = Key<"through:{*}", std::int64_t>;

Result<void> Run(const Store& store) {
  Result<sql::Database> db = sql::Database::Open("sqlite::memory:");
  if (!db) return Pass(std::move(db));
  const Result<void> made =
      db->RunScript("create table users(id bigint primary key, name text, row_version bigint)");
  if (!made) return made;
  const sql::CachedTable<User, UserKey> users(
      store, sql::Table<User>(*db, "users", {.version = "row_version"}), {.policy = {.ttl = 1h}});
  // So that the example can be run again on the same store.
  if (Result<Mark> gone = users.cache().Invalidate(42); !gone) return Pass(std::move(gone));

  const Result<sql::Written> first = users.Save({42, "Ada"}, 1);
  if (!first) return std::unexpected(first.error());
  const Result<sql::Written> second = users.Save({42, "Ada Lovelace"}, 2);
  if (!second) return std::unexpected(second.error());
  // The first writer again, held up between his commit and the cache.
  const Result<Mark> late = users.cache().Put(42, {42, "Ada"}, {.version = 1});
  if (!late) return std::unexpected(late.error());
  const Result<Entry<User>> user = users.Get(42);
  if (!user) return std::unexpected(user.error());
  std::printf("%s (%s); the late one was %s\n", user->value->name.c_str(),
              std::string(OutcomeName(user->outcome)).c_str(),
              late->is_applied ? "put" : "refused");
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
