// SPDX-License-Identifier: BSD-3-Clause
// There is no room for what a command writes, because who reads the log or saves is behind: the
// write is given back, to be run again, and nobody waits on the worker's thread. A run that waited
// here would never end.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/replay_testing.h"
#include "keyspace/cut_backlog.h"
#include "log/command_log.h"

namespace cairn::engine {
namespace {

class Crowded : public ::testing::Test {
 protected:
  Crowded() { engine_.StartLane(); }
  ~Crowded() override { engine_.StopLane(); }

  std::string Run(const ReplayArgs& args) { return client_.Execute(args); }
  bool IsGivenBack(const ReplayArgs& args) {
    const int before = client_.crowded();
    const std::string reply = Run(args);
    EXPECT_EQ(client_.crowded() > before, reply.empty()) << args[0] << ": " << reply;
    return reply.empty();
  }

  ManualClock clock_{Twins::kStartUs};
  Engine engine_{{.log_ring_bytes = 256 * 1024, .clock = &clock_, .with_keeper = false}};
  WaitingClient client_{engine_, 1};
};

// What is given back whoever is behind, and what is not.
const std::vector<ReplayArgs> kWrites = {{"SET", "k", "new"}, {"LPUSH", "list", "a"}, {"DEL", "k"}};
const std::vector<ReplayArgs> kOthers = {
    {"GET", "k"}, {"MGET", "k", "other"}, {"KEYS", "*"}, {"PING"}, {"LRANGE", "list", "0", "-1"}};

TEST_F(Crowded, ByACutThatIsBehind) {
  keyspace::CutBacklog& backlog = engine_.keyspace().cut_backlog();
  Run({"SET", "k", "old"});
  backlog.Add(keyspace::CutBacklog::kBytesMax);
  EXPECT_FALSE(IsGivenBack({"SET", "k", "old"})) << "at the limit";
  backlog.Add(1);
  for (const ReplayArgs& args : kWrites) EXPECT_TRUE(IsGivenBack(args)) << args[0];
  for (const ReplayArgs& args : kOthers) EXPECT_FALSE(IsGivenBack(args)) << args[0];
  EXPECT_EQ(Run({"GET", "k"}), "$3\r\nold\r\n");
  backlog.Remove(1);
  for (const ReplayArgs& args : kWrites) EXPECT_FALSE(IsGivenBack(args)) << args[0];
  backlog.Remove(keyspace::CutBacklog::kBytesMax);
}

TEST_F(Crowded, TakesWholeTablesAwayAllTheSame) {
  keyspace::CutBacklog& backlog = engine_.keyspace().cut_backlog();
  Run({"SET", "k", "old"});
  backlog.Add(keyspace::CutBacklog::kBytesMax + 1);
  for (const ReplayArgs& args : std::vector<ReplayArgs>{{"SWAPDB", "0", "1"}, {"FLUSHALL"}})
    EXPECT_EQ(Run(args), "+OK\r\n") << args[0];
  Run({"MULTI"});
  Run({"SET", "k", "new"});
  Run({"FLUSHDB"});
  EXPECT_TRUE(IsGivenBack({"EXEC"})) << "there is another write in it";
  backlog.Remove(keyspace::CutBacklog::kBytesMax + 1);
}

TEST_F(Crowded, EvictsLater) {
  keyspace::CutBacklog& backlog = engine_.keyspace().cut_backlog();
  for (int i = 0; i < 100; ++i) Run({"SET", "k" + std::to_string(i), std::string(1000, 'x')});
  engine_.keyspace().tunables().SetPolicy(keyspace::EvictionPolicy::kAllkeysRandom);
  engine_.SetMemoryLimit(engine_.keyspace().used_bytes() / 2);
  backlog.Add(keyspace::CutBacklog::kBytesMax + 1);
  EXPECT_TRUE(IsGivenBack({"SET", "k1", "new"}));
  EXPECT_EQ(Run({"DBSIZE"}), ":100\r\n");
  backlog.Remove(keyspace::CutBacklog::kBytesMax + 1);
  EXPECT_FALSE(IsGivenBack({"SET", "k1", "new"}));
  EXPECT_NE(Run({"DBSIZE"}), ":100\r\n");
}

TEST_F(Crowded, ByAReaderOfTheLogThatIsBehind) {
  const std::unique_ptr<log::Reader> reader = engine_.AttachLogReader(log::Lag::kMustKeep);
  Run({"SET", "k", "old"});
  int written = 0;
  while (!IsGivenBack({"SET", "filler", std::string(2000, 'x')})) ASSERT_LT(++written, 1000);
  EXPECT_GT(written, 10);
  for (const ReplayArgs& args : kOthers) EXPECT_FALSE(IsGivenBack(args)) << args[0];
  Run({"MULTI"});
  Run({"SET", "k", std::string(2000, 'n')});
  EXPECT_TRUE(IsGivenBack({"EXEC"}));
  EXPECT_TRUE(IsGivenBack({"EXEC"})) << "as it was";
  while (reader->Next()) continue;
  EXPECT_EQ(Run({"EXEC"}), "*1\r\n+OK\r\n");
}

// A read logs what it finds expired.
TEST_F(Crowded, RoomIsKeptForWhatReadsFindExpired) {
  const std::unique_ptr<log::Reader> reader = engine_.AttachLogReader(log::Lag::kMustKeep);
  Run({"SET", "due", "1", "PX", "10"});
  for (int i = 0; i < 1000; ++i) Run({"SET", "filler", std::string(2000, 'x')});
  clock_.AdvanceMs(100);
  EXPECT_EQ(Run({"GET", "due"}), "$-1\r\n");
  std::string last;
  while (const std::optional<log::Effect> effect = reader->Next()) last = effect->args[0];
  EXPECT_EQ(last, "DEL");
}

}  // namespace
}  // namespace cairn::engine
