// SPDX-License-Identifier: BSD-3-Clause
// What those get who have joined a load of their process: what its caller gets, if the value was
// stored; else one of them loads again, for all who came before that. Time is virtual.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "cairn/cache.h"
#include "cairn/testkit/network.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

using RowKey = Key<"row:{*}", std::int64_t>;
using Cached = TypedCache<std::string, RowKey>;
using Bulk = BulkContext<RowKey>;
using Loaded = Result<std::optional<std::string>>;
using Rows = Result<std::vector<std::optional<std::string>>>;
using Answer = std::optional<Result<Entry<std::string>>>;
using Answers = std::optional<Result<std::vector<Entry<std::string>>>>;

constexpr std::size_t kJoiners = 20;
// More than the server takes: the fill ends in an error.
constexpr int kTooManyTags = 65;

// How the load ends that they have joined, and how many are then enough for all.
struct Ending {
  const char* name;
  void (*say)(Cached::Loading& context);
  std::optional<Millis> ttl;
  bool is_cached;
  int loads;
};
void SayNothing(Cached::Loading&) {}
void SayTooManyTags(Cached::Loading& context) {
  for (int i = 0; i < kTooManyTags; ++i) context.tags.push_back("t" + std::to_string(i));
}
void SayNotKept(Cached::Loading& context) { context.policy.ttl = Millis(0); }

const Ending kEndings[] = {
    {"a fill", &SayNothing, 1min, true, 1},
    {"a fill that is refused by an error", &SayTooManyTags, 1min, false, 2},
    {"what a loader does not want to be kept", &SayNotKept, 1min, false, 2},
    {"what the policy does not keep", &SayNothing, 0ms, false, 2},
};

class Joined : public testing::Test {
 protected:
  Cached Make(Policy policy) {
    return Cached(store_, {.policy = std::move(policy), .executor = &time_});
  }
  template <class L>
  static Task<void> Read(Cached cache, L loader, Answer* answer) {
    *answer = co_await cache.CoGetOrLoad(1, std::move(loader));
  }
  template <class L>
  static Task<void> ReadMany(Cached cache, L loader, Answers* answers) {
    std::vector<RowKey> keys = {RowKey(1), RowKey(2)};
    *answers = co_await cache.CoGetOrLoadMany(std::move(keys), std::move(loader));
  }
  bool IsLeaseFree() {
    const std::string key = RowKey(1).text();
    const Command get("CACHE.GET", key, "LEASE", 1000);
    const std::int64_t token = store_.client().Call(get)->elements()[2].AsInteger().value_or(0);
    if (token != 0) store_.client().Call(Command("CACHE.FAIL", key, token)).value();
    return token != 0;
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
  int loads_ = 0;
};

TEST_F(Joined, AllGetWhatTheLeaderGets) {
  for (const Ending& ending : kEndings) {
    SCOPED_TRACE(ending.name);
    store_.client().Call(Command("DEL", RowKey(1).text())).value();
    loads_ = 0;
    const Cached cache = Make({.ttl = ending.ttl});
    const auto loader = [&](Cached::Loading& context) -> Task<Loaded> {
      ++loads_;
      ending.say(context);
      co_await Sleep(time_, 10ms);
      co_return "row";
    };
    std::vector<Answer> answers(kJoiners);
    for (Answer& answer : answers) Detach(Read(cache, loader, &answer));
    time_.Advance(20ms);
    int loaded = 0;
    for (const Answer& answer : answers) {
      ASSERT_TRUE(answer && answer->has_value());
      EXPECT_EQ((*answer)->value, "row");
      EXPECT_EQ((*answer)->is_cached, ending.is_cached);
      loaded += (*answer)->outcome == Outcome::kLoaded ? 1 : 0;
    }
    EXPECT_EQ(loaded, ending.loads);
    EXPECT_EQ(loads_, ending.loads);
    EXPECT_TRUE(ending.is_cached || IsLeaseFree());
  }
}

TEST_F(Joined, AllGetTheLeadersError) {
  const Cached cache = Make({.ttl = 1min});
  const auto loader = [&](Cached::Loading& context) -> Task<Loaded> {
    ++loads_;
    context.tags.emplace_back();  // kInvalid
    co_await Sleep(time_, 10ms);
    co_return "row";
  };
  std::vector<Answer> answers(kJoiners);
  for (Answer& answer : answers) Detach(Read(cache, loader, &answer));
  time_.Advance(10ms);
  for (const Answer& answer : answers) {
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->error().code, Errc::kInvalid);
  }
  EXPECT_EQ(loads_, 1);
}

// Of a bulk load, row by row: the first is refused by an error, the second stored.
TEST_F(Joined, OfABulkLoadEachRowIsForItself) {
  const Cached cache = Make({.ttl = 1min});
  const auto bulk = [&](Bulk& context) -> Task<Rows> {
    ++loads_;
    context.tags.resize(2);
    for (int i = 0; i < kTooManyTags; ++i) context.tags[0].push_back("t" + std::to_string(i));
    co_await Sleep(time_, 10ms);
    std::vector<std::optional<std::string>> rows = {"one", "two"};
    co_return rows;
  };
  const auto single = [&](Cached::Loading& context) -> Task<Loaded> {
    ++loads_;
    SayTooManyTags(context);
    co_await Sleep(time_, 10ms);
    co_return "own";
  };
  Answers leader;
  Detach(ReadMany(cache, bulk, &leader));
  std::vector<Answer> answers(kJoiners);
  Answer of_the_second;
  for (Answer& answer : answers) Detach(Read(cache, single, &answer));
  const auto second = [&]() -> Task<void> {
    of_the_second = co_await cache.CoGetOrLoad(2, single);
  };
  Detach(second());
  time_.Advance(20ms);
  ASSERT_TRUE(leader && leader->has_value());
  EXPECT_FALSE((**leader)[0].is_cached);
  EXPECT_TRUE((**leader)[1].is_cached);
  for (const Answer& answer : answers) {
    ASSERT_TRUE(answer && answer->has_value());
    EXPECT_EQ((*answer)->value, "own");
    EXPECT_FALSE((*answer)->is_cached);
  }
  ASSERT_TRUE(of_the_second);
  EXPECT_EQ((*of_the_second)->value, "two");
  EXPECT_EQ((*of_the_second)->outcome, Outcome::kWaited);
  EXPECT_EQ(loads_, 2);
}

// The row was changed while it was loaded, and the joiners know of that: by an invalidation, by the
// bump of a tag, which no lease hears of. Also if the fill then ends in an error, or is not made.
TEST_F(Joined, NobodyIsServedWhatIsOlderThanWhatHeKnowsOf) {
  void (*const says[])(Cached::Loading&) = {&SayNothing, &SayTooManyTags, &SayNotKept};
  for (const auto say : says) {
    for (const bool by_tag : {false, true}) {
      SCOPED_TRACE(by_tag);
      const Cached cache = Make({.ttl = 1min});
      store_.client().Call(Command("DEL", RowKey(1).text())).value();
      loads_ = 0;
      std::string row = "old";
      const auto loader = [&](Cached::Loading& context) -> Task<Loaded> {
        ++loads_;
        context.tags = {"t0"};
        say(context);
        std::string read = row;
        co_await Sleep(time_, 10ms);
        co_return read;
      };
      Answer leader;
      Detach(Read(cache, loader, &leader));
      row = "new";
      if (by_tag) {
        cache.InvalidateTag("t0", Bump::kHard).value();
      } else {
        cache.Invalidate(1).value();
      }
      std::vector<Answer> joined(kJoiners);
      for (Answer& answer : joined) Detach(Read(cache, loader, &answer));
      time_.Advance(20ms);
      ASSERT_TRUE(leader);
      EXPECT_EQ((*leader)->value, "old");
      for (const Answer& answer : joined) {
        ASSERT_TRUE(answer && answer->has_value());
        EXPECT_EQ((*answer)->value, "new");
      }
      EXPECT_EQ(loads_, 2);
    }
  }
}

// What is none of ours under the key: nothing can be stored, but one loads for those who joined.
TEST_F(Joined, WhatIsNoneOfOursIsLoadedOnceForAllWhoCameBefore) {
  const Cached cache = Make({.ttl = 1min});
  store_.client().Call(Command("RPUSH", RowKey(1).text(), "x")).value();
  const auto loader = [&](Cached::Loading&) -> Task<Loaded> {
    ++loads_;
    co_await Sleep(time_, 10ms);
    co_return "row";
  };
  std::vector<Answer> answers(kJoiners);
  for (Answer& answer : answers) Detach(Read(cache, loader, &answer));
  time_.Advance(20ms);
  for (const Answer& answer : answers) {
    ASSERT_TRUE(answer && answer->has_value());
    EXPECT_EQ((*answer)->value, "row");
    EXPECT_FALSE((*answer)->is_cached);
  }
  EXPECT_EQ(loads_, 2);  // the others came when the first had begun
  EXPECT_EQ(time_.pending(), 0u);
}

// The store is lost between the load and its fill: whether the lease held is not known.
TEST(JoinedBehindANetwork, AfterALostFillOneMoreLoadServesAll) {
  VirtualTime time;
  const auto network =
      Network::Open(time, {.link = {.delay_min = 1ms, .delay_max = 1ms, .timeout = 1s}}).value();
  const Cached cache(network->Join("a"), {.policy = {.ttl = 1min}, .executor = &time});
  int loads = 0;
  const auto loader = [&](Cached::Loading&) -> Task<Loaded> {
    ++loads;
    co_await Sleep(time, 10ms);
    co_return "row";
  };
  const auto read = [&](Answer* answer) -> Task<void> {
    *answer = co_await cache.CoGetOrLoad(1, loader);
  };
  std::vector<Answer> answers(kJoiners);
  Detach(read(&answers[0]));
  time.Advance(5ms);
  ASSERT_EQ(loads, 1);
  for (std::size_t i = 1; i < kJoiners; ++i) Detach(read(&answers[i]));
  network->Crash();
  time.Advance(30s);
  for (const Answer& answer : answers) {
    ASSERT_TRUE(answer && answer->has_value());
    EXPECT_EQ((*answer)->value, "row");
    EXPECT_FALSE((*answer)->is_cached);
  }
  EXPECT_LE(loads, 3);
}

}  // namespace
}  // namespace cairn::cache
