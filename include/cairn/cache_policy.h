// SPDX-License-Identifier: BSD-3-Clause
// Policy, Entry, LoadContext: how a typed cache (cairn/cache.h) keeps, loads and answers.
//
//   const Policy policy{.ttl = 1min, .stale_for = 10min, .jitter_percent = 10};
//
// Times are rounded down to milliseconds. Errors: none, bounds are taken as below. Thread safety:
// values; a LoadContext belongs to its load. Lifetimes: a policy is copied by the cache; a
// LoadContext and what it refers to end with its load. Cost: a load's own Policy is a copy.
#ifndef CAIRN_CACHE_POLICY_H_
#define CAIRN_CACHE_POLICY_H_

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cairn/clock.h"
#include "cairn/frame.h"
#include "cairn/result.h"
#include "cairn/trace.h"

namespace cairn::cache {

// Of a row: grows with each change of it, from 1 on. 0: none.
using Version = std::int64_t;

enum class WhenStoreDown : std::uint8_t {
  kLoadUncached,  // by the loader; as many at a time as CacheOptions::uncached_loads_max
  kServeStale,    // what was last known here, if CacheOptions::near remembers it; else as above
  kFail,
};
// Another, here or elsewhere, loads and has not finished within wait_max, or the cap on loads is
// reached.
enum class WhenWaitOver : std::uint8_t { kLoadUncached, kFail };

// What is outside of what the server takes is taken as the nearer bound: ttl, negative_ttl and
// stale_for up to 100 years; lease from 1 ms to 10 minutes; wait_max and retry_after up to 10
// minutes; jitter_percent 0 to 100; soft_timeout and hard_timeout up to 100 years.
struct Policy {
  // How long a value is fresh. Unset: what the namespace says, or for ever. Zero or less: it is
  // given to the caller, and not kept.
  std::optional<Millis> ttl = {};
  // How long it is then kept as stale: served while one reader loads, or when a load fails.
  Millis stale_for{0};
  // The TTL is shortened by a random part of up to so many percent.
  int jitter_percent = 0;
  // Of known absence. Unset: what the server has. Zero or less: absence is not kept.
  std::optional<Millis> negative_ttl = {};
  // Loads in the background, before the value is stale: from when no more time is left than the
  // last load took, or this part of the TTL (0.2: in its last fifth), if that is longer.
  bool refresh_ahead = true;
  double refresh_part = 0;
  // For so long nobody else loads. Longer than any load should take.
  Millis lease{30'000};
  // A load that failed is answered by the stale value, if there is one; no other tries for a while.
  bool fail_safe = true;
  Millis retry_after{1'000};
  // A load that takes longer is gone on with in the background, and its caller answered by the
  // stale value if there is one (kFallback). The loader then outlives the call: it is to own what
  // it uses. A loader that is no coroutine needs CacheOptions::executor for that; without one it
  // runs on the caller's thread and is waited for, whatever these times say.
  std::optional<Millis> soft_timeout = {};
  // The same, without a stale value: kTimeout. LoadContext::stop asks the loader to end. What it
  // then still gives is stored; the lease is given back when it has ended.
  std::optional<Millis> hard_timeout = {};
  // For another's load, and for a place among the loads without a lease.
  Millis wait_max{5'000};
  WhenWaitOver when_wait_over = WhenWaitOver::kLoadUncached;
  WhenStoreDown when_store_down = WhenStoreDown::kLoadUncached;
  // Of kServeStale: nothing is served that was read longer ago.
  Millis last_known_max{300'000};
  // How long a copy in CacheOptions::near is served at most: the bound on staleness should the
  // network die without a word. Zero or less: nothing is kept there.
  Millis near_ttl{60'000};
  std::vector<std::string> tags = {};
  FrameOptions frame = {};
};

Policy Clamped(Policy policy);

enum class Outcome : std::uint8_t {
  kMiss,      // nothing is known, and it was not to be loaded
  kNearHit,   // a fresh value, or known absence, of this process
  kHit,       // a fresh value
  kStale,     // a stale one
  kNegative,  // it is known that there is no such row
  kLoaded,
  kWaited,    // loaded by another caller of this process
  kFallback,  // the load failed or took too long: what was there before
};
// "hit", "fallback": for logs and metrics.
std::string_view OutcomeName(Outcome outcome);

template <class T>
struct Entry {
  std::optional<T> value = {};  // nothing: a miss, or no such row
  Outcome outcome = Outcome::kMiss;
  Version version = 0;
  Millis age{0};
  // False: the caller has the value, the cache has not. It was invalidated meanwhile, an older one
  // than is known, the store is down, or it was not to be kept; or it is what was last known.
  bool is_cached = false;
};

// What a loader is told, and what it may say beside its value.
template <class T, class KeyType>
class LoadContext {
 public:
  LoadContext(const KeyType& asked, const T* old, Version minimum, Policy& own)
      : key(asked), stale(old), min_version(minimum), policy(own) {}

  const KeyType& key;
  // What is there, stale or about to be; null if nothing is.
  const T* stale;
  // An older row than this is given to the caller, not cached: ask the primary for it.
  Version min_version;
  // This load's own; may be changed.
  Policy& policy;
  // Of the row that was loaded, if it has one.
  Version version = 0;
  // Beside the policy's.
  std::vector<std::string> tags = {};
  // The caller's.
  std::stop_token stop = {};
  // Of this load's span: the parent of what the loader does. Without a sink it is the caller's.
  SpanContext trace = {};

  // return context.NotModified(): the source says that the stale value is still right. Its times
  // begin anew, and nothing is sent. REQUIRES: stale != nullptr
  Result<std::optional<T>> NotModified() {
    is_not_modified_ = true;
    return std::optional<T>(*stale);
  }
  // return context.Skip(value): for the caller, not to be kept.
  Result<std::optional<T>> Skip(std::optional<T> value) {
    is_skipped_ = true;
    return value;
  }
  bool is_not_modified() const { return is_not_modified_; }
  bool is_skipped() const { return is_skipped_; }

 private:
  bool is_not_modified_ = false;
  bool is_skipped_ = false;
};

// What a bulk loader is told: the keys that are missing, each once, and no others. It gives as many
// values, in their order; nullopt: no such row.
template <class KeyType>
struct BulkContext {
  std::vector<KeyType> keys = {};
  // This load's own; may be changed.
  Policy policy = {};
  Version min_version = 0;
  // Of the rows, in the order of the keys, if they have one: filled by the loader, for all of them
  // or none, else the load is kInvalid. Tags are beside the policy's.
  std::vector<Version> versions = {};
  std::vector<std::vector<std::string>> tags = {};
  std::stop_token stop = {};
  SpanContext trace = {};
};

struct ReadOptions {
  // What is older, or has no version, is a miss: reading one's own writes.
  Version min_version = 0;
  // The span that a load is a part of.
  SpanContext trace = {};
};

struct PutOptions {
  Version version = 0;
  // Beside the policy's.
  std::vector<std::string> tags = {};
};

// What became of a write: false if something newer is known.
struct Mark {
  bool is_applied = false;
  Version version = 0;
};

enum class Bump : std::uint8_t { kSoft, kHard };

}  // namespace cairn::cache

#endif  // CAIRN_CACHE_POLICY_H_
