// SPDX-License-Identifier: BSD-3-Clause
// What of MIGRATE needs no server: its limits on time, and the link to a peer of this process's
// own. All the rest is in tests/migrate.
#include "commands/migrate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <string>
#include <utility>

#include "base/clock.h"
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

constexpr int kTimeoutMs = 1000;
constexpr MonotonicUs kTimeoutUs = 1'000'000;

TEST(MigratePace, GrowsWhileHoldsAreShortAndShrinksElse) {
  MigratePace pace(kTimeoutMs);
  struct Row {
    MonotonicUs took_us;
    std::size_t keys;  // then
    std::size_t bytes;
  };
  constexpr std::size_t kKiB = 1024;
  EXPECT_EQ(pace.keys(), 2U);
  EXPECT_EQ(pace.bytes(), 64 * kKiB);
  for (const Row& row :
       {Row{0, 4, 128 * kKiB}, Row{kTimeoutUs / 2, 8, 256 * kKiB}, Row{1, 16, 512 * kKiB},
        Row{1, 32, 1024 * kKiB}, Row{1, 64, 1024 * kKiB}, Row{1, kMigrateKeysMax, kMigrateBytesMax},
        Row{kTimeoutUs / 2 + 1, 32, 512 * kKiB}, Row{5 * kTimeoutUs, 16, 256 * kKiB},
        Row{kTimeoutUs, 8, 128 * kKiB}, Row{kTimeoutUs, 4, 64 * kKiB},
        Row{kTimeoutUs, 2, 64 * kKiB}, Row{kTimeoutUs, 1, 64 * kKiB}, Row{kTimeoutUs, 1, 64 * kKiB},
        Row{0, 2, 128 * kKiB}}) {
    pace.Note(row.took_us);
    EXPECT_EQ(pace.keys(), row.keys);
    EXPECT_EQ(pace.bytes(), row.bytes);
  }
}

// Whoever needs so long for each key, and Redis would wait for him, is waited for.
TEST(MigratePace, ASteadyTargetHasTheTimeItNeeds) {
  for (MonotonicUs each_us = 1; each_us <= kTimeoutUs; each_us = each_us * 5 / 4 + 1) {
    MigratePace pace(kTimeoutMs);
    MonotonicUs longest_us = 0;
    for (int hold = 0; hold < 50; ++hold) {
      const MonotonicUs took_us = each_us * static_cast<MonotonicUs>(pace.keys());
      EXPECT_LE(took_us, pace.HoldUs(0)) << each_us;
      longest_us = std::max(longest_us, took_us);
      pace.Note(took_us);
    }
    EXPECT_LE(longest_us, 2 * kTimeoutUs) << each_us;
  }
}

TEST(MigratePace, AHoldHasAnEnd) {
  const MigratePace pace(kTimeoutMs);
  EXPECT_EQ(pace.HoldUs(0), kMigrateHoldTimeoutsMax * kTimeoutUs);
  EXPECT_EQ(pace.HoldUs(pace.bytes() + kMigrateChunkBytes - 1), 4 * kTimeoutUs);
  // One key alone may have any size.
  EXPECT_EQ(pace.HoldUs(pace.bytes() + kMigrateChunkBytes), 5 * kTimeoutUs);
  EXPECT_EQ(pace.HoldUs(512UL << 20), (4 + 8191) * kTimeoutUs);
}

class PeerLinkTest : public ::testing::Test {
 protected:
  PeerLinkTest() : listener_(io::ListenTcp("127.0.0.1", 0, 8).value()) {
    link_.emplace(PeerLink::Connect(
        "127.0.0.1", port(), {.timeout_ms = 300, .gives_up = [this] { return is_over_.load(); }},
        nullptr));
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

TEST_F(PeerLinkTest, NothingIsAwaitedBeyondTheDeadline) {
  const SystemClock clock;
  const MonotonicUs began_us = clock.NowMonotonicUs();
  (*link_)->set_deadline(began_us + 20'000);
  EXPECT_FALSE((*link_)->Receive().has_value());
  EXPECT_GE(clock.NowMonotonicUs(), began_us + 20'000);
  EXPECT_FALSE((*link_)->Receive().has_value()) << "it has passed";
  EXPECT_EQ(Given("+OK\r\n")->text, "OK") << "what is there is no wait";
  const Status sent = (*link_)->Send(std::string(64UL << 20, 'x'));
  EXPECT_EQ(sent.message(), "send: " + io::ErrnoText(ETIMEDOUT));
}

TEST_F(PeerLinkTest, GivesUpWhenTold) {
  is_over_ = true;
  const Result<resp::Value> reply = (*link_)->Receive();
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().message(), "receive: " + io::ErrnoText(ECANCELED));
  EXPECT_FALSE(
      PeerLink::Connect("127.0.0.1", "no port", {.timeout_ms = 1, .gives_up = {}}, nullptr));
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
