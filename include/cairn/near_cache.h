// SPDX-License-Identifier: BSD-3-Clause
// NearCache: values in this process, decoded, kept right by what the server tells of changes.
//
//   NearCache near = NearCache::Open(store, {.max_bytes = 64 << 20}).value();
//   TypedCache<User, UserKey> users(store, {.policy = {.ttl = 10min}, .near = near});
//
// One serves any number of caches of one store: they share its memory and its one connection, on
// which all their reads go and the server tells what was changed (Client::Track). A copy is served
//   - while the connection lives under which it was read: a new one is a new epoch, without copies;
//   - until the server tells that the key was changed, or a tag of the value bumped, or all
//   cleared.
//     What is told while a read is under way makes an end of that one's copy, too;
//   - for Policy::near_ttl, and no longer than the value is fresh. That is the bound on staleness
//     if the network dies without a word;
//   - to readers that it is new enough for (ReadOptions::min_version).
// What this process writes, invalidates, bumps or clears by a TypedCache over it is gone from here
// before the call returns, also if the call failed.
//
// Why not broadcast tracking (all changes of a prefix): it tells of a tag only if the tag's name
// has the prefix, so that bumps would go unheard; and it tells each process of all changes, where
// here it is told of those that concern it. The price is the server's memory for what was read.
//
// Of an embedded store, whose engine is as near, and where there is nobody who tells
// (Capabilities::tracking: a server by RESP2), nothing is served from here (is_told() is false). It
// then only remembers what was last known, for WhenStoreDown::kServeStale. Of a Redis or Valkey a
// bump drops all copies.
//
// When memory is short, SIEVE decides what goes: what was not read since the hand last passed.
//
// What is kept is whatever is read: a copy is there from the second read on, and SIEVE lets go
// first what nobody reads again. With NearOptions::promotion only hot keys have a place: for those
// whose keys are mostly read once, as each copy costs the server, too (docs/toolkit/hybrid.md).
//
// Errors: Open gives those of the connection, and kInvalid of options that do not fit. Thread
// safety: any thread. Lifetimes: copies are one cache, which holds the store. Cost: a hit some 100
// ns and the copying of the value.
#ifndef CAIRN_NEAR_CACHE_H_
#define CAIRN_NEAR_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "cairn/clock.h"
#include "cairn/result.h"
#include "cairn/store.h"

namespace cairn::cache {

namespace internal {
class NearTable;
}

// Hot is what this process asks the store for often, or has been served from near; and what the
// server says is read often by all (CACHE.HOTKEYS), if it has the prefix of a cache over this. A
// store without that command (Capabilities::hot_keys) says nothing; of a cluster a node by chance
// is asked; names of 256 bytes and more are told in part, and not heard. Other keys are read by
// the store's other connections, untracked: their first reads ask the store.
struct NearPromotion {
  // Asked for so often by this process within `period`; from 1 to 255.
  std::uint32_t reads_min = 3;
  Millis period{10'000};
  // How many keys it is to tell apart, of those that are read within a period; 16 bytes each, up to
  // 4,194,304. Of many more cold ones are taken as hot by and by.
  std::size_t keys = 65'536;
  // How often the server is asked what is hot there; at most half of `period`, so that what it
  // named stays hot until it is asked again. 0: never.
  Millis ask_every{5'000};
  // Reads a second of one key, over all its clients, as the server counts them (a sample).
  // Not below 0.
  double server_rate_min = 100;
};

struct NearOptions {
  // Of all values, as they are encoded, with what a copy costs beside. One that is larger than a
  // sixteenth of it is not kept.
  std::size_t max_bytes = std::size_t{64} << 20;
  std::size_t entries_max = 1'000'000;
  // None: what is read is kept.
  std::optional<NearPromotion> promotion = {};
};

struct NearFigures {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t evicted = 0;      // for want of room
  std::uint64_t invalidated = 0;  // the server told, or this process wrote
  std::uint64_t refused = 0;      // copies that something was told of while they were read
  std::uint64_t epochs = 0;       // connections so far
  std::uint64_t cold = 0;         // reads of keys that are not hot (promotion)
  std::uint64_t told_hot = 0;     // names that the server said are hot, each time that it did
};

class NearCache {
 public:
  // None: nothing is kept.
  NearCache() = default;
  static Result<NearCache> Open(Store store, NearOptions options = {});

  // Whether changes are told at the moment, so that copies may be served.
  bool is_told() const;
  NearFigures figures() const;
  void Clear();

  const std::shared_ptr<internal::NearTable>& table() const { return table_; }

 private:
  std::shared_ptr<internal::NearTable> table_;  // shared by the copies, and the caches over it
};

}  // namespace cairn::cache

#endif  // CAIRN_NEAR_CACHE_H_
