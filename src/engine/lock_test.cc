// SPDX-License-Identifier: BSD-3-Clause
// Locks as a state machine: random clients against a model of one holder and one queue, under a
// clock that goes on, stands still and goes back. Every reply must be the model's, to the fence.
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/replay_testing.h"

namespace cairn::engine {
namespace {

constexpr int kClients = 6;

std::string Fence(std::int64_t fence) { return ":" + std::to_string(fence) + "\r\n"; }
std::string State(const char* state, std::int64_t fence) {
  return std::string("*2\r\n+") + state + "\r\n" + Fence(fence);
}

class LockModel {
 public:
  explicit LockModel(const ManualClock& clock) : clock_(clock) {}

  // "" where the client waits from now on.
  std::string Acquire(int client, std::int64_t ttl_ms, bool waits) {
    const bool was_free = Expire();
    std::string reply = "$-1\r\n";
    if (holder_ && holder_->client == client) {
      reply = Fence(Grant(client, ttl_ms));
    } else if (was_free && queue_.empty()) {
      reply = Fence(Grant(client, ttl_ms));
    } else if (waits) {
      queue_.push_back({client, ttl_ms});
      reply.clear();
    }
    Serve();
    return reply;
  }
  std::string Renew(int client, std::int64_t ttl_ms) {
    Expire();
    std::string reply = State("LOST", holder_ ? holder_->fence : 0);
    if (holder_ && holder_->client == client) {
      holder_->end_ms = clock_.NowUnixMs() + ttl_ms;
      reply = State("OK", holder_->fence);
    }
    Serve();
    return reply;
  }
  std::string Release(int client) {
    Expire();
    std::string reply = State("LOST", holder_ ? holder_->fence : 0);
    if (holder_ && holder_->client == client) {
      reply = State("OK", holder_->fence);
      holder_.reset();
    }
    Serve();
    return reply;
  }
  void Clear() {
    holder_.reset();
    Serve();
  }
  // Time went on, and the keeper came by.
  void Tick() {
    Expire();
    Serve();
  }
  void Leave(int client) {
    std::erase_if(queue_, [&](const Waiting& waiting) { return waiting.client == client; });
  }
  std::optional<std::string> TakeServed(int client) {
    std::optional<std::string> reply = std::move(served_[static_cast<std::size_t>(client)]);
    served_[static_cast<std::size_t>(client)].reset();
    return reply;
  }
  std::int64_t last_fence() const { return last_; }

 private:
  struct Holder {
    int client;
    std::int64_t fence;
    UnixMs end_ms;
  };
  struct Waiting {
    int client;
    std::int64_t ttl_ms;
  };

  bool Expire() {
    if (holder_ && holder_->end_ms <= clock_.NowUnixMs()) holder_.reset();
    return !holder_;
  }
  std::int64_t Grant(int client, std::int64_t ttl_ms) {
    last_ = std::max(last_ + 1, clock_.NowUnixMs() * 1000);
    holder_ = {client, last_, clock_.NowUnixMs() + ttl_ms};
    return last_;
  }
  void Serve() {
    if (holder_ || queue_.empty()) return;
    const Waiting next = queue_.front();
    queue_.pop_front();
    served_[static_cast<std::size_t>(next.client)] = Fence(Grant(next.client, next.ttl_ms));
  }

  const ManualClock& clock_;
  std::optional<Holder> holder_;
  std::deque<Waiting> queue_;
  std::optional<std::string> served_[kClients];
  std::int64_t last_ = 0;
};

// One engine, its clients, and what each is to have been told.
class LockMachine {
 public:
  explicit LockMachine(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < kClients; ++i)
      clients_.push_back(std::make_unique<WaitingClient>(engine_, 100 + static_cast<unsigned>(i)));
  }

  void Step() {
    const int client = static_cast<int>(random_.Below(kClients));
    if (clients_[static_cast<std::size_t>(client)]->waits()) {
      if (random_.Below(4) == 0) Leave(client);
    } else {
      Do(client);
    }
    CheckServed();
  }
  int served() const { return served_; }

 private:
  void Do(int client) {
    const std::string owner = "owner" + std::to_string(client);
    const auto ttl_ms = static_cast<std::int64_t>(1 + random_.Below(50));
    const std::string ttl = std::to_string(ttl_ms);
    switch (random_.Below(10)) {
      case 0:
      case 1:
        return Expect(client, {"LOCK.ACQUIRE", "l", owner, ttl},
                      model_.Acquire(client, ttl_ms, false));
      case 2:
      case 3:
        return Expect(client, {"LOCK.ACQUIRE", "l", owner, ttl, "WAIT", "1000"},
                      model_.Acquire(client, ttl_ms, true));
      case 4:
        return Expect(client, {"LOCK.RENEW", "l", owner, ttl}, model_.Renew(client, ttl_ms));
      case 5:
      case 6:
        return Expect(client, {"LOCK.RELEASE", "l", owner}, model_.Release(client));
      case 7:
        return Clear(client);
      default:
        return Tick();
    }
  }
  void Expect(int client, const ReplayArgs& args, const std::string& reply) {
    const std::string got = clients_[static_cast<std::size_t>(client)]->Execute(args);
    ASSERT_EQ(got, reply) << args[0] << " by " << client;
    ASSERT_EQ(clients_[static_cast<std::size_t>(client)]->waits(),
              reply.empty() && !model_has_served(client));
  }
  bool model_has_served(int client) {
    return !clients_[static_cast<std::size_t>(client)]->Answer().empty();
  }
  // It goes while its lock is counted as held, or was due and not noticed yet: that is the same.
  void Clear(int client) {
    static const std::vector<ReplayArgs> kWays = {{"DEL", "l"}, {"FLUSHALL"}, {"UNLINK", "l"}};
    clients_[static_cast<std::size_t>(client)]->Execute(kWays[random_.Below(kWays.size())]);
    model_.Clear();
  }
  void Tick() {
    const std::uint64_t kind = random_.Below(10);
    clock_.AdvanceMs(kind == 0 ? -30 : static_cast<std::int64_t>(random_.Below(30)));
    if (random_.Below(3) == 0) return;  // nobody comes by
    while (engine_.keeper().RunOnce()) {
    }
    model_.Tick();
  }
  void Leave(int client) {
    clients_[static_cast<std::size_t>(client)]->Leave();
    model_.Leave(client);
  }
  void CheckServed() {
    for (int i = 0; i < kClients; ++i) {
      const std::optional<std::string> reply = model_.TakeServed(i);
      if (!reply) continue;
      ++served_;
      ASSERT_EQ(clients_[static_cast<std::size_t>(i)]->Answer(), *reply) << i;
      clients_[static_cast<std::size_t>(i)]->Leave();
    }
  }

  ManualClock clock_{Twins::kStartUs};
  Engine engine_{{.clock = &clock_, .with_keeper = false}};
  LockModel model_{clock_};
  Random random_;
  int served_ = 0;
  std::vector<std::unique_ptr<WaitingClient>> clients_;
};

TEST(Lock, EveryReplyIsTheModels) {
  int served = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    LockMachine machine(seed);
    for (int step = 0; step < 400; ++step) {
      machine.Step();
      ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << " step " << step;
    }
    served += machine.served();
  }
  EXPECT_GT(served, 500);
}

TEST(Lock, AFenceDoesNotFollowTheClockBack) {
  ManualClock clock(Twins::kStartUs);
  Engine engine({.clock = &clock, .with_keeper = false});
  WaitingClient client(engine, 1);
  EXPECT_EQ(client.Execute({"LOCK.ACQUIRE", "l", "a", "10"}), Fence(Twins::kStartUs));
  clock.AdvanceMs(-1'000'000);
  EXPECT_EQ(client.Execute({"LOCK.ACQUIRE", "m", "a", "10"}), Fence(Twins::kStartUs + 1));
  client.Execute({"FLUSHALL"});
  EXPECT_EQ(client.Execute({"LOCK.ACQUIRE", "l", "a", "10"}), Fence(Twins::kStartUs + 2));
}

}  // namespace
}  // namespace cairn::engine
