// SPDX-License-Identifier: BSD-3-Clause
// Who may enter which stripes when. The road not taken: waiting at the stripes' mutexes in the
// order in which threads come there; then two heavy commands on one stripe would take both threads,
// and a heavy loop on a key would keep everybody else from its stripe.
#include "command/lane.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "command/runner.h"

namespace cairn::command {
namespace {

using keyspace::StripeSet;

constexpr std::int64_t kSleepUsMax = 1'000'000;

bool Meet(const StripeSet& a, const StripeSet& b) { return (a & b).any(); }

std::size_t IndexOf(LaneWork work) { return work == LaneWork::kHeavy ? 0 : 1; }

// What has no stripes that it holds all the time: it takes them in steps, or has none.
bool HoldsNone(const CommandTable::Command& command) {
  return command.run_heavy != nullptr || command.locking != CommandTable::Locking::kOfItsKeys;
}

}  // namespace

class Lane::Token {
 public:
  Token(Lane& lane, Turns::iterator turn) : lane_(lane), turn_(turn) {}
  ~Token() { lane_.EndTurn(turn_); }
  Token(const Token&) = delete;
  Token& operator=(const Token&) = delete;

 private:
  Lane& lane_;
  const Turns::iterator turn_;
};

Lane::Lane(Shared& shared) : shared_(shared) {}

Lane::~Lane() { Stop(); }

void Lane::Start() {
  for (std::size_t i = 0; i < kThreads; ++i)
    runners_.push_back(std::make_unique<Runner>(shared_, SecureRandomUint64()));
  for (std::size_t i = 0; i < kThreads; ++i)
    threads_.emplace_back("lane-" + std::to_string(i), [this, i] { Loop(i); });
}

void Lane::Stop() {
  {
    MutexLock hold(mu_);
    stopping_ = true;
  }
  InterruptPeers(true);
  WakeAll();
  for (Thread& thread : threads_) thread.Join();
  threads_.clear();
  Due due;
  {
    MutexLock hold(mu_);
    due = DueTurns();
  }
  Announce(std::move(due));
  DoLeftWork();
  std::deque<Item> dropped;
  MutexLock hold(mu_);
  dropped.swap(queue_);
}

// Nothing is held for long any more. Work may leave more work.
void Lane::DoLeftWork() {
  while (true) {
    std::deque<Item> left;
    {
      MutexLock hold(mu_);
      left.swap(left_);
      stopped_ = left.empty();
    }
    if (left.empty()) return;
    for (Item& item : left) item.work(runners_.front().get());
  }
}

bool Lane::Reserve(LaneWork work) {
  const std::size_t most = work == LaneWork::kHeavy ? kQueueMax : kPeerQueueMax;
  std::atomic<std::size_t>& reserved = reserved_[IndexOf(work)];
  std::size_t pending = reserved.load(std::memory_order_relaxed);
  while (pending < most) {
    if (reserved.compare_exchange_weak(pending, pending + 1, std::memory_order_relaxed))
      return true;
  }
  return false;
}

void Lane::Submit(std::shared_ptr<Parked> parked) {
  if (parked->lacks_keys()) {
    return RunLater({}, LeftWork([this, parked = std::move(parked)](Runner*) mutable {
                      parked->FindItsKeys(shared_.keyspace);
                      Submit(std::move(parked));
                    }));
  }
  StripeSet stripes;
  if (!HoldsNone(parked->command())) stripes = keyspace::KeyLocks::SetOf(parked->keys());
  {
    MutexLock hold(mu_);
    queue_.push_back({.parked = std::move(parked), .work = {}, .stripes = stripes});
  }
  WakeAll();
}

void Lane::AwaitTurn(const StripeSet& stripes, OnTurn on_turn) {
  Due due;
  {
    MutexLock hold(mu_);
    waiting_.push_back({.stripes = stripes, .on_turn = std::move(on_turn)});
    due = DueTurns();
  }
  Announce(std::move(due));
}

void Lane::RunLater(const StripeSet& stripes, LeftWork work) {
  {
    MutexLock hold(mu_);
    // While the threads end, too, something may be held.
    if (!stopped_) {
      left_.push_back({.parked = nullptr, .work = std::move(work), .stripes = stripes});
      work = nullptr;
    }
  }
  if (work != nullptr) return work(runners_.front().get());
  WakeAll();
}

void Lane::RunLater(const StripeSet& stripes, std::move_only_function<void()> work) {
  RunLater(stripes, LeftWork([work = std::move(work)](Runner*) mutable { work(); }));
}

bool Lane::RunsHeldBack() const {
  MutexLock hold(mu_);
  return RunsHeldBackLocked();
}

bool Lane::RunsHeldBackLocked() const {
  return std::ranges::any_of(running_parked_, [this](Parked* parked) {
    return parked != nullptr && holds_back_(*parked);
  });
}

StripeSet Lane::Running() const {
  StripeSet all;
  for (const StripeSet& stripes : running_) all |= stripes;
  return all;
}

// What turns are using, or waiting for only as long as it is held. One that waits for left work
// does not count: a thread does that when it has ended what it runs, so none may wait for such a
// turn in the middle.
StripeSet Lane::Promised() const {
  StripeSet left;
  for (const Item& item : left_) left |= item.stripes;
  StripeSet all;
  for (const WaitingTurn& turn : waiting_) {
    if (!Meet(turn.stripes, left)) all |= turn.stripes;
  }
  for (const StripeSet& stripes : taking_) all |= stripes;
  return all;
}

Lane::Due Lane::DueTurns() {
  StripeSet busy = Running();
  for (const Item& item : left_) busy |= item.stripes;
  Due due;
  for (auto turn = waiting_.begin(); turn != waiting_.end();) {
    const bool waits = turn->stripes.none() ? RunsHeldBackLocked() : Meet(turn->stripes, busy);
    if (waits && !stopping_) {
      ++turn;
      continue;
    }
    taking_.push_back(turn->stripes);
    due.emplace_back(std::move(turn->on_turn),
                     std::make_shared<Token>(*this, std::prev(taking_.end())));
    turn = waiting_.erase(turn);
  }
  return due;
}

void Lane::Announce(Due due) {
  for (auto& [on_turn, turn] : due) on_turn(std::move(turn));
}

void Lane::EndTurn(Turns::iterator turn) {
  {
    MutexLock hold(mu_);
    taking_.erase(turn);
  }
  WakeAll();
}

void Lane::WakeAll() {
  for (Event& wake : wake_) wake.Notify();
}

std::size_t Lane::NumberOf(const Runner& runner) const {
  std::size_t number = 0;
  while (runners_[number].get() != &runner) ++number;
  return number;
}

void Lane::Enter(const Runner& runner, const StripeSet& stripes) {
  const std::size_t number = NumberOf(runner);
  while (true) {
    {
      MutexLock hold(mu_);
      if (!Meet(stripes, Running() | Promised()) || stopping_) {
        running_[number] = stripes;
        return;
      }
    }
    wake_[number].WaitFor(kSleepUsMax);
  }
}

void Lane::Leave(const Runner& runner) {
  Due due;
  {
    MutexLock hold(mu_);
    running_[NumberOf(runner)].reset();
    due = DueTurns();
  }
  Announce(std::move(due));
  WakeAll();
}

void Lane::Loop(std::size_t number) {
  Runner& runner = *runners_[number];
  while (true) {
    Item item;
    if (Take(number, &item)) {
      RunItem(runner, item);
      continue;
    }
    {
      MutexLock hold(mu_);
      if (stopping_) return;
    }
    wake_[number].WaitFor(kSleepUsMax);
  }
}

// Enters the stripes of what it takes.
bool Lane::Take(std::size_t number, Item* item) {
  MutexLock hold(mu_);
  if (stopping_) return false;
  const LaneWork kind = number < kHeavyThreads ? LaneWork::kHeavy : LaneWork::kForPeers;
  const auto take = [&](std::deque<Item>& from, StripeSet blocked) REQUIRES(mu_) {
    for (auto at = from.begin(); at != from.end(); ++at) {
      if (at->parked != nullptr && at->parked->lane_work() != kind) continue;
      if (Meet(at->stripes, blocked)) {
        blocked |= at->stripes;
        continue;
      }
      if (at->parked != nullptr && holds_back_(*at->parked)) continue;
      running_[number] = at->stripes;
      running_parked_[number] = at->parked.get();
      *item = std::move(*at);
      from.erase(at);
      return true;
    }
    return false;
  };
  if (kind == LaneWork::kHeavy && take(left_, Running())) return true;
  StripeSet blocked = Running() | Promised();
  for (const Item& left : left_) blocked |= left.stripes;
  return take(queue_, blocked);
}

void Lane::RunItem(Runner& runner, Item& item) {
  if (item.parked == nullptr) {
    item.work(&runner);
    return Leave(runner);
  }
  Parked& parked = *item.parked;
  // Who has gone gets no answer; what it asked for is done if it changes anything.
  if (!parked.is_abandoned() || (parked.command().flags & kReadonly) == 0) {
    runner.RunDeferred(parked);
  }
  {
    MutexLock hold(mu_);
    running_parked_[NumberOf(runner)] = nullptr;
  }
  Leave(runner);
  if (!parked.goes_back()) parked.ForgetRequest(shared_.keyspace.trash());
  reserved_[IndexOf(parked.lane_work())].fetch_sub(1, std::memory_order_relaxed);
  parked.on_answered(std::move(item.parked));
}

}  // namespace cairn::command
