// SPDX-License-Identifier: BSD-3-Clause
// Limiters and locks in the log: a refusal leaves nothing in it, what is let through replays to the
// same, and whoever waits as long as he was told, to the millisecond, is let through.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/text.h"
#include "engine/replay_testing.h"

namespace cairn::engine {
namespace {

std::vector<std::int64_t> Numbers(const std::string& reply) {
  std::vector<std::int64_t> numbers;
  for (std::size_t at = reply.find(':'); at != reply.npos; at = reply.find(':', at + 1))
    numbers.push_back(ParseInt64(reply.substr(at + 1, reply.find('\r', at) - at - 1)).value_or(-1));
  return numbers;
}

const std::vector<ReplayArgs> kAsked = {
    {"LIMIT.GCRA", "k", "7", "1000", "COST", "3"},
    {"LIMIT.FIXED", "k", "7", "1000", "COST", "3"},
    {"LIMIT.SLIDING", "k", "7", "1000", "COST", "3"},
    {"LIMIT.ALL", "2", "k", "other", "GCRA", "7", "1000", "COST", "3", "SLIDING", "20", "3000"},
};

TEST(Limit, ARefusalIsNotLoggedAndProlongsNothing) {
  for (ReplayArgs args : kAsked) {
    SCOPED_TRACE(args[0]);
    ManualClock clock(Twins::kStartUs);
    Engine engine({.clock = &clock, .with_keeper = false});
    WaitingClient client(engine, 1);
    const std::unique_ptr<log::Reader> reader = engine.AttachLogReader(log::Lag::kMayLag);
    std::size_t effects = 0;
    for (int i = 0; i < 5; ++i) {
      const std::string before = client.Execute({"GET", "k"});
      const std::string end = client.Execute({"PEXPIRETIME", "k"});
      const bool allowed = Numbers(client.Execute(args))[0] == 1;
      EXPECT_EQ(allowed, i < 2);
      while (reader->Next()) ++effects;
      if (allowed) continue;
      EXPECT_EQ(client.Execute({"GET", "k"}), before);
      EXPECT_EQ(client.Execute({"PEXPIRETIME", "k"}), end);
      clock.AdvanceMs(1);
    }
    EXPECT_EQ(effects, args[0] == "LIMIT.ALL" ? 4u : 2u);
  }
}

TEST(Limit, WhoWaitsAsToldIsLetThrough) {
  for (const ReplayArgs& args : kAsked) {
    SCOPED_TRACE(args[0]);
    ManualClock clock(Twins::kStartUs + 123);
    Engine engine({.clock = &clock, .with_keeper = false});
    WaitingClient client(engine, 1);
    for (int round = 0; round < 50; ++round) {
      while (Numbers(client.Execute(args))[0] == 1) clock.AdvanceMs(round % 7);
      const std::int64_t retry_ms = Numbers(client.Execute(args))[3];
      ASSERT_GT(retry_ms, 0);
      clock.AdvanceMs(retry_ms - 1);
      ASSERT_EQ(Numbers(client.Execute(args))[0], 0);
      clock.AdvanceMs(1);
      ASSERT_EQ(Numbers(client.Execute(args))[0], 1);
    }
  }
}

// All or none: what one limit refuses, none of the others is charged for.
TEST(Limit, SeveralAreChargedTogetherOrNotAtAll) {
  ManualClock clock(Twins::kStartUs);
  Engine engine({.clock = &clock, .with_keeper = false});
  WaitingClient client(engine, 1);
  Random random(7);
  const auto left = [&](const char* command, const char* key, const char* limit) {
    return Numbers(client.Execute({command, key, limit, "1000", "PEEK"}))[2];
  };
  for (int i = 0; i < 2000; ++i) {
    const std::int64_t cost = static_cast<std::int64_t>(1 + random.Below(3));
    const std::int64_t user = left("LIMIT.GCRA", "user", "5");
    const std::int64_t tenant = left("LIMIT.SLIDING", "tenant", "9");
    const std::int64_t all = left("LIMIT.FIXED", "all", "11");
    const std::string reply = client.Execute(
        {"LIMIT.ALL", "3", "user", "tenant", "all", "GCRA", "5", "1000", "SLIDING", "9", "1000",
         "COST", std::to_string(cost), "FIXED", "11", "1000", "COST", "2"});
    const bool allowed = user >= 1 && tenant >= cost && all >= 2;
    ASSERT_EQ(Numbers(reply)[0], allowed ? 1 : 0) << reply;
    ASSERT_EQ(left("LIMIT.GCRA", "user", "5"), user - (allowed ? 1 : 0));
    ASSERT_EQ(left("LIMIT.SLIDING", "tenant", "9"), tenant - (allowed ? cost : 0));
    ASSERT_EQ(left("LIMIT.FIXED", "all", "11"), all - (allowed ? 2 : 0));
    clock.AdvanceMs(static_cast<std::int64_t>(random.Below(200)));
  }
}

class LimitAndLockCommands {
 public:
  explicit LimitAndLockCommands(Random& random) : random_(random) {}

  ReplayArgs Next() {
    switch (random_.Below(12)) {
      case 0:
      case 1:
        return {Pick({"LIMIT.GCRA", "LIMIT.FIXED", "LIMIT.SLIDING"}), Limit(), Number(5),
                Number(90)};
      case 2:
        return {"LIMIT.ALL", "2",        "limit0",  "limit1",  "GCRA",
                Number(5),   Number(90), "SLIDING", Number(5), Number(90)};
      case 3:
        return {"CL.THROTTLE", Limit(), Number(5), Number(9), "1", Number(3)};
      case 4:
      case 5:
        return {"LOCK.ACQUIRE", Lock(), Owner(), Number(60)};
      case 6:
        return {"LOCK.ACQUIRE", Lock(), Owner(), Number(60), "WAIT", "1000"};
      case 7:
        return {"LOCK.RENEW", Lock(), Owner(), Number(60)};
      case 8:
      case 9:
        return {"LOCK.RELEASE", Lock(), Owner()};
      case 10:
        return {Pick({"DEL", "UNLINK", "PERSIST"}), random_.Below(2) == 0 ? Lock() : Limit()};
      default:
        return {Pick({"MULTI", "EXEC", "EXEC", "DISCARD"})};
    }
  }

 private:
  std::string Pick(std::initializer_list<const char*> words) {
    return words.begin()[random_.Below(words.size())];
  }
  std::string Number(std::uint64_t most) { return std::to_string(1 + random_.Below(most)); }
  std::string Limit() { return "limit" + std::to_string(random_.Below(4)); }
  std::string Lock() { return "lock" + std::to_string(random_.Below(3)); }
  std::string Owner() { return "owner" + std::to_string(random_.Below(4)); }

  Random& random_;
};

TEST(Limit, TwinsHoldTheSameLimitersAndLocks) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Twins twins(seed, 4);
  LimitAndLockCommands commands(twins.random());
  for (int step = 0; step < 20'000; ++step) {
    twins.Execute(commands.Next());
    if (step % 20 == 19) twins.Compare();
    if (::testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(twins.served(), 0u);
}

}  // namespace
}  // namespace cairn::engine
