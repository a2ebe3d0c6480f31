// SPDX-License-Identifier: BSD-3-Clause
// An image of commands makes the same data again: commands are needed to say so.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "engine/engine.h"
#include "io/sim_disk.h"
#include "persist/aof_replay.h"
#include "persist/saver.h"

namespace cairn::engine {
namespace {

using Words = std::vector<std::string>;

std::string Execute(EmbeddedSession& session, const Words& words) {
  return session.Execute(std::vector<std::string_view>(words.begin(), words.end()));
}

constexpr std::int64_t kNowUs = 1'700'000'000'000'000;

// An engine whose clock stands still.
struct Store {
  Store() : session(engine.NewSession()) {}
  ManualClock clock{kNowUs};
  Engine engine{{.clock = &clock, .with_keeper = false}};
  std::unique_ptr<EmbeddedSession> session;
};

// Every type and form; what streams have besides their entries, too.
void Fill(EmbeddedSession& session) {
  const auto run = [&](const Words& words) {
    const std::string reply = Execute(session, words);
    EXPECT_NE(reply[0], '-') << words[0] << ": " << reply;
  };
  for (const int size : {1, 63, 64, 65, 1000}) {
    const std::string name = std::to_string(size);
    run({"SET", "string" + name, std::string(static_cast<std::size_t>(size) * 30, 'x')});
    run({"SET", "number" + name, "-" + name});
    for (int i = 0; i < size; ++i) {
      const std::string n = std::to_string(i);
      run({"RPUSH", "list" + name, i % 2 == 0 ? n : "element" + n});
      run({"SADD", "ints" + name, n});
      run({"SADD", "set" + name, "member" + n});
      run({"ZADD", "sorted" + name, std::to_string(i / 7.0), "member" + n});
      run({"HSET", "hash" + name, "field" + n, "value" + n});
      run({"HSET", "timed" + name, "field" + n, "value" + n});
      run({"XADD", "stream" + name, std::to_string(i + 1) + "-1", "field", n});
    }
    run({"HPEXPIREAT", "timed" + name, "1800000000123", "FIELDS", "1", "field0"});
    run({"PEXPIREAT", "set" + name, "1800000000456"});
    run({"PEXPIREAT", "timed" + name, "1900000000000"});
    run({"XGROUP", "CREATE", "stream" + name, "readers", "0"});
    run({"XREADGROUP", "GROUP", "readers", "alice", "COUNT", "3", "STREAMS", "stream" + name, ">"});
    run({"XDEL", "stream" + name, "1-1"});
  }
  run({"ZADD", "odd scores", "inf", "a", "-inf", "b", "0.1", "c", "1e300", "d"});
  run({"SELECT", "9"});
  run({"SET", "with\r\nlines", std::string("\0\r\n", 3)});
  run({"XGROUP", "CREATE", "nothing", "g", "$", "MKSTREAM"});
}

// A stream that is saved in pieces, with all that a group may have, at different times.
void FillStream(Store& store) {
  const auto run = [&](const Words& words) {
    const std::string reply = Execute(*store.session, words);
    EXPECT_NE(reply[0], '-') << words[0] << ": " << reply;
    store.clock.AdvanceMs(7);
  };
  for (int i = 1; i <= 5000; ++i) {
    const std::string n = std::to_string(i);
    run({"XADD", "log", n + "-" + n, "level", n, "text", "message " + n});
  }
  run({"XGROUP", "CREATE", "log", "readers", "0", "ENTRIESREAD", "0"});
  run({"XGROUP", "CREATE", "log", "unknown", "17"});
  run({"XGROUP", "CREATECONSUMER", "log", "readers", "idle"});
  run({"XREADGROUP", "GROUP", "readers", "alice", "COUNT", "2000", "STREAMS", "log", ">"});
  run({"XREADGROUP", "GROUP", "readers", "bob", "COUNT", "500", "STREAMS", "log", ">"});
  run({"XREADGROUP", "GROUP", "readers", "alice", "COUNT", "9", "STREAMS", "log", "0"});
  run({"XCLAIM", "log", "readers", "carol", "0", "3-3", "4-4", "RETRYCOUNT", "70000", "TIME", "5"});
  run({"XACK", "log", "readers", "7-7"});
  run({"XDEL", "log", "3-3", "8-8", "4999-4999", "5000-5000"});
  run({"XSETID", "log", "6000-1", "ENTRIESADDED", "7000", "MAXDELETEDID", "5500-0"});
}

// The sum of what XINFO STREAM FULL says, but when consumers last got something: files of Redis
// 7.0's version have no place for that.
std::uint64_t AllOfStream(EmbeddedSession& session) {
  const std::string reply = Execute(session, {"XINFO", "STREAM", "log", "FULL", "COUNT", "0"});
  EXPECT_GT(reply.size(), 200'000u);
  constexpr std::string_view kActive = "active-time\r\n:";
  std::string kept;
  std::size_t at = 0;
  for (std::size_t found; (found = reply.find(kActive, at)) != std::string::npos;) {
    kept.append(reply, at, found - at);
    at = reply.find("\r\n", found + kActive.size());
  }
  return Crc64(0, kept.append(reply, at));
}

TEST(Save, AnImageOfCommandsMakesTheSame) {
  Store store;
  Fill(*store.session);
  FillStream(store);
  io::SimDisk disk(1);
  const std::string path = "./base.aof";
  {
    const auto cut = persist::TakeCut(store.engine.keyspace());
    persist::SaveProgress progress;
    const persist::SaveOrder order = {.path = path,
                                      .format = {.form = persist::ImageFormat::Form::kCommands}};
    const Status saved = SaveCut(disk, store.engine.keyspace(), *cut, order, progress);
    ASSERT_TRUE(saved.ok()) << saved.message();
  }
  Store again;
  std::size_t longest = 0;
  const auto apply = [&](const codec::AofReader& reader) -> Status {
    for (const log::EffectView& effect : reader.group()) {
      Execute(*again.session, {"SELECT", std::to_string(effect.db.value)});
      const std::string reply = again.session->Execute(effect.args);
      EXPECT_NE(reply[0], '-') << effect.args[0] << ": " << reply;
      longest = std::max(longest, effect.args.size());
    }
    return {};
  };
  const auto replayed =
      persist::ReplayAof(disk, {.path = path, .is_base = true, .may_be_torn = false}, 0, apply);
  ASSERT_TRUE(replayed.has_value()) << replayed.error().message();
  EXPECT_EQ(again.engine.Digest(), store.engine.Digest());
  EXPECT_EQ(longest, 2 + 2 * 64u) << "a hash's command";
  Execute(*again.session, {"SELECT", "9"});
  EXPECT_EQ(AllOfStream(*again.session), AllOfStream(*store.session));
}

}  // namespace
}  // namespace cairn::engine
