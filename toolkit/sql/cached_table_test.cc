// SPDX-License-Identifier: BSD-3-Clause
// Rows through a cache: over the embedded store and both databases.
#include "cairn/sql/cached_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cairn/sql/write_behind_worker.h"
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

class CachedTables : public AnyDatabase {
 protected:
  using Items = CachedTable<Item, ItemKey>;

  void SetUp() override {
    AnyDatabase::SetUp();
    db_.emplace(Open());
    ASSERT_TRUE(
        db_->RunScript("create table items(id bigint primary key, name text not null,"
                       " row_version bigint not null default 1)"));
  }
  Items Make(CachedTableOptions options = {}) {
    return {store_, Table<Item>(*db_, "items", {.version = "row_version"}), std::move(options)};
  }
  void Run(const std::string& text) { ASSERT_TRUE(db_->Execute(Statement(text))); }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
  std::optional<Database> db_;
};
INSTANTIATE_TEST_SUITE_P(Sql, CachedTables, BothDialects(), DialectName);

TEST_P(CachedTables, ReadThrough) {
  Run("insert into items values (1, 'one', 7)");
  const Items items = Make();
  const Entry<Item> first = items.Get(1).value();
  EXPECT_EQ(first.value, (Item{1, "one"}));
  EXPECT_EQ(first.version, 7);
  EXPECT_EQ(first.outcome, Outcome::kLoaded);
  Run("update items set name = 'behind the cache''s back'");
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kHit);
  // By the tags that an outbox bumps.
  ASSERT_TRUE(items.cache().InvalidateTag("row:items:1", Bump::kHard));
  EXPECT_EQ(items.Get(1)->value->name, "behind the cache's back");
  EXPECT_EQ(items.Get(2)->outcome, Outcome::kNegative);
  EXPECT_TRUE(items.Get(2)->is_cached);
}

// Counts what it is given.
class CountingPool final : public Executor {
 public:
  void Post(Work work) override {
    ++count;
    pool_->Post(std::move(work));
  }
  std::atomic<int> count{0};

 private:
  const std::unique_ptr<Executor> pool_ = MakeThreadPool(1);
};

TEST_P(CachedTables, LoadsOnTheExecutor) {
  Run("insert into items values (1, 'one', 7)");
  CountingPool pool;
  const Items items = Make({.executor = &pool});
  EXPECT_EQ(SyncWait(items.CoGet(1))->value->name, "one");
  EXPECT_EQ(pool.count, 1);
  EXPECT_EQ(SyncWait(items.CoGet(1))->outcome, Outcome::kHit);
  EXPECT_EQ(pool.count, 1);
  std::vector<ItemKey> many = {{2}, {3}};
  EXPECT_TRUE(SyncWait(items.CoGetMany(std::move(many))));
  EXPECT_EQ(pool.count, 2);
}

TEST_P(CachedTables, OnlyTheMissingOnesOfMany) {
  Run("insert into items values (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)");
  const Items items = Make();
  ASSERT_TRUE(items.Get(2));
  Run("update items set name = 'new'");
  const auto many = items.GetMany({{3}, {2}, {9}, {1}, {3}}).value();
  ASSERT_EQ(many.size(), 5U);
  EXPECT_EQ(many[0].value->name, "new");
  EXPECT_EQ(many[1].value->name, "two");
  EXPECT_EQ(many[2].value, std::nullopt);
  EXPECT_EQ(many[3].version, 1);
  EXPECT_EQ(many[4].value->id, 3);
  ASSERT_TRUE(items.cache().InvalidateTag("row:items:3", Bump::kHard));
  EXPECT_EQ(items.cache().Get(3)->outcome, Outcome::kMiss);
  EXPECT_EQ(items.cache().Get(1)->outcome, Outcome::kHit);
}

TEST_P(CachedTables, WriteThrough) {
  const Items items = Make();
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kNegative);
  const Written created = items.Save({1, "one"}, 5).value();
  EXPECT_EQ(created.version, 5);
  EXPECT_TRUE(created.is_cached);
  EXPECT_EQ(items.Get(1)->outcome, Outcome::kHit);
  EXPECT_EQ(items.Get(1)->value->name, "one");
  EXPECT_EQ(items.Save({1, "older"}, 4).error().code, Errc::kConflict);
  EXPECT_EQ(items.Get(1)->value->name, "one");
  EXPECT_EQ(items.Save({1, "same"}, 0)->version, 5);
  const Written removed = items.Remove(1).value();
  EXPECT_EQ(removed.version, 6);
  EXPECT_EQ(items.Get(1)->value, std::nullopt);
  EXPECT_EQ(items.table().Load(1)->value, std::nullopt);
}

// 001: an update that invalidates nothing, and 002: a create that does not: what was known before
// is served for the whole time.
TEST_P(CachedTables, GuideUpdatesWithoutAnInvalidation) {
  Client& client = store_.client();
  ASSERT_TRUE(client.Call(Command("SETEX", "guide:1", 3'600, "null")));  // read before it was there
  Run("insert into items values (1, 'one', 1)");
  EXPECT_EQ(client.Call(Command("GET", "guide:1"))->text(), "null");
  ASSERT_TRUE(client.Call(Command("SETEX", "guide:1", 3'600, "one")));
  Run("update items set name = 'two', row_version = 2");
  EXPECT_EQ(client.Call(Command("GET", "guide:1"))->text(), "one");

  const Items items = Make();
  EXPECT_EQ(items.Get(2)->outcome, Outcome::kNegative);
  ASSERT_TRUE(items.Save({2, "one"}));
  EXPECT_EQ(items.Get(2)->value->name, "one");
  ASSERT_TRUE(items.Save({2, "two"}));
  EXPECT_EQ(items.Get(2)->value->name, "two");
}

// The guide's write-through leaves the older of two writers' values: both have committed, and the
// first comes to the cache last.
TEST_P(CachedTables, WritersWhoAreReversedOnTheirWayToTheCache) {
  ASSERT_TRUE(store_.client().Call(Command("SET", "guide", "new")));
  ASSERT_TRUE(store_.client().Call(Command("SET", "guide", "old")));
  EXPECT_EQ(store_.client().Call(Command("GET", "guide"))->text(), "old");
  const Items items = Make();
  ASSERT_TRUE(items.Save({1, "new"}, 2));
  EXPECT_FALSE(items.cache().Put(1, {1, "old"}, {.version = 1})->is_applied);
  EXPECT_EQ(items.Get(1)->value->name, "new");
  ASSERT_TRUE(items.Remove(1));
  EXPECT_FALSE(items.cache().Put(1, {1, "new"}, {.version = 2})->is_applied);
  EXPECT_EQ(items.Get(1)->value, std::nullopt);
}

TEST_P(CachedTables, WithoutVersionsAWriteInvalidates) {
  const CachedTable<Item, ItemKey> items(store_, Table<Item>(*db_, "items"));
  ASSERT_TRUE(items.Save({1, "one"}));
  EXPECT_EQ(items.cache().Get(1)->outcome, Outcome::kMiss);
  EXPECT_EQ(items.Get(1)->value->name, "one");
  EXPECT_EQ(items.Save({1, "two"})->version, 0);
  EXPECT_EQ(items.Get(1)->value->name, "two");
}

// Of a row that nobody has given a version.
TEST_P(CachedTables, ARowWithoutAVersionIsOneAllTheSame) {
  ASSERT_TRUE(
      db_->RunScript("create table plain(id bigint primary key, name text, row_version bigint)"));
  const Items items(store_, Table<Item>(*db_, "plain", {.version = "row_version"}));
  const Written saved = items.Save({1, "one"}).value();
  EXPECT_EQ(saved.version, 0);
  EXPECT_EQ(items.Get(1)->value->name, "one");
  EXPECT_EQ(items.Get(1)->version, 0);
  EXPECT_EQ(items.Save({1, "two"}, 3)->version, 3);
  EXPECT_EQ(items.Get(1)->version, 3);
}

// The guide raises what the cache says after the commit, as if nothing had been written.
TEST_P(CachedTables, AStoreThatFailsDoesNotUndoACommit) {
  const Items items = Make({.policy = {.tags = {std::string(2000, 't')}}});
  const Written done = items.Save({1, "one"}, 1).value();
  EXPECT_FALSE(done.is_cached);
  EXPECT_EQ(done.store_error.value().code, Errc::kServer);
  EXPECT_EQ(items.table().Load(1)->value->name, "one");
}

TEST_P(CachedTables, WriteBehind) {
  const Items items = Make({.policy = {.ttl = 100ms}, .log = "{item}:log", .coalesce = 0ms});
  WriteBehindSink<Item> sink = items.Sink();
  ASSERT_TRUE(sink.Prepare());
  WriteBehindWorker worker(store_, sink);
  ASSERT_TRUE(items.SaveBehind({1, "one"}));
  const std::string id = items.SaveBehind({2, "two"}).value();
  // Its time does not end before the table has it.
  time_.Advance(1s);
  EXPECT_EQ(items.Get(2)->outcome, Outcome::kHit);
  EXPECT_EQ(items.Flushed(id, 0ms), false);
  EXPECT_EQ(worker.RunOnce()->written, 2U);
  EXPECT_EQ(items.Flushed(id, 0ms), true);
  EXPECT_EQ(items.table().Load(2)->value, (Item{2, "two"}));
  EXPECT_EQ(items.Get(2)->outcome, Outcome::kLoaded);
  // Who waits is answered when the worker comes.
  const std::string later = items.SaveBehind({3, "three"}).value();
  Result<bool> flushed = false;
  {
    const std::jthread waiter([&] { flushed = items.Flushed(later, 60s); });
    while (worker.RunOnce()->written == 0) {
    }
  }
  EXPECT_EQ(flushed, true);
  ASSERT_TRUE(items.RemoveBehind(2));
  EXPECT_EQ(items.Get(2)->outcome, Outcome::kNegative);
  EXPECT_EQ(worker.RunOnce()->written, 1U);
  EXPECT_EQ(items.table().Load(2)->value, std::nullopt);
}

TEST_P(CachedTables, WritesBehindHaveALimit) {
  EXPECT_EQ(Make().SaveBehind({1, "one"}).error().code, Errc::kInvalid);
  EXPECT_EQ(Make({.policy = {.ttl = 0ms}, .log = "{item}:log"}).SaveBehind({1, ""}).error().code,
            Errc::kInvalid);
  const Items items = Make({.log = "{item}:log", .log_entries_max = 2, .coalesce = 0ms});
  ASSERT_TRUE(items.SaveBehind({1, "one"}));
  ASSERT_TRUE(items.SaveBehind({2, "two"}));
  EXPECT_EQ(items.SaveBehind({3, "three"}).error().server_code(), "LOGFULL");
  EXPECT_EQ(items.cache().Get(3)->outcome, Outcome::kMiss);
}

}  // namespace
}  // namespace cairn::cache::sql
