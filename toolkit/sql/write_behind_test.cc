// SPDX-License-Identifier: BSD-3-Clause
// A log's writes in SQL: whatever is delivered, how often and in whatever order, has its effect
// once.
#include "cairn/sql/write_behind.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "sql/any_database.h"

namespace cairn::cache::sql {
namespace {

using namespace std::chrono_literals;

// Keys "user:42", values "42 name".
Result<Value> IdOf(std::string_view key) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(key.data() + 5, key.data() + key.size(), id);
  if (error != std::errc()) return Fail(Errc::kInvalid, "no id");
  return Value(id);
}
Result<User> UserOf(std::string_view value) {
  User user;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), user.id);
  if (error != std::errc()) return Fail(Errc::kCorrupt, "no user");
  user.name = value.substr(static_cast<std::size_t>(end - value.data()) + 1);
  return user;
}

LogEntry Set(int id, int user, std::string name, std::int64_t version = 0) {
  const std::string number = std::to_string(user);
  return {.id = std::to_string(id) + "-0",
          .key = "user:" + number,
          .version = version,
          .value = number + " " + name};
}
LogEntry Del(int id, int user, std::int64_t version = 0) {
  return {.id = std::to_string(id) + "-0",
          .key = "user:" + std::to_string(user),
          .is_delete = true,
          .version = version};
}

class Behind : public AnyDatabase {
 protected:
  void Prepare(DatabaseOptions options = {}) {
    db_.emplace(Open(options));
    ASSERT_TRUE(db_->RunScript(kUsersTable));
    users_.emplace(*db_, "users", TableOptions{.version = "row_version"});
    sink_.emplace(*users_, "log", WriteBehindSink<User>::Mapping{.id = IdOf, .row = UserOf});
    ASSERT_TRUE(sink_->Prepare());
    ASSERT_TRUE(sink_->Prepare());
  }
  Applied Apply(const std::vector<LogEntry>& entries) { return sink_->Apply(entries).value(); }
  std::string NameOf(int user) {
    const Query<User> query(*db_, "select * from users where id = $1");
    const Loaded<User> row = query.Load(user).value();
    return row.value ? row.value->name : "-";
  }

  std::optional<Database> db_;
  std::optional<Table<User>> users_;
  std::optional<WriteBehindSink<User>> sink_;
};
INSTANTIATE_TEST_SUITE_P(Sql, Behind, BothDialects(), DialectName);

TEST_P(Behind, RedeliveryHasNoEffect) {
  Prepare();
  EXPECT_EQ(Apply({Set(1, 1, "a"), Set(2, 2, "b")}).written, 2U);
  ASSERT_TRUE(db_->Execute(Statement("update users set name = 'by hand' where id = 1")));
  const Applied again = Apply({Set(1, 1, "a"), Set(2, 2, "b")});
  EXPECT_EQ(again.written, 0U);
  EXPECT_EQ(again.passed_over, 2U);
  EXPECT_EQ(NameOf(1), "by hand");
}

TEST_P(Behind, AnOlderEntryThatComesLateHasNoEffect) {
  Prepare();
  Apply({Set(2, 1, "new")});
  Apply({Set(1, 1, "old")});
  EXPECT_EQ(NameOf(1), "new");
  // A zombie's set behind a delete does not bring the row back.
  Apply({Del(4, 1)});
  Apply({Set(3, 1, "zombie")});
  EXPECT_EQ(NameOf(1), "-");
  Apply({Set(5, 1, "again")});
  EXPECT_EQ(NameOf(1), "again");
  // 10-0 is behind 9-0: numbers, not text.
  Apply({Set(10, 1, "ten")});
  Apply({Set(9, 1, "nine")});
  EXPECT_EQ(NameOf(1), "ten");
}

// 000: a worker that writes what it reads: an entry that is delivered again, or late, puts an older
// value over a newer one.
TEST_P(Behind, GuideWritesWhatItReads) {
  Prepare();
  const auto guide = [&](const LogEntry& entry) {
    const Statement write(
        "insert into users(id, name) values (9, $1)"
        " on conflict (id) do update set name = excluded.name",
        entry.value.substr(2));
    EXPECT_TRUE(db_->Execute(write));
  };
  for (const int id : {1, 2, 1}) guide(Set(id, 9, std::to_string(id)));
  EXPECT_EQ(NameOf(9), "1");
  for (const int id : {1, 2, 1}) Apply({Set(id, 8, std::to_string(id))});
  EXPECT_EQ(NameOf(8), "2");
}

TEST_P(Behind, TheLastOfABatchCounts) {
  Prepare();
  const Applied applied = Apply({Set(2, 1, "b"), Set(3, 1, "c"), Set(1, 1, "a"), Del(4, 2)});
  EXPECT_EQ(applied.written, 1U);
  EXPECT_EQ(applied.passed_over, 3U);
  EXPECT_EQ(NameOf(1), "c");
}

TEST_P(Behind, ARowWrittenByOtherMeansIsNotReversed) {
  Prepare();
  Apply({Set(1, 1, "v5", 5)});
  ASSERT_TRUE(db_->Execute(Statement("update users set name = 'v9', row_version = 9")));
  EXPECT_EQ(Apply({Set(2, 1, "v7", 7)}).written, 0U);
  EXPECT_EQ(NameOf(1), "v9");
  Apply({Del(3, 1, 8)});
  EXPECT_EQ(NameOf(1), "v9");
  Apply({Set(4, 1, "v10", 10)});
  EXPECT_EQ(NameOf(1), "v10");
}

TEST_P(Behind, OnePoisonedEntryKeepsNobody) {
  Prepare();
  ASSERT_TRUE(db_->RunScript("create unique index names on users(name)"));
  LogEntry broken = Set(2, 2, "x");
  broken.value = "none";
  const Applied applied =
      Apply({Set(1, 1, "a"), broken, Set(3, 3, "a"), Set(4, 4, "d"), Del(5, 5)});
  ASSERT_EQ(applied.refused.size(), 2U);
  EXPECT_EQ(applied.refused[0].entry, 1U);
  EXPECT_EQ(applied.refused[0].error.code, Errc::kCorrupt);
  EXPECT_EQ(applied.refused[1].entry, 2U);
  EXPECT_EQ(applied.refused[1].error.server_code(), "23505");
  EXPECT_EQ(NameOf(4), "d");
  // Refused is not applied: once the reason is gone, it goes in.
  ASSERT_TRUE(db_->RunScript("drop index names"));
  EXPECT_EQ(Apply({Set(3, 3, "a")}).written, 1U);
}

TEST_P(Behind, ManyWorkersAndEveryOrder) {
  // Each key's writes are dealt to all workers, twice, in differing orders: the last one remains.
  Prepare({.timeout = 30s});
  constexpr int kKeys = 8;
  constexpr int kWrites = 12;
  std::vector<std::jthread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([this, worker] {
      for (int i = 0; i < kWrites; ++i) {
        const int write = (i * (worker * 2 + 1) + worker) % kWrites + 1;
        std::vector<LogEntry> batch;
        for (int key = 0; key < kKeys; ++key) {
          const int user = worker % 2 == 0 ? key : kKeys - 1 - key;
          batch.push_back(write % 5 == 0 ? Del(write, user)
                                         : Set(write, user, std::to_string(write)));
        }
        EXPECT_TRUE(sink_->Apply(batch));
      }
    });
  }
  workers.clear();
  for (int key = 0; key < kKeys; ++key) EXPECT_EQ(NameOf(key), std::to_string(kWrites)) << key;
}

TEST_P(Behind, WhatIsOldIsForgotten) {
  Prepare();
  Apply({Set(1, 1, "a")});
  EXPECT_EQ(sink_->Forget(1h), 0);
  EXPECT_EQ(sink_->Forget(-1h), 1);
}

TEST(BehindPostgres, ACrashBeforeTheAcknowledgement) {
  DatabasePlace place;
  ASSERT_NO_FATAL_FAILURE(place.StartPostgresOfItsOwn());
  const Database db = Database::Open(place.uri(), {.timeout = 20s}).value();
  ASSERT_TRUE(db.RunScript(kUsersTable));
  const Table<User> users(db, "users", {});
  WriteBehindSink<User> sink(users, "log", {.id = IdOf, .row = UserOf});
  ASSERT_TRUE(sink.Prepare());
  ASSERT_TRUE(sink.Apply(std::vector{Set(1, 1, "a")}));
  ASSERT_TRUE(db.Execute(Statement("update users set name = 'later'")));
  place.Kill();
  EXPECT_FALSE(sink.Apply(std::vector{Set(1, 1, "a")}, {.timeout = 1s}));
  place.StartAgain();
  EXPECT_EQ(sink.Apply(std::vector{Set(1, 1, "a")})->written, 0U);
  EXPECT_EQ(users.Load(1)->value->name, "later");
}

TEST(LogEntries, AreParsed) {
  const std::vector<std::string_view> fields = {"op", "set", "key", "k", "ver", "7", "value", "v"};
  const LogEntry entry = ParseLogEntry("1-2", fields).value();
  EXPECT_EQ(entry.key, "k");
  EXPECT_EQ(entry.version, 7);
  EXPECT_EQ(entry.value, "v");
  EXPECT_FALSE(entry.is_delete);
  EXPECT_FALSE(ParseLogEntry("1-2", std::span(fields).subspan(2)));
  const std::vector<std::string_view> wrong = {"op", "set", "key", "k", "ver", "-7"};
  EXPECT_FALSE(ParseLogEntry("1-2", wrong));
}

}  // namespace
}  // namespace cairn::cache::sql
