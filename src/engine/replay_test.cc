// SPDX-License-Identifier: BSD-3-Clause
// The log tells the whole truth: random commands on an engine whose log is read along, replayed
// into a twin, leave both with the same data; from one client, and from several at once.
//
// The twin's clock stands still, so nothing expires there but by the log's word: as with a replica
// or a log read after a crash, whose clock has gone on, but which must not act on it by itself.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/thread.h"
#include "engine/engine.h"

namespace cairn::engine {
namespace {

constexpr std::int64_t kStartUs = 1'700'000'000'000'000;

using Args = std::vector<std::string>;

// Commands of every family that writes, on few keys, so that they meet.
class CommandMaker {
 public:
  CommandMaker(std::uint64_t seed, const Clock& clock) : random_(seed), clock_(clock) {}

  Args Next() {
    switch (random_.Below(18)) {
      case 12:
      case 13:
        return EditSet();
      case 14:
      case 15:
        return EditHash();
      case 16:
      case 17:
        return TimeFields();
      case 0:
      case 1:
        return Store();
      case 2:
        return StoreMany();
      case 3:
        return EditText();
      case 4:
        return Count();
      case 5:
        return Expire();
      case 6:
        return Name();
      case 7:
        return Bits();
      case 8:
        return Sketch();
      case 9:
        return Read();
      case 10:
        return Rare();
      default:
        return {Pick({"DEL", "UNLINK", "GETDEL", "GETDEL"}), Key()};
    }
  }
  Random& random() { return random_; }

 private:
  std::string Pick(std::initializer_list<const char*> words) {
    return words.begin()[random_.Below(words.size())];
  }
  std::string Number(std::uint64_t bound) { return std::to_string(random_.Below(bound)); }
  std::string Key() {
    if (random_.Below(20) == 0) return random_.Below(2) == 0 ? SetKey() : HashKey();
    return Pick({"k", "{t}", "n"}) + Number(20);
  }
  std::string SetKey() { return "s" + Number(6); }
  std::string HashKey() { return "x" + Number(6); }
  // Numbers, texts, and rarely one that makes the collection a large one.
  std::string Element() {
    const std::uint64_t kind = random_.Below(60);
    if (kind == 0) return std::string(70, static_cast<char>('a' + random_.Below(26)));
    return kind < 30 ? Number(40) : "m" + Number(40);
  }
  std::string Value() {
    const std::uint64_t kind = random_.Below(30);
    if (kind < 10) return Number(1000);
    return std::string(random_.Below(kind == 10  ? 80'000
                                     : kind < 13 ? 3000
                                                 : 40),
                       static_cast<char>('a' + random_.Below(26)));
  }
  std::string Soon(std::int64_t unit_ms) {
    return std::to_string(static_cast<std::int64_t>(random_.Below(300)) / unit_ms + 1);
  }
  std::string At() {
    return std::to_string(clock_.NowUnixMs() - 50 + static_cast<std::int64_t>(random_.Below(400)));
  }
  void AddExpiry(Args& args) {
    switch (random_.Below(6)) {
      case 0:
        args.insert(args.end(), {"PX", Soon(1)});
        break;
      case 1:
        args.insert(args.end(), {"EX", Soon(1000)});
        break;
      case 2:
        args.insert(args.end(), {"PXAT", At()});
        break;
      case 3:
        args.emplace_back("KEEPTTL");
        break;
      default:
        break;
    }
  }

  Args Store() {
    Args args = {"SET", Key(), Value()};
    switch (random_.Below(10)) {
      case 0:
        return {"SETNX", args[1], args[2]};
      case 1:
        return {"GETSET", args[1], args[2]};
      case 2:
        return {"SETEX", args[1], Soon(1000), args[2]};
      case 3:
        return {"PSETEX", args[1], Soon(1), args[2]};
      case 4:
        args.push_back(Pick({"NX", "XX", "GET"}));
        break;
      case 5:
        args.insert(args.end(), {Pick({"IFEQ", "IFNE"}), Value()});
        break;
      default:
        break;
    }
    AddExpiry(args);
    return args;
  }
  Args StoreMany() {
    const std::uint64_t pairs = random_.Below(6) + 1;
    Args args = {Pick({"MSET", "MSET", "MSETNX", "MSETEX"})};
    if (args[0] == "MSETEX") args.push_back(std::to_string(pairs));
    const bool extended = args[0] == "MSETEX";
    for (std::uint64_t i = 0; i < pairs; ++i) args.insert(args.end(), {Key(), Value()});
    if (extended) AddExpiry(args);
    return args;
  }
  Args EditText() {
    if (random_.Below(2) == 0) return {"APPEND", Key(), Value()};
    return {"SETRANGE", Key(), Number(random_.Below(20) == 0 ? 40'000 : 100), Value()};
  }
  Args Count() {
    switch (random_.Below(6)) {
      case 0:
        return {Pick({"INCR", "DECR"}), Key()};
      case 1:
        return {Pick({"INCRBY", "DECRBY"}), Key(), Number(1000)};
      case 2:
        return {"INCRBYFLOAT", Key(), Number(100) + "." + Number(1000)};
      default: {
        Args args = {"INCREX", Key(), "BYINT", Number(50), "UBOUND", Number(5000)};
        if (random_.Below(2) == 0) args.emplace_back("SATURATE");
        if (random_.Below(2) == 0) args.insert(args.end(), {"PX", Soon(1)});
        return args;
      }
    }
  }
  Args Expire() {
    switch (random_.Below(6)) {
      case 0:
        return {"EXPIRE", Key(), Soon(1000), Pick({"NX", "XX", "GT", "LT"})};
      case 1:
        return {"PEXPIRE", Key(), Soon(1)};
      case 2:
        return {"PEXPIREAT", Key(), At()};
      case 3:
        return {"GETEX", Key(), Pick({"PX"}), Soon(1)};
      case 4:
        return {"GETEX", Key(), "PERSIST"};
      default:
        return {"PERSIST", Key()};
    }
  }
  Args Name() {
    switch (random_.Below(5)) {
      case 0:
        return {Pick({"RENAME", "RENAMENX"}), Key(), Key()};
      case 1:
        return {"COPY", Key(), Key(), "REPLACE"};
      case 2:
        return {"COPY", Key(), Key(), "DB", Number(4)};
      case 3:
        return {"DEL", Key(), Key(), Key()};
      default:
        return {"MOVE", Key(), Number(4)};
    }
  }
  Args Bits() {
    switch (random_.Below(4)) {
      case 0:
        return {"SETBIT", Key(), Number(2000), Number(2)};
      case 1:
        return {"BITOP", Pick({"AND", "OR", "XOR"}), Key(), Key(), Key()};
      case 2:
        return {"BITOP", "NOT", Key(), Key()};
      default:
        return {"BITFIELD",  Key(),    "SET", "u8", Number(100),
                Number(300), "INCRBY", "i16", "#3", Number(40'000)};
    }
  }
  Args Sketch() {
    const std::string key = "h" + Number(4);
    if (random_.Below(4) == 0) return {"PFMERGE", key, "h" + Number(4), "h" + Number(4)};
    if (random_.Below(4) == 0) return {"PFCOUNT", key};
    Args args = {"PFADD", key};
    for (std::uint64_t i = random_.Below(100); i > 0; --i) args.push_back(Number(100'000));
    return args;
  }
  Args EditSet() {
    switch (random_.Below(8)) {
      case 0:
        return {"SREM", SetKey(), Element(), Element(), Element()};
      case 1:
        return {"SPOP", SetKey()};
      case 2:
        return {"SPOP", SetKey(), Number(20)};
      case 3:
        return {"SMOVE", SetKey(), SetKey(), Element()};
      case 4:
        return {Pick({"SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"}), SetKey(), SetKey(), SetKey()};
      default: {
        Args args = {"SADD", SetKey()};
        for (std::uint64_t i = random_.Below(10) + 1; i > 0; --i) args.push_back(Element());
        return args;
      }
    }
  }
  Args EditHash() {
    switch (random_.Below(8)) {
      case 0:
        return {"HDEL", HashKey(), Element(), Element(), Element()};
      case 1:
        return {"HINCRBY", HashKey(), Element(), Number(100)};
      case 2:
        return {"HINCRBYFLOAT", HashKey(), Element(), Number(100) + "." + Number(1000)};
      case 3:
        return {"HSETNX", HashKey(), Element(), Element()};
      case 4:
        return {"HGETDEL", HashKey(), "FIELDS", "2", Element(), Element()};
      default: {
        Args args = {Pick({"HSET", "HMSET"}), HashKey()};
        for (std::uint64_t i = random_.Below(10) + 1; i > 0; --i)
          args.insert(args.end(), {Element(), random_.Below(30) == 0 ? Value() : Element()});
        return args;
      }
    }
  }
  Args TimeFields() {
    switch (random_.Below(8)) {
      case 0:
        return {"HPEXPIRE", HashKey(), Soon(1),  Pick({"NX", "XX", "GT", "LT"}), "FIELDS", "3",
                Element(),  Element(), Element()};
      case 1:
        return {"HPEXPIREAT", HashKey(), At(), "FIELDS", "2", Element(), Element()};
      case 2:
        return {"HEXPIRE", HashKey(), Number(3), "FIELDS", "2", Element(), Element()};
      case 3:
        return {"HPERSIST", HashKey(), "FIELDS", "3", Element(), Element(), Element()};
      case 4:
        return {"HGETEX", HashKey(), "PXAT", At(), "FIELDS", "2", Element(), Element()};
      case 5:
        return {"HGETEX", HashKey(), "PERSIST", "FIELDS", "2", Element(), Element()};
      case 6:
        return {"HSETEX",  HashKey(), Pick({"FNX", "FXX"}),
                "PX",      Soon(1),   "FIELDS",
                "2",       Element(), Element(),
                Element(), Element()};
      default:
        return {"HSETEX", HashKey(), "KEEPTTL", "FIELDS", "1", Element(), Element()};
    }
  }
  Args Read() { return {Pick({"MGET", "EXISTS", "TOUCH"}), Key(), Key(), Key(), Key()}; }
  Args Rare() {
    if (random_.Below(40) != 0) return {"SELECT", Number(4)};
    switch (random_.Below(4)) {
      case 0:
        return {"FLUSHDB"};
      case 1:
        return {"FLUSHALL", "ASYNC"};
      default:
        return {"SWAPDB", Number(4), Number(4)};
    }
  }

  Random random_;
  const Clock& clock_;
};

std::string Execute(EmbeddedSession& session, const Args& args) {
  return session.Execute(std::vector<std::string_view>(args.begin(), args.end()));
}

void Replay(log::Reader& reader, EmbeddedSession& replayed) {
  while (const std::optional<log::Effect> effect = reader.Next()) {
    replayed.set_db(effect->db);
    const std::string reply = Execute(replayed, effect->args);
    ASSERT_NE(reply[0], '-') << effect->args[0] << ": " << reply;
  }
}

// Everything that is due goes, with its DELs read along.
void ExpireAll(Engine& engine, log::Reader& reader, EmbeddedSession& replayed) {
  do {
    Replay(reader, replayed);
  } while (engine.keeper().RunOnce());
  Replay(reader, replayed);
}

TEST(Replay, OneClientsCommandsLeaveTwinsEqual) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  ManualClock clock(kStartUs);
  const ManualClock twin_clock(kStartUs);
  Engine engine({.clock = &clock, .with_keeper = false});
  Engine twin({.stripe_count = 4, .clock = &twin_clock, .with_keeper = false});
  const std::unique_ptr<log::Reader> reader = engine.AttachLogReader(log::Lag::kMustKeep);
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  const std::unique_ptr<EmbeddedSession> replayed = twin.NewSession();
  CommandMaker maker(seed, clock);
  std::string trace;
  for (int step = 0; step < 40'000; ++step) {
    const Args args = maker.Next();
    const std::string reply = Execute(*session, args);
    ASSERT_FALSE(reply.empty());
    if (maker.random().Below(20) == 0)
      clock.AdvanceMs(static_cast<std::int64_t>(maker.random().Below(40)));
    if (maker.random().Below(50) == 0) engine.keeper().RunOnce();
    trace += args[0] + ' ' + (args.size() > 1 ? args[1] : "") + '\n';
    if (step % 100 != 99) continue;
    ExpireAll(engine, *reader, *replayed);
    ASSERT_EQ(engine.Digest(), twin.Digest()) << "step " << step << '\n' << trace;
    trace.clear();
  }
}

TEST(Replay, ManyClientsCommandsLeaveTwinsEqual) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  ManualClock clock(kStartUs);
  const ManualClock twin_clock(kStartUs);
  Engine engine({.log_ring_bytes = 512 * 1024, .clock = &clock, .with_keeper = false});
  Engine twin({.clock = &twin_clock, .with_keeper = false});
  const std::unique_ptr<log::Reader> reader = engine.AttachLogReader(log::Lag::kMustKeep);
  constexpr int kClients = 4;
  std::atomic<int> running{kClients};
  std::vector<Thread> threads;
  for (int client = 0; client < kClients; ++client) {
    threads.emplace_back("client", [&, client] {
      const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
      CommandMaker maker(seed + static_cast<std::uint64_t>(client), clock);
      for (int step = 0; step < 10'000; ++step) {
        Execute(*session, maker.Next());
        if (maker.random().Below(50) == 0) clock.AdvanceMs(5);
        if (client == 0 && step % 10 == 0) engine.keeper().RunOnce();
      }
      running.fetch_sub(1, std::memory_order_release);
    });
  }
  const std::unique_ptr<EmbeddedSession> replayed = twin.NewSession();
  while (running.load(std::memory_order_acquire) > 0) Replay(*reader, *replayed);
  for (Thread& thread : threads) thread.Join();
  ExpireAll(engine, *reader, *replayed);
  EXPECT_FALSE(reader->lost());
  EXPECT_EQ(engine.Digest(), twin.Digest());
}

TEST(Replay, AMillionPairsInOneCallFitTheLog) {
  ManualClock clock(kStartUs);
  const ManualClock twin_clock(kStartUs);
  Engine engine({.log_ring_bytes = 256 * 1024, .clock = &clock, .with_keeper = false});
  Engine twin({.clock = &twin_clock, .with_keeper = false});
  const std::unique_ptr<log::Reader> reader = engine.AttachLogReader(log::Lag::kMustKeep);
  const std::unique_ptr<EmbeddedSession> session = engine.NewSession();
  const std::unique_ptr<EmbeddedSession> replayed = twin.NewSession();
  constexpr int kPairs = 100'000;
  Args mset = {"MSETEX", std::to_string(kPairs)};
  Args mget = {"MGET"};
  for (int i = 0; i < kPairs; ++i) {
    mset.insert(mset.end(), {std::to_string(i), "v"});
    mget.push_back(std::to_string(i));
  }
  mset.insert(mset.end(), {"PX", "100"});
  EXPECT_EQ(Execute(*session, mset), ":1\r\n");
  clock.AdvanceMs(100);
  Execute(*session, mget);  // comes upon every one of them, expired
  Execute(*session, {"SET", "k", "v"});
  std::vector<std::string> names;
  while (const std::optional<log::Effect> effect = reader->Next()) {
    names.push_back(effect->args[0]);
    Execute(*replayed, effect->args);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"MSETEX", "DEL", "SET"}));
  EXPECT_EQ(engine.Digest(), twin.Digest());
}

}  // namespace
}  // namespace cairn::engine
