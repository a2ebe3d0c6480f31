// SPDX-License-Identifier: BSD-3-Clause
// Geo lookups, topics, timelines and the warmer over an embedded store under virtual time.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "cairn/cache.h"
#include "cairn/geo_lookup.h"
#include "cairn/leaderboard.h"
#include "cairn/lock.h"
#include "cairn/sessions.h"
#include "cairn/testkit/network.h"
#include "cairn/testkit/virtual_time.h"
#include "cairn/timeline.h"
#include "cairn/topic.h"
#include "cairn/warmer.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

class Structures : public testing::Test {
 protected:
  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
};

TEST_F(Structures, GeoNearestFirst) {
  const GeoLookup shops(store_, {.prefix = "shops"});
  EXPECT_TRUE(shops.Put("alex", {.longitude = 13.4132, .latitude = 52.5219}).value());
  EXPECT_TRUE(shops.Put("zoo", {.longitude = 13.3328, .latitude = 52.5073}).value());
  EXPECT_FALSE(shops.Put("zoo", {.longitude = 13.3329, .latitude = 52.5073}).value());
  const auto near =
      shops.Near({.longitude = 13.41, .latitude = 52.52}, {.radius_m = 10'000}).value();
  ASSERT_EQ(near.size(), 2u);
  EXPECT_EQ(near[0].member, "alex");
  EXPECT_NEAR(near[0].distance_m, 303, 5);
  EXPECT_NEAR(near[0].point.latitude, 52.5219, 0.0001);
  EXPECT_EQ(shops.Near({.longitude = 13.41, .latitude = 52.52}, {.radius_m = 500})->size(), 1u);
  EXPECT_NEAR(SyncWait(shops.CoWhere("zoo")).value()->longitude, 13.3329, 0.0001);
  EXPECT_FALSE(shops.Where("nowhere").value());
  EXPECT_TRUE(shops.Remove("zoo").value());
  EXPECT_EQ(shops.Put("pole", {.latitude = 90}).error().code, Errc::kInvalid);
  EXPECT_EQ(shops.Near({}, {.radius_m = -1}).error().code, Errc::kInvalid);
}

// 001: HMSET, GEORADIUS and SETNX are deprecated. No object sends them, nor another that is.
TEST_F(Structures, DeprecatedCommandsAreNotSent) {
  const std::set<std::string, std::less<>> deprecated = {
      "GEORADIUS",   "GEORADIUSBYMEMBER", "GETSET",    "HMSET",
      "PSETEX",      "RPOPLPUSH",         "SETEX",     "SETNX",
      "ZRANGEBYLEX", "ZRANGEBYSCORE",     "ZREVRANGE", "ZREVRANGEBYLEX",
      "SUBSTR",      "ZREVRANGEBYSCORE",  "BRPOPLPUSH"};
  std::set<std::string> sent;
  int calls = 0;
  const auto network = Network::Open(time_).value();
  network->Watch([&](const NetworkEvent& event) {
    if (event.kind != NetworkEvent::Kind::kSent) return;
    ++calls;
    if (const std::string name((*event.command)[0]); deprecated.contains(name)) sent.insert(name);
  });
  const Store store = network->Join("a");
  store.client().Call(Command("GEOADD", "guide", 13.4, 52.5, "alex")).value();
  store.client().Call(Command("GEORADIUS", "guide", 13.4, 52.5, 1, "km")).value();
  store.client().Call(Command("HMSET", "guide:h", "name", "ada")).value();
  store.client().Call(Command("SETNX", "guide:lock", 1)).value();
  EXPECT_EQ(sent, (std::set<std::string>{"GEORADIUS", "HMSET", "SETNX"}));

  sent.clear();
  calls = 0;
  const GeoLookup shops(store, {.prefix = "shops"});
  const GeoPoint here{.longitude = 13.4, .latitude = 52.5};
  time_.Run(shops.CoPut("alex", here)).value();
  EXPECT_EQ(time_.Run(shops.CoNear(here, {.radius_m = 500}))->size(), 1u);
  const Sessions sessions(store, "session");
  time_.Run(sessions.CoUpdate(time_.Run(sessions.CoCreate("ada")).value())).value();
  Held held = time_.Run(Mutex(store, "lock").CoAcquire()).value();
  EXPECT_TRUE(time_.Run(held.CoRelease()).value());
  const Leaderboard<std::string> board(store, {.prefix = "game"});
  time_.Run(board.CoAdd("ada", 1)).value();
  EXPECT_EQ(time_.Run(board.CoTop(1))->size(), 1u);
  const Timeline feeds(store, {.prefix = "feed"});
  time_.Run(feeds.CoPush({.id = "1", .score = 1}, {"ada"})).value();
  EXPECT_EQ(time_.Run(feeds.CoPage("ada", 10))->posts.size(), 1u);
  EXPECT_GE(calls, 10);
  EXPECT_TRUE(sent.empty()) << *sent.begin();
}

TEST_F(Structures, TopicsAreTyped) {
  const Topic<std::vector<int>> topic(store_, "numbers");
  std::vector<std::vector<int>> heard;
  const auto subscription =
      topic.Subscribe([&](const std::vector<int>& numbers) { heard.push_back(numbers); });
  ASSERT_TRUE(subscription);
  EXPECT_EQ(topic.Publish({1, 2}), 1);
  time_.RunReady();
  EXPECT_EQ(heard, (std::vector<std::vector<int>>{{1, 2}}));
}

// The thread is the client's: it goes on.
TEST_F(Structures, TopicsOutliveHandlersThatThrow) {
  const Topic<int> topic(store_, "numbers");
  std::vector<int> heard;
  std::vector<Error> thrown;
  const auto subscription = topic.Subscribe(
      [&](int number) {
        heard.push_back(number);
        if (number == 1) (void)std::vector<int>().at(1);
      },
      {.on_undecodable = [](const Error&) { (void)std::vector<int>().at(1); },
       .on_thrown =
           [&](const Error& error) {
             thrown.push_back(error);
             (void)std::vector<int>().at(1);
           }});
  ASSERT_TRUE(subscription);
  // Nobody is told.
  const auto silent = topic.Subscribe([](int) { (void)std::vector<int>().at(1); });
  topic.Publish(1).value();
  store_.client().Call(Command("PUBLISH", "numbers", "no number")).value();
  topic.Publish(2).value();
  time_.RunReady();
  EXPECT_EQ(heard, (std::vector<int>{1, 2}));
  ASSERT_EQ(thrown.size(), 2u);
  EXPECT_EQ(thrown[0].code, Errc::kLoader);
  EXPECT_THROW(std::rethrow_exception(thrown[0].cause), std::out_of_range);
}

TEST_F(Structures, FeedsAreCappedAndEnd) {
  const Timeline feeds(store_, {.prefix = "feed", .length_max = 3, .keep = 1000ms});
  for (int i = 1; i <= 5; ++i)
    feeds.Push({.id = "p" + std::to_string(i), .score = double(i)}, {"ada", "eve"}).value();
  feeds.Push({.id = "p5", .score = 5}, {"ada"}).value();
  const TimelinePage page = feeds.Page("ada", 10).value();
  EXPECT_EQ(page.posts, (std::vector<Post>{{"p5", 5}, {"p4", 4}, {"p3", 3}}));
  EXPECT_FALSE(page.next);
  feeds.Remove("p4", {"ada", "eve"}).value();
  EXPECT_EQ(SyncWait(feeds.CoPage("eve", 10))->posts.size(), 2u);
  time_.Advance(1000ms);
  EXPECT_TRUE(feeds.Page("ada", 10)->posts.empty());
}

// Of equal scores, with new posts coming and the cursor's own removed: nothing twice, nothing left
// out.
TEST_F(Structures, PagesStayWhereTheyWere) {
  const Timeline feeds(store_, {.prefix = "feed"});
  for (int i = 0; i < 10; ++i)
    feeds.Push({.id = "p" + std::to_string(i), .score = double(i / 4)}, {"ada"}).value();
  std::vector<std::string> seen;
  std::optional<Post> cursor;
  do {
    const TimelinePage page = feeds.Page("ada", 3, cursor).value();
    for (const Post& post : page.posts) seen.push_back(post.id);
    cursor = page.next;
    feeds.Push({.id = "new" + std::to_string(seen.size()), .score = 100}, {"ada"}).value();
    if (cursor) feeds.Remove(cursor->id, {"ada"}).value();
  } while (cursor);
  EXPECT_EQ(seen,
            (std::vector<std::string>{"p9", "p8", "p7", "p6", "p5", "p4", "p3", "p2", "p1", "p0"}));
}

// The post would be in the feed, and the call an error.
TEST_F(Structures, FeedsThatCannotBe) {
  const auto code = [&](TimelineOptions options, double score) {
    options.prefix = "feed";
    return Timeline(store_, options).Push({.id = "p", .score = score}, {"ada"}).error().code;
  };
  EXPECT_EQ(code({.length_max = SIZE_MAX}, 1), Errc::kInvalid);
  EXPECT_EQ(code({.length_max = 0}, 1), Errc::kInvalid);
  EXPECT_EQ(code({.keep = Millis::max()}, 1), Errc::kInvalid);
  EXPECT_EQ(code({.keep = 0ms}, 1), Errc::kInvalid);
  EXPECT_EQ(code({}, std::nan("")), Errc::kInvalid);
  EXPECT_TRUE(Timeline(store_, {.prefix = "feed"}).Page("ada", 1)->posts.empty());
}

TEST_F(Structures, ManyFollowers) {
  const Timeline feeds(store_, {.prefix = "feed"});
  std::vector<std::string> users;
  for (std::size_t i = 0; i < 2 * Timeline::kBatch + 1; ++i) users.push_back(std::to_string(i));
  feeds.Push({.id = "p", .score = 1}, users).value();
  for (const std::string& user : users) ASSERT_EQ(feeds.Page(user, 1)->posts.size(), 1u) << user;
}

using ItemKey = Key<"item:*", int>;
using Items = TypedCache<int, ItemKey>;

class Warming : public Structures {
 protected:
  // Keys 0 to `end`, and a loader that gives ten times the key.
  auto Next(int end) {
    return [this, end]() -> std::optional<ItemKey> {
      if (next_ == end) return std::nullopt;
      return ItemKey(next_++);
    };
  }
  auto Loader() {
    return [this](BulkContext<ItemKey>& context) -> Result<std::vector<std::optional<int>>> {
      if (fails_) return Fail(Errc::kUnreachable, "no database");
      std::vector<std::optional<int>> values;
      for (const ItemKey& key : context.keys) values.push_back(key.part<0>() * 10);
      loads_ += static_cast<int>(values.size());
      return values;
    };
  }

  int next_ = 0;
  std::atomic<int> loads_{0};
  bool fails_ = false;
};

TEST_F(Warming, LoadsWhatIsNotFresh) {
  const Items items(store_, {.policy = {.ttl = 60s}});
  items.Put(3, 30).value();
  std::uint64_t told = 0;
  const Warmer warmer(store_, {.keys_per_second = 0,
                               .batch = 4,
                               .parallel = 3,
                               .on_progress = [&](const WarmReport& sofar) { told = sofar.keys; }});
  const WarmReport report = warmer.Run(items, Next(10), Loader());
  EXPECT_EQ(report.keys, 10u);
  EXPECT_EQ(report.loaded, 9u);
  EXPECT_EQ(report.fresh, 1u);
  EXPECT_EQ(told, 10u);
  EXPECT_FALSE(report.is_stopped);
  EXPECT_EQ(items.Get(7)->value, 70);
  next_ = 0;
  EXPECT_EQ(warmer.Run(items, Next(10), Loader()).loaded, 0u);
  EXPECT_EQ(loads_, 9);
}

TEST_F(Warming, NoFasterThanItsRate) {
  const Items items(store_, {.policy = {.ttl = 3600s}});
  const Warmer warmer(store_, {.keys_per_second = 10, .batch = 5, .executor = &time_});
  std::optional<WarmReport> report;
  const auto run = [&]() -> Task<void> {
    report = co_await warmer.CoRun(items, Next(20), Loader());
  };
  Detach(run());
  time_.RunReady();
  EXPECT_EQ(loads_, 5);
  time_.Advance(499ms);
  EXPECT_EQ(loads_, 5);
  time_.Advance(1ms);
  EXPECT_EQ(loads_, 10);
  time_.Advance(1000ms);
  EXPECT_EQ(loads_, 20);
  time_.Advance(1000ms);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->loaded, 20u);
}

// A batch a year, and no number at all.
TEST_F(Warming, RatesThatAreHardlyAny) {
  const Items items(store_, {.policy = {.ttl = 3600s}});
  const Warmer slow(store_, {.keys_per_second = 1e-300, .batch = 5, .executor = &time_});
  std::stop_source stop;
  std::optional<WarmReport> report;
  const auto run = [&]() -> Task<void> {
    report = co_await slow.CoRun(items, Next(20), Loader(), stop.get_token());
  };
  Detach(run());
  time_.RunReady();
  EXPECT_EQ(loads_, 5);
  time_.Advance(3600s);
  EXPECT_EQ(loads_, 5);
  stop.request_stop();
  time_.RunReady();
  EXPECT_TRUE(report);
  const Warmer none(store_, {.keys_per_second = std::nan(""), .executor = &time_});
  EXPECT_EQ(time_.Run(none.CoRun(items, Next(20), Loader())).keys, 15u);
}

TEST_F(Warming, StopsAndSurvivesFailures) {
  const Items items(store_, {.policy = {.ttl = 3600s}});
  fails_ = true;
  const Warmer fast(store_, {.keys_per_second = 0, .batch = 5});
  EXPECT_EQ(fast.Run(items, Next(10), Loader()).failed, 10u);
  fails_ = false;
  next_ = 0;
  const Warmer warmer(store_, {.keys_per_second = 1, .batch = 5, .executor = &time_});
  std::stop_source stop;
  std::optional<WarmReport> report;
  const auto run = [&]() -> Task<void> {
    report = co_await warmer.CoRun(items, Next(100), Loader(), stop.get_token());
  };
  Detach(run());
  time_.RunReady();
  stop.request_stop();
  time_.RunReady();
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->is_stopped);
  EXPECT_EQ(report->keys, 5u);
}

void ExpectThrown(const WarmReport& report, const std::string& text) {
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->code, Errc::kLoader);
  EXPECT_TRUE(report.error->cause);
  EXPECT_NE(report.error->detail.find(text), std::string::npos) << report.error->detail;
  EXPECT_FALSE(report.is_stopped);
}

// It ends the run, for all lanes, and is not called again; what was there before is loaded.
TEST_F(Warming, WhatNextThrowsEndsTheRun) {
  const Items items(store_, {.policy = {.ttl = 3600s}});
  int throws = 0;
  const auto next = [&]() -> std::optional<ItemKey> {
    if (next_ == 10) {
      ++throws;
      std::rethrow_exception(std::make_exception_ptr(std::runtime_error("the table is gone")));
    }
    return ItemKey(next_++);
  };
  const Warmer warmer(store_, {.keys_per_second = 0, .batch = 5, .parallel = 3});
  const WarmReport report = warmer.Run(items, next, Loader());
  ExpectThrown(report, "the table is gone");
  EXPECT_EQ(report.loaded, 10u);
  EXPECT_EQ(throws, 1);
  const auto odd = []() -> std::optional<ItemKey> {
    std::rethrow_exception(std::make_exception_ptr(7));
  };
  ExpectThrown(warmer.Run(items, odd, Loader()), "std::exception");
}

TEST_F(Warming, WhatOnProgressThrowsEndsTheRun) {
  const Items items(store_, {.policy = {.ttl = 3600s}});
  const Warmer warmer(
      store_, {.keys_per_second = 0, .batch = 5, .on_progress = [](const WarmReport& so_far) {
                 if (so_far.keys == 10)
                   std::rethrow_exception(std::make_exception_ptr(std::runtime_error("no log")));
               }});
  const WarmReport report = warmer.Run(items, Next(100), Loader());
  ExpectThrown(report, "no log");
  EXPECT_EQ(report.keys, 10u);
}

// Lanes that wait for their turn do not wait for it.
TEST_F(Warming, AnExceptionDoesNotWaitForTheOtherLanes) {
  const Items items(store_, {.policy = {.ttl = 3600s}});
  const auto next = []() -> std::optional<ItemKey> {
    std::rethrow_exception(std::make_exception_ptr(std::runtime_error("gone")));
  };
  const Warmer warmer(store_,
                      {.keys_per_second = 0.001, .batch = 5, .parallel = 3, .executor = &time_});
  std::optional<WarmReport> report;
  const auto run = [&]() -> Task<void> { report = co_await warmer.CoRun(items, next, Loader()); };
  Detach(run());
  time_.RunReady();
  ASSERT_TRUE(report);
  ExpectThrown(*report, "gone");
}

TEST_F(Warming, ABatchIsOneKeyAtLeast) {
  const Items items(store_, {.policy = {.ttl = 3600s}});
  const Warmer warmer(store_, {.keys_per_second = 0, .batch = 0});
  EXPECT_EQ(warmer.Run(items, Next(3), Loader()).loaded, 3u);
}

}  // namespace
}  // namespace cairn::cache
