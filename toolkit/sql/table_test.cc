// SPDX-License-Identifier: BSD-3-Clause
// Rows as structs, over both dialects.
#include "cairn/sql/table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sql/any_database.h"

namespace cairn::cache::sql {
namespace {

class Tables : public AnyDatabase {};
INSTANTIATE_TEST_SUITE_P(Sql, Tables, BothDialects(), DialectName);

TEST_P(Tables, OneRowByItsKey) {
  const Database db = Open();
  ASSERT_TRUE(db.RunScript(kUsersTable));
  const Table<User> users(db, "users", {.version = "row_version"});
  const User ada{.id = 42, .name = "Ada", .score = 0.5};
  ASSERT_EQ(db.Execute(users.Upsert(ada, 7))->affected, 1);
  const Loaded<User> found = users.Load(42).value();
  EXPECT_EQ(found.value, ada);
  EXPECT_EQ(found.version, 7);
  EXPECT_EQ(found.tags, (std::vector<std::string>{"table:users", "row:users:42"}));
  const Loaded<User> none = users.Load(43).value();
  EXPECT_EQ(none.value, std::nullopt);
  EXPECT_EQ(none.tags.back(), "row:users:43");  // absence is invalidated by the insert
  ASSERT_TRUE(db.Execute(users.Delete(42)));
  EXPECT_EQ(users.Load(42)->value, std::nullopt);
}

TEST_P(Tables, ManyRowsInTheOrderOfTheKeys) {
  const Database db = Open();
  ASSERT_TRUE(db.RunScript(kUsersTable));
  const Table<User> users(db, "users");
  std::vector<Statement> inserts;
  for (int i = 0; i < 1500; ++i)
    inserts.push_back(users.Upsert({.id = i, .name = std::to_string(i), .email = "e"}));
  ASSERT_TRUE(db.Batch(inserts).back());
  std::vector<int> ids = {7, 9000, 7, 3};
  for (int i = 1499; i >= 0; --i) ids.push_back(i);
  const auto rows = users.LoadMany(ids).value();
  ASSERT_EQ(rows.size(), ids.size());
  EXPECT_EQ(rows[0].value->name, "7");
  EXPECT_EQ(rows[1].value, std::nullopt);
  EXPECT_EQ(rows[2].value->name, "7");
  EXPECT_EQ(rows.back().value->id, 0);
  EXPECT_EQ(rows.back().tags.back(), "row:users:0");
  EXPECT_TRUE(users.LoadMany(std::vector<int>())->empty());
}

TEST_P(Tables, AVersionRefusesThePast) {
  const Database db = Open();
  ASSERT_TRUE(db.RunScript(kUsersTable));
  const Table<User> users(db, "users", {.version = "row_version"});
  EXPECT_EQ(db.Execute(users.Upsert({.id = 1, .name = "new"}, 9))->affected, 1);
  EXPECT_EQ(db.Execute(users.Upsert({.id = 1, .name = "old"}, 8))->affected, 0);
  EXPECT_EQ(db.Execute(users.Upsert({.id = 1, .name = "new"}, 9))->affected, 1);
  EXPECT_EQ(db.Execute(users.Delete(1, 8))->affected, 0);
  EXPECT_EQ(users.Load(1)->value->name, "new");
  EXPECT_EQ(db.Execute(users.Delete(1, 10))->affected, 1);
}

TEST_P(Tables, QueriesByText) {
  const Database db = Open();
  ASSERT_TRUE(db.RunScript(std::string(kUsersTable) +
                           "insert into users values (1, 'a\"\\', null, 1, 5), (2, 'b', 'x', 2, 6),"
                           " (3, 'b', 'y', 3, 6);"));
  const Query<User> by_name(db, "select *, name as k from users where name = $1 order by id",
                            {.key = "k", .version = "row_version", .table = "users"});
  EXPECT_EQ(by_name.Load("a\"\\")->version, 5);
  EXPECT_EQ(by_name.Load("b").error().code, Errc::kInvalid);  // two rows
  const auto many = by_name.LoadMany(std::vector<std::string>{"none", "a\"\\"});
  ASSERT_TRUE(many) << many.error().detail;
  EXPECT_EQ((*many)[0].value, std::nullopt);
  EXPECT_EQ((*many)[1].value->id, 1);
  EXPECT_EQ(by_name.LoadMany(std::vector<std::string>{"b"}).error().code, Errc::kInvalid);
}

TEST_P(Tables, MistakesAreTold) {
  const Database db = Open();
  ASSERT_TRUE(
      db.RunScript(std::string(kUsersTable) + "insert into users values (1, 'a', null, 1, null);"));
  const auto code = [&](std::string_view text, QueryOptions options = {}) {
    const auto rows = Query<User>(db, text, options).LoadMany(std::vector<int>{1});
    return rows ? Errc::kClosed : rows.error().code;
  };
  EXPECT_EQ(code("select * from users where id = $1"), Errc::kClosed);
  EXPECT_EQ(code("select * from users where id in ($1)"), Errc::kInvalid);
  EXPECT_EQ(code("select * from users where id = $1 or id = $1"), Errc::kInvalid);
  EXPECT_EQ(code("select id, name from users where id = $1"), Errc::kInvalid);  // no email
  EXPECT_EQ(code("select id, email as name, email, score from users where id = $1"), Errc::kType);
  EXPECT_EQ(code("select *, 0 as v from users where id = $1", {.version = "v"}), Errc::kType);
  EXPECT_EQ(code("select 2 as key, users.* from users where id = $1", {.key = "key"}), Errc::kType);
  EXPECT_EQ(Query<User>(db, "select * from users where id = $1")
                .LoadMany(std::vector<double>{0.5})
                .has_value(),
            GetParam() == Dialect::kSqlite);
}

TEST(Identifiers, AreQuoted) { EXPECT_EQ(Quoted("shop.us\"ers"), "\"shop\".\"us\"\"ers\""); }

}  // namespace
}  // namespace cairn::cache::sql
