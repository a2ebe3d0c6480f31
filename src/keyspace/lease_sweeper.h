// SPDX-License-Identifier: BSD-3-Clause
// LeaseSweeper: ends leases whose time is up, so that those who wait get the next one.
//
// Run by the keeper, at least every 20 ms; a round asks one atomic a stripe, and locks only those
// stripes where something is due. Who waits is left to the keeper to serve. One thread.
#ifndef CAIRN_KEYSPACE_LEASE_SWEEPER_H_
#define CAIRN_KEYSPACE_LEASE_SWEEPER_H_

#include "base/random.h"
#include "keyspace/keyspace.h"

namespace cairn::keyspace {

class LeaseSweeper {
 public:
  explicit LeaseSweeper(Keyspace& keyspace) : keyspace_(keyspace), random_(1) {}

  void Tick();

 private:
  Keyspace& keyspace_;
  Random random_;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_LEASE_SWEEPER_H_
