// SPDX-License-Identifier: BSD-3-Clause
// The engine as a library: commands in process, expiry by the owned clock, effects that replay to
// an equal data set.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <vector>

namespace cairn::engine {
namespace {

struct Step {
  std::vector<std::string_view> args;
  std::string_view reply;
};

TEST(Engine, RunsStringAndGenericCommands) {
  ManualClock clock(1'700'000'000'000'000);
  Engine engine({.clock = &clock, .with_keeper = false});
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  const Step steps[] = {
      {{"PING"}, "+PONG\r\n"},
      {{"SET", "k", "v"}, "+OK\r\n"},
      {{"GET", "k"}, "$1\r\nv\r\n"},
      {{"set", "k", "w", "GET"}, "$1\r\nv\r\n"},
      {{"SET", "k", "x", "NX"}, "$-1\r\n"},
      {{"APPEND", "k", "yz"}, ":3\r\n"},
      {{"GETRANGE", "k", "0", "-2"}, "$2\r\nwy\r\n"},
      {{"INCRBY", "n", "41"}, ":41\r\n"},
      {{"INCR", "n"}, ":42\r\n"},
      {{"MSET", "a", "1", "b", "2"}, "+OK\r\n"},
      {{"MGET", "a", "none", "b"}, "*3\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n"},
      {{"DBSIZE"}, ":4\r\n"},
      {{"EXPIRE", "a", "10"}, ":1\r\n"},
      {{"TTL", "a"}, ":10\r\n"},
      {{"RENAME", "a", "c"}, "+OK\r\n"},
      {{"TTL", "c"}, ":10\r\n"},
      {{"DEL", "a", "b", "c"}, ":2\r\n"},
      {{"SELECT", "3"}, "+OK\r\n"},
      {{"DBSIZE"}, ":0\r\n"},
      {{"GET"}, "-ERR wrong number of arguments for 'get' command\r\n"},
  };
  for (const Step& step : steps) {
    EXPECT_EQ(session->Execute(step.args), step.reply) << step.args[0];
  }
}

// INFO's rdb_changes_since_last_save, as redis-server 7.0.15 counts: keys rather than commands.
TEST(Engine, ChangesAreCountedAsRedisCountsThem) {
  ManualClock clock(1'700'000'000'000'000);
  Engine engine({.clock = &clock, .with_keeper = false});
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  const struct {
    std::vector<std::string_view> args;
    std::int64_t changes;
  } steps[] = {
      {{"SET", "a", "1"}, 1},
      {{"SET", "a", "1", "NX"}, 0},
      {{"MSET", "a", "1", "b", "2", "c", "3"}, 3},
      {{"MSETNX", "a", "1", "z", "2"}, 0},
      {{"MSETNX", "x", "1", "z", "2"}, 2},
      {{"DEL", "a", "b", "none"}, 2},
      {{"UNLINK", "x", "z", "none"}, 2},
      {{"DEL", "none"}, 0},
      {{"BITFIELD", "f", "SET", "u8", "0", "1", "SET", "u8", "8", "0", "GET", "u8", "0"}, 2},
      {{"BITFIELD", "f", "SET", "u8", "0", "1", "INCRBY", "u8", "8", "1"}, 1},
      {{"BITFIELD", "f", "SET", "u8", "0", "1"}, 0},
      {{"BITFIELD", "f", "OVERFLOW", "FAIL", "INCRBY", "u2", "0", "100"}, 0},
      {{"PFADD", "h"}, 1},
      {{"PFADD", "h", "a", "b", "c"}, 3},
      {{"PFADD", "h", "a", "b", "c", "d"}, 1},
      {{"PFADD", "h2", "a"}, 2},
      {{"PFCOUNT", "h"}, 1},
      {{"PFCOUNT", "h"}, 0},
      {{"INCREX", "h2x", "EX", "100"}, 1},
      {{"DEL", "h2x"}, 1},
      {{"SET", "past", "v", "EXAT", "1"}, 1},
      {{"SET", "past", "v", "EXAT", "1", "XX"}, 0},
      {{"SET", "a", "1", "PXAT", "1"}, 1},
      {{"GETEX", "a", "PXAT", "1"}, 0},
      {{"SET", "a", "1"}, 1},
      {{"GETEX", "a", "PXAT", "1"}, 1},
      {{"SET", "a", "1"}, 1},
      {{"EXPIRE", "a", "-1"}, 1},
      {{"EXPIRE", "a", "-1"}, 0},
      {{"SET", "e", "v", "PX", "1"}, 1},
  };
  const auto expect_changes = [&](std::span<const std::string_view> args, std::int64_t changes) {
    const std::int64_t before = session->stats().changes.value();
    const std::string reply = session->Execute(args);
    EXPECT_EQ(session->stats().changes.value() - before, changes) << args[0] << ": " << reply;
  };
  for (const auto& step : steps) expect_changes(step.args, step.changes);
  clock.AdvanceMs(2);
  const std::vector<std::string_view> get = {"GET", "e"}, flush = {"FLUSHALL"};
  expect_changes(get, 0);  // what expires is no change
  expect_changes(flush, 4);
  expect_changes(flush, 0);
}

TEST(Engine, ExpiresByItsClock) {
  ManualClock clock(1'700'000'000'000'000);
  Engine engine({.clock = &clock, .with_keeper = false});
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  session->Execute({"SET", "k", "v", "PX", "100"});
  session->Execute({"SET", "l", "v", "PX", "100"});
  clock.AdvanceMs(99);
  engine.keeper().RunOnce();
  EXPECT_EQ(session->Execute({"GET", "k"}), "$1\r\nv\r\n");
  clock.AdvanceMs(1);
  EXPECT_EQ(session->Execute({"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(session->Execute({"DBSIZE"}), ":1\r\n");
  engine.keeper().RunOnce();
  EXPECT_EQ(session->Execute({"DBSIZE"}), ":0\r\n");
  EXPECT_EQ(engine.keyspace().Totals().expired, 2);
}

TEST(Engine, EffectsReplayToAnEqualDataSet) {
  ManualClock clock(1'700'000'000'000'000);
  Engine engine({.clock = &clock, .with_keeper = false});
  Engine twin({.clock = &clock, .with_keeper = false});
  const std::unique_ptr<log::Reader> reader = engine.AttachLogReader(log::Lag::kMustKeep);
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  const std::unique_ptr<EmbeddedSession> replayed = twin.NewSession();
  const std::vector<std::vector<std::string_view>> commands = {
      {"SET", "k", "v", "EX", "100"},
      {"INCRBYFLOAT", "f", "1.5"},
      {"SETRANGE", "s", "5", "hello"},
      {"COPY", "s", "t"},
      {"GETDEL", "s"},
      {"PEXPIRE", "t", "5000"},
      {"MSET", "a", "1", "b", "2"},
      {"DEL", "a"},
      {"MOVE", "b", "7"},
  };
  for (const auto& command : commands) session->Execute(command);
  while (const std::optional<log::Effect> effect = reader->Next()) {
    replayed->set_db(effect->db);
    const std::vector<std::string_view> args(effect->args.begin(), effect->args.end());
    replayed->Execute(args);
  }
  EXPECT_EQ(engine.Digest(), twin.Digest());
  EXPECT_NE(engine.Digest(), std::string(40, '0'));
}

}  // namespace
}  // namespace cairn::engine
