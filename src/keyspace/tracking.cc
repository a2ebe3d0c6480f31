// SPDX-License-Identifier: BSD-3-Clause
// Remembering, telling and forgetting.
//
// A transaction tells of all its changes together, just before its locks go: so a broadcast names
// each key once, in one message, though a command may touch it several times.
#include "keyspace/tracking.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "keyspace/keyspace.h"

namespace cairn::keyspace {
namespace {

constexpr std::size_t kPrefixesFew = 16;  // all of them are looked at

// Two messages a prefix at most: one for who made the changes himself and does not want to hear of
// them, and one for all others.
void TellOfPrefix(std::string_view prefix, std::span<const std::shared_ptr<Tracker>> trackers,
                  std::span<const Tracking::Change> changes, ClientId by) {
  std::vector<std::string_view> all;
  std::vector<std::string_view> not_by_client;
  for (const Tracking::Change& change : changes) {
    if (!change.key.starts_with(prefix)) continue;
    if (all.empty() || all.back() != change.key) all.push_back(change.key);
    if (!change.by_client && (not_by_client.empty() || not_by_client.back() != change.key))
      not_by_client.push_back(change.key);
  }
  if (all.empty()) return;
  Invalidation for_all{.keys = all};
  Invalidation for_writer{.keys = not_by_client, .own = true};
  for (const std::shared_ptr<Tracker>& tracker : trackers) {
    for_all.own = tracker->client() == by;
    if (!for_all.own || !tracker->has(kTrackingNoLoop)) {
      tracker->OnInvalid(for_all);
    } else if (!not_by_client.empty()) {
      tracker->OnInvalid(for_writer);
    }
  }
}

}  // namespace

class Tracking::AllGates {
 public:
  // The analysis knows no sets of locks.
  explicit AllGates(std::array<Gate, kGateCount>& gates) NO_THREAD_SAFETY_ANALYSIS : gates_(gates) {
    for (Gate& gate : gates_) gate.mu.Lock();
  }
  ~AllGates() NO_THREAD_SAFETY_ANALYSIS {
    for (Gate& gate : gates_) gate.mu.Unlock();
  }
  AllGates(const AllGates&) = delete;
  AllGates& operator=(const AllGates&) = delete;

 private:
  std::array<Gate, kGateCount>& gates_;
};

void Tracking::Remember(StripeId stripe, std::string_view key,
                        const std::shared_ptr<Tracker>& reader) {
  std::unique_ptr<Keys>& keys = stripes_[stripe.value];
  if (keys == nullptr) keys = std::make_unique<Keys>();
  auto at = keys->find(key);
  if (at == keys->end()) {
    at = keys->try_emplace(std::string(key)).first;
    keys_.Add(1);
  }
  Trackers& readers = at->second;  // sorted, since there may be very many
  const auto place = std::ranges::lower_bound(readers, reader);
  if (place != readers.end() && *place == reader) return;
  readers.insert(place, reader);
  items_.Add(1);
}

bool Tracking::Cares(StripeId stripe, std::string_view key) const {
  if (prefix_count_.load(std::memory_order_acquire) > 0) return true;
  const Keys* keys = stripes_[stripe.value].get();
  return keys != nullptr && keys->contains(key);
}

void Tracking::Forget(Keys& keys, Keys::iterator at) {
  items_.Add(-static_cast<std::int64_t>(at->second.size()));
  keys_.Add(-1);
  keys.erase(at);
}

void Tracking::Tell(std::span<Change> changes, ClientId by) {
  for (const Change& change : changes) TellReaders(change, by);
  if (prefix_count_.load(std::memory_order_acquire) == 0) return;
  std::ranges::sort(changes, {}, &Change::key);
  TellByPrefix(changes, by);
}

void Tracking::TellReaders(const Change& change, ClientId by) {
  std::unique_ptr<Keys>& keys = stripes_[change.stripe.value];
  if (keys == nullptr) return;
  const auto at = keys->find(change.key);
  if (at == keys->end()) return;
  const std::string_view name = change.key;
  Invalidation invalidation{.keys = {&name, 1}};
  for (const std::shared_ptr<Tracker>& tracker : at->second) {
    if (!tracker->has(kTrackingOn) || tracker->has(kTrackingBroadcast)) continue;
    invalidation.own = tracker->client() == by;
    if (invalidation.own && change.by_client && tracker->has(kTrackingNoLoop)) continue;
    tracker->OnInvalid(invalidation);
  }
  Forget(*keys, at);
  if (keys->empty()) keys = nullptr;
  if (key_count() > 0) return;
  MutexLock hold(mu_);
  Settle();
}

// `changes` are sorted. What begins with a text follows it at once, so that of many prefixes those
// of a key are found by halving, up to the first start of it that no prefix begins with.
void Tracking::TellByPrefix(std::span<const Change> changes, ClientId by) {
  if (changes.empty()) return;
  Gate& gate = gates_[changes[0].stripe.value % kGateCount];
  MutexLock hold(gate.mu);
  if (prefixes_.size() <= kPrefixesFew) {
    for (const Prefix& prefix : prefixes_) TellOfPrefix(prefix.text, prefix.trackers, changes, by);
    return;
  }
  std::vector<const Prefix*> found;
  for (const Change& change : changes) {
    auto from = prefixes_.cbegin();
    for (std::size_t bytes = 0; bytes <= change.key.size(); ++bytes) {
      const std::string_view start = std::string_view(change.key).substr(0, bytes);
      from = std::ranges::lower_bound(from, prefixes_.cend(), start, {}, &Prefix::text);
      if (from == prefixes_.cend() || !from->text.starts_with(start)) break;
      if (from->text.size() == bytes) found.push_back(&*from);
    }
  }
  std::ranges::sort(found);
  const auto repeated = std::ranges::unique(found);
  found.erase(repeated.begin(), repeated.end());
  for (const Prefix* prefix : found) TellOfPrefix(prefix->text, prefix->trackers, changes, by);
}

void Tracking::TellAll(ClientId by) {
  for (std::unique_ptr<Keys>& keys : stripes_) {
    if (keys == nullptr) continue;
    while (!keys->empty()) Forget(*keys, keys->begin());
    keys = nullptr;
  }
  MutexLock hold(mu_);
  Invalidation invalidation;
  for (const std::shared_ptr<Tracker>& tracker : trackers_) {
    invalidation.own = tracker->client() == by;
    tracker->OnInvalid(invalidation);
  }
  Settle();
}

void Tracking::Settle() {
  active_.store(!trackers_.empty() || key_count() > 0, std::memory_order_seq_cst);
}

std::size_t Tracking::client_count() const {
  MutexLock hold(mu_);
  return trackers_.size();
}

void Tracking::Start(const std::shared_ptr<Tracker>& tracker, std::uint8_t modes,
                     std::span<const std::string> new_prefixes) {
  {
    MutexLock hold(mu_);
    if (!tracker->has(kTrackingOn)) trackers_.push_back(tracker);
    tracker->modes_.store(modes, std::memory_order_relaxed);
    Settle();
  }
  if (!new_prefixes.empty()) ChangePrefixes(tracker, new_prefixes, false);
}

void Tracking::Stop(const std::shared_ptr<Tracker>& tracker) {
  if (tracker->has(kTrackingBroadcast)) ChangePrefixes(tracker, {}, true);
  MutexLock hold(mu_);
  tracker->modes_.store(0, std::memory_order_relaxed);
  std::erase(trackers_, tracker);
  Settle();
}

void Tracking::ChangePrefixes(const std::shared_ptr<Tracker>& tracker,
                              std::span<const std::string> new_prefixes, bool removes) {
  const AllGates hold(gates_);
  if (removes) {
    for (Prefix& prefix : prefixes_) std::erase(prefix.trackers, tracker);
    std::erase_if(prefixes_, [](const Prefix& prefix) { return prefix.trackers.empty(); });
  }
  // New ones are sorted in together: every writer waits meanwhile, and there may be very many.
  std::vector<Prefix> added;
  for (const std::string& text : new_prefixes) {
    const auto at = std::ranges::lower_bound(prefixes_, text, {}, &Prefix::text);
    if (at == prefixes_.end() || at->text != text) {
      added.push_back({.text = text, .trackers = {tracker}});
    } else if (std::ranges::find(at->trackers, tracker) == at->trackers.end()) {
      at->trackers.push_back(tracker);
    }
  }
  std::ranges::move(added, std::back_inserter(prefixes_));
  std::ranges::sort(prefixes_, {}, &Prefix::text);
  prefix_count_.store(prefixes_.size(), std::memory_order_seq_cst);
}

// A stripe in turn from a random one on, and in it what stands in a random bucket, or the first one
// after it that is not empty.
void Tracking::Trim(Keyspace& keyspace, std::size_t keys_max, Random& random) {
  if (keys_max == 0 || key_count() <= keys_max) return;
  const std::size_t start = random.Below(stripes_.size());
  for (std::size_t told = 0, i = 0; told < kTrimMax && i < kTrimMax * stripes_.size(); ++i) {
    if (key_count() <= keys_max) return;
    const StripeId id(static_cast<std::uint16_t>((start + i) % stripes_.size()));
    const TryWalkLock hold(keyspace, keyspace.stripe(id));
    if (!hold.held()) continue;
    Keys* keys = stripes_[id.value].get();
    if (keys == nullptr) continue;
    std::size_t bucket = random.Below(keys->bucket_count());
    while (keys->bucket_size(bucket) == 0) bucket = (bucket + 1) % keys->bucket_count();
    const Change change{.stripe = id, .key = keys->begin(bucket)->first, .by_client = false};
    TellReaders(change, ClientId(0));
    ++told;
  }
}

}  // namespace cairn::keyspace
