// SPDX-License-Identifier: BSD-3-Clause
// The runner on a table of four commands: what is refused before it runs, by whom, in which order;
// how batches are prepared and run; what is counted.
#include "command/runner.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace cairn::command {
namespace {

void Put(Call& call) {
  const keyspace::Found found = call.txn().Find(call.key(0), keyspace::Access::kWrite);
  call.txn().SetString(call.key(0), found, call.arg(2), keyspace::Ttl::kDrop);
  call.LogVerbatim();
  call.reply().Ok();
}

void Look(Call& call) {
  const keyspace::Found found = call.txn().Find(call.key(0), keyspace::Access::kRead);
  if (!found) return call.reply().Null();
  call.reply().Bulk(found.entry->value());
}

void Fail(Call& call) { call.Error("OOPS it failed"); }

void LookAt(const keyspace::Entry* entry, resp::Writer& reply) {
  if (entry == nullptr) return reply.Null();
  if (entry->is_collection()) return reply.Error("WRONGTYPE it is none");
  reply.Bulk(entry->value());
}

// Leaves a trace in the value: in its first byte for buckets, its second for nodes, each grown by
// the number of arguments.
void WarmUp(const keyspace::Entry& entry, std::span<const std::string_view> args, WarmStep step) {
  char* value = const_cast<char*>(entry.value().data());
  std::size_t at = step == WarmStep::kBucket ? 0 : 1;
  value[at] = static_cast<char>(value[at] + static_cast<char>(args.size()));
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "WARMED key [member ...]",
          .access = "RO ACCESS",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kReadonly,
          .complexity = "O(1)",
          .summary = "Looks.",
          .run = &Look,
          .warm = &WarmUp}),
    Spec({.syntax = "PUT key value",
          .access = "OW UPDATE",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kWrite,
          .complexity = "O(1)",
          .summary = "Puts.",
          .run = &Put}),
    Spec({.syntax = "LOOK key",
          .access = "RO ACCESS",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kReadonly,
          .complexity = "O(1)",
          .summary = "Looks.",
          .run = &Look,
          .read = &LookAt}),
    Spec({.syntax = "FAIL",
          .since = "1.0.0",
          .group = Group::kGeneric,
          .flags = kReadonly,
          .complexity = "O(1)",
          .summary = "Fails.",
          .run = &Fail}),
};

// Lets pass, or refuses, and keeps a diary.
class NotingGate final : public Gate {
 public:
  NotingGate(std::string name, std::vector<std::string>& diary)
      : name_(std::move(name)), diary_(diary) {}
  bool Admit(Call& call) override {
    diary_.push_back(name_ + ' ' + std::string(call.arg(0)));
    if (!closed) return true;
    call.Error("CLOSED by " + name_);
    return false;
  }
  bool closed = false;

 private:
  const std::string name_;
  std::vector<std::string>& diary_;
};

class RunnerTest : public ::testing::Test {
 protected:
  std::string Execute(std::vector<std::string_view> args) {
    resp::Writer reply(buffer_, 2);
    runner_.Run(session_, args, reply);
    return TakeReply();
  }
  std::string TakeReply() {
    std::string bytes = buffer_.ToString();
    buffer_.Clear();
    return bytes;
  }
  // The key is past its time from now on.
  void Expire(std::string_view name) {
    const keyspace::KeyRef key = keyspace_.Ref(name);
    keyspace::KeyLocks locks(keyspace_);
    locks.AcquireStripe(key.stripe);
    {
      Random random(1);
      const keyspace::Viewer viewer(DbId(0), clock_.NowUnixMs(), random);
      keyspace::Txn txn(keyspace_, locks, viewer);
      keyspace::Found found = txn.Find(key, keyspace::Access::kPeek);
      txn.SetExpiry(key, found, clock_.NowUnixMs() + 1000);
    }
    locks.Release();
    clock_.AdvanceMs(2000);
  }
  CommandStats::PerCommand& StatsOf(std::string_view name) {
    return runner_.stats().at(table_.Find(name)->index);
  }

  ManualClock clock_{1'700'000'000'000'000};
  keyspace::Keyspace keyspace_{clock_, {}};
  const CommandTable table_{std::vector<std::span<const Spec>>{kSpecs}};
  std::vector<std::string> diary_;
  NotingGate first_{"first", diary_};
  NotingGate second_{"second", diary_};
  Shared shared_{.keyspace = keyspace_, .table = table_, .gates = {&first_, &second_}, .guards = 1};
  Runner runner_{shared_, 1};
  Session session_{ClientId(1), 1};
  resp::ReplyBuffer buffer_;
};

TEST_F(RunnerTest, RunsCommandsInAnyCase) {
  EXPECT_EQ(Execute({"PUT", "k", "v"}), "+OK\r\n");
  EXPECT_EQ(Execute({"look", "k"}), "$1\r\nv\r\n");
  EXPECT_EQ(Execute({"Look", "none"}), "$-1\r\n");
  EXPECT_EQ(runner_.stats().total_calls(), 3);
  EXPECT_EQ(runner_.stats().changes.value(), 1);
  EXPECT_EQ(StatsOf("look").calls.value(), 2);
}

TEST_F(RunnerTest, GatesAreAskedInOrderAndTheFirstRefusalCounts) {
  Execute({"PUT", "k", "v"});
  EXPECT_EQ(diary_, (std::vector<std::string>{"first PUT", "second PUT"}));
  diary_.clear();
  second_.closed = true;
  EXPECT_EQ(Execute({"PUT", "k", "w"}), "-CLOSED by second\r\n");
  first_.closed = true;
  EXPECT_EQ(Execute({"PUT", "k", "w"}), "-CLOSED by first\r\n");
  EXPECT_EQ(diary_, (std::vector<std::string>{"first PUT", "second PUT", "first PUT"}));
  EXPECT_EQ(StatsOf("put").rejected.value(), 2);
  EXPECT_EQ(StatsOf("put").calls.value(), 1);
  first_.closed = second_.closed = false;
  EXPECT_EQ(Execute({"LOOK", "k"}), "$1\r\nv\r\n");
}

TEST_F(RunnerTest, GatesAreNotAskedWithoutAReason) {
  shared_.guards = 0;
  first_.closed = true;
  EXPECT_EQ(Execute({"PUT", "k", "v"}), "+OK\r\n");
  EXPECT_TRUE(diary_.empty());
  session_.set_authenticated(false);
  EXPECT_EQ(Execute({"LOOK", "k"}), "-CLOSED by first\r\n");
}

TEST_F(RunnerTest, ArityComesBeforeTheGates) {
  first_.closed = true;
  EXPECT_EQ(Execute({"PUT", "k"}), "-ERR wrong number of arguments for 'put' command\r\n");
  EXPECT_EQ(Execute({"LOOK"}), "-ERR wrong number of arguments for 'look' command\r\n");
  EXPECT_EQ(Execute({"NONE", "a"}),
            "-ERR unknown command 'NONE', with args beginning with: 'a' \r\n");
  EXPECT_TRUE(diary_.empty());
}

TEST_F(RunnerTest, ErrorsAreCountedByCode) {
  Execute({"FAIL"});
  Execute({"FAIL"});
  Execute({"NONE"});
  EXPECT_EQ(StatsOf("fail").failed.value(), 2);
  EXPECT_EQ(runner_.stats().total_errors.value(), 3);
  EXPECT_EQ(shared_.errors.Snapshot(),
            (std::vector<std::pair<std::string, std::int64_t>>{{"ERR", 1}, {"OOPS", 2}}));
}

TEST_F(RunnerTest, AFullBatchIsPreparedTogetherAndRunInOrder) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < Runner::kBatchMax; ++i) values.push_back(std::to_string(i));
  std::vector<std::array<std::string_view, 3>> puts;
  for (const std::string& value : values) puts.push_back({"PUT", "k", value});
  runner_.Reset();
  for (const auto& put : puts) runner_.Prepare(put);
  EXPECT_EQ(runner_.prepared_count(), Runner::kBatchMax);
  runner_.Begin(session_);
  std::string expected;
  resp::Writer reply(buffer_, 2);
  for (std::size_t i = 0; i < Runner::kBatchMax; ++i) {
    runner_.Execute(session_, i, reply);
    expected += "+OK\r\n";
  }
  EXPECT_EQ(TakeReply(), expected);
  EXPECT_EQ(Execute({"LOOK", "k"}), "$2\r\n31\r\n");
}

// Two of three name a key that is there; a call alone is not worth it.
TEST_F(RunnerTest, ABatchIsWarmedBeforeItRuns) {
  Execute({"PUT", "k", "aa"});
  const std::array<std::string_view, 3> member = {"WARMED", "k", "m"};
  const std::array<std::string_view, 2> absent = {"WARMED", "none"};
  const std::array<std::string_view, 4> members = {"WARMED", "k", "m", "n"};
  EXPECT_EQ(Execute({"WARMED", "k", "m"}), "$2\r\naa\r\n");
  runner_.Reset();
  runner_.Prepare(member);
  runner_.Prepare(absent);
  runner_.Prepare(members);
  runner_.Begin(session_);
  resp::Writer reply(buffer_, 2);
  for (std::size_t i = 0; i < 3; ++i) runner_.Execute(session_, i, reply);
  EXPECT_EQ(TakeReply(), "$2\r\nhh\r\n$-1\r\n$2\r\nhh\r\n");
  EXPECT_EQ(Execute({"WARMED", "k"}), "$2\r\nhh\r\n");
}

TEST_F(RunnerTest, ARunOfReadsAnswersAndCountsLikeItsParts) {
  shared_.guards = 0;
  Execute({"PUT", "a", "1"});
  Execute({"PUT", "b", "2"});
  const CommandTable::Command& look = *table_.Find("look");
  ASSERT_TRUE(runner_.MayRunReads(look, session_));
  runner_.Reset();
  for (const std::string_view key : {"a", "none", "b", "a"}) runner_.AddRead(key);
  resp::Writer reply(buffer_, 2);
  runner_.RunReads(session_, look, "LOOK", reply);
  EXPECT_EQ(TakeReply(), "$1\r\n1\r\n$-1\r\n$1\r\n2\r\n$1\r\n1\r\n");
  EXPECT_EQ(StatsOf("look").calls.value(), 4);
  EXPECT_GT(StatsOf("look").ns.value(), 0);
  EXPECT_EQ(keyspace_.Totals().hits, 3);
  EXPECT_EQ(keyspace_.Totals().misses, 1);
}

TEST_F(RunnerTest, ARunOfReadsRemovesWhatHasExpired) {
  shared_.guards = 0;
  Execute({"PUT", "brief", "1"});
  Execute({"PUT", "lasting", "2"});
  Expire("brief");
  const CommandTable::Command& look = *table_.Find("look");
  runner_.Reset();
  for (const std::string_view key : {"brief", "lasting", "brief"}) runner_.AddRead(key);
  resp::Writer reply(buffer_, 2);
  runner_.RunReads(session_, look, "LOOK", reply);
  EXPECT_EQ(TakeReply(), "$-1\r\n$1\r\n2\r\n$-1\r\n");
  EXPECT_EQ(StatsOf("look").calls.value(), 3);
  EXPECT_EQ(keyspace_.Totals().expired, 1);
  EXPECT_EQ(keyspace_.Size(DbId(0)).keys, 1u);
}

TEST_F(RunnerTest, KeysThatAreAskedForAreSampled) {
  shared_.guards = 0;
  while (runner_.key_sampler().gap() > 1) runner_.key_sampler().Tick();
  runner_.key_sampler().Tick();
  Execute({"PUT", "a", "12345"});
  Execute({"LOOK", "a"});
  Execute({"FAIL"});
  runner_.Reset();
  for (const std::string_view key : {"a", "none", "b", "a"}) runner_.AddRead(key);
  resp::Writer reply(buffer_, 2);
  runner_.RunReads(session_, *table_.Find("look"), "LOOK", reply);
  const UnixMs now_ms = runner_.now_ms();
  const auto reads = shared_.key_statistics.HotKeys(KeyUse::kRead, now_ms, 10);
  ASSERT_EQ(reads.rows.size(), 3u);
  EXPECT_EQ(reads.calls, 5u);
  EXPECT_EQ(reads.rows[0].name, "a");
  EXPECT_EQ(reads.rows[0].calls.calls, 3u);
  const auto writes = shared_.key_statistics.HotKeys(KeyUse::kWrite, now_ms, 10);
  ASSERT_EQ(writes.rows.size(), 1u);
  const auto prefixes = shared_.key_statistics.Prefixes(1, now_ms, 10);
  ASSERT_EQ(prefixes.rows.size(), 1u);
  EXPECT_EQ(prefixes.rows[0].tally.misses, 2u);
  EXPECT_EQ(prefixes.rows[0].tally.written_bytes, 6u) << "of all arguments";
}

TEST_F(RunnerTest, NoRunsWhereSomebodyMustLookAtEachCommand) {
  const CommandTable::Command& look = *table_.Find("look");
  EXPECT_FALSE(runner_.MayRunReads(look, session_)) << "the gates are asked";
  shared_.guards = 0;
  EXPECT_TRUE(runner_.MayRunReads(look, session_));
  shared_.slow_threshold_ns = 1000;
  EXPECT_FALSE(runner_.MayRunReads(look, session_)) << "short commands are told of";
  shared_.slow_threshold_ns = UINT64_MAX;
  session_.set_authenticated(false);
  EXPECT_FALSE(runner_.MayRunReads(look, session_)) << "the session is guarded";
}

TEST_F(RunnerTest, SlowCommandsAreTold) {
  class Observer final : public SlowObserver {
   public:
    void OnSlow(Call& call, std::uint64_t) override { name = call.arg(0); }
    std::string name;
  } observer;
  shared_.slow_observer = &observer;
  Execute({"PUT", "k", "v"});
  EXPECT_EQ(observer.name, "");
  shared_.slow_threshold_ns = 0;
  Execute({"LOOK", "k"});
  EXPECT_EQ(observer.name, "LOOK");
  shared_.slow_threshold_ns = UINT64_MAX;
  Execute({"PUT", "k", "v"});
  EXPECT_EQ(observer.name, "LOOK");
}

}  // namespace
}  // namespace cairn::command
