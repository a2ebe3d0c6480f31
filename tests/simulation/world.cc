// SPDX-License-Identifier: BSD-3-Clause
// The chaos, and the rest after it.
#include "tests/simulation/world.h"

namespace cairn::simulation {
namespace {

// A run that takes more steps goes round in circles.
constexpr int kStepsMax = 3'000'000;

}  // namespace

World::World(const Order& order, std::string store, std::size_t processes)
    : order_(order), random_(order.seed), end_(time_.Now() + order.span) {
  network_ =
      Network::Open(time_, {.seed = order.seed, .link = kLink, .store = std::move(store)}).value();
  for (std::size_t i = 0; i < processes; ++i) names_.push_back("p" + std::to_string(i));
}

Verdict World::Run() {
  network_->Watch([this](const NetworkEvent& event) {
    if (order_.is_traced) trace_ += ToString(event) + "\n";
    OnEvent(event);
  });
  processes_.resize(names_.size());
  for (std::size_t i = 0; i < names_.size(); ++i) Join(i);
  Detach(Chaos());
  time_.Advance(order_.span);
  HealAll();
  Verdict verdict;
  time_.Advance(3s);
  verdict.violation = CheckStored();
  if (!Drain()) verdict.violation = "the run does not come to rest";
  if (!verdict.violation) verdict.violation = Check();
  verdict.history = history_.ToString();
  verdict.operations = history_.operations().size();
  verdict.trace = std::move(trace_);
  network_->Watch(nullptr);
  return verdict;
}

void World::Join(std::size_t process) {
  processes_[process] =
      std::make_shared<Process>(Process{names_[process], network_->Join(names_[process])});
  Start(processes_[process]);
}

Task<void> World::Chaos() {
  while (!is_over()) {
    co_await Pause(10ms, 120ms);
    if (!is_over()) Trouble();
  }
}

void World::Trouble() {
  const std::size_t victim = random_.Below(names_.size());
  const std::string& name = names_[victim];
  const ProcessPtr process = processes_[victim];
  switch (random_.Below(8)) {
    case 0:
    case 1:
      return network_->Partition(name);
    case 2:
    case 3:
      return network_->Heal(name);
    case 4:
      return network_->Break(name);
    case 5:
    case 6:
      if (!process->is_alive) return Join(victim);
      process->is_alive = false;
      return network_->Kill(name);
    default:
      if (!may_crash()) return;
      is_store_down_ = !is_store_down_;
      if (is_store_down_) return network_->Crash();
      network_->Restart().value();
  }
}

void World::HealAll() {
  if (is_store_down_) network_->Restart().value();
  for (std::size_t i = 0; i < names_.size(); ++i) {
    network_->Heal(names_[i]);
    if (!processes_[i]->is_alive) Join(i);
  }
}

// Everything that waits has run: also the coroutines are at their ends.
bool World::Drain() {
  for (int step = 0; step < kStepsMax; ++step) {
    if (!time_.Step()) return IsAtRest();
  }
  return false;
}

}  // namespace cairn::simulation
