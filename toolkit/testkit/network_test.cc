// SPDX-License-Identifier: BSD-3-Clause
// The simulated network: what each fault does to the store, and what its caller is told.
#include "cairn/testkit/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cairn/testkit/seeded_random.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

class SimulatedNetwork : public testing::Test {
 protected:
  void Open(LinkOptions link = {}, std::uint64_t seed = 1) {
    network_ = Network::Open(time_, {.seed = seed, .link = link}).value();
  }
  // As it is at the store itself.
  Reply Stored(std::string_view key) {
    return network_->store()->client().Call(Command("GET", key)).value();
  }
  // Fills *reply when it comes.
  void Start(const Store& store, Command command, std::optional<Result<Reply>>* reply,
             CallOptions options = {}) {
    store.client().Start(std::move(command), std::move(options),
                         [reply](Result<Reply> got) { reply->emplace(std::move(got)); });
  }

  VirtualTime time_;
  std::unique_ptr<Network> network_;
};

TEST_F(SimulatedNetwork, MessagesTakeTheirTime) {
  Open({.delay_min = 2ms, .delay_max = 2ms});
  const Store store = network_->Join("a");
  std::optional<Result<Reply>> reply;
  Start(store, Command("SET", "k", "v"), &reply);
  time_.Advance(1999us);
  EXPECT_TRUE(Stored("k").is_null());
  time_.Advance(1us);
  EXPECT_EQ(Stored("k").text(), "v");
  EXPECT_FALSE(reply);
  time_.Advance(2ms);
  ASSERT_TRUE(reply);
  EXPECT_TRUE((*reply)->is_ok());
}

TEST_F(SimulatedNetwork, SynchronousCallsLetTimePass) {
  Open({.delay_min = 2ms, .delay_max = 2ms});
  const Store store = network_->Join("a");
  const TimePoint began = time_.Now();
  EXPECT_TRUE(store.client().Call(Command("SET", "k", "v"))->is_ok());
  EXPECT_EQ(time_.Now() - began, 4ms);
  const std::vector<Command> both = {Command("INCR", "n"), Command("INCR", "n")};
  const Replies replies = store.client().Pipeline(both);
  EXPECT_EQ(replies.at(1)->AsInteger(), 2);
  EXPECT_EQ(store.client().Transaction(both)->at(1).AsInteger(), 4);
  EXPECT_EQ(time_.Run(store.client().CoCall(Command("INCR", "n")))->AsInteger(), 5);
}

TEST_F(SimulatedNetwork, OneConnectionKeepsTheOrderAndSeveralDoNot) {
  for (const std::size_t connections : {1u, 4u}) {
    Open({.delay_min = 0ms, .delay_max = 50ms, .connections = connections});
    const Store store = network_->Join("a");
    std::vector<std::optional<Result<Reply>>> replies(40);
    for (int i = 0; i < 40; ++i) Start(store, Command("RPUSH", "l", i), &replies[i]);
    time_.Advance(1s);
    std::vector<std::int64_t> order;
    for (const auto& reply : replies) order.push_back((*reply)->AsInteger().value());
    EXPECT_EQ(std::ranges::is_sorted(order), connections == 1);
  }
}

TEST_F(SimulatedNetwork, LostRequestsAreNotApplied) {
  Open({.break_request_part = 1});
  const Store store = network_->Join("a");
  const auto reply = store.client().Call(Command("SET", "k", "v"));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::kClosed);
  EXPECT_TRUE(reply.error().may_have_applied);
  EXPECT_TRUE(Stored("k").is_null());
}

TEST_F(SimulatedNetwork, LostRepliesAreOfWhatWasApplied) {
  Open({.break_reply_part = 1});
  const Store store = network_->Join("a");
  const auto reply = store.client().Call(Command("SET", "k", "v"));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::kClosed);
  EXPECT_TRUE(reply.error().may_have_applied);
  EXPECT_EQ(Stored("k").text(), "v");
}

// With the connection goes what was sent over it before.
TEST_F(SimulatedNetwork, ABreakTakesAllOfItsConnection) {
  Open({.delay_min = 1ms, .delay_max = 1ms});
  const Store store = network_->Join("a");
  std::optional<Result<Reply>> first;
  std::optional<Result<Reply>> second;
  Start(store, Command("SET", "k", "v"), &first);
  Start(store, Command("SET", "l", "v"), &second);
  network_->Break("a");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->error().code, Errc::kClosed);
  time_.Advance(10ms);
  EXPECT_TRUE(Stored("k").is_null());
  EXPECT_TRUE(store.client().Call(Command("SET", "k", "w"))->is_ok());
}

TEST_F(SimulatedNetwork, WhatWasSentIntoAPartitionArrivesAfterIt) {
  Open();
  const Store cut = network_->Join("cut");
  const Store other = network_->Join("other");
  network_->Partition("cut");
  const auto lost = cut.client().Call(Command("SET", "k", "late"));
  EXPECT_EQ(lost.error().code, Errc::kTimeout);
  EXPECT_TRUE(lost.error().may_have_applied);
  EXPECT_TRUE(other.client().Call(Command("SET", "k", "early"))->is_ok());
  network_->Heal("cut");
  time_.Advance(10ms);
  EXPECT_EQ(Stored("k").text(), "late");
  EXPECT_EQ(cut.client().Call(Command("GET", "k"))->text(), "late");
}

TEST_F(SimulatedNetwork, RepliesDoNotPassAPartitionEither) {
  Open({.delay_min = 1ms, .delay_max = 1ms});
  const Store store = network_->Join("a");
  std::optional<Result<Reply>> reply;
  Start(store, Command("INCR", "n"), &reply, {.timeout = 10s});
  time_.Advance(1500us);
  EXPECT_EQ(Stored("n").text(), "1");
  network_->Partition("a");
  time_.Advance(1s);
  EXPECT_FALSE(reply);
  network_->Heal("a");
  time_.Advance(2ms);
  EXPECT_EQ((*reply)->AsInteger(), 1);
}

TEST_F(SimulatedNetwork, AKilledProcessHearsNothingMore) {
  Open({.delay_min = 1ms, .delay_max = 1ms});
  const Store store = network_->Join("a");
  std::optional<Result<Reply>> reply;
  Start(store, Command("SET", "k", "v"), &reply);
  network_->Kill("a");
  EXPECT_EQ(reply->error().code, Errc::kClosed);
  EXPECT_EQ(store.client().Call(Command("SET", "l", "v")).error().code, Errc::kClosed);
  const Store again = network_->Join("a");
  EXPECT_EQ(again.client().Call(Command("GET", "k"))->text(), "v");  // it had been sent
  EXPECT_EQ(store.client().Call(Command("PING")).error().code, Errc::kClosed);
}

TEST_F(SimulatedNetwork, ACrashedStoreComesBackEmpty) {
  Open();
  const Store store = network_->Join("a");
  const Store cut = network_->Join("cut");
  store.client().Call(Command("SET", "k", "v")).value();
  std::optional<Result<Reply>> waits;
  std::optional<Result<Reply>> held;
  Start(store, Command("BLPOP", "q", 0), &waits, {.timeout = 10s});
  network_->Partition("cut");
  Start(cut, Command("SET", "k", "of another life"), &held, {.timeout = 10s});
  time_.Advance(10ms);
  network_->Crash();
  EXPECT_EQ(network_->store(), nullptr);
  EXPECT_EQ(waits->error().code, Errc::kClosed);
  EXPECT_FALSE(held);
  const auto down = store.client().Call(Command("GET", "k"));
  EXPECT_EQ(down.error().code, Errc::kUnreachable);
  EXPECT_FALSE(down.error().may_have_applied);
  ASSERT_TRUE(network_->Restart());
  EXPECT_TRUE(store.client().Call(Command("GET", "k"))->is_null());
  network_->Heal("cut");
  time_.Advance(10ms);
  EXPECT_EQ(held->error().code, Errc::kClosed);
  EXPECT_TRUE(Stored("k").is_null());
}

TEST_F(SimulatedNetwork, WhoWaitsAtTheStoreHoldsUpNobody) {
  Open({.connections = 1});
  const Store store = network_->Join("a");
  std::optional<Result<Reply>> waits;
  Start(store, Command("BLPOP", "q", 5), &waits);
  time_.Advance(10ms);
  EXPECT_TRUE(store.client().Call(Command("RPUSH", "q", "x")).has_value());
  time_.Advance(10ms);
  EXPECT_EQ((*waits)->elements()[1].text(), "x");
}

// The store must not hand a job to who has gone.
TEST_F(SimulatedNetwork, WhoGivesUpLeavesTheQueue) {
  Open();
  const Store store = network_->Join("a");
  std::stop_source stop;
  std::optional<Result<Reply>> waits;
  Start(store, Command("BLPOP", "q", 0), &waits, {.timeout = 10s, .stop = stop.get_token()});
  time_.Advance(10ms);
  stop.request_stop();
  EXPECT_EQ(waits->error().code, Errc::kCancelled);
  time_.Advance(10ms);
  EXPECT_EQ(store.client().Call(Command("RPUSH", "q", "x"))->AsInteger(), 1);
  EXPECT_EQ(store.client().Call(Command("LLEN", "q"))->AsInteger(), 1);
}

TEST_F(SimulatedNetwork, ConnectionsOfOnesOwn) {
  Open();
  const Store store = network_->Join("a");
  const std::vector<std::string> keys = {"k"};
  int reads = 0;
  const auto body = [&](Connection& connection) -> Result<std::vector<Command>> {
    const Result<Reply> old = connection.Call(Command("GET", "k"), {});
    if (!old) return std::unexpected(old.error());
    if (++reads == 1) network_->store()->client().Call(Command("SET", "k", "5")).value();
    return std::vector<Command>{Command("SET", "k", old->AsInteger().value_or(0) + 1)};
  };
  EXPECT_TRUE(store.client().Transaction(keys, body).has_value());
  EXPECT_EQ(reads, 2);
  EXPECT_EQ(Stored("k").text(), "6");
  auto own = store.client().Reserve();
  network_->Break("a");
  EXPECT_EQ((*own)->Call(Command("PING"), {}).error().code, Errc::kClosed);
  network_->Crash();
  EXPECT_EQ(store.client().Reserve().error().code, Errc::kUnreachable);
}

TEST_F(SimulatedNetwork, DeadlinesAndTokensBeforeSending) {
  Open();
  const Store store = network_->Join("a");
  EXPECT_EQ(store.client().Call(Command("PING"), {.timeout = 0ms}).error().code, Errc::kTimeout);
  std::stop_source stop;
  stop.request_stop();
  const auto cancelled = store.client().Call(Command("PING"), {.stop = stop.get_token()});
  EXPECT_EQ(cancelled.error().code, Errc::kCancelled);
  EXPECT_FALSE(cancelled.error().may_have_applied);
  EXPECT_EQ(store.client().Call(Command("SELECT", "1")).error().code, Errc::kInvalid);
}

TEST_F(SimulatedNetwork, CallsUnderWayAreLimited) {
  Open();
  const Store store = network_->Join("a");
  network_->Partition("a");
  const auto count_limited = [&](int calls) {
    int limited = 0;
    for (int i = 0; i < calls; ++i) {
      store.client().Start(Command("PING"), {}, [&limited](Result<Reply> reply) {
        if (reply.error().code == Errc::kLimit) ++limited;
      });
    }
    const int at_once = limited;
    network_->Kill("a");
    return at_once;
  };
  EXPECT_EQ(count_limited(65'537), 1);
}

// Each connection that is tracked is an epoch; behind a partition nothing is told, nor that it is
// there.
TEST_F(SimulatedNetwork, ChangesAreToldByAConnectionOfTheirOwn) {
  Open({.delay_min = 1ms, .delay_max = 1ms, .timeout = 100ms});
  const Store store = network_->Join("a");
  std::vector<std::string> told;
  std::vector<std::uint64_t> epochs;
  auto tracking = store.client().Track({}, [&](const Invalidation& invalidation) {
    told.insert(told.end(), invalidation.keys.begin(), invalidation.keys.end());
    if (invalidation.kind == Invalidation::Kind::kEpoch) epochs.push_back(invalidation.epoch);
  });
  ASSERT_TRUE(tracking);
  EXPECT_EQ((*tracking)->epoch(), 0u);
  EXPECT_FALSE((*tracking)->Call(Command("GET", "k")));
  time_.Advance(2ms);
  EXPECT_EQ((*tracking)->epoch(), 1u);
  const auto change = [&] { network_->store()->client().Call(Command("INCR", "k")).value(); };
  const auto read = [&] { return (*tracking)->Call(Command("GET", "k")); };
  ASSERT_TRUE(read());
  change();
  EXPECT_TRUE(told.empty());
  time_.Advance(1ms);
  EXPECT_EQ(told.size(), 1u);

  ASSERT_TRUE(read());
  network_->Partition("a");
  change();
  time_.Advance(1s);
  EXPECT_EQ(told.size(), 1u);
  EXPECT_EQ((*tracking)->epoch(), 1u);
  network_->Heal("a");
  time_.Advance(1ms);
  EXPECT_EQ(told.size(), 2u);

  network_->Break("a");
  EXPECT_EQ((*tracking)->epoch(), 0u);
  time_.Advance(22ms);
  EXPECT_EQ((*tracking)->epoch(), 2u);

  // A store that crashed behind a partition is noticed by the first read behind it.
  network_->Partition("a");
  network_->Restart().value();
  network_->Heal("a");
  time_.Advance(1s);
  EXPECT_EQ((*tracking)->epoch(), 2u);
  EXPECT_FALSE(read());
  EXPECT_EQ((*tracking)->epoch(), 0u);
  network_->Crash();
  time_.Advance(1s);
  EXPECT_EQ((*tracking)->epoch(), 0u);
  network_->Restart().value();
  time_.Advance(22ms);
  EXPECT_EQ((*tracking)->epoch(), 3u);
  network_->Kill("a");
  EXPECT_EQ(epochs, (std::vector<std::uint64_t>{1, 0, 2, 0, 3, 0}));
}

TEST_F(SimulatedNetwork, AStoreOutlivesItsNetwork) {
  Open();
  const Store store = network_->Join("a");
  std::optional<Result<Reply>> waits;
  Start(store, Command("BLPOP", "q", 0), &waits, {.timeout = 10s});
  time_.Advance(10ms);
  network_.reset();
  EXPECT_EQ(waits->error().code, Errc::kClosed);
  EXPECT_EQ(store.client().Call(Command("PING")).error().code, Errc::kClosed);
}

// A run with all the faults there are, as text.
std::string Trace(std::uint64_t seed) {
  VirtualTime time;
  const LinkOptions link{.slow_part = 0.1,
                         .break_request_part = 0.05,
                         .break_reply_part = 0.05,
                         .connections = 3,
                         .timeout = 50ms};
  auto network = Network::Open(time, {.seed = seed, .link = link}).value();
  std::string trace;
  network->Watch([&](const NetworkEvent& event) { trace += ToString(event) + "\n"; });
  SeededRandom random(seed);
  std::vector<Store> stores;
  for (const char* name : {"a", "b", "c"}) stores.push_back(network->Join(name));
  for (int i = 0; i < 200; ++i) {
    const Store& store = stores[random.Below(stores.size())];
    const Command get("CACHE.GET", "k" + std::to_string(random.Below(3)), "LEASE", 1000);
    const Command wait("BLPOP", "q", "0.02");
    const Command push("RPUSH", "q", i);
    store.client().Start(random.Chance(0.5) ? get : (random.Chance(0.5) ? wait : push), {},
                         [](Result<Reply>) {});
    if (random.Chance(0.05)) network->Partition("b");
    if (random.Chance(0.1)) network->Heal("b");
    if (random.Chance(0.02)) network->Break("a");
    if (random.Chance(0.01)) network->Restart().value();
    time.Advance(random.Between(0ms, 3ms));
  }
  time.Advance(1s);
  return trace;
}

TEST(SimulatedNetworks, OneSeedIsOneHistory) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) EXPECT_EQ(Trace(seed), Trace(seed)) << seed;
  EXPECT_NE(Trace(1), Trace(2));
  for (const char* kind : {" failed ", " partition", " break", " restart", "timeout", "closed"})
    EXPECT_NE(Trace(1).find(kind), std::string::npos) << kind;
}

}  // namespace
}  // namespace cairn::cache
