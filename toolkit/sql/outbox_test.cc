// SPDX-License-Identifier: BSD-3-Clause
// A committed change reaches the cache, whatever happens in between; one rolled back does not.
#include "cairn/sql/outbox.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "cairn/sql/table.h"
#include "sql/any_database.h"

namespace cairn::cache::sql {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> KeysOf(const Change& change) { return {"user:" + change.key}; }

class Outboxes : public AnyDatabase {
 protected:
  void SetUp() override {
    AnyDatabase::SetUp();
    db_.emplace(Open());
    Prepare(*db_);
  }
  static void Prepare(const Database& db) {
    ASSERT_TRUE(db.RunScript(kUsersTable));
    const Result<void> watched = Outbox(db).Watch({.table = "users"});
    ASSERT_TRUE(watched) << watched.error().detail;
    ASSERT_TRUE(Outbox(db).Watch({.table = "users"}));
  }
  Result<Rows> Sql(std::string_view text) { return db_->Execute(Statement(text)); }
  std::int64_t VersionOf(int user) {
    return Table<User>(*db_, "users", {.version = "row_version"}).Load(user).value().version;
  }
  std::string Set(std::string_view key, std::int64_t version) {
    const Command set("CACHE.SET", key, "v", "VER", version, "TAGS", 1, "row:users:1");
    return std::string(store_.client().Call(set).value().text());
  }
  bool Has(std::string_view key) {
    return store_.client().Call(Command("EXISTS", key))->AsInteger() == 1;
  }
  OutboxRelay MakeRelay() { return OutboxRelay(store_, *db_, {.keys = KeysOf}); }

  Store store_ = Store::Open("embedded:").value();
  std::optional<Database> db_;
};
INSTANTIATE_TEST_SUITE_P(Sql, Outboxes, BothDialects(), DialectName);

TEST_P(Outboxes, VersionsGrowPastDeletes) {
  ASSERT_TRUE(Sql("insert into users(id, name) values (1, 'a')"));
  const std::int64_t first = VersionOf(1);
  EXPECT_GT(first, 0);
  ASSERT_TRUE(Sql("update users set name = 'b'"));
  const std::int64_t second = VersionOf(1);
  EXPECT_GT(second, first);
  ASSERT_TRUE(Sql("delete from users"));
  ASSERT_TRUE(Sql("insert into users(id, name) values (1, 'a')"));
  EXPECT_GT(VersionOf(1), second + 1);  // the delete has one, too
  // A writer's own is kept, and passed by what comes after.
  ASSERT_TRUE(Sql("update users set row_version = 1000"));
  EXPECT_EQ(VersionOf(1), 1000);
  ASSERT_TRUE(Sql("update users set name = 'c'"));
  EXPECT_GT(VersionOf(1), 1000);
}

TEST_P(Outboxes, AChangeInvalidatesAndRefusesThePast) {
  ASSERT_TRUE(Sql("insert into users(id, name) values (1, 'a')"));
  OutboxRelay relay = MakeRelay();
  EXPECT_EQ(relay.RunOnce(), 1U);
  const std::int64_t old_version = VersionOf(1);
  EXPECT_EQ(Set("user:1", old_version), "OK");
  Set("page", 1);  // made of the row, among others
  ASSERT_TRUE(Sql("update users set name = 'b'"));
  EXPECT_TRUE(Has("user:1"));
  EXPECT_EQ(relay.RunOnce(), 1U);
  EXPECT_FALSE(Has("user:1"));
  EXPECT_FALSE(Has("page"));
  // The stale set: loaded before, stored after.
  EXPECT_NE(Set("user:1", old_version), "OK");
  EXPECT_FALSE(Has("user:1"));
  // Who has loaded the new row stores it, and a second telling leaves it alone.
  EXPECT_EQ(Set("user:1", VersionOf(1)), "OK");
  EXPECT_EQ(relay.RunOnce(), 0U);
  ASSERT_TRUE(Sql("delete from users"));
  EXPECT_EQ(relay.RunOnce(), 1U);
  EXPECT_FALSE(Has("user:1"));
}

// None would be a relay that does nothing, and says nothing of it.
TEST_P(Outboxes, ABatchHasALength) {
  for (const std::size_t batch_max : {std::size_t{0}, SIZE_MAX}) {
    ASSERT_TRUE(
        Sql("insert into users(id, name) values (" + std::to_string(batch_max % 7) + ", 'a')"));
    OutboxRelay relay(store_, *db_, {.keys = KeysOf, .batch_max = batch_max});
    EXPECT_EQ(relay.RunOnce(), 1U);
  }
}

TEST_P(Outboxes, WhatIsRolledBackIsNotTold) {
  const Result<int> done = db_->Transact([](Session& session) -> Result<int> {
    session.Execute(Statement("insert into users(id, name) values (1, 'a')")).value();
    return Fail(Errc::kInvalid, "no");
  });
  EXPECT_FALSE(done);
  EXPECT_EQ(MakeRelay().RunOnce(), 0U);
}

TEST_P(Outboxes, ARowThatMovesToAnotherKeyLeavesTheOldOne) {
  ASSERT_TRUE(Sql("insert into users(id, name) values (1, 'a')"));
  OutboxRelay relay = MakeRelay();
  ASSERT_TRUE(relay.RunOnce());
  Set("user:1", VersionOf(1));
  Set("user:2", 1);
  ASSERT_TRUE(Sql("update users set id = 2"));
  EXPECT_EQ(relay.RunOnce(), 2U);
  EXPECT_FALSE(Has("user:1"));
  EXPECT_FALSE(Has("user:2"));
}

TEST_P(Outboxes, WhatWasNotToldIsToldByTheNext) {
  ASSERT_TRUE(Sql("insert into users(id, name) values (1, 'a')"));
  std::stop_source stop;
  OutboxRelay dies(store_, *db_, {.keys = [&](const Change& change) {
                     stop.request_stop();
                     return KeysOf(change);
                   }});
  EXPECT_EQ(dies.RunOnce(stop.get_token()).error().code, Errc::kCancelled);
  EXPECT_EQ(MakeRelay().RunOnce(), 1U);
  EXPECT_EQ(MakeRelay().RunOnce(), 0U);
}

// 000, write-through: a crash between the commit and the SET leaves what is stale until its TTL
// ends. Ours has the change in the same transaction, and whoever comes next tells it.
TEST_P(Outboxes, GuideCrashBetweenCommitAndSet) {
  ASSERT_TRUE(store_.client().Call(Command("SET", "guide", "old")));
  Set("user:1", 1);
  ASSERT_TRUE(Sql("insert into users(id, name) values (1, 'new')"));
  // kill -9
  EXPECT_TRUE(Has("guide"));  // for an hour
  EXPECT_EQ(MakeRelay().RunOnce(), 1U);
  EXPECT_FALSE(Has("user:1"));
  EXPECT_TRUE(Has("guide"));
}

// An invalidation before the commit: a reader in between loads the old row, and stores it for good.
// A relay tells only what has been committed.
TEST_P(Outboxes, GuideInvalidatesBeforeTheCommit) {
  ASSERT_TRUE(Sql("insert into users(id, name) values (1, 'old')"));
  OutboxRelay relay = MakeRelay();
  ASSERT_TRUE(relay.RunOnce());
  const std::int64_t old_version = VersionOf(1);
  const auto done = db_->Transact([&](Session& session) -> Result<int> {
    store_.client().Call(Command("DEL", "guide")).value();
    store_.client().Call(Command("SET", "guide", "old")).value();  // a reader's
    EXPECT_EQ(Set("user:1", old_version), "OK");                   // the same one's, in ours
    session.Execute(Statement("update users set name = 'new' where id = 1")).value();
    return 0;
  });
  EXPECT_TRUE(done);
  EXPECT_TRUE(Has("guide"));  // wrong: old, and nobody says so any more
  EXPECT_EQ(relay.RunOnce(), 1U);
  EXPECT_FALSE(Has("user:1"));
}

TEST_P(Outboxes, UnwatchedIsSilent) {
  ASSERT_TRUE(Outbox(*db_).Unwatch("users"));
  ASSERT_TRUE(Sql("insert into users(id, name) values (1, 'a')"));
  EXPECT_EQ(MakeRelay().RunOnce(), 0U);
  EXPECT_EQ(Outbox(*db_).Watch({.table = "users'; drop"}).error().code, Errc::kInvalid);
}

TEST_P(Outboxes, IsWokenNotPolled) {
  OutboxRelay relay(store_, *db_, {.keys = KeysOf, .pause = 60s});
  std::jthread runs([&](std::stop_token stop) { relay.Run(stop); });
  for (int i = 1; i <= 5; ++i) {
    const std::string id = std::to_string(i);
    ASSERT_TRUE(Sql("insert into users(id, name) values (" + id + ", 'a')"));
    while (relay.relayed() < static_cast<std::uint64_t>(i)) std::this_thread::yield();
  }
}

TEST(OutboxPostgres, WhatCommitsLateIsFound) {
  DatabasePlace place;
  ASSERT_NO_FATAL_FAILURE(place.Start(Dialect::kPostgres));
  const Database db = Database::Open(place.uri()).value();
  ASSERT_TRUE(db.RunScript(kUsersTable));
  ASSERT_TRUE(Outbox(db).Watch({.table = "users"}));
  OutboxRelay relay(Store::Open("embedded:").value(), db, {.keys = KeysOf});
  const Result<int> slow = db.Transact([&](Session& session) -> Result<int> {
    session.Execute(Statement("insert into users(id, name) values (1, 'slow')")).value();
    // Takes the number behind it, and commits first.
    db.Execute(Statement("insert into users(id, name) values (2, 'fast')")).value();
    EXPECT_EQ(relay.RunOnce(), 1U);
    return 0;
  });
  EXPECT_TRUE(slow);
  EXPECT_EQ(relay.RunOnce(), 1U);
}

TEST(OutboxPostgres, AKilledServerForgetsNothing) {
  DatabasePlace place;
  ASSERT_NO_FATAL_FAILURE(place.StartPostgresOfItsOwn());
  const Database db = Database::Open(place.uri(), {.timeout = 20s}).value();
  ASSERT_TRUE(db.RunScript(kUsersTable));
  ASSERT_TRUE(Outbox(db).Watch({.table = "users"}));
  const Store store = Store::Open("embedded:").value();
  OutboxRelay relay(store, db, {.keys = KeysOf, .pause = 10ms});
  ASSERT_TRUE(store.client().Call(Command("SET", "user:1", "old")));
  ASSERT_TRUE(db.Execute(Statement("insert into users(id, name) values (1, 'a')")));
  place.Kill();
  std::jthread runs([&](std::stop_token stop) { relay.Run(stop); });
  while (relay.failures() == 0) std::this_thread::yield();
  EXPECT_EQ(store.client().Call(Command("EXISTS", "user:1"))->AsInteger(), 1);
  place.StartAgain();
  while (relay.relayed() == 0) std::this_thread::yield();
  EXPECT_EQ(store.client().Call(Command("EXISTS", "user:1"))->AsInteger(), 0);
}

}  // namespace
}  // namespace cairn::cache::sql
