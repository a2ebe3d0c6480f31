// SPDX-License-Identifier: BSD-3-Clause
// One stripe's lock at a time, for as long as its leases take to be looked at.
#include "keyspace/lease_sweeper.h"

#include "keyspace/txn.h"

namespace cairn::keyspace {

void LeaseSweeper::Tick() {
  const UnixMs now_ms = keyspace_.clock().NowUnixMs();
  for (std::size_t i = 0; i < keyspace_.stripe_count(); ++i) {
    if (keyspace_.leases().next_due(i) > now_ms) continue;
    KeyLocks locks(keyspace_);
    // Held for long: the next tick looks again.
    if (!locks.TryAcquireStripe(StripeId(static_cast<std::uint16_t>(i)))) continue;
    {
      const Viewer viewer(DbId(0), now_ms, random_);
      Txn txn(keyspace_, locks, viewer);
      txn.SweepLeases(keyspace_.stripe(StripeId(static_cast<std::uint16_t>(i))));
    }
    locks.Release();
  }
}

}  // namespace cairn::keyspace
