// SPDX-License-Identifier: BSD-3-Clause
// Locks over an embedded store. Its engine goes by a clock of its own, so that a test can stop the
// process (time passes at the server only) or let its clock run unevenly. Where a guide's lock
// breaks, its algorithm stands first.
#include "cairn/lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "cairn/testkit/network.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

class Lock : public testing::Test {
 protected:
  // Time for the server and for us, in steps small enough for the renewals.
  void Pass(Duration span) {
    for (Duration passed{0}; passed < span; passed += 5ms) {
      server_time_.Advance(5ms);
      our_time_.Advance(5ms);
    }
  }
  Mutex Make(LockOptions options = {.ttl = 1000ms}) { return Mutex(store_, "lock", options); }
  Reply Call(const Command& command) { return store_.client().Call(command).value(); }
  bool IsFree() { return !Call(Command("EXISTS", "lock")).AsBool().value(); }

  VirtualTime server_time_;
  VirtualTime our_time_;
  Store store_ =
      Store::Open("embedded:", {.clock = &server_time_, .scheduler = &our_time_}).value();
};

TEST_F(Lock, OneHolderAtATimeAndFencesGrow) {
  const Mutex mutex = Make();
  Held first = mutex.Acquire().value();
  EXPECT_TRUE(first.is_held());
  EXPECT_TRUE(first.Check().value());
  EXPECT_FALSE(mutex.TryAcquire()->has_value());
  EXPECT_EQ(mutex.Acquire({.timeout = 0ms}).error().code, Errc::kTimeout);
  const std::int64_t fence = first.fence();
  EXPECT_TRUE(first.Release().value());
  EXPECT_FALSE(first.Release().value());
  EXPECT_FALSE(first.is_held());
  EXPECT_EQ(first.fence(), 0);
  Held second = mutex.TryAcquire().value().value();
  EXPECT_GT(second.fence(), fence);
}

TEST_F(Lock, Coroutines) {
  const Mutex mutex = Make({.ttl = 1000ms, .renews = false});
  Held held = SyncWait(mutex.CoAcquire()).value();
  EXPECT_FALSE(SyncWait(mutex.CoTryAcquire())->has_value());
  EXPECT_TRUE(SyncWait(held.CoCheck()).value());
  EXPECT_TRUE(SyncWait(held.CoExtendBy(1000ms)).value());
  EXPECT_TRUE(SyncWait(held.CoRelease()).value());
  EXPECT_TRUE(IsFree());
}

TEST_F(Lock, DestructionGivesItBack) {
  const Mutex mutex = Make();
  {
    Held held = mutex.Acquire().value();
    Held moved = std::move(held);
    EXPECT_TRUE(moved.is_held());
  }
  EXPECT_TRUE(IsFree());
  EXPECT_EQ(our_time_.pending(), 0u);
}

TEST_F(Lock, IsRenewedWhileItIsHeld) {
  const Mutex mutex = Make();
  Held held = mutex.Acquire().value();
  for (int i = 0; i < 20; ++i) {
    Pass(500ms);
    ASSERT_FALSE(IsFree());
    ASSERT_TRUE(held.is_held());
  }
  EXPECT_TRUE(held.Release().value());
}

// Renewals fail with an error, which says nothing of the lock: the loss is told when the ttl is
// over but for the margin, and then nobody else can have it yet.
TEST_F(Lock, LossIsToldBeforeTheTtlEnds) {
  const Mutex mutex = Make();
  Held held = mutex.Acquire().value();
  const TimePoint begun = our_time_.Now();
  Duration told{0};
  std::int64_t left_ms = 0;
  const std::stop_callback on_lost(held.lost(), [&] {
    told = our_time_.Now() - begun;
    left_ms = Call(Command("PTTL", "lock")).AsInteger().value();
  });
  const std::string state(Call(Command("GET", "lock")).text());
  Call(Command("SET", "lock", "no lock's", "KEEPTTL"));
  Pass(880ms);
  EXPECT_EQ(told, 0ms);
  EXPECT_TRUE(held.is_held());
  Pass(25ms);
  EXPECT_EQ(told, 900ms);
  EXPECT_GE(left_ms, 50);
  EXPECT_FALSE(held.is_held());
  // The server still has it as ours, but we have been told otherwise: no success.
  Call(Command("SET", "lock", state, "KEEPTTL"));
  EXPECT_FALSE(held.Release().value());
  EXPECT_TRUE(IsFree());
}

TEST_F(Lock, MarginIsForAClockThatRunsSlowly) {
  const Mutex mutex = Make({.ttl = 1000ms, .margin = 200ms, .renews = false});
  Held held = mutex.Acquire().value();
  bool was_free = true;
  const std::stop_callback on_lost(held.lost(), [&] { was_free = IsFree(); });
  // Ten percent slower than the server's.
  for (int i = 0; i < 90; ++i) {
    server_time_.Advance(11ms);
    our_time_.Advance(10ms);
  }
  EXPECT_TRUE(held.lost().stop_requested());
  EXPECT_FALSE(was_free);
}

TEST_F(Lock, RefusedRenewalIsToldAtOnce) {
  const Mutex mutex = Make({.ttl = 9000ms});
  Held held = mutex.Acquire().value();
  Call(Command("DEL", "lock"));
  Pass(2990ms);
  EXPECT_FALSE(held.lost().stop_requested());
  Pass(15ms);
  EXPECT_TRUE(held.lost().stop_requested());
  EXPECT_FALSE(held.Check().value());
  EXPECT_FALSE(held.Release().value());
}

TEST_F(Lock, CheckAsksTheServer) {
  const Mutex mutex = Make();
  Held held = mutex.Acquire().value();
  Call(Command("DEL", "lock"));
  EXPECT_TRUE(held.is_held());
  EXPECT_FALSE(held.Check().value());
  EXPECT_TRUE(held.lost().stop_requested());
}

TEST_F(Lock, ExtendByIsForLocksThatAreNotRenewed) {
  const Mutex mutex = Make({.ttl = 1000ms, .renews = false});
  Held held = mutex.Acquire().value();
  EXPECT_TRUE(held.ExtendBy(2000ms).value());
  Pass(2600ms);
  EXPECT_TRUE(held.is_held());
  EXPECT_FALSE(IsFree());
  Pass(300ms);
  EXPECT_FALSE(held.is_held());
  EXPECT_FALSE(held.ExtendBy(1000ms).value());
  const Mutex renewed(store_, "renewed", {.ttl = 1000ms});
  Held other = renewed.Acquire().value();
  EXPECT_EQ(other.ExtendBy(1000ms).error().code, Errc::kInvalid);
}

TEST_F(Lock, HolderMayLetGoWithinTheCallbackOfTheLoss) {
  const Mutex mutex = Make();
  std::optional<Held> held = mutex.Acquire().value();
  const std::stop_token lost = held->lost();
  bool is_told = false;
  const std::stop_callback on_lost(lost, [&] {
    is_told = true;
    held.reset();
  });
  Call(Command("DEL", "lock"));
  Pass(500ms);
  EXPECT_TRUE(is_told);
  EXPECT_FALSE(held.has_value());
}

// ---- Waiting -----------------------------------------------------------------------------------

struct Waiting {
  std::optional<Result<Held>> result;
  std::stop_source stop;
};

Task<void> AcquireInto(const Mutex& mutex, AcquireOptions options, Waiting& waiting) {
  waiting.result = co_await mutex.CoAcquire(options);
}

TEST_F(Lock, WaitsAtTheServerFirstComeFirstServed) {
  const Mutex mutex = Make();
  std::optional<Held> held = mutex.Acquire().value();
  Waiting first;
  Waiting second;
  Detach(AcquireInto(mutex, {.timeout = 60s}, first));
  Detach(AcquireInto(mutex, {.timeout = 60s}, second));
  // Longer than the ttl: what counts begins with the grant.
  Pass(3000ms);
  EXPECT_FALSE(first.result);
  held.reset();
  Pass(5ms);
  ASSERT_TRUE(first.result);
  EXPECT_FALSE(second.result);
  Held now = *std::move(*first.result);
  EXPECT_TRUE(now.is_held());
  Pass(800ms);
  EXPECT_TRUE(now.is_held());
  EXPECT_TRUE(now.Release().value());
  Pass(5ms);
  ASSERT_TRUE(second.result);
  EXPECT_TRUE((*second.result)->is_held());
}

TEST_F(Lock, WaitsForEverAsItWere) {
  const Mutex mutex = Make();
  std::optional<Held> held = mutex.Acquire().value();
  Waiting waiting;
  Detach(AcquireInto(mutex, {.timeout = Duration::max()}, waiting));
  Pass(60s);
  EXPECT_FALSE(waiting.result);
  held.reset();
  Pass(5ms);
  ASSERT_TRUE(waiting.result);
  EXPECT_TRUE(*waiting.result) << waiting.result->error().detail;
}

// Its time begins with the grant, not with the question.
TEST_F(Lock, GrantThatWasWaitedForIsConfirmed) {
  const Mutex mutex = Make({.ttl = 1000ms, .renews = false});
  std::optional<Held> held = mutex.Acquire().value();
  Waiting waiting;
  Detach(AcquireInto(mutex, {.timeout = 60s}, waiting));
  Pass(700ms);
  held.reset();
  Pass(5ms);
  ASSERT_TRUE(waiting.result);
  Pass(850ms);
  EXPECT_TRUE((*waiting.result)->is_held());
  EXPECT_FALSE(IsFree());
}

TEST_F(Lock, WaitingEndsByItsTimeAndByItsToken) {
  const Mutex mutex = Make();
  Held held = mutex.Acquire().value();
  Waiting late;
  Waiting cancelled;
  Detach(AcquireInto(mutex, {.timeout = 300ms}, late));
  Detach(AcquireInto(mutex, {.timeout = 60s, .stop = cancelled.stop.get_token()}, cancelled));
  Pass(400ms);
  ASSERT_TRUE(late.result);
  EXPECT_EQ(late.result->error().code, Errc::kTimeout);
  EXPECT_FALSE(cancelled.result);
  cancelled.stop.request_stop();
  Pass(5ms);
  ASSERT_TRUE(cancelled.result);
  EXPECT_EQ(cancelled.result->error().code, Errc::kCancelled);
  // Nobody who has gone is served.
  EXPECT_TRUE(held.Release().value());
  EXPECT_TRUE(IsFree());
}

TEST_F(Lock, OptionsThatFitNothing) {
  EXPECT_EQ(Mutex(store_, "").Acquire().error().code, Errc::kInvalid);
  EXPECT_EQ(Make({.ttl = 1ms}).Acquire().error().code, Errc::kInvalid);
  EXPECT_EQ(Make({.ttl = 1000ms, .margin = 500ms}).TryAcquire().error().code, Errc::kInvalid);
  Call(Command("LPUSH", "lock", "x"));
  EXPECT_EQ(Make().Acquire().error().server_code(), "WRONGTYPE");
}

// ---- The mistakes of guides, and the rules -----------------------------------------------------

// 000, get_with_mutex: SET NX for 30 s without renewal; release by GET, compare, DEL; no fence.
class GuideLock {
 public:
  GuideLock(Store store, std::string owner) : store_(std::move(store)), owner_(std::move(owner)) {}
  bool Acquire() {
    return store_.client().Call(Command("SET", "guide", owner_, "NX", "PX", 30000))->is_ok();
  }
  bool ReadsItsOwn() { return store_.client().Call(Command("GET", "guide"))->text() == owner_; }
  void Delete() { store_.client().Call(Command("DEL", "guide")).value(); }

 private:
  Store store_;
  const std::string owner_;
};

TEST_F(Lock, GetWithMutexIsNotRenewed) {
  GuideLock first(store_, "1");
  GuideLock second(store_, "2");
  ASSERT_TRUE(first.Acquire());
  const Mutex mutex = Make({.ttl = 30s});
  Held held = mutex.Acquire().value();
  Pass(31s);
  EXPECT_TRUE(second.Acquire());  // the first one still works
  EXPECT_FALSE(mutex.TryAcquire()->has_value());
  EXPECT_TRUE(held.is_held());
}

TEST_F(Lock, GetWithMutexReleasesAnothersLock) {
  GuideLock first(store_, "1");
  GuideLock second(store_, "2");
  ASSERT_TRUE(first.Acquire());
  server_time_.Advance(29'990ms);
  ASSERT_TRUE(first.ReadsItsOwn());
  server_time_.Advance(20ms);  // between its GET and its DEL
  ASSERT_TRUE(second.Acquire());
  first.Delete();
  GuideLock third(store_, "3");
  EXPECT_TRUE(third.Acquire());  // the second one still works
  // Ours: the first process stands still until another has the lock.
  const Mutex mutex = Make();
  Held stalled = mutex.Acquire().value();
  server_time_.Advance(1100ms);
  Held next = mutex.TryAcquire().value().value();
  EXPECT_FALSE(stalled.Release().value());
  EXPECT_TRUE(next.Check().value());
  EXPECT_FALSE(mutex.TryAcquire()->has_value());
}

// 000: who finds the lock taken sleeps and calls itself: a frame a try, where Python allows 1,000.
TEST_F(Lock, GetWithMutexWaitsByRecursion) {
  GuideLock first(store_, "1");
  GuideLock second(store_, "2");
  ASSERT_TRUE(first.Acquire());
  const std::function<int(int)> guide = [&](int depth) {
    if (second.Acquire()) return depth;
    server_time_.Advance(25ms);
    return guide(depth + 1);
  };
  EXPECT_GE(guide(0), 1'000);
  // Ours is parked at the server until the grant: no polling, and no stack that grows.
  VirtualTime time;
  const auto network = Network::Open(time, {.link = {.timeout = 60s}}).value();
  const Mutex mutex(network->Join("waits"), "lock", {.ttl = 60s});
  const Mutex holder(network->Join("holds"), "lock", {.ttl = 60s});
  Held held = time.Run(holder.CoAcquire()).value();
  int sent = 0;
  network->Watch([&](const NetworkEvent& event) {
    if (event.kind == NetworkEvent::Kind::kSent && event.client == "waits") ++sent;
  });
  Waiting waiting;
  Detach(AcquireInto(mutex, {.timeout = 60s}, waiting));
  time.Advance(10s);
  EXPECT_FALSE(waiting.result);
  EXPECT_LE(sent, 2);
  EXPECT_TRUE(time.Run(held.CoRelease()).value());
  time.Advance(1s);
  ASSERT_TRUE(waiting.result);
  EXPECT_TRUE((*waiting.result)->is_held());
}

// 001, lock.lua: there is no release, so that each lock is held for its whole time.
TEST_F(Lock, LockWithoutARelease) {
  GuideLock first(store_, "1");
  GuideLock second(store_, "2");
  ASSERT_TRUE(first.Acquire());  // and its work is done at once
  server_time_.Advance(29s);
  EXPECT_FALSE(second.Acquire());
  const Mutex mutex = Make({.ttl = 30s});
  EXPECT_TRUE(mutex.Acquire().value().Release().value());
  {
    const Held held = mutex.TryAcquire().value().value();
  }  // or by the end of its scope
  EXPECT_TRUE(mutex.TryAcquire()->has_value());
}

// 000: the write after the expiry is unfenced. What the lock guards refuses a fence that is behind.
TEST_F(Lock, GetWithMutexWritesUnfenced) {
  const Mutex mutex = Make();
  Held stalled = mutex.Acquire().value();
  server_time_.Advance(1100ms);
  Held next = mutex.TryAcquire().value().value();
  Call(Command("SET", "guide", "new"));
  Call(Command("SET", "guide", "old"));  // of the one who was late
  EXPECT_EQ(Call(Command("GET", "guide")).text(), "old");
  EXPECT_TRUE(stalled.is_held());  // by its own clock: the process stood still
  EXPECT_EQ(Call(Command("CACHE.SET", "ours", "new", "VER", next.fence())).text(), "OK");
  EXPECT_EQ(Call(Command("CACHE.SET", "ours", "old", "VER", stalled.fence())).text(), "OLD");
  EXPECT_EQ(Call(Command("GET", "ours")).text(), "new");
}

// 002: a crash behind SETNX locks for ever.
TEST_F(Lock, SetnxWithoutATime) {
  EXPECT_EQ(Call(Command("SETNX", "guide", "1")).AsInteger().value(), 1);
  const Mutex mutex = Make();
  // A holder that died: it neither renews nor releases. An owner that nobody has any more.
  Call(Command("LOCK.ACQUIRE", "lock", "dead", 1000));
  server_time_.Advance(24h);
  EXPECT_EQ(Call(Command("SETNX", "guide", "2")).AsInteger().value(), 0);
  EXPECT_TRUE(mutex.TryAcquire()->has_value());
}

// 002: EXPIRE for a renewal prolongs whoever's lock it is, silently.
TEST_F(Lock, RenewalOfAnothersLock) {
  GuideLock first(store_, "1");
  GuideLock second(store_, "2");
  ASSERT_TRUE(first.Acquire());
  server_time_.Advance(31s);
  ASSERT_TRUE(second.Acquire());
  EXPECT_EQ(Call(Command("PEXPIRE", "guide", 90000)).AsInteger().value(), 1);  // by the first
  // Ours.
  const Mutex mutex = Make({.ttl = 1000ms, .renews = false});
  Held stalled = mutex.Acquire().value();
  server_time_.Advance(1100ms);
  Held next = mutex.TryAcquire().value().value();
  EXPECT_FALSE(stalled.ExtendBy(90s).value());
  EXPECT_TRUE(stalled.lost().stop_requested());
  EXPECT_LE(Call(Command("PTTL", "lock")).AsInteger().value(), 1000);
}

// Section 3, "lock expiry, release by a non-owner, silent loss".
TEST_F(Lock, RuleSilentLoss) {
  const Mutex mutex = Make();
  Held stalled = mutex.Acquire().value();
  // The process stands still, then wakes up: its timers run late, and the first says it.
  server_time_.Advance(5000ms);
  Held next = mutex.TryAcquire().value().value();
  EXPECT_FALSE(stalled.lost().stop_requested());
  our_time_.Advance(5000ms);
  EXPECT_TRUE(stalled.lost().stop_requested());
  EXPECT_GT(next.fence(), stalled.fence());
  EXPECT_FALSE(stalled.Release().value());
}

// ---- Replicas ----------------------------------------------------------------------------------

// A server with replicas over an embedded one: WAIT counts as many as the test says.
class Replicated : public Client {
 public:
  Replicated(Store below, int has) : acknowledged(has), below_(std::move(below)) {}

  Result<Reply> Call(const Command& command, const CallOptions& options) override {
    return Answer(command, options);
  }
  void Start(Command command, CallOptions options, ReplyCallback done) override {
    below_.client().Start(std::move(command), std::move(options), std::move(done));
  }
  Replies Pipeline(std::span<const Command> commands, const CallOptions& options) override {
    Replies replies;
    for (const Command& command : commands) replies.push_back(Answer(command, options));
    return replies;
  }
  void StartPipeline(std::vector<Command> commands, CallOptions options,
                     RepliesCallback done) override {
    done(Pipeline(commands, options));
  }
  using Client::Transaction;
  Result<std::vector<Reply>> Transaction(std::span<const Command> commands,
                                         const CallOptions& options) override {
    return below_.client().Transaction(commands, options);
  }
  Result<std::unique_ptr<Connection>> Reserve(std::string_view key,
                                              const CallOptions& options) override {
    return below_.client().Reserve(key, options);
  }
  Result<std::unique_ptr<Subscription>> Subscribe(SubscriptionOptions, MessageHandler) override {
    return Fail(Errc::kUnsupported, "");
  }
  Result<std::unique_ptr<Tracking>> Track(TrackingOptions, InvalidationHandler) override {
    return Fail(Errc::kUnsupported, "");
  }

  int acknowledged;  // a grant or a renewal; below 0: WAIT is an error
  int waits = 0;
  std::string asked = {};  // the last WAIT, "2 1000", and the command before it

 private:
  Result<Reply> Answer(const Command& command, const CallOptions& options) {
    if (command[0] != "WAIT") {
      last_ = command[0];
      return below_.client().Call(command, {.stop = options.stop});
    }
    ++waits;
    EXPECT_EQ(options.waits, Waits::kYes) << "else others stand behind it";
    asked = std::string(command[1]) + " " + std::string(command[2]) + " " + last_;
    if (acknowledged < 0) return Fail(Errc::kServer, "ERR WAIT cannot be used with replicas");
    return Reply::Integer(acknowledged);
  }

  const Store below_;
  std::string last_;
};

class ReplicatedLock : public Lock {
 protected:
  Store Open(std::size_t replicas) {
    Capabilities can = store_.capabilities();
    can.kind = Capabilities::Kind::kCairn;
    can.replicas = replicas;
    return Store::Over(client_, can, {.clock = &our_time_, .scheduler = &our_time_});
  }

  const std::shared_ptr<Replicated> client_ = std::make_shared<Replicated>(store_, 1);
};

TEST_F(ReplicatedLock, GrantWaitsForOneReplicaIfThereIsAny) {
  Held held = Mutex(Open(2), "lock", {.ttl = 30s}).Acquire().value();
  EXPECT_EQ(client_->asked, "1 1000 LOCK.RENEW");
  EXPECT_TRUE(held.is_held());
  EXPECT_TRUE(held.Release().value());
  // Where there is none, or who does not want it, pays nothing.
  EXPECT_TRUE(Mutex(Open(0), "lock").Acquire().value().Release().value());
  EXPECT_TRUE(Mutex(Open(2), "lock", {.replicas = 0}).Acquire().value().Release().value());
  EXPECT_EQ(client_->waits, 1);
}

TEST_F(ReplicatedLock, GrantThatTooFewHaveIsGivenBack) {
  const Mutex two(Open(2), "lock", {.ttl = 3s, .replicas = 2, .replicas_timeout = 200ms});
  const Result<Held> refused = two.Acquire();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnreplicated) << refused.error().detail;
  EXPECT_EQ(client_->asked, "2 200 LOCK.RENEW");
  EXPECT_TRUE(IsFree());
  EXPECT_EQ(our_time_.pending(), 0u);
  EXPECT_EQ(two.TryAcquire().error().code, Errc::kUnreplicated);
  EXPECT_TRUE(IsFree());
  client_->acknowledged = -1;
  EXPECT_EQ(two.Acquire().error().code, Errc::kServer);
  EXPECT_TRUE(IsFree());
  client_->acknowledged = 2;
  EXPECT_TRUE(two.Acquire().has_value());
}

// Who stands in the queue is granted it without having asked again.
TEST_F(ReplicatedLock, GrantThatWasWaitedForWaitsForReplicas) {
  const Mutex mutex(Open(1), "lock", {.ttl = 1000ms});
  std::optional<Held> held = mutex.Acquire().value();
  Waiting waiting;
  Detach(AcquireInto(mutex, {.timeout = 60s}, waiting));
  Pass(500ms);
  EXPECT_FALSE(waiting.result);
  client_->acknowledged = 0;
  held.reset();
  Pass(300ms);
  ASSERT_TRUE(waiting.result);
  EXPECT_EQ(waiting.result->error().code, Errc::kUnreplicated);
  EXPECT_TRUE(IsFree());
}

// The promoted replica would let the lock end earlier than its holder believes: so the holder
// believes only what replicas have.
TEST_F(ReplicatedLock, RenewalThatTooFewHaveDoesNotCount) {
  const Mutex mutex(Open(1), "lock", {.ttl = 1000ms});
  Held held = mutex.Acquire().value();
  Pass(2000ms);
  EXPECT_TRUE(held.is_held());
  client_->acknowledged = 0;
  Pass(300ms);
  EXPECT_TRUE(held.is_held());
  // Back in time.
  client_->acknowledged = 1;
  Pass(1500ms);
  EXPECT_TRUE(held.is_held());
  client_->acknowledged = 0;
  Pass(1000ms);
  EXPECT_TRUE(held.lost().stop_requested());
  EXPECT_FALSE(IsFree());  // the master has renewed it all the time
  EXPECT_FALSE(held.Release().value());
  EXPECT_TRUE(IsFree());
}

TEST_F(ReplicatedLock, ExtensionThatTooFewHaveDoesNotCount) {
  const Mutex mutex(Open(1), "lock", {.ttl = 1000ms, .renews = false});
  Held held = mutex.Acquire().value();
  client_->acknowledged = 0;
  EXPECT_EQ(held.ExtendBy(5000ms).error().code, Errc::kUnreplicated);
  EXPECT_TRUE(held.is_held());
  Pass(950ms);
  EXPECT_FALSE(held.is_held());
}

TEST_F(ReplicatedLock, OptionsThatFitNothing) {
  const Store store = Open(1);
  const auto code = [&](LockOptions options) {
    return Mutex(store, "lock", options).TryAcquire().error().code;
  };
  EXPECT_EQ(code({.replicas = 1001}), Errc::kInvalid);
  EXPECT_EQ(code({.replicas = SIZE_MAX}), Errc::kInvalid);
  EXPECT_EQ(code({.replicas_timeout = 0ms}), Errc::kInvalid);
  EXPECT_EQ(code({.replicas_timeout = Duration::max()}), Errc::kInvalid);
  EXPECT_EQ(code({.ttl = 1000ms, .replicas_timeout = 500ms}), Errc::kInvalid);
  EXPECT_EQ(code({.margin = Duration::max()}), Errc::kInvalid);
  EXPECT_EQ(code({.ttl = Duration::max()}), Errc::kInvalid);
  // It has no replicas, and never will.
  const auto embedded = Make({.replicas = 1}).Acquire();
  EXPECT_EQ(embedded.error().code, Errc::kUnsupported);
  EXPECT_TRUE(IsFree());
}

// In real time: what is left of it grows less than the least number.
TEST(LockTimes, NeverMeansNow) {
  const Store store = Store::Open("embedded:").value();
  const Mutex mutex(store, "lock");
  const Held held = mutex.Acquire().value();
  EXPECT_EQ(mutex.Acquire({.timeout = Duration::min()}).error().code, Errc::kTimeout);
}

// Threads of several stores' worth of holders, in real time.
TEST(LockThreads, NoTwoAtOnce) {
  const Store store = Store::Open("embedded:").value();
  const Mutex mutex(store, "lock", {.ttl = 5s});
  std::atomic<int> inside{0};
  std::int64_t last_fence = 0;  // guarded by the lock itself
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        Result<Held> held = mutex.Acquire({.timeout = 60s});
        if (!held || inside.fetch_add(1) != 0 || held->fence() <= last_fence) ++wrong;
        if (!held) return;
        last_fence = held->fence();
        inside.fetch_sub(1);
        if (!held->Release().value_or(false)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// Who looks at it is to stop: nothing is held by it.
TEST_F(Lock, LostOfWhatIsEmptyIsStopped) {
  const Mutex mutex = Make();
  Held first = mutex.Acquire().value();
  const std::stop_token lost = first.lost();
  Held held = std::move(first);
  EXPECT_FALSE(held.lost().stop_requested());
  EXPECT_FALSE(lost.stop_requested());
  EXPECT_TRUE(first.lost().stop_requested());  // NOLINT(bugprone-use-after-move): what is tested
  EXPECT_TRUE(held.Release().value());
  EXPECT_TRUE(held.lost().stop_requested());
}

}  // namespace
}  // namespace cairn::cache
