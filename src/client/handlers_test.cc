// SPDX-License-Identifier: BSD-3-Clause
// Handlers of messages and of invalidations that end what they are called by, and those that are
// missing.
#include "client/handlers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "client/remote_client.h"
#include "client/test_server.h"

namespace cairn::client {
namespace {

using cache::Command;
using cache::Errc;
using cache::Invalidation;
using cache::Message;
using cache::Result;
using Words = TestServer::Words;
using Peer = TestServer::Peer;

constexpr std::int64_t kPatienceUs = 10'000'000;  // for what comes at once

// Confirms, and on SEND says its message or invalidation to all who listen; on CUT their
// connections end.
class Sender {
 public:
  Sender()
      : server_([this](Peer& peer, const Words& words) { Answer(peer, words); }),
        client_(RemoteClient::Open(Uri::Parse("redis://" + server_.place()).value(), {}).value()) {}

  RemoteClient& client() { return *client_; }
  void Tell(std::string_view how) { client_->Call(Command(how), {}).value(); }

 private:
  void Answer(Peer& peer, const Words& words) {
    if (Greets(peer, words)) return;
    if (words[0] == "SUBSCRIBE") {
      listeners_.emplace_back(&peer, ">3\r\n+message\r\n+c\r\n+m\r\n");
      return peer.Send(">3\r\n+subscribe\r\n+c\r\n:1\r\n");
    }
    const bool is_tracking = words.size() > 1 && words[1] == "TRACKING";
    if (is_tracking)
      listeners_.emplace_back(&peer, ">2\r\n+invalidate\r\n_\r\n>2\r\n+invalidate\r\n_\r\n");
    if (words[0] == "CUT") {
      for (const auto& [listener, message] : std::exchange(listeners_, {})) listener->Close();
    }
    if (words[0] == "SEND") {
      for (const auto& [listener, message] : listeners_) listener->Send(message);
    }
    peer.Send("+OK\r\n");
  }

  std::vector<std::pair<Peer*, std::string>> listeners_;  // the server's thread
  TestServer server_;
  std::unique_ptr<RemoteClient> client_;
};

TEST(Handlers, MayEndTheirSubscription) {
  Sender sender;
  Event is_ended;
  std::atomic<int> heard{0};
  std::atomic<long> holders{0};
  const auto body = std::make_shared<int>(0);
  Result<std::unique_ptr<cache::Subscription>> subscription;
  subscription = sender.client().Subscribe(
      {.channels = {"c"}}, [&subscription, &heard, &holders, &is_ended,
                            body = std::weak_ptr<int>(body), kept = body](const Message&) {
        heard.fetch_add(1);
        subscription->reset();
        holders.store(body.use_count());
        is_ended.Notify();
      });
  ASSERT_TRUE(subscription);
  Event is_last;
  const auto other =
      sender.client().Subscribe({.channels = {"c"}}, [&](const Message&) { is_last.Notify(); });
  for (int i = 0; i < 2; ++i) {
    sender.Tell("SEND");
    ASSERT_TRUE(is_last.WaitFor(kPatienceUs));
  }
  ASSERT_TRUE(is_ended.WaitFor(kPatienceUs)) << "another connection: in no order";
  EXPECT_EQ(heard.load(), 1);
  EXPECT_EQ(holders.load(), 2) << "the handler lived until it had returned";
}

TEST(Handlers, OnGapMayEndItsSubscription) {
  Sender sender;
  Result<std::unique_ptr<cache::Subscription>> subscription;
  Event is_ended;
  subscription = sender.client().Subscribe({.channels = {"c"},
                                            .on_gap =
                                                [&] {
                                                  subscription->reset();
                                                  is_ended.Notify();
                                                }},
                                           [](const Message&) {});
  ASSERT_TRUE(subscription);
  sender.Tell("CUT");
  EXPECT_TRUE(is_ended.WaitFor(kPatienceUs));
}

// By what it is told; then, of another, when its connection is lost, and when there is a new one.
TEST(Handlers, MayEndTheirTracking) {
  using Kind = Invalidation::Kind;
  for (const auto& [how, kind, epoch] :
       {std::tuple("SEND", Kind::kAll, 1u), std::tuple("CUT", Kind::kEpoch, 0u),
        std::tuple("CUT", Kind::kEpoch, 2u)}) {
    Sender sender;
    std::atomic<int> told{0};
    std::atomic<long> holders{0};
    Event is_ended;
    const auto body = std::make_shared<int>(0);
    Result<std::unique_ptr<cache::Tracking>> tracking;
    tracking = sender.client().Track(
        {}, [&, wanted = kind, its_epoch = epoch, weak = std::weak_ptr<int>(body),
             kept = body](const Invalidation& invalidation) {
          if (invalidation.kind != wanted || invalidation.epoch != its_epoch) return;
          told.fetch_add(1);
          // What the handler holds is gone with it, if it is.
          const auto copy = weak;
          Event& ended = is_ended;
          std::atomic<long>& count = holders;
          tracking->reset();
          count.store(copy.use_count());
          ended.Notify();
        });
    ASSERT_TRUE(tracking);
    sender.Tell(how);
    ASSERT_TRUE(is_ended.WaitFor(kPatienceUs));
    EXPECT_EQ(holders.load(), 2) << "the handler lived until it had returned";
    EXPECT_TRUE(sender.client().Call(Command("PING"), {}));
    EXPECT_EQ(told.load(), 1);
  }
}

TEST(Handlers, NothingWithoutThem) {
  Sender sender;
  const auto hear = [](const Message&) {};
  EXPECT_EQ(sender.client().Subscribe({}, hear).error().code, Errc::kInvalid);
  EXPECT_EQ(sender.client().Subscribe({.channels = {"c"}}, nullptr).error().code, Errc::kInvalid);
  EXPECT_EQ(sender.client().Track({}, nullptr).error().code, Errc::kInvalid);
}

}  // namespace
}  // namespace cairn::client
