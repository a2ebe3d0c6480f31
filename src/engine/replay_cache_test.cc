// SPDX-License-Identifier: BSD-3-Clause
// The log tells the whole truth of the caching commands, too: what CACHE.GET and CACHE.INFO say of
// values, known absence and tombstones is the same in a twin that was given the log, whatever was
// refused, forgotten or made an end of meanwhile.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/engine.h"

namespace cairn::engine {
namespace {

constexpr std::int64_t kStartUs = 1'700'000'000'000'000;
constexpr int kKeys = 8;

using Args = std::vector<std::string>;

std::string Execute(EmbeddedSession& session, const Args& args) {
  return session.Execute(std::vector<std::string_view>(args.begin(), args.end()));
}

class CommandMaker {
 public:
  explicit CommandMaker(std::uint64_t seed) : random_(seed) {}
  Random& random() { return random_; }

  Args Next() {
    switch (random_.Below(20)) {
      case 0:
      case 1:
      case 2:
        return Fill({"CACHE.SET", Key(), Number(100)});
      case 3:
      case 4:
        return Fill({"CACHE.ABSENT", Key()});
      case 5:
        return Fill({"CACHE.TOUCH", Key()});
      case 6: {
        Args args = {"CACHE.DEL", Key()};
        if (random_.Below(3) > 0) args.insert(args.end(), {"VER", Number(9)});
        if (args.size() > 2 && random_.Below(2) == 0)
          args.insert(args.end(), {"TOMBSTONE", Number(100'000)});
        return args;
      }
      case 7:
        return {"TAG.BUMP", Pick({"SOFT", "HARD"}), Tag(), Tag()};
      case 8:
        return {"TAG.ADD", Key(), Tag(), Tag()};
      case 9:
        return {Pick({"CACHE.STALE", "DEL", "UNLINK"}), Key(), Key(), Key()};
      case 10:
        return {Pick({"CACHE.FORGET", "GETDEL", "INCR", "PERSIST"}), Key()};
      case 11:
        return {Pick({"SET", "APPEND", "GETSET"}), Key(), Number(100)};
      case 12:
        return {Pick({"RENAME", "RENAMENX", "COPY"}), Key(), Key()};
      case 13:
        return {"SET", Key(), "v", Pick({"KEEPTTL", "XX", "NX"})};
      case 14:
        return {"PEXPIRE", Key(), Number(500)};
      case 15:
      case 16:
        return Behind(Fill({"CACHE.SET", Key(), Number(100)}));
      case 17:
        return Behind({"CACHE.DEL", Key(), "VER", Number(9)});
      case 18:
        return WithLog();
      default:
        return Rare();
    }
  }

 private:
  std::string Pick(std::initializer_list<const char*> words) {
    return words.begin()[random_.Below(words.size())];
  }
  std::string Number(std::uint64_t bound) { return std::to_string(1 + random_.Below(bound)); }
  std::string Key() { return "k" + std::to_string(random_.Below(kKeys)); }
  std::string Tag() { return "t" + std::to_string(random_.Below(5)); }

  Args Fill(Args args) {
    if (random_.Below(2) == 0) args.insert(args.end(), {"VER", Number(9)});
    if (random_.Below(2) == 0) args.insert(args.end(), {"TAGS", "2", Tag(), Tag()});
    if (random_.Below(2) == 0) {
      args.insert(args.end(), {"TTL", Number(300), "STALE", Number(300)});
      if (random_.Below(2) == 0) args.insert(args.end(), {"JITTER", "50", "COST", "20"});
    }
    return args;
  }
  Args Behind(Args args) {
    args.insert(args.end(), {"BEHIND", Log(), "MAXLEN", Number(30)});
    if (random_.Below(2) == 0) args.insert(args.end(), {"COALESCE", Number(100)});
    return args;
  }
  // What workers do, and others. "?" stands for an entry of the log and the key it tells of.
  Args WithLog() {
    const std::string log = Log();
    switch (random_.Below(8)) {
      case 0:
        return {"XGROUP", "CREATE", log, "g", "0", "MKSTREAM"};
      case 1:
        return {"XREADGROUP", "GROUP", "g", "c", "COUNT", "2", "STREAMS", log, ">"};
      case 2:
        return random_.Below(8) == 0 ? Args{Pick({"DEL", "PERSIST"}), log}
                                     : Args{"XTRIM", log, "MAXLEN", Number(9)};
      case 3:
        return {"PEXPIRE", log, Number(500)};
      default:
        return {"CACHE.ACK", log, "?"};
    }
  }
  std::string Log() { return Pick({"log0", "log1"}); }
  Args Rare() {
    if (random_.Below(20) != 0) return {"MSET", Key(), "a", Key(), "b"};
    return random_.Below(2) == 0 ? Args{"FLUSHDB"} : Args{"SWAPDB", "0", "1"};
  }

  Random random_;
};

// CACHE.ACK of one of the log's entries, drawn by `number`.
Args AckOf(EmbeddedSession& session, const std::string& log, std::uint64_t number) {
  std::vector<std::string> lines;
  const std::string reply = Execute(session, {"XRANGE", log, "-", "+"});
  for (std::size_t at = 0; at < reply.size(); at = reply.find("\r\n", at) + 2)
    lines.push_back(reply.substr(at, reply.find("\r\n", at) - at));
  // "*n", and for each entry "*2 $ id *8 $ op $ set $ key $ k ...".
  constexpr std::size_t kLinesAnEntry = 20;
  const std::size_t entries = lines.size() / kLinesAnEntry;
  if (entries == 0) return {"CACHE.ACK", log, "5-5", "k1"};
  const std::size_t at = 1 + kLinesAnEntry * (number % entries);
  return {"CACHE.ACK", log, lines[at + 2], lines[at + 11]};
}

// What a client can be told of all keys.
std::string Seen(EmbeddedSession& session) {
  std::string seen;
  for (int key = 0; key < kKeys; ++key) {
    const std::string name = "k" + std::to_string(key);
    seen += name + "\n" + Execute(session, {"CACHE.GET", name, "STALE"}) +
            Execute(session, {"CACHE.INFO", name}) + Execute(session, {"PTTL", name}) +
            Execute(session, {"DUMP", name});
  }
  for (const std::string log : {"log0", "log1"}) {
    seen += Execute(session, {"XRANGE", log, "-", "+"}) + Execute(session, {"XPENDING", log, "g"}) +
            Execute(session, {"CACHE.INFO", log}) + Execute(session, {"PTTL", log});
  }
  return seen;
}

TEST(ReplayCache, TwinsSayTheSameOfEveryKey) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  ManualClock clock(kStartUs);
  Engine engine({.clock = &clock, .with_keeper = false});
  Engine twin({.stripe_count = 4, .clock = &clock, .with_keeper = false});
  const std::unique_ptr<log::Reader> reader = engine.AttachLogReader(log::Lag::kMustKeep);
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  const std::unique_ptr<EmbeddedSession> replayed = twin.NewSession();
  const std::unique_ptr<EmbeddedSession> looking = twin.NewSession();
  replayed->BeginReplay();
  CommandMaker maker(seed);
  std::string trace;
  for (int step = 0; step < 20'000; ++step) {
    Args args = maker.Next();
    if (args.back() == "?") args = AckOf(*session, args[1], maker.random().Below(1000));
    for (const std::string& word : args) trace += word + ' ';
    trace += '\n';
    ASSERT_FALSE(Execute(*session, args).empty());
    if (maker.random().Below(10) == 0)
      clock.AdvanceMs(static_cast<std::int64_t>(maker.random().Below(60)));
    if (maker.random().Below(50) == 0) engine.keeper().RunOnce();
    if (step % 20 != 19) continue;
    const std::string seen = Seen(*session);
    while (const std::optional<log::Effect> effect = reader->Next()) {
      replayed->set_db(effect->db);
      trace += "  replayed:";
      for (const std::string& word : effect->args) trace += ' ' + word;
      const std::string reply = Execute(*replayed, effect->args);
      ASSERT_NE(reply[0], '-') << effect->args[0] << ": " << reply;
      trace += '\n';
    }
    ASSERT_EQ(seen, Seen(*looking)) << "step " << step << '\n' << trace;
    ASSERT_EQ(engine.Digest(), twin.Digest()) << "step " << step << '\n' << trace;
    trace.clear();
  }
}

// As many as there can be: one record, or the ring could not take them.
TEST(ReplayCache, DeletesOfManyAbsentKeysAreOneRecord) {
  Engine engine({.log_ring_bytes = 256 * 1024, .with_keeper = false});
  Engine twin({.with_keeper = false});
  const std::unique_ptr<log::Reader> reader = engine.AttachLogReader(log::Lag::kMustKeep);
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  const std::unique_ptr<EmbeddedSession> replayed = twin.NewSession();
  replayed->BeginReplay();
  Args del = {"DEL"};
  std::vector<std::string> names;
  const auto replay = [&] {
    names.clear();
    while (const std::optional<log::Effect> effect = reader->Next()) {
      names.push_back(effect->args[0]);
      Execute(*replayed, effect->args);
    }
  };
  for (int n = 0; n < 20'000; ++n) {
    del.push_back("absent " + std::to_string(n));
    Execute(*session, {"CACHE.ABSENT", del.back(), "VER", "5"});
    if (n % 100 == 0) replay();
  }
  replay();
  Execute(*session, del);
  replay();
  EXPECT_EQ(names, std::vector<std::string>{"DEL"});
  EXPECT_EQ(Execute(*replayed, {"CACHE.INFO", del.back()}).substr(0, 30),
            Execute(*session, {"CACHE.INFO", del.back()}).substr(0, 30));
  EXPECT_EQ(Execute(*session, {"CACHE.SET", del.back(), "v", "VER", "5"}), "+OLD\r\n");
}

// A client may send what only the log is to have. Seen: a number that was cut for the server that
// was asked was not cut in its log, and what was stored afterwards was gone after a restart.
TEST(ReplayCache, ANumberOfAClientIsLoggedAsItWasTaken) {
  Engine engine({.with_keeper = false});
  Engine twin({.with_keeper = false});
  const std::unique_ptr<log::Reader> reader = engine.AttachLogReader(log::Lag::kMustKeep);
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  const std::unique_ptr<EmbeddedSession> replayed = twin.NewSession();
  replayed->BeginReplay();
  Execute(*session, {"NAMESPACE.SET", "n:"});
  for (const Args& args :
       {Args{"TAG.BUMP", "HARD", "t"}, Args{"TAG.BUMPED", "t", "HARD", "1000000"},
        Args{"NAMESPACE.CLEARED", "n:", "1000000"}, Args{"CACHE.SET", "k", "v", "TAGS", "1", "t"},
        Args{"CACHE.SET", "n:k", "v"}})
    ASSERT_NE(Execute(*session, args)[0], '-') << args[0];
  while (const std::optional<log::Effect> effect = reader->Next()) Execute(*replayed, effect->args);
  for (const std::string key : {"k", "n:k"}) {
    EXPECT_EQ(Execute(*session, {"GET", key}), "$1\r\nv\r\n");
    EXPECT_EQ(Execute(*replayed, {"GET", key}), "$1\r\nv\r\n");
  }
  EXPECT_EQ(engine.Digest(), twin.Digest());
}

}  // namespace
}  // namespace cairn::engine
