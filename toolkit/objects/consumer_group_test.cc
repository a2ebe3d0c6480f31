// SPDX-License-Identifier: BSD-3-Clause
// Consumers over an embedded store under virtual time: every rule of the header, and each mistake
// of the guides' loops beside ours.
#include "cairn/consumer_group.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>

#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

class Consumers : public testing::Test {
 protected:
  ConsumerGroup Open(ConsumerOptions options = {}) {
    if (options.stream.empty()) options.stream = "orders";
    if (options.group.empty()) options.group = "billing";
    if (options.consumer.empty()) options.consumer = "billing-1";
    return ConsumerGroup::Open(store_, std::move(options)).value();
  }
  std::string Add(std::string_view what) {
    return std::string(client().Call(Command("XADD", "orders", "*", "what", what))->text());
  }
  Client& client() { return store_.client(); }
  std::int64_t Pending() {
    return client()
        .Call(Command("XPENDING", "orders", "billing"))
        ->elements()[0]
        .AsInteger()
        .value();
  }
  std::int64_t Length(std::string_view stream) {
    return client().Call(Command("XLEN", stream))->AsInteger().value();
  }
  // A handler that notes what it is given and does as `verdict_` says.
  EventHandler Notes() {
    return [this](const Event& event) -> Result<void> {
      seen_.push_back(*event.Find("what"));
      return verdict_;
    };
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
  std::vector<std::string> seen_;
  Result<void> verdict_;
};

using Seen = std::vector<std::string>;

TEST_F(Consumers, HandlesInOrderAndAcknowledges) {
  const ConsumerGroup group = Open({.batch_max = 2});
  for (const char* what : {"a", "b", "c"}) Add(what);
  EXPECT_EQ(group.RunOnce(Notes())->handled, 2u);
  EXPECT_EQ(group.RunOnce(Notes())->handled, 1u);
  EXPECT_EQ(group.RunOnce(Notes())->delivered, 0u);
  EXPECT_EQ(seen_, (Seen{"a", "b", "c"}));
  EXPECT_EQ(Pending(), 0);
  EXPECT_EQ(group.stats().handled, 3u);
}

TEST_F(Consumers, OptionsAreChecked) {
  const auto error = [&](ConsumerOptions options) {
    const auto opened = ConsumerGroup::Open(store_, std::move(options));
    return opened ? Errc::kProtocol : opened.error().code;
  };
  EXPECT_EQ(error({.stream = "s", .group = "g"}), Errc::kInvalid);
  EXPECT_EQ(error({.stream = "s", .group = "g", .consumer = "c", .parallel = 0}), Errc::kInvalid);
  EXPECT_EQ(error({.stream = "s", .group = "g", .consumer = "c", .dead_stream = "other"}),
            Errc::kInvalid);
  const auto more = [&](ConsumerOptions options) {
    options.stream = "s";
    options.group = "g";
    options.consumer = "c";
    return error(options);
  };
  EXPECT_EQ(more({.parallel = SIZE_MAX}), Errc::kInvalid);
  EXPECT_EQ(more({.batch_max = SIZE_MAX}), Errc::kInvalid);
  EXPECT_EQ(more({.pending_max = SIZE_MAX}), Errc::kInvalid);
  EXPECT_EQ(more({.claim_after = Millis::max()}), Errc::kInvalid);
  EXPECT_EQ(more({.wait = Millis::max()}), Errc::kInvalid);
  // Run would ask without a pause.
  EXPECT_EQ(more({.wait = 0ms}), Errc::kInvalid);
  client().Call(Command("SET", "text", "x")).value();
  // Not swallowed as if the group were there.
  EXPECT_EQ(error({.stream = "text", .group = "g", .consumer = "c"}), Errc::kServer);
}

TEST_F(Consumers, FailuresAreTriedAgainWithBackOff) {
  const ConsumerGroup group = Open({.retry = {.pause_min = 100ms, .jitter_percent = 0}});
  Add("a");
  verdict_ = Fail(Errc::kUnreachable, "no bank");
  EXPECT_EQ(group.RunOnce(Notes())->failed, 1u);
  for (const Millis pause : {100ms, 200ms, 400ms}) {
    time_.Advance(pause - 1ms);
    EXPECT_EQ(group.RunOnce(Notes())->delivered, 0u);
    time_.Advance(1ms);
    EXPECT_EQ(group.RunOnce(Notes())->failed, 1u);
  }
  time_.Advance(800ms);
  verdict_ = {};
  EXPECT_EQ(group.RunOnce(Notes())->handled, 1u);
  EXPECT_EQ(seen_.size(), 5u);
  EXPECT_EQ(group.stats().redelivered, 4u);
}

// The pause begins with the failure, not with the delivery, however long the handler took.
TEST_F(Consumers, BackOffBeginsWithTheFailure) {
  const ConsumerGroup group = Open({.retry = {.pause_min = 100ms, .jitter_percent = 0}});
  Add("a");
  group
      .RunOnce([&](const Event&) -> Result<void> {
        time_.Advance(5000ms);
        return Fail(Errc::kUnreachable, "");
      })
      .value();
  EXPECT_EQ(group.RunOnce(Notes())->delivered, 0u);
  time_.Advance(100ms);
  EXPECT_EQ(group.RunOnce(Notes())->delivered, 1u);
}

TEST_F(Consumers, PausesDoubleUpToTheirLimit) {
  const RetryPolicy policy{.pause_min = 100ms, .pause_max = 1000ms, .jitter_percent = 0};
  EXPECT_EQ(RetryPause(policy, 1, "x"), 100ms);
  EXPECT_EQ(RetryPause(policy, 3, "x"), 400ms);
  EXPECT_EQ(RetryPause(policy, 99, "x"), 1000ms);
  const RetryPolicy spread{.pause_min = 1000ms, .jitter_percent = 20};
  std::map<Millis, int> pauses;
  for (int i = 0; i < 100; ++i) {
    const Millis pause = RetryPause(spread, 1, std::to_string(i) + "-0");
    EXPECT_GE(pause, 800ms);
    EXPECT_LE(pause, 1000ms);
    ++pauses[pause];
  }
  EXPECT_GT(pauses.size(), 30u);
}

TEST_F(Consumers, PausesThatAreTooLongAreAYear) {
  for (const std::int64_t deliveries : {1, 50, 64, 1'000'000}) {
    const Millis pause =
        RetryPause({.pause_min = 1ms, .pause_max = Millis::max()}, deliveries, "a");
    EXPECT_GE(pause, Millis(0)) << deliveries;
    EXPECT_LE(pause, kWaitMax) << deliveries;
  }
  EXPECT_EQ(RetryPause({.pause_min = Millis::min()}, 100, "a"), Millis(0));
  EXPECT_EQ(RetryPause({.pause_max = Millis::min()}, 100, "a"), Millis(0));
}

TEST_F(Consumers, PoisonBecomesADeadLetter) {
  const ConsumerGroup group =
      Open({.retry = {.deliveries_max = 2, .pause_min = 10ms, .jitter_percent = 0}});
  const std::string id = Add("poison");
  verdict_ = Fail(Errc::kInvalid, "no such customer");
  EXPECT_EQ(group.RunOnce(Notes())->failed, 1u);
  time_.Advance(10ms);
  EXPECT_EQ(group.RunOnce(Notes())->dead, 1u);
  EXPECT_EQ(Pending(), 0);
  EXPECT_EQ(group.dead_stream(), "{orders}:dead");
  const Reply letters = client().Call(Command("XRANGE", group.dead_stream(), "-", "+")).value();
  ASSERT_EQ(letters.elements().size(), 1u);
  const Reply& fields = letters.elements()[0].elements()[1];
  EXPECT_EQ(fields.Find("dead:id")->text(), id);
  EXPECT_EQ(fields.Find("dead:error")->text(), "invalid: no such customer");
  EXPECT_EQ(fields.Find("dead:deliveries")->text(), "2");
  EXPECT_EQ(fields.Find("what")->text(), "poison");
}

// More fields than a script can pass on: it would never have been buried, and every round an error.
TEST_F(Consumers, AnEntryThatFitsNoLetterIsBuriedWhereItIs) {
  const ConsumerGroup group = Open({.trim = Trim::kDelete});
  constexpr int kFields = 5'000;
  Command add("XADD", "orders", "*");
  for (int i = 0; i < kFields; ++i) add.Add("field").Add(i);
  client().Call(add).value();
  std::size_t fields = 0;
  const auto count = [&](const Event& event) -> Result<void> {
    fields = event.fields.size();
    return verdict_;
  };
  verdict_ = Fail(Errc::kCorrupt, "too long");
  const Result<RoundReport> round = group.RunOnce(count);
  ASSERT_TRUE(round) << round.error().detail;
  EXPECT_EQ(round->dead, 1u);
  EXPECT_EQ(Pending(), 0);
  EXPECT_EQ(Length("orders"), 1);
  fields = 0;
  verdict_ = {};
  EXPECT_EQ(group.Redrive(1).value(), 1u);
  EXPECT_EQ(group.RunOnce(count)->handled, 1u);
  EXPECT_EQ(fields, std::size_t{kFields});
  EXPECT_EQ(Length("orders"), 0);
}

TEST_F(Consumers, CorruptIsNotTriedAgain) {
  const ConsumerGroup group = Open();
  Add("a");
  verdict_ = Fail(Errc::kCorrupt, "no JSON");
  EXPECT_EQ(group.RunOnce(Notes())->dead, 1u);
  EXPECT_EQ(group.stats().dead, 1u);
}

// A worker that dies of an entry says nothing: the count that the server keeps does.
TEST_F(Consumers, WhatKillsItsWorkersIsBuriedUnhandled) {
  const ConsumerGroup group = Open({.retry = {.deliveries_max = 3, .jitter_percent = 0}});
  Add("killer");
  for (int life = 0; life < 3; ++life) {
    // Delivered, and then the process is gone.
    const std::string_view from = life == 0 ? ">" : "0";
    client()
        .Call(Command("XREADGROUP", "GROUP", "billing", "billing-1", "STREAMS", "orders", from))
        .value();
  }
  time_.Advance(60s);
  EXPECT_EQ(group.RunOnce(Notes())->dead, 1u);
  EXPECT_TRUE(seen_.empty());
}

// Nothing is lost for want of room.
TEST_F(Consumers, AFullDeadStreamKeepsEntriesPending) {
  const ConsumerGroup group = Open({.retry = {.deliveries_max = 1}, .dead_max = 1});
  verdict_ = Fail(Errc::kInvalid, "");
  Add("a");
  EXPECT_EQ(group.RunOnce(Notes())->dead, 1u);
  Add("b");
  const auto full = group.RunOnce(Notes());
  EXPECT_EQ(full.error().code, Errc::kLimit);
  EXPECT_EQ(Pending(), 1);
  client().Call(Command("DEL", group.dead_stream())).value();
  time_.Advance(60s);
  EXPECT_EQ(group.RunOnce(Notes())->dead, 1u);
}

TEST_F(Consumers, RedrivenLettersBeginAnewWithTheirIds) {
  const ConsumerGroup group = Open({.retry = {.deliveries_max = 2}});
  const ConsumerGroup other = Open({.group = "shipping"});
  std::vector<std::string> ids;
  for (const char* what : {"a", "b", "c"}) ids.push_back(Add(what));
  EXPECT_EQ(other.RunOnce(Notes())->handled, 3u);
  EXPECT_EQ(group.Redrive(10).value(), 0u);
  verdict_ = Fail(Errc::kCorrupt, "no such customer");
  EXPECT_EQ(group.RunOnce(Notes())->dead, 3u);
  // The other group's letters, and what is no letter, stay where they are.
  EXPECT_EQ(other.Redrive(10).value(), 0u);
  client().Call(Command("XADD", group.dead_stream(), "*", "dead:stream", "orders")).value();
  EXPECT_EQ(group.Redrive(0).value(), 0u);
  EXPECT_EQ(group.Redrive(2).value(), 2u);
  EXPECT_EQ(Length(group.dead_stream()), 2);
  EXPECT_EQ(Length("orders"), 3);
  EXPECT_EQ(Pending(), 2);
  verdict_ = Fail(Errc::kUnreachable, "no bank");
  std::vector<std::pair<std::string, std::int64_t>> delivered;
  const auto notes = [&](const Event& event) -> Result<void> {
    delivered.emplace_back(event.id, event.deliveries);
    return verdict_;
  };
  EXPECT_EQ(group.RunOnce(notes)->failed, 2u);  // and not dead: this was the first time
  EXPECT_EQ(delivered, (decltype(delivered){{ids[0], 1}, {ids[1], 1}}));
  EXPECT_EQ(SyncWait(group.CoRedrive(10)).value(), 1u);
  verdict_ = {};
  time_.Advance(1min);
  EXPECT_EQ(group.RunOnce(Notes())->handled, 3u);
  EXPECT_EQ(Pending(), 0);
  EXPECT_EQ(Length(group.dead_stream()), 1);
  EXPECT_EQ(other.RunOnce(Notes())->delivered, 0u);
}

TEST_F(Consumers, RedrivenLettersWhoseEntryIsGoneAreAddedAnew) {
  const ConsumerGroup group = Open({.trim = Trim::kDelete});
  client().Call(Command("XADD", "orders", "*", "what", "a", "cents", 7)).value();
  verdict_ = Fail(Errc::kCorrupt, "no such customer");
  EXPECT_EQ(group.RunOnce(Notes())->dead, 1u);
  EXPECT_EQ(Length("orders"), 0);
  EXPECT_EQ(group.Redrive(1).value(), 1u);
  EXPECT_EQ(Length(group.dead_stream()), 0);
  const auto whole = [&](const Event& event) -> Result<void> {
    EXPECT_EQ(event.fields.size(), 2u);
    EXPECT_EQ(*event.Find("what"), "a");
    EXPECT_EQ(*event.Find("cents"), "7");
    return {};
  };
  EXPECT_EQ(group.RunOnce(whole)->handled, 1u);
}

// Of hundreds, step by step, behind as many of another group; claimed by who does run.
TEST_F(Consumers, RedriveLooksAtAllLetters) {
  const ConsumerGroup group = Open({.batch_max = 500});
  const ConsumerGroup other = Open({.group = "shipping", .batch_max = 500});
  constexpr std::size_t kCount = 230;
  for (std::size_t i = 0; i < kCount; ++i) Add("a");
  verdict_ = Fail(Errc::kCorrupt, "");
  EXPECT_EQ(other.RunOnce(Notes())->dead, kCount);
  EXPECT_EQ(group.RunOnce(Notes())->dead, kCount);
  const ConsumerGroup operators = Open({.consumer = "by hand"});
  EXPECT_EQ(operators.Redrive(SIZE_MAX).value(), kCount);
  verdict_ = {};
  time_.Advance(1min);
  EXPECT_EQ(group.RunOnce(Notes())->claimed, kCount);
  EXPECT_EQ(Pending(), 0);
  EXPECT_EQ(Length(group.dead_stream()), static_cast<std::int64_t>(kCount));
}

TEST_F(Consumers, TooManyPendingEntriesStopTheReading) {
  const ConsumerGroup group = Open({.batch_max = 2, .pending_max = 2});
  verdict_ = Fail(Errc::kUnreachable, "");
  for (const char* what : {"a", "b", "c"}) Add(what);
  EXPECT_EQ(group.RunOnce(Notes())->failed, 2u);
  EXPECT_EQ(group.RunOnce(Notes())->delivered, 0u);
  EXPECT_EQ(seen_, (Seen{"a", "b"}));
  verdict_ = {};
  time_.Advance(100ms);
  EXPECT_EQ(group.RunOnce(Notes())->handled, 2u);
  EXPECT_EQ(group.RunOnce(Notes())->handled, 1u);
}

TEST_F(Consumers, ADeadWorkersEntriesAreClaimed) {
  const ConsumerGroup dead = Open({.consumer = "billing-9"});
  Add("a");
  client()
      .Call(Command("XREADGROUP", "GROUP", "billing", "billing-9", "STREAMS", "orders", ">"))
      .value();
  const ConsumerGroup group = Open({.claim_after = 1000ms});
  EXPECT_EQ(group.RunOnce(Notes())->delivered, 0u);
  time_.Advance(1000ms);
  const RoundReport report = group.RunOnce(Notes()).value();
  EXPECT_EQ(report.claimed, 1u);
  EXPECT_EQ(report.handled, 1u);
  EXPECT_EQ(Pending(), 0);
}

// The handler takes longer than claim_after, and still nobody else gets its entry.
TEST_F(Consumers, WhatIsWorkedOnIsNotClaimed) {
  const ConsumerGroup slow = Open({.claim_after = 900ms});
  const ConsumerGroup other = Open({.consumer = "billing-2", .claim_after = 900ms});
  Add("a");
  const auto report = slow.RunOnce([&](const Event&) -> Result<void> {
    for (int i = 0; i < 10; ++i) {
      time_.Advance(500ms);
      EXPECT_EQ(other.RunOnce(Notes())->delivered, 0u);
    }
    return {};
  });
  EXPECT_EQ(report->handled, 1u);
  EXPECT_TRUE(seen_.empty());
  EXPECT_EQ(slow.stats().lost, 0u);
}

TEST_F(Consumers, DeletedEntriesArePassedOver) {
  const ConsumerGroup group = Open({.retry = {.pause_min = 10ms}});
  const std::string id = Add("a");
  verdict_ = Fail(Errc::kUnreachable, "");
  group.RunOnce(Notes()).value();
  client().Call(Command("XDEL", "orders", id)).value();
  time_.Advance(10ms);
  EXPECT_EQ(group.RunOnce(Notes())->delivered, 0u);
  EXPECT_EQ(Pending(), 0);
}

TEST_F(Consumers, ADeletedStreamIsMadeAnew) {
  const ConsumerGroup group = Open();
  client().Call(Command("DEL", "orders")).value();
  Add("a");
  EXPECT_EQ(group.RunOnce(Notes()).error().server_code(), "NOGROUP");
  EXPECT_EQ(group.RunOnce(Notes())->handled, 1u);
}

TEST_F(Consumers, ThrownIsAFailure) {
  const ConsumerGroup group = Open({.retry = {.deliveries_max = 1}});
  Add("a");
  const auto throws = [](const Event&) -> Result<void> {
    std::rethrow_exception(std::make_exception_ptr(std::runtime_error("bug")));
  };
  EXPECT_EQ(group.RunOnce(throws)->dead, 1u);
  const Reply letters = client().Call(Command("XRANGE", group.dead_stream(), "-", "+")).value();
  EXPECT_EQ(letters.elements()[0].elements()[1].Find("dead:error")->text(),
            "loader: the handler threw: bug");
}

TEST_F(Consumers, NoMoreThanParallelHandlersAtOnce) {
  const Store store = Store::Open("embedded:").value();
  const ConsumerGroup group = ConsumerGroup::Open(store, {.stream = "orders",
                                                          .group = "billing",
                                                          .consumer = "billing-1",
                                                          .parallel = 3,
                                                          .batch_max = 12})
                                  .value();
  for (int i = 0; i < 12; ++i) store.client().Call(Command("XADD", "orders", "*", "n", i)).value();
  std::mutex mutex;
  std::condition_variable changed;
  int running = 0;
  int most = 0;
  int begun = 0;
  const auto report = group.RunOnce([&](const Event&) -> Result<void> {
    std::unique_lock lock(mutex);
    most = std::max(most, ++running);
    ++begun;
    changed.notify_all();
    // The first three wait for one another: they do run at one time.
    changed.wait(lock, [&] { return begun >= 3; });
    --running;
    return {};
  });
  EXPECT_EQ(report->handled, 12u);
  EXPECT_EQ(most, 3);
}

TEST_F(Consumers, CoroutineHandlersAndTwins) {
  const ConsumerGroup group = SyncWait(ConsumerGroup::CoOpen(store_, {.stream = "orders",
                                                                      .group = "billing",
                                                                      .consumer = "billing-1",
                                                                      .parallel = 2}))
                                  .value();
  for (const char* what : {"a", "b", "c"}) Add(what);
  const auto handler = [&](const Event& event) -> Task<Result<void>> {
    const Command count("INCR", *event.Find("what"));
    const Result<Reply> counted = co_await client().CoCall(count);
    if (!counted) co_return std::unexpected(counted.error());
    co_return Result<void>();
  };
  EXPECT_EQ(SyncWait(group.CoRunOnce(handler))->handled, 3u);
  EXPECT_EQ(client().Call(Command("GET", "c"))->text(), "1");
}

// Coroutines have no threads that would bound them.
TEST_F(Consumers, NoMoreThanParallelCoroutinesAtOnce) {
  const ConsumerGroup group = Open({.parallel = 2});
  for (const char* what : {"a", "b", "c", "d", "e"}) Add(what);
  int running = 0;
  int most = 0;
  const auto handler = [&](const Event&) -> Task<Result<void>> {
    most = std::max(most, ++running);
    co_await Sleep(time_, 10ms);
    --running;
    co_return Result<void>();
  };
  std::optional<Result<RoundReport>> report;
  const auto run = [&]() -> Task<void> { report = co_await group.CoRunOnce(handler); };
  Detach(run());
  EXPECT_EQ(running, 2);
  time_.Advance(30ms);
  ASSERT_TRUE(report);
  EXPECT_EQ((*report)->handled, 5u);
  EXPECT_EQ(most, 2);
}

// Run waits at the store, wakes for what comes, tries again what failed, and ends when told to.
TEST_F(Consumers, RunsUntilItIsStopped) {
  const ConsumerGroup group = Open({.retry = {.pause_min = 100ms, .jitter_percent = 0}});
  std::stop_source stop;
  bool is_over = false;
  const auto handler = [&](const Event& event) -> Task<Result<void>> {
    seen_.push_back(*event.Find("what"));
    co_return verdict_;
  };
  const auto run = [&]() -> Task<void> {
    co_await group.CoRun(handler, stop.get_token());
    is_over = true;
  };
  Detach(run());
  EXPECT_TRUE(seen_.empty());
  Add("a");
  time_.RunReady();
  EXPECT_EQ(seen_, (Seen{"a"}));
  verdict_ = Fail(Errc::kUnreachable, "");
  Add("b");
  time_.RunReady();
  verdict_ = {};
  EXPECT_EQ(Pending(), 1);
  time_.Advance(150ms);
  EXPECT_EQ(seen_, (Seen{"a", "b", "b"}));
  EXPECT_EQ(Pending(), 0);
  EXPECT_FALSE(is_over);
  stop.request_stop();
  time_.Advance(10ms);
  EXPECT_TRUE(is_over);
}

// With as much pending as may be, Run waits for the first back-off to end.
TEST_F(Consumers, AFullConsumerWaitsForItsBackOffs) {
  const ConsumerGroup group = Open(
      {.pending_max = 1, .retry = {.pause_min = 500ms, .jitter_percent = 0}, .wait = 10'000ms});
  std::stop_source stop;
  int rounds = 0;
  const auto handler = [&](const Event&) -> Task<Result<void>> {
    if (++rounds == 2) co_return Result<void>();
    co_return Fail(Errc::kUnreachable, "");
  };
  Add("a");
  Detach(group.CoRun(handler, stop.get_token()));
  time_.RunReady();
  EXPECT_EQ(rounds, 1);
  time_.Advance(499ms);
  EXPECT_EQ(rounds, 1);
  time_.Advance(1ms);
  EXPECT_EQ(rounds, 2);
  Add("b");
  time_.RunReady();
  EXPECT_EQ(rounds, 3);
  stop.request_stop();
  time_.Advance(10ms);
}

// What has been delivered when the stop comes is finished.
TEST_F(Consumers, AStopFinishesTheRound) {
  // Real time: this thread waits, and nobody would move the virtual one.
  store_ = Store::Open("embedded:").value();
  const ConsumerGroup group = Open();
  std::stop_source stop;
  for (const char* what : {"a", "b", "c"}) Add(what);
  group.Run(
      [&](const Event& event) -> Result<void> {
        stop.request_stop();
        seen_.push_back(*event.Find("what"));
        return {};
      },
      stop.get_token());
  EXPECT_EQ(seen_, (Seen{"a", "b", "c"}));
  EXPECT_EQ(Pending(), 0);
}

TEST_F(Consumers, TrimPolicies) {
  const ConsumerGroup deleting = Open({.trim = Trim::kDelete});
  Add("a");
  deleting.RunOnce(Notes()).value();
  EXPECT_EQ(Length("orders"), 0);

  const ConsumerGroup group = Open({.trim = Trim::kAcknowledged});
  const ConsumerGroup other = Open({.group = "shipping", .trim = Trim::kAcknowledged});
  for (const char* what : {"b", "c", "d"}) Add(what);
  group.RunOnce(Notes()).value();
  // The other group has not seen them.
  EXPECT_EQ(Length("orders"), 3);
  verdict_ = Fail(Errc::kUnreachable, "");
  other.RunOnce(Notes()).value();
  EXPECT_EQ(Length("orders"), 3);
  verdict_ = {};
  time_.Advance(60s);
  other.RunOnce(Notes()).value();
  // The last one is where the groups stand.
  EXPECT_EQ(Length("orders"), 1);
}

TEST_F(Consumers, AnEffectIsAppliedOnce) {
  const EffectRecord record{.key = "{bill}:done:1-0", .keep = 1000ms};
  const std::vector<std::string> keys = {"{bill}:sum", "{bill}:list"};
  const std::vector<Command> effects = {Command("INCRBY", keys[0], 5),
                                        Command("RPUSH", keys[1], "x", "y")};
  EXPECT_TRUE(ApplyOnce(client(), record, keys, effects).value());
  EXPECT_FALSE(ApplyOnce(client(), record, keys, effects).value());
  EXPECT_FALSE(SyncWait(CoApplyOnce(client(), record, keys, effects)).value());
  EXPECT_EQ(client().Call(Command("GET", keys[0]))->text(), "5");
  EXPECT_EQ(client().Call(Command("LLEN", keys[1]))->AsInteger(), 2);
  time_.Advance(1000ms);
  EXPECT_EQ(client().Call(Command("EXISTS", record.key))->AsInteger(), 0);
}

// The script would fail behind the record's making, and the next one would find it done.
TEST_F(Consumers, AnEffectThatCannotBePassedOnIsNotRecorded) {
  const EffectRecord record{.key = "{orders}:done:1"};
  Command push("RPUSH", "{orders}:all");
  for (int i = 0; i < 9'000; ++i) push.Add(i);
  const std::vector<std::string> keys = {"{orders}:all"};
  for (const Command& effect : {push, Command()}) {
    const std::vector<Command> effects = {effect};
    EXPECT_FALSE(ApplyOnce(client(), record, keys, effects));
    EXPECT_FALSE(client().Call(Command("EXISTS", record.key))->AsBool().value());
  }
}

TEST_F(Consumers, AnEffectThatFailsIsNotRecorded) {
  const EffectRecord record{.key = "{bill}:done:1-0"};
  const std::vector<std::string> keys = {"{bill}:sum", "{bill}:list"};
  client().Call(Command("SET", keys[1], "text")).value();
  const std::vector<Command> first = {Command("RPUSH", keys[1], "x"), Command("INCR", keys[0])};
  const auto failed = ApplyOnce(client(), record, keys, first);
  EXPECT_EQ(failed.error().server_code(), "WRONGTYPE");
  EXPECT_FALSE(failed.error().may_have_applied);
  EXPECT_EQ(client().Call(Command("EXISTS", record.key, keys[0]))->AsInteger(), 0);
  const std::vector<Command> second = {Command("INCR", keys[0]), Command("RPUSH", keys[1], "x")};
  EXPECT_TRUE(ApplyOnce(client(), record, keys, second).error().may_have_applied);
  EXPECT_FALSE(ApplyOnce(client(), record, keys, second).value());
}

// ---- The guides' consumers, as they describe them, each beside ours.

// 001: XGROUP CREATE with $ after the XADD: what was added before is never delivered.
TEST_F(Consumers, GuideGroupFromDollarLosesTheFirstOrder) {
  Add("first");
  client().Call(Command("XGROUP", "CREATE", "orders", "guide", "$")).value();
  const Reply guide =
      client().Call(Command("XREADGROUP", "GROUP", "guide", "c", "STREAMS", "orders", ">")).value();
  EXPECT_TRUE(guide.is_null());
  Open().RunOnce(Notes()).value();
  EXPECT_EQ(seen_, (Seen{"first"}));
}

// 002: a loop that reads only ">" never sees a failed event again, and it stays pending for ever.
TEST_F(Consumers, GuideFailedEventStaysPendingForEver) {
  client().Call(Command("XGROUP", "CREATE", "orders", "guide", "0", "MKSTREAM")).value();
  Add("a");
  int attempts = 0;
  for (int round = 0; round < 10; ++round) {
    const Reply reply =
        client()
            .Call(Command("XREADGROUP", "GROUP", "guide", "c", "STREAMS", "orders", ">"))
            .value();
    // The handler fails: no XACK.
    if (!reply.is_null()) ++attempts;
    time_.Advance(60s);
  }
  EXPECT_EQ(attempts, 1);
  EXPECT_EQ(client().Call(Command("XPENDING", "orders", "guide"))->elements()[0].AsInteger(), 1);

  const ConsumerGroup group = Open();
  verdict_ = Fail(Errc::kUnreachable, "once");
  group.RunOnce(Notes()).value();
  verdict_ = {};
  time_.Advance(60s);
  group.RunOnce(Notes()).value();
  EXPECT_EQ(seen_.size(), 2u);
  EXPECT_EQ(Pending(), 0);
}

// 002: the process id as the consumer's name: after a restart nobody asks for the old name's.
TEST_F(Consumers, GuidePidAsConsumerNameOrphansEntries) {
  const auto read = [&](std::string_view consumer, std::string_view from) {
    return client()
        .Call(Command("XREADGROUP", "GROUP", "guide", consumer, "STREAMS", "orders", from))
        .value();
  };
  client().Call(Command("XGROUP", "CREATE", "orders", "guide", "0", "MKSTREAM")).value();
  Add("a");
  EXPECT_FALSE(read("worker-4711", ">").is_null());
  // kill -9, and again, under another number.
  EXPECT_TRUE(read("worker-4712", ">").is_null());
  EXPECT_TRUE(read("worker-4712", "0").Find("orders")->elements().empty());

  // Ours: the same name, and what the first life was given.
  (void)Open();
  client()
      .Call(Command("XREADGROUP", "GROUP", "billing", "billing-1", "STREAMS", "orders", ">"))
      .value();
  time_.Advance(100ms);
  Open().RunOnce(Notes()).value();
  EXPECT_EQ(seen_, (Seen{"a"}));
}

// 002: "except ResponseError: pass" around XGROUP CREATE hides that there is no stream at all.
TEST_F(Consumers, GuideSwallowsWhateverTheServerSays) {
  client().Call(Command("SET", "orders", "not a stream")).value();
  const auto guide = [&] {
    (void)client().Call(Command("XGROUP", "CREATE", "orders", "guide", "0", "MKSTREAM"));
    return true;
  };
  EXPECT_TRUE(guide());
  const auto ours = ConsumerGroup::Open(
      store_, {.stream = "orders", .group = "billing", .consumer = "billing-1"});
  EXPECT_EQ(ours.error().server_code(), "WRONGTYPE");
  client().Call(Command("DEL", "orders")).value();
  (void)Open();
  (void)Open();  // that it is there is no error
}

// 002: "exactly-once delivery": the worker dies between its effect and the XACK, and the effect is
// there twice. Recorded with the entry's id, it is there once.
TEST_F(Consumers, GuideExactlyOnceIsTwice) {
  (void)Open();
  const std::string id = Add("a");
  const auto deliver = [&](std::string_view from) {
    client()
        .Call(Command("XREADGROUP", "GROUP", "billing", "billing-1", "STREAMS", "orders", from))
        .value();
    client().Call(Command("INCR", "guide")).value();
    const std::vector<Command> effects = {Command("INCR", "{bill}:sum")};
    ApplyOnce(client(), {.key = "{bill}:done:" + id}, std::vector<std::string>{"{bill}:sum"},
              effects)
        .value();
  };
  deliver(">");
  // kill -9 before the XACK.
  deliver("0");
  EXPECT_EQ(client().Call(Command("GET", "guide"))->text(), "2");
  EXPECT_EQ(client().Call(Command("GET", "{bill}:sum"))->text(), "1");
}

// 000: write-behind as SET and then XADD: a crash between the two, and the database never hears of
// what everybody reads; and the value's TTL ends before the flush. One command does both, and pins.
TEST_F(Consumers, GuideWriteBehindInTwoStepsLosesTheWrite) {
  client().Call(Command("SET", "guide", "new", "PX", 1000)).value();
  // kill -9 before the XADD
  EXPECT_EQ(client().Call(Command("GET", "guide"))->text(), "new");
  EXPECT_EQ(Length("guide:log"), 0);

  client()
      .Call(Command("CACHE.SET", "row:{7}", "new", "VER", 1, "TTL", 1000, "BEHIND", "log:{7}"))
      .value();
  time_.Advance(2000ms);
  EXPECT_TRUE(client().Call(Command("GET", "guide"))->is_null());
  EXPECT_EQ(client().Call(Command("GET", "row:{7}"))->text(), "new");
  std::string flushed;
  const ConsumerGroup group = Open({.stream = "log:{7}"});
  group
      .RunOnce([&](const Event& event) -> Result<void> {
        flushed = *event.Find("value");
        return {};
      })
      .value();
  EXPECT_EQ(flushed, "new");
}

}  // namespace
}  // namespace cairn::cache
