// SPDX-License-Identifier: BSD-3-Clause
// Lane: a few threads that run what takes long, so that no worker does.
//
//     worker                      queue            lane thread
//     handler: Call::Defer --> [Parked, Parked] --> enters its stripes, holds them for long, runs
//     it goes on with others                            again, lets go --> Parked::on_answered
//        |  a request of another client needs one of these stripes
//        '--AwaitTurn--> [turns] --the stripes are free--> worker: the request, as it stands in the
//                                                          client's input, once more
//
// Stripes that the lane holds are held for long (base/mutex.h): no worker waits for one. A request
// that would have to is given back to its connection, which keeps it and what follows it, and gets
// a turn when the stripes are free. Other stripes are not concerned.
//
// Who comes first
//   (1) Heavy commands start in the order in which they came, unless their stripes are taken; one
//   that waits for stripes keeps later ones from them.
//   (2) A turn waits for those that run, not for those that are queued; what is queued does not
//   start while a turn for one of its stripes waits or is being taken. So neither starves the
//   other.
//   (3) Work that somebody left because a stripe was held (RunLater) is like a heavy command, but
//   before all of them, and before turns. A turn that waits for it holds nobody up.
// A turn is a token: it is over when the last copy goes, however that comes about.
//
// Commands that wait for another server (MIGRATE) are run in the same way, on threads of their own:
// however long a peer takes, what is merely heavy does not wait for it, but on the same stripes.
//
// Limits: kQueueMax heavy commands wait, or run; beyond, they run where they are. Of those that
// wait for peers kPeerQueueMax; beyond, they are refused. Turns and left work: one for each client.
//
// Owned by the engine, which starts it. Thread safety: any thread, no stripe locked; Enter and
// Leave are for the lane's own threads.
#ifndef CAIRN_COMMAND_LANE_H_
#define CAIRN_COMMAND_LANE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "base/thread.h"
#include "command/parked.h"
#include "keyspace/keyspace.h"

namespace cairn::command {

class Runner;
struct Shared;

class Lane final : public keyspace::Helper {
 public:
  static constexpr std::size_t kHeavyThreads = 2;
  static constexpr std::size_t kPeerThreads = 2;
  static constexpr std::size_t kThreads = kHeavyThreads + kPeerThreads;
  static constexpr std::size_t kQueueMax = 1024;
  static constexpr std::size_t kPeerQueueMax = 128;

  explicit Lane(Shared& shared);
  ~Lane() override;

  // Once gates and families are complete.
  void Start();
  // Waits for what runs. What is queued is dropped: its clients have gone. Left work is done.
  void Stop();

  // Says whether a command is not to begin now (CLIENT PAUSE). Asked with a mutex held, by any of
  // the lane's threads; set before Start. When it may have come to say otherwise: AskAgain.
  using HoldsBack = std::function<bool(Parked&)>;
  void SetHoldsBack(HoldsBack holds_back) { holds_back_ = std::move(holds_back); }
  void AskAgain() { WakeAll(); }
  // Whether a command that is held back has begun before it was.
  bool RunsHeldBack() const;

  // A place in the queue, for Submit; false if there is none.
  bool Reserve(LaneWork work);
  void Submit(std::shared_ptr<Parked> parked);
  // While a copy of it exists, the lane keeps off the stripes it was asked for.
  using Turn = std::shared_ptr<void>;
  using OnTurn = std::move_only_function<void(Turn)>;
  // Calls `on_turn`, which must only post, when the lane holds none of the stripes: perhaps at
  // once. No stripes at all: when nothing that is held back runs.
  void AwaitTurn(const keyspace::StripeSet& stripes, OnTurn on_turn);
  using LeftWork = std::move_only_function<void(Runner*)>;
  void RunLater(const keyspace::StripeSet& stripes, LeftWork work);
  void RunLater(const keyspace::StripeSet& stripes, std::move_only_function<void()> work) override;

  // Of the runner that belongs to a lane's thread: waits until the stripes may be held. One set at
  // a time.
  void Enter(const Runner& runner, const keyspace::StripeSet& stripes);
  void Leave(const Runner& runner);

  // Who waits for a peer gives it up: the server ends, or says so. Ends by itself at no time.
  void InterruptPeers(bool interrupts) {
    interrupts_peers_.store(interrupts, std::memory_order_relaxed);
  }
  bool interrupts_peers() const { return interrupts_peers_.load(std::memory_order_relaxed); }

  // For statistics. Constant once started.
  const std::vector<std::unique_ptr<Runner>>& runners() const { return runners_; }
  // Heavy commands that wait or run.
  std::size_t pending() const { return reserved_[0].load(std::memory_order_relaxed); }

 private:
  struct Item {
    std::shared_ptr<Parked> parked;  // or, if there is none,
    LeftWork work;
    keyspace::StripeSet stripes;
  };
  struct WaitingTurn {
    keyspace::StripeSet stripes;
    OnTurn on_turn;
  };
  class Token;
  using Turns = std::list<keyspace::StripeSet>;
  // Turns to be announced once the mutex is free.
  using Due = std::vector<std::pair<OnTurn, Turn>>;

  void DoLeftWork();
  void Loop(std::size_t number);
  bool Take(std::size_t number, Item* item);
  void RunItem(Runner& runner, Item& item);
  std::size_t NumberOf(const Runner& runner) const;
  keyspace::StripeSet Running() const REQUIRES(mu_);
  bool RunsHeldBackLocked() const REQUIRES(mu_);
  keyspace::StripeSet Promised() const REQUIRES(mu_);
  Due DueTurns() REQUIRES(mu_);
  static void Announce(Due due);
  void EndTurn(Turns::iterator turn);
  void WakeAll();

  Shared& shared_;
  std::vector<std::unique_ptr<Runner>> runners_;
  std::array<std::atomic<std::size_t>, 2> reserved_ = {};  // by LaneWork
  std::atomic<bool> interrupts_peers_{false};              // relaxed: looked at again and again
  mutable Mutex mu_;                                       // a leaf
  std::deque<Item> left_ GUARDED_BY(mu_);
  std::deque<Item> queue_ GUARDED_BY(mu_);
  HoldsBack holds_back_ = [](Parked&) { return false; };  // constant once started
  std::array<keyspace::StripeSet, kThreads> running_ GUARDED_BY(mu_);
  std::array<Parked*, kThreads> running_parked_ GUARDED_BY(mu_) = {};
  std::list<WaitingTurn> waiting_ GUARDED_BY(mu_);
  Turns taking_ GUARDED_BY(mu_);
  bool stopping_ GUARDED_BY(mu_) = false;  // the threads are told to end
  bool stopped_ GUARDED_BY(mu_) = false;   // they have: nothing is held for long any more
  std::array<Event, kThreads> wake_;
  std::vector<Thread> threads_;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_LANE_H_
