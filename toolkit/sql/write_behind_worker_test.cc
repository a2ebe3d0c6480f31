// SPDX-License-Identifier: BSD-3-Clause
// From CACHE.SET ... BEHIND to the row, over the embedded store and a real database.
#include "cairn/sql/write_behind_worker.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "cairn/testkit/virtual_time.h"
#include "sql/any_database.h"

namespace cairn::cache::sql {
namespace {

using namespace std::chrono_literals;

class Worker : public AnyDatabase {
 protected:
  void SetUp() override {
    AnyDatabase::SetUp();
    db_.emplace(Open());
    ASSERT_TRUE(db_->RunScript(kUsersTable));
    users_.emplace(*db_, "users", TableOptions{.version = "row_version"});
    // Keys and values are the id and the name: "7", "7 Ada".
    sink_.emplace(*users_, "log:{u}",
                  WriteBehindSink<User>::Mapping{
                      .id = [](std::string_view key) -> Result<Value> {
                        return Value(std::int64_t{key.back() - '0'});
                      },
                      .row = [](std::string_view value) -> Result<User> {
                        if (value.size() < 3) return Fail(Errc::kCorrupt, "no user");
                        return User{.id = value[0] - '0', .name = std::string(value.substr(2))};
                      }});
    ASSERT_TRUE(sink_->Prepare());
  }

  Result<Reply> Call(const Command& command) { return store_.client().Call(command); }
  void Set(int user, std::string_view name) {
    const std::string id = std::to_string(user);
    const Command set("CACHE.SET", "{u}" + id, id + " " + std::string(name), "BEHIND", "log:{u}",
                      "COALESCE", 0);
    ASSERT_TRUE(Call(set));
  }
  std::string NameOf(int user) {
    const Query<User> query(*db_, "select * from users where id = $1");
    const Loaded<User> row = query.Load(user).value();
    return row.value ? row.value->name : "-";
  }
  std::int64_t Length(std::string_view stream) {
    return Call(Command("XLEN", stream))->AsInteger().value();
  }
  WriteBehindWorker MakeWorker(std::string consumer = "w1") {
    return WriteBehindWorker(store_, *sink_,
                             {.consumer = std::move(consumer), .deliveries_max = 3});
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
  std::optional<Database> db_;
  std::optional<Table<User>> users_;
  std::optional<WriteBehindSink<User>> sink_;
};
INSTANTIATE_TEST_SUITE_P(Sql, Worker, BothDialects(), DialectName);

TEST_P(Worker, CarriesAndAcknowledges) {
  Set(1, "before the worker");
  WriteBehindWorker worker = MakeWorker();
  EXPECT_EQ(worker.RunOnce()->written, 1U);
  Set(1, "Ada");
  Set(2, "Bob");
  ASSERT_TRUE(Call(Command("CACHE.DEL", "{u}2", "BEHIND", "log:{u}", "COALESCE", 0)));
  const RoundReport round = worker.RunOnce().value();
  EXPECT_EQ(round.delivered, 3U);
  EXPECT_EQ(round.acknowledged, 3U);
  EXPECT_EQ(NameOf(1), "Ada");
  EXPECT_EQ(NameOf(2), "-");
  EXPECT_EQ(Length("log:{u}"), 0);
  EXPECT_EQ(worker.RunOnce()->delivered, 0U);
  EXPECT_EQ(Call(Command("CACHE.BARRIER", "log:{u}"))->is_ok(), true);
}

TEST_P(Worker, ARestartTakesUpWhatWasNotAcknowledged) {
  Set(1, "Ada");
  // One that read, wrote the row, and died before the acknowledgement.
  ASSERT_TRUE(Call(Command("XGROUP", "CREATE", "log:{u}", "db", "0", "MKSTREAM")));
  ASSERT_TRUE(Call(Command("XREADGROUP", "GROUP", "db", "w1", "STREAMS", "log:{u}", ">")));
  WriteBehindWorker worker = MakeWorker();
  EXPECT_EQ(worker.RunOnce()->acknowledged, 1U);
  EXPECT_EQ(NameOf(1), "Ada");
}

// COUNT 0 is all there is, and 2^64 - 1 no number.
TEST_P(Worker, ABatchHasALength) {
  for (const std::size_t batch_max : {std::size_t{0}, SIZE_MAX}) {
    Set(1, "Ada");
    Set(2, "Bob");
    WriteBehindWorker worker(store_, *sink_, {.consumer = "w1", .batch_max = batch_max});
    EXPECT_EQ(worker.RunOnce()->acknowledged, batch_max == 0 ? 1U : 3U);
  }
}

TEST_P(Worker, TakesOverFromTheDead) {
  Set(1, "Ada");
  ASSERT_TRUE(Call(Command("XGROUP", "CREATE", "log:{u}", "db", "0", "MKSTREAM")));
  ASSERT_TRUE(Call(Command("XREADGROUP", "GROUP", "db", "dead", "STREAMS", "log:{u}", ">")));
  WriteBehindWorker worker = MakeWorker();
  EXPECT_EQ(worker.RunOnce()->delivered, 0U);
  time_.Advance(31s);
  EXPECT_EQ(worker.RunOnce()->acknowledged, 1U);
  EXPECT_EQ(NameOf(1), "Ada");
}

TEST_P(Worker, WhatIsRefusedIsADeadLetterInTheEnd) {
  Set(1, "");
  Set(2, "Bob");
  WriteBehindWorker worker = MakeWorker();
  EXPECT_EQ(worker.RunOnce()->acknowledged, 1U);
  EXPECT_EQ(NameOf(2), "Bob");
  EXPECT_EQ(worker.RunOnce()->refused, 1U);
  EXPECT_EQ(worker.RunOnce()->dead, 1U);
  EXPECT_EQ(Length("log:{u}"), 0);
  EXPECT_EQ(Length("log:{u}:dead"), 1);
  EXPECT_EQ(worker.RunOnce()->delivered, 0U);
  EXPECT_EQ(worker.stats().dead, 1U);
}

TEST_P(Worker, ADatabaseThatIsAwayLosesNothing) {
  WriteBehindWorker worker = MakeWorker();
  Set(1, "Ada");
  ASSERT_TRUE(db_->RunScript("alter table cairn_applied rename to away"));
  EXPECT_FALSE(worker.RunOnce());
  Set(2, "Bob");
  EXPECT_FALSE(worker.RunOnce());
  EXPECT_EQ(Length("log:{u}"), 2);
  ASSERT_TRUE(db_->RunScript("alter table away rename to cairn_applied"));
  EXPECT_EQ(worker.RunOnce()->acknowledged, 1U);
  EXPECT_EQ(worker.RunOnce()->acknowledged, 1U);
  EXPECT_EQ(NameOf(2), "Bob");
}

TEST_P(Worker, WhatWasTakenFromTheLogIsLeftOut) {
  Set(1, "Ada");
  ASSERT_TRUE(Call(Command("XGROUP", "CREATE", "log:{u}", "db", "0", "MKSTREAM")));
  ASSERT_TRUE(Call(Command("XREADGROUP", "GROUP", "db", "w1", "STREAMS", "log:{u}", ">")));
  ASSERT_TRUE(Call(Command("XTRIM", "log:{u}", "MAXLEN", 0)));
  WriteBehindWorker worker = MakeWorker();
  EXPECT_EQ(worker.RunOnce()->delivered, 0U);
  EXPECT_EQ(Call(Command("XPENDING", "log:{u}", "db"))->elements()[0].AsInteger(), 0);
  // And the log itself.
  ASSERT_TRUE(Call(Command("DEL", "log:{u}")));
  EXPECT_FALSE(worker.RunOnce());
  Set(2, "Bob");
  EXPECT_EQ(worker.RunOnce()->acknowledged, 1U);
}

// 002, 004: writes wait in a queue of the process. A flush that fails is logged and its write
// dropped, or puts the older value back over one that came meanwhile and ends the loop; and a
// process that dies takes all that waits along. Nothing bounds the queue.
TEST_P(Worker, GuideQueueInTheProcess) {
  std::optional<std::map<int, std::string>> pending(std::in_place);
  const auto flush = [&](bool is_down, const auto& meanwhile) {
    const std::map<int, std::string> batch = std::exchange(*pending, {});
    meanwhile();
    if (!is_down) return true;
    for (const auto& [key, value] : batch) (*pending)[key] = value;  // update()
    return false;                                                    // and the loop ends
  };
  (*pending)[1] = "old";
  EXPECT_FALSE(flush(true, [&] { (*pending)[1] = "new"; }));
  EXPECT_EQ((*pending)[1], "old");  // wrong
  for (int i = 0; i < 100'000; ++i) (*pending)[i] = "x";
  EXPECT_EQ(pending->size(), 100'000U);
  pending.reset();  // kill -9: all of them were acknowledged

  Set(1, "old");
  ASSERT_TRUE(db_->RunScript("alter table cairn_applied rename to away"));
  {
    WriteBehindWorker dies = MakeWorker();
    EXPECT_FALSE(dies.RunOnce());
    Set(1, "new");
  }
  ASSERT_TRUE(db_->RunScript("alter table away rename to cairn_applied"));
  WriteBehindWorker worker = MakeWorker();
  while (worker.RunOnce()->acknowledged > 0) {
  }
  EXPECT_EQ(NameOf(1), "new");
  EXPECT_EQ(Length("log:{u}"), 0);
  // The log has a bound, and says so before the write is taken.
  ASSERT_TRUE(
      Call(Command("CACHE.SET", "{u}2", "2 a", "BEHIND", "log:{u}", "COALESCE", 0, "MAXLEN", 1)));
  const auto full =
      Call(Command("CACHE.SET", "{u}3", "3 b", "BEHIND", "log:{u}", "COALESCE", 0, "MAXLEN", 1));
  EXPECT_EQ(full.error().server_code(), "LOGFULL");
}

TEST_P(Worker, TwoRunAndStop) {
  WriteBehindWorker one = MakeWorker("w1");
  WriteBehindWorker other = MakeWorker("w2");
  {
    std::jthread first([&](std::stop_token stop) { one.Run(stop); });
    std::jthread second([&](std::stop_token stop) { other.Run(stop); });
    for (int i = 0; i < 200; ++i) Set(i % 4, std::to_string(i));
    while (Length("log:{u}") > 0) std::this_thread::yield();
  }
  for (int i = 0; i < 4; ++i) EXPECT_EQ(NameOf(i), std::to_string(196 + i));
  EXPECT_EQ(one.stats().acknowledged + other.stats().acknowledged, 200U);
}

}  // namespace
}  // namespace cairn::cache::sql
