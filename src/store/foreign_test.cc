// SPDX-License-Identifier: BSD-3-Clause
// The scripts of foreign stores under virtual time: run by an embedded engine's own Lua, beside the
// native commands of another one on the same clock. So moments are equal to the millisecond, and
// everything expires in turn.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "cairn/store.h"
#include "cairn/testkit/virtual_time.h"
#include "client/command_keys.h"
#include "foreign/foreign_client.h"

namespace cairn::foreign {
namespace {

using namespace std::chrono_literals;
using cache::CallOptions;
using cache::Command;
using cache::Errc;
using cache::Replies;
using cache::Reply;
using cache::Result;
using cache::Store;

// An embedded store as if it were a server: it knows scripts by their digests, and TIME, which an
// engine has not, is the virtual clock's.
class Server final : public cache::Client {
 public:
  Server(Store store, const cache::VirtualTime& time) : store_(std::move(store)), time_(time) {}

  Result<Reply> Call(const Command& command, const CallOptions& options) override {
    ++calls;
    if (command[0] == "SCRIPT") known_.clear();
    if (command[0] == "EVALSHA" && !known_.contains(std::string(command[1])))
      return cache::Fail(Errc::kServer, "NOSCRIPT No matching script.");
    return below().Call(Timed(command), options);
  }
  void Start(Command command, CallOptions options, cache::ReplyCallback done) override {
    done(Call(command, options));
  }
  Replies Pipeline(std::span<const Command> commands, const CallOptions& options) override {
    Replies replies;
    for (const Command& command : commands) replies.push_back(Call(command, options));
    return replies;
  }
  void StartPipeline(std::vector<Command> commands, CallOptions options,
                     cache::RepliesCallback done) override {
    done(Pipeline(commands, options));
  }
  using Client::Transaction;
  Result<std::vector<Reply>> Transaction(std::span<const Command> commands,
                                         const CallOptions& options) override {
    std::vector<Command> timed;
    for (const Command& command : commands) timed.push_back(Timed(command));
    return below().Transaction(timed, options);
  }
  Result<std::unique_ptr<cache::Connection>> Reserve(std::string_view key,
                                                     const CallOptions& options) override {
    return std::make_unique<OwnConnection>(*this, *below().Reserve(key, options));
  }
  Result<std::unique_ptr<cache::Subscription>> Subscribe(cache::SubscriptionOptions,
                                                         cache::MessageHandler) override {
    return cache::Fail(Errc::kUnsupported, "");
  }
  Result<std::unique_ptr<cache::Tracking>> Track(cache::TrackingOptions,
                                                 cache::InvalidationHandler) override {
    return cache::Fail(Errc::kUnsupported, "");
  }

  int calls = 0;

 private:
  class OwnConnection final : public cache::Connection {
   public:
    OwnConnection(Server& server, std::unique_ptr<cache::Connection> below)
        : server_(server), below_(std::move(below)) {}
    Result<Reply> Call(const Command& command, const CallOptions& options) override {
      return below_->Call(server_.Timed(command), options);
    }
    Replies Pipeline(std::span<const Command> commands, const CallOptions& options) override {
      Replies replies;
      for (const Command& command : commands) replies.push_back(Call(command, options));
      return replies;
    }

   private:
    Server& server_;
    const std::unique_ptr<cache::Connection> below_;
  };

  // With its source, in which the time stands.
  Command Timed(const Command& command) {
    if (command[0] != "EVAL" && command[0] != "EVALSHA") return command;
    std::string source(command[1]);
    if (command[0] == "EVAL") {
      known_[cache::Script(source).digest()] = source;
    } else {
      source = known_[source];
    }
    const std::int64_t us =
        std::chrono::floor<std::chrono::microseconds>(time_.UnixNow().time_since_epoch()).count();
    const std::string now =
        "{" + std::to_string(us / 1'000'000) + "," + std::to_string(us % 1'000'000) + "}";
    for (const std::string_view call : {"redis.call('TIME')", "call('TIME')"}) {
      for (std::size_t at = source.find(call); at != source.npos; at = source.find(call))
        source.replace(at, call.size(), now);
    }
    Command timed("EVAL", source);
    for (std::size_t i = 2; i < command.size(); ++i) timed.Add(command[i]);
    return timed;
  }
  cache::Client& below() { return store_.client(); }

  Store store_;
  const cache::VirtualTime& time_;
  std::map<std::string, std::string> known_;
};

class Foreign : public testing::Test {
 protected:
  Store Open() { return Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value(); }
  std::unique_ptr<cache::Client> Over(std::unique_ptr<cache::Client> below,
                                      Planner::Options options = {}) {
    return std::make_unique<ForeignClient>(
        std::move(below), std::move(options),
        ForeignClient::Surroundings{.clock = time_,
                                    .scheduler = [this]() -> cache::Scheduler& { return time_; },
                                    .timeout = 5s});
  }
  std::unique_ptr<cache::Client> Make(Planner::Options options = {}) {
    auto below = std::make_unique<Server>(Open(), time_);
    below_ = below.get();
    return Over(std::move(below), std::move(options));
  }

  cache::VirtualTime time_;
  Server* below_ = nullptr;
};

std::string Show(const Result<Reply>& reply) {
  if (!reply) return "<" + reply.error().detail + ">";
  if (reply->is_null()) return "(null)";
  if (!reply->is_aggregate()) {
    const auto number = reply->AsInteger();
    return number ? std::to_string(*number) : std::string(reply->text());
  }
  std::string text = "[";
  for (const Reply& element : reply->elements()) text += Show(element) + " ";
  return text + "]";
}

// ---- The same as native, with everything that has a time
// -----------------------------------------

class Moves {
 public:
  Moves(cache::Client& native, cache::Client& scripts, std::uint64_t seed)
      : native_(native), scripts_(scripts), random_(seed) {}

  std::string Move() {
    key_ = "k" + std::to_string(random_.Below(3));
    switch (random_.Below(9)) {
      case 0:
      case 1:
      case 2:
        return Get();
      case 3:
      case 4:
        return Fill("CACHE.SET");
      case 5:
        return Fill(Chance(2) ? "CACHE.ABSENT" : "CACHE.TOUCH");
      case 6:
        return Delete();
      case 7:
        return Both(Command(Chance(2) ? "CACHE.STALE" : "CACHE.FORGET", key_));
      default:
        return Both(Command("TAG.BUMP", Chance(2) ? "SOFT" : "HARD", AnyTag()));
    }
  }

 private:
  bool Chance(std::uint64_t of) { return random_.Below(of) == 0; }
  std::string AnyTag() { return "t" + std::to_string(random_.Below(2)); }
  std::int64_t AnyMs() { return static_cast<std::int64_t>(1 + random_.Below(400)); }

  // What differs, or nothing.
  std::string Compare(const Command& ours, const Command& theirs) {
    const Result<Reply> wanted = native_.Call(ours);
    const Result<Reply> got = scripts_.Call(theirs);
    if (Show(got) == Show(wanted)) return {};
    return std::string(ours[0]) + " " + key_ + ": " + Show(got) + ", not " + Show(wanted);
  }
  std::string Both(const Command& command) { return Compare(command, command); }

  std::string Get() {
    Command command("CACHE.GET", key_);
    // Longer than anything here: a native lease that is over is swept some ms later.
    if (!Chance(3)) command.Add("LEASE").Add(600'000);
    if (!Chance(3)) command.Add("STALE");
    if (Chance(4)) command.Add("MINVER").Add(1 + random_.Below(4));
    const Result<Reply> wanted = native_.Call(command);
    const Result<Reply> got = scripts_.Call(command);
    if (!wanted || !got) return Show(got) + ", not " + Show(wanted);
    for (std::size_t i = 0; i < 6; ++i) {
      const Reply& a = got->elements()[i];
      const Reply& b = wanted->elements()[i];
      const bool is_token = i == 2;
      if (is_token ? a.type() != b.type() : !(a == b))
        return "CACHE.GET " + key_ + ": " + Show(got) + ", not " + Show(wanted);
    }
    if (!wanted->elements()[2].is_null())
      tokens_[key_] = {*wanted->elements()[2].AsInteger(), *got->elements()[2].AsInteger()};
    return {};
  }

  std::string Fill(std::string_view name) {
    Command ours(name, key_);
    if (name == "CACHE.SET") ours.Add("v" + std::to_string(random_.Below(100)));
    Command theirs = ours;
    if (tokens_.contains(key_) && !Chance(3)) {
      ours.Add("TOKEN").Add(tokens_[key_].first);
      theirs.Add("TOKEN").Add(tokens_[key_].second);
    }
    const auto both = [&](const auto& word) {
      ours.Add(word);
      theirs.Add(word);
    };
    if (Chance(2)) both("VER"), both(1 + random_.Below(4));
    if (!Chance(4)) {
      both("TTL"), both(AnyMs());
      if (Chance(2)) both("STALE"), both(AnyMs());
    }
    if (Chance(3)) both("COST"), both(AnyMs());
    if (Chance(2)) both("TAGS"), both(1), both(AnyTag());
    return Compare(ours, theirs);
  }

  std::string Delete() {
    Command command("CACHE.DEL", key_);
    if (Chance(2)) {
      command.Add("VER").Add(1 + random_.Below(4));
      if (Chance(2)) command.Add("TOMBSTONE").Add(AnyMs());
    }
    return Both(command);
  }

  cache::Client& native_;
  cache::Client& scripts_;
  Random random_;
  std::string key_;
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> tokens_;
};

class ForeignBoth : public Foreign, public testing::WithParamInterface<bool> {};

// On one server, and with the state of tags brought as in a cluster.
INSTANTIATE_TEST_SUITE_P(Foreign, ForeignBoth, testing::Bool());

TEST_P(ForeignBoth, ScriptsDoAsNativeCommandsDoWhileTimePasses) {
  constexpr std::uint64_t kSeeds = 5;
  constexpr int kMoves = 300;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Store native = Open();
    const auto scripts = Make({.is_cluster = GetParam()});
    Moves moves(native.client(), *scripts, seed);
    Random pace(seed + 1000);
    for (int i = 0; i < kMoves; ++i) {
      if (pace.Below(3) == 0) time_.Advance(cache::Millis(pace.Below(120)));
      ASSERT_EQ(moves.Move(), "") << "seed " << seed << ", move " << i;
    }
  }
}

// Moments at their edges: native, and by scripts.
TEST_F(Foreign, EdgesAreTheSame) {
  struct Row {
    cache::Millis later;
    Command command;
    std::string_view wanted;  // the reply; of an array its state, and "+" if there is a token
  };
  const std::vector<Row> rows = {
      {0ms, Command("CACHE.SET", "a", "v", "TTL", 1000, "STALE", 500, "COST", 100), "OK"},
      {899ms, Command("CACHE.GET", "a", "LEASE", 9000, "STALE"), "fresh"},
      {1ms, Command("CACHE.GET", "a", "LEASE", 9000, "STALE"), "fresh+"},
      {99ms, Command("CACHE.GET", "a"), "fresh"},
      {1ms, Command("CACHE.GET", "a"), "miss"},
      {0ms, Command("CACHE.GET", "a", "STALE"), "stale"},
      {499ms, Command("CACHE.GET", "a", "STALE"), "stale"},
      {1ms, Command("CACHE.GET", "a", "LEASE", 9000, "STALE"), "miss+"},
      // The lease of before has gone with the value; the absence outlives the tombstone.
      {0ms, Command("CACHE.DEL", "b", "VER", 5, "TOMBSTONE", 200'000), "OK"},
      {0ms, Command("CACHE.ABSENT", "b", "VER", 5, "TTL", 1000), "OK"},
      {100s, Command("CACHE.SET", "b", "v", "VER", 4), "OLD"},
      {99'999ms, Command("CACHE.SET", "b", "v", "VER", 4), "OLD"},
      {1ms, Command("CACHE.SET", "b", "v", "VER", 4), "OK"},
      // A hard bump takes the lease along, a soft one does not.
      {0ms, Command("CACHE.SET", "c", "v", "TAGS", 1, "t"), "OK"},
      {0ms, Command("CACHE.GET", "c", "LEASE", 9000, "MINVER", 7), "miss+"},
      {0ms, Command("TAG.BUMP", "SOFT", "t"), "1"},
      {0ms, Command("CACHE.GET", "c", "LEASE", 9000), "loading"},
      {0ms, Command("TAG.BUMP", "HARD", "t"), "1"},
      {0ms, Command("CACHE.GET", "c", "LEASE", 9000), "miss+"},
  };
  const Store native = Open();
  const auto scripts = Make();
  const auto brief = [](const Result<Reply>& reply) {
    if (!reply || reply->elements().size() < 3) return Show(reply);
    const bool has_token = !reply->elements()[2].is_null();
    return Show(reply->elements()[0]) + (has_token ? "+" : "");
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    time_.Advance(rows[i].later);
    EXPECT_EQ(brief(native.client().Call(rows[i].command)), rows[i].wanted) << "native, " << i;
    EXPECT_EQ(brief(scripts->Call(rows[i].command)), rows[i].wanted) << "scripts, " << i;
  }
}

// ---- Leases, locks and limits in time
// ------------------------------------------------------------

TEST_F(Foreign, ALeaseEndsToTheMillisecond) {
  const auto client = Make();
  const Result<Reply> first = client->Call(Command("CACHE.GET", "k", "LEASE", 100));
  const std::int64_t token = first->elements()[2].AsInteger().value();
  time_.Advance(99ms);
  EXPECT_EQ(client->Call(Command("CACHE.GET", "k", "LEASE", 100))->elements()[0].text(), "loading");
  time_.Advance(1ms);
  const Result<Reply> next = client->Call(Command("CACHE.GET", "k", "LEASE", 100));
  EXPECT_GT(next->elements()[2].AsInteger().value(), token);
  EXPECT_EQ(Show(client->Call(Command("CACHE.SET", "k", "late", "TOKEN", token))), "VOID");
}

TEST_F(Foreign, WhoWaitsAsksAgainUntilHisTimeIsOver) {
  const auto client = Make();
  client->Call(Command("LOCK.ACQUIRE", "l", "a", 150)).value();
  std::string in_vain;
  std::string granted;
  const auto wait = [&](int wait_ms, std::string* told) {
    client->Start(Command("LOCK.ACQUIRE", "l", "b", 1000, "WAIT", wait_ms), {},
                  [told](Result<Reply> reply) { *told = Show(reply); });
  };
  wait(100, &in_vain);
  wait(200, &granted);
  time_.Advance(90ms);
  EXPECT_EQ(in_vain, "");
  time_.Advance(30ms);
  EXPECT_EQ(in_vain, "(null)");
  EXPECT_EQ(granted, "");
  time_.Advance(60ms);
  EXPECT_NE(granted, "");
  EXPECT_NE(granted, "(null)");
}

TEST_F(Foreign, ClosingFailsWhoWaits) {
  auto client = Make();
  client->Call(Command("LOCK.ACQUIRE", "l", "a", 10'000)).value();
  std::optional<Errc> code;
  client->Start(Command("LOCK.ACQUIRE", "l", "b", 1000, "WAIT", 10'000), {},
                [&](Result<Reply> reply) { code = reply.error().code; });
  time_.Advance(50ms);
  client.reset();
  EXPECT_EQ(code, Errc::kClosed);
  time_.Advance(1s);  // a timer that finds nobody
}

// ---- Ways
// ----------------------------------------------------------------------------------------

TEST_F(Foreign, OthersPassThrough) {
  const auto client = Make();
  EXPECT_EQ(Show(client->Call(Command("SET", "k", "v"))), "OK");
  EXPECT_EQ(below_->calls, 1);
  EXPECT_EQ(client->Call(Command("CACHE.PURGE", "START", "*")).error().code, Errc::kUnsupported);
  EXPECT_EQ(Show(client->Call(Command("CACHE.GET"))),
            "<ERR wrong number of arguments for 'cache.get' command>");
  EXPECT_EQ(below_->calls, 1);
  EXPECT_FALSE(Planner::IsNative("GET"));
  EXPECT_FALSE(Planner::IsNative("JSON.GET"));
  EXPECT_TRUE(Planner::IsNative("lock.Acquire"));
}

// Else the one around it would hide that it is missing.
TEST_F(Foreign, ATrackingHasAHandler) {
  const auto client = Make();
  EXPECT_EQ(client->Track({}, nullptr).error().code, Errc::kInvalid);
}

TEST_F(Foreign, AScriptIsSentOnceAsSource) {
  const auto client = Make();
  client->Call(Command("CACHE.SET", "k", "v")).value();
  EXPECT_EQ(below_->calls, 2);  // by digest, by source
  client->Call(Command("CACHE.SET", "k", "v")).value();
  EXPECT_EQ(below_->calls, 3);
  client->Call(Command("SCRIPT", "FLUSH")).value();
  client->Call(Command("CACHE.SET", "k", "v")).value();
  EXPECT_EQ(below_->calls, 6);
}

// As in a cluster: the state of tags is brought, one round trip for a hit without tags.
TEST_F(Foreign, StateOfTagsIsBrought) {
  const auto client = Make({.is_cluster = true});
  const auto calls = [&](const Command& command) {
    client->Call(command).value();  // so that its scripts are known
    const int before = below_->calls;
    const Result<Reply> reply = client->Call(command);
    return std::pair(below_->calls - before,
                     reply ? Show(reply->is_aggregate() ? reply->elements()[0] : *reply) : "");
  };
  using Told = std::pair<int, std::string>;
  EXPECT_EQ(calls(Command("CACHE.SET", "plain", "v")), Told(2, "OK"));
  EXPECT_EQ(calls(Command("CACHE.GET", "plain")), Told(1, "fresh"));
  EXPECT_EQ(calls(Command("CACHE.SET", "tagged", "v", "TAGS", 1, "t")), Told(2, "OK"));
  EXPECT_EQ(calls(Command("CACHE.GET", "tagged")), Told(3, "fresh"));
  client->Call(Command("TAG.BUMP", "SOFT", "t")).value();
  EXPECT_EQ(calls(Command("CACHE.GET", "tagged", "STALE")), Told(3, "stale"));
  EXPECT_EQ(calls(Command("CACHE.GET", "tagged")), Told(3, "miss"));
  EXPECT_EQ(calls(Command("CACHE.STALE", "plain", "tagged")).second, "2");
  const std::vector<Command> commands = {Command("CACHE.GET", "plain")};
  EXPECT_EQ(client->Transaction(commands).error().code, Errc::kUnsupported);
}

// What is kept beside a lock lies in its slot.
TEST_F(Foreign, BesideMeansTheSameSlot) {
  const Planner planner({.is_cluster = true});
  for (const std::string_view key : {"a", "{tag}x", "}{", "lock:7"})
    EXPECT_EQ(client::SlotOfKey(planner.Beside("fence", key)), client::SlotOfKey(key)) << key;
}

TEST_F(Foreign, RepliesOfTransactionsAreFinished) {
  const auto client = Make();
  const auto connection = client->Reserve("", {}).value();
  connection->Call(Command("MULTI")).value();
  EXPECT_EQ(Show(connection->Call(Command("CACHE.SET", "k", "v", "VER", 3))), "QUEUED");
  EXPECT_EQ(Show(connection->Call(Command("PING"))), "QUEUED");
  EXPECT_EQ(Show(connection->Call(Command("LIMIT.FIXED", "l", 2, 1000))), "QUEUED");
  EXPECT_EQ(Show(connection->Call(Command("CACHE.GET", "k"))), "QUEUED");
  EXPECT_EQ(Show(connection->Call(Command("EXEC"))),
            "[OK PONG [1 2 1 0 1000 ] [fresh v (null) 3 0 -1 ] ]");
  // Not of what was thrown away.
  connection->Call(Command("MULTI")).value();
  connection->Call(Command("LIMIT.FIXED", "l", 2, 1000)).value();
  connection->Call(Command("DISCARD")).value();
  EXPECT_EQ(Show(connection->Call(Command("LIMIT.FIXED", "l", 2, 1000, "PEEK"))),
            "[1 2 1 0 1000 ]");
}

TEST_F(Foreign, WriteBehindCanBeRefused) {
  const auto client = Make({.no_write_behind = "it would be lost"});
  const Result<Reply> refused = client->Call(Command("CACHE.DEL", "k", "BEHIND", "log"));
  EXPECT_EQ(refused.error().code, Errc::kUnsupported);
  EXPECT_EQ(refused.error().detail, "it would be lost");
}

}  // namespace
}  // namespace cairn::foreign
