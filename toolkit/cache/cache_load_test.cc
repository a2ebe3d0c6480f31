// SPDX-License-Identifier: BSD-3-Clause
// Loads that take too long, that another process makes, or that nobody's lease holds apart. Time is
// virtual; with a store that is killed: tests/toolkit/outage_cases.cc.
#include <gtest/gtest.h>

#include <functional>
#include <latch>
#include <thread>

#include "cairn/cache.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;
using internal::Breaker;
using internal::LoadSlots;

using RowKey = Key<"row:{*}", std::int64_t>;
using Cached = TypedCache<std::string, RowKey>;
using Loaded = Result<std::optional<std::string>>;
using Answer = std::optional<Result<Entry<std::string>>>;

class Load : public testing::Test {
 protected:
  Cached Make(Policy policy) {
    return Cached(store_, {.policy = std::move(policy), .executor = &time_});
  }
  // A loader that takes so long, by the clock.
  auto Slow(Duration span, Loaded row) {
    return [this, span, row](Cached::Loading& context) -> Task<Loaded> {
      ++loads_;
      co_await Sleep(time_, span);
      was_stopped_ = context.stop.stop_requested();
      ++ends_;
      co_return row;
    };
  }
  template <class L>
  void Start(const Cached& cache, L loader, Answer* answer) {
    Detach(Run(cache, std::move(loader), answer));
  }
  template <class L>
  static Task<void> Run(Cached cache, L loader, Answer* answer) {
    *answer = co_await cache.CoGetOrLoad(1, std::move(loader));
  }
  template <class L>
  static Task<void> RunUntil(Cached cache, L loader, std::stop_token stop, Answer* answer) {
    *answer = co_await cache.CoGetOrLoad(1, std::move(loader)).WithStop(std::move(stop));
  }
  std::int64_t TakeLease(Millis span) {
    const Command get("CACHE.GET", RowKey(1).text(), "LEASE", span.count());
    return store_.client().Call(get)->elements()[2].AsInteger().value();
  }
  // A token, if the lease was free; it is free again.
  std::int64_t GrantedAndGivenBack(std::int64_t id) {
    const std::string key = RowKey(id).text();
    const Command get("CACHE.GET", key, "LEASE", 1000);
    const std::int64_t token = store_.client().Call(get)->elements()[2].AsInteger().value_or(0);
    store_.client().Call(Command("CACHE.FAIL", key, token)).value();
    return token;
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
  int loads_ = 0;
  int ends_ = 0;
  bool was_stopped_ = false;
};

TEST_F(Load, SoftTimeoutServesTheStaleValueAndTheLoadFills) {
  const Cached cache = Make({.ttl = 1s, .stale_for = 10s, .soft_timeout = 100ms});
  cache.Put(1, "old").value();
  time_.Advance(1s);
  Answer answer;
  Start(cache, Slow(500ms, "new"), &answer);
  time_.Advance(99ms);
  EXPECT_FALSE(answer);
  time_.Advance(1ms);
  ASSERT_TRUE(answer);
  EXPECT_EQ((*answer)->outcome, Outcome::kFallback);
  EXPECT_EQ((*answer)->value, "old");
  EXPECT_EQ(ends_, 0);
  time_.Advance(400ms);
  EXPECT_EQ(ends_, 1);
  EXPECT_FALSE(was_stopped_);
  EXPECT_EQ(cache.Get(1)->value, "new");
  EXPECT_EQ(cache.Get(1)->outcome, Outcome::kHit);
  // One that is in time is the answer.
  cache.Expire(1).value();
  answer.reset();
  Start(cache, Slow(50ms, "newer"), &answer);
  time_.Advance(50ms);
  ASSERT_TRUE(answer);
  EXPECT_EQ((*answer)->outcome, Outcome::kLoaded);
  EXPECT_EQ(time_.pending(), 0u);
}

// There is nothing to serve instead.
TEST_F(Load, SoftTimeoutWithoutAStaleValueWaits) {
  const Cached cache = Make({.ttl = 1s, .soft_timeout = 100ms});
  Answer answer;
  Start(cache, Slow(500ms, "new"), &answer);
  time_.Advance(499ms);
  EXPECT_FALSE(answer);
  time_.Advance(1ms);
  EXPECT_EQ((*answer)->outcome, Outcome::kLoaded);
}

TEST_F(Load, HardTimeoutAnswersAndStopsTheLoader) {
  const Cached cache = Make({.ttl = 1s, .hard_timeout = 100ms});
  Answer answer;
  Answer joined;
  Start(cache, Slow(500ms, Fail(Errc::kUnreachable, "no database")), &answer);
  Start(cache, Slow(500ms, "never"), &joined);
  time_.Advance(100ms);
  ASSERT_TRUE(answer && joined);
  EXPECT_EQ(answer->error().code, Errc::kTimeout);
  EXPECT_EQ(joined->error().code, Errc::kTimeout);
  // The lease is still held by the load.
  EXPECT_EQ(store_.client()
                .Call(Command("CACHE.GET", RowKey(1).text(), "LEASE", 1000))
                ->elements()[0]
                .text(),
            "loading");
  EXPECT_EQ(loads_, 1);
  time_.Advance(400ms);
  EXPECT_TRUE(was_stopped_);
  // It was given back when the load ended.
  EXPECT_NE(TakeLease(1s), 0);
}

TEST_F(Load, WhatComesBehindTheHardTimeoutIsStored) {
  const Cached cache = Make({.ttl = 10s, .hard_timeout = 100ms});
  Answer answer;
  Start(cache, Slow(500ms, "late"), &answer);
  time_.Advance(100ms);
  EXPECT_EQ(answer->error().code, Errc::kTimeout);
  time_.Advance(400ms);
  EXPECT_EQ(cache.Get(1)->value, "late");
}

TEST_F(Load, HardTimeoutFallsBackOnTheStaleValue) {
  const Cached cache = Make({.ttl = 1s, .stale_for = 10s, .hard_timeout = 100ms});
  cache.Put(1, "old").value();
  time_.Advance(1s);
  Answer answer;
  Start(cache, Slow(500ms, "new"), &answer);
  time_.Advance(100ms);
  ASSERT_TRUE(answer);
  EXPECT_EQ((*answer)->value, "old");
  EXPECT_EQ((*answer)->outcome, Outcome::kFallback);
  time_.Advance(400ms);
  EXPECT_TRUE(was_stopped_);
}

// It holds up a thread of the executor's, not the caller's.
TEST(LoadThreads, ASynchronousLoaderRunsOnTheExecutor) {
  const std::unique_ptr<Scheduler> executor = MakeThreadScheduler();
  const Store store = Store::Open("embedded:").value();
  const Cached cache(store, {.policy = {.ttl = 1min, .stale_for = 1min, .soft_timeout = 5ms},
                             .executor = executor.get()});
  cache.Put(1, "old").value();
  cache.Expire(1).value();
  auto may_end = std::make_shared<std::latch>(1);
  const auto entry = cache.GetOrLoad(1, [may_end](Cached::Loading&) -> Loaded {
    may_end->wait();
    return "new";
  });
  EXPECT_EQ(entry->outcome, Outcome::kFallback);
  may_end->count_down();
  std::latch has_ended(1);
  executor->Post([&] { has_ended.count_down(); });  // behind the load
  has_ended.wait();
  EXPECT_EQ(cache.Get(1)->value, "new");
}

// Without an executor it cannot be left: it is waited for, but told to stop.
TEST(LoadThreads, WithoutAnExecutorASynchronousLoaderIsWaitedFor) {
  const Store store = Store::Open("embedded:").value();
  const Cached cache(store, {.policy = {.ttl = 1min, .hard_timeout = 5ms}});
  const auto entry = cache.GetOrLoad(1, [](Cached::Loading& context) -> Loaded {
    std::latch stopped(1);
    const std::stop_callback on_stop(context.stop, [&] { stopped.count_down(); });
    stopped.wait();
    return "value";
  });
  EXPECT_EQ(entry->value, "value");
  EXPECT_EQ(cache.Get(1)->value, "value");
}

// A caller who is cancelled has asked the loader to end; the lease is not left behind.
TEST_F(Load, ACancelledCallGivesItsLeaseBack) {
  const Cached cache = Make({.ttl = 1s});
  std::stop_source stop;
  Answer answer;
  const auto failing = [&](Cached::Loading& context) -> Task<Loaded> {
    co_await Sleep(time_, 100ms);
    EXPECT_TRUE(context.stop.stop_requested());
    co_return Fail(Errc::kCancelled, "asked to end");
  };
  const auto run = [&]() -> Task<void> {
    answer = co_await cache.CoGetOrLoad(1, failing).WithStop(stop.get_token());
  };
  Detach(run());
  stop.request_stop();
  time_.Advance(100ms);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error().code, Errc::kCancelled);
  EXPECT_NE(TakeLease(1s), 0);
}

// Woken by the fill, without asking again and again: no time passes.
TEST_F(Load, AnotherProcessesLoadIsWaitedForAtTheServer) {
  const Cached cache = Make({.ttl = 1s});
  const std::int64_t token = TakeLease(600s);
  Answer first;
  Answer second;
  Start(cache, Slow(0ms, "own"), &first);
  Start(cache, Slow(0ms, "own"), &second);
  EXPECT_FALSE(first || second);
  const Command fill("CACHE.SET", RowKey(1).text(), EncodeValue<Raw>(std::string("other")).value(),
                     "TOKEN", token);
  store_.client().Call(fill).value();
  time_.RunReady();
  ASSERT_TRUE(first && second);
  EXPECT_EQ((*first)->value, "other");
  EXPECT_EQ((*first)->outcome, Outcome::kHit);
  EXPECT_EQ((*second)->value, "other");
  EXPECT_EQ(loads_, 0);
}

// Its lease goes to who waits.
TEST_F(Load, WhenAnothersLoadFailsOneOfTheWaitersLoads) {
  const Cached cache = Make({.ttl = 1s});
  const std::int64_t token = TakeLease(600s);
  Answer first;
  Answer second;
  Start(cache, Slow(0ms, "own"), &first);
  Start(cache, Slow(0ms, "own"), &second);
  store_.client().Call(Command("CACHE.FAIL", RowKey(1).text(), token)).value();
  time_.RunReady();
  ASSERT_TRUE(first && second);
  EXPECT_EQ((*first)->outcome, Outcome::kLoaded);
  EXPECT_EQ((*second)->outcome, Outcome::kWaited);
  EXPECT_EQ(loads_, 1);
}

// For its tags, say. Nobody is to wait for the lease.
TEST_F(Load, AFillThatEndsInAnErrorGivesTheLeaseBack) {
  std::vector<std::string> told;
  CacheHooks hooks;
  hooks.on_fill_error = [&](const FillErrorEvent& event) {
    told.push_back(std::string(event.key) + ": " + std::string(event.error.server_code()));
  };
  const Cached cache(store_, {.policy = {.ttl = 1s}, .executor = &time_, .hooks = hooks});
  const auto tagged = [this](Cached::Loading& context) -> Loaded {
    ++loads_;
    for (int i = 0; i < 65; ++i) context.tags.push_back("t" + std::to_string(i));
    return "value";
  };
  for (int i = 1; i <= 3; ++i) {
    const auto entry = cache.GetOrLoad(1, tagged);
    ASSERT_TRUE(entry.has_value());
    EXPECT_EQ(entry->value, "value");
    EXPECT_EQ(entry->outcome, Outcome::kLoaded);
    EXPECT_FALSE(entry->is_cached);
    EXPECT_EQ(loads_, i);
    EXPECT_NE(GrantedAndGivenBack(1), 0);
  }
  EXPECT_EQ(cache.figures().fill_errors, 3u);
  EXPECT_EQ(cache.figures().refused_fills, 0u);
  EXPECT_EQ(told, std::vector<std::string>(3, "row:{1}: ERR"));
  EXPECT_EQ(time_.pending(), 0u);
}

TEST_F(Load, BulkFillsThatEndInErrorsGiveTheirLeasesBack) {
  const Cached cache = Make({.ttl = 1s});
  const auto tagged = [](BulkContext<RowKey>& context) {
    context.tags.resize(context.keys.size());
    for (int i = 0; i < 65; ++i) context.tags[0].push_back("t" + std::to_string(i));
    return Result<std::vector<std::optional<std::string>>>(
        std::vector<std::optional<std::string>>(context.keys.size(), "value"));
  };
  const auto entries = cache.GetOrLoadMany({1, 2}, tagged).value();
  EXPECT_EQ(entries[0].value, "value");
  EXPECT_FALSE(entries[0].is_cached);
  EXPECT_TRUE(entries[1].is_cached);
  EXPECT_NE(GrantedAndGivenBack(1), 0);
  EXPECT_EQ(cache.figures().fill_errors, 1u);
}

// What is stale is served for a while, so that not every reader loads what cannot be stored.
TEST_F(Load, AfterAFillErrorTheStaleValueIsServed) {
  const Cached cache = Make({.ttl = 1s, .stale_for = 1min, .retry_after = 2s});
  cache.Put(1, "old").value();
  time_.Advance(1s);
  const auto tagged = [](Cached::Loading& context) -> Loaded {
    for (int i = 0; i < 65; ++i) context.tags.push_back("t" + std::to_string(i));
    return "new";
  };
  EXPECT_EQ(cache.GetOrLoad(1, tagged)->value, "new");
  EXPECT_EQ(cache.GetOrLoad(1, tagged)->outcome, Outcome::kStale);
  time_.Advance(2s);
  EXPECT_EQ(cache.GetOrLoad(1, tagged)->outcome, Outcome::kLoaded);
}

// Of who joined: his own wait, his own token, and nothing of the fate of who leads.
TEST_F(Load, AJoinerDoesNotSufferThatTheLeaderIsCancelled) {
  const Cached cache = Make({.ttl = 1s});
  std::stop_source stop;
  Answer leader;
  Answer joined;
  const auto obedient = [&](Cached::Loading& context) -> Task<Loaded> {
    co_await Sleep(time_, 100ms);
    EXPECT_TRUE(context.stop.stop_requested());
    co_return Fail(Errc::kCancelled, "asked to end");
  };
  Detach(RunUntil(cache, obedient, stop.get_token(), &leader));
  Start(cache, Slow(0ms, "own"), &joined);
  stop.request_stop();
  time_.Advance(100ms);
  ASSERT_TRUE(leader && joined);
  EXPECT_EQ(leader->error().code, Errc::kCancelled);
  ASSERT_TRUE(joined->has_value());
  EXPECT_EQ((*joined)->value, "own");
  EXPECT_TRUE((*joined)->is_cached);
}

TEST_F(Load, AJoinerOfACancelledBulkLoadLoadsItself) {
  const Cached cache = Make({.ttl = 1s});
  const auto obedient =
      [&](BulkContext<RowKey>&) -> Task<Result<std::vector<std::optional<std::string>>>> {
    co_await Sleep(time_, 100ms);
    co_return Fail(Errc::kCancelled, "asked to end");
  };
  std::optional<Errc> code;
  const auto run = [&]() -> Task<void> {
    std::vector<RowKey> keys = {RowKey(1)};
    auto entries = co_await cache.CoGetOrLoadMany(std::move(keys), obedient);
    if (!entries) code = entries.error().code;
  };
  Detach(run());
  Answer joined;
  Start(cache, Slow(0ms, "own"), &joined);
  time_.Advance(100ms);
  EXPECT_EQ(code, Errc::kCancelled);
  ASSERT_TRUE(joined && joined->has_value());
  EXPECT_EQ((*joined)->value, "own");
}

TEST_F(Load, AJoinersWaitEndsAsHisPolicySays) {
  const Cached failing =
      Make({.ttl = 1s, .wait_max = 200ms, .when_wait_over = WhenWaitOver::kFail});
  Answer leader;
  Answer joined;
  Start(failing, Slow(3s, "slow"), &leader);
  time_.Advance(100ms);
  Start(failing, Slow(0ms, "own"), &joined);
  time_.Advance(199ms);
  EXPECT_FALSE(joined);
  time_.Advance(1ms);
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->error().code, Errc::kTimeout);
  time_.Advance(3s);
  EXPECT_EQ((*leader)->value, "slow");
  EXPECT_EQ(time_.pending(), 0u);
}

// One of them loads, for all who began to wait before that.
TEST_F(Load, OfJoinersWhoHaveWaitedOneLoadsForAll) {
  const Cached cache = Make({.ttl = 1s, .wait_max = 200ms});
  Answer leader;
  std::vector<Answer> joined(3);
  Start(cache, Slow(3s, "slow"), &leader);
  time_.Advance(100ms);
  Start(cache, Slow(50ms, "own"), &joined[0]);
  time_.Advance(10ms);
  Start(cache, Slow(50ms, "own"), &joined[1]);
  time_.Advance(195ms);
  Start(cache, Slow(50ms, "later"), &joined[2]);  // that load has begun: it is not for him
  time_.Advance(45ms);
  ASSERT_TRUE(joined[0] && joined[1]);
  EXPECT_EQ((*joined[0])->value, "own");
  EXPECT_FALSE((*joined[0])->is_cached);
  EXPECT_EQ((*joined[1])->outcome, Outcome::kWaited);
  EXPECT_EQ(loads_, 2);
  time_.Advance(205ms);
  ASSERT_TRUE(joined[2]);
  EXPECT_EQ((*joined[2])->value, "later");
  EXPECT_EQ(loads_, 3);
  time_.Advance(3s);
  ASSERT_TRUE(leader);
  EXPECT_EQ((*leader)->value, "slow");
}

TEST_F(Load, AJoinerIsCancelledByHisOwnToken) {
  const Cached cache = Make({.ttl = 1s});
  std::stop_source stop;
  Answer leader;
  Answer joined;
  Start(cache, Slow(3s, "slow"), &leader);
  Detach(RunUntil(cache, Slow(0ms, "own"), stop.get_token(), &joined));
  EXPECT_FALSE(joined);
  stop.request_stop();
  time_.RunReady();
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->error().code, Errc::kCancelled);
  time_.Advance(3s);
  EXPECT_EQ((*leader)->value, "slow");
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(time_.pending(), 0u);
}

// It waits for itself, but not for ever.
TEST_F(Load, ALoaderMayAskForItsOwnKey) {
  const Cached cache = Make({.ttl = 1s, .wait_max = 200ms});
  Answer answer;
  const auto nested = [&](Cached::Loading&) -> Task<Loaded> {
    auto inner = co_await cache.CoGetOrLoad(1, Slow(0ms, "inner"));
    if (!inner) co_return Pass(std::move(inner));
    co_return inner->value;
  };
  Start(cache, nested, &answer);
  time_.Advance(199ms);
  EXPECT_FALSE(answer);
  time_.Advance(1ms);
  ASSERT_TRUE(answer);
  EXPECT_EQ((*answer)->value, "inner");
  EXPECT_TRUE((*answer)->is_cached);
}

TEST(LoadThreads, ASynchronousLoaderMayAskForItsOwnKey) {
  const Store store = Store::Open("embedded:").value();
  const Cached cache(store, {.policy = {.ttl = 1min, .wait_max = 5ms}});
  int depth = 0;
  std::function<Loaded(Cached::Loading&)> recursive = [&](Cached::Loading&) -> Loaded {
    if (++depth == 3) return "innermost";
    auto inner = cache.GetOrLoad(1, recursive);
    if (!inner) return Pass(std::move(inner));
    return inner->value;
  };
  EXPECT_EQ(cache.GetOrLoad(1, recursive)->value, "innermost");
  EXPECT_EQ(depth, 3);
}

TEST_F(Load, TimesThatAreTooLongAreTakenAsTheLongest) {
  const Cached cache = Make({.ttl = Millis::max(),
                             .stale_for = Millis::max(),
                             .jitter_percent = 101,
                             .lease = Millis::max(),
                             .retry_after = Millis::max(),
                             .soft_timeout = Millis::max(),
                             .hard_timeout = Millis::max(),
                             .wait_max = Millis::max()});
  Answer answer;
  Answer joined;
  Start(cache, Slow(50ms, "value"), &answer);
  Start(cache, Slow(50ms, "value"), &joined);
  EXPECT_FALSE(answer || joined);
  time_.Advance(50ms);
  ASSERT_TRUE(answer && joined && answer->has_value());
  EXPECT_TRUE((*answer)->is_cached);
  EXPECT_EQ((*joined)->outcome, Outcome::kWaited);
  EXPECT_EQ(cache.figures().fill_errors, 0u);
  const Cached brief = Make({.lease = Millis(-1)});
  EXPECT_TRUE(brief.GetOrLoad(2, [](Cached::Loading&) -> Loaded { return "value"; })->is_cached);
}

TEST_F(Load, NegativeVersionsAreInvalid) {
  const Cached cache = Make({.ttl = 1s});
  EXPECT_EQ(cache.Put(1, "value", {.version = -1}).error().code, Errc::kInvalid);
  EXPECT_EQ(cache.Invalidate(1, -1).error().code, Errc::kInvalid);
  EXPECT_EQ(SyncWait(cache.CoInvalidate(1, -1)).error().code, Errc::kInvalid);
}

TEST(BreakerTest, OpensTriesOneAndCloses) {
  VirtualTime time;
  Breaker breaker({.failures_max = 2, .open_for = 1s});
  EXPECT_TRUE(breaker.MayTry(time));
  breaker.TellDown(time);
  EXPECT_TRUE(breaker.MayTry(time));
  breaker.TellUp();
  breaker.TellDown(time);
  EXPECT_TRUE(breaker.MayTry(time));  // not in a row
  breaker.TellDown(time);
  EXPECT_FALSE(breaker.MayTry(time));
  time.Advance(999ms);
  EXPECT_FALSE(breaker.MayTry(time));
  time.Advance(1ms);
  EXPECT_TRUE(breaker.MayTry(time));
  EXPECT_FALSE(breaker.MayTry(time));  // one is enough
  breaker.TellDown(time);
  EXPECT_FALSE(breaker.MayTry(time));
  time.Advance(1s);
  EXPECT_TRUE(breaker.MayTry(time));
  breaker.TellUp();
  EXPECT_TRUE(breaker.MayTry(time));
  EXPECT_TRUE(breaker.MayTry(time));
  Breaker never({.failures_max = 0});
  for (int i = 0; i < 10; ++i) never.TellDown(time);
  EXPECT_TRUE(never.MayTry(time));
}

TEST(LoadSlotsTest, TheirNumberIsACap) {
  VirtualTime time;
  const auto slots = std::make_shared<LoadSlots>(2);
  LoadSlots::Slot first = SyncWait(slots->Take(time, 1s));
  LoadSlots::Slot second = SyncWait(slots->Take(time, 1s));
  EXPECT_TRUE(first && second);
  std::optional<LoadSlots::Slot> third;
  std::optional<LoadSlots::Slot> fourth;
  const auto take = [&](Duration wait, std::optional<LoadSlots::Slot>* slot) -> Task<void> {
    *slot = co_await slots->Take(time, wait);
  };
  Detach(take(100ms, &third));
  Detach(take(1s, &fourth));
  EXPECT_FALSE(third || fourth);
  time.Advance(100ms);
  ASSERT_TRUE(third);
  EXPECT_EQ(*third, nullptr);
  EXPECT_FALSE(fourth);
  first.reset();  // to the one who still waits
  ASSERT_TRUE(fourth);
  EXPECT_NE(*fourth, nullptr);
  second.reset();
  EXPECT_NE(SyncWait(slots->Take(time, 1s)), nullptr);
}

// A loader that never ends has the one place: who waits for it goes at once when he is cancelled.
TEST_F(Load, WhoWaitsForAPlaceIsCancelled) {
  const Cached cache(
      store_,
      {.policy = {.ttl = 1s, .wait_max = 100ms}, .executor = &time_, .uncached_loads_max = 1});
  for (std::int64_t id = 0; id < 2; ++id)
    store_.client().Call(Command("CACHE.GET", RowKey(id).text(), "LEASE", 600'000)).value();
  std::stop_source stop;
  std::vector<Answer> answers(2);
  const auto first = [&]() -> Task<void> {
    answers[0] = co_await cache.CoGetOrLoad(0, Slow(300ms, "row"));
  };
  const auto second = [&]() -> Task<void> {
    answers[1] = co_await cache.CoGetOrLoad(1, Slow(60ms, "row")).WithStop(stop.get_token());
  };
  Detach([](auto body) -> Task<void> { co_await body(); }(first));
  time_.Advance(100ms);
  ASSERT_EQ(loads_, 1);
  Detach([](auto body) -> Task<void> { co_await body(); }(second));
  time_.Advance(110ms);  // it waits for the lease, then for the place
  EXPECT_FALSE(answers[1]);
  stop.request_stop();
  time_.Advance(1ms);
  ASSERT_TRUE(answers[1]);
  EXPECT_EQ(answers[1]->error().code, Errc::kCancelled);
  EXPECT_EQ(loads_, 1);
  time_.Advance(200ms);
  ASSERT_TRUE(answers[0]);
  EXPECT_EQ((*answers[0])->value, "row");
}

// The lease is another's, for longer than anybody waits.
TEST_F(Load, LoadsWithoutALeaseAreCapped) {
  const Cached cache(
      store_,
      {.policy = {.ttl = 1s, .wait_max = 100ms}, .executor = &time_, .uncached_loads_max = 1});
  std::vector<Answer> answers(3);
  for (std::int64_t id = 0; id < 3; ++id) {
    store_.client().Call(Command("CACHE.GET", RowKey(id).text(), "LEASE", 600'000)).value();
    const auto run = [this, &cache, id, answer = &answers[id]]() -> Task<void> {
      *answer = co_await cache.CoGetOrLoad(id, Slow(60ms, "row"));
    };
    Detach([](auto body) -> Task<void> { co_await body(); }(run));
  }
  time_.Advance(100ms);
  EXPECT_EQ(loads_, 1);
  time_.Advance(60ms);
  EXPECT_EQ(loads_, 2);
  time_.Advance(40ms);  // the third has waited for its turn as long as it may
  ASSERT_TRUE(answers[2]);
  EXPECT_EQ(answers[2]->error().code, Errc::kLimit);
  time_.Advance(20ms);
  EXPECT_EQ(ends_, 2);
  EXPECT_EQ((*answers[1])->value, "row");
  EXPECT_FALSE((*answers[1])->is_cached);
}

}  // namespace
}  // namespace cairn::cache
