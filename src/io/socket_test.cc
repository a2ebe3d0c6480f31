// SPDX-License-Identifier: BSD-3-Clause
// Goal: addresses, names and errors as Redis has them; connections dealt evenly. Method: loopback
// sockets on ports that the kernel chooses.
#include "io/socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/event_loop.h"
#include "io/listener.h"

namespace cairn::io {
namespace {

std::string UnixPath(const char* name) {
  return testing::TempDir() + "cairn_" + name + "_" + std::to_string(::getpid()) + ".sock";
}

bool HasIpv6() { return ListenTcp("::1", 0, 1).has_value(); }

struct Connected {
  Fd client;
  Fd server;
};

Connected ConnectTo(const Fd& listener, const char* host) {
  Fd client = ConnectTcp(host, LocalPort(listener.get()), 1000).value();
  auto server = AcceptNonBlocking(listener.get());
  EXPECT_TRUE(server.has_value() && server->has_value());
  return {std::move(client), std::move(**server)};
}

TEST(Socket, NamesOfTcpPeers) {
  std::vector<std::pair<const char*, std::string>> hosts = {{"127.0.0.1", "127.0.0.1:"}};
  if (HasIpv6()) hosts.emplace_back("::1", "[::1]:");
  for (const auto& [host, prefix] : hosts) {
    Fd listener = ListenTcp(host, 0, 8).value();
    const Connected pair = ConnectTo(listener, host);
    const PeerInfo peer = DescribePeer(pair.server.get());
    EXPECT_EQ(peer.address, prefix + std::to_string(LocalPort(pair.client.get())));
    EXPECT_EQ(peer.local_address, prefix + std::to_string(LocalPort(listener.get())));
    EXPECT_TRUE(peer.is_local);
    EXPECT_FALSE(peer.is_unix);
  }
  EXPECT_EQ(PeerName(-1), "?:0");
}

TEST(Socket, UnixSocketsAreNamedByTheirPath) {
  const std::string path = UnixPath("named");
  Fd listener = ListenUnix(path, 0700, 8).value();
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  Fd client = ConnectUnix(path).value();
  Fd server = std::move(*AcceptNonBlocking(listener.get()).value());
  const PeerInfo peer = DescribePeer(server.get());
  EXPECT_EQ(peer.address, path + ":0");
  EXPECT_EQ(peer.local_address, path + ":0");
  EXPECT_TRUE(peer.is_unix);
  EXPECT_TRUE(peer.is_local);
  EXPECT_TRUE(ListenUnix(path, {}, 8).has_value()) << "a file left behind is replaced";
  ::unlink(path.c_str());
  EXPECT_EQ(ListenUnix(std::string(200, 'p'), {}, 8).error().code(), StatusCode::kInvalid);
  EXPECT_FALSE(ListenUnix(UnixPath("no/such"), {}, 8).has_value());
}

TEST(Socket, ListenErrorsNameAddressAndReason) {
  Fd taken = ListenTcp("127.0.0.1", 0, 8).value();
  const std::string port = std::to_string(LocalPort(taken.get()));
  EXPECT_EQ(ListenTcp("127.0.0.1", LocalPort(taken.get()), 8).error().message(),
            "127.0.0.1:" + port + ": bind: Address already in use");
  EXPECT_EQ(ListenTcp("192.0.2.1", 0, 8).error().message(),
            "192.0.2.1:0: bind: Cannot assign requested address");
}

TEST(Socket, ListenAllPassesOverOptionalAddresses) {
  std::vector<std::string> notices;
  const std::vector<std::string> optional = {"127.0.0.1", "-192.0.2.1"};
  const auto listeners = ListenAll(optional, 0, 8, &notices);
  ASSERT_TRUE(listeners.has_value());
  EXPECT_EQ(listeners->size(), 1u);
  EXPECT_EQ(notices,
            std::vector<std::string>{"192.0.2.1:0: bind: Cannot assign requested address"});
  const std::vector<std::string> required = {"127.0.0.1", "192.0.2.1"};
  EXPECT_FALSE(ListenAll(required, 0, 8, &notices).has_value());
  const std::vector<std::string> nothing = {"-192.0.2.1"};
  EXPECT_FALSE(ListenAll(nothing, 0, 8, &notices).has_value());
  const std::vector<std::string> all = {"*", "-::*"};
  EXPECT_TRUE(ListenAll(all, 0, 8, &notices).has_value());
}

TEST(Socket, KeepAliveFollowsRedis) {
  Fd listener = ListenTcp("127.0.0.1", 0, 8).value();
  const Connected pair = ConnectTo(listener, "127.0.0.1");
  const int fd = pair.server.get();
  const auto get = [fd](int level, int option) {
    int value = -1;
    socklen_t size = sizeof(value);
    ::getsockopt(fd, level, option, &value, &size);
    return value;
  };
  struct Row {
    int seconds;
    int interval;
  };
  for (const Row& row : {Row{300, 100}, Row{2, 1}}) {
    SetKeepAlive(fd, row.seconds);
    EXPECT_EQ(get(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(get(IPPROTO_TCP, TCP_KEEPIDLE), row.seconds);
    EXPECT_EQ(get(IPPROTO_TCP, TCP_KEEPINTVL), row.interval);
    EXPECT_EQ(get(IPPROTO_TCP, TCP_KEEPCNT), 3);
  }
  SetKeepAlive(fd, 0);
  EXPECT_EQ(get(SOL_SOCKET, SO_KEEPALIVE), 0);
  SetNoDelay(fd);
  EXPECT_NE(get(IPPROTO_TCP, TCP_NODELAY), 0);
}

TEST(Socket, ReadingSaysNothingEndOrFailure) {
  Fd listener = ListenTcp("127.0.0.1", 0, 8).value();
  Connected pair = ConnectTo(listener, "127.0.0.1");
  char room[16];
  EXPECT_EQ(ReadSome(pair.server.get(), room).state, Transfer::State::kWouldBlock);
  EXPECT_FALSE(AcceptNonBlocking(listener.get()).value().has_value());
  // Closing with a linger of 0 sends a reset.
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(pair.client.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  pair.client.Close();
  const Transfer read = ReadSome(pair.server.get(), room);
  EXPECT_EQ(read.state, Transfer::State::kFailed);
  EXPECT_EQ(read.error, ECONNRESET);
}

TEST(Socket, AwaitingEndsByReadinessTimeOrGivingUp) {
  const Fd listener = ListenTcp("127.0.0.1", 0, 1).value();
  const Connected pair = ConnectTo(listener, "127.0.0.1");
  const auto waits_on = [] { return false; };
  EXPECT_EQ(AwaitReady(pair.client.get(), Interest::kWrite, 10'000, waits_on), 0);
  EXPECT_EQ(AwaitReady(pair.client.get(), Interest::kRead, 1, waits_on), ETIMEDOUT);
  EXPECT_EQ(AwaitReady(pair.client.get(), Interest::kRead, 0, waits_on), ETIMEDOUT);
  // It is asked again and again, and first of all.
  int asked = 0;
  EXPECT_EQ(AwaitReady(pair.client.get(), Interest::kRead, 600'000, [&] { return ++asked == 3; }),
            ECANCELED);
  EXPECT_EQ(AwaitReady(pair.client.get(), Interest::kWrite, 10'000, [] { return true; }),
            ECANCELED);
  ASSERT_TRUE(WriteAll(pair.server.get(), "x").ok());
  EXPECT_EQ(AwaitReady(pair.client.get(), Interest::kRead, 10'000, waits_on), 0);
}

// The kernel lets in as many as a listener's queue holds; whoever comes then is not answered.
TEST(Socket, ConnectingEndsByTimeOrGivingUp) {
  const Fd listener = ListenTcp("127.0.0.1", 0, 0).value();
  const std::uint16_t port = LocalPort(listener.get());
  std::vector<Fd> waiting;
  Result<Fd> last = ConnectTcp("127.0.0.1", port, 50);
  for (; last.has_value() && waiting.size() < 8; last = ConnectTcp("127.0.0.1", port, 50))
    waiting.push_back(std::move(*last));
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code(), StatusCode::kLimit);
  const Result<Fd> given_up = ConnectTcp("127.0.0.1", port, 600'000, [] { return true; });
  EXPECT_EQ(given_up.error().code(), StatusCode::kLimit);
}

TEST(Socket, ConnectingToNobodyFailsAtOnce) {
  std::uint16_t port = 0;
  {
    Fd listener = ListenTcp("127.0.0.1", 0, 8).value();
    port = LocalPort(listener.get());
  }
  EXPECT_EQ(ConnectTcp("127.0.0.1", port, 1000).error().message(),
            "127.0.0.1:" + std::to_string(port) + ": connect: Connection refused");
}

class ListenerTest : public testing::Test {
 protected:
  // A dealer over `count` loops, the first of which accepts.
  void MakeLoops(std::size_t count) {
    std::vector<Dealer::Target> targets;
    for (std::size_t i = 0; i < count; ++i) {
      loops_.push_back(EventLoop::Create(clock_).value());
      got_.emplace_back();
      targets.push_back({loops_.back().get(), [this, i](Fd fd, PeerInfo peer) {
                           EXPECT_TRUE(peer.is_local);
                           got_[i].push_back(std::move(fd));
                         }});
    }
    dealer_ = std::make_unique<Dealer>(*loops_[0], std::move(targets));
  }
  std::unique_ptr<Listener> Listen() {
    return Listener::Create(*loops_[0], ListenTcp("127.0.0.1", 0, 128).value(), *dealer_).value();
  }
  Fd Connect(const Listener& listener) {
    return ConnectTcp("127.0.0.1", LocalPort(listener.descriptor()), 1000).value();
  }
  void TurnAll() {
    for (auto& loop : loops_) ASSERT_TRUE(loop->RunOnce(0).ok());
  }

  ManualClock clock_{0};
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::vector<Fd>> got_;
  std::unique_ptr<Dealer> dealer_;
};

TEST_F(ListenerTest, TwoListenersDealAsOneEvenly) {
  MakeLoops(4);
  auto first = Listen();
  auto second = Listen();
  std::vector<Fd> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(Connect(i % 3 == 0 ? *first : *second));
  TurnAll();
  EXPECT_EQ(first->accepted() + second->accepted(), 50);
  for (const auto& worker : got_) {
    EXPECT_GE(worker.size(), 12u);
    EXPECT_LE(worker.size(), 13u);
  }
}

TEST_F(ListenerTest, BurstLargerThanAPassIsTakenInSeveral) {
  MakeLoops(1);
  auto listener = Listen();
  std::vector<Fd> clients;
  for (int i = 0; i < Listener::kAcceptsPerPass + 10; ++i) clients.push_back(Connect(*listener));
  TurnAll();
  EXPECT_EQ(listener->accepted(), Listener::kAcceptsPerPass);
  TurnAll();
  EXPECT_EQ(got_[0].size(), static_cast<std::size_t>(Listener::kAcceptsPerPass + 10));
}

// Without a descriptor left the connection is turned away, and the loop does not spin on it.
TEST_F(ListenerTest, OutOfDescriptorsTurnsAway) {
  MakeLoops(1);
  auto listener = Listen();
  Fd client = Connect(*listener);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // The lowest free descriptor is beyond the limit now; those in use stay good.
  const int lowest_free = ::dup(client.get());
  ::close(lowest_free);
  const rlimit tight{.rlim_cur = static_cast<rlim_t>(lowest_free), .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  TurnAll();
  const std::int64_t refused = listener->refused();
  TurnAll();
  const std::int64_t refused_later = listener->refused();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(refused_later, 1);
  char room[1];
  EXPECT_FALSE(ReadSome(client.get(), room).done()) << "hung up";
  EXPECT_NE(ReadSome(client.get(), room).state, Transfer::State::kWouldBlock);
  Fd next = Connect(*listener);
  TurnAll();
  EXPECT_EQ(listener->accepted(), 1);
}

}  // namespace
}  // namespace cairn::io
