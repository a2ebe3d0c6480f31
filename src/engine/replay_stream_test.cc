// SPDX-License-Identifier: BSD-3-Clause
// The log tells the whole truth of streams: entries with ids of the clock's making, trims, groups,
// what is pending for whom, since when and how often, and reads that wait.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/replay_testing.h"

namespace cairn::engine {
namespace {

class StreamCommands {
 public:
  StreamCommands(Random& random, const Clock& clock) : random_(random), clock_(clock) {}

  ReplayArgs Next() {
    switch (random_.Below(12)) {
      case 0:
      case 1:
      case 2:
        return Add();
      case 3:
      case 4:
        return Read();
      case 5:
        return Claim();
      case 6:
        return {"XACK", Key(), Group(), Id(), Id(), Id()};
      case 7:
        return ChangeGroup();
      case 8:
        return Trim();
      case 9:
        return Delete();
      case 10:
        return Rare();
      default:
        return {"XAUTOCLAIM",           Key(), Group(), Consumer(),
                Pick({"0", "5", "30"}), Id(),  "COUNT", Number(1, 5)};
    }
  }

 private:
  std::string Pick(std::initializer_list<const char*> words) {
    return words.begin()[random_.Below(words.size())];
  }
  std::string Number(std::uint64_t low, std::uint64_t high) {
    return std::to_string(low + random_.Below(high - low + 1));
  }
  std::string Key() { return "stream" + Number(0, 2); }
  std::string Group() { return "group" + Number(0, 1); }
  std::string Consumer() { return "consumer" + Number(0, 3); }
  // Most have been given out not long ago.
  std::string Id() {
    if (random_.Below(12) == 0) return "0";
    const std::int64_t ms = clock_.NowUnixMs() - static_cast<std::int64_t>(random_.Below(60));
    return std::to_string(ms) + '-' + Number(0, 3);
  }

  ReplayArgs Add() {
    ReplayArgs args = {"XADD", Key()};
    if (random_.Below(6) == 0) args.emplace_back("NOMKSTREAM");
    if (random_.Below(3) == 0)
      args.insert(args.end(), {Pick({"MAXLEN", "MAXLEN"}), Pick({"=", "~"}), Number(0, 150)});
    args.push_back(random_.Below(4) == 0 ? std::to_string(clock_.NowUnixMs()) + "-*" : "*");
    args.insert(args.end(),
                {"field", Number(0, 1000), "second", std::string(random_.Below(50), 'x')});
    return args;
  }
  ReplayArgs Read() {
    ReplayArgs args = {"XREADGROUP", "GROUP", Group(), Consumer(), "COUNT", Number(1, 6)};
    if (random_.Below(2) == 0) args.insert(args.end(), {"BLOCK", "0"});
    if (random_.Below(4) == 0) args.emplace_back("NOACK");
    args.insert(args.end(), {"STREAMS", Key(), Key()});
    const bool history = random_.Below(6) == 0;
    args.insert(args.end(), {history ? Id() : ">", history ? "0" : ">"});
    return args;
  }
  ReplayArgs Claim() {
    ReplayArgs args = {"XCLAIM", Key(), Group(), Consumer(), Pick({"0", "10"}), Id(), Id()};
    switch (random_.Below(6)) {
      case 0:
        args.emplace_back("JUSTID");
        break;
      case 1:
        args.insert(args.end(), {"IDLE", Number(0, 1000)});
        break;
      case 2:
        args.insert(args.end(), {"TIME", std::to_string(clock_.NowUnixMs() - 7), "FORCE"});
        break;
      case 3:
        args.insert(args.end(), {"RETRYCOUNT", Number(0, 9), "FORCE"});
        break;
      case 4:
        args.insert(args.end(), {"LASTID", Id()});
        break;
      default:
        break;
    }
    return args;
  }
  ReplayArgs ChangeGroup() {
    switch (random_.Below(6)) {
      case 0:
        return {"XGROUP", "SETID", Key(), Group(), Id()};
      case 1:
        return {"XGROUP", "SETID", Key(), Group(), "$", "ENTRIESREAD", Number(0, 50)};
      case 2:
        return {"XGROUP", "CREATECONSUMER", Key(), Group(), Consumer()};
      case 3:
        return {"XGROUP", "DELCONSUMER", Key(), Group(), Consumer()};
      case 4:
        if (random_.Below(4) == 0) return {"XGROUP", "DESTROY", Key(), Group()};
        return {"XGROUP", "CREATE", Key(), Group(), "0"};
      default:
        return {"XGROUP", "CREATE", Key(), Group(), Pick({"$", "0"}), "MKSTREAM"};
    }
  }
  ReplayArgs Trim() {
    switch (random_.Below(4)) {
      case 0:
        return {"XTRIM", Key(), "MAXLEN", Number(0, 200)};
      case 1:
        return {"XTRIM", Key(), "MINID", "~", Id(), "LIMIT", Number(1, 200)};
      case 2:
        return {"XTRIM", Key(), "MAXLEN", "~", Number(0, 100)};
      default:
        return {"XTRIM", Key(), "MINID", Id()};
    }
  }
  ReplayArgs Delete() {
    switch (random_.Below(3)) {
      case 0:
        return {"XDEL", Key(), Id(), Id(), Id()};
      case 1:
        return {"XDELEX", Key(), Pick({"KEEPREF", "DELREF", "ACKED"}), "IDS", "2", Id(), Id()};
      default:
        return {"XACKDEL", Key(), Group(), Pick({"KEEPREF", "DELREF", "ACKED"}),
                "IDS",     "2",   Id(),    Id()};
    }
  }
  ReplayArgs Rare() {
    switch (random_.Below(9)) {
      case 0:
        return {"DEL", Key()};
      case 1:
      case 2:
        return {"SWAPDB", "0", "0"};
      case 3:
        return {"COPY", Key(), Key(), "REPLACE"};
      case 4:
        return {"RENAME", Key(), Key()};
      case 5:
        return {"XSETID", Key(), std::to_string(clock_.NowUnixMs() + 1) + "-0"};
      case 6:
        return {"XSETID",       Key(), std::to_string(clock_.NowUnixMs() + 1) + "-0",
                "ENTRIESADDED", "500", "MAXDELETEDID",
                "0-5"};
      case 7:
        return {"MULTI"};
      default:
        return {Pick({"EXEC", "EXEC", "DISCARD"})};
    }
  }

  Random& random_;
  const Clock& clock_;
};

TEST(ReplayStream, TwinsHoldTheSameEntriesGroupsAndDeliveries) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Twins twins(seed, 4, 2 * Twins::kStartUs);
  StreamCommands commands(twins.random(), twins.clock());
  std::vector<ReplayArgs> deeper;
  for (const char* key : {"stream0", "stream1", "stream2"})
    deeper.push_back({"XINFO", "STREAM", key, "FULL", "COUNT", "0"});
  for (int step = 0; step < 30'000; ++step) {
    twins.Execute(commands.Next());
    if (step % 20 == 19) twins.Compare(deeper);
    if (::testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(twins.served(), 0u);
}

}  // namespace
}  // namespace cairn::engine
