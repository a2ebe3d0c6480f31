// SPDX-License-Identifier: BSD-3-Clause
// Trash: what was taken out of the keyspace under its locks and is freed later, in bounded steps.
//
// FLUSHALL swaps tables of millions of keys away in microseconds; freeing them takes a second. They
// wait here until the keeper thread drains them, a bounded number of objects a step.
//
// Thread safety: any thread adds; one thread at a time drains.
#ifndef CAIRN_KEYSPACE_TRASH_H_
#define CAIRN_KEYSPACE_TRASH_H_

#include <deque>
#include <memory>

#include "base/counter.h"
#include "base/mutex.h"
#include "keyspace/stripe.h"

namespace cairn::keyspace {

class Trash {
 public:
  Trash() = default;
  ~Trash();

  // `arena` is where the shard's entries live.
  void Add(std::unique_ptr<Shard> shard, ds::SlabArena& arena);
  // Frees at most `budget` objects. True if nothing is left. Blobs count as one.
  bool Drain(std::size_t budget);
  // Keys waiting, INFO's lazyfree_pending_objects; and freed so far, lazyfreed_objects.
  std::int64_t pending() const { return pending_.value(); }
  std::int64_t freed() const { return freed_.value(); }
  void ResetFreed() { freed_.Set(0); }

 private:
  struct Load {
    std::unique_ptr<Shard> shard;
    ds::SlabArena* arena;
  };

  Mutex mu_;
  std::deque<Load> loads_ GUARDED_BY(mu_);
  SharedCounter pending_;
  SharedCounter freed_;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_TRASH_H_
