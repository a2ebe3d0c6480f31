// SPDX-License-Identifier: BSD-3-Clause
// Goal: every message that Publish counts for a subscriber comes to it once, in order, and no other
// comes. By cases at one desk, then with publishers and subscribing workers on threads of their
// own, where the sum of what Publish returned must be what arrived.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "base/thread.h"
#include "pubsub/desk.h"

namespace cairn::pubsub {
namespace {

class Client final : public Subscriber {
 public:
  void Deliver(std::string_view header, const BlobRef& tail) override {
    got.push_back("*" + std::string(header) + std::string(tail.get()->view()));
  }
  void OnLost() override { lost += 1; }
  std::vector<std::string> got;
  int lost = 0;
};

// An exchange of `workers` desks whose doorbells are counted.
struct House {
  explicit House(std::size_t workers = 1, std::size_t deliveries_max = Inbox::kDeliveriesMax,
                 std::size_t bytes_max = Inbox::kBytesMax)
      : exchange({.worker_count = workers,
                  .hash_seed = 7,
                  .inbox_deliveries_max = deliveries_max,
                  .inbox_bytes_max = bytes_max,
                  .wake = [this](std::size_t) { ++wakes; }}) {
    for (std::size_t i = 0; i < workers; ++i) desks.push_back(std::make_unique<Desk>(exchange, i));
  }
  Desk& desk() { return *desks[0]; }
  std::atomic<int> wakes{0};
  Exchange exchange;
  std::vector<std::unique_ptr<Desk>> desks;
};

std::string Message(std::string_view channel, std::string_view payload) {
  const auto bulk = [](std::string_view text) {
    return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
  };
  return "*3\r\n" + bulk("message") + bulk(channel) + bulk(payload);
}

TEST(Pubsub, NobodyListens) {
  House house;
  EXPECT_EQ(house.exchange.Publish("a", "x"), 0u);
  EXPECT_EQ(house.exchange.PublishToShard("a", "x"), 0u);
  EXPECT_EQ(house.wakes, 0);
}

TEST(Pubsub, EachKindGetsItsOwnForm) {
  House house;
  Client client;
  EXPECT_TRUE(house.desk().Subscribe(client, Kind::kChannel, "news"));
  EXPECT_FALSE(house.desk().Subscribe(client, Kind::kChannel, "news"));
  EXPECT_TRUE(house.desk().Subscribe(client, Kind::kPattern, "n*"));
  EXPECT_TRUE(house.desk().Subscribe(client, Kind::kShard, "news"));
  EXPECT_EQ(house.exchange.Publish("news", "hello"), 2u);
  EXPECT_EQ(house.exchange.PublishToShard("news", ""), 1u);
  EXPECT_EQ(house.exchange.Publish("xyz", "hello"), 0u);
  EXPECT_EQ(house.wakes, 1) << "once for all that waits";
  EXPECT_TRUE(house.desk().pending());
  EXPECT_TRUE(house.desk().Drain(100));
  EXPECT_FALSE(house.desk().pending());
  const std::vector<std::string> wanted = {
      Message("news", "hello"),
      "*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$5\r\nhello\r\n",
      "*3\r\n$8\r\nsmessage\r\n$4\r\nnews\r\n$0\r\n\r\n",
  };
  EXPECT_EQ(client.got, wanted);
}

TEST(Pubsub, UnsubscribingBringsWhatWasOnItsWay) {
  House house;
  Client client;
  house.desk().Subscribe(client, Kind::kChannel, "a");
  house.exchange.Publish("a", "1");
  EXPECT_TRUE(house.desk().Unsubscribe(client, Kind::kChannel, "a"));
  EXPECT_FALSE(house.desk().Unsubscribe(client, Kind::kChannel, "a"));
  EXPECT_EQ(client.got, std::vector<std::string>{Message("a", "1")});
  EXPECT_EQ(house.exchange.Publish("a", "2"), 0u);
}

TEST(Pubsub, ALateSubscriberGetsNothingOlder) {
  House house;
  Client first;
  Client second;
  house.desk().Subscribe(first, Kind::kChannel, "a");
  house.exchange.Publish("a", "1");
  house.desk().Subscribe(second, Kind::kChannel, "a");
  EXPECT_EQ(house.exchange.Publish("a", "2"), 2u);
  house.desk().DrainAll();
  EXPECT_EQ(first.got, (std::vector<std::string>{Message("a", "1"), Message("a", "2")}));
  EXPECT_EQ(second.got, std::vector<std::string>{Message("a", "2")});
}

TEST(Pubsub, SomebodyLeavesWhileAMessageIsHalfHandedOut) {
  House house;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<Client>());
    house.desk().Subscribe(*clients.back(), Kind::kChannel, "a");
  }
  house.exchange.Publish("a", "1");
  EXPECT_FALSE(house.desk().Drain(2));  // counts the message, too
  house.desk().Leave(*clients[0]);      // was served
  house.desk().Leave(*clients[4]);      // was not
  EXPECT_TRUE(house.desk().Drain(100));
  EXPECT_EQ(house.exchange.Publish("a", "2"), 3u);
  EXPECT_TRUE(house.desk().Drain(100));
  for (const std::size_t i : {1u, 2u, 3u}) EXPECT_EQ(clients[i]->got.size(), 2u) << i;
  EXPECT_EQ(clients[4]->got.size(), 0u);
  for (const std::size_t i : {1u, 2u}) house.desk().Unsubscribe(*clients[i], Kind::kChannel, "a");
  house.exchange.Publish("a", "3");
  house.desk().Drain(1);
  house.desk().Leave(*clients[3]);
  EXPECT_TRUE(house.desk().Drain(100));
  EXPECT_EQ(house.exchange.NameCount(Kind::kChannel), 0u);
}

TEST(Pubsub, WhatPubsubTells) {
  House house(2);
  Client a;
  Client b;
  house.desks[0]->Subscribe(a, Kind::kChannel, "one");
  house.desks[1]->Subscribe(b, Kind::kChannel, "one");
  house.desks[1]->Subscribe(b, Kind::kChannel, "two");
  house.desks[1]->Subscribe(b, Kind::kShard, "one");
  house.desks[0]->Subscribe(a, Kind::kPattern, "*");
  house.desks[1]->Subscribe(b, Kind::kPattern, "*");
  EXPECT_EQ(house.exchange.NameCount(Kind::kChannel), 2u);
  EXPECT_EQ(house.exchange.NameCount(Kind::kPattern), 1u);
  EXPECT_EQ(house.exchange.NameCount(Kind::kShard), 1u);
  EXPECT_EQ(house.exchange.SubscriberCount(Kind::kChannel, "one"), 2u);
  EXPECT_EQ(house.exchange.SubscriberCount(Kind::kShard, "one"), 1u);
  EXPECT_EQ(house.exchange.SubscriberCount(Kind::kShard, "two"), 0u);
  EXPECT_EQ(house.exchange.Names(Kind::kChannel, "t*", false), std::vector<std::string>{"two"});
  EXPECT_EQ(house.exchange.Names(Kind::kChannel, "", true).size(), 2u);
  house.desks[0]->Leave(a);
  house.desks[1]->Leave(b);
  EXPECT_EQ(house.exchange.NameCount(Kind::kPattern), 0u);
  EXPECT_EQ(house.exchange.Publish("one", "x"), 0u);
}

TEST(Pubsub, AFullInboxDropsAndTells) {
  House house(1, 3);
  Client client;
  house.desk().Subscribe(client, Kind::kChannel, "a");
  for (int i = 0; i < 3; ++i) house.exchange.Publish("a", "x");
  house.desk().DrainAll();
  EXPECT_EQ(client.lost, 0);
  EXPECT_EQ(client.got.size(), 3u);
  for (int i = 0; i < 4; ++i) house.exchange.Publish("a", "x");
  house.desk().DrainAll();
  EXPECT_EQ(client.lost, 1);
  house.exchange.Publish("a", "x");
  house.desk().DrainAll();
  EXPECT_EQ(client.lost, 1);
}

// The server's trash, which takes large blobs, goes before its exchange does.
TEST(Pubsub, WhatWaitsGoesWithTheDesk) {
  class Taker final : public BlobTaker {
   public:
    void Take(Blob* blob) override {
      taken += 1;
      BlobRef last(blob);
      blob->Release();
    }
    int taken = 0;
  };
  Taker taker;
  House house(2);
  Client client;
  house.desks[1]->Subscribe(client, Kind::kChannel, "a");
  const std::string text = "$1\r\na\r\n$1\r\nx\r\n";
  Blob* blob = Blob::Create(text, text.size(), text.size());
  blob->HandTo(&taker);
  const std::string_view tail = blob->view();
  house.exchange.Publish(tail.substr(4, 1), tail.substr(11, 1), [&] { return blob; });
  EXPECT_EQ(taker.taken, 0);
  house.desks.clear();
  EXPECT_EQ(taker.taken, 1);
}

TEST(Pubsub, BytesLimitLetsOneMessagePassHoweverLarge) {
  House house(1, Inbox::kDeliveriesMax, 1000);
  Client client;
  house.desk().Subscribe(client, Kind::kChannel, "a");
  house.exchange.Publish("a", std::string(5000, 'x'));
  house.desk().DrainAll();
  EXPECT_EQ(client.lost, 0);
  house.exchange.Publish("a", std::string(600, 'x'));
  house.exchange.Publish("a", std::string(600, 'x'));
  house.desk().DrainAll();
  EXPECT_EQ(client.lost, 1);
}

// Publishers send numbered messages to channels while workers' clients come and go. Each client
// checks that what it gets of one publisher only ever rises, and that nothing comes while it is
// not subscribed.
constexpr int kPublishers = 3;
constexpr int kMessages = 4000;
constexpr int kWorkers = 3;
constexpr int kClientsPerWorker = 4;
const std::string kChannels[] = {"c0", "c1", "c2"};

class Checker final : public Subscriber {
 public:
  void Deliver(std::string_view header, const BlobRef& tail) override {
    ++count;
    const std::string_view bytes = tail.get()->view();
    const std::size_t colon = bytes.rfind(':');
    const std::size_t begin = bytes.rfind('\n', colon) + 1;
    const std::string source(bytes.substr(begin, colon - begin));
    const std::string_view number = bytes.substr(colon + 1, bytes.size() - colon - 3);
    const std::int64_t n = ParseInt64(number).value_or(-1);
    // Channel and pattern of one client each bring the message.
    std::int64_t& last = last_of[source + (header.starts_with('4') ? "/p" : "/c")];
    if (n <= last) ++errors;
    last = n;
    if (empty()) ++errors;
  }
  void OnLost() override { ++errors; }
  std::map<std::string, std::int64_t> last_of;
  std::int64_t count = 0;
  int errors = 0;
};

void Publishing(House& house, int publisher, std::atomic<std::int64_t>& counted) {
  for (int i = 1; i <= kMessages; ++i) {
    counted += static_cast<std::int64_t>(house.exchange.Publish(
        kChannels[i % 3], std::to_string(publisher) + ":" + std::to_string(i)));
  }
}

void Working(House& house, std::size_t worker, const std::atomic<bool>& done,
             std::atomic<std::int64_t>& arrived, std::atomic<int>& errors) {
  Random random(worker + 1);
  Desk& desk = *house.desks[worker];
  std::vector<std::unique_ptr<Checker>> clients;
  for (int i = 0; i < kClientsPerWorker; ++i) clients.push_back(std::make_unique<Checker>());
  while (!done.load()) {
    Checker& client = *clients[random.Below(kClientsPerWorker)];
    const bool pattern = random.Below(3) == 0;
    const std::string name = pattern ? "c[0-2]" : kChannels[random.Below(3)];
    const Kind kind = pattern ? Kind::kPattern : Kind::kChannel;
    if (!desk.Subscribe(client, kind, name) && random.Below(2) == 0)
      desk.Unsubscribe(client, kind, name);
    desk.Drain(random.Below(5));
  }
  desk.DrainAll();
  for (const std::unique_ptr<Checker>& client : clients) {
    desk.Leave(*client);
    arrived += client->count;
    errors += client->errors;
  }
}

TEST(Pubsub, NothingIsLostOrDoubledAmongThreads) {
  House house(kWorkers);
  std::atomic<std::int64_t> counted{0};
  std::atomic<std::int64_t> arrived{0};
  std::atomic<int> errors{0};
  std::atomic<bool> done{false};
  std::vector<Thread> workers;
  for (std::size_t i = 0; i < kWorkers; ++i)
    workers.emplace_back("worker", [&, i] { Working(house, i, done, arrived, errors); });
  std::vector<Thread> publishers;
  for (int i = 0; i < kPublishers; ++i)
    publishers.emplace_back("publisher", [&, i] { Publishing(house, i, counted); });
  for (Thread& thread : publishers) thread.Join();
  done.store(true);
  for (Thread& thread : workers) thread.Join();
  EXPECT_EQ(errors, 0);
  EXPECT_EQ(counted, arrived);
  EXPECT_EQ(house.exchange.NameCount(Kind::kChannel), 0u);
  EXPECT_EQ(house.exchange.NameCount(Kind::kPattern), 0u);
}

}  // namespace
}  // namespace cairn::pubsub
