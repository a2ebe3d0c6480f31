// SPDX-License-Identifier: BSD-3-Clause
// World: one run of a scenario: a time, a network, processes that die and come back, a history.
//
//   chaos --> everything healed, all processes there --> what is left is done --> checks
//
// Chance comes from the seed alone, so a seed is a run. A scenario is a World that starts its
// coroutines for each process; they end when their process is killed or the world is at rest.
#ifndef CAIRN_TESTS_SIMULATION_WORLD_H_
#define CAIRN_TESTS_SIMULATION_WORLD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/executor.h"
#include "cairn/store.h"
#include "cairn/task.h"
#include "cairn/testkit/history.h"
#include "cairn/testkit/network.h"
#include "cairn/testkit/seeded_random.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::simulation {

using namespace cairn::cache;
using namespace std::chrono_literals;

// Of every process.
inline constexpr LinkOptions kLink{.slow_part = 0.05,
                                   .slow_max = 150ms,
                                   .break_request_part = 0.01,
                                   .break_reply_part = 0.01,
                                   .connections = 3,
                                   .timeout = 100ms};

struct Order {
  std::uint64_t seed = 1;
  std::string bug = {};  // empty: none is planted
  bool is_traced = false;
  Duration span = 2s;
};

struct Verdict {
  Violation violation;
  std::string history;
  std::string trace;
  std::size_t operations = 0;
};

class World {
 public:
  World(const Order& order, std::string store, std::size_t processes);
  virtual ~World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Verdict Run();

 protected:
  // One life of a process. Its coroutines hold it, and look whether it has ended.
  struct Process {
    std::string name;
    Store store;
    bool is_alive = true;
  };
  using ProcessPtr = std::shared_ptr<Process>;

  // Starts what the process does.
  virtual void Start(const ProcessPtr& process) = 0;
  // Whether nothing is left to do once the chaos is over.
  virtual bool IsAtRest() = 0;
  // After a while in which all are well, while what lives for long is still there.
  virtual Violation CheckStored() { return std::nullopt; }
  virtual Violation Check() = 0;
  // The store goes now and then, and loses what it has in memory alone.
  virtual bool may_crash() const { return false; }
  virtual void OnEvent(const NetworkEvent&) {}

  bool has(std::string_view bug) const { return order_.bug == bug; }
  bool is_over() const { return time_.Now() >= end_; }
  // What was sent in the chaos has arrived.
  bool is_quiet() const { return time_.Now() >= end_ + 1s; }
  // While the process is to begin new work.
  bool Goes(const ProcessPtr& process) const { return process->is_alive && !is_over(); }
  Sleep Pause(Duration least, Duration most) { return {time_, random_.Between(least, most)}; }

  const Order order_;
  VirtualTime time_;
  SeededRandom random_;
  History history_{time_};
  std::unique_ptr<Network> network_;

 private:
  Task<void> Chaos();
  void Trouble();
  void Join(std::size_t process);
  void HealAll();
  bool Drain();

  TimePoint end_;
  std::vector<std::string> names_;
  std::vector<ProcessPtr> processes_;
  bool is_store_down_ = false;
  std::string trace_;
};

// An error of a call, as the end of an operation.
inline Ending EndOf(const Error& error) {
  return {.fate = error.may_have_applied ? Operation::Fate::kUnknown : Operation::Fate::kFailed};
}

std::unique_ptr<World> MakeCacheWorld(const Order& order);
std::unique_ptr<World> MakeBehindWorld(const Order& order);
std::unique_ptr<World> MakeRestartingWorld(const Order& order);
std::unique_ptr<World> MakeLockWorld(const Order& order);

}  // namespace cairn::simulation

#endif  // CAIRN_TESTS_SIMULATION_WORLD_H_
