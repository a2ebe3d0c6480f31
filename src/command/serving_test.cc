// SPDX-License-Identifier: BSD-3-Clause
// Blocking without sockets: sessions that may wait, a command that takes strings, and who gets
// what when a key is filled, moved, flushed or swapped.
#include "command/serving.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/thread.h"
#include "command/runner.h"

namespace cairn::command {
namespace {

using keyspace::Access;
using keyspace::Found;

void Put(Call& call) {
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    const Found found = call.txn().Find(call.key(n), Access::kWrite);
    call.txn().SetString(call.key(n), found, call.arg(2 + 2 * n), keyspace::Ttl::kDrop);
  }
  call.LogVerbatim();
  call.reply().Ok();
}

// TAKE key [key ...]: the value of the first key that has one, which goes.
void Take(Call& call) {
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    Found found = call.txn().Find(call.key(n), Access::kWrite);
    if (!found) continue;
    call.reply().Bulk(found.entry->value());
    call.txn().Remove(call.key(n), found);
    call.txn().Log({"DEL", call.key(n).name});
    return;
  }
  call.Block(keyspace::Type::kString, 0, TimeoutReply::kNullArray);
}

// PASS from to: as BLMOVE.
void Pass(Call& call) {
  Found found = call.txn().Find(call.key(0), Access::kWrite);
  if (!found) return call.Block(keyspace::Type::kString, 0, TimeoutReply::kNull);
  const std::string value(found.entry->value());
  call.txn().Remove(call.key(0), found);
  call.txn().SetString(call.key(1), call.txn().Find(call.key(1), Access::kWrite), value,
                       keyspace::Ttl::kDrop);
  call.LogVerbatim();
  call.reply().Bulk(value);
}

void Swap(Call& call) {
  call.txn().SwapDatabases(DbId(0), DbId(1));
  call.reply().Ok();
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "PUT key value [key value ...]",
          .access = "OW UPDATE",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kWrite,
          .complexity = "O(1)",
          .summary = "Puts.",
          .run = &Put}),
    Spec({.syntax = "TAKE key [key ...]",
          .access = "RW ACCESS DELETE",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kWrite | kBlocking,
          .complexity = "O(1)",
          .summary = "Takes.",
          .run = &Take}),
    Spec({.syntax = "PASS source destination",
          .access = "RW ACCESS DELETE; RW INSERT",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kWrite | kBlocking,
          .complexity = "O(1)",
          .summary = "Passes on.",
          .run = &Pass}),
    Spec({.syntax = "SWAP",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kWrite | kAllStripes,
          .complexity = "O(1)",
          .summary = "Swaps the first two databases.",
          .run = &Swap}),
};

class Client final : public Session {
 public:
  Client(Shared& shared, std::uint64_t id) : Session(ClientId(id), id), runner_(shared, id) {}

  std::string Execute(std::vector<std::string_view> args) {
    resp::Writer reply(buffer_, 2);
    runner_.Run(*this, args, reply);
    std::string bytes = buffer_.ToString();
    buffer_.Clear();
    return bytes;
  }
  bool may_block() const override { return true; }
  void OnParked(const std::shared_ptr<Parked>& parked, std::int64_t) override {
    answered_.store(false);
    parked->on_answered = [this](const std::shared_ptr<Parked>&) { answered_.store(true); };
    parked_ = parked;
  }
  // What it was given while it waited; "" if it still waits.
  std::string Answer() {
    if (!answered_.load()) return "";
    return parked_->reply().ToString();
  }
  std::shared_ptr<Parked> parked() { return parked_; }
  bool answered() const { return answered_.load(); }

 private:
  Runner runner_;
  resp::ReplyBuffer buffer_;
  std::shared_ptr<Parked> parked_;
  std::atomic<bool> answered_{false};
};

class ServingTest : public ::testing::Test {
 protected:
  Client& New() {
    clients_.push_back(std::make_unique<Client>(shared_, clients_.size() + 1));
    return *clients_.back();
  }
  bool AnyInterest() {
    for (std::size_t i = 0; i < keyspace_.stripe_count(); ++i) {
      if (keyspace_.stripe(StripeId(static_cast<std::uint16_t>(i))).interest != nullptr)
        return true;
    }
    return false;
  }

  ManualClock clock_{1'700'000'000'000'000};
  keyspace::Keyspace keyspace_{clock_, {}};
  const CommandTable table_{std::vector<std::span<const Spec>>{kSpecs}};
  Shared shared_{.keyspace = keyspace_, .table = table_, .gates = {}};
  std::vector<std::unique_ptr<Client>> clients_;
};

TEST_F(ServingTest, FirstComeFirstServed) {
  Client& a = New();
  Client& b = New();
  Client& pusher = New();
  EXPECT_EQ(a.Execute({"TAKE", "k"}), "");
  EXPECT_EQ(b.Execute({"TAKE", "other", "k"}), "");
  EXPECT_EQ(pusher.Execute({"PUT", "k", "1"}), "+OK\r\n");
  EXPECT_EQ(a.Answer(), "$1\r\n1\r\n");
  EXPECT_EQ(b.Answer(), "");
  pusher.Execute({"PUT", "k", "2"});
  EXPECT_EQ(b.Answer(), "$1\r\n2\r\n");
  EXPECT_FALSE(AnyInterest());
}

TEST_F(ServingTest, AnOlderWaiterWithMoreKeysComesFirst) {
  Client& a = New();
  Client& b = New();
  Client& pusher = New();
  a.Execute({"TAKE", "x", "y", "k"});  // its stripes are not held by who puts k alone
  b.Execute({"TAKE", "k"});
  pusher.Execute({"PUT", "k", "1"});
  EXPECT_EQ(a.Answer(), "$1\r\n1\r\n");
  EXPECT_EQ(b.Answer(), "");
  pusher.Execute({"PUT", "x", "2", "k", "3"});
  EXPECT_EQ(b.Answer(), "$1\r\n3\r\n");
  EXPECT_FALSE(AnyInterest());
}

TEST_F(ServingTest, WhatServingMakesReadyIsServedInTurn) {
  Client& mover = New();
  Client& taker = New();
  Client& pusher = New();
  mover.Execute({"PASS", "a", "b"});
  taker.Execute({"TAKE", "b"});
  pusher.Execute({"PUT", "a", "v"});
  EXPECT_EQ(mover.Answer(), "$1\r\nv\r\n");
  EXPECT_EQ(taker.Answer(), "$1\r\nv\r\n");
  EXPECT_FALSE(AnyInterest());
}

TEST_F(ServingTest, SwappingDatabasesWakes) {
  Client& waiter = New();
  Client& pusher = New();
  waiter.set_db(DbId(1));
  waiter.Execute({"TAKE", "k"});
  pusher.Execute({"PUT", "k", "v"});
  EXPECT_EQ(waiter.Answer(), "");
  pusher.Execute({"SWAP"});
  EXPECT_EQ(waiter.Answer(), "$1\r\nv\r\n");
}

TEST_F(ServingTest, OneWhoLeavesIsNotServed) {
  Client& a = New();
  Client& b = New();
  a.Execute({"TAKE", "k", "k", "x"});
  b.Execute({"TAKE", "k"});
  EXPECT_TRUE(Unpark(keyspace_, *a.parked()));
  EXPECT_FALSE(Unpark(keyspace_, *a.parked()));
  New().Execute({"PUT", "k", "v"});
  EXPECT_EQ(a.Answer(), "");
  EXPECT_EQ(b.Answer(), "$1\r\nv\r\n");
  EXPECT_FALSE(AnyInterest());
}

TEST_F(ServingTest, MoreWaitersThanOneHoldServes) {
  constexpr std::size_t kCount = 2 * Serving::kServedPerHoldMax + 3;
  std::vector<Client*> waiters;
  for (std::size_t i = 0; i < kCount; ++i) waiters.push_back(&New());
  // A chain: each takes from one key and fills the next.
  for (std::size_t i = 0; i < kCount; ++i) {
    const std::string from = "{c}" + std::to_string(i);
    const std::string to = "{c}" + std::to_string(i + 1);
    waiters[i]->Execute({"PASS", from, to});
  }
  New().Execute({"PUT", "{c}0", "v"});
  for (std::size_t i = 0; i < kCount; ++i) EXPECT_TRUE(waiters[i]->answered()) << i;
  EXPECT_FALSE(AnyInterest());
}

// Threads put and take on keys of many stripes; every value put is taken once.
TEST_F(ServingTest, EveryValueIsTakenOnceAcrossThreads) {
  constexpr int kTakers = 3;
  constexpr int kPutters = 2;
  constexpr int kRounds = 400;
  std::vector<std::vector<std::string>> taken(kTakers);
  std::vector<Thread> threads;
  std::atomic<int> left = kPutters * kRounds;
  for (int t = 0; t < kTakers; ++t) {
    Client& client = New();
    threads.emplace_back("taker", [&, t] {
      while (left.load() > 0) {
        std::string got =
            t == 0 ? client.Execute({"TAKE", "q0", "q1"}) : client.Execute({"TAKE", "q1", "q0"});
        if (got.empty()) {
          while (!client.answered() && left.load() > 0) Thread::Yield();
          if (!client.answered() && Unpark(keyspace_, *client.parked())) break;
          while (!client.answered()) Thread::Yield();
          got = client.Answer();
        }
        taken[static_cast<std::size_t>(t)].push_back(got);
        left.fetch_sub(1);
      }
    });
  }
  for (int p = 0; p < kPutters; ++p) {
    Client& client = New();
    threads.emplace_back("putter", [&, p] {
      const std::string key = "q" + std::to_string(p);
      for (int i = 0; i < kRounds; ++i) {
        // A string holds one value: it waits until the last one was taken.
        const keyspace::KeyRef ref = keyspace_.Ref(key);
        while (true) {
          keyspace::KeyLocks locks(keyspace_);
          locks.AcquireStripe(ref.stripe);
          const bool free = !keyspace::internal::Lookup(keyspace_.stripe(ref.stripe), DbId(0), ref);
          locks.Release();
          if (free) break;
          Thread::Yield();
        }
        const std::string value = key + '-' + std::to_string(i);
        client.Execute({"PUT", key, value});
      }
    });
  }
  for (Thread& thread : threads) thread.Join();
  std::vector<std::string> all;
  for (const auto& some : taken) all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kPutters * kRounds));
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
}

}  // namespace
}  // namespace cairn::command
