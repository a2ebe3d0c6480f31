// SPDX-License-Identifier: BSD-3-Clause
// Commands on whole databases beside those on keys, from several threads: nothing is half done,
// nothing gets lost.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "base/thread.h"
#include "engine/engine.h"

namespace cairn::engine {
namespace {

std::int64_t IntegerOf(const std::string& reply) {
  return reply.starts_with(':') ? std::strtoll(reply.c_str() + 1, nullptr, 10) : -1;
}

// Tokens are moved between databases while databases are swapped: each is in one place at the end.
TEST(Concurrent, MoveAndSwapKeepEveryKey) {
  constexpr int kTokens = 500;
  constexpr int kThreads = 4;
  Engine engine({.database_count = 4});
  {
    const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
    for (int i = 0; i < kTokens; ++i) {
      session->Execute({"SET", "token:" + std::to_string(i), std::to_string(i), "PX", "9000000"});
    }
  }
  std::vector<Thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back("mover", [&, t] {
      const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
      Random random(static_cast<std::uint64_t>(t));
      for (int round = 0; round < 20'000; ++round) {
        session->set_db(DbId(static_cast<std::uint32_t>(random.Below(4))));
        const std::string token = "token:" + std::to_string(random.Below(kTokens));
        const std::string to = std::to_string(random.Below(4));
        if (random.Below(200) == 0) {
          session->Execute({"SWAPDB", to, std::to_string(random.Below(4))});
        } else {
          session->Execute({"MOVE", token, to});
        }
      }
    });
  }
  for (Thread& thread : threads) thread.Join();
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  std::int64_t total = 0;
  std::vector<int> places(kTokens, 0);
  for (std::uint32_t db = 0; db < 4; ++db) {
    session->set_db(DbId(db));
    total += IntegerOf(session->Execute({"DBSIZE"}));
    for (int i = 0; i < kTokens; ++i) {
      const std::string name = "token:" + std::to_string(i);
      if (session->Execute({"EXISTS", name}) != ":1\r\n") continue;
      ++places[static_cast<std::size_t>(i)];
      EXPECT_GT(IntegerOf(session->Execute({"PTTL", name})), 0) << "the expiry went along";
    }
  }
  EXPECT_EQ(total, kTokens);
  EXPECT_EQ(places, std::vector<int>(kTokens, 1));
}

// A transaction is held up by a cut's backlog like a single command, if it writes.
TEST(Concurrent, ATransactionThatWritesWaitsForTheUserOfACut) {
  constexpr std::size_t kTooMuch = keyspace::CutBacklog::kBytesMax + 1;
  constexpr int kReads = 20'000;  // the writer is long done by then, if it does not wait
  Engine engine({});
  keyspace::CutBacklog& backlog = engine.keyspace().cut_backlog();
  backlog.Add(kTooMuch);
  std::atomic<bool> done{false};
  Thread writer("writer", [&] {
    const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
    session->Execute({"MULTI"});
    session->Execute({"SET", "key", "value"});
    session->Execute({"EXEC"});
    done.store(true);
  });
  const std::unique_ptr<EmbeddedSession> reader = engine.NewSession();
  for (int i = 0; i < kReads && !done.load(); ++i) {
    reader->Execute({"MULTI"});
    reader->Execute({"GET", "key"});
    ASSERT_EQ(reader->Execute({"EXEC"}), "*1\r\n$-1\r\n");
  }
  EXPECT_FALSE(done.load());
  backlog.Remove(kTooMuch);
  writer.Join();
  EXPECT_EQ(reader->Execute({"GET", "key"}), "$5\r\nvalue\r\n");
}

// Pairs are stored together while everything is flushed: both are there or neither.
TEST(Concurrent, AFlushIsWhole) {
  Engine engine({});
  std::atomic<int> torn{0};
  std::vector<Thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back("client", [&, t] {
      const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
      Random random(static_cast<std::uint64_t>(t));
      for (int round = 0; round < 20'000; ++round) {
        const std::string n = std::to_string(random.Below(50));
        if (random.Below(100) == 0) {
          session->Execute({random.Below(2) == 0 ? "FLUSHALL" : "FLUSHDB"});
        } else if (random.Below(2) == 0) {
          session->Execute({"MSET", "a" + n, n, "b" + n, n, "c" + n, n});
        } else {
          const std::int64_t there =
              IntegerOf(session->Execute({"EXISTS", "a" + n, "b" + n, "c" + n}));
          if (there != 0 && there != 3) ++torn;
        }
      }
    });
  }
  for (Thread& thread : threads) thread.Join();
  EXPECT_EQ(torn.load(), 0);
}

// A database that grows from nothing to many segments while it is scanned: what was there from the
// first call on is returned.
TEST(Concurrent, ScanReturnsWhatStaysWhileTheTableGrows) {
  constexpr int kStaying = 200;
  Engine engine({.stripe_count = 2});
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  for (int i = 0; i < kStaying; ++i) session->Execute({"SET", "stays:" + std::to_string(i), "v"});
  std::atomic<bool> done{false};
  Thread grower("grower", [&] {
    const std::unique_ptr<EmbeddedSession> own = engine.NewSession();
    for (int i = 0; i < 100'000 && !done.load(std::memory_order_relaxed); ++i) {
      own->Execute({"SET", "grows:" + std::to_string(i), "v"});
      if (i % 3 == 0) own->Execute({"DEL", "grows:" + std::to_string(i / 2)});
    }
  });
  for (int scan = 0; scan < 10; ++scan) {
    std::vector<int> seen(kStaying, 0);
    std::string cursor = "0";
    do {
      const std::string reply = session->Execute({"SCAN", cursor, "COUNT", "20"});
      const std::size_t begin = reply.find("\r\n", 4) + 2;
      cursor = reply.substr(begin, reply.find("\r\n", begin) - begin);
      for (std::size_t at = reply.find("stays:"); at != std::string::npos;
           at = reply.find("stays:", at + 1)) {
        seen[static_cast<std::size_t>(std::strtol(reply.c_str() + at + 6, nullptr, 10))] = 1;
      }
    } while (cursor != "0");
    ASSERT_EQ(seen, std::vector<int>(kStaying, 1)) << "scan " << scan;
  }
  done.store(true, std::memory_order_relaxed);
  grower.Join();
}

}  // namespace
}  // namespace cairn::engine
