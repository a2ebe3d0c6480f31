// SPDX-License-Identifier: BSD-3-Clause
// The database handle, over both dialects where they are to agree.
#include "cairn/sql/database.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>

#include "cairn/lock.h"
#include "cairn/testkit/virtual_time.h"
#include "sql/any_database.h"
#include "sql/driver.h"

namespace cairn::cache::sql {
namespace {

using namespace std::chrono_literals;

INSTANTIATE_TEST_SUITE_P(Sql, AnyDatabase, BothDialects(), DialectName);

TEST_P(AnyDatabase, ValuesComeBackAsTheyWere) {
  const Database db = Open();
  const bool is_sqlite = GetParam() == Dialect::kSqlite;
  const std::string types = is_sqlite ? "b blob, w text" : "b bytea, w timestamptz";
  ASSERT_TRUE(db.RunScript("create table v(i bigint, d double precision, t text, " + types +
                           ", f boolean, n text)"));
  const Timestamp when = Timestamp(1'795'000'000'123'456us);
  const std::string text = "it's \"; drop table v; -- \xc3\xa9";
  const Blob blob{std::string("\0\xff'\\x", 5)};
  const Statement insert("insert into v values ($1, $2, $3, $4, $5, $6, $7)", INT64_MIN, 0.1, text,
                         blob, when, true, std::optional<std::string>());
  EXPECT_EQ(db.Execute(insert)->affected, 1);
  const Rows rows = db.Execute(Statement("select * from v where t = $1", text)).value();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows.Find("t"), 2U);
  EXPECT_EQ(rows.Get<std::int64_t>(0, 0), INT64_MIN);
  EXPECT_EQ(rows.Get<double>(0, 1), 0.1);
  EXPECT_EQ(rows.Get<std::string>(0, 2), text);
  EXPECT_EQ(rows.Get<Blob>(0, 3), blob);
  EXPECT_EQ(rows.Get<Timestamp>(0, 4), when);
  EXPECT_EQ(rows.Get<bool>(0, 5), true);
  EXPECT_EQ(rows.Get<std::optional<std::string>>(0, 6).value(), std::nullopt);
  EXPECT_EQ(rows.Get<int>(0, 0).error().code, Errc::kType);          // does not fit
  EXPECT_EQ(rows.Get<std::string>(0, 6).error().code, Errc::kType);  // NULL
  EXPECT_EQ(rows.Get<std::int64_t>(0, 2).error().code, Errc::kType);
}

TEST_P(AnyDatabase, ErrorsAreValues) {
  const Database db = Open();
  ASSERT_TRUE(db.RunScript("create table u(id bigint primary key, n text not null)"));
  ASSERT_TRUE(db.Execute(Statement("insert into u values (1, 'a')")));
  const Error twice = db.Execute(Statement("insert into u values ($1, $2)", 1, "b")).error();
  EXPECT_EQ(twice.code, Errc::kServer);
  EXPECT_EQ(twice.server_code(), "23505");
  EXPECT_FALSE(twice.may_have_applied);
  const Statement null("insert into u values ($1, $2)", 2, std::nullopt);
  EXPECT_EQ(db.Execute(null).error().server_code(), "23502");
  EXPECT_FALSE(db.Execute(Statement("selekt")));
  EXPECT_FALSE(db.Execute(Statement("select $1, $2", 1)));              // one is missing
  EXPECT_FALSE(db.Execute(Statement("delete from u; delete from u")));  // two
  EXPECT_EQ(db.Execute(Statement("select 1"), {.timeout = 0ns}).error().code, Errc::kTimeout);
  std::stop_source stop;
  stop.request_stop();
  const SqlCall stopped{.stop = stop.get_token()};
  EXPECT_EQ(db.Execute(Statement("select 1"), stopped).error().code, Errc::kCancelled);
  EXPECT_EQ(db.Execute(Statement("select count(*) from u"))->Get<int>(0, 0), 1);
}

TEST_P(AnyDatabase, BatchIsOneTransaction) {
  const Database db = Open();
  ASSERT_TRUE(db.RunScript("create table u(id bigint primary key)"));
  std::vector<Statement> batch;
  for (int i = 0; i < 300; ++i) batch.emplace_back("insert into u values ($1)", i);
  ASSERT_EQ(db.Batch(batch).size(), 300U);
  EXPECT_EQ(db.Execute(Statement("select count(*) from u"))->Get<int>(0, 0), 300);
  batch = {Statement("insert into u values ($1)", 1000), Statement("insert into u values ($1)", 5),
           Statement("insert into u values ($1)", 1001)};
  const auto results = db.Batch(batch);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[1].error().server_code(), "23505");
  EXPECT_EQ(db.Execute(Statement("select count(*) from u"))->Get<int>(0, 0), 300);
}

TEST_P(AnyDatabase, TransactionsCommitOrDoNot) {
  const Database db = Open();
  ASSERT_TRUE(db.RunScript("create table u(id bigint primary key)"));
  const auto count = [&] {
    return db.Execute(Statement("select count(*) from u"))->Get<int>(0, 0);
  };
  const auto insert = [](Session& session, int id) {
    return session.Execute(Statement("insert into u values ($1)", id));
  };
  EXPECT_EQ(db.Transact([&](Session& session) -> Result<int> {
    insert(session, 1).value();
    return 7;
  }),
            7);
  EXPECT_EQ(count(), 1);
  const Result<int> refused = db.Transact([&](Session& session) -> Result<int> {
    insert(session, 2).value();
    return Fail(Errc::kInvalid, "no");
  });
  EXPECT_EQ(refused.error().detail, "no");
  EXPECT_EQ(count(), 1);
  // A failure that the body does not mind dooms it all the same, in both dialects.
  const Result<int> doomed = db.Transact([&](Session& session) -> Result<int> {
    insert(session, 3).value();
    EXPECT_FALSE(insert(session, 1));
    return 7;
  });
  EXPECT_EQ(doomed.error().server_code(), "23505");
  EXPECT_EQ(count(), 1);
}

TEST_P(AnyDatabase, ABodyThatEndsItsTransactionIsTold) {
  const Database db = Open();
  ASSERT_TRUE(db.RunScript("create table t(i integer)"));
  const auto body = [](Session& session) -> Result<int> {
    const Result<Rows> inserted = session.Execute(Statement("insert into t values (1)"));
    if (!inserted) return std::unexpected(inserted.error());
    const Result<Rows> committed = session.Execute(Statement("commit"));
    if (!committed) return std::unexpected(committed.error());
    return 1;
  };
  EXPECT_FALSE(db.Transact(body));
  EXPECT_EQ(db.Execute(Statement("select 1"))->size(), 1u);  // no transaction is left behind
}

TEST_P(AnyDatabase, AnEmptyStatementIsRefused) {
  const Database db = Open();
  for (const char* text : {"", " \n", ";"}) {
    EXPECT_EQ(db.Execute(Statement(text)).error().code, Errc::kInvalid);
    EXPECT_EQ(db.Transact([&](Session& session) { return session.Execute(Statement(text)); })
                  .error()
                  .code,
              Errc::kInvalid);
  }
}

TEST_P(AnyDatabase, ManyThreadsCountTogether) {
  const Database db = Open({.connections_max = 3, .timeout = 20s});
  ASSERT_TRUE(db.RunScript("create table c(n bigint); insert into c values (0)"));
  const auto add = [](Session& session) -> Result<int> {
    // Read, then write: lost without isolation.
    const Rows rows = session.Execute(Statement("select n from c")).value_or(Rows());
    if (rows.empty()) return 0;  // the session is doomed
    const Result<int> n = rows.Get<int>(0, 0);
    const auto set = session.Execute(Statement("update c set n = $1", *n + 1));
    if (!set) return std::unexpected(set.error());
    return *n;
  };
  std::atomic<int> done = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        const TransactOptions options{.isolation = Isolation::kSerializable, .attempts_max = 1000};
        for (int j = 0; j < 20; ++j) done += db.Transact(add, options).has_value() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(done, 120);
  EXPECT_EQ(db.Execute(Statement("select n from c"))->Get<int>(0, 0), 120);
}

// 001: one connection that all threads share: what one of them writes is part of another's
// transaction, and is gone with it. Here each call has a connection of its own while it runs.
TEST_P(AnyDatabase, GuideOneConnectionForAllThreads) {
  const Database db = Open({.connections_max = 2, .timeout = 20s});
  ASSERT_TRUE(db.RunScript("create table u(id bigint primary key)"));
  const auto count = [&] {
    return db.Execute(Statement("select count(*) from u"))->Get<int>(0, 0);
  };
  EXPECT_FALSE(db.Transact([&](Session& shared) -> Result<int> {
    std::jthread([&] {  // another thread's insert, which it takes for done
      EXPECT_TRUE(shared.Execute(Statement("insert into u values (1)")));
    })
        .join();
    return Fail(Errc::kInvalid, "the first thread's change is refused");
  }));
  EXPECT_EQ(count(), 0);  // wrong: nobody told the other one

  std::jthread other;
  EXPECT_FALSE(db.Transact([&](Session& own) -> Result<int> {
    EXPECT_TRUE(own.Execute(Statement("select 1")));
    other = std::jthread([&] { EXPECT_TRUE(db.Execute(Statement("insert into u values (2)"))); });
    return Fail(Errc::kInvalid, "refused");
  }));
  other.join();
  EXPECT_EQ(count(), 1);
}

// A lock's fence in SQL, as the locks' page has it: who was late changes nothing, and sees it.
TEST_P(AnyDatabase, RuleFencesAreCheckedBySql) {
  const Database db = Open();
  ASSERT_TRUE(db.RunScript(
      "create table invoice(id bigint primary key, total bigint, fence bigint not null);"
      "insert into invoice values (42, 0, 0)"));
  const auto write = [&](const Held& held, int total) {
    const Statement guarded(
        "update invoice set total = $1, fence = $2 where id = $3 and fence <= $2", total,
        held.fence(), 42);
    return db.Execute(guarded)->affected;
  };
  VirtualTime time;
  const Store store = Store::Open("embedded:", {.clock = &time}).value();
  const Mutex mutex(store, "lock", {.ttl = 1s, .renews = false});
  const Held stalled = mutex.Acquire().value();
  EXPECT_EQ(write(stalled, 1), 1);
  time.Advance(2s);  // it stands still
  const Held next = mutex.TryAcquire().value().value();
  EXPECT_EQ(write(next, 2), 1);
  EXPECT_EQ(write(stalled, 3), 0);
  EXPECT_EQ(write(next, 4), 1);
  EXPECT_EQ(db.Execute(Statement("select total from invoice"))->Get<int>(0, 0), 4);
}

TEST_P(AnyDatabase, AStatementEndsAtItsDeadline) {
  const Database db = Open();
  const Statement forever(
      GetParam() == Dialect::kSqlite
          ? "with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r"
          : "select pg_sleep(60)::text");
  const TimePoint begin = SystemClock().Now();
  EXPECT_EQ(db.Execute(forever, {.timeout = 50ms}).error().code, Errc::kTimeout);
  EXPECT_LT(SystemClock().Now() - begin, 5s);
  EXPECT_EQ(db.Execute(Statement("select 1"))->Get<int>(0, 0), 1);
}

TEST_P(AnyDatabase, AFullPoolMakesWaitAndRefuses) {
  const Database db = Open({.connections_max = 1, .waiters_max = 0});
  const Result<int> held = db.Transact([&](Session&) -> Result<int> {
    EXPECT_EQ(db.Execute(Statement("select 1")).error().code, Errc::kLimit);
    return 1;
  });
  EXPECT_TRUE(held);
}

// As many parameters as the limit are sent. With one more PostgreSQL's library would refuse, by
// which the connection would seem lost, and SQLite would take its time.
TEST_P(AnyDatabase, NoMoreParametersThanTheLimit) {
  const Database db = Open();
  const std::size_t max =
      GetParam() == Dialect::kSqlite ? kSqliteParametersMax : kPostgresParametersMax;
  const auto with = [](std::size_t count) {
    Statement statement("select 1 where $1 in ($2");
    for (std::size_t i = 3; i <= count; ++i) statement.text += ",$" + std::to_string(i);
    statement.text += ")";
    for (std::size_t i = 1; i <= count; ++i) statement.Bind(i < count ? 1 : 2);
    return statement;
  };
  const Result<Rows> most = db.Execute(with(max), {.timeout = 60s});
  ASSERT_TRUE(most.has_value()) << most.error().detail;
  EXPECT_EQ(most->size(), 1U);
  const Result<Rows> more = db.Execute(with(max + 1));
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().code, Errc::kInvalid) << more.error().detail;
  EXPECT_FALSE(more.error().may_have_applied);
  const Result<int> in_transaction = db.Transact([&](Session& session) -> Result<int> {
    const Result<Rows> done = session.Execute(with(max + 1));
    if (!done) return std::unexpected(done.error());
    return 1;
  });
  ASSERT_FALSE(in_transaction.has_value());
  EXPECT_EQ(in_transaction.error().code, Errc::kInvalid) << in_transaction.error().detail;
}

TEST_P(AnyDatabase, NoBatchOfMoreStatementsThanTheLimit) {
  const std::vector<Statement> most(kStatementsMax, Statement("select 1"));
  EXPECT_TRUE(CheckStatements(most, GetParam()).has_value());
  const std::vector<Statement> more(kStatementsMax + 1, Statement("select 1"));
  const std::vector<Result<Rows>> results = Open().Batch(more);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].error().code, Errc::kInvalid);
}

// libpq would send what stands before the byte, and SQLite's script would end there.
TEST_P(AnyDatabase, NoTextEndsAtANulByte) {
  const Database db = Open();
  const std::string text("select 1\0 where false", 21);
  EXPECT_EQ(db.Execute(Statement(text)).error().code, Errc::kInvalid);
  const std::string script("create table a(b int);\0create table c(d int);", 45);
  const Result<void> ran = db.RunScript(script);
  ASSERT_FALSE(ran.has_value());
  EXPECT_EQ(ran.error().code, Errc::kInvalid);
}

TEST_P(AnyDatabase, NoMoreRowsThanTheLimit) {
  const Database db = Open({.rows_max = 3});
  const auto rows = [](int count) {
    return Statement("with recursive r(n) as (select 1 union all select n + 1 from r where n < " +
                     std::to_string(count) + ") select n from r");
  };
  EXPECT_EQ(db.Execute(rows(3))->size(), 3U);
  EXPECT_EQ(db.Execute(rows(4)).error().code, Errc::kLimit);
  EXPECT_EQ(db.Execute(rows(3))->size(), 3U);
}

TEST_P(AnyDatabase, APoolHasAConnection) {
  EXPECT_EQ(Database::Open(place_.uri(), {.connections_max = 0}).error().code, Errc::kInvalid);
}

// Neither is over before it has begun.
TEST_P(AnyDatabase, ATimeoutMayBeAsLongAsTimeIs) {
  const Database db = Open({.timeout = Duration::max(), .busy_timeout = Duration::max()});
  EXPECT_EQ(db.Execute(Statement("select 1"))->Get<int>(0, 0), 1);
  const SqlCall for_ever{.timeout = Duration::max()};
  EXPECT_EQ(db.Execute(Statement("select 1"), for_ever)->Get<int>(0, 0), 1);
  const SqlCall never{.timeout = Duration::min()};
  EXPECT_EQ(db.Execute(Statement("select 1"), never).error().code, Errc::kTimeout);
  const auto listener = db.Listen("news").value();
  listener->Wait(1ms);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(listener->Wait(Duration::max(), stop.get_token()));
  // Who waits for a connection waits until there is one.
  const Database narrow = Open({.connections_max = 1});
  std::atomic<bool> is_waiting = false;
  std::thread waiter;
  const Result<int> held = narrow.Transact([&](Session&) -> Result<int> {
    waiter = std::thread([&] {
      is_waiting = true;
      EXPECT_TRUE(narrow.Execute(Statement("select 1"), for_ever).has_value());
    });
    while (!is_waiting) std::this_thread::yield();
    return 1;
  });
  waiter.join();
  EXPECT_TRUE(held);
}

TEST_P(AnyDatabase, MoreStatementsThanAreKept) {
  const Database db = Open({.connections_max = 1});
  for (int i = 0; i < 600; ++i) {
    const Statement statement("select " + std::to_string(i) + " + $1", 1);
    ASSERT_EQ(db.Execute(statement)->Get<int>(0, 0), i + 1);
  }
}

TEST_P(AnyDatabase, AChangedSchemaIsNoticed) {
  const Database db = Open({.connections_max = 1});
  ASSERT_TRUE(db.RunScript("create table s(a bigint); insert into s values (1)"));
  EXPECT_EQ(db.Execute(Statement("select * from s"))->columns.size(), 1U);
  ASSERT_TRUE(db.RunScript("alter table s add column b bigint"));
  EXPECT_EQ(db.Execute(Statement("select * from s"))->columns.size(), 2U);
}

TEST(Sqlite, ABusyDatabaseIsAConflict) {
  DatabasePlace place;
  place.Start(Dialect::kSqlite);
  const Database one = Database::Open(place.uri()).value();
  const Database other = Database::Open(place.uri(), {.busy_timeout = 5ms}).value();
  ASSERT_TRUE(one.RunScript("create table u(id integer primary key)"));
  const Result<int> held = one.Transact([&](Session&) -> Result<int> {
    const Error busy = other.Execute(Statement("insert into u values (1)")).error();
    EXPECT_EQ(busy.code, Errc::kConflict);
    EXPECT_FALSE(busy.may_have_applied);
    return 1;
  });
  EXPECT_TRUE(held);
  EXPECT_TRUE(other.Execute(Statement("insert into u values (1)")));
}

TEST(Sqlite, ForeignKeysHoldAndMemoryIsOneDatabase) {
  const Database db = Database::Open("sqlite::memory:").value();
  ASSERT_TRUE(
      db.RunScript("create table a(id integer primary key);"
                   "create table b(a integer references a)"));
  EXPECT_EQ(db.Execute(Statement("insert into b values (1)")).error().server_code(), "23503");
  EXPECT_EQ(Database::Open("mysql://x").error().code, Errc::kInvalid);
  EXPECT_EQ(Database::Open("sqlite:/no/such/folder/x.db").error().code, Errc::kUnreachable);
}

TEST(Postgres, KilledServer) {
  DatabasePlace place;
  ASSERT_NO_FATAL_FAILURE(place.StartPostgresOfItsOwn());
  const Database db = Database::Open(place.uri(), {.timeout = 20s}).value();
  ASSERT_TRUE(db.RunScript("create table u(id bigint primary key)"));
  bool is_first = true;
  const Result<int> done = db.Transact([&](Session& session) -> Result<int> {
    if (!session.Execute(Statement("insert into u values (1)"))) return 0;
    if (!std::exchange(is_first, false)) return 7;
    place.Kill();
    const Result<Rows> lost = session.Execute(Statement("insert into u values (2)"));
    EXPECT_FALSE(lost);
    if (!lost) EXPECT_EQ(lost.error().code, Errc::kClosed);
    if (!lost) EXPECT_FALSE(lost.error().may_have_applied);
    place.StartAgain();
    return 0;
  });
  // Before COMMIT: so it was done again.
  EXPECT_EQ(done.value_or(0), 7);
  EXPECT_EQ(db.Execute(Statement("select count(*) from u"))->Get<int>(0, 0), 1);
  // Idle connections died, too: noticed before they are lent.
  place.Kill();
  EXPECT_FALSE(db.Execute(Statement("select 1"), {.timeout = 1s}));
  place.StartAgain();
  EXPECT_EQ(db.Execute(Statement("select 1"))->Get<int>(0, 0), 1);
}

TEST(Postgres, AKilledStatementMayHaveApplied) {
  DatabasePlace place;
  ASSERT_NO_FATAL_FAILURE(place.StartPostgresOfItsOwn());
  const Database db = Database::Open(place.uri(), {.timeout = 20s}).value();
  ASSERT_TRUE(db.RunScript("create table u(id bigint primary key)"));
  std::jthread killer([&] {
    // Once the statement is seen to run.
    const Statement running(
        "select 1 from pg_stat_activity where query like '%pg_sleep(6%'"
        " and pid <> pg_backend_pid() and state = 'active'");
    while (db.Execute(running).value().empty()) {
    }
    place.Kill();
  });
  const Statement slow("insert into u select 1 from (select pg_sleep(60)) s");
  const Result<Rows> lost = db.Execute(slow);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Errc::kClosed);
  EXPECT_TRUE(lost.error().may_have_applied);
}

// What was bound counts as well; nothing of such a size is sent to see whether it is taken.
TEST(Statements, HaveNoMoreBytesThanTheLimit) {
  const std::string_view text = "select $1";
  Statement statement(text, Blob());
  std::string& bytes = std::get<Blob>(statement.parameters[0]).bytes;
  bytes.reserve(kStatementBytesMax + 1);
  bytes.resize(kStatementBytesMax - text.size());
  EXPECT_TRUE(CheckStatements(std::span(&statement, 1), Dialect::kPostgres).has_value());
  bytes += 'x';
  EXPECT_EQ(CheckStatements(std::span(&statement, 1), Dialect::kPostgres).error().code,
            Errc::kInvalid);
  bytes.resize(kStatementBytesMax, 'x');
  std::ranges::fill(bytes, ';');
  EXPECT_TRUE(CheckScript(bytes).has_value());
  bytes += ';';
  EXPECT_EQ(CheckScript(bytes).error().code, Errc::kInvalid);
}

TEST(Timestamps, AreReadAndRefused) {
  const Timestamp noon = Timestamp(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22)) + 12h;
  EXPECT_EQ(FormatTimestamp(noon + 5us), "2026-11-22 12:00:00.000005");
  EXPECT_EQ(FormatTimestamp(Timestamp(-1us)), "1969-12-31 23:59:59.999999");
  for (const std::string_view text :
       {"2026-11-22 12:00:00", "2026-11-22T12:00:00Z", "2026-11-22 12:00:00.000+00",
        "2026-11-22 14:00:00+02", "2026-11-22 08:30:00.0-03:30"})
    EXPECT_EQ(ParseTimestamp(text), noon) << text;
  EXPECT_EQ(ParseTimestamp("2026-11-22"), noon - 12h);
  for (const std::string_view text :
       {"", "x", "2026-13-22 12:00:00", "2026-11-22 12:00", "2026-11-22 12:00:00 x", "infinity",
        "2026-02-30", "2026-11-22 12:00:00.", "2026-11-22 12:00:00+"})
    EXPECT_FALSE(ParseTimestamp(text)) << text;
}

}  // namespace
}  // namespace cairn::cache::sql
