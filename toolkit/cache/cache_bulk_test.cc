// SPDX-License-Identifier: BSD-3-Clause
// Bulk loads: their timeouts, what a loader may get wrong, and how many keys there may be. Time is
// virtual.
#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "cairn/cache.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

using RowKey = Key<"row:{*}", std::int64_t>;
using Cached = TypedCache<std::string, RowKey>;
using Bulk = BulkContext<RowKey>;
using Loaded = Result<std::optional<std::string>>;
using Rows = Result<std::vector<std::optional<std::string>>>;
using Answers = std::optional<Result<std::vector<Entry<std::string>>>>;
using Answer = std::optional<Result<Entry<std::string>>>;

class BulkLoad : public testing::Test {
 protected:
  Cached Make(Policy policy) {
    return Cached(store_, {.policy = std::move(policy), .executor = &time_});
  }
  static Rows Same(const Bulk& context, const std::string& value) {
    return std::vector<std::optional<std::string>>(context.keys.size(), value);
  }
  // A loader that takes so long, by the clock, and then gives this of every key.
  auto Slow(Duration span, Loaded row) {
    return [this, span, row](Bulk& context) -> Task<Rows> {
      ++loads_;
      keys_ = context.keys.size();
      co_await Sleep(time_, span);
      was_stopped_ = context.stop.stop_requested();
      ++ends_;
      if (!row) co_return std::unexpected(row.error());
      co_return std::vector<std::optional<std::string>>(context.keys.size(), *row);
    };
  }
  template <class L>
  void Start(const Cached& cache, std::vector<RowKey> keys, L loader, Answers* answers) {
    Detach(Run(cache, std::move(keys), std::move(loader), answers));
  }
  template <class L>
  static Task<void> Run(Cached cache, std::vector<RowKey> keys, L loader, Answers* answers) {
    *answers = co_await cache.CoGetOrLoadMany(std::move(keys), std::move(loader));
  }
  void Join(const Cached& cache, std::int64_t id, Answer* answer) {
    Detach(JoinTask(cache, id, answer));
  }
  static Task<void> JoinTask(Cached cache, std::int64_t id, Answer* answer) {
    *answer = co_await cache.CoGetOrLoad(id, [](Cached::Loading&) -> Loaded { return "own"; });
  }
  bool IsLeaseFree(std::int64_t id) {
    const std::string key = RowKey(id).text();
    const Command get("CACHE.GET", key, "LEASE", 1000);
    const std::int64_t token = store_.client().Call(get)->elements()[2].AsInteger().value_or(0);
    if (token != 0) store_.client().Call(Command("CACHE.FAIL", key, token)).value();
    return token != 0;
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
  int loads_ = 0;
  int ends_ = 0;
  std::size_t keys_ = 0;
  bool was_stopped_ = false;
};

TEST_F(BulkLoad, SoftTimeoutServesTheStaleRowsAndTheLoadFills) {
  const Cached cache = Make({.ttl = 1s, .stale_for = 10s, .soft_timeout = 100ms});
  cache.Put(1, "old 1").value();
  cache.Put(2, "old 2").value();
  time_.Advance(1s);
  Answers answers;
  Start(cache, {1, 2, 1}, Slow(500ms, "new"), &answers);
  time_.Advance(99ms);
  EXPECT_FALSE(answers);
  time_.Advance(1ms);
  ASSERT_TRUE(answers && answers->has_value());
  ASSERT_EQ((*answers)->size(), 3u);
  EXPECT_EQ((**answers)[0].value, "old 1");
  EXPECT_EQ((**answers)[1].value, "old 2");
  EXPECT_EQ((**answers)[2].value, "old 1");
  EXPECT_EQ((**answers)[1].outcome, Outcome::kFallback);
  EXPECT_EQ(ends_, 0);
  EXPECT_FALSE(IsLeaseFree(1));
  time_.Advance(400ms);
  EXPECT_EQ(ends_, 1);
  EXPECT_FALSE(was_stopped_);
  EXPECT_EQ(cache.Get(1)->value, "new");
  EXPECT_EQ(cache.Get(2)->outcome, Outcome::kHit);
  EXPECT_EQ(cache.figures().timeouts, 1u);
  // One that is in time is the answer.
  cache.Expire(1).value();
  answers.reset();
  Start(cache, {1}, Slow(50ms, "newer"), &answers);
  time_.Advance(50ms);
  ASSERT_TRUE(answers);
  EXPECT_EQ((**answers)[0].outcome, Outcome::kLoaded);
  EXPECT_EQ(time_.pending(), 0u);
}

// The call is answered as a whole, so there is nothing to be had from going.
TEST_F(BulkLoad, SoftTimeoutOfARowWithoutAStaleValueWaits) {
  const Cached cache = Make({.ttl = 1s, .stale_for = 10s, .soft_timeout = 100ms});
  cache.Put(1, "old").value();
  time_.Advance(1s);
  Answers answers;
  Start(cache, {1, 2}, Slow(500ms, "new"), &answers);
  time_.Advance(499ms);
  EXPECT_FALSE(answers);
  time_.Advance(1ms);
  ASSERT_TRUE(answers && answers->has_value());
  EXPECT_EQ((**answers)[0].outcome, Outcome::kLoaded);
  EXPECT_EQ((**answers)[1].value, "new");
}

TEST_F(BulkLoad, HardTimeoutAnswersAndStopsTheLoader) {
  const Cached cache = Make({.ttl = 1s, .stale_for = 10s, .hard_timeout = 100ms});
  cache.Put(1, "old").value();
  time_.Advance(1s);
  Answers answers;
  Answer joined;
  Start(cache, {1, 2}, Slow(500ms, Fail(Errc::kUnreachable, "no database")), &answers);
  Join(cache, 2, &joined);
  time_.Advance(100ms);
  ASSERT_TRUE(answers && joined);
  EXPECT_EQ(answers->error().code, Errc::kTimeout);
  EXPECT_EQ(joined->error().code, Errc::kTimeout);
  // The leases are held by the load still.
  EXPECT_FALSE(IsLeaseFree(1));
  EXPECT_FALSE(IsLeaseFree(2));
  time_.Advance(400ms);
  EXPECT_TRUE(was_stopped_);
  EXPECT_EQ(loads_, 1);
  EXPECT_TRUE(IsLeaseFree(2));
  EXPECT_EQ(time_.pending(), 0u);
}

TEST_F(BulkLoad, HardTimeoutFallsBackIfAllRowsAreStale) {
  const Cached cache = Make({.ttl = 1s, .stale_for = 10s, .hard_timeout = 100ms});
  cache.Put(1, "old").value();
  time_.Advance(1s);
  Answers answers;
  Start(cache, {1}, Slow(500ms, "late"), &answers);
  time_.Advance(100ms);
  ASSERT_TRUE(answers && answers->has_value());
  EXPECT_EQ((**answers)[0].value, "old");
  EXPECT_EQ((**answers)[0].outcome, Outcome::kFallback);
  time_.Advance(400ms);
  EXPECT_EQ(cache.Get(1)->value, "late");  // what comes behind it is stored
}

TEST_F(BulkLoad, ALoaderThatObeysAtOnceIsLateAllTheSame) {
  const Cached cache = Make({.ttl = 1s, .hard_timeout = 100ms});
  const auto obedient = [](Bulk& context) -> Task<Rows> {
    internal::FirstOf<bool> stopped;
    const std::stop_callback on_stop(context.stop, [&] { stopped.Give(true); });
    co_await stopped;
    co_return Fail(Errc::kCancelled, "asked to end");
  };
  Answers answers;
  Start(cache, {1, 2}, obedient, &answers);
  time_.Advance(100ms);
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->error().code, Errc::kTimeout);
  EXPECT_TRUE(IsLeaseFree(1));
  EXPECT_TRUE(IsLeaseFree(2));
}

// It holds up a thread of the executor's, not the caller's.
TEST(BulkLoadThreads, ASynchronousLoaderRunsOnTheExecutor) {
  const std::unique_ptr<Scheduler> executor = MakeThreadScheduler();
  const Store store = Store::Open("embedded:").value();
  const Cached cache(store, {.policy = {.ttl = 1min, .stale_for = 1min, .soft_timeout = 5ms},
                             .executor = executor.get()});
  cache.Put(1, "old").value();
  cache.Expire(1).value();
  auto may_end = std::make_shared<std::latch>(1);
  const auto entries = cache.GetOrLoadMany({1}, [may_end](Bulk&) -> Rows {
    may_end->wait();
    return std::vector<std::optional<std::string>>{"new"};
  });
  ASSERT_TRUE(entries.has_value());
  EXPECT_EQ((*entries)[0].outcome, Outcome::kFallback);
  may_end->count_down();
  std::latch has_ended(1);
  executor->Post([&] { has_ended.count_down(); });  // behind the load
  has_ended.wait();
  EXPECT_EQ(cache.Get(1)->value, "new");
}

// Without an executor it cannot be left: it is waited for, but told to stop.
TEST(BulkLoadThreads, WithoutAnExecutorASynchronousLoaderIsWaitedFor) {
  const Store store = Store::Open("embedded:").value();
  const Cached cache(store, {.policy = {.ttl = 1min, .hard_timeout = 5ms}});
  const auto entries = cache.GetOrLoadMany({1, 2}, [](Bulk& context) -> Rows {
    std::latch stopped(1);
    const std::stop_callback on_stop(context.stop, [&] { stopped.count_down(); });
    stopped.wait();
    return std::vector<std::optional<std::string>>{"a", "b"};
  });
  ASSERT_TRUE(entries.has_value());
  EXPECT_EQ((*entries)[1].value, "b");
  EXPECT_EQ(cache.Get(1)->value, "a");
}

// ---- What a loader may get wrong ---------------------------------------------------------------

struct Wrong {
  const char* name;
  Rows (*loader)(Bulk& context);
  Errc code;
  const char* detail;
};

Rows Three() { return std::vector<std::optional<std::string>>(3, "row"); }

const Wrong kWrong[] = {
    {"versions of too few",
     [](Bulk& context) {
       context.versions = {1};
       return Three();
     },
     Errc::kInvalid, "the loader gave not as many versions as there are keys"},
    {"versions of too many",
     [](Bulk& context) {
       context.versions = {1, 2, 3, 4};
       return Three();
     },
     Errc::kInvalid, "the loader gave not as many versions as there are keys"},
    {"tags of too few",
     [](Bulk& context) {
       context.tags = {{"a"}, {"b"}};
       return Three();
     },
     Errc::kInvalid, "the loader gave not as many lists of tags as there are keys"},
    {"an empty tag",
     [](Bulk& context) {
       context.tags = {{"a"}, {"b"}, {""}};
       return Three();
     },
     Errc::kInvalid, "a tag is not empty"},
    {"an empty tag of all",
     [](Bulk& context) {
       context.policy.tags = {""};
       return Three();
     },
     Errc::kInvalid, "a tag is not empty"},
    {"a version below 0",
     [](Bulk& context) {
       context.versions = {1, 2, -3};
       return Three();
     },
     Errc::kInvalid, "a version is not negative"},
    {"too few values", [](Bulk&) { return Rows(std::vector<std::optional<std::string>>{"row"}); },
     Errc::kLoader, "the loader gave not as many values as there are keys"},
    {"too few values, and the keys to suit them",
     [](Bulk& context) {
       context.keys.resize(1, RowKey(1));
       return Rows(std::vector<std::optional<std::string>>{"row"});
     },
     Errc::kLoader, "the loader gave not as many values as there are keys"},
};

TEST_F(BulkLoad, WhatALoaderGetsWrongIsAnErrorAndItsLeasesAreGivenBack) {
  const Cached cache = Make({.ttl = 1s});
  for (const Wrong& wrong : kWrong) {
    SCOPED_TRACE(wrong.name);
    const auto entries = cache.GetOrLoadMany({1, 2, 3}, wrong.loader);
    ASSERT_FALSE(entries.has_value());
    EXPECT_EQ(entries.error().code, wrong.code);
    EXPECT_EQ(entries.error().detail, wrong.detail);
    for (const std::int64_t id : {1, 2, 3}) EXPECT_TRUE(IsLeaseFree(id));
  }
  EXPECT_EQ(cache.figures().failed_loads, std::size(kWrong));
}

// The keys are the loader's to change: what is stored is what was asked for.
TEST_F(BulkLoad, TheKeysAreTheLoadersToChange) {
  const Cached cache = Make({.ttl = 1s});
  const auto loader = [](Bulk& context) -> Rows {
    const std::size_t count = context.keys.size();
    context.keys.clear();
    return std::vector<std::optional<std::string>>(count, "row");
  };
  EXPECT_EQ(cache.GetOrLoadMany({1, 2}, loader)->size(), 2u);
  EXPECT_EQ(cache.Get(2)->value, "row");
}

TEST_F(BulkLoad, ALoaderThatThrowsIsAnErrorAndItsLeasesAreGivenBack) {
  const Cached cache = Make({.ttl = 1s, .hard_timeout = 1s});
  const auto thrower = [this](Bulk&) -> Task<Rows> {
    co_await Sleep(time_, 10ms);
    std::rethrow_exception(std::make_exception_ptr(std::runtime_error("no such table")));
    co_return std::vector<std::optional<std::string>>();
  };
  Answers answers;
  Start(cache, {1, 2}, thrower, &answers);
  time_.Advance(10ms);
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->error().code, Errc::kLoader);
  EXPECT_EQ(answers->error().detail, "the loader threw: no such table");
  EXPECT_TRUE(IsLeaseFree(1));
  EXPECT_TRUE(IsLeaseFree(2));
  EXPECT_EQ(time_.pending(), 0u);
}

// ---- Keys that others load ---------------------------------------------------------------------

// One wait for all of them, not one each; then one load.
TEST_F(BulkLoad, WhatOthersLoadForTooLongIsLoadedTogether) {
  const Cached cache = Make({.ttl = 1s, .wait_max = 100ms});
  std::vector<RowKey> keys;
  for (std::int64_t id = 0; id < 50; ++id) {
    keys.emplace_back(id);
    store_.client().Call(Command("CACHE.GET", RowKey(id).text(), "LEASE", 600'000)).value();
  }
  Answers answers;
  Start(cache, keys, Slow(0ms, "own"), &answers);
  time_.Advance(200ms);
  ASSERT_TRUE(answers && answers->has_value());
  EXPECT_EQ((**answers)[49].value, "own");
  EXPECT_FALSE((**answers)[49].is_cached);
  EXPECT_LE(loads_, 2);  // who is waited for first loads alone
  const Cached failing =
      Make({.ttl = 1s, .wait_max = 100ms, .when_wait_over = WhenWaitOver::kFail});
  answers.reset();
  Start(failing, keys, Slow(0ms, "own"), &answers);
  time_.Advance(200ms);
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->error().code, Errc::kTimeout);
}

// A loader that is no coroutine is run on the executor there, too, if a timeout may leave it.
TEST_F(BulkLoad, WhatOthersHaveFailedToLoadIsLoadedOnTheExecutor) {
  class Counting : public Executor {
   public:
    explicit Counting(Executor& under) : under_(under) {}
    void Post(Work work) override {
      ++count;
      under_.Post(std::move(work));
    }
    int count = 0;

   private:
    Executor& under_;
  } executor(time_);
  const Cached cache(store_, {.policy = {.ttl = 1s, .hard_timeout = 100ms}, .executor = &executor});
  const Command get("CACHE.GET", RowKey(1).text(), "LEASE", 600'000);
  const std::int64_t token = store_.client().Call(get)->elements()[2].AsInteger().value();
  Answers answers;
  Start(cache, {1}, [](Bulk& context) { return Same(context, "row"); }, &answers);
  EXPECT_FALSE(answers);
  store_.client().Call(Command("CACHE.FAIL", RowKey(1).text(), token)).value();
  time_.RunReady();
  ASSERT_TRUE(answers && answers->has_value());
  EXPECT_EQ((**answers)[0].value, "row");
  EXPECT_TRUE((**answers)[0].is_cached);
  EXPECT_EQ(executor.count, 1);
}

// They wait for themselves, but not for ever.
TEST_F(BulkLoad, ALoaderMayAskForItsOwnKeys) {
  const Cached cache = Make({.ttl = 1s, .wait_max = 200ms});
  Answers answers;
  const auto nested = [&](Bulk& context) -> Task<Rows> {
    auto inner = co_await cache.CoGetOrLoadMany(context.keys, Slow(0ms, "inner"));
    if (!inner) co_return Pass(std::move(inner));
    std::vector<std::optional<std::string>> rows;
    for (auto& entry : *inner) rows.push_back(std::move(entry.value));
    co_return rows;
  };
  Start(cache, {1, 2, 3}, nested, &answers);
  time_.Advance(300ms);
  ASSERT_TRUE(answers && answers->has_value());
  EXPECT_EQ((**answers)[2].value, "inner");
  EXPECT_TRUE((**answers)[2].is_cached);
  EXPECT_EQ(time_.pending(), 0u);
}

// ---- Who is cancelled --------------------------------------------------------------------------

// While he waits for another's load, and for a place among the loads without a lease.
TEST_F(BulkLoad, WhoWaitsIsCancelled) {
  const Cached cache(
      store_,
      {.policy = {.ttl = 1s, .wait_max = 10s}, .executor = &time_, .uncached_loads_max = 1});
  for (const std::int64_t id : {1, 2}) {
    store_.client().Call(Command("RPUSH", RowKey(id).text(), "none of ours")).value();
  }
  Answers slow;
  Answers answers;
  Answer single;
  std::stop_source stop;
  Start(cache, {1}, Slow(5s, "slow"), &slow);
  const auto many = [&]() -> Task<void> {
    std::vector<RowKey> keys = {RowKey(2), RowKey(3)};
    answers = co_await cache.CoGetOrLoadMany(std::move(keys), Slow(0ms, "row"))
                  .WithStop(stop.get_token());
  };
  const auto one = [&]() -> Task<void> {
    single = co_await cache.CoGetOrLoad(2, [](Cached::Loading&) -> Loaded { return "row"; })
                 .WithStop(stop.get_token());
  };
  Detach(many());
  Detach(one());
  time_.Advance(1s);
  EXPECT_FALSE(answers || single);
  stop.request_stop();
  time_.RunReady();
  ASSERT_TRUE(answers && single);
  EXPECT_EQ(answers->error().code, Errc::kCancelled);
  EXPECT_EQ(single->error().code, Errc::kCancelled);
  EXPECT_TRUE(IsLeaseFree(3));
  time_.Advance(5s);
  EXPECT_EQ((**slow)[0].value, "slow");
  EXPECT_EQ(time_.pending(), 0u);
}

// More than there may be leases: some are loaded by a second call.
TEST_F(BulkLoad, AHundredThousandKeys) {
  const Cached cache = Make({.ttl = 1min});
  constexpr std::int64_t kKeys = 100'000;
  std::vector<RowKey> keys;
  for (std::int64_t id = 0; id < kKeys; ++id) keys.emplace_back(id);
  const auto loader = [this](Bulk& context) -> Rows {
    ++loads_;
    keys_ += context.keys.size();
    return Same(context, "row");
  };
  const auto entries = cache.GetOrLoadMany(keys, loader);
  ASSERT_TRUE(entries.has_value()) << entries.error().detail;
  EXPECT_EQ(loads_, 2);
  EXPECT_EQ(keys_, static_cast<std::size_t>(kKeys));
  std::size_t cached = 0;
  for (const auto& entry : *entries) cached += entry.is_cached ? 1 : 0;
  EXPECT_EQ(cached, static_cast<std::size_t>(kKeys));
  EXPECT_EQ((*cache.GetOrLoadMany(keys, loader))[kKeys - 1].outcome, Outcome::kHit);
  EXPECT_EQ(loads_, 2);
}

// A list under one of the keys: its row is loaded, and stays uncached.
TEST_F(BulkLoad, WhatIsNoneOfOursIsLoadedUncached) {
  const Cached cache = Make({.ttl = 1s});
  store_.client().Call(Command("RPUSH", RowKey(2).text(), "x")).value();
  for (int i = 1; i <= 2; ++i) {
    const auto entries =
        cache.GetOrLoadMany({1, 2}, [](Bulk& context) { return Same(context, "row"); });
    ASSERT_TRUE(entries.has_value()) << entries.error().detail;
    EXPECT_EQ((*entries)[0].outcome, i == 1 ? Outcome::kLoaded : Outcome::kHit);
    EXPECT_TRUE((*entries)[0].is_cached);
    EXPECT_EQ((*entries)[1].value, "row");
    EXPECT_EQ((*entries)[1].outcome, Outcome::kLoaded);
    EXPECT_FALSE((*entries)[1].is_cached);
  }
}

// ---- The cache goes, the executor refuses ------------------------------------------------------

TEST_F(BulkLoad, ALoaderMayDestroyTheCache) {
  auto cache = std::make_shared<std::optional<Cached>>(Make({.ttl = 1s, .hard_timeout = 1min}));
  const auto loader = [this, cache](Bulk& context) -> Task<Rows> {
    cache->reset();
    co_await Sleep(time_, 10ms);
    co_return Same(context, "row");
  };
  Answers answers;
  Start(**cache, {1, 2}, loader, &answers);
  EXPECT_FALSE(*cache);
  time_.Advance(10ms);
  ASSERT_TRUE(answers && answers->has_value());
  EXPECT_TRUE((**answers)[1].is_cached);
}

// It drops what is posted, as one whose queue is full might.
class RefusingExecutor : public Executor {
 public:
  void Post(Work) override { ++refused; }
  int refused = 0;
};

TEST_F(BulkLoad, AnExecutorMayRefuse) {
  RefusingExecutor executor;
  const Cached cache(store_, {.policy = {.ttl = 1s, .stale_for = 10s, .hard_timeout = 1min},
                              .executor = &executor});
  const auto loader = [this](Bulk& context) {
    ++loads_;
    return Same(context, "row");
  };
  Answers answers;
  Start(cache, {1, 2}, loader, &answers);
  time_.RunReady();
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->error().code, Errc::kLimit);
  EXPECT_EQ(executor.refused, 1);
  EXPECT_EQ(loads_, 0);
  EXPECT_TRUE(IsLeaseFree(1));
  EXPECT_TRUE(IsLeaseFree(2));
  EXPECT_EQ(time_.pending(), 0u);
}

TEST_F(BulkLoad, AnExecutorMayRefuseASingleLoad) {
  RefusingExecutor executor;
  const Cached cache(store_, {.policy = {.ttl = 1s,
                                         .stale_for = 10s,
                                         .refresh_part = 0.5,
                                         .hard_timeout = 1min,
                                         .wait_max = 100ms},
                              .executor = &executor});
  const auto loader = [this](Cached::Loading&) -> Loaded {
    ++loads_;
    return "row";
  };
  Answer answer;
  const auto run = [&]() -> Task<void> { answer = co_await cache.CoGetOrLoad(1, loader); };
  Detach(run());
  time_.RunReady();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error().code, Errc::kLimit);
  EXPECT_TRUE(IsLeaseFree(1));
  // A refresh ahead is not made, and its lease is not kept.
  cache.Put(1, "old").value();
  time_.Advance(600ms);
  answer.reset();
  Detach(run());
  time_.RunReady();
  ASSERT_TRUE(answer && answer->has_value());
  EXPECT_EQ((*answer)->value, "old");
  EXPECT_EQ(executor.refused, 2);
  EXPECT_NE(store_.client().Call(Command("CACHE.INFO", RowKey(1).text()))->is_null(), true);
  EXPECT_EQ(loads_, 0);
  EXPECT_EQ(time_.pending(), 0u);
  // Another loads for too long: who has waited goes on, on the scheduler.
  store_.client().Call(Command("CACHE.GET", RowKey(3).text(), "LEASE", 600'000)).value();
  const auto overdue = [&]() -> Task<void> { answer = co_await cache.CoGetOrLoad(3, loader); };
  answer.reset();
  Detach(overdue());
  time_.Advance(200ms);
  ASSERT_TRUE(answer);
}

}  // namespace
}  // namespace cairn::cache
