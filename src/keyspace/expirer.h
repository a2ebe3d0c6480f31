// SPDX-License-Identifier: BSD-3-Clause
// Expirer: removes keys when their time has come, not when somebody looks.
//
// Each stripe knows a lower bound of its earliest expiry; a tick visits only stripes whose bound
// has passed, and in them only segments whose bound has passed, reading the expiry columns alone
// (no entry is touched until it goes). So an idle keyspace costs one atomic load per stripe and
// tick, whatever its number of keys, and a key goes within a tick of its time.
//
// Work under one stripe lock is bounded by kBatch removals; a stripe with more is visited again in
// the same tick, until the tick's budget is spent.
//
// Run by one thread (the engine's keeper). Every removal is logged as DEL before its lock goes.
#ifndef CAIRN_KEYSPACE_EXPIRER_H_
#define CAIRN_KEYSPACE_EXPIRER_H_

#include "keyspace/keyspace.h"

namespace cairn::keyspace {

class Expirer {
 public:
  static constexpr std::size_t kBatch = 64;

  explicit Expirer(Keyspace& keyspace) : keyspace_(keyspace) {}

  // Removes what has expired, at most `budget` keys. True if everything that is due has gone.
  bool Tick(std::size_t budget);
  // The earliest moment at which there may be something to do.
  UnixMs NextDue() const;

 private:
  bool SweepStripe(Stripe& stripe, UnixMs now_ms);
  bool SweepShard(const KeyLocks& held, Stripe& stripe, DbId db, UnixMs now_ms) REQUIRES(held);

  Keyspace& keyspace_;
  Random random_{0};  // Txn wants one; expiry draws nothing from it
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_EXPIRER_H_
