// SPDX-License-Identifier: BSD-3-Clause
// The client's limits: what is at one is taken, what is beyond is told kLimit, and then goes on.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "client/channel.h"
#include "client/channel_pool.h"
#include "client/remote_client.h"
#include "client/subscriber.h"
#include "client/test_server.h"
#include "client/wire.h"

namespace cairn::client {
namespace {

using cache::Command;
using cache::Errc;
using cache::Reply;
using cache::Result;
using Words = TestServer::Words;
using Peer = TestServer::Peer;

// What the documents say. Two of them are tried with less below, or with their own.
static_assert(Channel::kRequestsMax == 1 << 20);
static_assert(ChannelPool::kChannelsMax == 1024);
static_assert(Subscriber::kQueuedMax == 65'536);

constexpr std::int64_t kPatienceUs = 60'000'000;  // for what comes at once

void RunThere(Reactor& reactor, std::function<void()> work) {
  Event done;
  reactor.loop().PostOwed([&] {
    work();
    done.Notify();
  });
  while (!done.WaitFor(INT64_MAX / 2)) {
  }
}

RequestPtr Get(std::vector<std::string>* told) {
  auto request = std::make_shared<Request>();
  AppendCommand(Command("GET", "k"), &request->bytes);
  request->done_one = [told](Result<Reply> reply) {
    told->push_back(reply ? std::string(reply->text()) : std::string(ErrcName(reply.error().code)));
  };
  return request;
}

// 2^20 requests would take most of a gigabyte, so the channel is given a smaller limit.
TEST(Limits, RequestsOfAChannel) {
  constexpr std::size_t kMax = 100;
  std::atomic<Peer*> peer{nullptr};
  Event all_came;
  std::size_t came = 0;  // the server's thread
  TestServer server([&](Peer& from, const Words& words) {
    if (Greets(from, words)) return;
    peer.store(&from);
    if (++came == kMax) all_came.Notify();
  });
  const auto reactor = Reactor::Start().value();
  std::vector<std::string> told;  // the reactor's thread, or while it waits for us
  const DialPlan plan{.uri = Uri::Parse("redis://" + server.place()).value()};
  auto channel =
      std::make_shared<Channel>(*reactor, plan, Channel::Life::kOnDemand, Channel::Hooks{}, kMax);
  RunThere(*reactor, [&] {
    // Those that wait for the connection count, too.
    for (std::size_t i = 0; i < kMax; ++i) channel->Submit(Get(&told));
    EXPECT_TRUE(told.empty());
    channel->Submit(Get(&told));
    EXPECT_EQ(told, std::vector<std::string>{"limit"});
  });
  all_came.WaitFor(kPatienceUs);
  RunThere(*reactor, [&] {
    told.clear();
    channel->Submit(Get(&told));
    EXPECT_EQ(told, std::vector<std::string>{"limit"});
    told.clear();
  });
  peer.load()->Send("$1\r\nv\r\n");
  bool is_answered = false;
  for (int i = 0; !is_answered && i < 1'000'000; ++i)
    RunThere(*reactor, [&] { is_answered = !told.empty(); });
  RunThere(*reactor, [&] {
    channel->Submit(Get(&told));
    EXPECT_EQ(told, std::vector<std::string>{"v"}) << "there is room for one";
    channel->Submit(Get(&told));
    EXPECT_EQ(told.back(), "limit");
    channel->Close({.code = Errc::kClosed});
    channel.reset();
  });
  EXPECT_EQ(told.size(), kMax + 2);
}

TEST(Limits, ConnectionsOfOnesOwn) {
  TestServer server([](Peer& peer, const Words& words) { Greets(peer, words); });
  const auto client =
      RemoteClient::Open(Uri::Parse("redis://" + server.place()).value(), {}).value();
  std::vector<std::unique_ptr<cache::Connection>> reserved;
  for (std::size_t i = 0; i < ChannelPool::kChannelsMax; ++i) {
    auto one = client->Reserve({}, {});
    ASSERT_TRUE(one) << i;
    reserved.push_back(*std::move(one));
  }
  const auto beyond = client->Reserve({}, {});
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, Errc::kLimit);
  const Result<Reply> waiting = client->Call(Command("BLPOP", "k", 1), {});
  EXPECT_TRUE(!waiting && waiting.error().code == Errc::kLimit) << "waiting commands have the same";
  EXPECT_TRUE(client->Call(Command("PING"), {})) << "others need none";
  reserved.pop_back();
  EXPECT_TRUE(client->Reserve({}, {}));
}

// The handler is held up at the first message, and the server sends `more`. Closing the connection
// tells us that all were read: it is made again behind them.
void SendToABusyHandler(std::size_t more, std::size_t* heard, int* gaps) {
  const std::string message = ">3\r\n+message\r\n+c\r\n+m\r\n";
  int subscriptions = 0;       // the server's thread
  Peer* subscriber = nullptr;  // the server's thread
  Event is_again;
  TestServer server([&](Peer& peer, const Words& words) {
    if (Greets(peer, words)) return;
    if (words[0] == "SUBSCRIBE") {
      peer.Send(">3\r\n+subscribe\r\n+c\r\n:1\r\n");
      subscriber = &peer;
      if (++subscriptions > 1) return is_again.Notify();
      return peer.Send(message);
    }
    peer.Send("+OK\r\n");
    if (words[0] == "LAST") return subscriber->Send(message);
    std::string burst;
    for (std::size_t i = 0; i < more; ++i) burst += message;
    subscriber->Send(burst);
    subscriber->Close();
  });
  const auto client =
      RemoteClient::Open(Uri::Parse("redis://" + server.place()).value(), {}).value();
  Event has_begun;
  Event goes_on;
  Event gap_is_told;
  Event last_is_told;
  std::atomic<std::size_t> count{0};
  std::atomic<bool> is_last{false};
  const auto subscription = client->Subscribe({.channels = {"c"},
                                               .on_gap =
                                                   [&] {
                                                     ++*gaps;
                                                     gap_is_told.Notify();
                                                   }},
                                              [&](const cache::Message&) {
                                                if (is_last.load()) return last_is_told.Notify();
                                                if (count.fetch_add(1) > 0) return;
                                                has_begun.Notify();
                                                goes_on.WaitFor(kPatienceUs);
                                              });
  ASSERT_TRUE(subscription);
  has_begun.WaitFor(kPatienceUs);
  ASSERT_TRUE(client->Call(Command("BURST"), {}));
  is_again.WaitFor(kPatienceUs);
  goes_on.Notify();
  // The new connection is a gap, too, and told behind all messages.
  gap_is_told.WaitFor(kPatienceUs);
  // Behind all gaps that wait.
  is_last.store(true);
  ASSERT_TRUE(client->Call(Command("LAST"), {}));
  EXPECT_TRUE(last_is_told.WaitFor(kPatienceUs));
  *heard = count.load();
}

TEST(Limits, MessagesThatWaitForAHandler) {
  std::size_t heard = 0;
  int gaps = 0;
  SendToABusyHandler(Subscriber::kQueuedMax, &heard, &gaps);
  EXPECT_EQ(heard, 1 + Subscriber::kQueuedMax);
  EXPECT_EQ(gaps, 1);
}

TEST(Limits, MessagesBeyondAreDroppedAndTheGapIsToldOnce) {
  std::size_t heard = 0;
  int gaps = 0;
  SendToABusyHandler(Subscriber::kQueuedMax + 1000, &heard, &gaps);
  EXPECT_EQ(heard, 1 + Subscriber::kQueuedMax);
  EXPECT_EQ(gaps, 1);
}

}  // namespace
}  // namespace cairn::client
