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
// Where there is nobody who tells (Capabilities::tracking) - an embedded store, whose engine is as
// near; a server by RESP2 - nothing is served from here (is_told() is false). It then only
// remembers what was last known, for WhenStoreDown::kServeStale. Of a Redis or Valkey a bump drops
// all copies.
//
// When memory is short, SIEVE decides what goes: what was not read since the hand last passed.
//
// Errors: Open gives those of the connection. Thread safety: any thread. Lifetimes: copies are one
// cache, which holds the store. Cost: a hit some 100 ns and the copying of the value.
#ifndef CAIRN_NEAR_CACHE_H_
#define CAIRN_NEAR_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "cairn/result.h"
#include "cairn/store.h"

namespace cairn::cache {

namespace internal {
class NearTable;
}

struct NearOptions {
  // Of all values, as they are encoded, with what a copy costs beside. One that is larger than a
  // sixteenth of it is not kept.
  std::size_t max_bytes = std::size_t{64} << 20;
  std::size_t entries_max = 1'000'000;
};

struct NearFigures {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t evicted = 0;      // for want of room
  std::uint64_t invalidated = 0;  // the server told, or this process wrote
  std::uint64_t refused = 0;      // copies that something was told of while they were read
  std::uint64_t epochs = 0;       // connections so far
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
