// SPDX-License-Identifier: BSD-3-Clause
// Marks in the stripes' lists of interest. Taking one out is constant: its place is remembered.
#include "command/watches.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace cairn::command {

void Watches::Watch(DbId db, const keyspace::KeyRef& key) {
  keyspace::Stripe& stripe = keyspace_.stripe(key.stripe);
  if (stripe.interest == nullptr) stripe.interest = std::make_unique<keyspace::Interest>();
  keyspace::KeyInterest& at = stripe.interest->Ensure(db, key.name);
  if (mark_ == nullptr) mark_ = std::make_shared<keyspace::WatchMark>();
  // Known already? One client may watch very many keys, and very many clients one key.
  const auto same = [&](const Watched& other) { return other.at == &at; };
  const bool known = watched_.size() < at.marks.size()
                         ? std::ranges::any_of(watched_, same)
                         : std::ranges::find(at.marks, mark_) != at.marks.end();
  if (known) return;
  at.marks.push_back(mark_);
  name_bytes_ += key.name.size();
  watched_.push_back({.db = db,
                      .name = std::string(key.name),
                      .stripe = key.stripe,
                      .at = &at,
                      .place = std::prev(at.marks.end())});
}

// clang does not follow two ways of trying.
void Watches::Unwatch() NO_THREAD_SAFETY_ANALYSIS {
  mark_ = nullptr;
  name_bytes_ = 0;
  if (watched_.empty()) return;
  const bool all_held = keyspace_.AllHeldByThisThread();
  if (watched_.size() >= kMarksForLane && keyspace_.helper() != nullptr && !all_held)
    return LeaveMarks();
  std::vector<keyspace::KeyRef> keys;
  keys.reserve(watched_.size());
  for (const Watched& watched : watched_) keys.push_back(keyspace_.Ref(watched.name));
  keyspace::KeyLocks locks(keyspace_);
  if (!(all_held ? locks.TryAcquireAll() : locks.TryAcquire(keys))) return LeaveMarks();
  UnwatchLocked();
  locks.Release();
}

// A stripe is held for long, or they are many: the marks mean nothing any more, and go when it is
// convenient.
void Watches::LeaveMarks() {
  keyspace::StripeSet stripes;
  for (const Watched& watched : watched_) stripes.set(watched.stripe.value);
  keyspace_.helper()->RunLater(
      stripes, [&keyspace = keyspace_, watched = std::exchange(watched_, {})]() mutable {
        RemoveByStripe(keyspace, std::move(watched));
      });
}

// Workers wait for no more than kMarksAtOnce of them.
void Watches::RemoveByStripe(keyspace::Keyspace& keyspace, std::vector<Watched> watched) {
  std::ranges::sort(watched, {}, [](const Watched& mark) { return mark.stripe.value; });
  std::span<const Watched> left = watched;
  while (!left.empty()) {
    const StripeId stripe = left.front().stripe;
    std::size_t count = 1;
    while (count < std::min(left.size(), kMarksAtOnce) && left[count].stripe == stripe) ++count;
    keyspace::KeyLocks locks(keyspace);
    locks.AcquireStripe(stripe);
    Remove(keyspace, left.first(count));
    locks.Release();
    left = left.subspan(count);
  }
}

void Watches::UnwatchLocked() {
  Remove(keyspace_, watched_);
  watched_.clear();
  name_bytes_ = 0;
  mark_ = nullptr;
}

void Watches::Remove(keyspace::Keyspace& keyspace, std::span<const Watched> watched) {
  for (const Watched& mark : watched) {
    keyspace::Stripe& stripe = keyspace.stripe(mark.stripe);
    mark.at->marks.erase(mark.place);
    stripe.interest->DropIfEmpty(mark.at);
    if (stripe.interest->idle()) stripe.interest = nullptr;
  }
}

}  // namespace cairn::command
