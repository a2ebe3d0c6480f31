// SPDX-License-Identifier: BSD-3-Clause
// Purges through commands: what they tell those who watch, load and cache, what is in the log, and
// purges under clients that write all the time.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "base/thread.h"
#include "engine/replay_testing.h"

namespace cairn::engine {
namespace {

struct Store {
  Store() : engine({.clock = &clock, .with_keeper = false}), session(engine.NewSession()) {}
  std::string operator()(std::initializer_list<std::string_view> args) {
    return session->Execute(args);
  }
  void RunKeeper() {
    while (engine.keeper().RunOnce()) {
    }
  }

  ManualClock clock{Twins::kStartUs};
  Engine engine;
  std::unique_ptr<EmbeddedSession> session;
};

// The third element of CACHE.GET's reply, over RESP2.
std::string TokenIn(const std::string& reply) {
  const std::size_t at = reply.find("\r\n:");
  return at == std::string::npos ? "" : reply.substr(at + 3, reply.find("\r\n", at + 3) - at - 3);
}

TEST(Purge, VoidsTheLeasesOfLoadsThatBeganBefore) {
  Store store;
  const std::string of_a_miss = TokenIn(store({"CACHE.GET", "u:1", "LEASE", "5000"}));
  store({"CACHE.SET", "u:2", "old", "TTL", "100", "STALE", "100000"});
  store.clock.AdvanceMs(200);
  const std::string of_a_stale = TokenIn(store({"CACHE.GET", "u:2", "LEASE", "5000", "STALE"}));
  const std::string of_another = TokenIn(store({"CACHE.GET", "other", "LEASE", "5000"}));
  store({"CACHE.PURGE", "START", "u:*"});
  store.RunKeeper();
  EXPECT_EQ(store({"CACHE.SET", "u:1", "old", "TOKEN", of_a_miss}), "+VOID\r\n");
  EXPECT_EQ(store({"CACHE.SET", "u:2", "old", "TOKEN", of_a_stale}), "+VOID\r\n");
  EXPECT_EQ(store({"CACHE.SET", "other", "v", "TOKEN", of_another}), "+OK\r\n");
  EXPECT_EQ(store({"EXISTS", "u:1", "u:2"}), ":0\r\n");
}

TEST(Purge, ForgetsAbsencesAndKeepsTombstones) {
  Store store;
  store({"CACHE.ABSENT", "u:1", "TTL", "100000"});
  store({"CACHE.ABSENT", "v:1", "TTL", "100000"});
  store({"CACHE.DEL", "u:2", "VER", "7"});
  store({"CACHE.PURGE", "START", "u:*"});
  store.RunKeeper();
  EXPECT_NE(store({"CACHE.GET", "u:1"}).find("miss"), std::string::npos);
  EXPECT_NE(store({"CACHE.GET", "v:1"}).find("fresh"), std::string::npos);
  EXPECT_EQ(store({"CACHE.SET", "u:2", "v", "VER", "6"}), "+OLD\r\n");
}

TEST(Purge, WithATypeLeavesTheOthersAlone) {
  Store store;
  store({"SET", "k:1", "v"});
  store({"HSET", "k:2", "f", "v"});
  store({"CACHE.ABSENT", "k:3", "TTL", "100000"});
  store({"CACHE.PURGE", "START", "k:*", "TYPE", "hash"});
  store.RunKeeper();
  EXPECT_EQ(store({"EXISTS", "k:1"}), ":1\r\n");
  EXPECT_EQ(store({"EXISTS", "k:2"}), ":0\r\n");
  EXPECT_NE(store({"CACHE.GET", "k:3"}).find("fresh"), std::string::npos);
}

TEST(Purge, SoftMakesStale) {
  Store store;
  store({"SET", "k:1", "v"});
  store({"CACHE.SET", "k:2", "v", "TTL", "100000", "TAGS", "1", "t"});
  store({"SET", "l:1", "v"});
  store({"CACHE.PURGE", "START", "k:*", "SOFT"});
  store.RunKeeper();
  for (const std::string_view key : {"k:1", "k:2"}) {
    EXPECT_NE(store({"CACHE.GET", key, "STALE"}).find("stale"), std::string::npos) << key;
    EXPECT_EQ(store({"GET", key}), "$1\r\nv\r\n");
  }
  EXPECT_NE(store({"CACHE.GET", "l:1", "STALE"}).find("fresh"), std::string::npos);
}

TEST(Purge, IsAChangeForWhoWatches) {
  for (const std::string_view key : {"u:1", "v:1"}) {
    Store store;
    store({"MSET", "u:1", "v", "v:1", "v"});
    store({"WATCH", key});
    const std::unique_ptr<EmbeddedSession> other = store.engine.NewSession();
    other->Execute({"CACHE.PURGE", "START", "u:*"});
    store.RunKeeper();
    store({"MULTI"});
    store({"PING"});
    EXPECT_EQ(store({"EXEC"}), key == "u:1" ? "*-1\r\n" : "*1\r\n+PONG\r\n");
  }
}

TEST(Purge, WaitersForALeaseHaveTheNextOneAtOnce) {
  Store store;
  store({"CACHE.GET", "u:1", "LEASE", "50000"});
  WaitingClient waiter(store.engine, 77);
  EXPECT_EQ(waiter.Execute({"CACHE.GET", "u:1", "LEASE", "5000", "WAIT", "10000"}), "");
  EXPECT_TRUE(waiter.waits());
  store({"CACHE.PURGE", "START", "u:*"});
  store.RunKeeper();
  store.RunKeeper();
  EXPECT_FALSE(waiter.waits());
  EXPECT_NE(waiter.Answer().find("miss"), std::string::npos);
}

TEST(Purge, BeginsWithTheTransactionThatOrdersIt) {
  Store store;
  store({"SET", "k", "v"});
  store({"MULTI"});
  store({"CACHE.PURGE", "START", "k"});
  store.RunKeeper();
  EXPECT_EQ(store.engine.keyspace().purges().Reports(0).size(), 0);
  EXPECT_EQ(store({"EXEC"}), "*1\r\n:1\r\n");
  store.RunKeeper();
  EXPECT_EQ(store({"EXISTS", "k"}), ":0\r\n");
}

// What the log says makes the same of another store, also where tables grow, databases are swapped
// and flushed, and purges are cancelled.
TEST(Purge, ReplaysToTheSame) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Twins twins(seed, 3);
    Random& random = twins.random();
    for (int n = 0; n < 3000; ++n) {
      const std::string key = std::string(1, static_cast<char>('a' + random.Below(3))) + ":" +
                              std::to_string(random.Below(300));
      const std::string pattern = std::string(1, static_cast<char>('a' + random.Below(3))) + ":*";
      switch (random.Below(60)) {
        case 0:
          twins.Execute({"CACHE.PURGE", "START", pattern, "RATE", "5000"});
          break;
        case 1:
          twins.Execute({"CACHE.PURGE", "START", pattern, "SOFT"});
          break;
        case 2:
          twins.Execute({"CACHE.PURGE", "START", "*:1*", "TYPE", "hash"});
          break;
        case 3:
          twins.Execute({"CACHE.PURGE", "CANCEL", std::to_string(1 + random.Below(40))});
          break;
        case 4:
          twins.Execute({"CACHE.ABSENT", key, "TTL", "1000"});
          break;
        case 5:
          if (random.Below(8) == 0) twins.Execute({"SWAPDB", "0", "1"});
          break;
        case 6:
          if (random.Below(20) == 0) twins.Execute({"FLUSHDB"});
          break;
        case 7:
          twins.Execute({"CACHE.GET", key, "LEASE", "1000"});
          break;
        case 8:
        case 9:
          twins.Execute({"HSET", "h" + key, "f", key});
          break;
        default:
          twins.Execute({"SET", key, key});
      }
      if (::testing::Test::HasFatalFailure()) return;
    }
    twins.Compare({{"DBSIZE"}, {"CACHE.GET", "a:7"}, {"CACHE.GET", "b:70", "STALE"}});
    if (::testing::Test::HasFatalFailure()) return;
  }
}

// Writers, each with keys of its own, on threads; the keeper beside them. What was there when the
// purge was ordered, and is not written again, is gone at its end; what does not match is whole.
TEST(Purge, TakesAllUnderClientsThatWrite) {
  constexpr int kWriters = 3;
  constexpr int kOld = 20'000;
  Engine engine({});
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  for (int i = 0; i < kOld; ++i) session->Execute({"SET", "p:" + std::to_string(i), "old"});
  std::atomic<bool> stops{false};
  std::vector<std::int64_t> kept(kWriters);
  std::vector<Thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back("writer", [&, w] {
      const std::unique_ptr<EmbeddedSession> own = engine.NewSession();
      for (int i = 0; !stops.load(std::memory_order_relaxed); ++i) {
        const std::string key = "k" + std::to_string(w) + ":" + std::to_string(i);
        own->Execute({"SET", key, "v"});
        if (i % 3 == 0) own->Execute({"DEL", key});
        kept[w] += i % 3 == 0 ? 0 : 1;
      }
    });
  }
  session->Execute({"CACHE.PURGE", "START", "p:1*"});
  session->Execute({"CACHE.PURGE", "START", "p:[02-9]*", "RATE", "50000"});
  session->Execute({"CACHE.PURGE", "START", "k*:x*"});
  session->Execute({"CACHE.PURGE", "START", "p:*", "RATE", "1"});
  session->Execute({"CACHE.PURGE", "CANCEL", "4"});
  while (engine.keyspace().purges().any_running()) Thread::Yield();
  stops.store(true);
  for (Thread& writer : writers) writer.Join();
  std::int64_t expected = 0;
  for (const std::int64_t count : kept) expected += count;
  EXPECT_EQ(session->Execute({"DBSIZE"}), ":" + std::to_string(expected) + "\r\n");
}

}  // namespace
}  // namespace cairn::engine
