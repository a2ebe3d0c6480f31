// SPDX-License-Identifier: BSD-3-Clause
// Commands over huge collections, as the heavy lane runs them: in parts, though the collections
// here are small. Alone they do what the ordinary way does, reply, result and encoding; beside
// clients who move members about they see one moment.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "base/thread.h"
#include "command/key_finder.h"
#include "command/parked.h"
#include "command/runner.h"
#include "command/transaction.h"
#include "commands/steady_read.h"
#include "engine/engine.h"
#include "engine/replay_testing.h"

namespace cairn::engine {
namespace {

using Args = std::vector<std::string>;

std::vector<std::string_view> ViewsOf(const Args& args) { return {args.begin(), args.end()}; }

// Runs commands on a thread of the lane, however little they have to do.
class HeavyClient final : public command::Session {
 public:
  explicit HeavyClient(Engine& engine) : Session(ClientId(99), 99), engine_(engine) {
    engine_.StartLane();
  }

  using Work = FunctionRef<void(command::Call&)>;

  std::string Execute(const Args& args) {
    return Execute(args, [](command::Call& call) { call.command().run_heavy(call); });
  }
  std::string Execute(const Args& args, Work work) {
    const std::vector<std::string_view> views = ViewsOf(args);
    const command::CommandTable::Command* command = engine_.table().Find(args[0]);
    std::vector<std::uint32_t> positions;
    EXPECT_TRUE(command::FindKeys(*command->spec, views, positions));
    std::vector<keyspace::KeyRef> keys;
    for (const std::uint32_t at : positions) keys.push_back(engine_.keyspace().Ref(views[at]));
    const command::Prepared prepared = {
        .command = command, .args = views, .key_count = static_cast<std::uint32_t>(keys.size())};
    resp::ReplyBuffer buffer;
    Event done;
    engine_.lane()->RunLater(keyspace::StripeSet(),
                             command::Lane::LeftWork([&](command::Runner* runner) {
                               runner->ReadClock();
                               set_now_ms(runner->now_ms());
                               resp::Writer reply(buffer, 2);
                               command::Call call(*runner, *this, prepared, keys.data(), reply);
                               work(call);
                               done.Notify();
                             }));
    while (!done.WaitFor(1'000'000)) continue;
    return buffer.ToString();
  }

 private:
  Engine& engine_;
};

// The lines of an array of bulk strings, in order.
std::vector<std::string> ItemsOf(std::string_view reply) {
  std::vector<std::string> items;
  reply.remove_prefix(std::min(reply.find('$'), reply.size()));
  while (!reply.empty()) {
    const auto size = static_cast<std::size_t>(std::strtoull(reply.data() + 1, nullptr, 10));
    reply.remove_prefix(reply.find('\n') + 1);
    items.emplace_back(reply.substr(0, size));
    reply.remove_prefix(size + 2);
  }
  return items;
}

std::string Sorted(const std::string& reply) {
  if (!reply.starts_with('*') || reply.contains("$-1")) return reply;
  std::vector<std::string> items = ItemsOf(reply);
  std::sort(items.begin(), items.end());
  std::string joined;
  for (const std::string& item : items) joined += item + '\n';
  return joined;
}

std::string Do(EmbeddedSession& session, const Args& args) {
  return session.Execute(ViewsOf(args));
}

// All there is to know of what a command has stored.
std::string Shown(EmbeddedSession& session) {
  const std::string type = Do(session, {"TYPE", "dst"});
  std::string shown = type + Do(session, {"OBJECT", "ENCODING", "dst"});
  if (type == "+set\r\n") shown += Sorted(Do(session, {"SMEMBERS", "dst"}));
  if (type == "+zset\r\n") shown += Do(session, {"ZRANGE", "dst", "0", "-1", "WITHSCORES"});
  if (type == "+list\r\n") shown += Do(session, {"LRANGE", "dst", "0", "-1"});
  return shown;
}

class HeavyCommands : public ::testing::Test {
 protected:
  std::string Key(std::string_view kind) {
    return std::string(kind) + std::to_string(random_.Below(5));
  }

  void Fill() {
    Do(*session_, {"FLUSHALL"});
    for (const std::string_view kind : {"s", "z", "l"}) {
      for (int i = 0; i < 4; ++i) FillOne(kind, std::string(kind) + std::to_string(i));
    }
    for (int i = 0; i < 300; ++i) {
      const std::string n = std::to_string(random_.Below(6000));
      Do(*session_, {"SET", "w" + n, std::to_string(random_.Below(50))});
      Do(*session_, {"HSET", "h" + n, "f", std::to_string(random_.Below(50))});
    }
    Do(*session_, {"SET", "dst", "old"});
  }

  void FillOne(std::string_view kind, const std::string& key) {
    const std::uint64_t sizes[] = {3, 100, 700, 5000};
    const std::uint64_t size = sizes[random_.Below(4)];
    const std::string prefix = random_.Below(2) == 0 ? "m" : "";
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::string member = prefix + std::to_string(random_.Below(size * 2));
      if (kind == "s") Do(*session_, {"SADD", key, member});
      if (kind == "z") Do(*session_, {"ZADD", key, std::to_string(random_.Below(100)), member});
      if (kind == "l") Do(*session_, {"RPUSH", key, member});
    }
  }

  Args SetCommand() {
    const char* names[] = {"SINTER", "SUNION", "SDIFF"};
    Args args = {names[random_.Below(3)]};
    if (random_.Below(2) == 0) args = {args[0] + "STORE", "dst"};
    for (std::uint64_t n = 1 + random_.Below(3); n > 0; --n)
      args.push_back(Key(random_.Below(40) == 0 ? "l" : "s"));
    if (random_.Below(6) == 0) {
      args.insert(args.begin(), {"SINTERCARD", std::to_string(args.size() - 1)});
      args.erase(args.begin() + 2);
      if (random_.Below(2) == 0)
        args.insert(args.end(), {"LIMIT", std::to_string(random_.Below(3000))});
    }
    return args;
  }

  Args ScoredCommand() {
    const char* names[] = {"ZUNION", "ZINTER", "ZDIFF"};
    const std::uint64_t which = random_.Below(3);
    const std::uint64_t count = 1 + random_.Below(3);
    const std::uint64_t ending = random_.Below(which == 1 ? 3 : 2);
    Args args = {names[which]};
    if (ending == 1) args = {args[0] + "STORE", "dst"};
    if (ending == 2) args = {"ZINTERCARD"};
    args.push_back(std::to_string(count));
    for (std::uint64_t n = 0; n < count; ++n)
      args.push_back(Key(random_.Below(4) == 0 ? "s" : "z"));
    if (which != 2 && ending < 2 && random_.Below(2) == 0) {
      args.emplace_back("WEIGHTS");
      for (std::uint64_t n = 0; n < count; ++n) args.push_back(std::to_string(random_.Below(5)));
      args.insert(args.end(), {"AGGREGATE", random_.Below(2) == 0 ? "MAX" : "SUM"});
    }
    if (ending == 0) args.emplace_back("WITHSCORES");
    if (ending == 2 && random_.Below(2) == 0)
      args.insert(args.end(), {"LIMIT", std::to_string(random_.Below(3000))});
    return args;
  }

  Args SortCommand() {
    const char* kinds[] = {"s", "z", "l"};
    Args args = {"SORT", Key(kinds[random_.Below(3)])};
    const Args orders[] = {{}, {"BY", "w*"}, {"BY", "h*->f"}, {"BY", "nosort"}};
    const Args gets[] = {{}, {"GET", "#"}, {"GET", "w*", "GET", "#"}, {"GET", "h*->f"}};
    for (const Args* words : {&orders[random_.Below(4)], &gets[random_.Below(4)]})
      args.insert(args.end(), words->begin(), words->end());
    if (random_.Below(2) == 0) args.emplace_back("ALPHA");
    if (random_.Below(3) == 0) args.emplace_back("DESC");
    if (random_.Below(3) == 0)
      args.insert(args.end(), {"LIMIT", std::to_string(random_.Below(2000)), "1500"});
    if (random_.Below(3) == 0) args.insert(args.end(), {"STORE", "dst"});
    return args;
  }

  // Both ways, one after the other, from the same beginning.
  void Compare(const Args& args) {
    std::string words;
    for (const std::string& word : args) words += word + ' ';
    SCOPED_TRACE(words);
    const bool is_ordered = !args[0].starts_with('S') || args[0] == "SORT";
    Do(*session_, {"SET", "dst", "old"});
    const std::string expected = Do(*session_, args);
    const std::string expected_shown = Shown(*session_);
    Do(*session_, {"SET", "dst", "old"});
    const std::string reply = heavy_.Execute(args);
    ASSERT_EQ(is_ordered ? reply : Sorted(reply), is_ordered ? expected : Sorted(expected));
    ASSERT_EQ(Shown(*session_), expected_shown);
  }

  Engine engine_{{}};
  std::unique_ptr<EmbeddedSession> session_ = engine_.NewSession();
  HeavyClient heavy_{engine_};
  const std::uint64_t seed_ = SecureRandomUint64();
  Random random_{seed_};
};

TEST_F(HeavyCommands, DoAsTheOrdinaryOnes) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  for (int round = 0; round < 6; ++round) {
    Fill();
    for (int i = 0; i < 60 && !HasFatalFailure(); ++i) {
      Compare(SetCommand());
      Compare(ScoredCommand());
      Compare(SortCommand());
    }
  }
}

TEST_F(HeavyCommands, LeaveNobodyWatching) {
  Fill();
  heavy_.Execute({"SUNIONSTORE", "dst", "s0", "s1"});
  heavy_.Execute({"SINTER", "s0", "l0"});
  heavy_.Execute({"SORT", "l1", "ALPHA"});
  for (std::size_t i = 0; i < engine_.keyspace().stripe_count(); ++i) {
    const auto& stripe = engine_.keyspace().stripe(StripeId(static_cast<std::uint16_t>(i)));
    EXPECT_EQ(stripe.interest, nullptr);
  }
}

// A source that changes between the parts of every attempt: `change` is run with no lock held.
class Disturbed final : public commands::SteadyCommand {
 public:
  Disturbed(FunctionRef<void()> change, int* attempts, int* at_once)
      : change_(change), attempts_(attempts), at_once_(at_once) {}
  bool Begin(command::Call&) override { return ++*attempts_ > 0; }
  bool ReadSome(command::Call&) override { return ++parts_ == 2; }
  void TakeIn() override { change_(); }
  void RunAtOnce(command::Call&) override { ++*at_once_; }
  void Answer(command::Call& call) override { call.reply().Ok(); }

 private:
  FunctionRef<void()> change_;
  int* attempts_;
  int* at_once_;
  int parts_ = 0;
};

TEST_F(HeavyCommands, ASourceThatChangesIsReadAgainAndThenAtOnce) {
  const struct {
    Args change;
    bool matters;
  } cases[] = {
      {{"SADD", "s", "more"}, true},     {{"SADD", "s", "0"}, false},
      {{"SREM", "s", "absent"}, false},  {{"DEL", "s"}, true},
      {{"RENAME", "s", "t"}, true},      {{"MOVE", "s", "3"}, true},
      {{"SWAPDB", "0", "3"}, true},      {{"FLUSHALL"}, true},
      {{"SET", "s", "text"}, true},      {{"PEXPIREAT", "s", "1"}, true},
      {{"SMOVE", "s", "t", "1"}, true},  {{"SMEMBERS", "s"}, false},
      {{"SET", "other", "text"}, false},
  };
  for (const auto& [change, matters] : cases) {
    SCOPED_TRACE(change[0]);
    int attempts = 0;
    int at_once = 0;
    const auto disturb = [&, &command = change] { Do(*session_, command); };
    const auto begin_anew = [&] {
      Do(*session_, {"FLUSHALL"});
      Do(*session_, {"SADD", "s", "0", "1", "2"});
    };
    begin_anew();
    const std::string reply = heavy_.Execute({"SINTER", "s"}, [&](command::Call& call) {
      commands::RunSteadily(call, {&call.key(0), 1}, commands::Stores::kNo, [&] {
        begin_anew();
        return std::make_unique<Disturbed>(disturb, &attempts, &at_once);
      });
    });
    EXPECT_EQ(attempts, matters ? commands::kAttempts : 1);
    EXPECT_EQ(at_once, matters ? 1 : 0);
    EXPECT_EQ(reply, matters ? "" : "+OK\r\n");
  }
}

// ---- Very many arguments -----------------------------------------------------------------------

// A client whose commands may go to the lane.
class LaneClient final : public command::Session {
 public:
  explicit LaneClient(Engine& engine) : Session(ClientId(98), 98), runner_(engine.shared(), 98) {}

  bool may_block() const override { return true; }
  void OnParked(const std::shared_ptr<command::Parked>& parked, std::int64_t) override {
    parked_ = parked;
    ++deferred_;
    parked->on_answered = [this](const std::shared_ptr<command::Parked>&) { answered_.Notify(); };
  }
  command::OwnedArgs TakeArgs(std::span<const std::string_view> args) override {
    ++taken_;
    return command::OwnedArgs(args);
  }

  std::string Execute(const Args& args) {
    resp::ReplyBuffer buffer;
    resp::Writer reply(buffer, 2);
    const std::vector<std::string_view> views = ViewsOf(args);
    runner_.Reset();
    runner_.Prepare(views);
    keys_found_ = runner_.prepared(0).key_count;
    runner_.Begin(*this);
    runner_.Execute(*this, 0, reply);
    if (parked_ == nullptr) return buffer.ToString();
    while (!answered_.WaitFor(1'000'000)) continue;
    const auto parked = std::exchange(parked_, nullptr);
    EXPECT_TRUE(parked->args().empty() && parked->keys().empty()) << "given back in the lane";
    if (parked->session().transaction() != nullptr)
      AdoptTransaction(parked->session().TakeTransaction());
    return parked->reply().ToString();
  }

  // How many requests went to the lane, how many of them were taken whole; keys that were found
  // before the last one began.
  int deferred() const { return deferred_; }
  int taken() const { return taken_; }
  std::size_t keys_found() const { return keys_found_; }

 private:
  command::Runner runner_;
  std::shared_ptr<command::Parked> parked_;
  Event answered_;
  int deferred_ = 0;
  int taken_ = 0;
  std::size_t keys_found_ = 0;
};

Args WithKeys(Args args, std::size_t argc) {
  for (std::size_t i = 0; args.size() < argc; ++i) args.push_back("k" + std::to_string(i));
  return args;
}

bool AnybodyWatches(Engine& engine) {
  for (std::size_t i = 0; i < engine.keyspace().stripe_count(); ++i) {
    const StripeId stripe(static_cast<std::uint16_t>(i));
    keyspace::KeyLocks locks(engine.keyspace());
    locks.AcquireStripe(stripe);
    const bool watched = engine.keyspace().stripe(stripe).interest != nullptr;
    locks.Release();
    if (watched) return true;
  }
  return false;
}

constexpr std::size_t kMany = command::Call::kHeavyArguments;

TEST_F(HeavyCommands, OfVeryManyArgumentsTheKeysAreFoundInTheLane) {
  LaneClient client(engine_);
  EXPECT_EQ(client.Execute(WithKeys({"MSET"}, kMany - 1)), "+OK\r\n");
  EXPECT_EQ(client.keys_found(), kMany / 2 - 1);
  EXPECT_EQ(client.taken(), 0);
  EXPECT_EQ(client.Execute(WithKeys({"MSET"}, kMany + 1)), "+OK\r\n");
  EXPECT_EQ(client.keys_found(), 0u);
  EXPECT_EQ(client.taken(), 1);
  const std::string count = ":" + std::to_string(kMany / 2) + "\r\n";
  EXPECT_EQ(client.Execute(WithKeys({"EXISTS"}, kMany + 1)), count);
  EXPECT_EQ(client.Execute(WithKeys({"DEL"}, kMany + 1)), count);
  EXPECT_EQ(client.taken(), 3);
  // Wrong: no keys are found, and the answer is the same.
  EXPECT_EQ(client.Execute(WithKeys({"MSET"}, kMany)), Do(*session_, WithKeys({"MSET"}, kMany)));
  EXPECT_EQ(client.Execute(WithKeys({"SINTERCARD"}, kMany)),
            Do(*session_, WithKeys({"SINTERCARD"}, kMany)));
}

// A payload holds elements that are shorter than what is copied as one, and DUMP compresses.
TEST_F(HeavyCommands, PayloadsGoToTheLaneByWhatTheyHold) {
  const auto key_of = [&](const Args& args) {
    Do(*session_, args);
    return args[1];
  };
  Args numbers = {"SADD", "numbers"};
  for (int i = 0; i < 30'000; ++i) numbers.push_back(std::to_string(i));
  const struct {
    std::string key;
    bool dumps_in_lane;
    bool restores_in_lane;
  } cases[] = {
      {key_of({"SADD", "few", "1", "2", "3"}), false, false},
      {key_of(numbers), true, true},
      {key_of({"SET", "compressed", std::string(1'000'000, 'x')}), true, false},
      {key_of({"SET", "short", std::string(10'000, 'x')}), false, false},
  };
  LaneClient client(engine_);
  for (const auto& row : cases) {
    SCOPED_TRACE(row.key);
    int before = client.deferred();
    const std::string dump = client.Execute({"DUMP", row.key});
    EXPECT_EQ(client.deferred() - before, row.dumps_in_lane ? 1 : 0);
    before = client.deferred();
    const std::string payload = ItemsOf(dump).at(0);
    EXPECT_EQ(client.Execute({"RESTORE", "dst", "0", payload, "REPLACE"}), "+OK\r\n");
    EXPECT_EQ(client.deferred() - before, row.restores_in_lane ? 1 : 0);
  }
  // Their arguments are the session's to give, who may do so without a copy.
  EXPECT_EQ(client.taken(), client.deferred());
}

TEST_F(HeavyCommands, WhoCannotGoToTheLaneFindsTheKeysHimself) {
  EXPECT_EQ(Do(*session_, WithKeys({"MSET"}, kMany + 1)), "+OK\r\n");
  EXPECT_EQ(Do(*session_, {"DBSIZE"}), ":" + std::to_string(kMany / 2) + "\r\n");
}

TEST_F(HeavyCommands, VeryManyKeysAreWatchedAndLeftInTheLane) {
  LaneClient client(engine_);
  const Args watch = WithKeys({"WATCH"}, kMany + 1);
  const struct {
    Args before;
    std::string_view exec;
  } cases[] = {{{"GET", "k1"}, "*1\r\n$-1\r\n"}, {{"SET", "k9999", "v"}, "*-1\r\n"}};
  for (const auto& [before, exec] : cases) {
    EXPECT_EQ(client.Execute({"WATCH", "one"}), "+OK\r\n");
    EXPECT_EQ(client.Execute(watch), "+OK\r\n");
    ASSERT_NE(client.transaction(), nullptr);
    EXPECT_EQ(client.transaction()->watches().watched().size(), kMany + 1);
    Do(*session_, before);
    client.Execute({"MULTI"});
    client.Execute({"GET", "nothing"});
    EXPECT_EQ(client.Execute({"EXEC"}), exec);
    EXPECT_FALSE(AnybodyWatches(engine_));
  }
  for (const char* end : {"UNWATCH", "DISCARD"}) {
    EXPECT_EQ(client.Execute(watch), "+OK\r\n");
    EXPECT_TRUE(AnybodyWatches(engine_));
    client.Execute({"MULTI"});
    EXPECT_TRUE(client.Execute(watch).starts_with("-ERR WATCH inside MULTI"));
    if (std::string_view(end) == "UNWATCH") client.Execute({"DISCARD"});
    EXPECT_EQ(client.Execute({end}), "+OK\r\n");
    while (AnybodyWatches(engine_)) Thread::Yield();
  }
}

// ---- Beside others -----------------------------------------------------------------------------

constexpr int kTokens = 3000;
constexpr int kMovers = 3;

// Each token is in one of two collections of every kind, or at its place in the list, while it is
// moved about.
void MoveAbout(EmbeddedSession& session, Random& random, const std::atomic<bool>& done) {
  while (!done.load()) {
    const std::string token = std::to_string(random.Below(kTokens));
    const bool there = random.Below(2) == 0;
    const std::string from = there ? "a" : "b";
    const std::string to = there ? "b" : "a";
    Do(session, {"SMOVE", "s" + from, "s" + to, token});
    Do(session, {"LMOVE", "list", "list", "LEFT", "RIGHT"});
    if (random.Below(100) == 0) Do(session, {"SWAPDB", "0", "1"});
    // So slowly that some attempts get through, so fast that others do not.
    for (std::uint64_t pause = random.Below(2000); pause > 0; --pause) Thread::Yield();
  }
}

bool Comes(Event& event) {
  for (int tenths = 0; tenths < 100; ++tenths) {
    if (event.WaitFor(100'000)) return true;
  }
  return false;
}

// A turn waits for what was left on its stripe, and that for a thread of the lane: so no thread may
// wait for the turn in the middle of what it runs. All of them are there.
TEST_F(HeavyCommands, BetweenTwoHoldsDoNotWaitForATurnThatWaitsForLeftWork) {
  engine_.StartLane();
  command::Lane& lane = *engine_.lane();
  keyspace::StripeSet stripe;
  stripe.set(0);
  std::atomic<int> holds{0};
  Event held;
  Event go_on;
  Event ended;
  for (std::size_t i = 0; i < command::Lane::kHeavyThreads; ++i) {
    lane.RunLater({}, command::Lane::LeftWork([&](command::Runner* runner) {
                    for (int hold = 0; hold < 2; ++hold) {
                      lane.Enter(*runner, stripe);
                      if (holds.fetch_add(1) == 0) {
                        held.Notify();
                        EXPECT_TRUE(Comes(go_on));
                      }
                      lane.Leave(*runner);
                    }
                    if (holds.load() == 2 * command::Lane::kHeavyThreads) ended.Notify();
                  }));
  }
  ASSERT_TRUE(Comes(held));
  std::atomic<bool> left_is_done{false};
  Event turned;
  lane.AwaitTurn(stripe, [&](const command::Lane::Turn&) {
    EXPECT_TRUE(left_is_done.load());
    turned.Notify();
  });
  lane.RunLater(stripe, [&] { left_is_done.store(true); });
  go_on.Notify();
  EXPECT_TRUE(Comes(ended));
  EXPECT_TRUE(Comes(turned));
  engine_.lane()->Stop();
}

// ---- Beside a cut ------------------------------------------------------------------------------

constexpr std::size_t kTooMuch = keyspace::CutBacklog::kBytesMax + 1;

// Long enough for what does not wait to be done.
void LookAbout(EmbeddedSession& session, const std::atomic<bool>& done) {
  constexpr int kLooks = 20'000;
  for (int i = 0; i < kLooks && !done.load(); ++i) Do(session, {"STRLEN", "elsewhere"});
}

// When it came the backlog had room: it waits where it is run.
TEST_F(HeavyCommands, InTheLaneWaitForTheUserOfACut) {
  engine_.StartLane();
  for (int i = 0; i < 20'000; ++i) Do(*session_, {"RPUSH", "list", std::to_string(i)});
  keyspace::CutBacklog& backlog = engine_.keyspace().cut_backlog();
  for (const bool is_transaction : {false, true}) {
    SCOPED_TRACE(is_transaction);
    WaitingClient client(engine_, 7);
    Event go_on;
    engine_.lane()->RunLater(keyspace::StripeSet().set(), [&] { EXPECT_TRUE(Comes(go_on)); });
    if (is_transaction) client.Execute({"MULTI"});
    Do(*session_, {"DEL", "copy"});
    client.Execute({"COPY", "list", "copy"});
    if (is_transaction) client.Execute({"EXEC"});
    ASSERT_TRUE(client.waits());
    backlog.Add(kTooMuch);
    go_on.Notify();
    std::atomic<bool> done{false};
    Thread watcher("watcher", [&] {
      while (client.waits()) Thread::Yield();
      done.store(true);
    });
    LookAbout(*session_, done);
    EXPECT_FALSE(done.load());
    backlog.Remove(kTooMuch);
    watcher.Join();
    EXPECT_EQ(Do(*session_, {"LLEN", "copy"}), ":20000\r\n");
  }
  engine_.lane()->Stop();
}

TEST_F(HeavyCommands, BetweenTwoHoldsWaitForTheUserOfACut) {
  Do(*session_, {"SADD", "sa", "a", "b"});
  Do(*session_, {"SADD", "sb", "a"});
  keyspace::CutBacklog& backlog = engine_.keyspace().cut_backlog();
  backlog.Add(kTooMuch);
  std::atomic<bool> done{false};
  Thread writer("writer", [&] {
    EXPECT_EQ(heavy_.Execute({"SUNIONSTORE", "dst", "sa"}), ":2\r\n");
    done.store(true);
  });
  LookAbout(*session_, done);
  EXPECT_FALSE(done.load());
  EXPECT_EQ(heavy_.Execute({"SINTERCARD", "1", "sb"}), ":1\r\n") << "readers do not wait";
  backlog.Remove(kTooMuch);
  writer.Join();
  EXPECT_EQ(Do(*session_, {"SCARD", "dst"}), ":2\r\n");
}

TEST_F(HeavyCommands, SeeOneMomentWhileMembersMove) {
  for (const int db : {0, 1}) {
    session_->set_db(DbId(static_cast<std::uint32_t>(db)));
    for (int i = 0; i < kTokens; ++i) {
      const std::string token = std::to_string(i);
      Do(*session_, {"SADD", i % 2 == 0 ? "sa" : "sb", token});
      Do(*session_, {"RPUSH", "list", token});
    }
  }
  session_->set_db(DbId(0));
  std::atomic<bool> done{false};
  std::vector<Thread> movers;
  for (int i = 0; i < kMovers; ++i) {
    movers.emplace_back("mover", [&, i] {
      Random random(seed_ + static_cast<std::uint64_t>(i));
      const std::unique_ptr<EmbeddedSession> session = engine_.NewSession();
      MoveAbout(*session, random, done);
    });
  }
  for (int round = 0; round < 60; ++round) {
    const std::size_t all = kTokens;
    EXPECT_EQ(ItemsOf(heavy_.Execute({"SUNION", "sa", "sb"})).size(), all);
    EXPECT_EQ(heavy_.Execute({"SINTER", "sa", "sb"}), "*0\r\n");
    EXPECT_EQ(heavy_.Execute({"SINTERCARD", "2", "sa", "sb"}), ":0\r\n");
    EXPECT_EQ(heavy_.Execute({"ZUNIONSTORE", "zdst", "2", "sa", "sb"}), ":3000\r\n");
    EXPECT_EQ(heavy_.Execute({"ZINTERSTORE", "zdst", "2", "sa", "sb"}), ":0\r\n");
    EXPECT_EQ(heavy_.Execute({"SUNIONSTORE", "dst", "sa", "sb"}), ":3000\r\n");
    EXPECT_EQ(heavy_.Execute({"SORT", "list", "STORE", "sorted"}), ":3000\r\n");
    const std::vector<std::string> sorted = ItemsOf(heavy_.Execute({"SORT", "list"}));
    ASSERT_EQ(sorted.size(), all);
    for (std::size_t i = 0; i < all; ++i) ASSERT_EQ(sorted[i], std::to_string(i));
  }
  done.store(true);
  for (Thread& mover : movers) mover.Join();
}

}  // namespace
}  // namespace cairn::engine
