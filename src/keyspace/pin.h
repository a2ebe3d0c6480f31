// SPDX-License-Identifier: BSD-3-Clause
// Pin: what holds an entry until a write of it has reached the database behind the cache.
//
// A write that goes behind (docs/caching-commands/write_behind.md) stores the value and appends to
// a stream, its log, in one step. While the log has that entry, the value is what the database does
// not know yet: it neither expires nor is evicted, no bump or clear reaches it, it is never stale,
// and nobody is given a lease to load what would be older.
//
//     written: pinned, id 5-1 ---- written again: id 6-1 ---- acknowledged 6-1: its times begin
//
// The log itself is pinned by itself, with the id 0-0: what is evicted of it would be lost.
//
// Invariant: a pin's log has its entry, or the sweep (pin_sweeper.h) will take the pin away.
#ifndef CAIRN_KEYSPACE_PIN_H_
#define CAIRN_KEYSPACE_PIN_H_

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "value/stream_id.h"

namespace cairn::keyspace {

struct Pin {
  std::string log;             // the stream's name, in the key's database
  value::StreamId id;          // of the write there
  UnixMs since = 0;            // of the first of the writes that became this one; 0: not known
  UnixMs expires_at = kNever;  // the key's expiry, which begins to count without the pin
  // Of a log: how many entries are gone from it whose keys have been seen to.
  std::int64_t settled = 0;
  // The same: by how many milliseconds, at most, the entry of a write that was coalesced stands
  // behind the first of the writes that became it. kNeverCoalesced: none was.
  static constexpr std::int64_t kNeverCoalesced = -1;
  std::int64_t stretch_ms = kNeverCoalesced;

  bool is_of_log() const { return id.is_zero(); }
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_PIN_H_
