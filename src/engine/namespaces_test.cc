// SPDX-License-Identifier: BSD-3-Clause
// Namespaces through commands: rules for times, the cap on leases, clears and budgets, alone and
// under many clients, and what of it is in the log.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "base/thread.h"
#include "engine/replay_testing.h"

namespace cairn::engine {
namespace {

constexpr std::int64_t kStartUs = Twins::kStartUs;

std::int64_t IntegerOf(const std::string& reply) {
  return reply.starts_with(':') ? std::strtoll(reply.c_str() + 1, nullptr, 10) : -1;
}

// A field of NAMESPACE.INFO, over RESP2.
std::int64_t FigureOf(EmbeddedSession& session, const std::string& prefix,
                      const std::string& name) {
  const std::string info = session.Execute({"NAMESPACE.INFO", prefix});
  const std::size_t at = info.find("\r\n" + name + "\r\n:");
  EXPECT_NE(at, std::string::npos) << name << " in " << info;
  return IntegerOf(info.substr(at + name.size() + 4));
}

void RunKeeper(Engine& engine) {
  while (engine.keeper().RunOnce()) {
  }
}

struct Store {
  Store() : engine({.clock = &clock, .with_keeper = false}), session(engine.NewSession()) {}
  std::string operator()(std::initializer_list<std::string_view> args) {
    return session->Execute(args);
  }
  std::int64_t Pttl(std::string_view key) { return IntegerOf((*this)({"PTTL", key})); }

  ManualClock clock{kStartUs};
  Engine engine;
  std::unique_ptr<EmbeddedSession> session;
};

TEST(Namespaces, PlainWritesAreGivenTheNamespacesTime) {
  Store store;
  EXPECT_EQ(store({"NAMESPACE.SET", "c:", "TTL", "1000"}), "+OK\r\n");
  const std::vector<std::vector<std::string>> writes = {
      {"SET", "c:1", "v"},          {"SETNX", "c:2", "v"},     {"INCR", "c:3"},
      {"APPEND", "c:4", "v"},       {"LPUSH", "c:5", "v"},     {"HSET", "c:6", "f", "v"},
      {"SADD", "c:7", "v"},         {"ZADD", "c:8", "1", "v"}, {"XADD", "c:9", "*", "f", "v"},
      {"SETBIT", "c:10", "7", "1"},
  };
  int n = 0;
  for (const std::vector<std::string>& write : writes) {
    store.session->Execute(std::vector<std::string_view>(write.begin(), write.end()));
    EXPECT_EQ(store.Pttl("c:" + std::to_string(++n)), 1000) << write[0];
  }
  store({"SET", "c:own", "v", "PX", "5"});
  EXPECT_EQ(store.Pttl("c:own"), 5);
  store({"SET", "other", "v"});
  EXPECT_EQ(store.Pttl("other"), -1);
  store({"RENAME", "other", "c:renamed"});
  EXPECT_EQ(store.Pttl("c:renamed"), 1000);
  store({"RENAME", "c:renamed", "other"});
  EXPECT_EQ(store.Pttl("other"), 1000) << "a time goes with its value";
  store.clock.AdvanceMs(400);
  store({"INCR", "c:3"});
  EXPECT_EQ(store.Pttl("c:3"), 600) << "an edit keeps the time";
  store({"SET", "c:1", "w"});
  EXPECT_EQ(store.Pttl("c:1"), 1000) << "a new value begins anew";
  store({"PERSIST", "c:1"});
  EXPECT_EQ(store.Pttl("c:1"), -1) << "there is no greatest time";
}

TEST(Namespaces, NothingLivesLongerThanTheGreatestTime) {
  Store store;
  store({"NAMESPACE.SET", "c:", "MAXTTL", "1000"});
  store({"SET", "c:1", "v"});
  EXPECT_EQ(store.Pttl("c:1"), 1000);
  store({"SET", "c:2", "v", "PX", "5000"});
  EXPECT_EQ(store.Pttl("c:2"), 1000);
  store({"SET", "c:3", "v", "PX", "10"});
  EXPECT_EQ(store.Pttl("c:3"), 10);
  store({"PEXPIRE", "c:3", "60000"});
  EXPECT_EQ(store.Pttl("c:3"), 1000);
  store({"PERSIST", "c:3"});
  EXPECT_EQ(store.Pttl("c:3"), 1000);
  store({"CACHE.SET", "c:4", "v", "TTL", "900", "STALE", "5000"});
  EXPECT_EQ(store.Pttl("c:4"), 1000);
  store({"CACHE.SET", "c:5", "v"});
  EXPECT_EQ(store.Pttl("c:5"), 1000);
}

TEST(Namespaces, JitterOnlyShortens) {
  Store store;
  store({"NAMESPACE.SET", "c:", "TTL", "100000", "JITTER", "50"});
  std::int64_t least = INT64_MAX;
  std::int64_t most = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string key = "c:" + std::to_string(i);
    store({"SET", key, "v"});
    least = std::min(least, store.Pttl(key));
    most = std::max(most, store.Pttl(key));
  }
  EXPECT_GE(least, 50'000);
  EXPECT_LE(most, 100'000);
  EXPECT_GT(most - least, 20'000);
}

TEST(Namespaces, TheLongestPrefixCounts) {
  Store store;
  store({"NAMESPACE.SET", "a", "TTL", "1000"});
  store({"NAMESPACE.SET", "a:b", "TTL", "2000"});
  store({"NAMESPACE.SET", "a:b:c", "TTL", "3000"});
  store({"NAMESPACE.SET", "a:a", "TTL", "4000"});
  const std::pair<const char*, std::int64_t> keys[] = {
      {"a", 1000},    {"ab", 1000},    {"a:", 1000},     {"a:b", 2000},  {"a:b:", 2000},
      {"a:bz", 2000}, {"a:b:c", 3000}, {"a:b:cd", 3000}, {"a:az", 4000}, {"a:c", 1000},
      {"b", -1},      {"A", -1},       {"a:b:b", 2000}};
  for (const auto& [key, ttl] : keys) {
    store({"SET", key, "v"});
    EXPECT_EQ(store.Pttl(key), ttl) << key;
  }
  EXPECT_EQ(store({"NAMESPACE.DEL", "a:b"}), ":1\r\n");
  store({"SET", "a:b:b", "v"});
  EXPECT_EQ(store.Pttl("a:b:b"), 1000);
}

TEST(Namespaces, AClearTakesWhatWasThereBeforeTheNamespaceToo) {
  Store store;
  for (int i = 0; i < 3000; ++i) store({"SET", "c:" + std::to_string(i), "v"});
  store({"LPUSH", "c:list", "a"});
  store({"SET", "d:1", "v"});
  store({"NAMESPACE.SET", "c:"});
  EXPECT_EQ(FigureOf(*store.session, "c:", "settled"), 0);
  store({"SET", "c:new", "v"});
  EXPECT_EQ(store({"NAMESPACE.CLEAR", "c:"}), "+OK\r\n");
  EXPECT_EQ(store({"EXISTS", "c:0", "c:2999", "c:list", "c:new"}), ":0\r\n");
  EXPECT_EQ(store({"GET", "c:1"}), "$-1\r\n");
  EXPECT_EQ(store({"KEYS", "*"}), "*1\r\n$3\r\nd:1\r\n");
  store({"SET", "c:after", "v"});
  EXPECT_EQ(store({"GET", "c:after"}), "$1\r\nv\r\n");
  RunKeeper(store.engine);
  EXPECT_EQ(store({"DBSIZE"}), ":2\r\n");
  EXPECT_NE(store({"RANDOMKEY"}), "$-1\r\n");
  EXPECT_EQ(FigureOf(*store.session, "c:", "keys"), 1);
}

TEST(Namespaces, AnInnerNamespaceIsNotClearedWithTheOuterOne) {
  Store store;
  store({"NAMESPACE.SET", "a:"});
  store({"SET", "a:b:1", "v"});
  RunKeeper(store.engine);
  store({"NAMESPACE.SET", "a:b:"});
  store({"NAMESPACE.CLEAR", "a:"});
  EXPECT_EQ(store({"EXISTS", "a:b:1"}), ":1\r\n");
  store({"NAMESPACE.CLEAR", "a:b:"});
  EXPECT_EQ(store({"EXISTS", "a:b:1"}), ":0\r\n");
}

TEST(Namespaces, WhatIsClearedStaysDeadWhenTheNamespaceGoes) {
  Store store;
  store({"NAMESPACE.SET", "c:"});
  store({"SET", "c:1", "v"});
  store({"NAMESPACE.CLEAR", "c:"});
  store({"NAMESPACE.DEL", "c:"});
  EXPECT_EQ(store({"EXISTS", "c:1"}), ":0\r\n");
  store({"SET", "c:2", "v"});
  store({"NAMESPACE.SET", "c:"});
  RunKeeper(store.engine);
  EXPECT_EQ(store({"EXISTS", "c:2"}), ":1\r\n");
  EXPECT_EQ(FigureOf(*store.session, "c:", "keys"), 1);
}

TEST(Namespaces, AValueThatMovesInIsAsNewAsItsMove) {
  Store store;
  store({"NAMESPACE.SET", "a:"});
  store({"NAMESPACE.SET", "b:"});
  store({"SET", "a:1", "v"});
  store({"NAMESPACE.CLEAR", "b:"});
  store({"RENAME", "a:1", "b:1"});
  EXPECT_EQ(store({"GET", "b:1"}), "$1\r\nv\r\n");
  EXPECT_EQ(FigureOf(*store.session, "a:", "keys"), 0);
  EXPECT_EQ(FigureOf(*store.session, "b:", "keys"), 1);
  store({"NAMESPACE.CLEAR", "b:"});
  EXPECT_EQ(store({"GET", "b:1"}), "$-1\r\n");
}

TEST(Namespaces, ALoadThatBeganBeforeAClearIsRefused) {
  Store store;
  store({"NAMESPACE.SET", "c:"});
  const std::string miss = store({"CACHE.GET", "c:1", "LEASE", "1000"});
  const std::string token = std::to_string(IntegerOf(miss.substr(miss.find(':'))));
  store({"NAMESPACE.CLEAR", "c:"});
  EXPECT_EQ(store({"CACHE.SET", "c:1", "old", "TOKEN", token}), "+VOID\r\n");
  EXPECT_EQ(store({"GET", "c:1"}), "$-1\r\n");
  EXPECT_EQ(FigureOf(*store.session, "c:", "leases-held"), 0);
}

TEST(Namespaces, TheCapOnLeasesIsGivenBackOnEveryWay) {
  Store store;
  store({"NAMESPACE.SET", "c:", "MAXLEASES", "2"});
  const auto get = [&](std::string_view key) { return store({"CACHE.GET", key, "LEASE", "1000"}); };
  const auto token_of = [](const std::string& reply) {
    return std::to_string(IntegerOf(reply.substr(reply.find(':'))));
  };
  const auto is_capped = [&] { return get("c:probe").find("capped") != std::string::npos; };
  const auto held = [&] { return FigureOf(*store.session, "c:", "leases-held"); };
  const std::string first = token_of(get("c:1"));
  const std::string second = token_of(get("c:2"));
  EXPECT_EQ(held(), 2);
  EXPECT_TRUE(is_capped());
  EXPECT_EQ(get("d:1").find("capped"), std::string::npos) << "it is not its namespace";
  store({"CACHE.SET", "c:1", "v", "TOKEN", first});
  EXPECT_EQ(held(), 1) << "by a fill";
  store({"CACHE.FAIL", "c:2", second});
  EXPECT_EQ(held(), 0) << "by a failure";
  get("c:3");
  get("c:4");
  EXPECT_TRUE(is_capped());
  store({"SET", "c:3", "v"});
  EXPECT_EQ(held(), 1) << "by a write that voids it";
  store.clock.AdvanceMs(1001);
  RunKeeper(store.engine);
  EXPECT_EQ(held(), 0) << "by its time";
  get("c:5");
  store({"FLUSHALL"});
  EXPECT_EQ(held(), 0) << "by a flush";
  EXPECT_EQ(FigureOf(*store.session, "c:", "leases-timed-out"), 1);
  EXPECT_EQ(FigureOf(*store.session, "c:", "leases-voided"), 2);
  EXPECT_EQ(FigureOf(*store.session, "c:", "leases-capped"), 2);
  EXPECT_EQ(FigureOf(*store.session, "c:", "loads"), 1);
}

TEST(Namespaces, MissesAreToldByTheirReason) {
  Store store;
  store({"NAMESPACE.SET", "c:", "NEGTTL", "5000"});
  store({"GET", "c:never"});
  store({"SET", "c:expires", "v", "PX", "10"});
  store({"GET", "c:expires"});
  store.clock.AdvanceMs(11);
  RunKeeper(store.engine);
  store({"GET", "c:expires"});
  store({"SET", "c:deleted", "v"});
  store({"DEL", "c:deleted"});
  store({"GET", "c:deleted"});
  store({"CACHE.SET", "c:tagged", "v", "TAGS", "1", "t"});
  store({"TAG.BUMP", "HARD", "t"});
  store({"GET", "c:tagged"});
  store({"CACHE.ABSENT", "c:absent"});
  store({"CACHE.GET", "c:absent"});
  const auto figure = [&](const char* name) { return FigureOf(*store.session, "c:", name); };
  EXPECT_EQ(figure("hits"), 1);
  EXPECT_EQ(figure("negative-hits"), 1);
  EXPECT_EQ(figure("misses-absent"), 2);
  EXPECT_EQ(figure("misses-expired"), 1);
  EXPECT_EQ(figure("misses-invalidated"), 1);
  EXPECT_EQ(figure("negatives"), 1);
  store.clock.AdvanceMs(5001);
  RunKeeper(store.engine);
  EXPECT_EQ(figure("negatives"), 0);
  store({"NAMESPACE.RESETSTAT", "c:"});
  EXPECT_EQ(figure("hits"), 0);
}

TEST(Namespaces, KeysAndBytesAreExact) {
  Store store;
  store({"NAMESPACE.SET", "c:"});
  const auto figure = [&](const char* name) { return FigureOf(*store.session, "c:", name); };
  store({"RPUSH", "c:list", "a"});
  const std::int64_t small = figure("bytes");
  EXPECT_GT(small, 0);
  for (int i = 0; i < 500; ++i) store({"RPUSH", "c:list", std::string(50, 'x')});
  EXPECT_GT(figure("bytes"), small + 20'000);
  store({"SET", "c:blob", std::string(100'000, 'x')});
  store({"APPEND", "c:blob", std::string(100'000, 'y')});
  EXPECT_GT(figure("bytes"), 220'000);
  store({"HSET", "c:hash", "f", "v"});
  store({"HPEXPIRE", "c:hash", "100000", "FIELDS", "1", "f"});
  EXPECT_EQ(figure("keys"), 3);
  store({"COPY", "c:list", "c:copy"});
  EXPECT_EQ(figure("keys"), 4);
  store({"DEL", "c:list", "c:blob", "c:hash", "c:copy"});
  RunKeeper(store.engine);
  EXPECT_EQ(figure("keys"), 0);
  EXPECT_EQ(figure("bytes"), 0);
  store({"SET", "c:1", "v"});
  store({"FLUSHALL"});
  RunKeeper(store.engine);
  EXPECT_EQ(figure("keys"), 0);
  EXPECT_EQ(figure("bytes"), 0);
}

TEST(Namespaces, ABudgetIsKeptAmongItsOwnKeys) {
  Store store;
  constexpr std::int64_t kBudget = 200'000;
  store({"NAMESPACE.SET", "c:", "MAXMEMORY", std::to_string(kBudget)});
  for (int i = 0; i < 1000; ++i) store({"SET", "d:" + std::to_string(i), std::string(100, 'v')});
  for (int i = 0; i < 4000; ++i) store({"SET", "c:" + std::to_string(i), std::string(100, 'v')});
  RunKeeper(store.engine);
  const auto figure = [&](const char* name) { return FigureOf(*store.session, "c:", name); };
  EXPECT_LE(figure("bytes"), kBudget);
  EXPECT_GT(figure("bytes"), kBudget / 2);
  EXPECT_EQ(figure("keys") + figure("evicted"), 4000);
  int there = 0;
  for (int i = 0; i < 1000; ++i)
    there += static_cast<int>(IntegerOf(store({"EXISTS", "d:" + std::to_string(i)})));
  EXPECT_EQ(there, 1000);
  for (int i = 0; i < 4000; ++i) store({"GET", "c:" + std::to_string(i)});
  EXPECT_EQ(figure("hits"), figure("keys"));
  EXPECT_GT(figure("misses-evicted"), 0);
}

TEST(Namespaces, NegativesHaveAQuota) {
  Store store;
  store({"NAMESPACE.SET", "c:", "NEGMAX", "50"});
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(store({"CACHE.ABSENT", "c:" + std::to_string(i)}), "+OK\r\n");
    ASSERT_LE(FigureOf(*store.session, "c:", "negatives"), 50);
  }
  EXPECT_EQ(FigureOf(*store.session, "c:", "negatives"), 50);
}

TEST(Namespaces, ThereAreLimits) {
  Store store;
  for (int i = 0; i < 256; ++i)
    EXPECT_EQ(store({"NAMESPACE.SET", "n" + std::to_string(1000 + i)}), "+OK\r\n");
  EXPECT_EQ(store({"NAMESPACE.SET", "one more"}), "-ERR there are 256 namespaces already\r\n");
  EXPECT_EQ(store({"NAMESPACE.SET", "n1000", "TTL", "5"}), "+OK\r\n");
  EXPECT_EQ(store({"NAMESPACE.SET", ""}), "-ERR a namespace's prefix has 1 to 512 bytes\r\n");
  EXPECT_EQ(store({"NAMESPACE.SET", std::string(513, 'x')}),
            "-ERR a namespace's prefix has 1 to 512 bytes\r\n");
}

// Something at random that namespaces a: and b: have to do with.
void DoSomething(Store& store, Random& random) {
  const auto some = [&](std::string prefix, std::uint64_t count) {
    return std::move(prefix) + std::to_string(random.Below(count));
  };
  const std::string key = some(random.Below(3) != 0 ? "a:" : "b:", 60);
  const std::string time = std::to_string(1 + random.Below(9000));
  const bool is_rare = random.Below(10) == 0;
  const std::string value(random.Below(200), 'v');
  std::vector<std::string> many = {"MSET"};
  for (int i = 0; i < 20; ++i) many.insert(many.end(), {some("a:m", 100), "v"});
  const std::vector<std::vector<std::string>> commands = {
      {"SET", key, value},
      {"DEL", key},
      {"RENAME", key, some("a:", 60)},
      {"COPY", key, some("b:", 60), "DB", "1"},
      {"LPUSH", "l" + key, "x"},
      {"LPUSH", "a:l" + key, "x"},
      {"HSET", "a:h" + key, some("f", 5), "v"},
      {"HPEXPIRE", "a:h" + key, time, "FIELDS", "1", "f1"},
      {"PEXPIRE", key, time},
      {"CACHE.SET", key, "v", "TTL", time},
      {"CACHE.ABSENT", key},
      {"PERSIST", key},
      many,
      {is_rare ? "NAMESPACE.CLEAR" : "GET", "a:"},
      {is_rare ? "NAMESPACE.DEL" : "GET", "b:"},
      {"SWAPDB", "0", is_rare ? "1" : "0"},
  };
  const std::uint64_t n = random.Below(commands.size() + 2);
  if (n < commands.size()) {
    store.session->Execute(std::vector<std::string_view>(commands[n].begin(), commands[n].end()));
  } else if (is_rare) {
    store({"NAMESPACE.SET", "b:", "MAXTTL", "3000"});
  } else {
    store.clock.AdvanceMs(static_cast<std::int64_t>(random.Below(100)));
  }
}

void Replay(log::Reader& reader, EmbeddedSession& replayed) {
  while (const std::optional<log::Effect> effect = reader.Next()) {
    replayed.set_db(effect->db);
    const std::string reply =
        replayed.Execute(std::vector<std::string_view>(effect->args.begin(), effect->args.end()));
    ASSERT_NE(reply[0], '-') << effect->args[0] << ": " << reply;
  }
}

// What the log says makes an equal data set, whatever the clock and the random numbers there.
TEST(Namespaces, TheLogTellsWhatTheyDid) {
  Store store;
  const std::unique_ptr<log::Reader> reader = store.engine.AttachLogReader(log::Lag::kMustKeep);
  const ManualClock twin_clock(kStartUs);
  Engine twin({.stripe_count = 4, .clock = &twin_clock, .with_keeper = false});
  const std::unique_ptr<EmbeddedSession> replayed = twin.NewSession();
  replayed->BeginReplay();
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  store({"NAMESPACE.SET", "a:", "TTL", "5000", "JITTER", "50", "MAXMEMORY", "8000"});
  for (int step = 0; step < 6000; ++step) {
    DoSomething(store, random);
    if (random.Below(20) == 0) store.engine.keeper().RunOnce();
    if (step % 200 != 199) continue;
    RunKeeper(store.engine);
    Replay(*reader, *replayed);
    ASSERT_EQ(store.engine.Digest(), twin.Digest()) << "step " << step;
  }
}

// ---- Many clients ------------------------------------------------------------------------------

TEST(NamespacesConcurrent, NeverMoreLeasesThanTheCap) {
  for (const int thread_count : {1, 4, 8}) {
    constexpr std::int64_t kCap = 3;
    Engine engine({});
    const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
    session->Execute({"NAMESPACE.SET", "c:", "MAXLEASES", std::to_string(kCap)});
    std::atomic<std::int64_t> loading{0};
    std::atomic<std::int64_t> most{0};
    std::atomic<std::int64_t> capped{0};
    std::vector<Thread> threads;
    for (int t = 0; t < thread_count; ++t) {
      threads.emplace_back("loader", [&, t] {
        const std::unique_ptr<EmbeddedSession> own = engine.NewSession();
        Random random(static_cast<std::uint64_t>(t));
        for (int round = 0; round < 5000; ++round) {
          std::vector<std::pair<std::string, std::string>> held;
          for (int i = 0; i < 4; ++i) {
            // Each thread's own keys: only the cap is between them.
            const std::string key = "c:" + std::to_string(t) + ":" + std::to_string(i);
            const std::string got = own->Execute({"CACHE.GET", key, "LEASE", "600000"});
            if (got.find("capped") != std::string::npos) {
              ++capped;
              continue;
            }
            const std::int64_t now = ++loading;
            std::int64_t seen = most.load();
            while (seen < now && !most.compare_exchange_weak(seen, now)) continue;
            held.emplace_back(key, std::to_string(IntegerOf(got.substr(got.find(':')))));
          }
          for (const auto& [key, token] : held) {
            --loading;
            if (random.Below(2) == 0) {
              own->Execute({"CACHE.FAIL", key, token});
            } else {
              own->Execute({"CACHE.SET", key, "v", "TOKEN", token});
              own->Execute({"DEL", key});
            }
          }
        }
      });
    }
    for (Thread& thread : threads) thread.Join();
    EXPECT_LE(most.load(), kCap);
    EXPECT_GT(most.load(), 0);
    EXPECT_GT(capped.load(), 0);
    EXPECT_EQ(FigureOf(*session, "c:", "leases-held"), 0);
    EXPECT_EQ(FigureOf(*session, "c:", "leases-capped"), capped.load());
  }
}

// An epoch is raised in one transaction with each clear, and what is stored is the epoch, read in
// the same script. So whoever reads after the clear of an epoch was acknowledged sees no lower one.
TEST(NamespacesConcurrent, NothingOlderThanAnAcknowledgedClearIsSeen) {
  Engine engine({});
  constexpr int kKeys = 64;
  std::atomic<std::int64_t> acknowledged{0};
  std::atomic<std::int64_t> too_old{0};
  std::atomic<std::int64_t> read{0};
  std::atomic<bool> done{false};
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  session->Execute({"SET", "epoch", "0"});
  for (int i = 0; i < kKeys; ++i) session->Execute({"SET", "c:" + std::to_string(i), "0"});
  session->Execute({"NAMESPACE.SET", "c:"});
  std::vector<Thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back("writer", [&, t] {
      const std::unique_ptr<EmbeddedSession> own = engine.NewSession();
      Random random(static_cast<std::uint64_t>(t));
      const std::string set = t == 0 ? "SET" : "CACHE.SET";
      const std::string script =
          "return redis.call('" + set + "', KEYS[1], redis.call('GET', KEYS[2]))";
      while (!done.load())
        own->Execute({"EVAL", script, "2", "c:" + std::to_string(random.Below(kKeys)), "epoch"});
    });
    threads.emplace_back("reader", [&, t] {
      const std::unique_ptr<EmbeddedSession> own = engine.NewSession();
      Random random(static_cast<std::uint64_t>(t + 10));
      while (!done.load()) {
        const std::int64_t oldest = acknowledged.load();
        const std::string got = own->Execute({"GET", "c:" + std::to_string(random.Below(kKeys))});
        if (got == "$-1\r\n") continue;
        ++read;
        if (std::strtoll(got.substr(got.find('\n') + 1).c_str(), nullptr, 10) < oldest) ++too_old;
      }
    });
  }
  for (int clear = 0; clear < 1000; ++clear) {
    session->Execute({"MULTI"});
    session->Execute({"INCR", "epoch"});
    session->Execute({"NAMESPACE.CLEAR", "c:"});
    session->Execute({"EXEC"});
    ++acknowledged;
    while (read.load() < clear) Thread::Yield();
  }
  done = true;
  for (Thread& thread : threads) thread.Join();
  EXPECT_EQ(too_old.load(), 0);
}

// Whatever is said, nothing lives longer than MAXTTL from the moment when it was said.
TEST(Namespaces, NothingMakesAKeyOutliveTheLongestTime) {
  const std::vector<std::vector<std::string>> ways = {
      {"PERSIST", "m:1"},
      {"GETEX", "m:1", "PERSIST"},
      {"GETEX", "m:1", "EX", "1000"},
      {"EXPIRE", "m:1", "1000"},
      {"PEXPIREAT", "m:1", "9000000000000"},
      {"SET", "m:1", "v", "KEEPTTL"},
      {"SET", "m:1", "v"},
      {"SET", "m:1", "v", "EX", "1000"},
      {"GETSET", "m:1", "v"},
      {"APPEND", "m:1", "v"},
      {"CACHE.SET", "m:1", "v", "TTL", "1000000"},
      {"CACHE.SET", "m:1", "v", "TTL", "1000", "STALE", "1000000"},
      {"CACHE.TOUCH", "m:1", "TTL", "1000000"},
      {"CACHE.TOUCH", "m:1"},
      {"RENAME", "out", "m:1"},
      {"COPY", "out", "m:1", "REPLACE"},
      {"BITOP", "OR", "m:1", "out", "out"},
      {"MSET", "m:1", "v"},
      {"LCS", "m:1", "out"},
  };
  for (const std::vector<std::string>& way : ways) {
    for (const bool is_settled : {true, false}) {
      SCOPED_TRACE(way[0] + " " + way[1] + (is_settled ? ", settled" : ", not settled"));
      Store store;
      store({"SET", "m:1", "v", "EX", "50"});
      store({"SET", "out", "v"});
      store({"NAMESPACE.SET", "m:", "MAXTTL", "100000"});
      if (is_settled) RunKeeper(store.engine);
      store.session->Execute(std::vector<std::string_view>(way.begin(), way.end()));
      EXPECT_GT(store.Pttl("m:1"), 0);
      EXPECT_LE(store.Pttl("m:1"), 100000);
    }
  }
}

TEST(Namespaces, WhatNeverExpiredIsHeldToTheLongestTimeOnceItIsWritten) {
  const std::vector<std::vector<std::string>> ways = {
      {"SET", "m:1", "a longer value", "KEEPTTL"},
      {"SET", "m:1", "a longer value"},
      {"GETSET", "m:1", "a longer value"},
      {"CACHE.SET", "m:1", "v", "TTL", "1000000"},
      {"RENAME", "out", "m:1"},
  };
  for (const std::vector<std::string>& way : ways) {
    for (const bool is_settled : {true, false}) {
      SCOPED_TRACE(way[0] + (is_settled ? ", settled" : ", not settled"));
      Store store;
      store({"MSET", "m:1", "v", "out", "v"});
      store({"NAMESPACE.SET", "m:", "MAXTTL", "100000"});
      if (is_settled) RunKeeper(store.engine);
      EXPECT_EQ(store.Pttl("m:1"), -1);
      store.session->Execute(std::vector<std::string_view>(way.begin(), way.end()));
      EXPECT_EQ(store.Pttl("m:1"), 100000);
    }
  }
}

TEST(Namespaces, RestoreAndMoveAreHeldToTheLongestTime) {
  Store store;
  store({"NAMESPACE.SET", "m:", "MAXTTL", "100000"});
  store({"SET", "out", "v"});
  const std::string dump = store({"DUMP", "out"});
  const std::size_t begin = dump.find("\r\n") + 2;
  const std::string payload = dump.substr(begin, dump.size() - begin - 2);
  EXPECT_EQ(store({"RESTORE", "m:1", "0", payload}), "+OK\r\n");
  EXPECT_EQ(store.Pttl("m:1"), 100000);
  EXPECT_EQ(store({"RESTORE", "m:1", "500000", payload, "REPLACE"}), "+OK\r\n");
  EXPECT_EQ(store.Pttl("m:1"), 100000);
  EXPECT_EQ(store({"MOVE", "m:1", "1"}), ":1\r\n");
  store({"SELECT", "1"});
  EXPECT_EQ(store.Pttl("m:1"), 100000);
  store({"HSET", "m:h", "f", "v"});
  store({"HEXPIRE", "m:h", "5", "FIELDS", "1", "f"});
  EXPECT_EQ(store({"PERSIST", "m:h"}), ":1\r\n");
  EXPECT_EQ(store.Pttl("m:h"), 100000);
}

// A lock in a namespace that is cleared is lost, and its owner is told; the next one's fence is
// greater, and who waits for it has it at once.
TEST(Namespaces, AClearOfALockIsToldAndItsFenceGoesOn) {
  Store store;
  store({"NAMESPACE.SET", "l:", "TTL", "100000"});
  RunKeeper(store.engine);
  const std::int64_t first = IntegerOf(store({"LOCK.ACQUIRE", "l:1", "ann", "50000"}));
  EXPECT_GT(first, 0);
  WaitingClient waiter(store.engine, 77);
  EXPECT_EQ(waiter.Execute({"LOCK.ACQUIRE", "l:1", "bob", "50000", "WAIT", "100000"}), "");
  store({"NAMESPACE.CLEAR", "l:"});
  ASSERT_FALSE(waiter.waits()) << "the lock is free";
  EXPECT_GT(IntegerOf(waiter.Answer()), first);
  const std::string lost = "*2\r\n+LOST\r\n" + waiter.Answer();
  EXPECT_EQ(store({"LOCK.RENEW", "l:1", "ann", "50000"}), lost);
  EXPECT_EQ(store({"LOCK.RELEASE", "l:1", "ann"}), lost);
}

TEST(Namespaces, AClearIsAChangeForWhoWatches) {
  for (const std::string_view key : {"n:1", "n:absent", "o:1"}) {
    Store store;
    store({"NAMESPACE.SET", "n:"});
    store({"MSET", "n:1", "v", "o:1", "v"});
    RunKeeper(store.engine);
    store({"WATCH", key});
    store.engine.NewSession()->Execute({"NAMESPACE.CLEAR", "n:"});
    store({"MULTI"});
    store({"PING"});
    EXPECT_EQ(store({"EXEC"}), key == "n:1" ? "*-1\r\n" : "*1\r\n+PONG\r\n") << key;
  }
}

// Where many keys have not joined, a thread of the lane has them join in steps; nobody else waits.
TEST(Namespaces, AClearOfWhatHasNotJoinedIsTheLanes) {
  ManualClock clock(kStartUs);
  Engine engine({.clock = &clock, .with_keeper = false});
  engine.StartLane();
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  constexpr int kKeys = 30'000;
  for (int i = 0; i < kKeys; ++i) {
    session->Execute({"SET", "n:" + std::to_string(i), "v"});
    if (i % 10 == 0) session->Execute({"SET", "o:" + std::to_string(i), "v"});
  }
  session->Execute({"NAMESPACE.SET", "n:"});
  WaitingClient client(engine, 77);
  EXPECT_EQ(client.Execute({"NAMESPACE.CLEAR", "n:"}), "") << "not under all stripes";
  while (client.waits()) Thread::Yield();
  EXPECT_EQ(client.Answer(), "+OK\r\n");
  EXPECT_EQ(session->Execute({"EXISTS", "n:0", "n:777", "n:29999"}), ":0\r\n");
  EXPECT_EQ(session->Execute({"EXISTS", "o:0", "o:70"}), ":2\r\n");
  EXPECT_EQ(FigureOf(*session, "n:", "settled"), 1);
  session->Execute({"SET", "n:777", "new"});
  RunKeeper(engine);
  EXPECT_EQ(session->Execute({"DBSIZE"}), ":" + std::to_string(kKeys / 10 + 1) + "\r\n");
  // Now it is O(1), and done at once.
  EXPECT_EQ(client.Execute({"NAMESPACE.CLEAR", "n:"}), "+OK\r\n");
  EXPECT_EQ(session->Execute({"EXISTS", "n:777"}), ":0\r\n");
  engine.StopLane();
}

}  // namespace
}  // namespace cairn::engine
