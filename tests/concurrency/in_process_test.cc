// SPDX-License-Identifier: BSD-3-Clause
// What clients inside the process must not be able to see: the engine without sockets, a session a
// thread. Smaller than the checks over sockets, but here ThreadSanitizer sees both sides at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "base/thread.h"
#include "concurrency/history.h"
#include "engine/engine.h"
#include "support/reply.h"

namespace cairn::concurrency {
namespace {

constexpr int kClients = 6;
constexpr int kRounds = 5000;

using Args = std::vector<std::string>;

testing::Reply Do(engine::EmbeddedSession& session, const Args& args) {
  const std::string bytes =
      session.Execute(std::vector<std::string_view>(args.begin(), args.end()));
  Result<std::optional<testing::Decoded>> decoded = testing::DecodeReply(bytes);
  EXPECT_TRUE(decoded && *decoded && (*decoded)->size == bytes.size()) << bytes;
  return decoded && *decoded ? std::move((*decoded)->reply) : testing::Reply{};
}

// Runs body(session, number, random) on a thread for every client.
template <class Body>
void RunClients(engine::Engine& engine, std::uint64_t seed, Body body) {
  std::vector<Thread> threads;
  for (int number = 0; number < kClients; ++number) {
    threads.emplace_back("client", [&, number] {
      Random random(seed + static_cast<std::uint64_t>(number));
      const std::unique_ptr<engine::EmbeddedSession> session = engine.NewSession();
      body(*session, number, random);
    });
  }
  for (Thread& thread : threads) thread.Join();
}

TEST(InProcess, ReadersNeverSeeHalfAnMSet) {
  constexpr int kKeys = 5;
  engine::Engine engine({});
  std::atomic<int> torn{0};
  RunClients(engine, 1, [&](engine::EmbeddedSession& session, int number, Random& random) {
    for (int round = 0; round < kRounds; ++round) {
      const std::string group = std::to_string(random.Below(3)) + ':';
      // Now and then the value is large enough to be shared instead of copied.
      const std::string value = std::to_string(number) + '.' + std::to_string(round) +
                                std::string(round % 50 == 0 ? 20'000 : 0, ' ');
      Args mset = {"MSET"};
      Args mget = {"MGET"};
      for (int i = 0; i < kKeys; ++i) {
        const std::string key = group + std::to_string((i + number) % kKeys);
        mset.insert(mset.end(), {key, value});
        mget.push_back(key);
      }
      if (random.Below(2) == 0) Do(session, mset);
      if (random.Below(500) == 0) Do(session, {"FLUSHALL"});
      const testing::Reply reply = Do(session, mget);
      ASSERT_EQ(reply.items.size(), static_cast<std::size_t>(kKeys));
      if (!std::ranges::all_of(
              reply.items, [&](const testing::Reply& item) { return item == reply.items[0]; })) {
        ++torn;
      }
    }
  });
  EXPECT_EQ(torn.load(), 0);
}

TEST(InProcess, NoIncrementIsLost) {
  engine::Engine engine({});
  RunClients(engine, 2, [&](engine::EmbeddedSession& session, int, Random& random) {
    for (int round = 0; round < kRounds; ++round) {
      Do(session, {"INCR", "counter:" + std::to_string(random.Below(3))});
    }
  });
  const std::unique_ptr<engine::EmbeddedSession> session = engine.NewSession();
  std::int64_t sum = 0;
  for (const testing::Reply& count :
       Do(*session, {"MGET", "counter:0", "counter:1", "counter:2"}).items) {
    sum += std::strtoll(count.text.c_str(), nullptr, 10);
  }
  EXPECT_EQ(sum, kClients * kRounds);
}

Args CommandFor(const Operation& operation, const std::string& key) {
  switch (operation.action) {
    case Action::kGet:
      return {"GET", key};
    case Action::kSet:
      return {"SET", key, operation.argument};
    case Action::kSetIfAbsent:
      return {"SET", key, operation.argument, "NX"};
    case Action::kGetSet:
      return {"SET", key, operation.argument, "GET"};
    case Action::kDelete:
      return {"DEL", key};
    case Action::kAppend:
      return {"APPEND", key, operation.argument};
  }
  return {};
}

TEST(InProcess, KeysAreLinearizable) {
  constexpr std::uint64_t kKeys = 4;
  engine::Engine engine({});
  // One tick a call or return: an order that all threads agree on, finer than a clock.
  std::atomic<std::int64_t> ticks{1};
  Mutex mu;
  std::vector<std::vector<Operation>> histories(kKeys);
  RunClients(engine, 3, [&](engine::EmbeddedSession& session, int number, Random& random) {
    std::vector<std::vector<Operation>> own(kKeys);
    for (int round = 0; round < 1000; ++round) {
      const std::uint64_t k = random.Below(kKeys);
      Operation operation;
      operation.action = random.Below(3) == 0 ? Action::kGet : static_cast<Action>(random.Below(6));
      operation.argument = std::to_string(number) + '.' + std::to_string(round) + ' ';
      const Args args = CommandFor(operation, "key:" + std::to_string(k));
      operation.called_ns = ticks.fetch_add(1);
      const testing::Reply reply = Do(session, args);
      operation.returned_ns = ticks.fetch_add(1);
      if (!testing::IsNull(reply.type) && reply.type != testing::ReplyType::kNullBulk)
        operation.result = reply.text;
      own[k].push_back(std::move(operation));
    }
    MutexLock hold(mu);
    for (std::uint64_t k = 0; k < kKeys; ++k)
      histories[k].insert(histories[k].end(), own[k].begin(), own[k].end());
  });
  MutexLock hold(mu);
  for (const std::vector<Operation>& history : histories) {
    EXPECT_TRUE(IsLinearizable(history)) << Describe(history).substr(0, 10'000);
  }
}

}  // namespace
}  // namespace cairn::concurrency
