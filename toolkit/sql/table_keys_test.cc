// SPDX-License-Identifier: BSD-3-Clause
// Keys of a table, page by page, and the guard that is built of them: over both databases.
#include "cairn/sql/table_keys.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cairn/sql/cached_table.h"
#include "cairn/testkit/virtual_time.h"
#include "sql/any_database.h"

namespace cairn::cache::sql {
namespace {

using namespace std::chrono_literals;

struct Item {
  std::int64_t id = 0;
  std::string name = {};
  static constexpr auto Fields() {
    return FieldsOf("item/1", Field("id", &Item::id), Field("name", &Item::name));
  }
  bool operator==(const Item&) const = default;
};
using ItemKey = Key<"{item}:*", std::int64_t>;
using NameKey = Key<"named:{*}", std::string>;

class TableKeys : public AnyDatabase {
 protected:
  void SetUp() override {
    AnyDatabase::SetUp();
    db_.emplace(Open());
    ASSERT_TRUE(
        db_->RunScript("create table items(id bigint primary key, name text not null unique,"
                       " row_version bigint not null default 1)"));
  }
  void Insert(std::int64_t id) {
    const Statement insert("insert into items(id, name) values ($1, $2)", id,
                           "n" + std::to_string(id));
    ASSERT_TRUE(db_->Execute(insert));
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
  std::optional<Database> db_;
};
INSTANTIATE_TEST_SUITE_P(Sql, TableKeys, BothDialects(), DialectName);

TEST_P(TableKeys, PageByPage) {
  for (const std::int64_t id : {-3, 0, 1, 5, 7}) Insert(id);
  const KeySource source = KeysOf<ItemKey>(*db_, "items", "id", 2);
  for (int round = 0; round < 2; ++round) {
    KeyPages pages = source().value();
    std::vector<std::size_t> sizes;
    std::vector<std::string> all;
    while (true) {
      const std::vector<std::string> page = pages().value();
      if (page.empty()) break;
      sizes.push_back(page.size());
      all.insert(all.end(), page.begin(), page.end());
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{2, 2, 1}));
    EXPECT_EQ(all.front(), ItemKey(-3).text());
    EXPECT_EQ(all.back(), ItemKey(7).text());
  }
  KeyPages names = KeysOf<NameKey>(*db_, "items", "name", 100)().value();
  EXPECT_EQ(names()->size(), 5U);
  EXPECT_EQ(names()->size(), 0U);
}

TEST_P(TableKeys, ErrorsAreTheDatabases) {
  Insert(1);
  EXPECT_FALSE((*KeysOf<ItemKey>(*db_, "nothing")())().has_value());
  EXPECT_EQ((*KeysOf<ItemKey>(*db_, "items", "name")())().error().code, Errc::kType);
  const BloomGuard guard({.source = KeysOf<ItemKey>(*db_, "nothing")});
  EXPECT_FALSE(guard.Rebuild().has_value());
  EXPECT_TRUE(guard.MayExist(ItemKey(9)));
}

TEST_P(TableKeys, ACachedTableKeepsItsGuard) {
  for (std::int64_t id = 1; id <= 20; ++id) Insert(id);
  const BloomGuard guard({.source = KeysOf<ItemKey>(*db_, "items", "id", 7)});
  ASSERT_TRUE(guard.Rebuild().has_value());
  EXPECT_EQ(guard.figures().keys, 20U);
  const CachedTable<Item, ItemKey> items(
      store_, Table<Item>(*db_, "items", {.version = "row_version"}),
      {.policy = {.ttl = 1min}, .guard = guard, .log = "{item}:log"});
  EXPECT_EQ(items.Get(7)->value->name, "n7");
  EXPECT_EQ(items.Get(21)->outcome, Outcome::kNegative);
  EXPECT_FALSE(items.Get(21)->is_cached);
  ASSERT_TRUE(items.Save({21, "n21"}));
  EXPECT_EQ(items.Get(21)->value->name, "n21");
  ASSERT_TRUE(guard.Rebuild().has_value());
  EXPECT_EQ(items.Get(21)->value->name, "n21");
  EXPECT_EQ(items.SaveBehind({22, "n22"}).error().code, Errc::kInvalid);
}

}  // namespace
}  // namespace cairn::cache::sql
