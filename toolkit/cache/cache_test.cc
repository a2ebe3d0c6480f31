// SPDX-License-Identifier: BSD-3-Clause
// The typed cache over an embedded store: each rule that it keeps, where a guide breaks it beside
// the guide's algorithm. Time is virtual wherever it matters.
#include "cairn/cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

struct User {
  std::int64_t id = 0;
  std::string name;
  bool operator==(const User&) const = default;
  static constexpr auto Fields() {
    return FieldsOf("user/1", Field("id", &User::id), Field("name", &User::name));
  }
};
using UserKey = Key<"user:{*}", std::int64_t>;
using Users = TypedCache<User, UserKey>;
using Loaded = Result<std::optional<User>>;

class Cache : public testing::Test {
 protected:
  Users Make(Policy policy = {.ttl = 1000ms}) {
    return Users(store_, {.policy = std::move(policy), .executor = &time_});
  }
  // A loader that gives what row_ is, and counts.
  auto Row() {
    return [this](Users::Loading&) -> Loaded {
      ++loads_;
      return row_;
    };
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
  std::optional<User> row_ = User{1, "ada"};
  int loads_ = 0;
};

TEST_F(Cache, LoadsOnceThenHits) {
  const Users users = Make();
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
  const Entry<User> loaded = users.GetOrLoad(1, Row()).value();
  EXPECT_EQ(loaded.outcome, Outcome::kLoaded);
  EXPECT_TRUE(loaded.is_cached);
  const Entry<User> hit = users.GetOrLoad(1, Row()).value();
  EXPECT_EQ(hit.outcome, Outcome::kHit);
  EXPECT_EQ(hit.value, row_);
  EXPECT_EQ(users.Get(1)->value, row_);
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(users.count(Outcome::kHit), 2u);
}

TEST_F(Cache, CoroutinesAndCoroutineLoaders) {
  const Users users = Make();
  const auto loader = [this](Users::Loading&) -> Task<Loaded> {
    ++loads_;
    co_return row_;
  };
  EXPECT_EQ(SyncWait(users.CoGetOrLoad(1, loader))->outcome, Outcome::kLoaded);
  EXPECT_EQ(SyncWait(users.CoGet(1))->value, row_);
  EXPECT_TRUE(SyncWait(users.CoPut(1, User{1, "eve"}))->is_applied);
  EXPECT_EQ(SyncWait(users.CoGet(1))->value->name, "eve");
  EXPECT_TRUE(SyncWait(users.CoExpire(1)).has_value());
  EXPECT_TRUE(SyncWait(users.CoInvalidateTag("t")).has_value());
  EXPECT_TRUE(SyncWait(users.CoInvalidate(1))->is_applied);
  EXPECT_EQ(SyncWait(users.CoGet(1))->outcome, Outcome::kMiss);
  EXPECT_FALSE(SyncWait(users.CoClear()).has_value());  // no such namespace
}

// The stale set: a reader misses and loads the old row, the writer commits and invalidates, the
// reader stores the old row. Plain GET and SET keep it; the lease does not.
TEST_F(Cache, StaleSetIsRefused) {
  const Users users = Make();
  Client& client = store_.client();
  // The guide's.
  const std::string old_row = row_->name;
  EXPECT_TRUE(client.Call(Command("GET", "guide"))->is_null());
  client.Call(Command("DEL", "guide")).value();
  client.Call(Command("SET", "guide", old_row)).value();
  EXPECT_EQ(client.Call(Command("GET", "guide"))->text(), "ada");
  // Ours.
  const Entry<User> loaded = users
                                 .GetOrLoad(1,
                                            [&](Users::Loading&) -> Loaded {
                                              const User old = *row_;
                                              row_->name = "eve";
                                              users.Invalidate(1).value();
                                              return old;
                                            })
                                 .value();
  EXPECT_EQ(loaded.value->name, "ada");
  EXPECT_FALSE(loaded.is_cached);
  EXPECT_EQ(users.refused(), 1u);
  EXPECT_EQ(users.GetOrLoad(1, Row())->value->name, "eve");
}

// Who joins a load after the row was invalidated must not be given the row from before.
TEST_F(Cache, JoinersOfAnInvalidatedLoadLoadAnew) {
  const Users users = Make();
  std::latch is_loading(1);
  std::latch may_end(1);
  Result<Entry<User>> first = Fail(Errc::kInvalid, "");
  std::thread reader([&] {
    first = users.GetOrLoad(1, [&](Users::Loading&) -> Loaded {
      is_loading.count_down();
      may_end.wait();
      return User{1, "old"};
    });
  });
  is_loading.wait();
  users.Invalidate(1).value();
  // Suspends: the flight is there.
  std::optional<Result<Entry<User>>> joined;
  const auto join = [&]() -> Task<void> { joined = co_await users.CoGetOrLoad(1, Row()); };
  Detach(join());
  EXPECT_FALSE(joined);
  may_end.count_down();
  reader.join();
  EXPECT_EQ(first->value->name, "old");
  ASSERT_TRUE(joined);
  EXPECT_EQ((*joined)->value->name, "ada");
  EXPECT_EQ((*joined)->outcome, Outcome::kLoaded);
  EXPECT_EQ(loads_, 1);
}

TEST_F(Cache, ConcurrentCallersMakeOneLoad) {
  constexpr int kCallers = 32;
  const Store store = Store::Open("embedded:").value();
  const Users users(store, {.policy = {.ttl = 60s}});
  std::atomic<int> loads{0};
  std::atomic<int> right{0};
  std::latch start(kCallers);
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      start.arrive_and_wait();
      const auto entry = users.GetOrLoad(1, [&](Users::Loading&) -> Loaded {
        ++loads;
        return User{1, "ada"};
      });
      if (entry && entry->value && entry->value->name == "ada") ++right;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(loads, 1);
  EXPECT_EQ(right, kCallers);
}

// The guides' `if val:` loads these for ever.
TEST_F(Cache, EmptyValuesAreCached) {
  const TypedCache<std::vector<int>, Key<"list:*", int>> lists(store_);
  const TypedCache<int, Key<"int:*", int>> numbers(store_);
  int loads = 0;
  for (int i = 0; i < 5; ++i) {
    lists
        .GetOrLoad(1,
                   [&](auto&) -> Result<std::optional<std::vector<int>>> {
                     ++loads;
                     return std::vector<int>();
                   })
        .value();
    numbers
        .GetOrLoad(1,
                   [&](auto&) -> Result<std::optional<int>> {
                     ++loads;
                     return 0;
                   })
        .value();
  }
  EXPECT_EQ(loads, 2);
  EXPECT_EQ(numbers.Get(1)->value, 0);
}

TEST_F(Cache, AbsenceIsKnownForItsOwnTime) {
  const Users users = Make({.ttl = 1000ms, .negative_ttl = 50ms});
  row_.reset();
  EXPECT_EQ(users.GetOrLoad(1, Row())->outcome, Outcome::kNegative);
  EXPECT_EQ(users.GetOrLoad(1, Row())->outcome, Outcome::kNegative);
  EXPECT_EQ(loads_, 1);
  time_.Advance(50ms);
  row_ = User{1, "new"};
  EXPECT_EQ(users.GetOrLoad(1, Row())->value->name, "new");
  // Who creates the row makes an end of it.
  row_.reset();
  EXPECT_FALSE(users.GetOrLoad(2, Row())->value);
  users.Put(2, User{2, "two"}).value();
  EXPECT_EQ(users.Get(2)->value->name, "two");
}

TEST_F(Cache, ErrorsAndExceptionsAreNotAbsence) {
  const Users users = Make();
  const auto thrown = users.GetOrLoad(1, [](Users::Loading&) -> Loaded {
    std::rethrow_exception(std::make_exception_ptr(std::runtime_error("database")));
  });
  ASSERT_FALSE(thrown);
  EXPECT_EQ(thrown.error().code, Errc::kLoader);
  EXPECT_EQ(thrown.error().detail, "the loader threw: database");
  EXPECT_TRUE(thrown.error().cause);
  const auto failed = users.GetOrLoad(
      1, [](Users::Loading&) -> Loaded { return Fail(Errc::kUnreachable, "no database"); });
  EXPECT_EQ(failed.error().code, Errc::kUnreachable);
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
  // The lease is free again.
  EXPECT_EQ(users.GetOrLoad(1, Row())->outcome, Outcome::kLoaded);
}

TEST_F(Cache, FailSafeServesTheStaleValueAndThrottles) {
  const Users users = Make({.ttl = 100ms, .stale_for = 10'000ms, .retry_after = 500ms});
  users.GetOrLoad(1, Row()).value();
  time_.Advance(200ms);
  const auto failing = [this](Users::Loading& context) -> Loaded {
    ++loads_;
    EXPECT_NE(context.stale, nullptr);
    return Fail(Errc::kUnreachable, "no database");
  };
  const Entry<User> fallback = users.GetOrLoad(1, failing).value();
  EXPECT_EQ(fallback.outcome, Outcome::kFallback);
  EXPECT_EQ(fallback.value, row_);
  EXPECT_EQ(users.GetOrLoad(1, failing)->outcome, Outcome::kStale);
  EXPECT_EQ(loads_, 2);
  time_.Advance(500ms);
  EXPECT_EQ(users.GetOrLoad(1, Row())->outcome, Outcome::kLoaded);
}

TEST_F(Cache, TtlOfZeroKeepsNothing) {
  const Users users = Make({.ttl = 0ms});
  EXPECT_FALSE(users.GetOrLoad(1, Row())->is_cached);
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
  users.Put(1, *row_).value();
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
}

TEST_F(Cache, RefreshAheadLoadsInTheBackground) {
  const Users users = Make({.ttl = 1000ms, .refresh_part = 0.2});
  users.GetOrLoad(1, Row()).value();
  time_.Advance(790ms);
  users.GetOrLoad(1, Row()).value();
  time_.RunReady();
  EXPECT_EQ(loads_, 1);
  time_.Advance(20ms);
  row_->name = "eve";
  EXPECT_EQ(users.GetOrLoad(1, Row())->value->name, "ada");  // at once
  EXPECT_EQ(loads_, 1);
  time_.RunReady();
  EXPECT_EQ(loads_, 2);
  EXPECT_EQ(users.Get(1)->value->name, "eve");
  // Reading alone prolongs nothing, unlike the guide's early_expire.lua.
  time_.Advance(999ms);
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kHit);
  time_.Advance(1ms);
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
}

TEST_F(Cache, APutThatIsNotKeptLeavesItsVersion) {
  ASSERT_TRUE(Make({.ttl = 0ms}).Put(1, {1, "new"}, {.version = 5}));
  const Users users = Make();
  EXPECT_FALSE(users.Put(1, {1, "old"}, {.version = 4})->is_applied);
  EXPECT_EQ(users.Get(1)->value, std::nullopt);
}

TEST_F(Cache, OlderVersionsAreRefused) {
  const Users users = Make();
  EXPECT_TRUE(users.Put(1, User{1, "new"}, {.version = 7})->is_applied);
  EXPECT_FALSE(users.Put(1, User{1, "old"}, {.version = 6})->is_applied);
  EXPECT_EQ(users.Get(1)->value->name, "new");
  EXPECT_EQ(users.Get(1)->version, 7);
  // A tombstone: an update that arrives after the delete.
  EXPECT_TRUE(users.Invalidate(1, 9)->is_applied);
  EXPECT_FALSE(users.Put(1, User{1, "late"}, {.version = 8})->is_applied);
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
}

TEST_F(Cache, RowsOfALaggingReplicaAreNotCached) {
  const Users users = Make();
  users.Put(1, User{1, "old"}, {.version = 3}).value();
  const auto lagging = [](Users::Loading& context) -> Loaded {
    EXPECT_EQ(context.min_version, 5);
    context.version = 4;
    return User{1, "lagging"};
  };
  const Entry<User> entry = users.GetOrLoad(1, lagging, {.min_version = 5}).value();
  EXPECT_EQ(entry.value->name, "lagging");
  EXPECT_FALSE(entry.is_cached);
  EXPECT_NE(users.Get(1)->value, entry.value);
}

TEST_F(Cache, TagsMakeStaleOrEnd) {
  const Users users = Make({.ttl = 10'000ms, .stale_for = 10'000ms, .tags = {"users"}});
  const auto tagged = [this](Users::Loading& context) -> Loaded {
    context.tags.emplace_back("tenant:7");
    return row_;
  };
  users.GetOrLoad(1, tagged).value();
  users.InvalidateTag("tenant:7").value();
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kStale);
  users.InvalidateTag("users", Bump::kHard).value();
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
}

TEST_F(Cache, NotModifiedBeginsTheTimesAnew) {
  const Users users = Make({.ttl = 100ms, .stale_for = 1000ms});
  users.GetOrLoad(1, Row()).value();
  users.Expire(1).value();
  const auto same = [](Users::Loading& context) -> Loaded { return context.NotModified(); };
  EXPECT_EQ(users.GetOrLoad(1, same)->value, row_);
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kHit);
}

TEST_F(Cache, SkippedValuesAreNotKept) {
  const Users users = Make();
  const auto skip = [this](Users::Loading& context) -> Loaded { return context.Skip(row_); };
  EXPECT_EQ(users.GetOrLoad(1, skip)->value, row_);
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
  EXPECT_EQ(users.GetOrLoad(1, Row())->outcome, Outcome::kLoaded);
}

// Another program's bytes, and another schema's: a miss that is loaded, not a crash.
TEST_F(Cache, ForeignValuesAreMisses) {
  const Users users = Make();
  store_.client().Call(Command("SET", UserKey(1).text(), "{\"id\": 1}")).value();
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
  EXPECT_EQ(users.GetOrLoad(1, Row())->outcome, Outcome::kLoaded);
  EXPECT_EQ(users.Get(1)->value, row_);
  EXPECT_GT(users.undecodable(), 0u);
  store_.client().Call(Command("DEL", UserKey(1).text())).value();
  store_.client().Call(Command("LPUSH", UserKey(1).text(), "x")).value();
  // What another program keeps there stays; the caller has his value.
  const auto undecodable = users.undecodable();
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
  for (int i = 0; i < 2; ++i) {
    const auto entry = users.GetOrLoad(1, Row());
    ASSERT_TRUE(entry.has_value()) << entry.error().detail;
    EXPECT_EQ(entry->outcome, Outcome::kLoaded);
    EXPECT_EQ(entry->value, row_);
    EXPECT_FALSE(entry->is_cached);
  }
  EXPECT_EQ(users.undecodable(), undecodable + 3);
  EXPECT_EQ(store_.client().Call(Command("LLEN", UserKey(1).text()))->AsInteger(), 1);
  // A Put replaces it, as SET does.
  EXPECT_TRUE(users.Put(1, *row_)->is_applied);
  EXPECT_EQ(users.Get(1)->value, row_);
}

TEST_F(Cache, EmptyTagsAreInvalid) {
  const Users users = Make();
  EXPECT_EQ(users.InvalidateTag("").error().code, Errc::kInvalid);
  EXPECT_EQ(SyncWait(users.CoInvalidateTag("")).error().code, Errc::kInvalid);
  EXPECT_EQ(users.Put(1, *row_, {.tags = {"a", ""}}).error().code, Errc::kInvalid);
  const Users tagged(store_, {.policy = {.tags = {""}}});
  EXPECT_EQ(tagged.Put(1, *row_).error().code, Errc::kInvalid);
  EXPECT_EQ(tagged.GetOrLoad(1, Row()).error().code, Errc::kInvalid);
  const auto loader = [&](Users::Loading& context) -> Result<std::optional<User>> {
    context.tags.emplace_back();
    return row_;
  };
  const Result<Entry<User>> entry = users.GetOrLoad(1, loader);
  ASSERT_FALSE(entry.has_value());
  EXPECT_EQ(entry.error().code, Errc::kInvalid);
  EXPECT_EQ(entry.error().detail, "a tag is not empty");
  // The lease was given back.
  EXPECT_EQ(users.GetOrLoad(1, Row())->outcome, Outcome::kLoaded);
}

TEST_F(Cache, ClearTakesAllOfTheSchema) {
  const Users users = Make();
  const Result<void> undeclared = users.Clear();
  EXPECT_EQ(undeclared.error().code, Errc::kUnsupported);
  EXPECT_EQ(undeclared.error().detail, "'user:{' is no namespace: NAMESPACE.SET");
  store_.client().Call(Command("NAMESPACE.SET", UserKey::Prefix())).value();
  users.Put(1, *row_).value();
  users.Put(2, *row_).value();
  users.Clear().value();
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
  EXPECT_EQ(users.Get(2)->outcome, Outcome::kMiss);
}

TEST_F(Cache, BulkLoadsOnlyWhatIsMissing) {
  const Users users = Make();
  users.Put(2, User{2, "two"}).value();
  std::vector<std::string> asked;
  const auto loader =
      [&](BulkContext<UserKey>& context) -> Result<std::vector<std::optional<User>>> {
    ++loads_;
    std::vector<std::optional<User>> rows;
    for (const UserKey& key : context.keys) {
      asked.push_back(key.text());
      const std::int64_t id = key.part<0>();
      rows.push_back(id == 9 ? std::nullopt : std::optional(User{id, "loaded"}));
      context.versions.push_back(id);
    }
    return rows;
  };
  const auto entries = users.GetOrLoadMany({1, 2, 3, 1, 9}, loader).value();
  EXPECT_EQ(asked, (std::vector<std::string>{"user:{1}", "user:{3}", "user:{9}"}));
  ASSERT_EQ(entries.size(), 5u);
  EXPECT_EQ(entries[1].value->name, "two");
  EXPECT_EQ(entries[1].outcome, Outcome::kHit);
  EXPECT_EQ(entries[2].value->id, 3);
  EXPECT_TRUE(entries[2].is_cached);
  EXPECT_EQ(entries[3].value, entries[0].value);
  EXPECT_EQ(entries[4].outcome, Outcome::kNegative);
  EXPECT_EQ(users.Get(3)->version, 3);
  users.GetOrLoadMany({1, 2, 3, 9}, loader).value();
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(SyncWait(users.CoGetOrLoadMany({}, loader))->size(), 0u);
}

TEST_F(Cache, BulkFillsOfInvalidatedRowsAreRefused) {
  const Users users = Make();
  const auto loader =
      [&](BulkContext<UserKey>& context) -> Result<std::vector<std::optional<User>>> {
    users.Invalidate(1).value();
    return std::vector<std::optional<User>>(context.keys.size(), row_);
  };
  const auto entries = users.GetOrLoadMany({1, 2}, loader).value();
  EXPECT_FALSE(entries[0].is_cached);
  EXPECT_EQ(entries[0].value, row_);
  EXPECT_TRUE(entries[1].is_cached);
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
}

TEST_F(Cache, BulkErrorsAreServedByWhatIsStale) {
  const Users users = Make({.ttl = 100ms, .stale_for = 10'000ms});
  users.Put(1, *row_).value();
  time_.Advance(200ms);
  const auto failing = [](BulkContext<UserKey>&) -> Result<std::vector<std::optional<User>>> {
    return Fail(Errc::kUnreachable, "no database");
  };
  EXPECT_EQ(users.GetOrLoadMany({1}, failing)->at(0).outcome, Outcome::kFallback);
  EXPECT_EQ(users.GetOrLoadMany({1}, failing)->at(0).outcome, Outcome::kStale);
  EXPECT_EQ(users.GetOrLoadMany({1, 2}, failing).error().code, Errc::kUnreachable);
  const auto short_one = [](BulkContext<UserKey>&) -> Result<std::vector<std::optional<User>>> {
    return std::vector<std::optional<User>>();
  };
  EXPECT_EQ(users.GetOrLoadMany({2}, short_one).error().code, Errc::kLoader);
  EXPECT_EQ(users.GetOrLoad(2, Row())->outcome, Outcome::kLoaded);  // its lease was given back
}

// Another process has the lease and does not finish.
TEST_F(Cache, WaitingEndsAsThePolicySays) {
  const auto take_lease = [&](std::int64_t id) {
    store_.client().Call(Command("CACHE.GET", UserKey(id).text(), "LEASE", 600000)).value();
  };
  const auto start = [&](const Users& users, std::int64_t id,
                         std::optional<Result<Entry<User>>>* answer) -> Task<void> {
    *answer = co_await users.CoGetOrLoad(id, Row());
  };
  const Users failing = Make({.wait_max = 100ms, .when_wait_over = WhenWaitOver::kFail});
  take_lease(1);
  std::optional<Result<Entry<User>>> failed;
  Detach(start(failing, 1, &failed));
  time_.Advance(99ms);
  EXPECT_FALSE(failed);
  time_.Advance(60ms);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->error().code, Errc::kTimeout);
  EXPECT_EQ(loads_, 0);
  const Users loading = Make({.wait_max = 100ms});
  take_lease(2);
  std::optional<Result<Entry<User>>> loaded;
  std::optional<Result<Entry<User>>> joined;
  Detach(start(loading, 2, &loaded));
  Detach(start(loading, 2, &joined));
  time_.Advance(160ms);
  ASSERT_TRUE(loaded && joined);
  EXPECT_EQ((*loaded)->value, row_);
  EXPECT_FALSE((*loaded)->is_cached);
  EXPECT_EQ((*joined)->outcome, Outcome::kWaited);
  EXPECT_EQ(loads_, 1);
}

}  // namespace
}  // namespace cairn::cache
