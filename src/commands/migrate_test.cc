// SPDX-License-Identifier: BSD-3-Clause
// What of MIGRATE needs no server: its limits on time, and the link to a peer of this process's
// own. All the rest is in tests/migrate.
#include "commands/migrate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <string>
#include <utility>

#include "base/text.h"
#include "base/thread.h"
#include "commands/peer_link.h"
#include "io/socket.h"

namespace cairn::commands {
namespace {

TEST(Migrate, TimeoutsOfAllSizes) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  const std::pair<std::int64_t, int> rows[] = {
      {0, 1000},          {-1, 1000},         {kLeast, 1000},     {1, 1},
      {599'999, 599'999}, {600'000, 600'000}, {600'001, 600'000}, {kMost, 600'000},
  };
  for (const auto& [asked_ms, wanted_ms] : rows)
    EXPECT_EQ(MigrateTimeoutMs(asked_ms), wanted_ms) << asked_ms;
}

class PeerLinkTest : public ::testing::Test {
 protected:
  PeerLinkTest() : listener_(io::ListenTcp("127.0.0.1", 0, 8).value()) {
    link_.emplace(PeerLink::Connect(
        "127.0.0.1", port(), {.timeout_ms = 300, .gives_up = [this] { return is_over_.load(); }}));
    peer_ = std::move(*io::AcceptNonBlocking(listener_.get()).value());
  }

  std::string port() const { return Int64ToString(io::LocalPort(listener_.get())); }
  Result<resp::Value> Given(std::string_view bytes) {
    EXPECT_TRUE(io::WriteAll(peer_.get(), bytes).ok());
    return (*link_)->Receive();
  }

  std::atomic<bool> is_over_ = false;
  io::Fd listener_;
  std::optional<Result<PeerLink>> link_;
  io::Fd peer_;
};

TEST_F(PeerLinkTest, RepliesComeOneByOne) {
  ASSERT_TRUE(link_->has_value());
  EXPECT_EQ(Given("+OK\r\n-ERR no\r\n+")->text, "OK");
  EXPECT_EQ((*link_)->Receive()->type, resp::Value::Type::kError);
  EXPECT_EQ(Given("X\r\n")->text, "X");
}

TEST_F(PeerLinkTest, ALineOfTheLimitAndOneOfAByteMore) {
  // With its type and the carriage return.
  const std::string most(PeerLink::kReplyBytesMax - 2, 'x');
  const Result<resp::Value> reply = Given("-" + most + "\r\n");
  ASSERT_TRUE(reply.has_value()) << reply.error().message();
  EXPECT_EQ(reply->text, most);
  EXPECT_EQ(Given("-" + most + "x\r\n").error().code(), StatusCode::kCorrupt);
}

TEST_F(PeerLinkTest, SilenceEndsInTime) {
  EXPECT_EQ((*link_)->Receive().error().code(), StatusCode::kIo);
}

TEST_F(PeerLinkTest, GivesUpWhenTold) {
  is_over_ = true;
  const Result<resp::Value> reply = (*link_)->Receive();
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().message(), "receive: " + io::ErrnoText(ECANCELED));
  EXPECT_FALSE(PeerLink::Connect("127.0.0.1", "no port", {.timeout_ms = 1, .gives_up = {}}));
}

TEST_F(PeerLinkTest, APeerThatCloses) {
  peer_ = io::Fd();
  EXPECT_EQ((*link_)->Receive().error().code(), StatusCode::kIo);
}

TEST(PeerRequest, Words) {
  std::string out = "before";
  AppendPeerRequest({"SET", "k", std::string_view("\0\r\n", 3)}, &out);
  const std::string_view wanted("before*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\n\0\r\n\r\n", 35);
  EXPECT_EQ(out, wanted);
}

}  // namespace
}  // namespace cairn::commands
