// SPDX-License-Identifier: BSD-3-Clause
// A work queue over an embedded store under virtual time; the guide's BLPOP queue beside it.
#include "cairn/work_queue.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

class Jobs : public testing::Test {
 protected:
  WorkQueue Make(WorkQueueOptions options = {}) {
    options.prefix = "mails";
    return WorkQueue(store_, std::move(options));
  }
  static std::string Payload(const Result<std::optional<Job>>& job) {
    return job && *job ? (*job)->payload : "(nothing)";
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
};

TEST_F(Jobs, AreReservedOnceAndAcknowledged) {
  const WorkQueue queue = Make();
  queue.Push("a").value();
  queue.Push("b").value();
  const Job first = queue.Reserve()->value();
  EXPECT_EQ(first.payload, "a");
  EXPECT_EQ(first.delivery, 1);
  const Job second = queue.Reserve()->value();
  EXPECT_EQ(second.payload, "b");
  EXPECT_FALSE(queue.Reserve().value());
  EXPECT_TRUE(queue.Ack(first).value());
  EXPECT_FALSE(queue.Ack(first).value());
  EXPECT_TRUE(SyncWait(queue.CoAck(second)).value());
  EXPECT_EQ(queue.Sizes()->ready + queue.Sizes()->reserved, 0u);
}

// A push wakes one of those who wait; he who was woken and goes passes it on.
TEST_F(Jobs, AStrokeIsNotTakenAwayByWhoGoes) {
  const WorkQueue queue = Make({.visibility = 60'000ms});
  std::stop_source stop;
  Result<std::optional<Job>> first = std::nullopt;
  Result<std::optional<Job>> second = std::nullopt;
  const auto wait = [&](std::stop_token token, Result<std::optional<Job>>* job) -> Task<void> {
    *job = co_await queue.CoReserve(600'000ms, token);
  };
  Detach(wait(stop.get_token(), &first));
  time_.RunReady();
  Detach(wait({}, &second));
  time_.RunReady();
  queue.Push("a").value();  // the first is served, and has not heard of it yet
  stop.request_stop();
  time_.Advance(100ms);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, Errc::kCancelled);
  EXPECT_EQ(Payload(second), "a");
}

TEST_F(Jobs, OfADeadWorkerComeBackToTheirPlace) {
  const WorkQueue queue = Make({.visibility = 1000ms});
  queue.Push("a").value();
  const Job lost = queue.Reserve()->value();
  queue.Push("b").value();
  time_.Advance(999ms);
  EXPECT_EQ(Payload(queue.Reserve()), "b");
  time_.Advance(1ms);
  const Job again = queue.Reserve()->value();
  EXPECT_EQ(again.payload, "a");
  EXPECT_EQ(again.delivery, 2);
  // The one who was thought dead is told so.
  EXPECT_FALSE(queue.Ack(lost).value());
  EXPECT_FALSE(queue.Nack(lost).value());
  EXPECT_FALSE(queue.Extend(lost, 1000ms).value());
  EXPECT_TRUE(queue.Ack(again).value());
}

// Late, but nobody has begun it anew: it need not be done twice.
TEST_F(Jobs, ALateAckIsGoodWhileNobodyElseHasTheJob) {
  const WorkQueue queue = Make({.visibility = 1000ms});
  queue.Push("a").value();
  const Job late = queue.Reserve()->value();
  time_.Advance(5000ms);
  EXPECT_TRUE(queue.Ack(late).value());
  EXPECT_FALSE(queue.Reserve().value());
}

TEST_F(Jobs, ExtendKeepsTheJob) {
  const WorkQueue queue = Make({.visibility = 1000ms});
  queue.Push("a").value();
  const Job job = queue.Reserve()->value();
  for (int i = 0; i < 5; ++i) {
    time_.Advance(900ms);
    EXPECT_TRUE(queue.Extend(job, 1000ms).value());
    EXPECT_FALSE(queue.Reserve().value());
  }
  EXPECT_TRUE(queue.Ack(job).value());
}

TEST_F(Jobs, NackDelaysAndThenBuries) {
  const WorkQueue queue =
      Make({.retry = {.deliveries_max = 2, .pause_min = 100ms, .jitter_percent = 0}});
  queue.Push("a", {.id = "x"}).value();
  EXPECT_TRUE(queue.Nack(queue.Reserve()->value()).value());
  EXPECT_EQ(queue.Sizes()->delayed, 1u);
  time_.Advance(99ms);
  EXPECT_FALSE(queue.Reserve().value());
  time_.Advance(1ms);
  EXPECT_TRUE(queue.Nack(queue.Reserve()->value(), {.error = "no such address"}).value());
  EXPECT_EQ(queue.Sizes()->dead, 1u);
  const std::vector<DeadJob> dead = queue.Dead(10).value();
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].id, "x");
  EXPECT_EQ(dead[0].payload, "a");
  EXPECT_EQ(dead[0].error, "no such address");
  EXPECT_EQ(queue.Redrive(10), 1u);
  EXPECT_EQ(queue.Reserve()->value().delivery, 1);
}

TEST_F(Jobs, WhatKillsItsWorkersIsBuried) {
  const WorkQueue queue = Make({.visibility = 10ms, .retry = {.deliveries_max = 3}});
  queue.Push("killer").value();
  for (int life = 0; life < 3; ++life) {
    EXPECT_TRUE(queue.Reserve()->has_value());
    time_.Advance(10ms);
  }
  EXPECT_FALSE(queue.Reserve().value());
  EXPECT_EQ(queue.Dead(1)->at(0).error, "not answered in its time");
}

TEST_F(Jobs, DelaysAndPriorities) {
  const WorkQueue queue = Make();
  queue.Push("later", {.delay = 500ms, .priority = 15}).value();
  queue.Push("low").value();
  queue.Push("high", {.priority = 3}).value();
  queue.Push("high too", {.priority = 3}).value();
  EXPECT_EQ(Payload(queue.Reserve()), "high");
  EXPECT_EQ(Payload(queue.Reserve()), "high too");
  time_.Advance(500ms);
  EXPECT_EQ(Payload(queue.Reserve()), "later");
  EXPECT_EQ(Payload(queue.Reserve()), "low");
}

TEST_F(Jobs, IdsAreTakenOnce) {
  const WorkQueue queue = Make();
  EXPECT_TRUE(queue.Push("a", {.id = "x"})->is_new);
  EXPECT_FALSE(queue.Push("b", {.id = "x"})->is_new);
  const Job job = queue.Reserve()->value();
  EXPECT_EQ(job.payload, "a");
  // Also while it is being done.
  EXPECT_FALSE(queue.Push("b", {.id = "x"})->is_new);
  queue.Ack(job).value();
  EXPECT_TRUE(queue.Push("b", {.id = "x"})->is_new);
  EXPECT_NE(queue.Push("c")->id, queue.Push("c")->id);
}

TEST_F(Jobs, ArgumentsAndSizeAreBounded) {
  const WorkQueue queue = Make({.jobs_max = 2});
  EXPECT_EQ(queue.Push("a", {.priority = 16}).error().code, Errc::kInvalid);
  EXPECT_EQ(queue.Push("a", {.id = "#1"}).error().code, Errc::kInvalid);
  queue.Push("a").value();
  time_.Advance(70ms);
  queue.Push("b").value();
  EXPECT_EQ(queue.Push("c").error().code, Errc::kLimit);
  EXPECT_EQ(queue.Sizes()->ready, 2u);
  EXPECT_EQ(queue.Sizes()->lag, 70ms);
}

TEST_F(Jobs, WhoWaitsIsWoken) {
  const WorkQueue queue = Make();
  std::vector<std::string> got;
  const auto wait = [&]() -> Task<void> {
    const auto job = co_await queue.CoReserve(10'000ms);
    got.push_back(Payload(job));
  };
  Detach(wait());
  EXPECT_TRUE(got.empty());
  queue.Push("a").value();
  time_.RunReady();
  EXPECT_EQ(got, (std::vector<std::string>{"a"}));
  // For what is delayed, at its time.
  Detach(wait());
  queue.Push("b", {.delay = 300ms}).value();
  time_.Advance(299ms);
  EXPECT_EQ(got.size(), 1u);
  time_.Advance(5ms);
  EXPECT_EQ(got.size(), 2u);
  // As good as for ever.
  const auto wait_on = [&]() -> Task<void> {
    const auto job = co_await queue.CoReserve(Millis::max());
    got.push_back(Payload(job));
  };
  Detach(wait_on());
  time_.Advance(10ms);
  EXPECT_EQ(got.size(), 2u);
  queue.Push("c").value();
  time_.Advance(5ms);
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got.back(), "c");
  // And in the end for nothing.
  Detach(wait());
  time_.Advance(10'001ms);
  EXPECT_EQ(got.back(), "(nothing)");
}

TEST_F(Jobs, ManyWorkersDoEachJobOnce) {
  constexpr int kJobs = 200;
  const Store store = Store::Open("embedded:").value();
  const WorkQueue queue(store, {.prefix = "mails"});
  for (int i = 0; i < kJobs; ++i) queue.Push(std::to_string(i)).value();
  std::vector<std::vector<std::string>> done(4);
  std::vector<std::thread> workers;
  for (std::vector<std::string>& mine : done) {
    workers.emplace_back([&] {
      while (const std::optional<Job> job = queue.Reserve().value()) {
        mine.push_back(job->payload);
        EXPECT_TRUE(queue.Ack(*job).value());
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  std::multiset<std::string> all;
  for (const std::vector<std::string>& mine : done) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kJobs));
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
}

TEST_F(Jobs, VisibilityOfNoTimeIsRefused) {
  for (const Millis odd : {0ms, -1ms}) {
    const WorkQueue queue = Make({.visibility = odd});
    queue.Push("a").value();
    EXPECT_EQ(queue.Reserve().error().code, Errc::kInvalid);
    EXPECT_EQ(SyncWait(queue.CoReserve()).error().code, Errc::kInvalid);
  }
  const WorkQueue queue = Make();
  const Job job = queue.Reserve().value().value();
  EXPECT_EQ(job.delivery, 1);
  EXPECT_EQ(queue.Extend(job, 0ms).error().code, Errc::kInvalid);
  EXPECT_TRUE(queue.Ack(job).value());
}

// 002: BLPOP takes the job out of the store; with the worker it is gone.
TEST_F(Jobs, GuideBlpopQueueLosesTheJob) {
  Client& client = store_.client();
  client.Call(Command("RPUSH", "guide", "a")).value();
  EXPECT_EQ(client.Call(Command("LPOP", "guide"))->text(), "a");
  // kill -9
  time_.Advance(3'600'000ms);
  EXPECT_TRUE(client.Call(Command("LPOP", "guide"))->is_null());

  const WorkQueue queue = Make();
  queue.Push("a").value();
  (void)queue.Reserve().value();
  // kill -9
  time_.Advance(3'600'000ms);
  EXPECT_EQ(Payload(queue.Reserve()), "a");
}

}  // namespace
}  // namespace cairn::cache
