// SPDX-License-Identifier: BSD-3-Clause
// The embedded store through the public face.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/thread.h"
#include "cairn/store.h"
#include "cairn/testkit/virtual_time.h"
#include "store/embedded_messages.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

Store OpenStore(StoreOptions options = {}) { return Store::Open("embedded:", options).value(); }

TEST(Embedded, SetAndGet) {
  const Store store = OpenStore();
  EXPECT_TRUE(store.client().Call(Command("SET", "k", "v"))->is_ok());
  EXPECT_EQ(store.client().Call(Command("GET", "k"))->text(), "v");
  EXPECT_TRUE(store.client().Call(Command("GET", "none"))->is_null());
  EXPECT_EQ(store.capabilities().kind, Capabilities::Kind::kEmbedded);
}

TEST(Embedded, LargeValuesAndAggregates) {
  const Store store = OpenStore();
  const std::string large(1 << 20, 'x');
  store.client().Call(Command("SET", "large", large)).value();
  EXPECT_EQ(store.client().Call(Command("GET", "large"))->text(), large);
  store.client().Call(Command("HSET", "h", "a", 1, "b", 2)).value();
  const Result<Reply> hash = store.client().Call(Command("HGETALL", "h"));
  EXPECT_EQ(hash->type(), Reply::Type::kMap);
  EXPECT_EQ(hash->Find("b")->AsInteger().value(), 2);
}

TEST(Embedded, ErrorsAreValues) {
  const Store store = OpenStore();
  Client& client = store.client();
  client.Call(Command("SET", "k", "v")).value();
  const Result<Reply> wrong = client.Call(Command("LPUSH", "k", "x"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::kServer);
  EXPECT_EQ(wrong.error().server_code(), "WRONGTYPE");
  EXPECT_FALSE(wrong.error().may_have_applied);
  EXPECT_EQ(client.Call(Command("SELECT", 1)).error().code, Errc::kInvalid);
  EXPECT_EQ(client.Call(Command()).error().code, Errc::kInvalid);
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_EQ(client.Call(Command("GET", "k"), {.stop = stopped.get_token()}).error().code,
            Errc::kCancelled);
  EXPECT_EQ(client.Call(Command("GET", "k"), {.timeout = 0ms}).error().code, Errc::kTimeout);
  EXPECT_EQ(Store::Open("gopher://x").error().code, Errc::kInvalid);
  EXPECT_EQ(Store::Open("").error().code, Errc::kInvalid);
}

TEST(Embedded, Coroutines) {
  const Store store = OpenStore();
  auto add = [&](int times) -> Task<Result<std::int64_t>> {
    Result<Reply> reply = Fail(Errc::kInvalid, "");
    for (int i = 0; i < times; ++i) {
      reply = co_await store.client().CoCall(Command("INCR", "n"));
      if (!reply) co_return Pass(std::move(reply));
    }
    co_return reply->AsInteger();
  };
  EXPECT_EQ(SyncWait(add(10'000)).value(), 10'000);
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_EQ(SyncWait(add(1), stopped.get_token()).error().code, Errc::kCancelled);
}

TEST(Embedded, PipelinesAndTransactions) {
  const Store store = OpenStore();
  Client& client = store.client();
  const std::vector<Command> commands = {Command("INCR", "n"), Command("LPUSH", "n", "x"),
                                         Command("INCR", "n")};
  const Replies piped = client.Pipeline(commands);
  ASSERT_EQ(piped.size(), 3u);
  EXPECT_EQ(piped[0]->AsInteger().value(), 1);
  EXPECT_EQ(piped[1].error().server_code(), "WRONGTYPE");
  EXPECT_EQ(piped[2]->AsInteger().value(), 2);
  const auto replies = client.Transaction(commands).value();
  ASSERT_EQ(replies.size(), 3u);
  EXPECT_TRUE(replies[1].is_error());
  EXPECT_EQ(replies[2].AsInteger().value(), 4);
  const auto aborted = client.Transaction(std::vector{Command("INCR", "n"), Command("NOSUCH")});
  EXPECT_EQ(aborted.error().detail.substr(0, 19), "ERR unknown command");
  EXPECT_EQ(client.Call(Command("GET", "n"))->text(), "4");
}

TEST(Embedded, OptimisticTransactionIsTriedAgain) {
  const Store store = OpenStore();
  Client& client = store.client();
  client.Call(Command("SET", "n", 1)).value();
  int runs = 0;
  const std::vector<std::string> keys = {"n"};
  const TransactionBody body = [&](Connection& own) -> Result<std::vector<Command>> {
    Result<Reply> read = own.Call(Command("GET", "n"));
    if (!read) return Pass(std::move(read));
    if (++runs <= 2) client.Call(Command("INCR", "n")).value();  // somebody comes between
    return std::vector{Command("SET", "n", read->AsInteger().value() * 10)};
  };
  EXPECT_EQ(client.Transaction(keys, body)->size(), 1u);
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(client.Call(Command("GET", "n"))->text(), "30");
  runs = 0;
  EXPECT_EQ(client.Transaction(keys, body, {.attempts_max = 2}).error().code, Errc::kConflict);
}

TEST(Embedded, ScriptsByDigest) {
  const Store store = OpenStore();
  const Script script("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  const std::vector<std::string> keys = {"n"};
  const std::vector<std::string> arguments = {"5"};
  EXPECT_EQ(store.client().Eval(script, keys, arguments)->AsInteger().value(), 5);
  EXPECT_EQ(store.client().Eval(script, keys, arguments)->AsInteger().value(), 10);
  store.client().Call(Command("SCRIPT", "FLUSH")).value();
  EXPECT_EQ(SyncWait(store.client().CoEval(script, keys, arguments))->AsInteger().value(), 15);
}

TEST(Embedded, ExpiryByVirtualTime) {
  VirtualTime time;
  const Store store = OpenStore({.clock = &time, .scheduler = &time});
  store.client().Call(Command("SET", "k", "v", "PX", 100)).value();
  time.Advance(99ms);
  EXPECT_FALSE(store.client().Call(Command("GET", "k"))->is_null());
  time.Advance(1ms);
  EXPECT_TRUE(store.client().Call(Command("GET", "k"))->is_null());
  EXPECT_EQ(store.client().Call(Command("GET", "k"), {.deadline = time.Now() - 1ns}).error().code,
            Errc::kTimeout);
}

// Scripts ask the store, not the client, what time it is.
TEST(Embedded, TimeIsTheStores) {
  VirtualTime time;
  const Store store = Store::Open("embedded:", {.clock = &time, .scheduler = &time}).value();
  const auto seconds = [&] {
    const Script script("return tonumber(redis.call('TIME')[1])");
    return store.client().Eval(script, {}, {})->AsInteger().value();
  };
  const std::int64_t before = seconds();
  EXPECT_EQ(before, time.UnixNow().time_since_epoch() / 1s);
  time.Advance(90s);
  EXPECT_EQ(seconds(), before + 90);
}

TEST(Embedded, ATimeoutMayBeAsLongAsTimeIs) {
  VirtualTime time;
  const Store store = Store::Open("embedded:", {.clock = &time, .scheduler = &time}).value();
  const CallOptions for_ever{.timeout = Duration::max()};
  std::optional<Result<Reply>> reply;
  store.client().Start(Command("BLPOP", "q", 0), for_ever,
                       [&](Result<Reply> come) { reply = std::move(come); });
  time.Advance(std::chrono::hours(24));
  EXPECT_FALSE(reply);
  ASSERT_TRUE(store.client().Call(Command("RPUSH", "q", "job"), for_ever));
  time.RunReady();
  ASSERT_TRUE(reply);
  EXPECT_EQ((**reply).elements().size(), 2u);
}

// In order, by name and by pattern, and no more after the end.
TEST(Embedded, OptionsOutOfRange) {
  for (const char* uri : {"embedded:", "redis://127.0.0.1:1"}) {
    for (const Duration timeout : {Duration::zero(), Duration(-1), Duration::min()}) {
      const Result<Store> store = Store::Open(uri, {.timeout = timeout});
      ASSERT_FALSE(store) << uri;
      EXPECT_EQ(store.error().code, Errc::kInvalid) << uri;
      EXPECT_EQ(store.error().detail, "StoreOptions::timeout is not positive") << uri;
    }
  }
  const Store store = Store::Open("embedded:").value();
  const std::vector<std::string> keys = {"k"};
  const TransactionBody body = [](Connection&) { return std::vector<Command>(); };
  const auto told = [&](std::span<const std::string> watched, const TransactionBody& does,
                        std::size_t attempts_max) {
    const auto replies =
        store.client().Transaction(watched, does, TransactionOptions{.attempts_max = attempts_max});
    return replies ? std::string()
                   : std::string(ErrcName(replies.error().code)) + ": " + replies.error().detail;
  };
  EXPECT_EQ(told(keys, body, 1), "");
  EXPECT_EQ(told({}, body, 1), "invalid: a transaction with a body has no keys to watch");
  EXPECT_EQ(told(keys, {}, 1), "invalid: a transaction's body is empty");
  EXPECT_EQ(told(keys, body, 0), "invalid: TransactionOptions::attempts_max is 0");
}

TEST(Embedded, MessagesReachTheirSubscribers) {
  VirtualTime time;
  const Store store = Store::Open("embedded:", {.clock = &time, .scheduler = &time}).value();
  std::string heard;
  auto subscription = store.client().Subscribe(
      {.channels = {"a"}, .patterns = {"a*"}, .shard_channels = {"s"}},
      [&](const Message& message) {
        heard += message.channel + "/" + message.pattern + "=" + message.payload + " ";
      });
  ASSERT_TRUE(subscription);
  const auto publish = [&](std::string_view name, std::string_view channel) {
    return store.client().Call(Command(name, channel, "m"))->AsInteger();
  };
  EXPECT_EQ(publish("PUBLISH", "a"), 2);
  EXPECT_EQ(publish("publish", "ab"), 1);
  EXPECT_EQ(publish("PUBLISH", "s"), 0);
  EXPECT_EQ(publish("SPUBLISH", "s"), 1);
  EXPECT_EQ(publish("SPUBLISH", "a"), 0);
  EXPECT_EQ(heard, "");  // on the scheduler, not within the call
  time.RunReady();
  EXPECT_EQ(heard, "a/=m a/a*=m ab/a*=m s/=m ");
  EXPECT_EQ(publish("PUBLISH", "a"), 2);
  subscription->reset();
  time.RunReady();
  EXPECT_EQ(heard, "a/=m a/a*=m ab/a*=m s/=m ");
  EXPECT_EQ(publish("PUBLISH", "a"), 0);
  EXPECT_EQ(store.client().Call(Command("PUBLISH", "a")).error().server_code(), "ERR");
  const Command in_transaction[] = {Command("PUBLISH", "a", "m")};
  EXPECT_EQ(store.client().Transaction(in_transaction).error().code, Errc::kUnsupported);
}

TEST(Embedded, MessagesThatWaitHaveALimit) {
  VirtualTime time;
  const Store store = Store::Open("embedded:", {.clock = &time, .scheduler = &time}).value();
  std::size_t heard = 0;
  int gaps = 0;
  const auto subscription = store.client().Subscribe({.channels = {"a"}, .on_gap = [&] { ++gaps; }},
                                                     [&](const Message&) { ++heard; });
  const Command publish("PUBLISH", "a", "m");
  for (std::size_t i = 0; i < cairn::store::EmbeddedMessages::kQueuedMax; ++i)
    ASSERT_TRUE(store.client().Call(publish));
  time.RunReady();
  EXPECT_EQ(heard, cairn::store::EmbeddedMessages::kQueuedMax);
  EXPECT_EQ(gaps, 0);
  for (std::size_t i = 0; i < cairn::store::EmbeddedMessages::kQueuedMax + 2; ++i)
    ASSERT_TRUE(store.client().Call(publish));
  time.RunReady();
  EXPECT_EQ(heard, 2 * cairn::store::EmbeddedMessages::kQueuedMax);
  EXPECT_EQ(gaps, 1);
}

constexpr std::int64_t kPatienceUs = 10'000'000;  // for what comes at once

// The scheduler renews locks, and tells when one is lost.
TEST(Embedded, HandlersThatBlockHoldUpNoTimers) {
  const Store store = OpenStore();
  Event has_begun;
  Event goes_on;
  const auto subscription = store.client().Subscribe({.channels = {"a"}}, [&](const Message&) {
    has_begun.Notify();
    goes_on.WaitFor(kPatienceUs);
  });
  ASSERT_TRUE(subscription);
  store.client().Call(Command("PUBLISH", "a", "m")).value();
  ASSERT_TRUE(has_begun.WaitFor(kPatienceUs));
  Event is_told;
  store.scheduler().After(1ms, [&] { is_told.Notify(); });
  EXPECT_TRUE(is_told.WaitFor(kPatienceUs / 2));
  goes_on.Notify();
}

TEST(Embedded, HandlersMayEndTheirSubscription) {
  const Store store = OpenStore();
  std::atomic<int> heard{0};
  Event is_last;
  const auto body = std::make_shared<int>(0);
  std::atomic<long> holders{0};
  Result<std::unique_ptr<Subscription>> subscription;
  subscription =
      store.client().Subscribe({.channels = {"a", "a"}, .patterns = {"a"}},
                               [&subscription, &heard, &holders, body = std::weak_ptr<int>(body),
                                kept = body](const Message&) {
                                 heard.fetch_add(1);
                                 subscription->reset();
                                 holders.store(body.use_count());
                               });
  const auto other =
      store.client().Subscribe({.channels = {"a"}}, [&](const Message&) { is_last.Notify(); });
  store.client().Call(Command("PUBLISH", "a", "m")).value();
  ASSERT_TRUE(is_last.WaitFor(kPatienceUs));
  EXPECT_EQ(heard.load(), 1) << "the one by the pattern waited already";
  EXPECT_EQ(holders.load(), 2) << "the handler lived until it had returned";
  store.client().Call(Command("PUBLISH", "a", "m")).value();
  ASSERT_TRUE(is_last.WaitFor(kPatienceUs));
  EXPECT_EQ(heard.load(), 1);
  EXPECT_EQ(body.use_count(), 1);
}

TEST(Embedded, OnGapMayEndItsSubscription) {
  VirtualTime time;
  const Store store = OpenStore({.clock = &time, .scheduler = &time});
  int gaps = 0;
  Result<std::unique_ptr<Subscription>> subscription;
  subscription = store.client().Subscribe({.channels = {"a"},
                                           .on_gap =
                                               [&] {
                                                 ++gaps;
                                                 subscription->reset();
                                               }},
                                          [](const Message&) {});
  for (std::size_t i = 0; i < cairn::store::EmbeddedMessages::kQueuedMax + 1; ++i)
    store.client().Call(Command("PUBLISH", "a", "m")).value();
  time.RunReady();
  EXPECT_EQ(gaps, 1);
  EXPECT_EQ(store.client().Call(Command("PUBLISH", "a", "m"))->AsInteger(), 0);
}

TEST(Embedded, HandlersMayEndTheirTracking) {
  VirtualTime time;
  const Store store = OpenStore({.clock = &time, .scheduler = &time});
  Client& client = store.client();
  for (const bool is_within_call : {false, true}) {
    std::vector<Invalidation::Kind> told;
    Result<std::unique_ptr<Tracking>> tracking;
    const auto body = std::make_shared<int>(0);
    long holders = 0;
    tracking = client.Track({}, [&told, &tracking, &holders, body = std::weak_ptr<int>(body),
                                 kept = body](const Invalidation& invalidation) {
      told.push_back(invalidation.kind);
      if (invalidation.kind == Invalidation::Kind::kEpoch) return;
      tracking->reset();
      holders = body.use_count();
    });
    (*tracking)->Call(Command("GET", "k")).value();
    client.Call(Command("FLUSHALL")).value();
    client.Call(Command("SET", "k", "v")).value();
    if (is_within_call) {
      EXPECT_EQ((*tracking)->Call(Command("GET", "k"))->text(), "v");
    } else {
      time.RunReady();
    }
    EXPECT_EQ(told, (std::vector{Invalidation::Kind::kEpoch, Invalidation::Kind::kAll}));
    EXPECT_EQ(holders, 2);
    time.RunReady();
    EXPECT_EQ(told.size(), 2u);
  }
}

TEST(Embedded, SubscriptionsToNothingAreRefused) {
  const Store store = OpenStore();
  const auto hear = [](const Message&) {};
  EXPECT_EQ(store.client().Subscribe({}, hear).error().code, Errc::kInvalid);
  EXPECT_EQ(store.client().Subscribe({.channels = {"a"}}, nullptr).error().code, Errc::kInvalid);
  EXPECT_TRUE(store.client().Subscribe({.channels = {""}}, hear));
  EXPECT_EQ(store.client().Track({}, nullptr).error().code, Errc::kInvalid);
}

TEST(Embedded, SchemesInAnyCase) {
  EXPECT_EQ(Store::Open("EMBEDDED:")->capabilities().kind, Capabilities::Kind::kEmbedded);
}

TEST(Embedded, ChangesAreTold) {
  VirtualTime time;
  const Store store = OpenStore({.clock = &time, .scheduler = &time});
  Client& client = store.client();
  std::vector<std::string> told;
  int flushes = 0;
  auto tracking = client.Track({}, [&](const Invalidation& invalidation) {
    told.insert(told.end(), invalidation.keys.begin(), invalidation.keys.end());
    flushes += invalidation.kind == Invalidation::Kind::kAll ? 1 : 0;
  });
  ASSERT_TRUE(tracking);
  EXPECT_EQ((*tracking)->epoch(), 1u);
  client.Call(Command("SET", "k", "v", "PX", 100)).value();
  EXPECT_EQ((*tracking)->Call(Command("GET", "k"))->text(), "v");
  client.Call(Command("SET", "k", "w", "PX", 100)).value();
  client.Call(Command("SET", "other", "w")).value();
  EXPECT_TRUE(told.empty());
  time.RunReady();
  EXPECT_EQ(told, std::vector<std::string>{"k"});
  // What was told before a reply is heard of before it.
  EXPECT_EQ((*tracking)->Call(Command("GET", "k"))->text(), "w");
  client.Call(Command("DEL", "k")).value();
  EXPECT_EQ((*tracking)->Call(Command("GET", "other"))->text(), "w");
  EXPECT_EQ(told.size(), 2u);
  client.Call(Command("FLUSHALL")).value();
  time.RunReady();
  EXPECT_EQ(flushes, 1);
  EXPECT_EQ((*tracking)->Call(Command("SET", "k", "v")).error().code, Errc::kInvalid);
  tracking->reset();
  client.Call(Command("SET", "other", "x")).value();
  time.RunReady();
  EXPECT_EQ(told.size(), 2u);
}

// Known absence is no key, and yet somebody has a copy of it.
TEST(Embedded, TheEndOfAnAbsenceIsTold) {
  VirtualTime time;
  const Store store = OpenStore({.clock = &time, .scheduler = &time});
  for (const Command& end : {Command("CACHE.DEL", "k"), Command("CACHE.DEL", "k", "VER", 3),
                             Command("DEL", "k"), Command("CACHE.STALE", "k"),
                             Command("SET", "k", "v"), Command("CACHE.SET", "k", "v", "VER", 5)}) {
    int told = 0;
    const auto tracking = store.client().Track({}, [&](const Invalidation& invalidation) {
      told += static_cast<int>(invalidation.keys.size());
    });
    ASSERT_TRUE(tracking);
    store.client().Call(Command("FLUSHALL")).value();
    store.client().Call(Command("CACHE.ABSENT", "k", "VER", 2, "TTL", 1000)).value();
    const auto read = (*tracking)->Call(Command("CACHE.GET", "k"));
    ASSERT_EQ(read->elements()[0].text(), "fresh");
    ASSERT_EQ(told, 0);
    store.client().Call(end).value();
    time.RunReady();
    EXPECT_EQ(told, 1) << end[0];
  }
}

TEST(Embedded, BumpsOfAnAbsencesTagsAreTold) {
  VirtualTime time;
  const Store store = OpenStore({.clock = &time, .scheduler = &time});
  std::vector<std::string> told;
  const auto tracking = store.client().Track({}, [&](const Invalidation& invalidation) {
    told.insert(told.end(), invalidation.keys.begin(), invalidation.keys.end());
  });
  ASSERT_TRUE(tracking);
  store.client().Call(Command("CACHE.ABSENT", "k", "TTL", 1000, "TAGS", 1, "tag")).value();
  ASSERT_EQ((*tracking)->Call(Command("CACHE.GET", "k"))->elements()[0].text(), "fresh");
  store.client().Call(Command("TAG.BUMP", "HARD", "tag")).value();
  time.RunReady();
  EXPECT_EQ(told, std::vector<std::string>{"tag"});
}

TEST(Embedded, ChangesOfAPrefixAreTold) {
  VirtualTime time;
  const Store store = OpenStore({.clock = &time, .scheduler = &time});
  std::vector<std::string> told;
  const auto tracking =
      store.client().Track({.prefixes = {"user:"}}, [&](const Invalidation& invalidation) {
        told.insert(told.end(), invalidation.keys.begin(), invalidation.keys.end());
      });
  ASSERT_TRUE(tracking);
  store.client().Call(Command("MSET", "user:1", "x", "other", "x")).value();
  store.client().Call(Command("SET", "user:1", "y")).value();
  time.RunReady();
  EXPECT_EQ(told, (std::vector<std::string>{"user:1", "user:1"}));
}

TEST(Embedded, CommandsThatWait) {
  const Store store = OpenStore();
  Client& client = store.client();
  Thread pusher("pusher", [&client] { client.Call(Command("RPUSH", "q", "job")).value(); });
  const Result<Reply> job = client.Call(Command("BLPOP", "q", 0));
  pusher.Join();
  EXPECT_EQ(job->elements()[1].text(), "job");
  EXPECT_TRUE(client.Call(Command("BLPOP", "q", "0.001"))->is_null());
  const Result<Reply> late = client.Call(Command("BLPOP", "q", 0), {.timeout = 1ms});
  EXPECT_EQ(late.error().code, Errc::kTimeout);
  EXPECT_FALSE(late.error().may_have_applied);
  client.Call(Command("RPUSH", "q", "left")).value();
  EXPECT_EQ(client.Call(Command("LLEN", "q"))->AsInteger().value(), 1);
  EXPECT_EQ(client.Call(Command("BLPOP", "q", 0))->elements()[1].text(), "left");
}

TEST(Embedded, WaitingByVirtualTime) {
  VirtualTime time;
  const Store store = OpenStore({.clock = &time, .scheduler = &time});
  std::vector<std::string> ends;
  std::stop_source stop;
  const auto wait = [&](CallOptions options, const char* timeout) {
    store.client().Start(
        Command("BLPOP", "q", timeout), std::move(options), [&](Result<Reply> reply) {
          ends.push_back(!reply             ? std::string(ErrcName(reply.error().code))
                         : reply->is_null() ? "null"
                                            : std::string(reply->elements()[1].text()));
        });
  };
  wait({}, "0.05");
  wait({.timeout = 70ms}, "0");
  wait({.stop = stop.get_token()}, "0");
  wait({}, "0");
  time.Advance(49ms);
  EXPECT_TRUE(ends.empty());
  time.Advance(1ms);
  EXPECT_EQ(ends, std::vector<std::string>{"null"});
  time.Advance(20ms);
  stop.request_stop();
  store.client().Call(Command("RPUSH", "q", "job")).value();
  time.RunReady();
  EXPECT_EQ(ends, (std::vector<std::string>{"null", "timeout", "cancelled", "job"}));
}

TEST(Embedded, WhoStillWaitsIsToldThatTheStoreCloses) {
  VirtualTime time;
  std::string end;
  {
    const Store store = OpenStore({.clock = &time, .scheduler = &time});
    store.client().Start(Command("BLPOP", "q", 0), {},
                         [&](Result<Reply> reply) { end = ErrcName(reply.error().code); });
  }
  time.RunReady();
  EXPECT_EQ(end, "closed");
}

// More threads than the pool has sessions.
TEST(Embedded, ManyThreads) {
  constexpr int kThreads = 80;
  constexpr int kCalls = 200;
  const Store store = OpenStore();
  std::vector<Thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back("caller", [store] {
      for (int n = 0; n < kCalls; ++n) store.client().Call(Command("INCR", "n")).value();
    });
  }
  for (Thread& thread : threads) thread.Join();
  EXPECT_EQ(store.client().Call(Command("GET", "n"))->AsInteger().value(), kThreads * kCalls);
}

}  // namespace
}  // namespace cairn::cache
