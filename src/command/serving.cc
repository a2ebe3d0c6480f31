// SPDX-License-Identifier: BSD-3-Clause
// The rounds of serving. The road not taken: handing the element itself to the waiter, as old
// Redis did. Running the command again is one way for every type, and what it logs, notifies and
// replies is what it would have done by itself.
#include "command/serving.h"

#include <utility>

#include "base/check.h"
#include "command/runner.h"

namespace cairn::command {
namespace {

constexpr std::int64_t kLogWaitUs = 10'000;
constexpr std::size_t kCreditBytes = 256 * Serving::kServedPerHoldMax;

// Whether it may find what it waits for.
bool Concerns(const keyspace::Waiter& waiter, const keyspace::Entry* entry) {
  return waiter.wakes_on_loss || (entry != nullptr && entry->type() == waiter.type);
}

}  // namespace

void Serving::Serve(std::vector<keyspace::ReadyKey> ready, const keyspace::KeyLocks& held) {
  for (keyspace::ReadyKey& key : ready) turns_.push_back({.key = std::move(key)});
  served_ = 0;
  ServeQueues(held);
}

void Serving::ServeQueues(const keyspace::KeyLocks& held) {
  while (!turns_.empty()) {
    const Deferred turn = std::move(turns_.front());
    turns_.pop_front();
    ServeQueue(turn, held);
  }
}

void Serving::ServeQueue(const Deferred& turn, const keyspace::KeyLocks& held) {
  keyspace::Keyspace& keyspace = runner_.keyspace();
  const keyspace::KeyRef key = keyspace.Ref(turn.key.name);
  keyspace::Stripe& stripe = keyspace.stripe(key.stripe);
  keyspace::KeyInterest* at =
      stripe.interest == nullptr ? nullptr : stripe.interest->Find(turn.key.db, key.name);
  if (at == nullptr) return;
  at->ready = false;
  auto place = at->waiters.begin();
  // Who is served leaves the queue, so the count is taken first; while it lasts, `at` does.
  for (std::size_t left = at->waiters.size(); left > 0; --left) {
    const std::shared_ptr<keyspace::Waiter> waiter = *place++;
    if (waiter->ticket <= turn.after_ticket) continue;
    const keyspace::Entry* entry = keyspace::internal::Lookup(stripe, turn.key.db, key).entry;
    if (entry == nullptr && at->loss_waiters == 0) return;
    const auto parked = std::static_pointer_cast<Parked>(waiter);
    if (!Concerns(*waiter, entry) || parked->is_abandoned()) continue;
    if (served_ == kServedPerHoldMax || !HoldsAll(*parked, held))
      return Defer(turn, waiter->ticket - 1, parked);
    if (TryServe(parked, held)) ++served_;
  }
}

bool Serving::HoldsAll(const Parked& parked, const keyspace::KeyLocks& held) const {
  for (const keyspace::KeyRef& key : parked.keys()) {
    if (!held.Holds(key.stripe)) return false;
  }
  return true;
}

// False if its command still finds nothing.
bool Serving::TryServe(const std::shared_ptr<Parked>& parked, const keyspace::KeyLocks& held) {
  std::vector<keyspace::ReadyKey> ready;
  const bool served = runner_.RunAgain(*parked, held, ready);
  if (served) {
    const bool claimed = parked->Claim();
    CHECK(claimed);  // who stands in a queue is waiting
    Unlink(runner_.keyspace(), *parked);
    answered_.push_back(parked);
  }
  // One that waits on may have changed something all the same: a key that it looked at had expired.
  // The keys count as ready until they have had their turn. A key expires once, so this ends.
  for (keyspace::ReadyKey& key : ready) turns_.push_back({.key = std::move(key)});
  return served;
}

void Serving::Defer(const Deferred& turn, std::uint64_t after_ticket,
                    std::shared_ptr<Parked> next) {
  keyspace::Keyspace& keyspace = runner_.keyspace();
  keyspace.stripe(keyspace.Ref(turn.key.name).stripe).interest->pending += 1;
  deferred_.push_back(
      {.key = turn.key, .after_ticket = after_ticket, .next = std::move(next), .pending = true});
}

void Serving::Finish() {
  while (busy()) {
    for (std::shared_ptr<Parked>& parked : std::exchange(answered_, {})) {
      Parked& told = *parked;
      told.on_answered(std::move(parked));
    }
    if (deferred_.empty()) return;
    Deferred turn = std::move(deferred_.front());
    deferred_.pop_front();
    ServeDeferred(turn);
  }
}

void Serving::ServeDeferred(const Deferred& turn) {
  keyspace::Keyspace& keyspace = runner_.keyspace();
  log::CommandLog& log = keyspace.log();
  const keyspace::KeyRef key = keyspace.Ref(turn.key.name);
  std::vector<keyspace::KeyRef> keys = {key};
  if (turn.next != nullptr)
    keys.insert(keys.end(), turn.next->keys().begin(), turn.next->keys().end());
  const std::size_t credit = log.active() ? kCreditBytes : 0;
  // It ends what a write began that had room; of a cut, too: its key has just been changed.
  while (credit > 0 && !log.TakeCredit(credit, log::CommandLog::For::kOther))
    log.WaitForRoom(kLogWaitUs);
  keyspace::KeyLocks locks(keyspace);
  if (locks.TryAcquire(keys)) {
    served_ = 0;
    ServeQueue(turn, locks);
    ServeQueues(locks);
    keyspace::Stripe& stripe = keyspace.stripe(key.stripe);
    if (turn.pending) stripe.interest->pending -= 1;
    if (stripe.interest != nullptr && stripe.interest->idle()) stripe.interest = nullptr;
    locks.Release();
  } else {
    LeaveTo(*runner_.shared().lane, keyspace::KeyLocks::SetOf(keys), turn);
  }
  if (credit > 0) log.ReturnCredit(credit);
}

// A stripe is held for long: who may wait goes on.
void Serving::LeaveTo(Lane& lane, const keyspace::StripeSet& stripes, Deferred turn) {
  lane.RunLater(stripes, Lane::LeftWork([turn = std::move(turn)](Runner* runner) {
                  runner->ReadClock();
                  runner->serving().deferred_.push_back(turn);
                  runner->serving().Finish();
                }));
}

void Serving::ServeLeft() {
  for (keyspace::ReadyKey& key : runner_.keyspace().TakeLeftReady())
    deferred_.push_back({.key = std::move(key)});
  Finish();
}

}  // namespace cairn::command
