// SPDX-License-Identifier: BSD-3-Clause
// Draining: the load being worked on is taken out of the queue, so the lock is never held while
// memory is freed.
#include "keyspace/trash.h"

#include <utility>

namespace cairn::keyspace {

Trash::~Trash() {
  while (!Drain(SIZE_MAX)) {
  }
}

void Trash::Add(std::unique_ptr<Shard> shard, ds::SlabArena& arena) {
  pending_.Add(static_cast<std::int64_t>(shard->table.size()));
  MutexLock hold(mu_);
  loads_.push_back({std::move(shard), &arena});
}

bool Trash::Drain(std::size_t budget) {
  Load load;
  {
    MutexLock hold(mu_);
    if (loads_.empty()) return true;
    load = std::move(loads_.front());
    loads_.pop_front();
  }
  std::int64_t freed = 0;
  const bool empty = load.shard->table.Drain(budget, [&](Entry* entry) {
    entry->Destroy(*load.arena);
    ++freed;
  });
  freed_.Add(freed);
  pending_.Add(-freed);
  MutexLock hold(mu_);
  if (!empty) loads_.push_front(std::move(load));
  return loads_.empty();
}

}  // namespace cairn::keyspace
