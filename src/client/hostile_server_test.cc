// SPDX-License-Identifier: BSD-3-Clause
// Servers that say what no server should: a call fails in words, the next one is answered, and
// nothing hangs, crashes or goes round for ever.
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/thread.h"
#include "client/cluster_router.h"
#include "client/dial.h"
#include "client/remote_client.h"
#include "client/test_server.h"

namespace cairn::client {
namespace {

using cache::Command;
using cache::Errc;
using cache::Reply;
using cache::Result;
using Words = TestServer::Words;
using Peer = TestServer::Peer;

Result<std::unique_ptr<RemoteClient>> Open(const std::string& text) {
  return RemoteClient::Open(Uri::Parse(text).value(), {});
}

TEST(HostileServer, JunkInsteadOfAReply) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "*1\r\n";
  struct Row {
    std::string name;
    std::string bytes;
    std::string why;
    bool closes = false;
  };
  const std::vector<Row> rows = {
      {"text", "hello world\r\n", "not RESP"},
      {"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "not RESP"},
      {"no type", "\r\n\r\n", "not RESP"},
      {"nested for ever", deep, "not RESP"},
      {"a bulk larger than can be", "$9223372036854775807\r\n", "not RESP"},
      {"a bulk's number too long", "$99999999999999999999999\r\n", "not RESP"},
      {"a bulk of less than nothing", "$-2\r\n", "not RESP"},
      {"an array larger than can be", "*9223372036854775807\r\n", "not RESP"},
      {"an array of less than nothing", "*-7\r\n", "not RESP"},
      {"a map of less than nothing", "%-1\r\n", "not RESP"},
      {"no number", ":12a\r\n", "not RESP"},
      {"a bulk without its end", "$1\r\nvxx\r\n", "not RESP"},
      {"half a bulk", "$5\r\nab", "closed the connection", true},
      {"half an array", "*2\r\n$1\r\na\r\n", "closed the connection", true},
      {"half a line", "+O", "closed the connection", true},
      {"half a line's end", "+OK\r", "closed the connection", true},
      {"nothing", "", "closed the connection", true}};
  std::size_t row = 0;  // set while no command is on its way
  TestServer server([&](Peer& peer, const Words& words) {
    if (Greets(peer, words)) return;
    if (words[1] == "good") return peer.Send("$4\r\ngood\r\n");
    peer.Send(rows[row].bytes);
    if (rows[row].closes) peer.Close();
  });
  const auto client = Open("redis://" + server.place()).value();
  for (; row < rows.size(); ++row) {
    const Result<Reply> read = client->Call(Command("GET", "bad"), {});
    ASSERT_FALSE(read) << rows[row].name;
    EXPECT_EQ(read.error().code, Errc::kClosed) << rows[row].name;
    EXPECT_NE(read.error().detail.find(rows[row].why), std::string::npos)
        << rows[row].name << ": " << read.error().detail;
    EXPECT_FALSE(read.error().may_have_applied) << rows[row].name;
    const Result<Reply> write = client->Call(Command("INCR", "bad"), {});
    EXPECT_TRUE(!write && write.error().may_have_applied) << rows[row].name;
    EXPECT_EQ(client->Call(Command("GET", "good"), {})->text(), "good") << rows[row].name;
  }
}

TEST(HostileServer, PushesAnywhereAreNoReplies) {
  constexpr std::string_view kPush = ">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n";
  std::atomic<int> greetings{0};
  TestServer server([&](Peer& peer, const Words& words) {
    if (words[0] == "HELLO") greetings.fetch_add(1);
    peer.Send(kPush);
    if (!Greets(peer, words)) peer.Send("$1\r\nv\r\n");
    peer.Send(kPush);
  });
  const auto client = Open("redis://" + server.place() + "?name=app").value();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client->Call(Command("GET", "k"), {})->text(), "v");
  const Command two[] = {Command("GET", "k"), Command("GET", "k")};
  for (const Result<Reply>& reply : client->Pipeline(two, {})) EXPECT_EQ(reply->text(), "v");
  EXPECT_EQ(greetings.load(), 1) << "the connection was never given up";
}

// It cannot be known whose it is, so the connection is not used any more.
// Each byte is another wait, and none of them too long.
TEST(HostileServer, GreetingsWithoutEndEnd) {
  for (const std::string_view drop : {"x", ">1\r\n+x\r\n"}) {
    std::atomic<bool> is_over{false};
    TestServer server([&](Peer& peer, const Words&) {
      if (drop == "x") peer.Send("+");
      // relaxed: nothing else is told by it.
      for (int i = 0; i < 20'000 && !is_over.load(std::memory_order_relaxed); ++i) {
        peer.Send(drop);
        ::poll(nullptr, 0, 1);
      }
      peer.Close();
    });
    DialPlan plan{.uri = Uri::Parse("redis://127.0.0.1:" + std::to_string(server.port())).value(),
                  .timeout_ms = 200};
    const Result<Dialed> dialed = Dial(plan, [] { return false; });
    is_over.store(true, std::memory_order_relaxed);
    ASSERT_FALSE(dialed);
    EXPECT_EQ(dialed.error().code, Errc::kUnreachable);
    EXPECT_NE(dialed.error().detail.find("timed out"), std::string::npos) << dialed.error().detail;
  }
}

TEST(HostileServer, AReplyThatNobodyAskedForEndsTheConnection) {
  std::atomic<int> greetings{0};
  TestServer server([&](Peer& peer, const Words& words) {
    if (words[0] == "HELLO") greetings.fetch_add(1);
    if (Greets(peer, words)) return;
    peer.Send(words[1] == "twice" ? "$1\r\na\r\n$1\r\nb\r\n" : "$1\r\nc\r\n");
  });
  const auto client = Open("redis://" + server.place()).value();
  for (int i = 0; i < 5; ++i) {
    const int before = greetings.load();
    EXPECT_EQ(client->Call(Command("GET", "twice"), {})->text(), "a");
    // The second reply was in the same bytes: it is found before the next call is made.
    EXPECT_EQ(client->Call(Command("GET", "once"), {})->text(), "c");
    EXPECT_EQ(greetings.load(), before + 1);
  }
}

// ---- A cluster of one ---------------------------------------------------------------------------

std::string AllSlots(const std::string& host, int port) {
  return "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$" + std::to_string(host.size()) + "\r\n" + host +
         "\r\n:" + std::to_string(port) + "\r\n";
}

TEST(HostileCluster, RedirectionsForEverEnd) {
  std::atomic<int> asked{0};
  std::atomic<std::uint16_t> port{0};
  TestServer server([&](Peer& peer, const Words& words) {
    if (Greets(peer, words)) return;
    if (words[0] == "CLUSTER") return peer.Send(AllSlots("127.0.0.1", port.load()));
    if (words[0] == "ASKING") return peer.Send("+OK\r\n");
    asked.fetch_add(1);
    peer.Send("-" + words[1] + " 1 127.0.0.1:" + std::to_string(port.load()) + "\r\n");
  });
  port.store(server.port());
  const auto client = Open("redis+cluster://" + server.place()).value();
  for (const char* kind : {"MOVED", "ASK"}) {
    asked.store(0);
    const Result<Reply> reply = client->Call(Command("GET", kind), {});
    EXPECT_TRUE(!reply && reply.error().server_code() == kind) << kind;
    EXPECT_EQ(asked.load(), ClusterRouter::kRedirectionsMax + 1) << kind;
  }
  EXPECT_TRUE(client->Call(Command("PING"), {}));
}

TEST(HostileCluster, RedirectionsToNowhereAreErrors) {
  std::atomic<std::uint16_t> port{0};
  TestServer server([&](Peer& peer, const Words& words) {
    if (Greets(peer, words)) return;
    if (words[0] == "CLUSTER") return peer.Send(AllSlots("127.0.0.1", port.load()));
    peer.Send("-" + words[1] + "\r\n");
  });
  port.store(server.port());
  const auto client = Open("redis+cluster://" + server.place()).value();
  for (const char* text :
       {"MOVED", "MOVED ", "MOVED 1", "MOVED 1 ", "MOVED x 127.0.0.1:1", "MOVED -1 127.0.0.1:1",
        "MOVED 16384 127.0.0.1:1", "MOVED 99999999999999999999 127.0.0.1:1", "MOVED 1 127.0.0.1",
        "MOVED 1 127.0.0.1:0", "MOVED 1 127.0.0.1:65536", "MOVED 1 127.0.0.1:x",
        "ASK 1 :", "ASK 1 h:-1"}) {
    const Result<Reply> reply = client->Call(Command("GET", text), {});
    ASSERT_FALSE(reply) << text;
    EXPECT_EQ(reply.error().code, Errc::kServer) << text;
    EXPECT_EQ(reply.error().detail, text);
  }
  EXPECT_TRUE(client->Call(Command("PING"), {}));
}

TEST(HostileCluster, MapsThatAreNoneAreRefused) {
  const std::vector<std::string> maps = {"+OK\r\n",
                                         "*0\r\n",
                                         "_\r\n",
                                         ":1\r\n",
                                         "*1\r\n*0\r\n",
                                         "*1\r\n*3\r\n:0\r\n:1\r\n*0\r\n",
                                         "*1\r\n*3\r\n:5\r\n:1\r\n*2\r\n+h\r\n:1\r\n",
                                         "*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n+h\r\n:1\r\n",
                                         "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n+h\r\n:1\r\n",
                                         "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n+h\r\n:0\r\n",
                                         "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n+h\r\n:65536\r\n",
                                         "*1\r\n*3\r\n+a\r\n+b\r\n*2\r\n+h\r\n+c\r\n"};
  std::size_t at = 0;  // set while no command is on its way
  TestServer server([&](Peer& peer, const Words& words) {
    if (!Greets(peer, words)) peer.Send(maps[at]);
  });
  for (; at < maps.size(); ++at) {
    const auto client = Open("redis+cluster://" + server.place());
    ASSERT_FALSE(client) << maps[at];
    EXPECT_EQ(client.error().code, Errc::kUnreachable) << maps[at];
    EXPECT_EQ(client.error().detail, "no node has a map of the cluster") << maps[at];
  }
}

// A request that waits for the map is in no channel, and has its deadline nevertheless.
TEST(HostileCluster, ASilentNodeDoesNotOutlastTheDeadline) {
  TestServer server([](Peer&, const Words&) {});
  const auto reactor = Reactor::Start().value();
  const DialPlan plan{.uri = Uri::Parse("redis+cluster://" + server.place()).value(),
                      .timeout_ms = 60'000};
  std::unique_ptr<ClusterRouter> router;
  std::optional<Result<Reply>> told;
  Event is_told;
  reactor->loop().PostOwed([&] {
    router = std::make_unique<ClusterRouter>(*reactor, plan);
    auto request = std::make_shared<Request>();
    request->deadline_us = reactor->now_us() + 20'000;
    request->done_one = [&](Result<Reply> reply) {
      told = std::move(reply);
      is_told.Notify();
    };
    router->Submit(std::move(request));
  });
  EXPECT_TRUE(is_told.WaitFor(30'000'000)) << "half of what the silent node is given";
  Event is_closed;
  reactor->loop().PostOwed([&] {
    router->Close({.code = Errc::kClosed});
    router.reset();
    is_closed.Notify();
  });
  is_closed.WaitFor(INT64_MAX / 2);
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->error().code, Errc::kTimeout);
}

// ---- Sentinels ----------------------------------------------------------------------------------

TEST(HostileSentinel, AddressesThatAreNoneAreRefused) {
  const std::vector<std::string> answers = {"+OK\r\n",
                                            "_\r\n",
                                            "*0\r\n",
                                            "*1\r\n$1\r\nh\r\n",
                                            "*3\r\n$1\r\nh\r\n$1\r\n1\r\n$1\r\n1\r\n",
                                            "*2\r\n$1\r\nh\r\n$1\r\n0\r\n",
                                            "*2\r\n$1\r\nh\r\n$5\r\n65536\r\n",
                                            "*2\r\n$1\r\nh\r\n$1\r\nx\r\n",
                                            "*2\r\n$0\r\n\r\n$4\r\n6379\r\n",
                                            "*2\r\n*0\r\n$4\r\n6379\r\n",
                                            "*2\r\n$3\r\na b\r\n$4\r\n6379\r\n",
                                            "-ERR no\r\n",
                                            "junk\r\n"};
  std::size_t at = 0;  // set while no command is on its way
  TestServer server([&](Peer& peer, const Words&) { peer.Send(answers[at]); });
  for (; at < answers.size(); ++at) {
    const auto client = Open("redis+sentinel://" + server.place() + "/m");
    ASSERT_FALSE(client) << answers[at];
    EXPECT_EQ(client.error().code, Errc::kUnreachable) << answers[at];
    EXPECT_TRUE(client.error().detail.starts_with("no Sentinel names a master: "))
        << client.error().detail;
  }
}

// ---- Storms -------------------------------------------------------------------------------------

// Answers some, late, and never the others; all are told once.
TEST(HostileServer, CancellationsWhileRepliesCome) {
  int count = 0;  // the server's thread
  TestServer server([&](Peer& peer, const Words& words) {
    if (!Greets(peer, words)) peer.Send(++count % 3 == 0 ? "$1\r\na\r\n$1\r\nb\r\n" : "");
  });
  constexpr int kCalls = 5'000;
  std::atomic<int> told{0};
  std::vector<std::atomic<int>> times(kCalls);
  std::vector<std::stop_source> stops(kCalls);
  {
    const auto client = Open("redis://" + server.place()).value();
    Thread canceller("canceller", [&] {
      for (std::stop_source& stop : stops) stop.request_stop();
    });
    for (std::size_t i = 0; i < kCalls; ++i) {
      client->Start(Command("GET", "k"), {.stop = stops[i].get_token()}, [&, i](Result<Reply>) {
        times[i].fetch_add(1);
        told.fetch_add(1);
      });
    }
    canceller.Join();
  }
  EXPECT_EQ(told.load(), kCalls) << "the client closes when all have been told";
  for (const std::atomic<int>& once : times) ASSERT_EQ(once.load(), 1);
}

TEST(HostileServer, ClosingTellsAllWhoWait) {
  TestServer server([](Peer& peer, const Words& words) { Greets(peer, words); });
  std::vector<Errc> told;  // the client's thread, then ours
  {
    const auto client = Open("redis://" + server.place()).value();
    for (int i = 0; i < 100; ++i) {
      client->Start(Command(i % 2 == 0 ? "GET" : "BLPOP", "k", 0), {}, [&](Result<Reply> reply) {
        told.push_back(reply ? Errc::kInvalid : reply.error().code);
      });
    }
  }
  EXPECT_EQ(told, std::vector<Errc>(100, Errc::kClosed));
}

// A callback that calls again at once, and fails at once, does not grow the stack.
TEST(HostileServer, CallsThatFailWithinCallbacksDoNotNest) {
  auto server = std::make_unique<TestServer>([](Peer& peer, const Words& words) {
    if (!Greets(peer, words)) peer.Close();
  });
  const auto client = Open("redis://" + server->place()).value();
  server.reset();
  int left = 100'000;
  Event over;
  std::function<void()> again = [&] {
    client->Start(Command("INCR", "k"), {},
                  [&](Result<Reply>) { --left > 0 ? again() : over.Notify(); });
  };
  again();
  while (!over.WaitFor(INT64_MAX / 2)) {
  }
  EXPECT_EQ(left, 0);
}

}  // namespace
}  // namespace cairn::client
