// SPDX-License-Identifier: BSD-3-Clause
// Tracking: who caches keys outside the server, and must be told when they change.
//
//     read  --Remember--> stripe's table: key -> trackers --+
//     change --Tell----------------------------------------> Tracker::OnInvalid, once a read
//                          prefixes: text -> trackers ------> Tracker::OnInvalid, every time
//
// As in Redis, keys are tracked by name, whatever the database: a name lies in one stripe in all of
// them. A key that was told of is forgotten until it is read again.
//
// Invariants
//   (1) Reading and remembering happen under one hold of the stripe's lock, changing and telling
//   under another: a change is told to everybody who read the value before it, and to nobody who
//   read the one after it. OnInvalid only queues.
//   (2) active() is true from before the first key is remembered until after the last is told of;
//   who changes a key has had the stripe's lock after whoever remembered it, so a relaxed load
//   suffices.
//   (3) Lock order: a stripe's, then one of gates_ or mu_; both are leaves to all else here.
//
// Limit: Tunables::tracked_keys_max keys; Trim makes room by telling of random ones.
#ifndef CAIRN_KEYSPACE_TRACKING_H_
#define CAIRN_KEYSPACE_TRACKING_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/blob.h"
#include "base/counter.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "base/random.h"

namespace cairn::keyspace {

class Keyspace;

// What is no longer what somebody read: these keys, or, if there are none, any key.
struct Invalidation {
  std::span<const std::string_view> keys;
  // By a command of the client itself.
  bool own = false;
  // What a tracker makes of the keys to send; kept here for the next one.
  BlobRef encoded = {};
};

enum TrackingMode : std::uint8_t {
  kTrackingOn = 1 << 0,
  kTrackingBroadcast = 1 << 1,  // by prefix, not by what was read
  kTrackingNoLoop = 1 << 2,     // not what the client changes itself
};

// A client that is told of changes. Shared with the tables, in which it may stand after the client
// has gone.
class Tracker {
 public:
  explicit Tracker(ClientId client) : client_(client) {}
  virtual ~Tracker() = default;
  Tracker(const Tracker&) = delete;
  Tracker& operator=(const Tracker&) = delete;

  // Any thread, under stripe locks: must only queue.
  virtual void OnInvalid(Invalidation& invalidation) = 0;
  // A command of the client has run; its locks are still held.
  virtual void OnRead() = 0;

  ClientId client() const { return client_; }
  bool has(TrackingMode mode) const { return (modes_.load(std::memory_order_relaxed) & mode) != 0; }

 private:
  friend class Tracking;
  const ClientId client_;
  std::atomic<std::uint8_t> modes_{0};
};

class Tracking {
 public:
  explicit Tracking(std::size_t stripe_count) : stripes_(stripe_count) {}
  Tracking(const Tracking&) = delete;
  Tracking& operator=(const Tracking&) = delete;

  // Whether a change could interest anybody.
  bool active() const { return active_.load(std::memory_order_relaxed); }

  // REQUIRES, of these four: the stripe locked, or all of them.
  void Remember(StripeId stripe, std::string_view key, const std::shared_ptr<Tracker>& reader);
  // Whether a change of the key must be told.
  bool Cares(StripeId stripe, std::string_view key) const;
  // A key that changed, by a command of `by`; or by time, or eviction.
  struct Change {
    StripeId stripe;
    std::string key;
    bool by_client = true;
  };
  // Sorts them.
  void Tell(std::span<Change> changes, ClientId by);
  // REQUIRES: all stripes locked.
  void TellAll(ClientId by);

  // Any thread, no stripe lock needed. Sets the modes, of a tracker that may be on already, and
  // adds to its prefixes.
  void Start(const std::shared_ptr<Tracker>& tracker, std::uint8_t modes,
             std::span<const std::string> new_prefixes);
  void Stop(const std::shared_ptr<Tracker>& tracker);
  // Tells of random keys until there are at most `keys_max`, or kTrimMax are gone. 0: no limit.
  // REQUIRES: no stripe locked by the caller.
  void Trim(Keyspace& keyspace, std::size_t keys_max, Random& random);

  std::size_t client_count() const;
  std::size_t key_count() const { return static_cast<std::size_t>(keys_.value()); }
  // Pairs of a key and a client.
  std::size_t item_count() const { return static_cast<std::size_t>(items_.value()); }
  std::size_t prefix_count() const { return prefix_count_.load(std::memory_order_relaxed); }

  static constexpr std::size_t kTrimMax = 128;

 private:
  static constexpr std::size_t kGateCount = 16;
  using Trackers = std::vector<std::shared_ptr<Tracker>>;
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>()(name);
    }
  };
  using Keys = std::unordered_map<std::string, Trackers, NameHash, std::equal_to<>>;
  struct Prefix {
    std::string text;
    Trackers trackers;
  };
  struct alignas(64) Gate {
    Mutex mu;
  };
  class AllGates;

  void TellReaders(const Change& change, ClientId by);
  void TellByPrefix(std::span<const Change> changes, ClientId by);
  void Forget(Keys& keys, Keys::iterator at);
  void ChangePrefixes(const std::shared_ptr<Tracker>& tracker,
                      std::span<const std::string> new_prefixes, bool removes);
  void Settle() REQUIRES(mu_);

  // By stripe, under its lock; null while nothing of it is remembered.
  std::vector<std::unique_ptr<Keys>> stripes_;
  SharedCounter keys_;
  SharedCounter items_;
  // Read under any gate, changed under all of them.
  std::array<Gate, kGateCount> gates_;
  std::vector<Prefix> prefixes_;
  std::atomic<std::size_t> prefix_count_{0};
  mutable Mutex mu_;
  Trackers trackers_ GUARDED_BY(mu_);  // that are on
  std::atomic<bool> active_{false};    // written under mu_
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_TRACKING_H_
