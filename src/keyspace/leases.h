// SPDX-License-Identifier: BSD-3-Clause
// Leases: the right to load a key's value, given to one client at a time (Nishtala et al., "Scaling
// Memcache at Facebook", NSDI 2013, section 3.2.1).
//
//     none --Grant--> held --fill, failure--> none
//                       |----change of the key: Void, the fill will be refused
//                       |----its time is up: Void by the sweep, who waits may have the next
//
// A lease stands with those who watch the key (interest.h), so every change of the key that a
// WATCH would see voids it. It is no data: not logged, not saved, gone with the process; so after a
// restart or a failover every token is refused, which is safe.
//
// Thread safety: a Lease under its stripe's lock; the book's counters from any thread.
#ifndef CAIRN_KEYSPACE_LEASES_H_
#define CAIRN_KEYSPACE_LEASES_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "base/counter.h"
#include "base/ids.h"

namespace cairn::keyspace {

class Namespace;

struct Lease {
  std::uint64_t token = 0;  // 0: nobody holds it
  UnixMs until = 0;         // 0: there is nothing to be swept
  std::uint64_t stamp = 0;  // where the tags' count stood when it was granted
  // A value made from an older row is refused.
  std::uint64_t min_version = 0;
  UnixMs granted_at = 0;
  Namespace* space = nullptr;  // whose cap it counts for while it is held; null: of none
  std::size_t bytes = 0;       // charged while it is kept

  bool is_held() const { return token != 0; }
  bool is_kept() const { return until != 0; }
};

class LeaseBook {
 public:
  static constexpr std::size_t kStripesMax = 256;
  // Held ones, and voided ones that were not swept yet: for a tick of the keeper.
  static constexpr std::int64_t kLeasesMax = 1 << 16;

  LeaseBook();

  // False at kLeasesMax, or at the cap of its key's namespace (which may be null): nothing is
  // granted. `bytes`: what it takes where it stands. REQUIRES: not held.
  bool Grant(Lease& lease, std::size_t stripe, UnixMs now_ms, std::int64_t for_ms,
             std::uint64_t stamp, Namespace* space, std::size_t bytes);
  // The holder's fill will be refused; swept soon.
  void Void(Lease& lease, std::size_t stripe);
  // Its holder is done with it.
  void End(Lease& lease);
  // What the sweep found past its time. True if it was held still.
  bool Expire(Lease& lease);

  // A lower bound of when something is to be swept in the stripe. relaxed: one that arrives late is
  // seen on the next tick.
  UnixMs next_due(std::size_t stripe) const {
    return next_due_[stripe].load(std::memory_order_relaxed);
  }
  // By the sweep, under the stripe's lock.
  void set_next_due(std::size_t stripe, UnixMs at) {
    next_due_[stripe].store(at, std::memory_order_relaxed);
  }

  // Of all that are kept. No client's: maxmemory counts it. At most kLeasesMax names of keys, which
  // commands/cache_args.h bounds, and what a name stands in.
  std::int64_t memory_bytes() const { return bytes_.value(); }
  std::int64_t held() const { return held_.value(); }
  std::int64_t granted() const { return granted_.value(); }
  std::int64_t voided() const { return voided_.value(); }
  std::int64_t timed_out() const { return timed_out_.value(); }
  void ResetStatistics();

 private:
  void Release(Lease& lease);

  // From a random start, so that no token of an earlier process is taken for one of ours.
  std::atomic<std::uint64_t> next_token_;
  std::array<std::atomic<UnixMs>, kStripesMax> next_due_;
  SharedCounter bytes_;
  SharedCounter kept_;
  SharedCounter held_;
  SharedCounter granted_;
  SharedCounter voided_;
  SharedCounter timed_out_;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_LEASES_H_
